"""NOR flash: a threshold below which current falls exponentially; errors, leakage and heat all act through it."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from mho.core import Seed
from mho.devices import NorFlash, load_cell

COUNT = 200_000
KT_Q = constants.k * 300.0 / constants.e
"""In V."""


def _cell(**changes: float) -> NorFlash:
    cell = load_cell("nor-flash")
    assert isinstance(cell, NorFlash)
    return replace(cell, **changes)


def _quiet(**changes: float) -> NorFlash:
    """Return a cell without errors, but for those named."""
    return _cell(**({"tuning": 0.0, "retention": 0.0, "read_sigma": 0.0} | changes))


def _draws(cell: NorFlash, count: int = COUNT, **fixed: float) -> dict[str, torch.Tensor]:
    drawn = {name: Seed(0).child(name).normal((count,)).double() for name in cell.draws}
    return drawn | {name: torch.full((count,), value, dtype=torch.float64) for name, value in fixed.items()}


def _states(cell: NorFlash, count: int = 50) -> torch.Tensor:
    """Spread over all decades of the range."""
    return torch.logspace(*(math.log10(g) for g in cell.range), count, dtype=torch.float64)


def test_range_by_hand() -> None:
    assert _cell().range == pytest.approx((5e-9, 5e-6), rel=1e-12, abs=0)
    assert _cell().draws == ("program", "leak", "read")


def test_without_errors_a_cell_holds_its_target() -> None:
    cell = _quiet()
    target = _states(cell)
    for time in (None, 0.0, 1e9):
        torch.testing.assert_close(cell.conductance(target, _draws(cell, 50), time), target, rtol=1e-12, atol=0)


def test_a_target_below_the_range_is_its_lower_end() -> None:
    cell = _quiet()
    target = torch.tensor([0.0, 1e-12, 5e-9], dtype=torch.float64)
    g = cell.conductance(target, _draws(cell, 3), None)
    assert g.tolist() == pytest.approx([5e-9] * 3, rel=1e-12, abs=0)


@given(volt=st.floats(-0.1, 0.1), slope=st.floats(1.0, 3.0), z=st.floats(-4, 4), x=st.floats(1e-3, 1))
def test_an_error_of_the_threshold_is_a_factor(volt: float, slope: float, z: float, x: float) -> None:
    """exp(-dV / (n k T / q)), whatever the state."""
    cell = _quiet(tuning=abs(volt), slope_factor=slope)
    one = torch.ones(1, dtype=torch.float64)
    g = cell.conductance(5e-6 * x * one, {"program": z * one, "leak": one, "read": one}, None)
    assert float(g) == pytest.approx(5e-6 * x * math.exp(-abs(volt) * z / (slope * KT_Q)), rel=1e-7, abs=0)


@pytest.mark.parametrize("x", [1e-3, 0.03, 1.0])
def test_tuning_is_the_same_relative_error_for_all_states(x: float) -> None:
    """0.8 mV over 1.6 k T / q: 1.93 %, within 4 standard errors."""
    cell = _cell()
    log = (cell.conductance(torch.full((COUNT,), 5e-6 * x, dtype=torch.float64), _draws(cell), None) / (5e-6 * x)).log()
    sigma = 0.8e-3 / (1.6 * KT_Q)
    assert sigma == pytest.approx(0.0193, rel=3e-3)
    assert float(log.mean()) == pytest.approx(0, abs=4 * sigma / COUNT**0.5)
    assert float(log.std()) == pytest.approx(sigma, rel=4 / (2 * COUNT) ** 0.5, abs=0)


@pytest.mark.parametrize("kelvin", [250.0, 300.0, 330.0, 400.0])
def test_heat_changes_the_slope(kelvin: float) -> None:
    """ln(g / g_max) goes with 1 / T: a tenth at 300 K is 10^(-300 / T)."""
    cell = _cell()
    target, draws = _states(cell), _draws(cell, 50)
    for time in (None, 3600.0):
        cold = replace(cell, read_sigma=0.0).conductance(target, draws, time)
        hot = replace(cell, read_sigma=0.0).at_temperature(kelvin).conductance(target, draws, time)
        torch.testing.assert_close((hot / 5e-6).log(), (cold / 5e-6).log() * (300 / kelvin), rtol=1e-9, atol=1e-12)
    tenth = (
        _quiet().at_temperature(kelvin).conductance(torch.tensor([5e-7], dtype=torch.float64), _draws(cell, 1), None)
    )
    assert float(tenth) == pytest.approx(5e-6 * 10 ** (-300 / kelvin), rel=1e-9, abs=0)
    full = _quiet().at_temperature(kelvin).conductance(torch.tensor([5e-6], dtype=torch.float64), _draws(cell, 1), None)
    assert float(full) == pytest.approx(5e-6, rel=1e-12, abs=0)


def test_a_cell_at_300_k_is_the_cell() -> None:
    assert _cell().at_temperature(300.0) == _cell()
    assert _cell().at_temperature(350.0).at_temperature(300.0) == _cell()
    assert _cell().at_temperature(350.0).range == _cell().range


@pytest.mark.parametrize("time", [1e-3, 1.0, 60.0, 86400.0, 3e8])
@pytest.mark.parametrize("z", [-2.0, 0.0, 1.0])
def test_charge_leaks_with_the_logarithm_of_time(time: float, z: float) -> None:
    """The share of the stored shift that is lost, and 30 % more or less of it for one sigma of `leak`."""
    cell = _quiet(retention=0.01)
    target = _states(cell)
    g = cell.conductance(target, _draws(cell, 50, leak=z), time)
    lost = 0.01 * math.log(1 + time) * (1 + 0.3 * z)
    torch.testing.assert_close((g / 5e-6).log(), (target / 5e-6).log() * (1 - lost), rtol=1e-6, atol=1e-12)
    assert (g[:-1] > target[:-1]).all()  # charge lost is current gained; without charge there is nothing to lose


def test_no_more_leaks_than_there_is() -> None:
    cell = _quiet(retention=0.2)
    g = cell.conductance(_states(cell), _draws(cell, 50, leak=0.0), 1e6)
    assert g.tolist() == pytest.approx([5e-6] * 50, rel=1e-12, abs=0)


def test_read_noise_is_relative_and_not_in_what_was_written() -> None:
    cell = _quiet(read_sigma=0.02)
    target = torch.full((COUNT,), 1e-7, dtype=torch.float64)
    ratio = cell.conductance(target, _draws(cell), 0.0) / target
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * 0.02 / COUNT**0.5)
    assert float(ratio.std()) == pytest.approx(0.02, rel=4 / (2 * COUNT) ** 0.5, abs=0)
    torch.testing.assert_close(cell.conductance(target, _draws(cell), None), target, rtol=1e-12, atol=0)


def test_effects() -> None:
    assert set(_cell().effects) == {"programming error", "retention", "read noise", "temperature"}
    assert set(_quiet().effects) == {"temperature"}
    hot = _cell().at_temperature(350.0)
    unmoved = hot.effects["temperature"]
    target, draws = _states(_cell()), _draws(_cell(), 50)
    assert torch.equal(unmoved.conductance(target, draws, 60.0), _cell().conductance(target, draws, 60.0))
    assert torch.equal(
        unmoved.at_temperature(400.0).conductance(target, draws, 60.0), _cell().conductance(target, draws, 60.0)
    )
    assert set(hot.effects["retention"].effects) == {"programming error", "read noise", "temperature"}


@pytest.mark.parametrize("kelvin", [0.0, -3.0, math.nan])
def test_a_temperature_must_be_above_zero(kelvin: float) -> None:
    with pytest.raises(ValueError, match="kelvin must be above 0, not"):
        _cell().at_temperature(kelvin)


def test_gradient_in_the_target() -> None:
    """A relative error of the current is a relative error of its slope."""
    cell = _quiet(tuning=1e-3)
    target = _states(cell)[1:-1].requires_grad_()
    draws = _draws(cell, 48, program=1.5)
    (gradient,) = torch.autograd.grad(cell.conductance(target, draws, None).sum(), target)
    assert gradient.tolist() == pytest.approx([math.exp(-1.5e-3 / (1.6 * KT_Q))] * 48, rel=1e-7, abs=0)
