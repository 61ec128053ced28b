"""Write-verify: against a literal loop over single cells, and its accounting by hand."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import Seed
from mho.devices import AbstractDynamics, PulseLaw, WriteVerify, load_dynamics

LINEAR = PulseLaw(
    g_min=0.0, g_max=10e-6, pulses_up=10, pulses_down=10, nonlinearity_up=0.0, nonlinearity_down=0.0, width=1e-6,
    threshold=0.1,
)  # fmt: skip
"""1 uS a pulse, both ways (to 5e-5, as nu = 1e-4 stands for 0)."""
LOOP = WriteVerify(tolerance=0.4e-6, set_voltage=1.0, reset_voltage=1.5, width=1e-6, max_pulses=30, read_time=2e-7)


def _f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _one_by_one(
    loop: WriteVerify, dynamics: AbstractDynamics, targets: list[float], seed: Seed
) -> list[tuple[float, int, bool, float, float]]:
    """Write one cell after the other as the docstring says: read; stop; else pulse; again."""
    shape, out = (len(targets),), []
    for k, target in enumerate(targets):
        state = torch.tensor(dynamics.states[0], dtype=torch.float64)
        pulses, energy, seconds, accepted = 0, 0.0, 0.0, False
        in_a_row, last = 0, 0
        while True:
            true = float(dynamics.conductance(state, loop.read_voltage))
            noise = float(seed.child("read", pulses).normal(shape)[k]) if loop.read_sigma else 0.0
            seen = true * (1 + loop.read_sigma * noise)
            seconds += loop.read_time
            if abs(seen - target) <= loop.tolerance:
                accepted = True
                break
            if pulses == loop.max_pulses:
                break
            way = 1 if target > seen else -1
            in_a_row = in_a_row + 1 if way == last else 0
            last = way
            volt = (loop.set_voltage if way > 0 else loop.reset_voltage) + loop.step * in_a_row
            v = torch.tensor(way * volt, dtype=torch.float64)
            energy += abs(float(v * dynamics.current(state, v))) * loop.width
            state = dynamics.pulse(state, v, loop.width, seed.child("pulse", pulses).normal(shape)[k].double())
            seconds += loop.width
            pulses += 1
        out.append((float(dynamics.conductance(state, loop.read_voltage)), pulses, accepted, energy, seconds))
    return out


STELLAR = WriteVerify(0.5e-6, 1.5, 1.5, 50e-9, 40, 0.0, 0.2, 100e-9, 0.01)
CASES = {
    "stellar": STELLAR,
    "gong2018": WriteVerify(0.3e-6, 1.0, 1.2, 20e-6, 25, 0.1, 0.2, 1e-7, 0.02),
    "vteam": WriteVerify(4e-4, 0.22, 0.05, 1e-9, 20, 0.02, 0.01, 0.0, 0.0),
    "stanford-rram": WriteVerify(3e-5, 1.4, 1.2, 1e-9, 4, 0.1, 0.1, 1e-9, 0.0),
    "tio2": WriteVerify(2e-6, 1.0, 1.0, 1e-4, 20, 0.05, 0.1, 1e-7, 0.01),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_loop_over_single_cells(name: str) -> None:
    """Same decisions; the voltages are single precision, 6e-8, which exponents of some 20 make 1e-5 at most."""
    loop = CASES[name]
    dynamics = load_dynamics(name)
    low, high = dynamics.range(loop.read_voltage)
    targets = torch.linspace(low, low + 0.9 * (high - low), 6, dtype=torch.float64)
    seed = Seed(5).child(name)
    ours = loop.write(dynamics, targets, seed)
    theirs = _one_by_one(loop, dynamics, targets.tolist(), seed)
    assert ours.pulses.tolist() == [t[1] for t in theirs]
    assert ours.accepted.tolist() == [t[2] for t in theirs]
    assert ours.conductance.tolist() == pytest.approx([t[0] for t in theirs], rel=1e-5, abs=0)
    assert ours.energy.tolist() == pytest.approx([t[3] for t in theirs], rel=1e-5, abs=0)
    assert ours.time.tolist() == pytest.approx([t[4] for t in theirs], rel=1e-12, abs=0)
    assert float(ours.pulses.max()) > 3


def test_a_voltage_at_the_threshold_writes_nothing() -> None:
    """0.6 V is not above 0.6 V."""
    loop = replace(LOOP, set_voltage=0.6, max_pulses=3)
    assert loop.write(replace(LINEAR, threshold=0.6), _f64(5e-6), Seed(0)).conductance.tolist() == [0]


def test_accounting_by_hand() -> None:
    """Reaching 3 uS from 0 by steps of 1 uS: pulses at 0, 1, 2 uS and 1 V, a read before each and one after them."""
    done = LOOP.write(LINEAR, _f64(0.0, 0.4e-6, 3e-6, 9.7e-6), Seed(0))
    assert done.pulses.tolist() == [0, 0, 3, 10]
    assert done.accepted.tolist() == [True] * 4
    assert done.conductance.tolist() == pytest.approx([0, 0, 3e-6, 10e-6], rel=1e-4, abs=0)
    energy = [0.0, 0.0, (0 + 1 + 2) * 1e-12, sum(range(10)) * 1e-12]
    assert done.energy.tolist() == pytest.approx(energy, rel=2e-4, abs=0)
    seconds = [n * 1e-6 + (n + 1) * 2e-7 for n in (0, 0, 3, 10)]
    assert done.time.tolist() == pytest.approx(seconds, rel=1e-12, abs=0)
    assert done.yield_ == 1


def test_a_cell_that_cannot_be_reached_is_given_up() -> None:
    """A step of 1 uS never ends within 0.1 uS of 2.5 uS: up and down until the pulses are used up; one last read."""
    loop = replace(LOOP, tolerance=0.1e-6, max_pulses=7)
    done = loop.write(LINEAR, _f64(2.5e-6, 3e-6, 20e-6), Seed(0))
    assert done.accepted.tolist() == [False, True, False]
    assert done.pulses.tolist() == [7, 3, 7]
    assert done.yield_ == pytest.approx(1 / 3)
    # Three up to 3 uS, then down, up, down, up.
    assert float(done.conductance[0]) == pytest.approx(3e-6, rel=1e-4, abs=0)
    assert float(done.time[0]) == pytest.approx(7e-6 + 8 * 2e-7, rel=1e-12, abs=0)
    # V^2 g t at 0, 1, 2 uS and 1 V, then at 3 uS and 1.5 V and at 2 uS and 1 V, twice.
    assert float(done.energy[0]) == pytest.approx((0 + 1 + 2 + 2 * (2.25 * 3 + 2)) * 1e-12, rel=2e-4, abs=0)


def test_voltages_grow_and_start_again_after_a_change_of_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up 1.0, 1.1, 1.2, 1.3 V to 4 uS, above 3.5 uS; down 3 uS by -1.5 V; and again from 1.0 V."""
    seen: list[float] = []
    law = replace(LINEAR, pulses_down=10 / 3)
    kept = PulseLaw.pulse

    def pulse(self: PulseLaw, state: torch.Tensor, voltage: torch.Tensor, *rest: object) -> torch.Tensor:
        seen.append(float(voltage))
        return kept(self, state, voltage, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(PulseLaw, "pulse", pulse)
    replace(LOOP, tolerance=0.1e-6, step=0.1, max_pulses=10).write(law, _f64(3.5e-6).squeeze(), Seed(0))
    assert seen == pytest.approx([1.0, 1.1, 1.2, 1.3, -1.5, 1.0, 1.1, 1.2, -1.5, 1.0], rel=1e-12)


def test_resets_grow_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    law = replace(LINEAR, pulses_up=2, pulses_down=40)  # 5 uS up, a quarter down
    kept = PulseLaw.pulse

    def pulse(self: PulseLaw, state: torch.Tensor, voltage: torch.Tensor, *rest: object) -> torch.Tensor:
        seen.append(float(voltage))
        return kept(self, state, voltage, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(PulseLaw, "pulse", pulse)
    done = replace(LOOP, tolerance=0.2e-6, step=0.1).write(law, _f64(4e-6).squeeze(), Seed(0))
    assert seen == pytest.approx([1.0, -1.5, -1.6, -1.7, -1.8], rel=1e-12)
    assert bool(done.accepted)


@pytest.mark.parametrize("name", ["gong2018", "hfox-tel", "stellar"])
def test_without_read_noise_accepted_is_within_the_tolerance(name: str) -> None:
    dynamics = load_dynamics(name)
    loop = WriteVerify(0.4e-6, 1.0, 1.0, 1e-6 if name == "gong2018" else 50e-9, 300)
    target = torch.linspace(2e-6, 20e-6, 10, dtype=torch.float64)[:, None].expand(10, 40)
    done = loop.write(dynamics, target, Seed(1))
    near = (done.conductance - target).abs() <= 0.4e-6
    assert torch.equal(near, done.accepted)
    assert done.yield_ == float(near.double().mean())
    assert done.yield_ > 0.5


def test_with_read_noise_the_last_read_is_within_the_tolerance() -> None:
    """Not the conductance: of those accepted, some are beyond by less than five sigmas of a read."""
    target = torch.full((2000,), 15e-6, dtype=torch.float64)
    done = replace(STELLAR, read_sigma=0.03, max_pulses=100).write(load_dynamics("stellar"), target, Seed(2))
    error = (done.conductance - target).abs()[done.accepted]
    assert float(error.max()) < 0.5e-6 + 5 * 0.03 * 16e-6
    assert float((error > 0.5e-6).double().mean()) > 0.05


def test_more_pulses_and_a_wider_window_accept_more() -> None:
    dynamics = load_dynamics("stellar")
    target = torch.linspace(3e-6, 19e-6, 500, dtype=torch.float64)
    few, more = (replace(STELLAR, max_pulses=n).write(dynamics, target, Seed(3)) for n in (10, 40))
    assert 0 < few.yield_ < more.yield_
    assert (more.accepted | ~few.accepted).all()  # the first ten pulses are the same
    assert replace(STELLAR, tolerance=2e-6).write(dynamics, target, Seed(3)).yield_ > more.yield_


def test_shapes_types_and_seeds() -> None:
    dynamics = load_dynamics("stellar")
    for shape in ((), (0,), (3,), (2, 3, 4)):
        done = STELLAR.write(dynamics, torch.full(shape, 9e-6), Seed(0))
        for part in (done.conductance, done.pulses, done.energy, done.time):
            assert (part.shape, part.dtype) == (torch.Size(shape), torch.float64)
        assert done.accepted.dtype == torch.bool
    one, again, other = (STELLAR.write(dynamics, torch.full((50,), 9e-6), Seed(s)) for s in (0, 0, 1))
    assert torch.equal(one.conductance, again.conductance)
    assert not torch.equal(one.conductance, other.conductance)


def test_the_target_is_not_written() -> None:
    target = _f64(5e-6, 1.0)
    LOOP.write(LINEAR, target, Seed(0))
    assert target.tolist() == [5e-6, 1.0]


def test_yield_of_no_cells() -> None:
    done = LOOP.write(LINEAR, torch.zeros(0, dtype=torch.float64), Seed(0))
    assert math.isnan(done.yield_)


@pytest.mark.parametrize("pulses", [0, -3])
def test_no_pulses(pulses: int) -> None:
    with pytest.raises(ValueError, match=rf"^max_pulses must be at least 1, not {pulses}$"):
        replace(LOOP, max_pulses=pulses)
