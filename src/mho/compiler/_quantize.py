"""quantize: post-training quantisation for the tiles of a chip, with ranges from a calibration batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mho.chip import Chip
from mho.core import ShapeError, SpecError, fingerprint, nearest
from mho.ir import Graph, Node, QuantGraph, QuantLayer, short_name
from mho.tiles import AbstractLayout, AnalogTile, Quantization, Ranges, input_ranges, weight_integers

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
    activated = False
    if isinstance(tile, AnalogTile) and tile.converter.rectifies:
        signed = bool((x < 0).any()) if given is None else given.signed
        activated = _activated(graph, node, tile, layout, signed)
        tile = tile if activated else tile.unrectified()
    if given is None:
        ranges = input_ranges(tile, layout, integers, x, options)
    else:
        ranges = _own_ranges(node.name, chip, layout, options, given)
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
        activated=activated,
    )


def _activated(graph: Graph, node: Node, tile: AnalogTile, layout: AbstractLayout, signed: bool) -> bool:
    """Whether converters that rectify can be the ReLU of a layer: it alone follows, and one conversion has the sum."""
    readers = [n for n in graph.nodes if node.name in n.inputs]
    relu = len(readers) == 1 and short_name(readers[0].op) == "relu" and node.name != graph.output
    biased = bool(node.bias) and bool(graph.tensors[node.bias].any())
    return relu and not biased and layout.row_tiles == 1 and len(tile.inputs.significance(signed)) == 1


def _own_ranges(name: str, chip: Chip, layout: AbstractLayout, options: Quantization, given: Ranges) -> Ranges:
    """Return given ranges, unless they are of another tile or for other bits than those of the layer."""
    inputs = None if given.levels is not None else options.input_bits
    tile = chip.tile.at_bits(options.weight_bits, inputs, options.adc_bits)
    slices = len(tile.weights.significance) if isinstance(tile, AnalogTile) else 1
    codes = 2**tile.converter.resolution if isinstance(tile, AnalogTile) and tile.converter.adaptive else None

    def said(size: tuple[int, ...], levels: int | None, bounds: tuple[int, int]) -> str:
        codebook = "no codebook" if levels is None else f"{levels} levels"
        return f"{size[0]} x {size[1]}, {codebook} and inputs of {bounds[0]} to {bounds[1]}"

    own = said((layout.row_tiles, slices), codes, tile.input_range(given.signed))
    levels = None if given.codebook is None else given.codebook.shape[-1]
    other = said(tuple(given.full_scale.shape), levels, given.bounds)
    if own != other:
        raise SpecError(
            [
                f"ranges of layer {name!r} must be for its row tiles x slices on this chip, {own}, not {other}; "
                "convert and calibrate the network for this chip and these bits and take mho.nn.ranges of it"
            ]
        )
    return given
