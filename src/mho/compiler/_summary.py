"""summary: what of a network goes on which tiles of a chip, and what the digital unit does; before any run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.export import ExportedProgram

from mho.chip import Chip
from mho.core import CapacityError, SpecError
from mho.ir import Block, Const, Graph, Node, Placement, Program, operations, short_name

from ._capture import capture
from ._place import partition, place


@dataclass(frozen=True)
class LayerSummary:
    """A layer whose weights sit in tiles."""

    name: str
    kind: str
    """Such as `linear` or `conv 3x3 /2`: kernel and stride."""
    rows: int
    columns: int
    """Inputs and outputs of its matrix; of one group, where a convolution has several."""
    groups: int
    row_tiles: int
    column_tiles: int
    """Into how many parts rows and columns of each group are cut; a part is one block in one tile."""
    turns: int | None
    """Blocks of this layer that share a tile at most, and so take turns; None if the network does not fit."""
    utilisation: float
    """Share of the cells that its blocks hold, if each had a tile to itself."""
    weights: int
    """Parameters in cells."""
    digital_parameters: int
    """Its bias, which the digital unit adds."""
    macs: int
    """Multiply-adds in cells, for one image."""
    digital_operations: int
    """Additions of row tiles and scalings of inputs and outputs, for one image."""


@dataclass(frozen=True)
class OperatorSummary:
    """All operators of one kind on the digital unit."""

    kind: str
    count: int
    operations: float
    """For one image."""


@dataclass(frozen=True)
class NetworkSummary:
    """A network on a chip, layer by layer, for one image."""

    chip: str
    tiles: int
    """Tiles of the chip."""
    tile_shape: tuple[int, int]
    layers: tuple[LayerSummary, ...]
    operators: tuple[OperatorSummary, ...]
    parameters: int
    """All parameters, each once; folded batch norms are part of weights and biases."""
    operator_parameters: int
    """Parameters of digital operators, each once."""
    tiles_used: int | None
    """None if the network does not fit."""
    utilisation: float | None
    """Share of the cells of the used tiles that hold a weight; None if the network does not fit."""
    problem: str
    """What does not fit, in a sentence; empty if all does."""

    @property
    def weights(self) -> int:
        """Parameters in cells; those that several layers share are in the cells of each."""
        return sum(layer.weights for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds in cells."""
        return sum(layer.macs for layer in self.layers)

    @property
    def blocks(self) -> int:
        """Parts into which tiles cut the layers."""
        return sum(layer.groups * layer.row_tiles * layer.column_tiles for layer in self.layers)

    @property
    def digital_parameters(self) -> int:
        """Parameters that the digital unit holds."""
        own = sum(layer.digital_parameters for layer in self.layers)
        return own + self.operator_parameters

    @property
    def digital_operations(self) -> float:
        """Arithmetic operations of the digital unit, scalings included."""
        return sum(layer.digital_operations for layer in self.layers) + sum(o.operations for o in self.operators)


def summary(
    network: Program | Graph | nn.Module | ExportedProgram | str | Path,
    chip: Chip | str | Path | None = None,
    example: Tensor | None = None,
) -> NetworkSummary:
    """Say what of a network goes on which tiles, and what is left to the digital unit; nothing is run.

    The numbers are those that `compile` places, `run` multiplies and `estimate` charges.

    Args:
        network: a program, or anything `capture` takes.
        chip: a chip, its name or file; a program has its own.
        example: an input `[batch, ...]`, for a module.

    Raises:
        UnsupportedOpError: if the network cannot be captured.
        SpecError: if there is no chip.
    """
    if isinstance(network, Program):
        return _summary(network.quant.graph, network.chip, network.placement, "")
    if chip is None:
        raise SpecError(["a network is summed up on a chip; name one, such as mho.summary(network, 'hermes')"])
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    graph = network if isinstance(network, Graph) else capture(network, example)
    try:
        return _summary(graph, chip, place(graph, chip), "")
    except CapacityError as error:
        return _summary(graph, chip, None, str(error))


def _summary(graph: Graph, chip: Chip, placement: Placement | None, problem: str) -> NetworkSummary:
    blocks = partition(graph, chip) if placement is None else list(placement.blocks)
    layers = tuple(_layer(graph, node, chip, placement, blocks) for node in graph.matrix_nodes())
    digital = [n for n in graph.nodes if not n.is_matrix and n.op != "input"]
    kinds = dict.fromkeys(short_name(n.op) for n in digital)
    operators = tuple(
        OperatorSummary(
            kind, len(own), sum(operations(n, graph[n.inputs[0]].shape if n.inputs else n.shape) for n in own)
        )
        for kind in kinds
        for own in [[n for n in digital if short_name(n.op) == kind]]
    )
    constants = {name for n in digital for name in _constants((n.args, tuple(n.kwargs)))}
    in_layers = {name for n in graph.matrix_nodes() for name in (n.weight, n.bias) if name}
    return NetworkSummary(
        chip=chip.name,
        tiles=chip.tiles,
        tile_shape=chip.tile.shape,
        layers=layers,
        operators=operators,
        parameters=sum(graph.tensors[name].numel() for name in constants | in_layers),
        operator_parameters=sum(graph.tensors[name].numel() for name in constants - in_layers),
        tiles_used=None if placement is None else placement.tiles_used,
        utilisation=None if placement is None else placement.utilisation,
        problem=problem,
    )


def _layer(graph: Graph, node: Node, chip: Chip, placement: Placement | None, blocks: list[Block]) -> LayerSummary:
    rows, columns = chip.tile.shape
    layout, weight = graph.layout(node, rows), graph.tensors[node.weight]
    own = [b for b in blocks if b.layer == node.name]
    kernel = tuple(weight.shape[2:])
    stride = "" if node.stride == (1, 1) else f" /{_by(node.stride)}"
    return LayerSummary(
        name=node.name,
        kind=f"conv {'x'.join(map(str, kernel))}{stride}" if kernel else node.op,
        rows=math.prod(weight.shape[1:]),
        columns=layout.columns,
        groups=layout.groups,
        row_tiles=layout.row_tiles,
        column_tiles=len({b.column_tile for b in own}),
        turns=None if placement is None else placement.depth(node.name),
        utilisation=sum(b.rows * b.columns for b in own) / (len(own) * rows * columns),
        weights=weight.numel(),
        digital_parameters=graph.tensors[node.bias].numel() if node.bias else 0,
        macs=graph.macs(node),
        digital_operations=graph.scalings(node) + graph.additions(node, rows),
    )


def _by(stride: tuple[int, int]) -> str:
    return str(stride[0]) if stride[0] == stride[1] else f"{stride[0]}x{stride[1]}"


def _constants(arg: Any) -> set[str]:
    if isinstance(arg, Const):
        return {arg.tensor}
    return set().union(*map(_constants, arg)) if isinstance(arg, tuple) else set()
