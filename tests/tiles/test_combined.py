"""Slices added before conversion: the same sums as after it, fewer conversions, a larger range."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import load_converter
from mho.core import Seed
from mho.tiles import AnalogTile, BitSliced, Combined, Condition, Differential, LinearLayout, OffsetColumn, load_tile


@given(st.integers(2, 8), st.integers(1, 7))
def test_digits_are_the_weights(bits: int, bits_per_cell: int) -> None:
    slices = BitSliced(bits, min(bits_per_cell, bits - 1))
    combined = Combined(slices)
    low, high = combined.weight_range
    weights = torch.arange(low, high + 1.0)[None]
    assert torch.equal(combined.ideal_digits(weights)[0], weights)
    assert combined.targets(weights).shape[0] == slices.targets(weights).shape[1] == combined.cells_per_weight
    assert combined.lines_per_weight == slices.lines_per_weight
    assert len(combined.significance) == 1


def _tile(combined: bool, bits: int) -> AnalogTile:
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    ideal = replace(load_converter("sar-8b"), bits=bits, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    slices = BitSliced(8)
    return replace(
        tile, rows=16, cols=5, weights=Combined(slices) if combined else slices, wires=None, converter=ideal,
    )  # fmt: skip


def _product(tile: AnalogTile, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    layout = LinearLayout(16, 5, tile.rows)
    scale = tile.full_scale(layout, weights, x, True)
    state = tile.program(layout, weights, scale, [Seed(0).child("chip", 0)], [Condition(None)], True)
    return tile.multiply(layout, state, x[None], True, None)[0]


@given(st.integers(0, 2**31))
def test_equal_with_ideal_parts(seed: int) -> None:
    """Cells of two states and converters of 16 bits, before and after."""
    rng = torch.Generator().manual_seed(seed)
    weights = torch.randint(-127, 128, (5, 16), generator=rng).float()
    x = torch.randint(-127, 128, (6, 16), generator=rng).float()
    exact = x @ weights.T
    for combined in (False, True):
        tile = _tile(combined, 16)
        tile = replace(tile, cell=tile.cell.effects.get("finite on/off ratio", tile.cell))
        for name in list(tile.cell.effects):
            tile = replace(tile, cell=tile.cell.effects.get(name, tile.cell))
        ours = _product(tile, weights, x)
        assert float((ours - exact).abs().max()) < 2e-3 * float(exact.abs().max())


def test_one_conversion_a_column() -> None:
    apart, together = (_tile(c, 8).mvm_cost(16, 5, True)["ADC"] for c in (False, True))
    converters = [_tile(c, 8).parts()["ADC"].area for c in (False, True)]
    assert together.energy < apart.energy
    assert converters[1] < converters[0]
    few = _tile(False, 8).converter.costs(16)["convert"].energy
    assert apart.energy - together.energy == pytest.approx(
        5 * 7 * few
    )  # seven conversions less for each of five columns


@pytest.mark.parametrize("slices", [Differential(8), OffsetColumn(8)])
def test_what_cannot_be_combined(slices: Differential | OffsetColumn) -> None:
    with pytest.raises(ValueError, match="need lines of their own, such as those of BitSliced, not"):
        Combined(slices)


def test_no_wires_yet() -> None:
    tile = load_tile("tile2")
    with pytest.raises(ValueError, match=r"^slices that are combined before conversion go with ideal wires"):
        replace(tile, weights=Combined(BitSliced(8)))
