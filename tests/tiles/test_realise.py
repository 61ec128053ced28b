"""What columns have in common: one ramp, one profile, and levels that follow their sums."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mho.converters import AbstractConverter, load_converter
from mho.core import MhoError, Seed
from mho.devices import Thermal, load_cell
from mho.tiles import AnalogTile, Condition, Differential, LinearLayout, Realisation, load_tile

CHIPS = [Seed(0).child("chip", i) for i in range(3)]
LAYOUT = LinearLayout(96, 20, 40)
FULL = torch.full((3, 1), 1e5)
INPUTS = torch.randint(-127, 128, (300, 96), generator=Seed(0).child("x").generator()).float()


def _tile(converter: AbstractConverter, cols: int = 256) -> AnalogTile:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    cell = Thermal(load_cell("pcm"), (2e-3,))
    return replace(tile, cell=cell, cols=cols, weights=Differential(8), converter=converter, columns_per_converter=1)


def _weights(tile: AnalogTile) -> Tensor:
    low, high = tile.weight_range
    return torch.randint(low, high + 1, (20, 96), generator=Seed(0).child("w").generator()).float()


def _realise(tile: AnalogTile, *conditions: Condition, chips: list[Seed] = CHIPS) -> Realisation:
    weights = _weights(tile)
    book = tile.codebook(LAYOUT, weights, FULL, INPUTS, True)
    return tile.realise(LAYOUT, weights, FULL, chips, conditions or (Condition(None),), True, book)


@pytest.mark.parametrize(("cols", "on_one", "together"), [(256, 8, 8), (256, 256, 20), (10, 256, 10), (256, 1, 1)])
def test_columns_on_one_ramp_have_its_steps(cols: int, on_one: int, together: int) -> None:
    """A ramp ends with its tile, offsets are those of comparators, and draws do not depend on other chips."""
    ramp = replace(load_converter("ramp-8b"), mismatch=0.02, columns_per_ramp=on_one, offset_sigma=0.5)
    real = _realise(_tile(ramp, cols))
    assert real.profile is not None
    steps = real.profile[:, 0, :, 0]  # [chips, R, N, levels]
    for n in range(19):
        assert torch.equal(steps[:, :, n], steps[:, :, n + 1]) == (n // together == (n + 1) // together)
    assert not torch.equal(steps[:, 0], steps[:, 1])
    assert not torch.equal(steps[0], steps[1])
    assert len(real.offset[0].unique()) == 60
    alone = _realise(_tile(ramp, cols), chips=CHIPS[1:2])
    assert alone.profile is not None
    assert torch.equal(alone.profile[0], real.profile[1])


def test_what_columns_have_in_common_is_held_once() -> None:
    curved = replace(load_converter("cco-hermes"), curvature=0.03)
    tile = _tile(curved)
    weights = _weights(tile)
    state = tile.program(LAYOUT, weights, FULL, CHIPS, [Condition(None), Condition(0.0)], True)
    assert state.profile is not None
    assert state.profile.shape == (1, 1, 1, 1, 1, 255)
    x = INPUTS[:50].expand(6, -1, -1)
    copied = replace(state, profile=state.profile.expand(*state.offset.shape, -1).contiguous())
    outputs = [tile.multiply(LAYOUT, s, x, True, None) for s in (state, copied)]
    assert torch.equal(*outputs)
    torch.testing.assert_close(tile.multiply(LAYOUT, state.alone(4), x[4:5], True, None)[0], outputs[0][4])


@pytest.mark.parametrize("kelvin", [340.0, 270.0])
def test_levels_follow_sums_that_swell_or_shrink(kelvin: float) -> None:
    """All conductances change by one factor: so do the levels, but for what 5 bits tell of it, and outputs stay."""
    tile = _tile(load_converter("memristive-5b"))
    factor = 1 + 2e-3 * (kelvin - 300)
    real = _realise(tile, Condition(0.0, temperature=300.0), Condition(0.0, "levels", kelvin))
    assert real.profile is not None
    n = 31
    before, after = (real.profile[..., n : 2 * n] + real.low).chunk(2)
    outer = before.abs() > 3
    torch.testing.assert_close(after[outer] / before[outer], torch.full_like(after[outer], factor), rtol=0.03, atol=0)
    assert bool((real.drift_factor == 1).all())

    weights = _weights(tile)
    book = tile.codebook(LAYOUT, weights, FULL, INPUTS, True)
    conditions = [Condition(0.0, temperature=300.0), Condition(0.0, "levels", kelvin), Condition(0.0, "none", kelvin)]
    state = tile.program(LAYOUT, weights, FULL, CHIPS, conditions, True, book)
    fresh, followed, left = tile.multiply(LAYOUT, state, INPUTS[:100].expand(9, -1, -1), True, None).chunk(3)
    gain = [float((y * fresh).sum() / fresh.square().sum()) for y in (followed, left)]
    assert gain[0] == pytest.approx(1, abs=0.025)
    assert gain[1] == pytest.approx(factor, abs=0.03)
    assert float((followed - fresh).norm()) < 0.6 * float((left - fresh).norm())


def test_levels_that_cannot_follow() -> None:
    with pytest.raises(
        MhoError, match=r"^compensation by levels needs converters whose levels are programmed, not Sar; "
    ):
        _realise(_tile(load_converter("sar-8b")), Condition(0.0, "levels"))
