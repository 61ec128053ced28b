"""The fast product: what may be left out, and what must come out the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mho import Condition, Seed
from mho.converters import Sar, load_converter
from mho.devices import Ideal
from mho.tiles import (
    AbstractInputEncoding,
    AbstractLayout,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    ConvLayout,
    Differential,
    LinearLayout,
    OffsetColumn,
    Split,
    UnfoldedConvLayout,
    load_tile,
)

ENCODINGS = [BitSliced(4, 1), BitSliced(4, 2), Differential(4), Differential(4, 2, separate=True), OffsetColumn(4)]
INPUTS = [BitSerial(4, 1e-9), Split(4, 2, 1e-9), BitParallel(4, hold=1e-9), BitParallel(4, "phases", hold=1e-9)]
LAYOUTS: list[tuple[AbstractLayout, tuple[int, ...], tuple[int, ...]]] = [
    (LinearLayout(20, 6, 8), (6, 20), (20,)),
    (ConvLayout(4, 6, (3, 3), (1, 1), (1, 1), (1, 1), 2, 9), (6, 2, 3, 3), (4, 5, 5)),
    (UnfoldedConvLayout(2, 3, (3, 3), (1, 1), (1, 1), (1, 1), 1, 8), (3, 2, 3, 3), (2, 4, 4)),
]


def _exact(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, bits: int = 14) -> AnalogTile:
    """A tile without errors whose converter resolves every sum."""
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    converter = load_converter("sar-8b")
    assert isinstance(converter, Sar)
    quiet = replace(converter, bits=bits, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0, mismatch=0.0)
    cell = Ideal(0.0, 1e-4, 0.0, 0.0, 0.0)
    pre = replace(tile.pre, noise=0.0)
    return replace(
        tile, rows=8, cols=8, cell=cell, wires=None, weights=weights, inputs=inputs, converter=quiet, pre=pre
    )


def _integers(name: str, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


def _programmed(tile: AnalogTile, layout: AbstractLayout, weight: Tensor, x: Tensor, chips: int = 2):
    full_scale = tile.full_scale(layout, weight, x, True)
    return tile.program(
        layout, weight, full_scale, [Seed(0).child("chip", i) for i in range(chips)], [Condition()], True
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda case: type(case[0]).__name__)
@pytest.mark.parametrize("inputs", INPUTS, ids=repr)
@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
def test_one_product_of_integers_where_codes_are_exact(
    weights: AbstractWeightEncoding,
    inputs: AbstractInputEncoding,
    layout: tuple[AbstractLayout, tuple[int, ...], tuple[int, ...]],
) -> None:
    """Equal to the conversion phase by phase, slice by slice, and to the product itself; bit by bit."""
    shape, weight_shape, size = layout
    tile = _exact(weights, inputs)
    weight = _integers("w", *tile.weight_range, *weight_shape)
    x = _integers("x", *tile.input_range(True), 3, *size)
    state = _programmed(tile, shape, weight, x)
    assert state.integers is not None
    truth = F.linear(x, weight) if isinstance(shape, LinearLayout) else F.conv2d(x, weight, None, 1, 1, 1, shape.groups)
    assert torch.equal(tile.multiply(shape, state, x[None], True, None), truth.expand(2, *truth.shape))
    y = tile.multiply(shape, replace(state, integers=None), x[None], True, None)
    assert torch.equal(y.round(), truth.expand_as(y))  # equal codes; their correction is fitted, to 1e-5
    torch.testing.assert_close(y, truth.expand_as(y), rtol=1e-4, atol=1e-2)


def test_when_it_is_one_product() -> None:
    """Not with a converter too coarse, nor with any error at all."""
    layout = LinearLayout(20, 6, 8)
    weights, inputs = Differential(4), BitSerial(4, 1e-9)
    good = _exact(weights, inputs)
    weight, x = _integers("w", -7, 7, 6, 20), _integers("x", -8, 7, 3, 20)
    assert _programmed(good, layout, weight, x).integers is not None
    others = {
        "coarse": _exact(weights, inputs, bits=4),
        "gain": replace(good, converter=replace(good.converter, gain_sigma=0.01)),
        "noise": replace(good, converter=replace(good.converter, comparator_noise=0.1)),
        "offset": replace(good, converter=replace(good.converter, offset_sigma=0.1)),
        "read-out": replace(good, pre=replace(good.pre, noise=0.01)),
        "cells": replace(good, cell=load_tile("tile1").cell),
        "levels": replace(good, inputs=BitParallel(4, hold=1e-9), dac=replace(good.dac, inl=0.1)),
    }
    for name, tile in others.items():
        assert _programmed(tile, layout, weight, x).integers is None, name


@pytest.mark.parametrize("weights", [Differential(8), Differential(8, 4), BitSliced(8, 2)], ids=repr)
def test_read_noise_of_each_conversion_by_its_second_moment(weights: AbstractWeightEncoding) -> None:
    """Against cells that are drawn anew for every read: the spread of partial sums, within 5 %."""
    tile = _exact(weights, BitParallel(8, hold=1e-9))
    tile = replace(tile, rows=16, cell=Ideal(1e-6, 1e-4, 0.0, 0.0, 0.0, read_sigma=0.05), fresh_reads=True)
    layout = LinearLayout(16, 5, 16)
    weight, x = _integers("w", *tile.weight_range, 5, 16), _integers("x", 0, 127, 4, 16)
    full_scale = 2 * tile.full_scale(layout, weight, x, True)  # so that nothing is clipped
    chips = [Seed(0).child("chip", i) for i in range(3000)]
    frozen = replace(tile, fresh_reads=False).realise(layout, weight, full_scale, chips, [Condition(0.0)], True)
    drawn = torch.einsum("mk,isko->imso", x, frozen.digits[:, 0, 0].transpose(1, 2).transpose(1, 2)).std(0)
    real = tile.realise(layout, weight, full_scale, chips[:1], [Condition(0.0)], True)
    assert real.read_variance is not None
    found = torch.einsum("mk,sko->mso", x.square(), real.read_variance[0, 0, 0]).sqrt()
    torch.testing.assert_close(drawn, found, rtol=0.06, atol=1e-3)
    assert torch.equal(real.digits, tile.realise(layout, weight, full_scale, chips[1:2], [Condition(0.0)], True).digits)
    state = tile.program(layout, weight, full_scale, chips[:1], [Condition(0.0)], True)
    shape = tile.noise_shape(layout, 1, True)
    assert shape is not None
    many = x[:1].expand(4000, 16)[None]
    y = tile.multiply(layout, state, many, True, Seed(0).child("z").normal((1, 4000, *shape)))
    significance = torch.tensor(tile.weights.significance)[:, None]
    expected = (found[0] * significance).square().sum(0).sqrt()
    lsb = (real.lsb[0][:, None] * significance).square().sum(0).sqrt()  # rounding adds a twelfth of its square
    torch.testing.assert_close(y[0].std(0), (expected**2 + lsb**2 / 12).sqrt(), rtol=0.06, atol=1e-3)


def test_chips_take_turns_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of images and single chips give the codes of all at once."""
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    layout = LinearLayout(40, 6, 16)
    weight, x = _integers("w", -127, 127, 6, 40), _integers("x", -127, 127, 7, 40)
    state = _programmed(tile, layout, weight, x, chips=3)
    shape = tile.noise_shape(layout, 1, True)
    assert shape is not None
    noise = Seed(0).child("z").normal((3, 7, *shape))
    whole = tile.multiply(layout, state, x[None], True, noise)
    monkeypatch.setattr("mho.tiles._multiply._CHUNK", 10)
    torch.testing.assert_close(tile.multiply(layout, state, x[None], True, noise), whole, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("layout", [LinearLayout(70, 9, 32), ConvLayout(6, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1, 27)])
@pytest.mark.parametrize("name", ["tile1", "tile2"])
def test_errors_of_training_do_not_depend_on_chunks(
    layout: AbstractLayout, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mean and spread of each weight's cells times its own draw, added to what they should be; in place or not."""
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    shape = (9, 70) if isinstance(layout, LinearLayout) else (5, 6, 3, 3)
    weight = _integers("w", *tile.weight_range, *shape)
    point = tile.design_point(layout, weight, True)
    assert point.moments is not None
    z = Seed(0).child("z").normal((point.moments.shape[1], *shape))
    drawn = z.clone()
    full_scale = torch.full((layout.row_tiles, len(tile.weights.significance)), 1000.0)
    whole = tile.design(layout, weight, full_scale, True, point, z).matrix
    assert torch.equal(z, drawn)
    monkeypatch.setattr("mho.tiles._design._CHUNK", 7)
    assert torch.equal(tile.design(layout, weight, full_scale, True, point, z).matrix, whole)
    index = (weight - tile.weight_range[0]).long()
    errors = torch.stack([m[index] + s[index] * one for m, s, one in zip(*point.moments, z, strict=True)])
    split = torch.stack([layout.split_weight(e) for e in errors], 2)
    lsb = full_scale / tile.converter.codes(tile.bipolar(True))[1]
    digits = (tile.ideal_digits(layout.split_weight(weight)) + split) / lsb[None, :, :, None, None]
    torch.testing.assert_close(whole, layout.arrange(digits[None]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wide", [1, 1000], ids=["alone", "grouped"])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("kind", [ConvLayout, UnfoldedConvLayout])
def test_convolutions_in_all_dimensions(
    dimensions: int, kind: type[ConvLayout] | type[UnfoldedConvLayout], wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partial sums add up to torch's own convolution; gathered vectors and row sums agree with them."""
    monkeypatch.setattr("mho.tiles._conv_layout._WIDE", wide)
    kernel, stride, padding, dilation = ((3, 2, 2), (2, 1, 1), (1, 0, 1), (1, 2, 1))
    geometry = [v[:dimensions] for v in (kernel, stride, padding, dilation)]
    taps = int(torch.tensor(geometry[0]).prod())
    layout = kind(6, 4, *geometry, 2, 2 * taps + 1)  # type: ignore[arg-type]
    x = _integers("x", -9, 9, 2, 6, *(7, 6, 5)[:dimensions])
    weight = _integers("w", -9, 9, 4, 3, *geometry[0])
    split = layout.split_weight(weight)
    p = layout.partials(layout.fixed(layout.arrange(split[None, :, :, None])), x[None, None])
    y = layout.output(layout.combine(p, x[None]), x[None])[0]
    convolve = (F.conv1d, F.conv2d, F.conv3d)[dimensions - 1]
    truth = convolve(x, weight, None, *geometry[1:], 2)  # type: ignore[arg-type]
    assert torch.equal(y, truth)
    gathered = torch.einsum("grmk,grkn->mgn", layout.gather(x), split)
    by_image = gathered.reshape(2, -1, 4).transpose(1, 2).reshape(truth.shape)
    assert torch.equal(by_image, truth)
    assert torch.equal(layout.row_sums(x[0].abs()), layout.gather(x[:1].abs()).sum(2))
    assert layout.positions(x[None]) == truth[0, 0].numel()
