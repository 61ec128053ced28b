"""Switched capacitors, against the charges on them counted one by one."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import brentq

from mho.arrays import CapacitiveDivision, ChargeRedistribution
from mho.arrays._capacitive import unit_mismatch
from mho.core import Seed

ROWS, COLUMNS = 20, 3
SHARED = ChargeRedistribution(capacitance=1.2e-15, voltage=0.9)
FLOATING = CapacitiveDivision(capacitance=1.2e-15, voltage=0.9)


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _random(name: str, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=Seed(0).child(name).generator(), dtype=torch.float64)


def _t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _capacitors(p: ChargeRedistribution | CapacitiveDivision, draws: torch.Tensor, n: int) -> list[float]:
    """Return the capacitors of a column: those of 1.2 fF differ less than those of 1 fF, as the root of the area."""
    return [p.capacitance * (1 + p.mismatch / math.sqrt(1.2) * float(z)) for z in draws[:, n]]


def _ours(
    p: ChargeRedistribution | CapacitiveDivision, x: torch.Tensor, w: torch.Tensor, draws: torch.Tensor
) -> list[float]:
    return p.signal(p.read(x, w, {"capacitor": draws} if p.draws else {}), x.shape[-1]).tolist()


# Charge redistribution ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mismatch", [0.0, 0.05])
@pytest.mark.parametrize("parasitic", [0.0, 0.35e-15, 2e-15])
def test_shared_charge_is_conserved(mismatch: float, parasitic: float) -> None:
    principle = replace(SHARED, parasitic=parasitic, mismatch=mismatch)
    x, w, draws = 2 * _random("x", ROWS) - 1, _random("w", ROWS, COLUMNS), Seed(0).normal((ROWS, COLUMNS)).double()
    expected = []
    for n in range(COLUMNS):
        own = _capacitors(principle, draws, n)
        charge = math.fsum(c * float(x[i] * w[i, n]) * 0.9 for i, c in enumerate(own))
        expected.append(charge / (math.fsum(own) + ROWS * parasitic))
    assert _ours(principle, x, w, draws) == _near(expected, rel=1e-12)


def test_parasitics_lower_the_gain() -> None:
    principle = replace(SHARED, capacitance=0.7e-15, parasitic=0.3e-15)
    assert principle.gain == _near(0.7)
    x, w = _random("x", ROWS), _random("w", ROWS, COLUMNS)
    torch.testing.assert_close(principle.read(x, w, {}), 0.7 * (x @ w))


def test_a_full_line_holds_the_voltage() -> None:
    assert _ours(SHARED, torch.ones(ROWS).double(), torch.ones(ROWS, 1).double(), _t()) == _near([0.9])


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_sharing_settles_to_half_an_lsb(bits: int) -> None:
    """All capacitors through their switches into the line, as linear differential equations, from the worst start."""
    principle = replace(SHARED, parasitic=0.6e-15, switch=10e3)
    rows, c, r = 6, 1.2e-15, 10e3
    matrix = np.zeros((rows + 1, rows + 1))
    for i in range(rows):
        matrix[i, i], matrix[i, rows] = -1 / (r * c), 1 / (r * c)
        matrix[rows, i] = 1 / (r * rows * 0.6e-15)
        matrix[rows, rows] -= 1 / (r * rows * 0.6e-15)
    start = np.array([0.9] * rows + [0.0])
    line = float((expm(matrix * principle.settling(rows, bits)) @ start)[rows])
    assert abs(line - 0.6) < 0.5 * 0.9 / 2**bits
    assert replace(principle, switch=20e3).settling(rows, bits) == 2 * principle.settling(rows, bits)
    # One capacitor into a line that does not move is the slowest that can be.
    assert math.exp(-principle.settling(rows, bits) / (r * c)) == _near(0.5 / 2**bits)


def _supplied(u: list[float], line: float, c: float) -> float:
    """Charge every capacitor from the voltage of the line to its own: what the sources at those voltages give."""
    return math.fsum(c * (v - line) * v for v in u)


@pytest.mark.parametrize("parasitic", [0.0, 0.35e-15])
@pytest.mark.parametrize("part", [SHARED, FLOATING], ids=["shared", "floating"])
def test_energy_is_the_charge_that_sources_give(
    part: ChargeRedistribution | CapacitiveDivision, parasitic: float
) -> None:
    principle = replace(part, parasitic=parasitic)
    x, w = _random("x", 2, ROWS), _random("w", ROWS, COLUMNS)
    energy = principle.energy(x, w)
    for b in range(2):
        for n in range(COLUMNS):
            u = [float(x[b, i] * w[i, n]) * 0.9 for i in range(ROWS)]
            line = math.fsum(1.2e-15 * v for v in u) / (ROWS * (1.2e-15 + parasitic))
            assert float(energy[b, n]) == _near(_supplied(u, line, 1.2e-15), rel=1e-9)


@pytest.mark.parametrize("part", [SHARED, FLOATING], ids=["shared", "floating"])
def test_energy_of_two_capacitors(part: ChargeRedistribution | CapacitiveDivision) -> None:
    """One of 1 fF to 1 V, against another: 0.5 fJ; both: nothing moves; none: nothing."""
    principle = replace(part, capacitance=1e-15, voltage=1.0)
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    energy = principle.energy(x, torch.ones(2, 1, dtype=torch.float64))[:, 0]
    assert energy.tolist() == pytest.approx([0.5e-15, 0, 0], abs=1e-30)


# Capacitive division --------------------------------------------------------------------------------------------


def _floating(u: list[float], c: list[float], parasitic: float, slope: float) -> float:
    """Search the voltage at which what the cells pushed onto the line is what the line's own capacitance holds."""

    def held(v: float) -> float:
        return quad(lambda own: parasitic * 1e15 * (1 + slope * own), 0, v, epsabs=1e-14)[0] * 1e-15

    def missing(v: float) -> float:
        return math.fsum(a * (b - v) for a, b in zip(c, u, strict=True)) - held(v)

    return brentq(missing, 0, 2, xtol=1e-15, rtol=1e-14)


