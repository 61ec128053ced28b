"""Magnetic memory: two states, spreads in closed form, and turning over at the rate of its barrier."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import Seed
from mho.devices import Mram, load_cell

COUNT = 200_000
YEAR = 365 * 86400.0


def _cell(**changes: float) -> Mram:
    cell = load_cell("mram")
    assert isinstance(cell, Mram)
    return replace(cell, **changes)


def _draws(cell: Mram, count: int = COUNT, **fixed: float) -> dict[str, torch.Tensor]:
    """Draw in float64, some of them the same for all."""
    drawn = {name: Seed(0).child(name).normal((count,)).double() for name in cell.draws}
    return drawn | {name: torch.full((count,), value, dtype=torch.float64) for name, value in fixed.items()}


def _all(value: float, count: int = COUNT) -> torch.Tensor:
    return torch.full((count,), value, dtype=torch.float64)


def test_two_states_by_hand() -> None:
    """10 kOhm, and 120 % more."""
    assert _cell().range == pytest.approx((1 / 22e3, 1 / 10e3), rel=1e-12, abs=0)
    assert _cell().draws == ("program", "tmr", "flip", "read")


def test_targets_are_rounded_to_the_nearer_state() -> None:
    cell = _cell()
    low, high = cell.range
    target = torch.linspace(low, high, 100, dtype=torch.float64)
    zero = {name: torch.zeros_like(target) for name in cell.draws}
    for time in (None, 0.0, 1.0):
        g = cell.conductance(target, zero, time)
        nearer = target.new_tensor([low, high])[((target - low).abs() > (target - high).abs()).long()]
        torch.testing.assert_close(g, nearer, rtol=1e-12, atol=0)


@pytest.mark.parametrize("state", [0, 1])
@pytest.mark.parametrize("spread", [0.03, 0.2])
def test_the_resistance_area_product_is_log_normal(state: int, spread: float) -> None:
    """The same for both states: mean and standard deviation of ln R within 4 standard errors."""
    cell = _cell(spread=spread)
    g = cell.conductance(_all(cell.range[state]), _draws(cell, tmr=0.0), None)
    log = -g.log()
    assert float(log.mean()) == pytest.approx(-math.log(cell.range[state]), abs=4 * spread / COUNT**0.5)
    assert float(log.std()) == pytest.approx(spread, rel=4 / (2 * COUNT) ** 0.5, abs=0)


def test_the_magnetoresistance_is_normal() -> None:
    """Seen as the ratio of the two states of the same junction."""
    cell = _cell(tmr_spread=0.1)
    draws = _draws(cell)
    off, on = (cell.conductance(_all(g), draws, None) for g in cell.range)
    ratio = on / off - 1
    assert float(ratio.mean()) == pytest.approx(1.2, abs=4 * 0.12 / COUNT**0.5)
    assert float(ratio.std()) == pytest.approx(0.12, rel=4 / (2 * COUNT) ** 0.5, abs=0)
    without = cell.conductance(_all(cell.range[1]), draws | {"tmr": -draws["tmr"]}, None)
    assert torch.equal(on, without)  # the parallel state knows nothing of it


def test_a_junction_does_not_conduct_better_antiparallel() -> None:
    cell = _cell(tmr_spread=1.0)
    draws = {name: torch.zeros(1) for name in cell.draws} | {"tmr": torch.full((1,), -5.0)}
    assert float(cell.conductance(torch.tensor([cell.range[0]]), draws, None)) == pytest.approx(1e-4, rel=1e-6, abs=0)


@pytest.mark.parametrize("stability", [15.0, 20.0, 25.0])
@pytest.mark.parametrize("decade", range(-3, 3))
def test_turning_over_in_time(stability: float, decade: int) -> None:
    """A chain of two states, either left at a rate 1 / tau, for times a thousandth to a hundred of tau."""
    cell = _cell(stability=stability)
    tau = 1e-9 * math.exp(stability)
    time = tau * 10.0**decade
    rates = torch.tensor([[-1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / tau
    expected = float(torch.matrix_exp(rates * time)[0, 1])
    for state in (0, 1):
        g = cell.conductance(_all(cell.range[state]), _draws(cell, program=0.0, tmr=0.0, read=0.0), time)
        kept = (g / cell.range[state] - 1).abs() < 1e-9
        turned = (g / cell.range[1 - state] - 1).abs() < 1e-9
        assert (kept ^ turned).all()
        error = (expected * (1 - expected) / COUNT) ** 0.5
        assert float(turned.double().mean()) == pytest.approx(expected, abs=4 * error)


def test_what_has_turned_stays_so() -> None:
    """On average over many; the model keeps one draw for all times, so that states do not flicker."""
    cell = _cell(stability=20.0)
    draws = _draws(cell, 10_000, program=0.0, tmr=0.0, read=0.0)
    before = torch.zeros(10_000, dtype=torch.bool)
    for time in (1e-3, 1e-2, 0.1, 1.0, 10.0):
        turned = cell.conductance(_all(cell.range[1], 10_000), draws, time) < 0.9 * cell.range[1]
        assert (turned | ~before).all()
        before = turned
    assert 0.4 < float(before.double().mean()) < 0.6  # nothing is left of what was stored


def test_the_preset_keeps_its_bits() -> None:
    """A barrier of 60 k T: in ten years three bits of a thousand million."""
    cell = _cell()
    for state in cell.range:
        for time in (None, 0.0, 10 * YEAR):
            g = cell.conductance(_all(state), _draws(cell, program=0.0, tmr=0.0, read=0.0), time)
            torch.testing.assert_close(g, _all(state), rtol=1e-12, atol=0)


def test_a_barrier_beyond_all_numbers() -> None:
    cell = _cell(stability=1e6)
    g = cell.conductance(_all(1e-4, 100), _draws(cell, 100, program=0.0, tmr=0.0, read=0.0), 1e20)
    torch.testing.assert_close(g, _all(1e-4, 100), rtol=1e-12, atol=0)


@pytest.mark.parametrize("state", [0, 1])
def test_read_noise_is_relative(state: int) -> None:
    cell = _cell(read_sigma=0.02)
    target, draws = _all(cell.range[state]), _draws(cell, program=0.0, tmr=0.0)
    ratio = cell.conductance(target, draws, 1.0) / cell.range[state]
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * 0.02 / COUNT**0.5)
    assert float(ratio.std()) == pytest.approx(0.02, rel=4 / (2 * COUNT) ** 0.5, abs=0)
    torch.testing.assert_close(cell.conductance(target, draws, None), target, rtol=1e-12, atol=0)


def test_effects() -> None:
    assert set(_cell().effects) == {"device variation", "read noise", "retention"}
    assert set(_cell(spread=0.0).effects) == {"device variation", "read noise", "retention"}
    assert set(_cell(spread=0.0, tmr_spread=0.0).effects) == {"read noise", "retention"}
    weak = _cell(stability=20.0)
    kept = weak.effects["retention"].conductance(_all(1e-4), _draws(weak, program=0.0, tmr=0.0, read=0.0), 10 * YEAR)
    torch.testing.assert_close(kept, _all(1e-4), rtol=1e-12, atol=0)


def test_cost_of_a_write() -> None:
    costs = _cell().costs()
    assert (costs["write"].energy, costs["write"].latency, costs["part"].area) == (1e-12, 1e-8, 3.92e-14)
