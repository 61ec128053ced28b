"""Resistive memory: relaxation at the published times, interpolation between them, warnings beyond."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import RangeWarning, Seed
from mho.devices import RelaxationPoint, RramCmo, load_cell

DAY = 86400.0
# standard deviation in uS over x = g / 40 uS, c0 to c4
WAN = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}
COUNT = 100_000


def _sigma(time: float, x: float) -> float:
    return max(sum(c * x**i for i, c in enumerate(WAN[time])), 0.0)


@pytest.mark.parametrize("name", ["rram", "rram-slc"])
@pytest.mark.parametrize("time", WAN)
@pytest.mark.parametrize("x", [0.3, 0.5, 0.8, 1.0])
def test_spread_at_the_published_times(name: str, time: float, x: float) -> None:
    cell = replace(load_cell(name), read_sigma=0.0)
    draws = {d: Seed(0).child(d).normal((COUNT,)) for d in cell.draws}
    g = cell.conductance(torch.full((COUNT,), x * cell.g_max), draws, time).double() * 1e6
    sigma = _sigma(time, x)
    assert float(g.mean()) == pytest.approx(40 * x, abs=4 * sigma / COUNT**0.5 + 1e-4)
    assert float(g.std()) == pytest.approx(sigma, rel=4 / (2 * COUNT) ** 0.5)


@pytest.mark.parametrize("time", [1.0, 60.0, DAY, 2 * DAY])
def test_read_noise_comes_on_top(time: float) -> None:
    cell = load_cell("rram")
    target = torch.full((COUNT,), 20e-6)
    draws = {"relax": torch.zeros(COUNT), "read": Seed(0).normal((COUNT,))}
    g = cell.conductance(target, draws, time)
    assert float(g.std() / g.mean()) == pytest.approx(0.01, rel=0.02)


@given(st.floats(1.0, 2 * DAY), st.floats(0, 1))
def test_spread_between_is_interpolated_in_log_time(time: float, x: float) -> None:
    cell = replace(load_cell("rram"), read_sigma=0.0)
    one = torch.ones(1, dtype=torch.float64)
    g = cell.conductance(x * cell.g_max * one, {"relax": one, "read": one}, time)
    times = sorted(WAN)
    sigma = np.interp(math.log(time), np.log(times), [sum(c * x**i for i, c in enumerate(WAN[t])) for t in times])
    assert float(g) * 1e6 == pytest.approx(40 * x + max(sigma, 0), rel=1e-9)


def test_a_cell_that_relaxed_upwards_stays_up() -> None:
    cell = load_cell("rram")
    draws = {"relax": Seed(0).normal((1000,)), "read": torch.zeros(1000)}
    target = torch.full((1000,), 20e-6)
    early, late = (cell.conductance(target, draws, t) - target for t in (1.0, DAY))
    assert (early.sign() == late.sign()).all()


def test_before_the_first_point_it_is_held_and_beyond_the_last_it_warns() -> None:
    cell = load_cell("rram")
    target = torch.linspace(0, cell.g_max, 50)
    draws = {d: Seed(0).child(d).normal((50,)) for d in cell.draws}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = cell.conductance(target, draws, 1.0)
        assert torch.equal(cell.conductance(target, draws, 0.0), first)
        last = cell.conductance(target, draws, 2 * DAY)
    message = "^RRAM relaxation is known up to 2 days and was asked for 30 days; the last known spread is used$"
    with pytest.warns(RangeWarning, match=message):
        beyond = cell.conductance(target, draws, 30 * DAY)
    assert torch.equal(beyond, last)


@pytest.mark.parametrize("times", [(), (2.0, 1.0), (1.0, 1.0), (0.0, 1.0)])
def test_points_must_rise(times: tuple[float, ...]) -> None:
    points = tuple(RelaxationPoint(t, (1e-6,)) for t in times)
    with pytest.raises(ValueError, match=r"^relaxation needs points at rising times > 0 s, not "):
        replace(load_cell("rram"), relaxation=points)


CMO = {"rram-cmo": (0.00106879, 0.00081107), "rram-cmo-2pct": (0.01129027418, 0.0112185391)}


@pytest.mark.parametrize("name", CMO)
@pytest.mark.parametrize("time", [None, 1.0, 3600.0, DAY, 30 * DAY])
def test_cmo_equations_cell_by_cell(name: str, time: float | None) -> None:
    cell = load_cell(name)
    assert isinstance(cell, RramCmo)
    targets = np.linspace(9, 88.2, 60)
    draws = {d: Seed(0).child(d).normal((60,)).double() for d in cell.draws}
    slope, constant = CMO[name]
    expected = []
    for g, program, relax, read in zip(targets, *(draws[d].numpy() for d in ("program", "relax", "read")), strict=True):
        g = g + (slope * g + constant) * program
        if time is not None:
            g = g - 0.08900206 * np.log(time) + (0.04201137 * np.log(time) + 0.41183342) * relax
            g = g + 0.0277316483 * np.log10(g) * np.sqrt(np.log((time + 1e-6) / 2e-6)) * read
        expected.append(g)
    ours = cell.conductance(torch.tensor(targets * 1e-6), draws, time)
    np.testing.assert_allclose(ours.numpy() * 1e6, expected, rtol=1e-9)


def test_cmo_acceptance_ranges_differ() -> None:
    """Another model of this cell takes 0.2 % for 2 % without a word."""
    fine, coarse = (load_cell(n) for n in CMO)
    draws = {d: torch.ones(1) for d in fine.draws}
    target = torch.tensor([50e-6])
    ratio = (coarse.conductance(target, draws, None) - target) / (fine.conductance(target, draws, None) - target)
    assert float(ratio) == pytest.approx((0.01129027418 * 50 + 0.0112185391) / (0.00106879 * 50 + 0.00081107), rel=1e-2)


def test_cmo_before_one_second_is_as_at_one_second() -> None:
    cell = load_cell("rram-cmo")
    draws = {d: torch.ones(1) for d in cell.draws}
    target = torch.tensor([50e-6])
    assert torch.equal(cell.conductance(target, draws, 0.0), cell.conductance(target, draws, 1.0))


def test_cmo_cannot_be_turned_off() -> None:
    assert load_cell("rram-cmo").range == (9e-06, 8.82e-05)