@pytest.mark.parametrize("slope", [0.0, 0.2, 2.0, -0.3])
@pytest.mark.parametrize("parasitic", [0.0, 0.35e-15, 2e-15])
def test_charge_balances_on_a_floating_line(parasitic: float, slope: float) -> None:
    """The junctions and gates on the line hold more charge per volt the more it has moved."""
    principle = replace(FLOATING, parasitic=parasitic, parasitic_slope=slope)
    x, w = _random("x", ROWS), _random("w", ROWS, COLUMNS)
    expected = [
        _floating([float(x[i] * w[i, n]) * 0.9 for i in range(ROWS)], [1.2e-15] * ROWS, ROWS * parasitic, slope)
        for n in range(COLUMNS)
    ]
    assert _ours(principle, x, w, _t()) == _near(expected, rel=1e-9)
    down = _ours(principle, -x, w, _t())
    assert down == _near([-v for v in expected], rel=1e-9)
    assert principle.linear == (parasitic == 0)


def test_mismatched_capacitors_divide_by_their_own_sum() -> None:
    principle = replace(FLOATING, mismatch=0.05)
    x, w, draws = _random("x", ROWS), _random("w", ROWS, COLUMNS), Seed(0).normal((ROWS, COLUMNS)).double()
    expected = [
        _floating([float(x[i] * w[i, n]) * 0.9 for i in range(ROWS)], _capacitors(principle, draws, n), 0.0, 0.0)
        for n in range(COLUMNS)
    ]
    assert _ours(principle, x, w, draws) == _near(expected, rel=1e-9)


def test_mismatch_beside_parasitics_is_all_but_exact() -> None:
    """The share of the parasitics is taken of the nominal sum, which differs from the true one by 1 % / sqrt(rows)."""
    principle = replace(FLOATING, mismatch=0.01, parasitic=0.35e-15, parasitic_slope=0.2)
    x, w, draws = _random("x", 256), _random("w", 256, COLUMNS), Seed(0).normal((256, COLUMNS)).double()
    expected = [
        _floating(
            [float(x[i] * w[i, n]) * 0.9 for i in range(256)], _capacitors(principle, draws, n), 256 * 0.35e-15, 0.2
        )
        for n in range(COLUMNS)
    ]
    assert _ours(principle, x, w, draws) == _near(expected, rel=5e-4)


@given(s=st.floats(0.01, 250), slope=st.floats(0.01, 3))
def test_a_growing_parasitic_takes_more_of_a_larger_step(s: float, slope: float) -> None:
    principle = replace(FLOATING, parasitic=0.35e-15, parasitic_slope=slope)
    whole, half = (float(principle.transfer(_t(v), 256)) for v in (s, s / 2))
    assert half < whole < 2 * half
    assert whole < s * 1.2 / 1.55


def test_a_step_settles_to_half_an_lsb() -> None:
    """A driver of 10 kohm before a capacitor of 1.2 fF, the rest of the line far larger: exp(-t / 12 ps)."""
    principle = replace(FLOATING, driver=10e3)
    for bits in (3, 8):
        assert math.exp(-principle.settling(256, bits) / 12e-12) == _near(0.5 / 2**bits)


# Both -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [SHARED, FLOATING], ids=["shared", "floating"])
@pytest.mark.parametrize(("rows", "parasitic"), [(64, 0.0), (64, 0.3625e-15), (256, 0.3625e-15)])
def test_noise_of_a_line_is_that_of_its_capacitance(
    part: ChargeRedistribution | CapacitiveDivision, rows: int, parasitic: float
) -> None:
    """A picofarad holds 64.4 uV at 300 K, and others as one over the root: the whole line counts, once."""
    principle = replace(part, parasitic=parasitic, temperature=300.0)
    zero, z = torch.zeros(20000, rows, dtype=torch.float64), Seed(4).normal((20000, 1)).double()
    read = principle.signal(principle.read(zero, torch.ones(rows, 1).double(), {}, z), rows)
    farads = rows * (1.2e-15 + parasitic)
    assert float(read.std()) == _near(64.36e-6 / math.sqrt(farads / 1e-12), rel=0.02)
    exact = float(principle.signal(_t(principle.noise(rows)), rows))
    assert exact == _near(64.36e-6 / math.sqrt(farads / 1e-12), rel=1e-3)


def test_larger_capacitors_match_better() -> None:
    assert unit_mismatch(0.01, 1e-15) == _near(0.01)
    assert unit_mismatch(0.01, 4e-15) == _near(0.005)
    assert unit_mismatch(0.0, 4e-15) == 0


def test_errors_of_mismatch_are_of_its_size() -> None:
    """256 full products with capacitors of 2 % each: the share of half of them is off by 2 % / sqrt(4 x 256)."""
    principle = replace(SHARED, capacitance=1e-15, mismatch=0.02)
    draws = Seed(5).normal((256, 2000)).double()
    x = torch.cat([torch.ones(128), torch.zeros(128)]).double()
    sums = principle.read(x, torch.ones(256, 2000).double(), {"capacitor": draws})
    assert float(sums.mean()) == _near(128, rel=1e-3)
    assert float(sums.std()) / 256 == _near(0.02 / math.sqrt(4 * 256), rel=0.05)
