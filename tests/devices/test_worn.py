"""Wear: the window that closes, and the cells that have failed."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats

from mho.core import Seed
from mho.devices import Ideal, Worn, load_cell

IDEAL = Ideal(2e-6, 22e-6, 1e-12, 0.0, 0.0)
N = 200_000


def _draws(count: int = N, seed: int = 0) -> dict[str, torch.Tensor]:
    return {d: Seed(seed).child(d).normal((count,)).double() for d in ("read", "wear")}


@pytest.mark.parametrize(
    ("cycles", "lost"),
    [
        (0.0, 0.0),
        (1e3, 0.0),
        (1e5, 0.0),
        (1e6, 0.1),
        (3.1622776601683795e6, 0.15),
        (1e8, 0.3),
        (1e15, 1.0),
        (1e30, 1.0),
    ],
)
def test_the_window_loses_a_share_a_decade(cycles: float, lost: float) -> None:
    """Half of it at each end, until nothing is left."""
    low, high = Worn(IDEAL, cycles, 1e5, 0.1).window
    assert (low, high) == pytest.approx((2e-6 + lost * 10e-6, 22e-6 - lost * 10e-6), rel=1e-9, abs=0)
    target = torch.tensor([0.0, 2e-6, 5e-6, 12e-6, 20e-6, 22e-6, 1.0], dtype=torch.float64)
    g = Worn(IDEAL, cycles, 1e5, 0.1).conductance(target, {k: v[:7] for k, v in _draws(7).items()}, None)
    expected = [min(max(t, 2e-6 + lost * 10e-6), 22e-6 - lost * 10e-6) for t in target.tolist()]
    assert g.tolist() == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("cycles", "spread"), [(1e7, 2.3), (1e9, 2.3), (1e9, 0.5), (3e9, 0.5), (1e11, 2.3), (1e9, 4.0)]
)
def test_share_of_cells_that_failed(cycles: float, spread: float) -> None:
    """The log-normal distribution of others; what is drawn follows it within 4 standard errors."""
    cell = Worn(IDEAL, cycles, 1e5, 0.0, 1e9, spread)
    share = float(stats.lognorm.cdf(cycles, spread, scale=1e9))
    assert cell.failed == pytest.approx(share, rel=1e-9)
    g = cell.conductance(torch.full((N,), 12e-6, dtype=torch.float64), _draws(), None)
    dead = g == 2e-6
    assert float(dead.double().mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / N) ** 0.5 + 1e-12)
    assert (g[~dead] == 12e-6).all()


def test_a_failed_cell_stays_failed_and_where_it_is() -> None:
    """The same cells at more cycles and other times, whatever they are read with."""
    cell = Worn(load_cell("rram"), 3e8, 1e5, 0.1, 1e9, 1.0)
    draws = {d: Seed(0).child(d).normal((5000,)) for d in cell.draws}
    target = torch.full((5000,), 20e-6)
    failed = cell.conductance(target, draws, None) == 0
    assert 0.05 < float(failed.double().mean()) < 0.2
    older = replace(cell, cycles=1e9).conductance(target, draws, 3600.0) == 0
    assert (older | ~failed).all()
    assert float(older.double().mean()) > float(failed.double().mean())
    others = {d: Seed(1).child(d).normal((5000,)) for d in cell.draws} | {"wear": draws["wear"]}
    assert (cell.conductance(target, others, 3600.0)[failed] == 0).all()


def test_a_living_cell_is_the_cell_within_at_the_edge() -> None:
    cell = Worn(load_cell("rram"), 1e7, 1e5, 0.1)
    draws = {d: Seed(0).child(d).normal((300,)) for d in cell.draws}
    target = torch.linspace(0, 40e-6, 300)
    for time in (None, 1.0, 3600.0):
        expected = cell.cell.conductance(target.clamp(4e-6, 36e-6), draws, time)
        torch.testing.assert_close(cell.conductance(target, draws, time), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("cell", "effect"),
    [
        (Worn(IDEAL, 0.0, 1e5, 0.1, 1e9), ""),
        (Worn(IDEAL, 1e5, 1e5, 0.1), ""),
        (Worn(IDEAL, 1e9, 1e5, 0.0), ""),
        (Worn(IDEAL, 1e9, 1e5, 0.1), "endurance"),
        (Worn(IDEAL, 1e4, 1e5, 0.1, 1e5), "endurance"),
    ],
)
def test_without_wear_it_is_the_cell_itself(cell: Worn, effect: str) -> None:
    assert cell.effect == effect
    assert list(cell.effects) == ([effect] if effect else [])
    if not effect:
        target = torch.linspace(2e-6, 22e-6, 100, dtype=torch.float64)
        assert torch.equal(cell.conductance(target, _draws(100), 1.0), target)


def test_at_the_median_half_of_the_cells_have_failed() -> None:
    for spread in (0.1, 1.0, 5.0):
        assert Worn(IDEAL, 1e9, 1e5, 0.0, 1e9, spread).failed == 0.5
    assert Worn(IDEAL, 1e300, 1e5, 0.0).failed == 0
    assert Worn(IDEAL, 0.0, 1e5, 0.0, 1.0).failed == 0
    assert math.isclose(Worn(IDEAL, 1e9 * math.e, 1e5, 0.0, 1e9, 1.0).failed, stats.norm.cdf(1))


def test_the_gradient_is_that_of_living_cells_within_the_window() -> None:
    cell = Worn(IDEAL, 1e7, 1e5, 0.1, 1e7)
    target = torch.linspace(2e-6, 22e-6, 41, dtype=torch.float64).requires_grad_()
    draws = _draws(41)
    (gradient,) = torch.autograd.grad(cell.conductance(target, draws, None).sum(), target)
    inside = (target.detach() > 4e-6) & (target.detach() < 20e-6) & (draws["wear"] > 0)
    clear = (target.detach() - 4e-6).abs().minimum((target.detach() - 20e-6).abs()) > 1e-7  # not at the very edge
    assert torch.equal(gradient[clear], inside.double()[clear])
