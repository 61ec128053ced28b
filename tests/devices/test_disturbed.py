"""Read disturb: many reads, one by one or all at once."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.devices import Disturbed, Ideal, PulseLaw, load_cell, load_dynamics

READ = 0.2
SINH = 0.3205 * math.sinh(2.717 * READ) / READ
"""Conductance times resistance of the preset at its voltage of reading, in V / V."""


def _cell() -> Disturbed:
    cell = load_cell("rram-disturbed")
    assert isinstance(cell, Disturbed)
    return cell


def _f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _read(cell: Disturbed, target: torch.Tensor, time: float | None = 1.0) -> torch.Tensor:
    return cell.conductance(target, {"read": torch.zeros_like(target)}, time)


@given(resistance=st.floats(1610, 2940), reads=st.floats(0, 1e6))
def test_closed_form(resistance: float, reads: float) -> None:
    """1 / (R - r) grows by s per second, s = 600.1 (1 - exp(-0.0212 x 0.2)), above r = 2564.6 Ohm; below it rests."""
    goal, s = 2699.2 - 672.9 * READ, -600.1 * math.expm1(-0.0212 * READ)
    left = resistance - goal
    after = goal + left / (1 + s * left * reads * 1e-6) if left > 0 else resistance
    g = _read(replace(_cell(), reads=reads), _f64(SINH / resistance))
    assert float(g) == pytest.approx(SINH / after, rel=1e-11, abs=0)


def test_all_at_once_is_one_by_one() -> None:
    """Exactly what the docstring promises for such models."""
    cell, state = _cell(), _f64(2900.0, 2700.0, 2000.0)
    moved = state
    for _ in range(1000):
        moved = cell.dynamics.pulse(moved, torch.tensor(READ, dtype=torch.float64), 1e-6)
    torch.testing.assert_close(_read(cell, SINH / state), SINH / moved, rtol=1e-11, atol=0)


def test_more_reads_disturb_more_and_in_the_direction_of_the_voltage() -> None:
    target = torch.linspace(315e-6, 350e-6, 8, dtype=torch.float64)
    g = torch.stack([_read(replace(_cell(), reads=n), target) for n in (0.0, 10.0, 1e3, 1e5)])
    assert torch.equal(g[0], target)
    assert (g.diff(dim=0) > 0).all()
    high = torch.linspace(380e-6, 560e-6, 8, dtype=torch.float64)
    law = PulseLaw(100e-6, 600e-6, 1e6, 1e6, 1.0, 1.0, 1e-6, 0.0)
    assert (_read(replace(_cell(), dynamics=law, voltage=-0.2), high) < high).all()


def test_just_written_it_is_not_read_yet() -> None:
    target = torch.linspace(310e-6, 570e-6, 20, dtype=torch.float64)
    assert torch.equal(_read(_cell(), target, None), target)
    assert torch.equal(_read(_cell(), target, 0.0), _read(_cell(), target, 1e6))


def test_without_reads_it_is_the_cell_itself() -> None:
    cell = replace(_cell(), reads=0.0)
    target = torch.linspace(310e-6, 570e-6, 20, dtype=torch.float64)
    assert (cell.effect, cell.effects) == ("", {})
    assert torch.equal(_read(cell, target), target)
    assert _cell().effects == {"read disturb": _cell().cell}


def test_below_the_threshold_of_the_model_reads_do_nothing() -> None:
    """To the rounding of two conductances."""
    cell = Disturbed(load_cell("rram-cmo"), load_dynamics("gong2018"), 1e12, 0.2, 1e-6)
    target = torch.linspace(9e-6, 88e-6, 20, dtype=torch.float64)
    draws = {d: torch.ones(20, dtype=torch.float64) for d in cell.draws}
    within = cell.cell.conductance(target, draws, 60.0)
    torch.testing.assert_close(cell.conductance(target, draws, 60.0), within, rtol=1e-12, atol=0)


def test_single_precision_stays_so() -> None:
    target = torch.linspace(310e-6, 570e-6, 20)
    g = _read(_cell(), target)
    assert g.dtype == torch.float32
    torch.testing.assert_close(g.double(), _read(_cell(), target.double()), rtol=3e-7, atol=0)


def test_beyond_the_window_of_the_model_a_cell_moves_as_its_end_does() -> None:
    """Below the preset's 3 kOhm by as many siemens as that; above 1.6 kOhm, where nothing moves, not at all."""
    low, high = SINH / 3000, SINH / 1600
    end = float(_read(_cell(), _f64(low)) - low)
    assert end > 1e-6
    target = _f64(0.5 * low, 1.2 * high)
    assert (_read(_cell(), target) - target).tolist() == pytest.approx([end, 0], rel=1e-9, abs=1e-15)


def test_it_never_turns_negative() -> None:
    law = PulseLaw(0.0, 600e-6, 10, 10, 0.0, 0.0, 1e-6, 0.0)
    cell = Disturbed(Ideal(0.0, 1.0, 1e-12, 0.0, 0.0), law, 1e3, -0.2, 1e-6)
    assert _read(cell, _f64(0.0, 1e-6, 500e-6, 1e-3)).tolist() == pytest.approx([0, 0, 0, 4e-4], abs=1e-12)


def test_gradient_in_the_target() -> None:
    """Cells are differentiable in the target; here at 2700 to 2900 Ohm, which reads move."""
    target = _f64(SINH / 2900, SINH / 2700).mul(1e6).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: 1e6 * _read(_cell(), t * 1e-6), (target,))


def test_reads_at_no_voltage_do_nothing() -> None:
    """Or are refused."""
    try:
        cell = replace(_cell(), voltage=0.0)
    except ValueError:
        return
    assert _read(cell, _f64(320e-6)).tolist() == pytest.approx([320e-6], rel=1e-12, abs=0)


def test_a_model_that_knows_no_pulses_of_this_length() -> None:
    """Steps measured with one pulse cannot say what a thousand do."""
    with pytest.raises(ValueError, match="must hold for any length of pulse"):
        Disturbed(Ideal(2e-6, 20e-6, 1e-12, 0.0, 0.0), load_dynamics("stellar"), 1e3, 0.2, 50e-9)
