"""Tunnelling through the oxide of a floating gate: Kirchhoff and the law of the current, against an integrator."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import constants, integrate

from mho.core import Seed
from mho.devices import FowlerNordheim, NorFlash, WriteVerify, Written, load_cell, load_dynamics

OXIDE = 3.9 * constants.epsilon_0


def _model(name: str = "flash-fn", **changes: Any) -> FowlerNordheim:
    """Return a preset whose window holds any threshold, unless told otherwise."""
    model = load_dynamics(name)
    assert isinstance(model, FowlerNordheim)
    return replace(model, **({"lowest": -20.0, "window": 40.0, "single_electrons": False} | changes))


def _threshold(model: FowlerNordheim, start: float, volt: float, width: float) -> float:
    state = torch.tensor([start], dtype=torch.float64)
    return float(model.pulse(state, torch.tensor([volt], dtype=torch.float64), width))


def _charge(model: FowlerNordheim, gate: float, start: float, width: float) -> float:
    """Return the threshold after a pulse, from the charge on two capacitors and the current through one of them.

    C_CG and C_ox in series between gate and channel; C_CG is `capacitance`, and a its share of both.
    """
    c_gate = model.capacitance
    c_oxide = c_gate * (1 - model.coupling) / model.coupling
    area = c_oxide * model.oxide / OXIDE

    def slope(_: float, q: Any) -> list[float]:
        floating = (c_gate * gate + q[0]) / (c_gate + c_oxide)
        field = floating / model.oxide * (model.erase_gain if floating < 0 else 1.0)
        current = area * model.pre_factor * field**2 * math.exp(-model.critical_field / abs(field)) if field else 0.0
        return [-math.copysign(current, field)]

    begin = -(start - model.neutral) * c_gate
    done = integrate.solve_ivp(slope, (0, width), [begin], method="LSODA", rtol=1e-9, atol=1e-26)
    return model.neutral - float(done.y[0, -1]) / c_gate


def test_constants_of_the_law_by_hand() -> None:
    """1.54e-6 / (mass barrier) A / V^2 and 6.83e9 sqrt(mass) barrier^1.5 V / m."""
    model = _model()
    assert model.pre_factor == pytest.approx(1.541e-6 / (0.42 * 3.25), rel=1e-3)
    assert model.critical_field == pytest.approx(6.831e9 * 0.42**0.5 * 3.25**1.5, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    volt=st.floats(11, 19), start=st.floats(0, 2), decade=st.floats(-7, -1), erase=st.booleans(),
    name=st.sampled_from(["flash-fn", "flash-fn-tip"]),
)  # fmt: skip
def test_the_closed_form_is_the_circuit(volt: float, start: float, decade: float, erase: bool, name: str) -> None:
    model, width = _model(name), 10**decade
    gate = -volt if erase else volt
    after = _threshold(model, start, -gate, width)
    assert after == pytest.approx(_charge(model, gate, start, width), abs=1e-5)
    assert (after <= start) if erase else (after >= start)


@pytest.mark.parametrize("volt", [14.0, 16.0, 18.0])
def test_threshold_goes_with_the_logarithm_of_time(volt: float) -> None:
    """t_ox E^2 / (a B) for each e-fold, E being the field that is left; in proportion to time at first."""
    model, start = _model(), 0.95
    field = model.coupling * volt / model.oxide
    onset = math.exp(model.critical_field / field) * OXIDE
    onset /= model.critical_field * model.pre_factor * (1 - model.coupling)
    shift = [_threshold(model, start, -volt, onset * 10.0**n) - start for n in range(-6, 7)]
    early = [b / a for a, b in pairwise(shift[:4])]
    assert early == pytest.approx([10.0] * 3, rel=1e-3)
    late = [b - a for a, b in pairwise(shift[8:])]
    left = [field - model.coupling * s / model.oxide for s in shift[8:]]
    scale = math.log(10) * model.oxide / (model.coupling * model.critical_field)
    assert late == pytest.approx([scale * a * b for a, b in pairwise(left)], rel=5e-3)
    assert all(0.5 < step < 1.5 for step in late)  # about a volt a decade, as floating gates are known for


def test_a_pulse_in_two_parts_is_the_pulse() -> None:
    model = _model()
    half = _threshold(model, 0.9, -16.0, 3e-5)
    assert _threshold(model, half, -16.0, 7e-5) == pytest.approx(_threshold(model, 0.9, -16.0, 1e-4), abs=1e-12)


def test_both_ways_are_mirror_images_without_a_tip() -> None:
    """About the threshold without charge; a tip erases nearly the same at a voltage lower by its gain."""
    model = _model()
    for width in (1e-6, 1e-3):
        up = _threshold(model, 0.95, -15.0, width) - 0.95
        assert 0.95 - _threshold(model, 0.95, 15.0, width) == pytest.approx(up, rel=1e-9)
    tip = _model("flash-fn-tip")
    assert _threshold(tip, 0.95, -15.0, 1e-5) == _threshold(model, 0.95, -15.0, 1e-5)
    down = 0.95 - _threshold(tip, 0.95, 15.0 / 1.4, 1e-5)
    assert down == pytest.approx(_threshold(model, 0.95, -15.0, 1e-5) - 0.95, rel=0.01)


def test_equal_steps_of_voltage_give_equal_steps_of_threshold() -> None:
    """Incremental step pulses: once it keeps up, the threshold rises by the step of the voltage at each pulse."""
    model, state = _model(), torch.tensor([0.95], dtype=torch.float64)
    seen = []
    for n in range(40):
        state = model.pulse(state, torch.tensor([-(14.0 + 0.25 * n)], dtype=torch.float64), 1e-4)
        seen.append(float(state))
    rise = [b - a for a, b in pairwise(seen[29:])]
    assert rise == pytest.approx([0.25] * 10, rel=1e-3)
    assert seen[1] - seen[0] < 0.1


def test_electrons_are_counted() -> None:
    """The variance of a step is that of its number of electrons: q step / C."""
    model = _model(single_electrons=True)
    start = torch.full((100_000,), 0.95, dtype=torch.float64)
    z = Seed(0).child("electrons").normal((100_000,)).double()
    volt = torch.tensor(-15.5, dtype=torch.float64)
    moved = model.pulse(start, volt, 1e-5, z) - start
    mean = _threshold(model, 0.95, -15.5, 1e-5) - 0.95
    electrons = mean * model.capacitance / constants.e
    assert electrons > 30
    assert float(moved.mean()) == pytest.approx(mean, rel=5e-3)
    assert float(moved.std()) == pytest.approx(mean / math.sqrt(electrons), rel=0.01)
    still = replace(model, single_electrons=False).pulse(start[:3], volt, 1e-5, z[:3])
    assert torch.equal(still, replace(model, single_electrons=False).pulse(start[:3], volt, 1e-5))


def test_read_current_is_that_of_the_cell() -> None:
    """The same exponential as `NorFlash` reads: a decade for each ln(10) n k T / q of threshold."""
    model, cell = load_dynamics("flash-fn"), load_cell("nor-flash")
    assert isinstance(model, FowlerNordheim)
    assert isinstance(cell, NorFlash)
    slope = cell.slope_factor * constants.k * 300 / constants.e
    state = model.lowest + torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64) * math.log(10) * slope
    g = model.conductance(state, 0.1)
    assert g.tolist() == pytest.approx([5e-6, 5e-7, 5e-8], rel=1e-6)
    assert model.range(0.1)[0] < cell.range[0]


def test_energy_is_what_the_gate_takes() -> None:
    """Charge through the supply of the gate, from the charges of the capacitor before and after."""
    model = _model()
    c, a = model.capacitance, model.coupling
    for gate in (15.0, -16.0):
        before = torch.tensor([1.1], dtype=torch.float64)
        volt = torch.tensor([-gate], dtype=torch.float64)
        after = model.pulse(before, volt, 1e-4)

        def held(gate: float, threshold: Any) -> float:
            floating = a * gate - a * (float(threshold) - model.neutral)
            return c * (gate - floating)

        expected = gate * (held(gate, after) - held(0.0, before))
        assert float(model.pulse_energy(before, after, volt, 1e-4)) == pytest.approx(expected, rel=1e-9)
        assert 0.2 * c * gate**2 < expected < c * gate**2
    nothing = torch.zeros(1, dtype=torch.float64)
    assert float(model.pulse_energy(before, before, nothing, 1.0)) == 0


def test_the_loop_finds_all_states_and_counts() -> None:
    """Pulses, energy and time of one cell after the other, by a loop of our own."""
    cell = load_cell("nor-flash-written")
    assert isinstance(cell, Written)
    loop, model = replace(cell.loop, read_sigma=0.0), replace(cell.dynamics, single_electrons=False)
    targets = torch.linspace(*cell.range, 6, dtype=torch.float64)
    done = loop.write(model, targets, Seed(0))
    assert done.yield_ == 1.0
    assert float((done.conductance - targets).abs().max()) <= loop.tolerance
    for i, target in enumerate(targets.tolist()):
        pulses, energy = _one(loop, model, target)
        assert float(done.pulses[i]) == pulses
        assert float(done.energy[i]) == pytest.approx(energy, rel=1e-9)
        assert float(done.time[i]) == pytest.approx(pulses * 10e-6 + (pulses + 1) * 1e-6, rel=1e-12)
    assert 5 < float(done.pulses[1:].mean()) < 60


def _one(loop: WriteVerify, model: Any, target: float) -> tuple[int, float]:
    state = torch.tensor(model.states[0], dtype=torch.float64)
    pulses, energy, run, before = 0, 0.0, 0, 0
    while abs(float(model.conductance(state, loop.read_voltage)) - target) > loop.tolerance:
        way = 1 if float(model.conductance(state, loop.read_voltage)) < target else -1
        run = run + 1 if way == before else 0
        before = way
        volt = torch.tensor(way * (loop.set_voltage + loop.step * run), dtype=torch.float64)
        after = model.pulse(state, volt, loop.width)
        energy += float(model.pulse_energy(state, after, volt, loop.width))
        state, pulses = after, pulses + 1
    return pulses, energy


def test_single_electrons_and_noisy_reads_cost_pulses_and_leave_an_error() -> None:
    cell = load_cell("nor-flash-written")
    assert isinstance(cell, Written)
    targets = torch.linspace(*cell.range, 5, dtype=torch.float64)[1:].repeat(200, 1)
    noisy = cell.loop.write(cell.dynamics, targets, Seed(1))
    assert noisy.yield_ > 0.99
    error = (noisy.conductance - targets).abs()
    assert float((error > cell.loop.tolerance).double().mean()) < 0.1  # only reads that erred
    assert 0 < float(error.mean()) < cell.loop.tolerance
    assert cell.costs()["write"].energy == pytest.approx(float(noisy.energy.mean()), rel=0.3)


def test_gradients_reach_the_oxide() -> None:
    from mho.devices import vary

    model = _model()
    oxide = torch.tensor(9e-9, dtype=torch.float64, requires_grad=True)
    state = torch.tensor([0.95], dtype=torch.float64)
    volt = torch.tensor([-15.0], dtype=torch.float64)
    vary(model, oxide=oxide).pulse(state, volt, 1e-5).sum().backward()
    step = 1e-13
    ends = [float(replace(model, oxide=9e-9 + s).pulse(state, volt, 1e-5)) for s in (step, -step)]
    assert oxide.grad is not None
    assert float(oxide.grad) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)
