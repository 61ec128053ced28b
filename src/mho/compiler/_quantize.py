"""quantize: post-training quantisation for the tiles of a chip, with ranges from a calibration batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mho.chip import Chip
from mho.core import ShapeError, SpecError, fingerprint, nearest
from mho.ir import Graph, Node, QuantGraph, QuantLayer
from mho.tiles import Quantization, input_ranges, weight_integers

from ._evaluate import float_values


def quantize(
    graph: Graph,
    chip: Chip,
    calibration: Tensor,
    options: Quantization = Quantization(),  # noqa: B008  (a frozen value)
    *,
    layers: Mapping[str, Quantization] | None = None,
) -> QuantGraph:
    """Turn weights and inputs into integers for the tiles of a chip, with ranges from a calibration batch.

    Inputs have one scale a layer, of least squared error; the converter's full scale is chosen per row tile from the
    integer inputs of the same batch, `[images, ...]`.

    Args:
        graph: as captured.
        chip: whose tiles it is for.
        calibration: inputs of the network, without labels.
        options: bits and scales of all layers; as many bits as the tile has and one scale a column, if left out.
        layers: those of single layers by name, in place of `options`.

    Raises:
        ShapeError: if the batch does not fit the network's input.
        SpecError: if a layer is unknown, or the tile has not so many bits.
    """
    if tuple(calibration.shape[1:]) != graph.input.shape or len(calibration) == 0:
        raise ShapeError(
            f"the calibration batch must have shape [images, {', '.join(map(str, graph.input.shape))}], "
            f"not {list(calibration.shape)}"
        )
    nodes = {n.name: n for n in graph.matrix_nodes()}
    own = layers or {}
    if odd := [name for name in own if name not in nodes]:
        raise SpecError([f"the network has no layer {name!r} to quantise; {nearest(name, nodes)}" for name in odd])
    values = float_values(graph, calibration, keep={n.inputs[0] for n in nodes.values()})
    found = {name: _layer(graph, n, chip, values[n.inputs[0]], own.get(name, options)) for name, n in nodes.items()}
    return QuantGraph(graph, found, fingerprint(chip.tile))


def _layer(graph: Graph, node: Node, chip: Chip, x: Tensor, options: Quantization) -> QuantLayer:
    tile = options.tile(chip.tile)
    weight = graph.tensors[node.weight]
    integers, weight_scale = weight_integers(tile, weight, options)
    ranges = input_ranges(tile, graph.layout(node, tile.shape[0]), integers, x, options)
    bias = graph.tensors[node.bias] if node.bias else torch.zeros(weight.shape[0])
    return QuantLayer(
        weight=integers.to(torch.int8 if min(tile.weight_range[1], -tile.weight_range[0]) < 128 else torch.int16),
        weight_scale=weight_scale,
        bias=bias,
        input_scale=ranges.scale,
        input_range=ranges.bounds,
        signed=ranges.signed,
        full_scale=ranges.full_scale,
        codebook=ranges.codebook,
        levels=ranges.levels,
        weight_bits=options.weight_bits,
        input_bits=None if ranges.levels is not None else options.input_bits,
        adc_bits=options.adc_bits,
    )
