"""Times against the walk of an edge through a chain, and against the crossing of a ramp found by search."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from mho.arrays import DelayChain, RampCrossing
from mho.core import Seed

ROWS, COLUMNS = 24, 3
CHAIN = DelayChain(idle=20e-12, step=10e-12)
RAMP = RampCrossing(current=100e-9, window=10e-9, capacitance=1e-12, supply=0.9)


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _random(name: str, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=Seed(0).child(name).generator(), dtype=torch.float64)


def _t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Delay chain ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mismatch", [0.0, 0.1])
@given(seed=st.integers(0, 2**32 - 1))
def test_an_edge_runs_through_all_cells(mismatch: float, seed: int) -> None:
    """The time at the end, less that of a replica chain with all cells idle, in steps."""
    principle = replace(CHAIN, mismatch=mismatch)
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.randint(0, 2, s, generator=generator).double() for s in ((ROWS,), (ROWS, COLUMNS)))
    draws = Seed(seed).normal((ROWS, COLUMNS)).double()
    ours = principle.signal(principle.read(x, w, {"delay": draws} if mismatch else {}), ROWS)
    for n in range(COLUMNS):
        edge, replica = 0.0, 0.0
        for i in range(ROWS):
            edge += 20e-12
            replica += 20e-12
            if x[i] == 1 and w[i, n] == 1:
                edge += 10e-12 * (1 + mismatch * float(draws[i, n]))
        assert float(ours[n]) == pytest.approx(edge - replica, rel=1e-6, abs=1e-18)


def test_jitter_of_a_chain_grows_as_the_root() -> None:
    """Literally: 20,000 edges through 100 cells, each cell early or late by 2 ps."""
    principle = replace(CHAIN, jitter=2e-12)
    ends = (2e-12 * Seed(1).normal((20000, 100)).double()).sum(1)
    assert float(ends.std()) / 10e-12 == _near(principle.noise(100), rel=0.02)
    for rows in (1, 25, 256):
        assert principle.noise(4 * rows) == _near(2 * principle.noise(rows))
    assert CHAIN.noise(256) == 0


def test_errors_of_mismatch_grow_as_the_root_of_the_slow_cells() -> None:
    principle = replace(CHAIN, mismatch=0.05)
    draws = Seed(2).normal((400, 3000)).double()
    for on in (100, 400):
        x = (torch.arange(400) < on).double()
        sums = principle.read(x, torch.ones(400, 3000).double(), {"delay": draws})
        assert float(sums.std()) == _near(0.05 * math.sqrt(on), rel=0.05)


def test_the_slowest_edge_and_its_energy() -> None:
    """256 cells of 20 ps + 10 ps; a femtojoule in each, slow or not."""
    principle = replace(CHAIN, edge_energy=1e-15)
    assert principle.settling(256, 8) == _near(7.68e-9)
    energy = principle.energy(_random("x", 2, 256).round(), _random("w", 256, 3).round())
    assert energy.tolist() == [_near([256e-15] * 3)] * 2


# Ramp crossing --------------------------------------------------------------------------------------------------


def _crossing(p: RampCrossing, x: list[float], w: list[float]) -> float:
    """Search when the line reaches its threshold, in s after the earliest start."""
    threshold = p.window * p.current * math.fsum(w) / p.capacitance

    def voltage(t: float) -> float:
        charge = 0.0
        for level, weight in zip(x, w, strict=True):
            charge += weight * p.current * max(0.0, t - p.window * (1 - level))
        return charge / p.capacitance

    return brentq(lambda t: voltage(t) - threshold, 0, 3 * p.window, xtol=1e-22, rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1), bits=st.booleans())
def test_the_crossing_holds_the_sum(seed: int, bits: bool) -> None:
    """Decode with the stored sum of w: what the crossing comes earlier than twice the window."""
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.rand(s, generator=generator, dtype=torch.float64) for s in ((ROWS,), (ROWS, COLUMNS)))
    if bits:
        x, w = x.round(), w.round()
    ours = RAMP.read(x, w, {})
    for n in range(COLUMNS):
        time = _crossing(RAMP, x.tolist(), w[:, n].tolist()) if w[:, n].sum() else 2e-8
        assert 1e-8 * (1 - 1e-9) <= time <= 2e-8 * (1 + 1e-9)  # so all have started, and a reading fits two windows
        assert float(ours[n]) == pytest.approx((2e-8 - time) / 1e-8 * float(w[:, n].sum()), rel=1e-7, abs=1e-9)
    assert RAMP.settling(ROWS, 8) == 2e-8


def test_signal_is_the_time_in_a_half_full_column() -> None:
    w = [1.0] * 12 + [0.0] * 12
    x = _random("x", ROWS).tolist()
    earlier = _crossing(RAMP, [0.0] * ROWS, w) - _crossing(RAMP, x, w)
    s = RAMP.read(_t(*x), _t(*w).unsqueeze(1), {})
    assert float(RAMP.signal(s, ROWS)) == _near(earlier, rel=1e-7)


@pytest.mark.parametrize("full", [4, 12, 24])
def test_noise_of_line_and_comparator_moves_the_crossing(full: int) -> None:
    """A millivolt on the ramp of k cells is 1 mV / (k x 0.1 V/us); decoded, the same sum for any k."""
    principle = replace(RAMP, comparator_noise=1e-3)
    slope = full * 100e-9 / 1e-12
    assert principle.noise(ROWS) == _near(1e-3 / slope / 1e-8 * full)
    cold = replace(principle, comparator_noise=0.0, temperature=300.0)
    assert cold.noise(ROWS) == _near(64.36e-6 / slope / 1e-8 * full, rel=1e-3)
    both = replace(principle, temperature=300.0)
    assert both.noise(ROWS) == _near(math.hypot(principle.noise(ROWS), cold.noise(ROWS)))


def test_jitter_of_the_inputs() -> None:
    """Literally: 300 crossings of 24 full cells, whose inputs come 0.1 ns early or late."""
    principle = replace(RAMP, jitter=1e-10)
    x = 0.5 + 0.01 * Seed(3).normal((300, ROWS)).double()
    times = [_crossing(RAMP, row.tolist(), [1.0] * ROWS) for row in x]
    decoded = _t(*times).std() / 1e-8 * ROWS
    assert float(decoded) == _near(principle.noise(ROWS), rel=0.1)
    assert principle.noise(4 * ROWS) == _near(2 * principle.noise(ROWS))


def test_shot_noise_of_the_ramp() -> None:
    """Literally: electrons that arrive at full cells until those of the threshold are there; decoded, a spread of k.

    24 full cells: 0.1 uA x 10 ns x 24 = 24 fC, 149,800 electrons, whose last one comes early or late.
    """
    principle = replace(RAMP, shot=1.0)
    one = 100e-9 * 10e-9 / 1.602176634e-19
    count = ROWS * one
    assert principle.noise(ROWS) == _near(math.sqrt(ROWS / one))
    # The time of the n-th arrival is gamma-distributed; rates are those of all cells.
    gamma = torch.distributions.Gamma(
        torch.tensor(count).double(), torch.tensor(ROWS * 100e-9 / 1.602176634e-19).double()
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        times = gamma.sample((20000,))
    assert float(times.mean()) == _near(1e-8, rel=1e-3)
    assert float(times.std()) / 1e-8 * ROWS == _near(principle.noise(ROWS), rel=0.02)
    assert principle.noise(4 * ROWS) == _near(2 * principle.noise(ROWS))
    assert replace(principle, capacitance=1e-9).noise(ROWS) == principle.noise(ROWS)


def test_energy_of_the_ramp() -> None:
    """Two full cells charge the line with 2 fC from 0.9 V, whenever they start."""
    w = torch.tensor([[1.0, 0.5], [1.0, 0.0]], dtype=torch.float64)
    energy = RAMP.energy(_random("x", 3, 2), w)
    assert energy.tolist() == [_near([1.8e-15, 0.45e-15])] * 3
