"""All phases and slices as one product of integers: found from the specifications, and equal to the conversions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mho import Condition, Seed
from mho.arrays import Sinh, Wires, load_principle
from mho.converters import Sar, load_converter
from mho.devices import Ideal, load_cell
from mho.tiles import (
    AbstractInputEncoding,
    AbstractLayout,
    AbstractWeightEncoding,
    AnalogTile,
    ArrayState,
    BitParallel,
    BitSerial,
    BitSliced,
    ConvLayout,
    Differential,
    LinearLayout,
    OffsetColumn,
    Split,
    UnfoldedConvLayout,
    Variation,
    load_tile,
)

ROWS = 18


def _tile(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, bits: int = 16) -> AnalogTile:
    """A tile of 18 rows without any error, whose converter resolves every sum."""
    tile, converter = load_tile("tile2"), load_converter("sar-8b")
    assert isinstance(tile, AnalogTile)
    assert isinstance(converter, Sar)
    quiet = replace(converter, bits=bits, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0, mismatch=0.0)
    return replace(
        tile, rows=ROWS, cols=8, cell=Ideal(0.0, 1e-4, 0.0, 0.0, 0.0), wires=None, weights=weights, inputs=inputs,
        converter=quiet, pre=replace(tile.pre, noise=0.0),
    )  # fmt: skip


def _integers(seed: int, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed)).float()


def _state(
    tile: AnalogTile, layout: AbstractLayout, weight: Tensor, full_scale: Tensor, signed: bool = True, chips: int = 2
) -> ArrayState:
    seeds = [Seed(0).child("chip", i) for i in range(chips)]
    return tile.program(layout, weight, full_scale, seeds, [Condition()], signed)


@st.composite
def weight_encodings(draw: st.DrawFn) -> AbstractWeightEncoding:
    bits = draw(st.integers(2, 6))
    slice_bits = draw(st.integers(1, bits - 1))
    return draw(
        st.sampled_from(
            [BitSliced(bits, slice_bits), Differential(bits), OffsetColumn(bits)]
            + [Differential(bits, slice_bits, separate) for separate in (False, True)]
        )
    )


@st.composite
def input_encodings(draw: st.DrawFn) -> AbstractInputEncoding:
    bits = draw(st.integers(2, 5))
    signing = draw(st.sampled_from(["differential", "phases"]))
    split = Split(bits, draw(st.integers(1, bits - 1)), 1e-9, signing)
    parallel = [BitParallel(bits, signing, hold=1e-9), BitParallel(bits, signing, 1e-9)]
    return draw(st.sampled_from([BitSerial(bits, 1e-9), split, *parallel]))


@st.composite
def layers(draw: st.DrawFn) -> tuple[AbstractLayout, tuple[int, ...], tuple[int, ...]]:
    """A layout, the shape of its weight, and that of an input."""
    kind = draw(st.sampled_from(["linear", "convolution", "unfolded"]))
    outputs = draw(st.integers(1, 5))
    if kind == "linear":
        features = draw(st.integers(1, 50))
        return LinearLayout(features, outputs, ROWS), (outputs, features), (features,)
    groups, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride, padding, dilation = ((draw(st.integers(1, 2)), draw(st.integers(low, 2))) for low in (1, 0, 1))
    make = ConvLayout if kind == "convolution" else UnfoldedConvLayout
    layout = make(groups * channels, groups * outputs, kernel, stride, padding, dilation, groups, ROWS)
    return layout, (groups * outputs, channels, *kernel), (groups * channels, 7, 6)


def _truth(layout: AbstractLayout, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layout, LinearLayout):
        return F.linear(x.double(), weight.double()).float()
    assert isinstance(layout, ConvLayout | UnfoldedConvLayout)
    geometry = layout.stride, layout.padding, layout.dilation, layout.conv_groups
    return F.conv2d(x.double(), weight.double(), None, *geometry).float()  # type: ignore[arg-type]


@settings(max_examples=20)
@given(weight_encodings(), input_encodings(), layers(), st.booleans(), st.integers(0, 2**32 - 1))
def test_collapsed_equals_converted(
    weights: AbstractWeightEncoding,
    inputs: AbstractInputEncoding,
    layer: tuple[AbstractLayout, tuple[int, ...], tuple[int, ...]],
    signed: bool,
    seed: int,
) -> None:
    """With it, the product to the last bit; without it, the same codes and what their fitted correction leaves."""
    layout, weight_shape, size = layer
    tile = _tile(weights, inputs)
    weight = _integers(seed, *tile.weight_range, *weight_shape)
    x = _integers(seed + 1, *tile.input_range(signed), 3, *size)
    state = _state(tile, layout, weight, tile.full_scale(layout, weight, x, signed), signed)
    assert state.integers is not None
    truth = _truth(layout, x, weight)
    collapsed = tile.multiply(layout, state, x[None], signed, None)
    converted = tile.multiply(layout, replace(state, integers=None), x[None], signed, None)
    assert torch.equal(collapsed, truth.expand_as(collapsed))
    assert torch.equal(converted.round(), collapsed)


@settings(max_examples=20)
@given(weight_encodings(), input_encodings(), st.integers(4, 9), st.booleans(), st.integers(0, 2**32 - 1))
def test_found_only_where_no_sum_is_clipped(
    weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, bits: int, signed: bool, seed: int
) -> None:
    """Whatever the bits of the converter: collapsed, no input can clip, not even the largest; the codes say so."""
    tile = _tile(weights, inputs, bits)
    layout = LinearLayout(ROWS, 3, ROWS)
    weight = _integers(seed, *tile.weight_range, 3, ROWS)
    low, high = tile.input_range(signed)
    x = torch.stack([torch.full((ROWS,), float(v)) for v in (low, high)])
    worst = torch.where(weight > 0, high, low).float()
    x = torch.cat([x, worst, torch.where(weight > 0, low, high).float()])
    state = _state(tile, layout, weight, tile.full_scale(layout, weight, x, signed), signed, chips=1)
    if state.integers is None:
        top = tile.converter.codes(tile.bipolar(signed))[1]
        most = float(tile.ideal_digits(layout.split_weight(weight)).abs().sum(-2).max()) * tile.inputs.pulse_steps
        assert most > top
        return
    converted = tile.multiply(layout, replace(state, integers=None), x[None], signed, None)
    assert torch.equal(converted.round()[0], _truth(layout, x, weight))


def test_a_clipping_converter_gives_something_else() -> None:
    """Where it is not found, it would have been wrong: the codes of large sums are cut off."""
    tile = _tile(Differential(4), BitSerial(4, 1e-9), bits=5)
    layout = LinearLayout(ROWS, 2, ROWS)
    weight, x = torch.full((2, ROWS), 7.0), torch.full((1, ROWS), 7.0)
    state = _state(tile, layout, weight, torch.full((1, 1), 15.0), chips=1)
    assert state.integers is None
    assert float(tile.multiply(layout, state, x[None], True, None).max()) < 0.2 * float(_truth(layout, x, weight).max())


GOOD = _tile(Differential(4), BitSerial(4, 1e-9))
LEVELS = replace(GOOD, inputs=BitParallel(4, hold=1e-9))
assert isinstance(GOOD.cell, Ideal)
assert isinstance(GOOD.converter, Sar)
BROKEN: dict[str, AnalogTile] = {
    "errors of writing": replace(GOOD, cell=load_cell("rram")),
    "errors of writing and drift": replace(GOOD, cell=load_cell("pcm")),
    "read noise, frozen": replace(GOOD, cell=replace(GOOD.cell, read_sigma=0.1)),
    "read noise, anew": replace(GOOD, cell=replace(GOOD.cell, read_sigma=0.1), fresh_reads=True),
    "process variation": replace(GOOD, variation=Variation(cell=0.1)),
    "spread of gains": replace(GOOD, converter=replace(GOOD.converter, gain_sigma=0.1)),
    "spread of offsets": replace(GOOD, converter=replace(GOOD.converter, offset_sigma=3.0)),
    "mismatch of capacitors": replace(GOOD, converter=replace(GOOD.converter, mismatch=0.1)),
    "noise of the comparator": replace(GOOD, converter=replace(GOOD.converter, comparator_noise=1.0)),
    "noise of the read-out": replace(GOOD, pre=replace(GOOD.pre, noise=0.01)),
    "crosstalk": replace(GOOD, pre=replace(GOOD.pre, crosstalk=0.1)),
    "wires": replace(GOOD, wires=Wires(20.0, 20.0), inputs=BitSerial(4, 1e-6)),
    "a principle": replace(GOOD, principle=load_principle("resistive-division"), inputs=BitSerial(4, 1e-6)),
    "levels of a DAC": replace(LEVELS, dac=replace(LEVELS.dac, inl=1.0)),
    "levels through a law": replace(LEVELS, current_law=Sinh(0.1)),
}
"""Tiles with one error each."""


@pytest.mark.parametrize("name", BROKEN)
def test_never_with_an_error_that_matters(name: str) -> None:
    """Each by itself keeps the conversions, and moves codes; so leaving them out would have been wrong.

    Calibration makes up for offsets here, and the converter's range for the principle: known only once converted.
    """
    tile, layout = BROKEN[name], LinearLayout(2 * ROWS, 6, ROWS)
    weight, x = _integers(0, -7, 7, 6, 2 * ROWS), _integers(1, -7, 7, 40, 2 * ROWS)
    full_scale = torch.full((2, len(tile.weights.significance)), float(tile.converter.codes(True)[1]))
    state = _state(tile, layout, weight, full_scale)
    assert state.integers is None
    shape = tile.noise_shape(layout, 1, True)
    noise = None if shape is None else Seed(0).child("z").normal((2, 40, *shape))
    same = torch.equal(tile.multiply(layout, state, x[None], True, noise).round()[0], _truth(layout, x, weight))
    assert same == (name in ("spread of offsets", "a principle"))


def test_without_any_error_it_is() -> None:
    """The tiles above, but for the error of each."""
    layout, weight = LinearLayout(2 * ROWS, 6, ROWS), _integers(0, -7, 7, 6, 2 * ROWS)
    for tile in (GOOD, LEVELS):
        full_scale = torch.full((2, 1), float(tile.converter.codes(True)[1]))
        assert _state(tile, layout, weight, full_scale).integers is not None
