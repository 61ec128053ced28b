"""quantize: post-training quantisation for the tiles of a chip, with ranges from a calibration batch."""

from __future__ import annotations

import torch
from torch import Tensor

from mho.chip import Chip
from mho.core import ShapeError, fingerprint
from mho.ir import Graph, Node, QuantGraph, QuantLayer

from ._evaluate import float_values

_CANDIDATES = 40
_SAMPLE = 1 << 17


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
    low, high = tile.weight_range
    top = min(high, -low)
    columns = weight.flatten(1).abs().amax(1)
    # A column of zeros, or of numbers too small to divide, keeps a scale of zero: it gives its bias, whatever its cells
    # and its converter add.
    weight_scale = columns / top
    divisor = torch.where(weight_scale > 0, weight_scale, torch.inf).reshape(-1, *[1] * (weight.dim() - 1))
    integers = (weight / divisor).round().clamp(-top, top)
    signed = bool((x < 0).any())
    bounds = tile.input_range(signed)
    scale = _input_scale(x, bounds)
    quantised = (x / scale).round().clamp(*bounds)
    layout = graph.layout(node, tile.shape[0])
    images = max(1, min(len(x), 4096 // max(1, layout.positions(x.unsqueeze(0)))))
    full_scale = tile.full_scale(layout, integers, quantised[:: max(1, len(x) // images)], signed)
    bias = graph.tensors[node.bias] if node.bias else torch.zeros(weight.shape[0])
    kept = integers.to(torch.int8 if top < 128 else torch.int16)
    return QuantLayer(kept, weight_scale, bias, scale, bounds, signed, full_scale)


def _input_scale(x: Tensor, bounds: tuple[int, int]) -> float:
    """Return the scale of least squared rounding and clipping error over a grid of clipping points."""
    flat = x.flatten()
    if flat.numel() > _SAMPLE:
        flat = flat[torch.linspace(0, flat.numel() - 1, _SAMPLE).long()]
    largest = float(x.abs().max())
    if largest == 0:
        return 1.0
    best = (float("inf"), 1.0)
    for step in range(1, _CANDIDATES + 1):
        scale = largest * step / _CANDIDATES / bounds[1]
        error = float(((flat / scale).round().clamp(*bounds) * scale - flat).square().mean())
        best = min(best, (error, scale))
    return best[1]
