"""quantize: post-training quantisation for the tiles of a chip, with ranges from a calibration batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mho.chip import Chip
from mho.core import ShapeError, SpecError, fingerprint, nearest
from mho.ir import Graph, Node, QuantGraph, QuantLayer
from mho.tiles import Quantization, Ranges, input_ranges, weight_integers

from ._evaluate import float_values


def quantize(
    graph: Graph,
    chip: Chip,
    calibration: Tensor,
    options: Quantization = Quantization(),  # noqa: B008  (a frozen value)
    *,
    layers: Mapping[str, Quantization] | None = None,
    ranges: Mapping[str, Ranges] | None = None,
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
        ranges: of single layers by name, instead of being chosen from the batch: `mho.nn.ranges` of the same network
            (BatchNorms folded) on tiles of the same kind, with levels that it has learned.

    Raises:
        ShapeError: if the batch does not fit the network's input.
        SpecError: if a layer is unknown, the tile has not so many bits, or ranges are those of another tile.
    """
    if tuple(calibration.shape[1:]) != graph.input.shape or len(calibration) == 0:
        raise ShapeError(
            f"the calibration batch must have shape [images, {', '.join(map(str, graph.input.shape))}], "
            f"not {list(calibration.shape)}"
        )
    nodes = {n.name: n for n in graph.matrix_nodes()}
    own, given = layers or {}, ranges or {}
    if odd := [name for name in {**own, **given} if name not in nodes]:
        raise SpecError([f"the network has no layer {name!r} to quantise; {nearest(name, nodes)}" for name in odd])
    values = float_values(graph, calibration, keep={n.inputs[0] for n in nodes.values()})
    found = {
        name: _layer(graph, n, chip, values[n.inputs[0]], own.get(name, options), given.get(name))
        for name, n in nodes.items()
    }
    return QuantGraph(graph, found, fingerprint(chip.tile))


def _layer(graph: Graph, node: Node, chip: Chip, x: Tensor, options: Quantization, given: Ranges | None) -> QuantLayer:
    tile = options.tile(chip.tile)
    weight = graph.tensors[node.weight]
    integers, weight_scale = weight_integers(tile, weight, options)
    layout = graph.layout(node, tile.shape[0])
    ranges = input_ranges(tile, layout, integers, x if given is None else x[:1], options)
    if given is not None:
        _same_tile(node.name, given, ranges)
        ranges = given
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


def _same_tile(name: str, given: Ranges, own: Ranges) -> None:
    """Refuse ranges whose row tiles, slices or codes are not those of the layer on this tile."""

    def shape(ranges: Ranges) -> str:
        size = " x ".join(map(str, ranges.full_scale.shape))
        return size + (" and no codebook" if ranges.codebook is None else f" and {ranges.codebook.shape[-1]} levels")

    if shape(given) != shape(own):
        raise SpecError(
            [
                f"ranges of layer {name!r} must be for its row tiles x slices on this chip, {shape(own)}, not "
                f"{shape(given)}; convert and calibrate the network for this chip and take mho.nn.ranges of it"
            ]
        )
