"""What is done to a graph once all ONNX nodes are in it: unused nodes dropped, biases folded in, nodes named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from mho.ir import Const, Graph, Node

from ._fold import named_by_module, rename


def leaves(args: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the arguments of a node, those within tuples, too."""
    for arg in args:
        if isinstance(arg, tuple):
            yield from leaves(arg)
        else:
            yield arg


def reachable(graph: Graph) -> Graph:
    """Drop the nodes that the output does not need."""
    needed = {graph.output, graph.input.name}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return Graph(tuple(n for n in graph.nodes if n.name in needed), graph.output, graph.tensors)


def with_bias(graph: Graph) -> Graph:
    """Make what is added to a linear node, and to nothing else, its bias."""
    readers: dict[str, int] = {graph.output: 1}
    for name in (i for node in graph.nodes for i in node.inputs):
        readers[name] = readers.get(name, 0) + 1
    nodes: dict[str, Node] = {}
    tensors = dict(graph.tensors)
    same: dict[str, str] = {}
    for node in graph.nodes:
        nodes[node.name] = node
        added = next((a.tensor for a in node.args if isinstance(a, Const)), "")
        source = nodes.get(node.inputs[0]) if node.inputs else None
        if node.op != "aten.add.Tensor" or not added or source is None or source.op != "linear" or source.bias:
            continue
        outputs, values = source.shape[-1], tensors[added]
        along_last = values.numel() == 1 or (values.numel() == outputs == values.shape[-1])
        if readers[source.name] != 1 or not along_last:
            continue
        bias, weight = added, source.weight
        if values.shape != (outputs,):
            bias = f"{added}.expanded"
            tensors[bias] = values.reshape(-1).expand(outputs).contiguous()
        if weight == f"{source.name}.weight" and added.endswith(".bias"):  # an unnamed weight takes its bias's name
            weight = f"{added.removesuffix('.bias')}.weight"
            while weight in tensors:
                weight += "_"
            tensors[weight] = tensors[source.weight]
        nodes[source.name] = dataclasses.replace(source, weight=weight, bias=bias)
        same[node.name] = source.name
        del nodes[node.name]
    return rename(Graph(tuple(nodes.values()), graph.output, tensors), same)


def named_by_weight(graph: Graph) -> Graph:
    """Name matrix nodes as capture does, and drop tensors that nothing uses."""
    used = {n.weight for n in graph.nodes} | {n.bias for n in graph.nodes}
    used |= {a.tensor for n in graph.nodes for a in leaves(n.args) if isinstance(a, Const)}
    return named_by_module(Graph(graph.nodes, graph.output, {k: v for k, v in graph.tensors.items() if k in used}))
