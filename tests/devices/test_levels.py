"""Few levels: rounding, gradients, and how often neighbours are confused."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mho.core import Seed
from mho.devices import Ideal, Levels, RramCmo, level_overlap, load_cell

IDEAL = Ideal(2e-6, 20e-6, 1e-12, 0.0, 0.0)
NONE = {"read": torch.tensor(0.0, dtype=torch.float64)}


@given(count=st.integers(2, 70), share=st.floats(0, 1))
def test_the_nearest_level(count: int, share: float) -> None:
    """By search among all levels; a tie may go either way."""
    target = 2e-6 + 18e-6 * share
    g = float(Levels(IDEAL, count).conductance(torch.tensor(target, dtype=torch.float64), NONE, None))
    levels = [2e-6 + 18e-6 * k / (count - 1) for k in range(count)]
    assert min(abs(g - level) for level in levels) < 1e-18
    assert abs(g - target) <= min(abs(target - level) for level in levels) + 1e-18


def test_fifteen_levels_by_hand() -> None:
    cell = Levels(Ideal(0.0, 14e-6, 1e-12, 0.0, 0.0), 15)
    target = torch.tensor([0.0, 0.49e-6, 0.51e-6, 6.9e-6, 13.6e-6, 14e-6], dtype=torch.float64)
    g = cell.conductance(target, {"read": torch.zeros(6, dtype=torch.float64)}, None)
    assert g.tolist() == pytest.approx([0, 0, 1e-6, 7e-6, 14e-6, 14e-6], rel=1e-12, abs=1e-20)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_are_so_many_levels(dtype: torch.dtype) -> None:
    g = Levels(IDEAL, 15).conductance(torch.linspace(2e-6, 20e-6, 5000, dtype=dtype), {"read": torch.zeros(5000)}, None)
    assert g.dtype == dtype
    found = ((g.double() - 2e-6) / (18e-6 / 14)).round().unique()
    assert found.tolist() == list(range(15))


def test_there_are_no_more_levels_than_these() -> None:
    target = torch.tensor([0.0, 1e-4], dtype=torch.float64)
    g = Levels(IDEAL, 15).conductance(target, {"read": torch.zeros(2, dtype=torch.float64)}, None)
    assert g.tolist() == pytest.approx([2e-6, 20e-6], rel=1e-12, abs=0)


@pytest.mark.parametrize("time", [None, 0.0, 3600.0])
def test_a_level_ages_and_reads_as_the_cell_does(time: float | None) -> None:
    cell = load_cell("rram-16-levels")
    assert isinstance(cell, Levels)
    draws = {d: Seed(0).child(d).normal((300,)) for d in cell.draws}
    target = torch.linspace(0, 40e-6, 300)
    level = (target / (40e-6 / 15)).round() * (40e-6 / 15)
    expected = cell.cell.conductance(level, draws, time)
    torch.testing.assert_close(cell.conductance(target, draws, time), expected, rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize("time", [None, 3600.0])
def test_gradients_pass_straight_through(time: float | None) -> None:
    """That of the cell at the level."""
    cell = load_cell("rram-15-levels")
    assert isinstance(cell, Levels)
    step = 40e-6 / 14
    target = torch.tensor([0.3, 4.2, 9.6, 12.7], dtype=torch.float64) * step
    level = target.div(step).round() * step
    draws = {d: 0.3 * Seed(1).child(d).normal((4,)).double() for d in cell.draws}
    grads = []
    for part, at in ((cell, target), (cell.cell, level)):
        leaf = at.clone().requires_grad_()
        grads.append(torch.autograd.grad(part.conductance(leaf, draws, time).sum(), leaf)[0])
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=0)
    assert (grads[0] != 0).all()


def test_what_it_is() -> None:
    for count in (15, 16, 32, 64):
        cell = load_cell(f"rram-{count}-levels")
        assert cell == replace(cell, cell=load_cell("rram"), count=count)  # type: ignore[call-arg]
        assert cell.effects["finite levels"] == load_cell("rram")
        assert cell.draws == load_cell("rram").draws


@pytest.mark.parametrize("count", [1, 0, -4])
def test_too_few_levels(count: int) -> None:
    with pytest.raises(ValueError, match=rf"^count must be at least 2 levels, not {count}$"):
        Levels(IDEAL, count)


# Overlap --------------------------------------------------------------------------------------------------------


def _gaussian(sigma: float, **changes: Any) -> RramCmo:
    """Return a cell that is a normal distribution about its target, just written."""
    cell = load_cell("rram-cmo")
    assert isinstance(cell, RramCmo)
    return replace(cell, g_min=100e-6, g_max=200e-6, program_sigma=(sigma, 0.0), **changes)


@pytest.mark.parametrize("levels", [2, 4, 16, 33])
@pytest.mark.parametrize("sigma", [1e-6, 3e-6, 10e-6])
def test_overlap_of_a_normal_distribution(levels: int, sigma: float) -> None:
    """Q(step / 2 sigma) for each neighbour: two of each level, but one of both ends; 4 standard errors."""
    step = 100e-6 / (levels - 1)
    expected = 2 * (1 - 1 / levels) * stats.norm.sf(step / 2 / sigma)
    n = 50_000
    assert level_overlap(_gaussian(sigma), levels, None, n) == pytest.approx(
        expected, abs=4 * (expected * (1 - expected) / n) ** 0.5 + 1 / n
    )


def test_overlap_of_an_ideal_cell() -> None:
    for levels in (2, 15, 64):
        assert level_overlap(IDEAL, levels, 1e6) == 0


def test_overlap_grows_with_levels_and_time() -> None:
    cell = load_cell("rram")
    by_levels = [level_overlap(cell, n, 1.0, 4000) for n in (2, 4, 8, 16, 32)]
    assert by_levels == sorted(by_levels)
    by_time = [level_overlap(cell, 8, t, 4000) for t in (1.0, 3600.0, 86400.0)]
    assert by_time == sorted(by_time)
    assert by_time[0] < by_time[-1]


def test_a_cell_of_few_levels_cannot_be_read_as_many() -> None:
    """15 levels asked for 29: every other one is where it should be, those between go up or down by a half step."""
    cell = Levels(IDEAL, 15)
    assert level_overlap(cell, 15, None, 15_000) == 0
    assert level_overlap(cell, 29, None, 29_000) == pytest.approx(14 / 29, rel=1e-12)


def test_overlap_of_one_level() -> None:
    with pytest.raises(ValueError, match="levels must be at least 2"):
        level_overlap(IDEAL, 1)
