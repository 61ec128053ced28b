"""`Graph`: a network as a list of nodes in order, with its tensors; frozen and printable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mho.core import tensors_digest
from mho.tiles import AbstractLayout, ConvLayout, LinearLayout

MATRIX_OPS = ("conv2d", "linear")
"""The operators whose weights sit in tiles; all others run on the digital unit."""


@dataclass(frozen=True)
class Ref:
    """An argument of a digital operator that is the output of another node."""

    node: str


@dataclass(frozen=True)
class Const:
    """An argument of a digital operator that is a tensor of the graph."""

    tensor: str


@dataclass(frozen=True)
class Batch:
    """An argument of a digital operator that is the number of images."""


@dataclass(frozen=True)
class Node:
    """One operator. `shape` is that of its output without the batch dimension.

    `op` is `input`, `conv2d`, `linear`, or the name of an ATen operator for the digital unit, whose arguments are in
    `args` and `kwargs` as plain values, `Ref`, `Const` and `Batch`.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    inputs: tuple[str, ...] = ()
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    weight: str = ""
    bias: str = ""
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def is_matrix(self) -> bool:
        """Whether its weights sit in tiles."""
        return self.op in MATRIX_OPS


@dataclass(frozen=True)
class Graph:
    """A network: nodes in an order in which they can run, the name of the output node, and named tensors."""

    nodes: tuple[Node, ...]
    output: str
    tensors: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def input(self) -> Node:
        """The input node."""
        return self.nodes[0]

    def matrix_nodes(self) -> Iterator[Node]:
        """Yield the nodes whose weights sit in tiles."""
        return (n for n in self.nodes if n.is_matrix)

    def layout(self, node: Node, tile_rows: int) -> AbstractLayout:
        """Return how a matrix node is cut into row tiles."""
        weight = self.tensors[node.weight]
        if node.op == "linear":
            return LinearLayout(weight.shape[1], weight.shape[0], tile_rows)
        return ConvLayout(
            in_channels=weight.shape[1] * node.groups,
            out_channels=weight.shape[0],
            kernel=(weight.shape[2], weight.shape[3]),
            stride=node.stride,
            padding=node.padding,
            dilation=node.dilation,
            conv_groups=node.groups,
            tile_rows=tile_rows,
        )

    def last_uses(self) -> dict[str, str]:
        """Return for each node the last node that reads it, so that values can be dropped."""
        return {i: node.name for node in self.nodes for i in node.inputs} | {self.output: ""}

    def macs(self, node: Node) -> int:
        """Return the multiply-accumulates of a matrix node for one image."""
        weight = self.tensors[node.weight]
        positions = 1
        for size in node.shape[1:] if node.op == "conv2d" else node.shape[:-1]:
            positions *= size
        return positions * weight.numel()

    def scalings(self, node: Node) -> int:
        """Return the numbers that the digital unit scales for a matrix node and one image: inputs and outputs."""
        return math.prod(self[node.inputs[0]].shape) + math.prod(node.shape)

    def additions(self, node: Node, tile_rows: int) -> int:
        """Return the additions with which the digital unit sums the row tiles of a matrix node, for one image."""
        return math.prod(node.shape) * (self.layout(node, tile_rows).row_tiles - 1)

    def fingerprint(self) -> str:
        """Return a SHA-256 over structure and tensors."""
        from mho.core import sha256

        return sha256((repr(self.nodes) + self.output + tensors_digest(self.tensors)).encode())

    def __str__(self) -> str:
        lines: list[str] = []
        for n in self.nodes:
            weight = f" weight{tuple(self.tensors[n.weight].shape)}" if n.is_matrix else ""
            lines.append(f"%{n.name} = {n.op}({', '.join('%' + i for i in n.inputs)}){weight} -> {n.shape}")
        return "\n".join([*lines, f"return %{self.output}"])
