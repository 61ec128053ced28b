"""The contract that every model of pulses keeps, over all presets; and `vary`."""

import json
import math
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mho.core import FileError, Loader, SpecError, dump_spec, fingerprint
from mho.devices import ROOMS, AbstractDynamics, DataDriven, PulseLaw, Stanford, load_dynamics, vary

PRESETS = sorted(Loader(ROOMS).presets(AbstractDynamics))
WIDTHS = {"stellar": 50e-9}
"""Models that know pulses of one length only."""
REST = {
    "gong2018": (-0.4999, 0.4999),
    "hfox": (-0.4999, 0.4999),
    "hfox-tel": (-0.4999, 0.4999),
    "stellar": (-0.4999, 0.4999),
    "vteam": (-0.01999, 0.1999),
    "stanford-rram": (-1.04, 1.04),
    "tio2": (0.0, 0.0),
    "flash-fn": (-3.0, 3.0),
    "flash-fn-tip": (-3.0, 2.0),
}
"""Voltages between which nothing moves. Stanford: F_min L / gamma_0 = 1.05 V."""
MOVE = {
    "gong2018": (1.0, 1e-6),
    "hfox": (1.0, 50e-9),
    "hfox-tel": (1.0, 50e-9),
    "stellar": (1.0, 50e-9),
    "vteam": (0.22, 1e-9),
    "stanford-rram": (1.6, 1e-10),
    "tio2": (1.5, 1e-4),
    "flash-fn": (14.5, 1e-5),
    "flash-fn-tip": (14.5, 1e-7),
}
"""A pulse that moves a cell by a part of its window."""
LOW = 0.1
"""In V: a read."""


def _state(model: AbstractDynamics, share: Any) -> Tensor:
    """Return states by their share of the way from the lowest conductance to the highest."""
    low, high = model.states
    return (low + torch.as_tensor(share, dtype=torch.float64) * (high - low)).clamp(min(low, high), max(low, high))


def _volt(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def test_there_is_a_preset_of_each_model() -> None:
    assert {type(load_dynamics(name)).__name__ for name in PRESETS} == {
        "DataDriven", "FowlerNordheim", "PulseLaw", "Stanford", "StepTable", "Vteam",
    }  # fmt: skip
    assert set(PRESETS) == set(REST) == set(MOVE)


@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=40)
@given(
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    volt=st.floats(-2.5, 2.5),
    decade=st.floats(-12, -2),
)
def test_positive_never_lowers_and_negative_never_raises(
    name: str, shares: list[float], volt: float, decade: float
) -> None:
    model = load_dynamics(name)
    state = _state(model, shares)
    width = WIDTHS.get(name, 10**decade)
    before = model.conductance(state, LOW)
    after = model.conductance(model.pulse(state, _volt(volt), width), LOW)
    assert torch.isfinite(after).all()
    # The states are float64; a step of rounding is not a movement.
    if volt >= 0:
        assert (after >= before * (1 - 1e-12)).all()
    if volt <= 0:
        assert (after <= before * (1 + 1e-12)).all()


@pytest.mark.parametrize("name", PRESETS)
def test_a_pulse_moves_a_cell_both_ways(name: str) -> None:
    """Else the test before would be passed by a cell that never moves; vteam opens slower."""
    model = load_dynamics(name)
    volt, width = MOVE[name]
    down = (-volt, width * 100 if name == "vteam" else width)
    for v, w in ((volt, width), down):
        g = model.conductance(model.pulse(_state(model, 0.5), _volt(v), w), LOW)
        assert math.copysign(1.0, float(g - model.conductance(_state(model, 0.5), LOW))) == math.copysign(1.0, v)


