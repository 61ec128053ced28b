"""Currents on a line against Kirchhoff's law of its node, charges on a line against the differential equation."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from mho.arrays import ChargeDomain, CurrentDomain
from mho.core import Seed

ROWS, COLUMNS = 24, 3
CURRENT = CurrentDomain(g_max=40e-6, read_voltage=0.2, on_off=20.0, read_out=500.0)
CHARGE = ChargeDomain(current=1e-6, pulse=1e-9, capacitance=5e-14, swing=0.9, early_voltage=2.0)


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _random(name: str, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=Seed(0).child(name).generator(), dtype=torch.float64)


def _t(values: list[list[float]]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _node_current(g: list[float], v: list[float], resistance: float) -> float:
    """Search the voltage of the line at which what the cells bring in is what the read-out takes; return that."""
    if resistance == 0:
        return math.fsum(a * b for a, b in zip(g, v, strict=True))
    line = brentq(
        lambda u: math.fsum(a * (b - u) for a, b in zip(g, v, strict=True)) - u / resistance, -1, 1, xtol=1e-16
    )
    return line / resistance


@pytest.mark.parametrize("on_off", [math.inf, 20.0, 2.0])
@pytest.mark.parametrize("read_out", [0.0, 10.0, 500.0, 5e3])
def test_the_current_of_a_column_less_that_of_its_dummy(on_off: float, read_out: float) -> None:
    """The read-out is no ideal ground: each column lifts its own line, and the dummy column of off cells its own."""
    principle = replace(CURRENT, on_off=on_off, read_out=read_out)
    x, w = 2 * _random("x", ROWS) - 1, _random("w", ROWS, COLUMNS)
    lowest = 40e-6 / on_off
    inputs = [0.2 * v for v in x.tolist()]
    dummy = _node_current([lowest] * ROWS, inputs, read_out)
    expected = []
    for n in range(COLUMNS):
        cells = [lowest + (40e-6 - lowest) * s for s in w[:, n].tolist()]
        expected.append(_node_current(cells, inputs, read_out) - dummy)
    ours = principle.signal(principle.read(x, w, {}), ROWS)
    assert ours.tolist() == pytest.approx(expected, rel=1e-8, abs=1e-15)


def test_a_stiff_read_out_loses_nothing_and_a_soft_one_does() -> None:
    x, w = torch.ones(ROWS, dtype=torch.float64), torch.ones(ROWS, 1, dtype=torch.float64)
    sums = [float(replace(CURRENT, on_off=math.inf, read_out=r).read(x, w, {})) for r in (0.0, 1e3, 1e4)]
    assert sums[0] == ROWS
    assert sums[1] == _near(ROWS / 1.96)  # 24 cells of 40 uS are 0.96 mS, beside 1 mS
    assert sums[2] < sums[1]


@pytest.mark.parametrize("on_off", [math.inf, 4.0])
def test_thermal_noise_is_that_of_a_resistor(on_off: float) -> None:
    """A resistor of 1 kohm at 300 K gives 4.07 nV/sqrt(Hz), so 4.07 pA/sqrt(Hz) into a short; here it is 25 cells."""
    principle = replace(CURRENT, bandwidth=1e6, temperature=300.0, on_off=on_off, read_out=0.0)
    zero, z = torch.zeros(20000, 25, dtype=torch.float64), Seed(1).normal((20000, 1)).double()
    current = principle.signal(principle.read(zero, torch.ones(25, 1).double(), {}, z), 25)
    assert float(current.std()) == _near(4.07e-12 * 1e3, rel=0.02)


def test_noise_grows_as_the_root() -> None:
    principle = replace(CURRENT, bandwidth=1e8)
    assert principle.noise(400) == _near(2 * principle.noise(100))
    assert replace(principle, bandwidth=4e8).noise(100) == _near(2 * principle.noise(100))
    assert principle.noise(100) > 0
    assert replace(principle, bandwidth=0.0).noise(100) == 0


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_line_settles_to_half_an_lsb(bits: int) -> None:
    """It follows exp(-t / RC), here with 10 ohm and 256 cells of 0.35 fF."""
    principle = replace(CURRENT, read_out=10.0, line_capacitance=0.35e-15)
    left = math.exp(-principle.settling(256, bits) / (10 * 256 * 0.35e-15))
    assert left == _near(0.5 / 2**bits)


def test_energy_of_the_cells() -> None:
    """40 uS at 0.2 V take 1.6 uW: in 10 ns 16 fJ; at half the voltage a quarter; an off cell a twentieth."""
    principle = replace(CURRENT, pulse=10e-9, read_out=0.0)
    w, x = _t([[1.0, 0.0], [0.0, 0.0]]), _t([[1.0, 0.0], [-0.5, 0.0], [0.0, 1.0]])
    expected = _t([[16e-15, 0.8e-15], [4e-15, 0.2e-15], [0.8e-15, 0.8e-15]])
    torch.testing.assert_close(principle.energy(x, w), expected, rtol=1e-9, atol=0)


# Charge ---------------------------------------------------------------------------------------------------------


def _discharged(w: np.ndarray, x: np.ndarray, p: ChargeDomain) -> float:
    """Follow the line while one cell after the other ends its pulse; return by how much it has moved, in V."""
    edges = sorted({0.0, *(float(v) * p.pulse for v in x)})
    moved = 0.0
    for start, stop in itertools.pairwise(edges):

        def slope(t: float, v: np.ndarray, middle: float = (start + stop) / 2) -> list[float]:
            on = math.fsum(w[j] * p.current for j in range(len(w)) if middle < x[j] * p.pulse)
            return [on * (1 - float(v[0]) / p.early_voltage) / p.capacitance]

        moved = float(solve_ivp(slope, (start, stop), [moved], rtol=1e-10, atol=1e-15).y[0, -1])
    return moved


@pytest.mark.parametrize("early", [math.inf, 10.0, 1.0, 0.3])
def test_the_line_obeys_its_differential_equation(early: float) -> None:
    """Pulses of different lengths, cells of different currents: the loss at each moment is that of the line then."""
    principle = replace(CHARGE, early_voltage=early)
    x, w = _random("pulses", ROWS), _random("currents", ROWS, COLUMNS)
    expected = [_discharged(w[:, n].numpy(), x.numpy(), principle) for n in range(COLUMNS)]
    ours = principle.signal(principle.read(x, w, {}), ROWS)
    assert ours.tolist() == _near(expected, rel=1e-8)
    assert min(expected) > 0.09
    assert max(expected) < early


def test_one_cell_takes_its_step() -> None:
    """A microampere for a nanosecond is a femtocoulomb: 20 mV of 50 fF."""
    assert CHARGE.step == _near(0.02)
    one = replace(CHARGE, early_voltage=math.inf).read(torch.ones(1).double(), torch.ones(1, 1).double(), {})
    assert float(CHARGE.signal(one, 1)) == _near(0.02)


def test_a_weak_output_resistance_is_not_linear() -> None:
    assert not CHARGE.linear
    assert replace(CHARGE, early_voltage=math.inf).linear
    full = float(CHARGE.transfer(torch.tensor(100.0), 100))  # ideally 2 V, with an Early voltage of 2 V
    assert full == _near(100 * (1 - math.exp(-1)), rel=1e-5)


def test_sampling_noise_of_a_picofarad_is_64_microvolt() -> None:
    principle = replace(CHARGE, capacitance=1e-12, temperature=300.0)
    assert float(principle.signal(torch.tensor(principle.noise(256), dtype=torch.float64), 256)) == _near(
        64.36e-6, rel=1e-3
    )
    zero, z = torch.zeros(20000, 8).double(), Seed(2).normal((20000, 1)).double()
    read = principle.signal(principle.read(zero, torch.ones(8, 1).double(), {}, z), 8)
    assert float(read.std()) == _near(64.36e-6, rel=0.02)


def test_jitter_of_the_edges() -> None:
    """Literally: each of 100 full pulses is 10 ps too long or too short, so the sum misses by 0.1 of a cell."""
    principle = replace(CHARGE, jitter=10e-12, early_voltage=math.inf)
    assert principle.noise(100) == _near(0.1)
    lengths = 1e-9 + 10e-12 * Seed(3).normal((20000, 100)).double()
    assert float((lengths.sum(1) / 1e-9).std()) == _near(principle.noise(100), rel=0.02)
    assert principle.noise(400) == _near(2 * principle.noise(100))
    both = replace(principle, temperature=300.0)
    assert both.noise(100) == _near(math.hypot(0.1, replace(both, jitter=0.0).noise(100)))


def test_shot_noise_counts_electrons() -> None:
    """Literally: the electrons of 64 full cells, 6,242 each; a Fano factor of a half takes a root of two."""
    principle = replace(CHARGE, shot=1.0, early_voltage=math.inf)
    one = 1e-6 * 1e-9 / 1.602176634e-19
    electrons = torch.poisson(torch.full((20000, 64), one), generator=Seed(4).generator()).sum(1)
    assert float((electrons.double() / one).std()) == _near(principle.noise(64), rel=0.02)
    assert principle.noise(64) == _near(math.sqrt(64 / one))
    assert principle.noise(256) == _near(2 * principle.noise(64))
    assert replace(principle, shot=0.5).noise(64) == _near(principle.noise(64) / math.sqrt(2))
    assert replace(principle, capacitance=1e-15).noise(64) == principle.noise(64)
    both = replace(principle, temperature=300.0, capacitance=1e-12)
    assert both.noise(64) == _near(math.hypot(principle.noise(64), replace(both, shot=0.0).noise(64)))


def test_energy_of_recharging() -> None:
    """A cell takes 1 fC for a full pulse, given back at 0.9 V: 0.9 fJ; an off cell a thousandth of it."""
    principle = replace(CHARGE, early_voltage=math.inf, on_off=1000.0)
    x, w = _t([[1.0, 0.0], [0.5, 0.0], [0.0, -1.0]]), _t([[1.0], [0.0]])
    expected = _t([[0.9e-15], [0.45e-15], [0.9e-18]])
    torch.testing.assert_close(principle.energy(x, w), expected, rtol=1e-9, atol=0)
    compressed = replace(principle, early_voltage=0.02).energy(x, w)
    assert float(compressed[0]) == _near(0.9e-15 * (1 - math.exp(-1)), rel=1e-6)


def test_a_reading_lasts_as_long_as_its_longest_pulse() -> None:
    assert CHARGE.settling(64, 4) == CHARGE.settling(256, 8) == 1e-9
