"""The Stanford model against stiff integration of its published equations, and the order of our own."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mho.core import Seed
from mho.devices import Stanford, load_dynamics

K_EV = 1.380649e-23 / 1.602176634e-19
I_0, G_0, V_0, VELOCITY, E_A, HOP, L = 1e-3, 0.25, 0.25, 10e9, 0.6, 0.25, 12.0
GAMMA_0, BETA, F_MIN, LOW, HIGH, R_TH, AMBIENT = 16.0, 0.8, 1.4, 0.2, 1.7, 2.1e3, 300.0
"""The public model file's defaults; lengths in nm, fields in V/nm."""
LAST = 1 - 1e-6 ** (1 / 199)
"""The last of 200 steps over the pulse: 6.7 %. Each step is so much of the time gone by."""


def _model(**changes: float) -> Stanford:
    model = load_dynamics("stanford-rram")
    assert isinstance(model, Stanford)
    return replace(model, **changes)


def _f64(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _pulse(gap: float, volt: float, width: float, steps: int = 200) -> float:
    """Return our gap in nm."""
    return 1e9 * float(_model(steps=steps).pulse(_f64(gap * 1e-9), _f64(volt), width))


def _gamma(gap: float) -> float:
    return GAMMA_0 - BETA * gap**3


def _rate(gap: float, volt: float) -> float:
    """Return dg/dt in nm/s, [jiang2016] written anew."""
    current = I_0 * math.exp(-gap / G_0) * math.sinh(volt / V_0)
    kt = K_EV * (AMBIENT + abs(volt * current) * R_TH)
    if _gamma(gap) * abs(volt) / L < F_MIN:
        return 0.0
    return -VELOCITY * math.exp(-E_A / kt) * math.sinh(_gamma(gap) * HOP * volt / (L * kt))


@functools.cache
def _reference(gap: float, volt: float, width: float, method: str = "LSODA") -> tuple[float, float | None]:
    """Integrate to 1e-11; return the gap and, if it stopped at an edge of the window or at the field's, when."""

    def edge(_: float, y: np.ndarray) -> float:
        return float((y[0] - LOW) * (HIGH - y[0]))

    def field(_: float, y: np.ndarray) -> float:
        return _gamma(float(y[0])) * abs(volt) / L - F_MIN

    for event in (edge, field):
        event.terminal = True  # type: ignore[attr-defined]
    done = solve_ivp(lambda _, y: [_rate(min(HIGH, max(LOW, y[0])), volt)], (0, width), [gap], method, rtol=1e-11,
                     atol=1e-13, events=[edge, field])  # fmt: skip
    return float(done.y[0, -1]), (float(done.t[-1]) if done.status == 1 else None)


SETS = [(1.69, 1.4), (1.69, 1.6), (1.69, 2.0), (1.2, 1.2), (1.0, 1.5), (1.5, 3.0)]
RESETS = [(0.21, -1.1), (0.21, -1.2), (0.21, -1.5), (0.21, -2.0), (0.5, -1.3), (0.8, -1.25), (0.25, -3.0)]


def _smooth(cases: list[tuple[float, float]], decades: range) -> list[tuple[float, float, float]]:
    """Return the pulses that end neither at an edge nor below the least field."""
    return [(g, v, 10.0**d) for g, v in cases for d in decades if _reference(g, v, 10.0**d)[1] is None]


SMOOTH = _smooth(SETS + RESETS, range(-12, -5))


def test_there_are_pulses_of_all_kinds() -> None:
    moved = [_reference(*case)[0] - case[0] for case in SMOOTH]
    assert min(moved) < -0.03
    assert max(moved) > 0.9
    assert sum(abs(m) < 1e-3 for m in moved) > 5
    assert len(SMOOTH) > 40


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
@pytest.mark.parametrize(("gap", "volt", "width"), [(1.69, 1.6, 1e-8), (0.21, -1.5, 1e-8), (0.5, -1.3, 1e-7)])
def test_the_references_agree(gap: float, volt: float, width: float, method: str) -> None:
    assert _reference(gap, volt, width, method)[0] == pytest.approx(_reference(gap, volt, width)[0], rel=1e-8)


@pytest.mark.parametrize("gap", [0.2, 0.7, 1.2, 1.7])
@pytest.mark.parametrize("volt", [-2.0, -1.2, -0.5, 0.0, 0.3, 1.06, 1.5, 2.5])
def test_current_temperature_and_speed(gap: float, volt: float) -> None:
    """1e-8: Boltzmann's constant is given to ten digits, in an exponent of up to 40."""
    model, g, v = _model(), _f64(gap * 1e-9), _f64(volt)
    amps = I_0 * math.exp(-gap / G_0) * math.sinh(volt / V_0)
    assert float(model.current(g, v)) == pytest.approx(amps, rel=1e-12, abs=0)
    assert float(model.temperature(g, v)) == pytest.approx(300 + abs(volt * amps) * R_TH, rel=1e-12)
    assert 1e9 * float(model.rate(g, v)) == pytest.approx(_rate(gap, volt), rel=1e-8, abs=0)


@pytest.mark.parametrize(("gap", "volt", "width"), SMOOTH)
def test_two_hundred_steps_are_enough(gap: float, volt: float, width: float) -> None:
    """Relative to how far the gap moved: Heun in ln t errs by (h^2 / 12) times third derivatives, h = 0.067.

    h^2 / 12 is 4e-4. A gap that moves with ln t has derivatives of the size of its movement, one on its way into
    runaway larger ones, up to about ten times: 0.4 % of the movement.
    """
    exact, _ = _reference(gap, volt, width)
    assert _pulse(gap, volt, width) - gap == pytest.approx(exact - gap, rel=4e-3, abs=1e-9)


@pytest.mark.parametrize(
    ("gap", "volt", "width"),
    [(1.69, 1.4, 1e-7), (1.69, 1.6, 1e-8), (1.69, 2.0, 1e-10), (1.2, 1.2, 1e-7), (1.0, 1.5, 1e-9), (0.21, -1.2, 1e-7),
     (0.21, -1.5, 1e-8), (0.21, -2.0, 1e-10), (0.5, -1.3, 1e-7)],
)  # fmt: skip
def test_second_order(gap: float, volt: float, width: float) -> None:
    """Twice the steps, a quarter of the error: 4 + O(h), where steps of 3.5 % matter."""
    exact, _ = _reference(gap, volt, width)
    coarse, fine = (abs(_pulse(gap, volt, width, steps) - exact) for steps in (400, 800))
    assert coarse > 1e-9
    assert coarse / fine == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(("gap", "volt"), SETS)
def test_when_a_set_runs_away(gap: float, volt: float) -> None:
    """A set accelerates itself, and ends in a jump.

    A step of 6.7 % before the jump, our gap is that of the exact solution at a time at most a third of a step away, and
    a step after it the gap is closed.
    """
    _, when = _reference(gap, volt, 1e-2)
    assert when is not None
    assert _pulse(gap, volt, when * (1 + LAST)) == pytest.approx(LOW, rel=1e-12)
    width = when * (1 - LAST)
    late, early = (_reference(gap, volt, width * part)[0] for part in (1 + LAST / 3, 1 - LAST / 3))
    assert late <= _pulse(gap, volt, width) <= early
    if volt < 3:  # beyond, the heat takes from the field what it gives to the hops
        assert max(abs(_rate(g, volt)) for g in np.linspace(LOW, gap)) > 3 * abs(_rate(gap, volt))
    assert _pulse(gap, volt, when * 100) == pytest.approx(LOW, rel=1e-12)


@pytest.mark.parametrize(("gap", "volt"), RESETS)
@pytest.mark.parametrize("longer", [1.5, 10.0, 1e3])
def test_a_reset_limits_itself(gap: float, volt: float, longer: float) -> None:
    """It ends where the field falls below the least one, or at the window's edge.

    The field is asked at the beginning and the end of a step. The step that crosses takes half of what its beginning
    says, and began where the exact solution was at most a step before: so it is too far by at most that much.
    """
    exact, when = _reference(gap, volt, 1e-2)
    assert when is not None
    end = ((GAMMA_0 - F_MIN * L / abs(volt)) / BETA) ** (1 / 3)
    assert exact == pytest.approx(min(end, HIGH), abs=2e-5)  # as scipy finds events on its interpolation
    ours = _pulse(gap, volt, when * longer)
    if end > HIGH:
        assert ours == pytest.approx(HIGH, rel=1e-12)
    else:
        step_before, _ = _reference(gap, volt, when * (1 - LAST))
        allowed = LAST * when / (1 - LAST) * abs(_rate(step_before, volt)) / 2
        assert -2e-5 <= ours - exact <= allowed
        assert allowed < 0.02  # 8 % of g_0, which is 8 % of the conductance


@settings(max_examples=25)
@given(gap=st.floats(0.2, 1.7), volt=st.floats(-2.5, 2.5), decade=st.floats(-11, -4))
def test_longer_pulses_move_further(gap: float, volt: float, decade: float) -> None:
    """And none leaves the window. Where a reset ends below the least field, either may be 0.02 nm too far."""
    short, long = (_pulse(gap, volt, 10**d) for d in (decade, decade + 0.5))
    assert LOW * (1 - 1e-12) <= min(short, long) <= max(short, long) <= HIGH * (1 + 1e-12)
    assert (long - short) * (-1 if volt > 0 else 1) >= (-1e-9 if volt > 0 else -0.02)


@pytest.mark.parametrize(("gap", "volt", "width"), [(1.69, 1.6, 1e-8), (0.21, -1.5, 1e-8), (0.21, -1.2, 1e-7)])
def test_a_pulse_in_two_is_one_pulse(gap: float, volt: float, width: float) -> None:
    """As far as either is exact: three errors of 0.1 % of the movement at most, by the order above."""
    two = _pulse(_pulse(gap, volt, width / 2), volt, width / 2)
    one = _pulse(gap, volt, width)
    assert two - gap == pytest.approx(one - gap, rel=3e-3)


def test_the_least_field() -> None:
    """At a gap of 1 nm gamma is 15.2: nothing moves below 1.4 V/nm x 12 nm / 15.2 = 1.1053 V."""
    for volt, moves in ((1.105, False), (1.106, True), (-1.105, False), (-1.106, True)):
        assert (_pulse(1.0, volt, 1e-8) != pytest.approx(1.0, rel=1e-12)) == moves


def test_a_gap_that_feels_no_field_does_not_move() -> None:
    """gamma |V| / L < F_min also where gamma < 0: 16 - 8 x 1.6^3 = -16.8."""
    model = _model(beta=8.0)
    assert float(model.rate(_f64(1.6e-9), _f64(2.0))) == 0


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_too_few_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps"):
        _model(steps=steps)


@pytest.mark.parametrize(("volt", "width"), [(0.0, 1e-8), (1.5, 1e-10), (-1.2, 1e-9)])
def test_walk_of_the_gap(volt: float, width: float) -> None:
    """delta sqrt(t) / (1 + exp((T_crit - T) / T_smooth)), T where the pulse ends; 4 standard errors."""
    delta, n = 1e-7, 20_000
    model = _model(fluctuation=delta)
    start = torch.full((n,), 0.9e-9, dtype=torch.float64)
    exact = float(model.pulse(start[0], _f64(volt), width))
    walk = model.pulse(start, _f64(volt), width, Seed(0).normal((n,)).double()) - exact
    current = I_0 * math.exp(-exact * 1e9 / G_0) * math.sinh(volt / V_0)
    kelvin = AMBIENT + abs(volt * current) * R_TH
    sigma = delta * width**0.5 / (1 + math.exp((450 - kelvin) / 500))
    assert float(walk.mean()) == pytest.approx(0, abs=4 * sigma / n**0.5)
    assert float(walk.std()) == pytest.approx(sigma, rel=4 / (2 * n) ** 0.5)


def test_a_walk_ends_at_the_window() -> None:
    model = _model(fluctuation=1e-3)
    gap = model.pulse(
        torch.full((2,), 1e-9, dtype=torch.float64), _f64(1.2), 1e-9, _f64(5.0) * torch.tensor([1.0, -1.0])
    )
    assert gap.tolist() == [1.7e-9, 0.2e-9]


@pytest.mark.parametrize("low", [1.7e-9, 2e-9])
def test_a_window_upside_down(low: float) -> None:
    with pytest.raises(ValueError, match=rf"^gap_min must be below gap_max = 1.7e-09 m, not {low} m$"):
        _model(gap_min=low)
