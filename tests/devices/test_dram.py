"""Dynamic memory: a charge that leaks until it is refreshed, and what reading and refreshing take."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import Cost, Seed
from mho.devices import Dram, Faulty, load_cell

COUNT = 200_000


def _cell(**changes: float) -> Dram:
    cell = load_cell("dram")
    assert isinstance(cell, Dram)
    return replace(cell, **changes)


def _leak(count: int = COUNT, value: float | None = None) -> dict[str, torch.Tensor]:
    z = Seed(0).child("leak").normal((count,)).double()
    return {"leak": z if value is None else torch.full_like(z, value)}


def _full(cell: Dram, count: int = COUNT) -> torch.Tensor:
    return torch.full((count,), cell.g_max, dtype=torch.float64)


@pytest.mark.parametrize("time", [0.0, 1e-3, 0.01, 0.064])
@pytest.mark.parametrize("z", [-3.0, 0.0, 1.0])
def test_charge_leaks_exponentially(time: float, z: float) -> None:
    """A median of 2 s, 30 % more or less in its logarithm."""
    cell = _cell()
    g = cell.conductance(_full(cell, 5), _leak(5, z), time)
    assert g.tolist() == pytest.approx([1e-6 * math.exp(-time / (2.0 * math.exp(0.3 * z)))] * 5, rel=1e-12, abs=0)


def test_time_constants_are_log_normal() -> None:
    """Within 4 standard errors."""
    cell = _cell()
    constant = -0.05 / (cell.conductance(_full(cell), _leak(), 0.05) / cell.g_max).log()
    assert float(constant.log().mean()) == pytest.approx(math.log(2.0), abs=4 * 0.3 / COUNT**0.5)
    assert float(constant.log().std()) == pytest.approx(0.3, rel=4 / (2 * COUNT) ** 0.5, abs=0)


@pytest.mark.parametrize("time", [0.065, 1.0, 1e9])
def test_refreshing_stops_the_leak(time: float) -> None:
    cell = _cell()
    last = cell.conductance(_full(cell, 50), _leak(50), 0.064)
    assert torch.equal(cell.conductance(_full(cell, 50), _leak(50), time), last)
    never = replace(cell, refresh=math.inf).conductance(_full(cell, 50), _leak(50), time)
    assert (never < last).all()


def test_an_empty_cell_stays_empty() -> None:
    cell = _cell()
    for time in (None, 0.0, 1.0):
        assert (cell.conductance(torch.zeros(50), _leak(50), time) == 0).all()


def test_targets_are_rounded_to_full_or_empty() -> None:
    cell = _cell()
    target = torch.linspace(0, cell.g_max, 100, dtype=torch.float64)
    g = cell.conductance(target, _leak(100), None)
    assert g.tolist() == [0.0] * 50 + [cell.g_max] * 50


def test_a_read_without_restore_leaves_nothing() -> None:
    """But what has just been written is there, to be read once."""
    cell = _cell(restored=False)
    target = torch.linspace(0, cell.g_max, 100, dtype=torch.float64)
    for time in (0.0, 1e-9, 1.0):
        assert (cell.conductance(target, _leak(100), time) == 0).all()
    assert torch.equal(cell.conductance(target, _leak(100), None), _cell().conductance(target, _leak(100), None))


def test_read_swing_by_hand() -> None:
    """10 fF at 1.1 V onto 50 fF at 0.55 V: 60 fF at 0.6417 V."""
    assert _cell().read_swing == pytest.approx((10e-15 * 1.1 + 50e-15 * 0.55) / 60e-15 - 0.55, rel=1e-12, abs=0)
    assert _cell(line_capacitance=10e-15).read_swing == pytest.approx(1.1 / 4, rel=1e-12, abs=0)


def test_energy_of_an_access_and_power_of_refreshing_by_hand() -> None:
    """60 fF, lifted by 0.55 V from a supply of 1.1 V."""
    assert _cell().access_energy == pytest.approx(60e-15 * 0.55 * 1.1, rel=1e-12, abs=0)
    assert _cell().costs()["write"].energy == _cell().access_energy
    assert _cell().costs()["write"].latency == 15e-9
    assert _cell().refresh_power(2**33) == pytest.approx(2**33 * 36.3e-15 / 64e-3, rel=1e-12, abs=0)
    assert _cell(refresh=32e-3).refresh_power(1) == pytest.approx(2 * _cell().refresh_power(1), rel=1e-12, abs=0)


def test_effects() -> None:
    cell = _cell()
    assert set(cell.effects) == {"retention"}
    kept = cell.effects["retention"]
    assert kept.effects == {}
    for time in (None, 0.0, 0.064, 1e9):
        assert torch.equal(kept.conductance(_full(cell), _leak(), time), _full(cell))
    assert cell.range == (0.0, 1e-6)
    assert cell.draws == ("leak",)


def test_reading_and_keeping_have_a_cost() -> None:
    """A restore is an access like a write; a refresh is one in each interval."""
    costs = _cell().costs()
    assert costs["restore"] == costs["write"]
    assert costs["refresh"] == Cost(leakage=_cell().refresh_power(1))
    assert "restore" not in replace(_cell(), restored=False).costs()
    assert "refresh" not in _cell(refresh=math.inf).costs()
    assert Faulty(_cell(), 0.01, 0.0).costs() == costs
