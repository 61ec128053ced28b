"""The activity of a network's layers from the distributions of their inputs and weights: no cells, no products."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mho.compiler import float_values
from mho.ir import Program
from mho.tiles import Activity

_VALUES = 1 << 14
"""So many inputs of a layer stand for all."""


def expected_counts(program: Program, images: Tensor) -> Mapping[str, Activity]:
    """Return what `Run.counts` holds, estimated for `estimate`, from a few images `[images, ...]`.

    The network runs in floating point; each layer's inputs are then a bag of integers, independent of its weights, and
    cells are at their targets. A run of the program counts what the cells really do.
    """
    graph = program.quant.graph
    values = float_values(graph, images, keep={n.inputs[0] for n in graph.matrix_nodes()})
    counts: dict[str, Activity] = {}
    for node in graph.matrix_nodes():
        layer = program.quant.layers[node.name]
        tile = layer.tile(program.chip.tile)
        x = values[node.inputs[0]].flatten()
        some = x[torch.linspace(0, len(x) - 1, min(len(x), _VALUES), dtype=torch.float64).long()]
        integers = layer.integers(some)
        counts[node.name] = tile.expected_activity(
            graph.layout(node, tile.shape[0]), layer.weight.float(), integers, graph[node.inputs[0]].shape, layer.signed
        )
    return counts
