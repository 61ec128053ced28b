"""The ideal cell: what was written, for ever."""

import pytest
import torch

from mho.core import Cost, Seed
from mho.devices import Ideal

CELL = Ideal(g_min=1e-6, g_max=1e-4, area=2e-12, write_energy=3e-12, write_time=4e-9)
NOISY = Ideal(1e-6, 1e-4, 2e-12, 3e-12, 4e-9, read_sigma=0.05)


@pytest.mark.parametrize("time", [None, 0.0, 1.0, 1e9])
def test_it_holds_its_target(time: float | None) -> None:
    target = torch.linspace(1e-6, 1e-4, 100)
    assert torch.equal(CELL.conductance(target, {"read": 5 * torch.ones(100)}, time), target)


def test_read_noise_is_relative_and_only_while_it_is_read() -> None:
    """Within 4 standard errors; a resistor does not turn negative."""
    n = 200_000
    target, z = torch.full((n,), 5e-5, dtype=torch.float64), Seed(0).normal((n,)).double()
    assert torch.equal(NOISY.conductance(target, {"read": z}, None), target)
    error = NOISY.conductance(target, {"read": z}, 0.0) / 5e-5 - 1
    assert float(error.mean()) == pytest.approx(0, abs=4 * 0.05 / n**0.5)
    assert float(error.std()) == pytest.approx(0.05, rel=4 / (2 * n) ** 0.5)
    assert float(NOISY.conductance(torch.tensor(1e-4), {"read": torch.tensor(-30.0)}, 0.0)) == 0


def test_what_it_is() -> None:
    assert CELL.range == (1e-6, 1e-4)
    assert CELL.draws == ("read",)
    assert CELL.effects == {}
    assert NOISY.effects == {"read noise": CELL}
    assert CELL.costs() == {"write": Cost(energy=3e-12, latency=4e-9), "part": Cost(area=2e-12)}
    assert CELL.at_temperature(400.0) == CELL


@pytest.mark.parametrize("high", [1e-6, 1e-7])
def test_a_window_upside_down(high: float) -> None:
    with pytest.raises(ValueError, match=rf"^g_max must be above g_min = 1e-06 S, not {high} S$"):
        Ideal(1e-6, high, 0.0, 0.0, 0.0)
