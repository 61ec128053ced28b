"""quantize: post-training quantisation for the tiles of a chip, with ranges from a calibration batch."""

from __future__ import annotations

import torch
from torch import Tensor

from mho.chip import Chip
from mho.core import ShapeError, fingerprint
from mho.ir import Graph, Node, QuantGraph, QuantLayer
from mho.tiles import input_ranges, weight_integers

from ._evaluate import float_values


def quantize(graph: Graph, chip: Chip, calibration: Tensor) -> QuantGraph:
    """Quantise weights per column to their largest value, inputs per layer to the range of least squared error.

    The converter's full scale is chosen per row tile from the integer inputs of the same batch, `[images, ...]`.

    Raises:
        ShapeError: if the batch does not fit the network's input.
    """
    if tuple(calibration.shape[1:]) != graph.input.shape or len(calibration) == 0:
        raise ShapeError(
            f"the calibration batch must have shape [images, {', '.join(map(str, graph.input.shape))}], "
            f"not {list(calibration.shape)}"
        )
    values = float_values(graph, calibration, keep={n.inputs[0] for n in graph.matrix_nodes()})
    layers = {n.name: _layer(graph, n, chip, values[n.inputs[0]]) for n in graph.matrix_nodes()}
    return QuantGraph(graph, layers, fingerprint(chip.tile))


def _layer(graph: Graph, node: Node, chip: Chip, x: Tensor) -> QuantLayer:
    tile = chip.tile
    weight = graph.tensors[node.weight]
    integers, weight_scale = weight_integers(tile, weight)
    ranges = input_ranges(tile, graph.layout(node, tile.shape[0]), integers, x)
    bias = graph.tensors[node.bias] if node.bias else torch.zeros(weight.shape[0])
    kept = integers.to(torch.int8 if min(tile.weight_range[1], -tile.weight_range[0]) < 128 else torch.int16)
    return QuantLayer(
        kept, weight_scale, bias, ranges.scale, ranges.bounds, ranges.signed, ranges.full_scale, ranges.codebook
    )
