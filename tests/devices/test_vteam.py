"""VTEAM: its closed forms against integration by others, ngspice included."""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mho.devices import Vteam, load_dynamics
from mho.eda import ngspice, ngspice_version

judge = pytest.mark.skipif(ngspice_version() is None, reason="ngspice is not installed (apt-get install ngspice)")
R_ON, R_OFF, D, K_ON, K_OFF, A_ON, A_OFF, V_ON, V_OFF = 50.0, 1000.0, 3e-9, -10.0, 5e-4, 3.0, 1.0, -0.2, 0.02
"""The published example, written anew."""


def _model(window: Literal["none", "joglekar"] = "none", law: Literal["linear", "exponential"] = "linear") -> Vteam:
    model = load_dynamics("vteam")
    assert isinstance(model, Vteam)
    return replace(model, window=window, law=law)


def _f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).squeeze()


def _speed(volt: float) -> float:
    """Return d(x / D)/dt without the window; the voltage that opens is the negative of ours."""
    v = -volt
    if v > V_OFF:
        return K_OFF * (v / V_OFF - 1) ** A_OFF / D
    return K_ON * (v / V_ON - 1) ** A_ON / D if v < V_ON else 0.0


@pytest.mark.parametrize("volt", [-1.0, -0.5, -0.021, -0.02, -0.01, 0.0, 0.1, 0.2, 0.201, 0.3, 0.5, 1.0])
def test_speed(volt: float) -> None:
    assert float(_model().speed(_f64(volt))) == pytest.approx(_speed(volt), rel=1e-12, abs=0)


def test_speed_by_hand() -> None:
    """At 0.4 V: -10 m/s (2 - 1)^3 / 3 nm; at -0.1 V: 0.5 mm/s (5 - 1) / 3 nm."""
    assert float(_model().speed(_f64(0.4))) == pytest.approx(-1e10 / 3, rel=1e-12)
    assert float(_model().speed(_f64(-0.1))) == pytest.approx(2e6 / 3, rel=1e-12)


@pytest.mark.parametrize(
    ("volt", "start"), [(0.25, 0.9), (0.5, 0.6), (-0.05, 0.2), (-1.0, 0.4), (0.4, 0.999), (-0.5, 1e-4)]
)
def test_joglekar_is_the_logistic_curve(volt: float, start: float) -> None:
    """Against an integration of dx/dt = k (1 - (2 x - 1)^2) to 1e-11, over a few of its time constants."""
    k = _speed(volt)
    times = np.linspace(0, 3 / abs(4 * k), 7)[1:]
    done = solve_ivp(lambda _, x: k * (1 - (2 * x - 1) ** 2), (0, times[-1]), [start], "LSODA", times, rtol=1e-11,
                     atol=1e-14)  # fmt: skip
    ours = [float(_model("joglekar").pulse(_f64(start), _f64(volt), float(t))) for t in times]
    assert ours == pytest.approx(done.y[0], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("volt", [0.25, -0.05])
def test_without_a_window_it_is_a_straight_line_that_ends(volt: float) -> None:
    k = _speed(volt)
    for share in (0.1, 0.4, 0.6, 2.0):
        ours = float(_model().pulse(_f64(0.5), _f64(volt), share / abs(k)))
        assert ours == pytest.approx(min(1.0, max(0.0, 0.5 + math.copysign(share, k))), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("window", ["none", "joglekar"])
@given(
    x=st.floats(0, 1), volt=st.floats(-1, 1), parts=st.floats(0, 1), amount=st.floats(0, 5),
)  # fmt: skip
def test_a_pulse_in_two_is_one_pulse(window: Literal["none", "joglekar"], x: float, volt: float, parts: float,
                                     amount: float) -> None:  # fmt: skip
    model, k = _model(window), abs(_speed(volt)) or 1.0
    width, v, state = amount / k, _f64(volt), _f64(x)
    whole = model.pulse(state, v, width)
    two = model.pulse(model.pulse(state, v, parts * width), v, (1 - parts) * width)
    # exp(4 k t) turns the rounding of 4 k t <= 20 into 20 x 2e-16 of the odds; x moves by at most a quarter of that.
    torch.testing.assert_close(two, whole, rtol=1e-13, atol=1e-13)


def test_ends_of_joglekars_window_do_not_move() -> None:
    """Known of this window: f(0) = f(1) = 0."""
    state = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for volt in (-1.0, 1.0):
        assert torch.equal(_model("joglekar").pulse(state, _f64(volt), 1.0), state)


def test_pulses_of_any_length_are_finite() -> None:
    for dtype in (torch.float32, torch.float64):
        for volt in (-1.0, 1.0):
            x = _model("joglekar").pulse(torch.linspace(0, 1, 11).to(dtype), torch.tensor(volt, dtype=dtype), 1e6)
            assert torch.isfinite(x).all()
            assert (x[1:-1] > 0.99).all() if volt < 0 else (x[1:-1] < 0.01).all()


@pytest.mark.parametrize("x", [0.0, 0.3, 1.0])
def test_currents(x: float) -> None:
    for volt in (-0.5, 0.1):
        linear = volt / (R_ON + (R_OFF - R_ON) * x)
        exponential = volt / (R_ON * math.exp(math.log(R_OFF / R_ON) * x))
        assert float(_model().current(_f64(x), _f64(volt))) == pytest.approx(linear, rel=1e-13, abs=0)
        ours = float(_model(law="exponential").current(_f64(x), _f64(volt)))
        assert ours == pytest.approx(exponential, rel=1e-13, abs=0)


def test_nothing_differs_from_cycle_to_cycle() -> None:
    state, volt = _f64(0.5), _f64(0.25)
    assert torch.equal(_model().pulse(state, volt, 1e-9, _f64(3.0)), _model().pulse(state, volt, 1e-9))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"v_on": 0.2}, "0.2, -10.0, 0.02, 0.0005"),
        ({"v_off": 0.0}, "-0.2, -10.0, 0.0, 0.0005"),
        ({"k_on": 10.0}, "-0.2, 10.0, 0.02, 0.0005"),
        ({"k_off": -1.0}, "-0.2, -10.0, 0.02, -1.0"),
    ],
)
def test_wrong_signs(changes: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=rf"^v_on and k_on must be below 0, v_off and k_off above, not {told}$"):
        replace(_model(), **changes)


