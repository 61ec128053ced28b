"""Ferroelectric transistors: levels in a window that closes, smeared by transistors that differ."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import Seed
from mho.devices import FeFet, load_cell

COUNT = 200_000


def _cell(**changes: float) -> FeFet:
    cell = load_cell("fefet")
    assert isinstance(cell, FeFet)
    return replace(cell, **changes)


def _quiet(**changes: float) -> FeFet:
    """Return a cell without errors, but for those named."""
    return _cell(**({"variation": 0.0, "retention": 0.0, "read_sigma": 0.0} | changes))


def _draws(cell: FeFet, count: int = COUNT) -> dict[str, torch.Tensor]:
    return {name: Seed(0).child(name).normal((count,)).double() for name in cell.draws}


@pytest.mark.parametrize("levels", [2, 4, 16])
def test_targets_are_rounded_to_levels(levels: int) -> None:
    cell = _quiet(levels=levels)
    target = torch.linspace(0, cell.g_max, 1000, dtype=torch.float64)
    known = torch.linspace(0, cell.g_max, levels, dtype=torch.float64)
    nearest = known[(target[:, None] - known).abs().argmin(1)]
    for time in (None, 0.0, 1e6):
        torch.testing.assert_close(cell.conductance(target, _draws(cell, 1000), time), nearest, rtol=1e-12, atol=1e-20)
    again = cell.conductance(nearest, _draws(cell, 1000), None)
    torch.testing.assert_close(again, nearest, rtol=1e-12, atol=1e-20)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_transistors_differ_by_as_much_in_all_levels(level: int) -> None:
    """50 mV of a window of 1 V: a twentieth of g_max, within 4 standard errors."""
    cell = _cell(retention=0.0, read_sigma=0.0)
    g = cell.conductance(torch.full((COUNT,), 50e-6 * level / 3, dtype=torch.float64), _draws(cell), None)
    sigma = 50e-6 * 0.05
    assert float(g.mean()) == pytest.approx(50e-6 * level / 3, abs=4 * sigma / COUNT**0.5)
    assert float(g.std()) == pytest.approx(sigma, rel=4 / (2 * COUNT) ** 0.5, abs=0)


def test_the_lowest_level_is_cut_off() -> None:
    """Half of the transistors are off; the rest is half a normal distribution."""
    cell = _quiet(variation=0.05)
    g = cell.conductance(torch.zeros(COUNT, dtype=torch.float64), _draws(cell), None)
    assert float((g == 0).double().mean()) == pytest.approx(0.5, abs=4 * 0.5 / COUNT**0.5)
    mean = 50e-6 * 0.05 / math.sqrt(2 * math.pi)
    assert float(g.mean()) == pytest.approx(mean, abs=4 * float(g.std()) / COUNT**0.5)


@pytest.mark.parametrize(("levels", "variation"), [(2, 0.3), (4, 0.1), (4, 0.2), (8, 0.05), (16, 0.05)])
def test_levels_overlap(levels: int, variation: float) -> None:
    """A level is read as another where its transistor is off by more than half the distance to the next."""
    cell = _quiet(levels=levels, variation=variation)
    beyond = 0.5 * math.erfc(0.5 * cell.window / (levels - 1) / variation / math.sqrt(2))
    for level in range(levels):
        target = torch.full((COUNT,), cell.g_max * level / (levels - 1), dtype=torch.float64)
        read = (cell.conductance(target, _draws(cell), None) / cell.g_max * (levels - 1)).round().clamp(max=levels - 1)
        wrong = beyond * (1 if level in (0, levels - 1) else 2)  # the outermost have one neighbour
        error = (wrong * (1 - wrong) / COUNT) ** 0.5
        assert float((read != level).double().mean()) == pytest.approx(wrong, abs=4 * error + 1e-9)


@pytest.mark.parametrize(
    ("time", "open_"), [(None, 1.0), (0.5, 1.0), (1.0, 1.0), (10.0, 0.98), (1e5, 0.9), (1e60, 0.0)]
)
def test_the_window_closes_towards_its_middle(time: float | None, open_: float) -> None:
    """By 2 % of itself a decade."""
    cell = _quiet(retention=0.02)
    target = torch.linspace(0, cell.g_max, 4, dtype=torch.float64)
    g = cell.conductance(target, _draws(cell, 4), time)
    middle = cell.g_max / 2
    assert g.tolist() == pytest.approx([middle + open_ * (float(t) - middle) for t in target], rel=1e-12, abs=1e-20)


def test_a_closing_window_does_not_change_how_transistors_differ() -> None:
    cell = _cell(retention=0.05, read_sigma=0.0)
    target, draws = torch.full((COUNT,), cell.g_max, dtype=torch.float64), _draws(cell)
    early, late = (cell.conductance(target, draws, t) for t in (1.0, 1e4))
    torch.testing.assert_close(early - late, torch.full_like(early, 0.1 * cell.g_max), rtol=1e-9, atol=0)


def test_read_noise_is_relative_and_not_in_what_was_written() -> None:
    cell = _quiet(read_sigma=0.02)
    target = torch.full((COUNT,), cell.g_max / 3, dtype=torch.float64)
    ratio = cell.conductance(target, _draws(cell), 0.0) / target
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * 0.02 / COUNT**0.5)
    assert float(ratio.std()) == pytest.approx(0.02, rel=4 / (2 * COUNT) ** 0.5, abs=0)
    torch.testing.assert_close(cell.conductance(target, _draws(cell), None), target, rtol=1e-12, atol=0)


@pytest.mark.parametrize("levels", [1, 0, -3])
def test_one_level_stores_nothing(levels: int) -> None:
    with pytest.raises(ValueError, match=f"^a cell has at least 2 levels, not {levels}$"):
        _cell(levels=levels)


def test_effects() -> None:
    assert set(_cell().effects) == {"device variation", "retention", "read noise"}
    assert set(_quiet(retention=0.1).effects) == {"retention"}
    assert set(_quiet().effects) == set()
    assert _cell().range == (0.0, 50e-6)
    assert _cell().draws == ("program", "read")
