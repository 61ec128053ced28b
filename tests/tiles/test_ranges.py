"""Scales of weights and levels of inputs against plain searches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mho.converters import load_converter
from mho.core import Seed
from mho.tiles import (
    AbstractInputEncoding,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Differential,
    LinearLayout,
    Quantization,
    input_integers,
    load_tile,
    weight_integers,
)
from mho.tiles._converter_ranges import _ideal_partials
from mho.tiles._ranges import input_levels

SAR = load_converter("sar-8b")
W = Seed(0).child("w").normal((6, 4, 3, 3)) * torch.logspace(-1, 1, 6).reshape(6, 1, 1, 1)


@pytest.mark.parametrize("bits", range(2, 9))
def test_one_scale_for_all_columns(bits: int) -> None:
    q = Quantization(bits, per="tensor")
    integers, scale = weight_integers(q.tile(load_tile("tile2")), W, q)
    top = 2 ** (bits - 1) - 1
    torch.testing.assert_close(scale, (W.abs().max() / top).expand(6))
    assert float(integers.abs().max()) == top
    assert float((integers * scale[0] - W).abs().max()) <= float(scale[0]) * 0.5001


@pytest.mark.parametrize("per", ["column", "tensor"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_least_squares_is_the_best_of_its_candidates(per: str, bits: int) -> None:
    """Compared with a loop over the forty scales in numpy."""
    q = Quantization(bits, per=per, clip="least squares")  # pyright: ignore[reportArgumentType]
    integers, scale = weight_integers(q.tile(load_tile("dimc")), W, q)
    top = 2 ** (bits - 1) - 1
    rows = W.double().flatten(1).numpy() if per == "column" else W.double().reshape(1, -1).numpy()
    ours = ((integers.double() * scale.double().reshape(-1, 1, 1, 1) - W) ** 2).flatten(1).sum(1)
    ours = ours.numpy() if per == "column" else [float(ours.sum())]
    for row, own in zip(rows, ours, strict=True):
        scales = np.abs(row).max() / top * np.arange(1, 41) / 40
        errors = [(((np.clip(np.round(row / s), -top, top) * s) - row) ** 2).sum() for s in scales]
        assert own == pytest.approx(min(errors), rel=1e-4)


@pytest.mark.parametrize("bits", [3, 5, 8])
@pytest.mark.parametrize(("inputs", "weights"), [(BitParallel(8, lsb_time=1e-9), Differential(8)),
                                                 (BitSerial(8, 1e-9), BitSliced(8, 2))])  # fmt: skip
def test_converters_of_least_error(bits: int, inputs: AbstractInputEncoding, weights: AbstractWeightEncoding) -> None:
    """The best of forty shares of the covering full scale, in numpy; never below the codes; few bits clip."""
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=16, cols=8, inputs=inputs, weights=weights, converter=replace(SAR, bits=bits))
    layout = LinearLayout(40, 6, 16)
    w = (40 * Seed(0).child("w").normal((6, 40))).round().clamp(-127, 127)
    x = (30 * Seed(0).child("x").normal((50, 40))).round().clamp(-127, 127)
    covering, found = (tile.full_scale(layout, w, x, True, clip).double().numpy() for clip in (False, True))
    low, high = tile.converter.codes(tile.bipolar(True))
    sums = _ideal_partials(tile, layout, w, x, True).flatten(2).double().numpy()
    for r, s in np.ndindex(*found.shape):
        shares = np.maximum(covering[r, s] * np.arange(1, 41) / 40, high)
        errors = [((np.clip(np.round(sums[r, s] / (f / high)), low, high) * f / high - sums[r, s]) ** 2).sum()
                  for f in (*shares, found[r, s])]  # fmt: skip
        assert errors[-1] == pytest.approx(min(errors), rel=1e-3)
    assert (found >= high * (1 - 1e-6)).all()
    if bits == 3:
        assert (found < covering).any()


def test_columns_of_zeros_keep_a_step_of_zero() -> None:
    w = torch.zeros(2, 3)
    w[0] = 1
    for q in (Quantization(4, clip="least squares"), Quantization(4)):
        integers, scale = weight_integers(q.tile(load_tile("dimc")), w, q)
        assert float(scale[1]) == 0
        assert not integers[1].any()


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize("signed", [True, False])
def test_levels_are_integers_of_the_tile_with_zero_among_them(bits: int, signed: bool) -> None:
    x = Seed(1).child("x").normal((4000,))
    x = x if signed else x.clamp(min=0)
    bounds = load_tile("tile2").input_range(signed)
    scale, levels = input_levels(x, bits, bounds)
    assert torch.equal(levels, levels.round())
    assert 2 <= len(levels) <= 2**bits
    assert 0 in levels
    assert bounds[0] <= float(levels[0])
    assert float(levels.abs().max()) == bounds[1]
    got = input_integers(x, scale, bounds, levels)
    assert set(got.tolist()) <= set(levels.tolist())


@settings(max_examples=30)
@given(st.lists(st.floats(-40, 40, width=32), min_size=1, max_size=40))
def test_inputs_go_to_the_nearest_level(values: list[float]) -> None:
    """The upper one of two that are as near."""
    levels = torch.tensor([-20.0, -3, 0, 1, 7, 30])
    got = input_integers(torch.tensor(values), 0.5, (-127, 127), levels)
    for value, own in zip(values, got.tolist(), strict=True):
        distance = [abs(np.float32(value) / np.float32(0.5) - np.float32(level)) for level in levels.tolist()]
        best = max(i for i, d in enumerate(distance) if d == min(distance))
        assert own == float(levels[best])


def test_levels_have_less_error_than_as_many_equal_steps() -> None:
    """On what a ReLU gives: 16 levels against 16 equal steps of the best scale."""
    x = Seed(2).child("x").normal((20000,)).clamp(min=0) ** 2
    scale, levels = input_levels(x, 4, (0, 127))
    ours = float((input_integers(x, scale, (0, 127), levels) * scale - x).square().mean())
    steps = [float(x.max()) * k / 40 / 15 for k in range(1, 41)]
    equal = min(float(((x / s).round().clamp(0, 15) * s - x).square().mean()) for s in steps)
    assert ours < 0.65 * equal


def test_silence_has_one_level() -> None:
    scale, levels = input_levels(torch.zeros(10), 3, (0, 127))
    assert (scale, levels.tolist()) == (1.0, [0.0])
    assert torch.equal(input_integers(torch.ones(2), scale, (0, 127), levels), torch.zeros(2))
