"""The data-driven memristor: its closed form against integration, and where it tends to."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mho.devices import Branch, DataDriven, load_dynamics

A = {1: (600.1, -0.0212, 2699.2, -672.9), -1: (-34.6, -0.0534, 649.4, -1474.3)}
"""Amplitude, steepness, r0, r1 by the sign of the voltage, written anew."""


def _model() -> DataDriven:
    model = load_dynamics("tio2")
    assert isinstance(model, DataDriven)
    return model


def _f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).squeeze()


def _goal(volt: float) -> float:
    _, _, r0, r1 = A[1 if volt > 0 else -1]
    return r0 + r1 * volt


def _slope(r: float, volt: float) -> float:
    """Return dR/dt = A (exp(t |v|) - 1) (r(v) - R)^2, only where this leads towards r(v)."""
    amplitude, steepness, _, _ = A[1 if volt > 0 else -1]
    s, left = amplitude * (math.exp(steepness * abs(volt)) - 1), _goal(volt) - r
    return s * left**2 if s * left > 0 else 0.0


@pytest.mark.parametrize("volt", [0.2, 0.8, 1.5, -0.8, -1.2, -1.5])
@pytest.mark.parametrize("start", [1650.0, 2100.0, 2950.0])
def test_closed_form(volt: float, start: float) -> None:
    """Against an integration to 1e-11, from a thousandth of the time constant to a hundred of them."""
    left = abs(_goal(volt) - start)
    scale = left / (abs(_slope(start, volt)) or left)
    times = scale * np.logspace(-3, 2, 6)
    done = solve_ivp(lambda _, r: [_slope(r[0], volt)], (0, times[-1]), [start], "LSODA", times, rtol=1e-11, atol=1e-9)
    ours = [float(_model().pulse(_f64(start), _f64(volt), float(t))) for t in times]
    assert ours == pytest.approx(done.y[0], rel=1e-8, abs=0)
    assert (abs(ours[-1] - start) > 0.9 * left) == (_slope(start, volt) != 0)


def test_by_hand() -> None:
    """At 1 V: s = 600.1 (exp(-0.0212) - 1), r = 2026.3 Ohm; after the time 1 / (s u) half of the way is left."""
    s, left = 600.1 * math.expm1(-0.0212), 2026.3 - 2900.0
    assert float(_model().pulse(_f64(2900.0), _f64(1.0), 1 / (s * left))) == pytest.approx(2463.15, rel=1e-9)


@given(start=st.floats(1600, 3000), volt=st.floats(-1.6, 1.6), decade=st.floats(-8, 1), part=st.floats(0, 1))
def test_a_pulse_in_two_is_one_pulse(start: float, volt: float, decade: float, part: float) -> None:
    width, v, state = 10**decade, _f64(volt), _f64(start)
    two = _model().pulse(_model().pulse(state, v, part * width), v, (1 - part) * width)
    torch.testing.assert_close(two, _model().pulse(state, v, width), rtol=1e-13, atol=0)


@given(start=st.floats(1600, 3000), volt=st.floats(-1.6, 1.6), decade=st.floats(-8, 3))
def test_it_never_overshoots(start: float, volt: float, decade: float) -> None:
    moved = float(_model().pulse(_f64(start), _f64(volt), 10**decade))
    if volt == 0 or _slope(start, volt) == 0:
        assert moved == start
    else:
        low, high = sorted((start, _goal(volt)))
        assert low - 1e-9 <= moved <= high + 1e-9


def test_a_state_beyond_its_goal_rests() -> None:
    """A positive voltage lowers only what is above r(v), a negative one raises only what is below."""
    assert float(_model().pulse(_f64(1700.0), _f64(1.0), 1.0)) == 1700
    assert float(_model().pulse(_f64(2500.0), _f64(-1.0), 1.0)) == 2500


def test_inverted_is_the_mirror_of_itself() -> None:
    """A device whose positive voltage raises the resistance: the same fit with both branches exchanged."""
    (ap, tp, r0p, r1p), (an, tn, r0n, r1n) = A[1], A[-1]
    mirror = replace(_model(), positive=Branch(an, tn, r0n, -r1n), negative=Branch(ap, tp, r0p, -r1p), inverted=True)
    state = torch.linspace(1600, 3000, 15, dtype=torch.float64)
    for volt in (-1.5, -0.2, 0.0, 0.2, 1.5):
        ours = mirror.pulse(state, _f64(volt), 1e-4)
        torch.testing.assert_close(ours, _model().pulse(state, _f64(volt), 1e-4), rtol=1e-14, atol=0)


@pytest.mark.parametrize("volt", [-1.5, -0.1, 0.0, 0.1, 1.5])
def test_current(volt: float) -> None:
    expected = 0.3205 / 2000 * math.sinh(2.717 * volt)
    assert float(_model().current(_f64(2000.0), _f64(volt))) == pytest.approx(expected, rel=1e-12, abs=0)


def test_range_at_a_small_voltage() -> None:
    """a b / R."""
    ends = (0.3205 * 2.717 / 3000, 0.3205 * 2.717 / 1600)
    assert _model().range(1e-4) == pytest.approx(ends, rel=1e-7, abs=0)  # (b v)^2 / 6


def test_nothing_differs_from_cycle_to_cycle() -> None:
    state, volt = _f64(2500.0), _f64(1.5)
    assert torch.equal(_model().pulse(state, volt, 1e-3, _f64(3.0)), _model().pulse(state, volt, 1e-3))


@pytest.mark.parametrize("low", [3000.0, 4000.0])
def test_a_window_upside_down(low: float) -> None:
    with pytest.raises(ValueError, match=rf"^r_low must be below r_high = 3000.0 Ohm, not {low} Ohm$"):
        replace(_model(), r_low=low)
