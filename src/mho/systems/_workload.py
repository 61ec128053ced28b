"""`Workload`: a network in numbers, without tensors: its matrices, how often each is used, what else is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mho.ir import Graph, operations


@dataclass(frozen=True)
class MatrixOp:
    """Equal matrices of weights, `rows` inputs by `columns` outputs each.

    `groups` of them work side by side for one item, `repeats` one after another (equal layers).
    """

    name: str
    rows: int
    columns: int
    groups: int = 1
    repeats: int = 1
    uses: float = 1.0
    """Vectors that go through each matrix for an item: positions of a convolution, 1 for a token."""
    share: float = 1.0
    """Of the groups, those that an item uses (experts); the others hold weights and rest."""
    inputs: float = 0.0
    """Numbers that come in for an item, over all groups and repeats, each once."""
    outputs: float = 0.0
    beside: bool = False
    """Whether it works at the same time as the operation before it."""
    grain: int = 1
    """Rows that stay together where rows are cut: the kernel of a channel."""

    @property
    def matrices(self) -> int:
        """How many matrices there are."""
        return self.groups * self.repeats

    @property
    def weights(self) -> int:
        """Numbers stored."""
        return self.rows * self.columns * self.matrices

    @property
    def macs(self) -> float:
        """Multiply-accumulates of an item."""
        return self.weights * self.uses * self.share


@dataclass(frozen=True)
class DynamicOp:
    """Products of two results, such as queries with the keys of all tokens so far; no weights."""

    name: str
    macs: float
    """Of an item."""
    reads: float
    """Numbers of the cache that they read for an item."""


@dataclass(frozen=True)
class Workload:
    """What one item (an image, a token) asks of a machine."""

    name: str
    item: str
    ops: tuple[MatrixOp, ...]
    dynamic: tuple[DynamicOp, ...] = ()
    vector_operations: float = 0.0
    """Operations of an item beside matrices: activations, norms, softmax, residual sums, pooling."""
    lookups: int = 0
    """Weights in tables, of which an item reads one row: embeddings that no matrix shares."""
    lookup_row: int = 0
    small: int = 0
    """Other parameters: biases, norms."""
    cache: float = 0.0
    """Numbers kept for a sequence, such as keys and values of all tokens so far."""
    cache_writes: float = 0.0
    """Numbers that an item adds to them."""

    @property
    def weights(self) -> int:
        """Weights in matrices."""
        return sum(op.weights for op in self.ops)

    @property
    def parameters(self) -> int:
        """All parameters, each once."""
        return self.weights + self.lookups + self.small

    @property
    def macs(self) -> float:
        """Multiply-accumulates of an item with weights."""
        return sum(op.macs for op in self.ops)

    @property
    def dynamic_macs(self) -> float:
        """Multiply-accumulates of an item without weights."""
        return sum(op.macs for op in self.dynamic)

    @property
    def operations(self) -> float:
        """All operations of an item, two to a multiply-accumulate."""
        return 2 * (self.macs + self.dynamic_macs) + self.vector_operations

    @property
    def touched(self) -> float:
        """Weights that an item uses."""
        return sum(op.weights * op.share for op in self.ops) + self.lookup_row

    @property
    def activations(self) -> float:
        """Numbers that go into and come out of matrices for an item."""
        return sum(op.inputs + op.outputs for op in self.ops)

    @property
    def cache_reads(self) -> float:
        """Numbers of the cache that an item reads."""
        return sum(op.reads for op in self.dynamic)

    def intensity(self, weight_bits: int = 8, bits: int = 8, batch: float = 1.0) -> float:
        """Return the operations for each byte of weights and cache, with weights read once for a batch of items."""
        moved = self.touched * weight_bits / batch + (self.cache_reads + self.cache_writes) * bits
        return self.operations / (moved / 8)

    @classmethod
    def of_graph(cls, graph: Graph, name: str = "network", item: str = "image") -> Workload:
        """Take the numbers of a captured network; nothing is run."""
        ops: list[MatrixOp] = []
        for node in graph.matrix_nodes():
            weight = graph.tensors[node.weight]
            spatial = node.shape[1:] if node.op == "conv2d" else node.shape[:-1]
            ops.append(
                MatrixOp(
                    node.name, math.prod(weight.shape[1:]), weight.shape[0] // node.groups, node.groups,
                    uses=float(math.prod(spatial)), inputs=float(math.prod(graph[node.inputs[0]].shape)),
                    outputs=float(math.prod(node.shape)), grain=math.prod(weight.shape[2:]),
                )
            )  # fmt: skip
        digital = [n for n in graph.nodes if n.op != "input" and not n.is_matrix]
        vector = sum(operations(n, graph[n.inputs[0]].shape if n.inputs else n.shape) for n in digital)
        weights = {n.weight for n in graph.matrix_nodes()}
        small = sum(t.numel() for key, t in graph.tensors.items() if key not in weights)
        return cls(name, item, tuple(ops), vector_operations=vector, small=small)
