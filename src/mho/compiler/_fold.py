"""What every front end does to its graph: folding batch norms, renaming nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeGuard

import torch
from torch import Tensor

from mho.ir import Const, Graph, Node, Ref, short_name

_IDENTITIES = ("alias", "contiguous", "clone", "detach", "lift_fresh_copy")
"""Operators that return their input; beside them every dropout, in evaluation."""


def fold_batch_norm(graph: Graph) -> Graph:
    """Fold each batch norm that alone reads a matrix node; drop identities; others stay on the digital unit."""
    graph = _without_identities(graph)
    readers: dict[str, int] = {graph.output: 1}
    for node in graph.nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    tensors = dict(graph.tensors)
    nodes: dict[str, Node] = {}
    alias: dict[str, str] = {}
    for node in graph.nodes:
        node = _rename(node, alias)
        source = nodes.get(node.inputs[0]) if node.inputs else None
        if short_name(node.op) == "batch_norm" and _foldable(source) and readers[source.name] == 1:
            nodes[source.name] = _folded(source, node, tensors)
            alias[node.name] = source.name
            continue
        nodes[node.name] = node
    used = {n.weight for n in nodes.values()} | {n.bias for n in nodes.values()}
    for node in nodes.values():
        used |= set(_constants((node.args, tuple(v for _, v in node.kwargs))))
    kept = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items() if k in used}
    return Graph(tuple(nodes.values()), alias.get(graph.output, graph.output), kept)


def _without_identities(graph: Graph) -> Graph:
    nodes: list[Node] = []
    alias: dict[str, str] = {}
    for node in graph.nodes:
        node = _rename(node, alias)
        if short_name(node.op) in _IDENTITIES or short_name(node.op).endswith("dropout"):
            alias[node.name] = node.inputs[0]
        else:
            nodes.append(node)
    return Graph(tuple(nodes), alias.get(graph.output, graph.output), graph.tensors)


def _foldable(node: Node | None) -> TypeGuard[Node]:
    """Whether the second axis, over which a batch norm works, is that of the weight's columns."""
    return node is not None and node.is_matrix and len(node.shape) == (3 if node.op == "conv2d" else 1)


def _constants(arg: Any) -> Iterator[str]:
    if isinstance(arg, Const):
        yield arg.tensor
    elif isinstance(arg, tuple):
        for a in arg:  # pyright: ignore[reportUnknownVariableType]
            yield from _constants(a)


def _rename(node: Node, alias: dict[str, str]) -> Node:
    def fix(arg: Any) -> Any:
        if isinstance(arg, Ref):
            return Ref(alias.get(arg.node, arg.node))
        return tuple(fix(a) for a in arg) if isinstance(arg, tuple) else arg  # pyright: ignore[reportUnknownVariableType]

    return dataclasses.replace(
        node,
        inputs=tuple(dict.fromkeys(alias.get(i, i) for i in node.inputs)),
        args=fix(node.args),
        kwargs=tuple((k, fix(v)) for k, v in node.kwargs),
    )


def rename(graph: Graph, names: dict[str, str]) -> Graph:
    """Give nodes other names, wherever they are mentioned."""
    nodes = (dataclasses.replace(_rename(n, names), name=names.get(n.name, n.name)) for n in graph.nodes)
    return Graph(tuple(nodes), names.get(graph.output, graph.output), graph.tensors)


def named_by_module(graph: Graph) -> Graph:
    """Name matrix nodes by the path of their module (`layer1.0.conv1`), not by a counter."""
    names: dict[str, str] = {}
    taken = {n.name for n in graph.nodes if not n.is_matrix}
    for node in graph.matrix_nodes():
        path = node.weight.removesuffix(".weight")
        name, use = path, 1
        while name in taken:
            use += 1
            name = f"{path}#{use}"
        taken.add(name)
        names[node.name] = name
    return rename(graph, names)


def _folded(matrix: Node, norm: Node, tensors: dict[str, Tensor]) -> Node:
    gamma, beta, mean, variance = (tensors[a.tensor].double() if isinstance(a, Const) else None for a in norm.args[1:5])
    assert mean is not None
    assert variance is not None
    eps = float(norm.args[7])
    scale = (variance + eps).rsqrt() * (1 if gamma is None else gamma)
    weight = tensors[matrix.weight].double()
    bias = tensors[matrix.bias].double() if matrix.bias else torch.zeros_like(mean)
    names = (f"{matrix.name}.folded_weight", f"{matrix.name}.folded_bias")
    tensors[names[0]] = (weight * scale.reshape(-1, *[1] * (weight.dim() - 1))).float()
    tensors[names[1]] = ((bias - mean) * scale + (0 if beta is None else beta)).float()
    return dataclasses.replace(matrix, weight=names[0], bias=names[1])
