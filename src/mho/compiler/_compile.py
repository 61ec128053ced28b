"""compile: a quantised graph becomes a program: placed, scheduled, ready to run, cost and save."""

from __future__ import annotations

from mho.chip import Chip
from mho.core import SpecError, UnsupportedOpError, fingerprint
from mho.ir import Graph, Node, Placement, Program, QuantGraph, Step

from ._place import place


def compile(quant: QuantGraph, chip: Chip) -> Program:
    """Place the layers on the chip's tiles and schedule them one after another.

    Raises:
        UnsupportedOpError: if there is nothing to place.
        CapacityError: if the network does not fit.
        SpecError: if it was quantised for another tile.
    """
    if quant.tile_fingerprint != fingerprint(chip.tile):
        raise SpecError(
            [f"the network was quantised for another tile than that of chip {chip.name!r}; quantise it for this chip"]
        )
    if next(quant.graph.matrix_nodes(), None) is None:
        raise UnsupportedOpError(
            "the network has no convolution or linear layer, so a chip's tiles have nothing to do; give one that has"
        )
    placement = place(quant.graph, chip)
    placement.check()
    schedule = tuple(_step(quant.graph, n, placement) for n in quant.graph.nodes if n.op != "input")
    return Program(chip, quant, placement, schedule)


def _step(graph: Graph, node: Node, placement: Placement) -> Step:
    if not node.is_matrix:
        return Step("digital", node.name, 1)
    positions = graph.macs(node) // graph.tensors[node.weight].numel()
    return Step("multiply", node.name, positions * placement.depth(node.name))