@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=12)
@given(share=st.floats(0, 1), part=st.floats(0, 1), decade=st.floats(-12, 0))
def test_nothing_moves_below_the_thresholds(name: str, share: float, part: float, decade: float) -> None:
    """Whatever is drawn, and however long."""
    model = load_dynamics(name)
    low, high = REST[name]
    state = _state(model, [share, 0.0, 1.0])
    width = WIDTHS.get(name, 10**decade)
    for volt in (0.0, low + part * (high - low)):
        for draw in (None, torch.full((3,), -2.0, dtype=torch.float64)):
            assert torch.equal(model.pulse(state, _volt(volt), width, draw), state)


@pytest.mark.parametrize(
    "name",
    PRESETS,
)
@pytest.mark.parametrize("volt", [-2.5, -1.5, 1.5, 2.5])
def test_states_stay_in_the_window(name: str, volt: float) -> None:
    if name == "tio2" and abs(volt) < 2:
        volt *= 1.5
    model = load_dynamics(name)
    ends = sorted(model.states)
    state = _state(model, torch.linspace(0, 1, 11))
    draw = torch.linspace(-5, 5, 11, dtype=torch.float64)
    for width in (1e-9, 1e-3, 10.0):
        moved = model.pulse(state, _volt(volt), WIDTHS.get(name, width), draw)
        assert float(moved.min()) >= ends[0]
        assert float(moved.max()) <= ends[1]


@pytest.mark.parametrize("name", PRESETS)
def test_batching_over_any_shape_is_one_by_one(name: str) -> None:
    model = load_dynamics(name)
    volt, width = MOVE[name]
    state = _state(model, torch.linspace(0.1, 0.9, 6)).reshape(2, 3, 1).expand(2, 3, 2)
    volts = _volt([[volt, -volt], [0.0, 0.8 * volt], [-0.9 * volt, 1.1 * volt]])
    draw = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(2, 3, 2)
    whole, current = model.pulse(state, volts, width, draw), model.current(state, volts)
    assert whole.shape == current.shape == (2, 3, 2)
    for i in range(2):
        for j in range(3):
            for k in range(2):
                one = model.pulse(state[i, j, k], volts[j, k], width, draw[i, j, k])
                torch.testing.assert_close(whole[i, j, k], one, rtol=1e-13, atol=0)
                amps = model.current(state[i, j, k], volts[j, k])
                torch.testing.assert_close(current[i, j, k], amps, rtol=1e-13, atol=0)
    empty = torch.zeros(0, 3, dtype=torch.float64)
    assert model.pulse(empty, _volt(volt), width).shape == (0, 3)