# The judge ------------------------------------------------------------------------------------------------------

NETLIST = """\
* VTEAM: the state is the voltage of a capacitor of 1 nF, a volt for the whole length
V1 in 0 PWL({points})
Boff off 0 V='v(in) < -{v_off} ? {k_off} * (-v(in) / {v_off} - 1) : 0'
Bon on 0 V='v(in) > {v_set} ? {k_on} * (v(in) / {v_set} - 1) ^ 3 : 0'
Bx 0 x I='1e-9 * (v(off) + v(on)) * ({window})'
C1 x 0 1n IC={start}
Bm in 0 I='v(in) / ({resistance})'
.options reltol=1e-6 abstol=1e-15 vntol=1e-9
.tran {step} {stop} 0 {step} UIC
.save v(x) v(in) i(V1)
.end
"""


def _ngspice(start: float, stop: float, points: str, window: str, resistance: str) -> dict[str, np.ndarray]:
    text = NETLIST.format(
        points=points, v_off=V_OFF, v_set=-V_ON, k_off=K_OFF / D, k_on=K_ON / D, window=window, start=start,
        resistance=resistance, step=stop / 400, stop=stop,
    )  # fmt: skip
    return dict(ngspice(text, timeout=60))


WINDOWS = {"none": "1", "joglekar": "1 - (2 * v(x) - 1) ^ 2"}
LAWS = {"linear": "50 + 950 * v(x)", "exponential": "50 * exp(ln(20) * v(x))"}


@judge
@pytest.mark.parametrize(("window", "law"), [("none", "linear"), ("joglekar", "exponential"), ("joglekar", "linear")])
@pytest.mark.parametrize(("volt", "start"), [(0.25, 0.9), (0.5, 0.95), (-0.1, 0.05), (-0.5, 0.1)])
def test_a_transient_of_ngspice(
    window: Literal["none", "joglekar"], law: Literal["linear", "exponential"], volt: float, start: float
) -> None:
    """A constant voltage at every time point; trapezoidal steps of h < 1e-2 time constants err by h^2 / 12."""
    stop = 0.8 / abs(_speed(volt)) if window == "none" else 3 / abs(4 * _speed(volt))
    raw = _ngspice(start, stop, f"0 {volt} 1 {volt}", WINDOWS[window], LAWS[law])
    model = _model(window, law)
    assert len(raw["time"]) >= 400
    ours = torch.stack([model.pulse(_f64(start), _f64(volt), float(t)) for t in raw["time"]])
    assert np.abs(ours.numpy() - raw["v(x)"]).max() < 1e-5
    amps = model.current(ours, _f64(volt)).numpy()
    # The exponential law turns 1e-5 of x into ln 20 times as much; the first points are the start of ngspice itself.
    assert np.abs(amps / -raw["i(v1)"] - 1)[2:].max() < 3e-5 * (1 if law == "exponential" else 20)


@judge
def test_a_train_of_pulses_in_ngspice() -> None:
    """Set, a pause below threshold, reset; edges of a thousandth of a pulse."""
    ns = 1e-9
    times = [0, 5 * ns, 5.005 * ns, 10 * ns, 10.005 * ns, 200 * ns]
    volts = [0.25, 0.25, 0.1, 0.1, -0.06, -0.06]
    points = " ".join(f"{t} {v}" for t, v in zip(times, volts, strict=True))
    raw = _ngspice(0.7, times[-1], points, WINDOWS["joglekar"], LAWS["linear"])
    model, x = _model("joglekar"), _f64(0.7)
    for volt, width in ((0.25, 5 * ns), (0.1, 5 * ns), (-0.06, 190 * ns)):
        x = model.pulse(x, _f64(volt), width)
    # Time points are half a nanosecond apart and those of the edges, of which each counts as half a pulse at most:
    # 5 ps of 5 ns times a movement of 0.2.
    assert raw["v(x)"][-1] == pytest.approx(float(x), abs=5e-4)
    assert raw["v(x)"].min() < 0.68
