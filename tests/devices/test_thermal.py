"""Heat: conductances that change while it is hot, and time that runs faster."""

import math
import warnings
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from mho.core import RangeWarning, Seed
from mho.devices import AbstractCell, Thermal, load_cell

EV_PER_K = constants.k / constants.e


def _draws(cell: AbstractCell, count: int = 41) -> dict[str, torch.Tensor]:
    return {name: Seed(0).child(name).normal((count,)).double() for name in cell.draws}


def _targets(cell: AbstractCell, count: int = 41) -> torch.Tensor:
    return torch.linspace(*cell.range, count, dtype=torch.float64)


@given(ev=st.floats(0, 2), cold=st.floats(250, 400), hot=st.floats(250, 400))
def test_acceleration_is_arrhenius_law(ev: float, cold: float, hot: float) -> None:
    cell = Thermal(load_cell("pcm"), activation=ev, reference=cold, kelvin=hot)
    assert math.log(cell.acceleration) == pytest.approx(
        ev / EV_PER_K * (hot - cold) / (hot * cold), rel=1e-8, abs=1e-12
    )


def test_acceleration_by_hand() -> None:
    """1.1 eV: 85 degrees Celsius age a thousand times faster than 27."""
    cell = load_cell("rram-thermal").at_temperature(358.15)
    assert isinstance(cell, Thermal)
    assert cell.acceleration == pytest.approx(math.exp(1.1 / 8.617333e-5 * (1 / 300 - 1 / 358.15)), rel=1e-5, abs=0)
    assert cell.acceleration == pytest.approx(1000, rel=0.02)
    assert cell.at_temperature(300.0).acceleration == 1
    assert replace(cell, activation=0.0).acceleration == 1


@pytest.mark.parametrize("inner", ["pcm", "rram-cmo", "sram"])
@pytest.mark.parametrize("kelvin", [280.0, 300.0, 340.0])
@pytest.mark.parametrize("time", [None, 0.0, 10.0, 3600.0])
def test_time_runs_faster(inner: str, kelvin: float, time: float | None) -> None:
    """Without a coefficient that is all."""
    cold = load_cell(inner)
    hot = Thermal(cold, activation=0.6, kelvin=kelvin)
    aged = None if time is None else time * math.exp(0.6 / EV_PER_K * (1 / 300 - 1 / kelvin))
    ours = hot.conductance(_targets(cold), _draws(cold), time)
    torch.testing.assert_close(ours, cold.conductance(_targets(cold), _draws(cold), aged), rtol=1e-9, atol=0)


@pytest.mark.parametrize("kelvin", [250.0, 300.0, 350.0])
@pytest.mark.parametrize("time", [None, 0.0, 3600.0])
def test_the_coefficient_is_that_of_the_state(kelvin: float, time: float | None) -> None:
    """That which the cell is in, not that which it was meant to be in."""
    cold = load_cell("pcm")
    hot = Thermal(cold, coefficient=(2e-3, -5e-3, 1e-3), kelvin=kelvin)
    g = cold.conductance(_targets(cold), _draws(cold), time)
    x = g / 25e-6
    expected = g * (1 + (2e-3 - 5e-3 * x + 1e-3 * x * x) * (kelvin - 300))
    torch.testing.assert_close(hot.conductance(_targets(cold), _draws(cold), time), expected, rtol=1e-9, atol=0)


def test_the_preset_by_hand() -> None:
    """Insulating states conduct better when hot, by 1 in a thousand a kelvin; metallic ones worse, by half of it."""
    hot = load_cell("rram-thermal").at_temperature(310.0)
    zero = {name: torch.zeros(3, dtype=torch.float64) for name in hot.draws}
    g = hot.conductance(torch.tensor([0.0, 20e-6, 40e-6], dtype=torch.float64), zero, None)
    assert g.tolist() == pytest.approx([0.0, 20e-6 * 1.0025, 40e-6 * 0.995], rel=1e-9, abs=0)


def test_a_conductance_does_not_become_negative() -> None:
    hot = Thermal(load_cell("sram"), coefficient=(-0.05,), kelvin=350.0)
    assert (hot.conductance(torch.linspace(0, 1e-4, 5), {}, 1.0) == 0).all()


@pytest.mark.parametrize("time", [None, 0.0, 3600.0])
def test_at_the_reference_it_is_the_cell(time: float | None) -> None:
    cold = load_cell("pcm")
    for cell in (
        Thermal(cold, (1e-3,), 1.1),
        Thermal(cold, (1e-3,), 1.1, reference=330.0, kelvin=330.0),
        Thermal(cold, (1e-3,), 1.1, kelvin=400.0).at_temperature(300.0),
    ):
        ours = cell.conductance(_targets(cold), _draws(cold), time)
        assert torch.equal(ours, cold.conductance(_targets(cold), _draws(cold), time))


def test_it_is_the_cell_within_but_for_heat() -> None:
    cold, hot = load_cell("rram"), load_cell("rram-thermal")
    assert isinstance(hot, Thermal)
    assert hot.cell == cold
    assert hot.draws == cold.draws
    assert hot.range == cold.range
    assert hot.costs() == cold.costs()
    assert hot.at_temperature(350.0) == replace(hot, kelvin=350.0)


def test_ageing_beyond_what_is_known_says_so() -> None:
    """An hour at 125 degrees Celsius is more than the two days that were measured."""
    hot = load_cell("rram-thermal")
    target, draws = _targets(hot), _draws(hot)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hot.conductance(target, draws, 3600.0)
    with pytest.warns(RangeWarning, match="^RRAM relaxation is known up to 2 days and was asked for "):
        hot.at_temperature(398.15).conductance(target, draws, 3600.0)


@pytest.mark.parametrize(("reference", "kelvin"), [(300.0, 0.0), (0.0, 300.0), (-5.0, 300.0), (300.0, -5.0)])
def test_temperatures_are_above_zero(reference: float, kelvin: float) -> None:
    message = f"^temperatures are in K and above 0, not {reference} and {kelvin}$"
    with pytest.raises(ValueError, match=message):
        Thermal(load_cell("sram"), reference=reference, kelvin=kelvin)
    if reference > 0:
        with pytest.raises(ValueError, match=message):
            Thermal(load_cell("sram")).at_temperature(kelvin)


def test_effects() -> None:
    hot = load_cell("rram-thermal").at_temperature(350.0)
    assert isinstance(hot, Thermal)
    assert set(hot.effects) == {"relaxation", "read noise", "temperature"}
    assert hot.effects["temperature"] == load_cell("rram")
    assert hot.effects["relaxation"] == replace(hot, cell=load_cell("rram").effects["relaxation"])


@pytest.mark.parametrize("time", [None, 1.0, 3600.0])
def test_gradient_in_the_target(time: float | None) -> None:
    hot = Thermal(load_cell("pcm"), (2e-3, -5e-3), 0.6, kelvin=340.0)
    x = torch.linspace(0.2, 0.9, 7, dtype=torch.float64, requires_grad=True)
    draws = {name: 0.5 * z for name, z in _draws(hot, 7).items()}
    assert torch.autograd.gradcheck(lambda x: hot.conductance(x * 25e-6, draws, time) / 25e-6, (x,))