@pytest.mark.parametrize("name", PRESETS)
def test_vmap_equals_broadcast(name: str) -> None:
    model = load_dynamics(name)
    volt, width = MOVE[name]
    state, volts = _state(model, torch.linspace(0.1, 0.9, 5)), _volt([volt, -volt, 0.0, volt, -volt])
    mapped = torch.func.vmap(lambda s, v: model.pulse(s, v, width))(state, volts)
    torch.testing.assert_close(mapped, model.pulse(state, volts, width), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", PRESETS)
def test_single_precision(name: str) -> None:
    """Differs by the rounding of a state and of an exponent of a few tens: 400 steps and 24 bits, so 1e-4 at most."""
    model = load_dynamics(name)
    volt, width = MOVE[name]
    state = _state(model, torch.linspace(0.15, 0.85, 5))  # not at the border of a bin
    window = abs(model.states[1] - model.states[0])
    for v in (volt, -volt, 0.0):
        exact = model.pulse(state, _volt(v), width)
        single = model.pulse(state.float(), torch.tensor(v), width)
        assert (exact.dtype, single.dtype) == (torch.float64, torch.float32)
        torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-4 * window)
        amps = model.current(state.float(), torch.tensor(v))
        assert amps.dtype == torch.float32
        torch.testing.assert_close(amps.double(), model.current(state, _volt(v)), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", PRESETS)
def test_inputs_are_not_written(name: str) -> None:
    model = load_dynamics(name)
    volt, width = MOVE[name]
    state, volts, draw = _state(model, [0.2, 0.7]), _volt([volt, -volt]), torch.ones(2, dtype=torch.float64)
    kept = [t.clone() for t in (state, volts, draw)]
    model.pulse(state, volts, width, draw)
    model.state_of(model.conductance(state, LOW), LOW)
    assert all(torch.equal(a, b) for a, b in zip((state, volts, draw), kept, strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_gradient_in_state_and_voltage(name: str) -> None:
    """In units of the window and of the pulse, away from thresholds, borders of bins and ends."""
    model = load_dynamics(name)
    volt, width = MOVE[name]
    low, high = model.states
    scale = model.range(LOW)[1] * volt

    def moved(share: Tensor, part: Tensor) -> Tensor:
        return (model.pulse(low + share * (high - low), part * volt, width) - low) / (high - low)

    def current(share: Tensor, part: Tensor) -> Tensor:
        return model.current(low + share * (high - low), part * volt) / scale

    share = torch.tensor([0.33, 0.47, 0.68], dtype=torch.float64, requires_grad=True)
    part = torch.tensor([1.05, -1.05, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moved, (share, part))
    assert torch.autograd.gradcheck(current, (share, part))


@pytest.mark.parametrize("name", PRESETS)
def test_gradient_is_finite_everywhere(name: str) -> None:
    model = load_dynamics(name)
    for volt in (-2.0, -1e-9, 0.0, 0.02, 0.2, 0.5, 2.0):
        state = _state(model, torch.linspace(0, 1, 11)).requires_grad_()
        volts = torch.full((11,), volt, dtype=torch.float64, requires_grad=True)
        moved = model.pulse(state, volts, MOVE[name][1])
        grads = torch.autograd.grad(moved.sum(), (state, volts), allow_unused=True)
        assert all(g is None or torch.isfinite(g).all() for g in grads)


# Conductance and state ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_no_voltage_no_current(name: str) -> None:
    """Exactly: a loop of current over voltage is pinched."""
    model = load_dynamics(name)
    assert (model.current(_state(model, torch.linspace(0, 1, 11)), _volt(0.0)) == 0).all()


@pytest.mark.parametrize(("name", "peak", "seconds"), [("vteam", 0.5, 1e-8), ("tio2", 1.5, 1e-2),
                                                       ("stanford-rram", 1.9, 1e-6)])  # fmt: skip
def test_hysteresis_is_a_pinched_loop(name: str, peak: float, seconds: float) -> None:
    """Sweep 0, +peak, 0, -peak, 0: the current has the voltage's sign, and on the way back from +peak it is larger."""
    model = load_dynamics(name)
    if isinstance(model, Stanford):
        model = replace(model, steps=20)  # short pulses need no more
    volts = peak * torch.linspace(0, 2 * math.pi, 401, dtype=torch.float64)[:-1].sin()
    volts[0] = volts[200] = 0
    state, currents = _state(model, 0.05), []
    for v in volts:
        currents.append(float(model.current(state, v)))
        state = model.pulse(state, v, seconds / 400)
    amps = _volt(currents)
    assert torch.equal(amps.sign(), volts.sign())
    assert amps[0] == amps[200] == 0
    up, down = amps[1:100], amps[101:200].flip(0)
    assert (down >= up * (1 - 1e-12)).all()
    assert float((down / up).max()) > 1.1


@pytest.mark.parametrize("name", PRESETS)
def test_range_is_the_conductance_of_the_end_states(name: str) -> None:
    model = load_dynamics(name)
    low, high = model.range(LOW)
    assert 0 < low < high
    ends = torch.tensor(model.states, dtype=torch.float64)
    assert [low, high] == (model.current(ends, _volt(LOW)) / LOW).tolist()


@pytest.mark.parametrize("name", PRESETS)
def test_conductance_rises_from_end_to_end(name: str) -> None:
    model = load_dynamics(name)
    assert (model.conductance(_state(model, torch.linspace(0, 1, 101)), LOW).diff() > 0).all()


@pytest.mark.parametrize("name", PRESETS)
@given(share=st.floats(0, 1))
def test_state_of_is_the_inverse_of_conductance(name: str, share: float) -> None:
    """60 bisections leave the rounding: a few units of 2.2e-16 times the slope of g, which is below 10."""
    model = load_dynamics(name)
    state = _state(model, [share])
    found = model.state_of(model.conductance(state, LOW), LOW)
    torch.testing.assert_close(model.conductance(found, LOW), model.conductance(state, LOW), rtol=1e-13, atol=0)
    window = abs(model.states[1] - model.states[0])
    torch.testing.assert_close(found, state, rtol=0, atol=1e-12 * window)


@pytest.mark.parametrize("name", PRESETS)
def test_state_of_what_is_out_of_reach_is_the_nearest_end(name: str) -> None:
    model = load_dynamics(name)
    low, high = model.range(LOW)
    found = model.state_of(_volt([0.0, low / 2, high * 2, 1.0]), LOW)
    ends = model.states
    expected = _volt([ends[0], ends[0], ends[1], ends[1]])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * abs(ends[1] - ends[0]))


# Numbers that vary ----------------------------------------------------------------------------------------------

VARIED = [
    ("hfox-tel", "pulses_up", 60.0, 1), ("hfox-tel", "nonlinearity_up", 1.5, 1), ("hfox-tel", "width", 50e-9, 1),
    ("hfox-tel", "nonlinearity_down", 1.5, -1), ("hfox-tel", "cycle_sigma", 0.02, 1),
    ("vteam", "k_on", -10.0, 1), ("vteam", "alpha_on", 3.0, 1), ("vteam", "v_on", -0.2, 1),
    ("vteam", "length", 3e-9, 1),
    ("vteam", "k_off", 5e-4, -1), ("vteam", "v_off", 0.02, -1),
    ("stanford-rram", "i_0", 1e-3, 1), ("stanford-rram", "gap_scale", 0.25e-9, 1), ("stanford-rram", "v_0", 0.25, 1),
    ("stanford-rram", "velocity", 10.0, 1), ("stanford-rram", "activation", 0.6, 1),
    ("stanford-rram", "hop", 0.25e-9, -1),
    ("stanford-rram", "thickness", 12e-9, 1), ("stanford-rram", "gamma_0", 16.0, 1), ("stanford-rram", "beta", 0.8, -1),
    ("stanford-rram", "heat_resistance", 2.1e3, 1), ("stanford-rram", "ambient", 300.0, -1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "value", "sign"),
    VARIED,
)
def test_gradient_in_a_number(name: str, number: str, value: float, sign: int) -> None:
    """In units of the number and of the window."""
    model = load_dynamics(name)
    assert getattr(model, number) == pytest.approx(value, rel=1e-12, abs=0)
    volt, width = MOVE[name]
    if (name, sign) == ("vteam", -1):
        width *= 100
    low, high = model.states
    draw = torch.tensor(0.7, dtype=torch.float64)

    def moved(part: Tensor) -> Tensor:
        changed = vary(model, **{number: part * value})
        return (changed.pulse(_state(model, 0.41), _volt(sign * volt), width, draw) - low) / (high - low)

    one = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moved, (one,))
    (slope,) = torch.autograd.grad(moved(one), one)
    assert float(slope) != 0


@pytest.mark.parametrize(
    ("name", "number"), [("tio2", "a"), ("tio2", "b"), ("vteam", "r_on"), ("vteam", "r_off"), ("stanford-rram", "i_0")]
)
@pytest.mark.parametrize("law", ["linear", "exponential"])
def test_gradient_of_the_current_in_a_number(name: str, number: str, law: str) -> None:
    model = load_dynamics(name)
    if name == "vteam":
        model = vary(model)
        object.__setattr__(model, "law", law)
    value, scale = getattr(model, number), float(model.current(_state(model, 0.41), _volt(LOW)))

    def current(part: Tensor) -> Tensor:
        return vary(model, **{number: part * value}).current(_state(model, 0.41), _volt(LOW)) / scale

    assert torch.autograd.gradcheck(current, (torch.tensor(1.0, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize(
    ("name", "number"),
    [("hfox-tel", "g_min"), ("hfox-tel", "g_max"), ("stellar", "g_max"), ("stanford-rram", "gap_min"),
     ("stanford-rram", "gap_max")],
)  # fmt: skip
def test_an_end_of_the_window_varies(name: str, number: str) -> None:
    model = load_dynamics(name)
    volt, width = MOVE[name]
    value = torch.tensor(getattr(model, number), dtype=torch.float64, requires_grad=True)
    state = model.states[0] + 0.41 * (model.states[1] - model.states[0])
    moved = vary(model, **{number: value}).pulse(_volt(state), _volt(volt), width)
    assert torch.isfinite(moved)


@pytest.mark.parametrize(("branch", "volt"), [("positive", 1.5), ("negative", -1.5)])
@pytest.mark.parametrize("number", ["amplitude", "steepness", "r0", "r1"])
def test_gradient_in_a_number_of_a_part(branch: str, volt: float, number: str) -> None:
    model = load_dynamics("tio2")
    assert isinstance(model, DataDriven)
    value = getattr(getattr(model, branch), number)

    def moved(part: Tensor) -> Tensor:
        changed = vary(getattr(model, branch), **{number: part * value})
        return vary(model, **{branch: changed}).pulse(_volt(2300.0), _volt(volt), 1e-3) / 1e3

    one = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moved, (one,))
    assert float(torch.autograd.grad(moved(one), one)[0]) != 0


def test_vary_leaves_the_model_alone() -> None:
    model = load_dynamics("hfox-tel")
    assert isinstance(model, PulseLaw)
    changed = vary(model, pulses_up=torch.tensor(30.0))
    assert model == load_dynamics("hfox-tel")
    assert type(changed) is PulseLaw
    assert float(changed.pulses_up) == 30
    assert changed.pulses_down == 60


def test_vary_takes_a_tensor_of_many_cells() -> None:
    """One number for each cell: variation from device to device."""
    model = load_dynamics("hfox-tel")
    counts = torch.tensor([30.0, 60.0, 120.0], dtype=torch.float64)
    state = torch.full((3,), 5e-6, dtype=torch.float64)
    moved = vary(model, pulses_up=counts).pulse(state, _volt(1.0), 50e-9)
    for i, count in enumerate(counts):
        one = vary(model, pulses_up=count).pulse(state[i], _volt(1.0), 50e-9)
        torch.testing.assert_close(moved[i], one, rtol=1e-14, atol=0)


def test_vary_of_a_number_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"^PulseLaw has no number 'pulse_up'; did you mean 'pulses_up'\? \(allowed: "):
        vary(load_dynamics("hfox-tel"), pulse_up=torch.tensor(1.0))


# Files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_dump_then_build_is_identity(name: str) -> None:
    model = load_dynamics(name)
    again = Loader(ROOMS).build(AbstractDynamics, json.loads(json.dumps(dump_spec(model))))
    assert again == model
    assert fingerprint(again) == fingerprint(model)


def test_fingerprints_differ() -> None:
    assert len({fingerprint(load_dynamics(name)) for name in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_say_where_each_number_is_from(name: str) -> None:
    model: Any = load_dynamics(name)
    told = [f for source in model.sources for f in source.fields]
    assert len(told) == len(set(told))
    defaults = {f.name for f in fields(model) if f.default is not MISSING and getattr(model, f.name) == f.default}
    assert {f.name for f in fields(model)} - {"sources"} - set(told) <= defaults
    assert set(told) <= {f.name for f in fields(model)}


def test_an_unknown_preset() -> None:
    with pytest.raises((FileError, SpecError), match=r"no preset 'stanford' in dynamics"):
        load_dynamics("stanford")
