"""Dividers against Kirchhoff's law of their node, series resistances against the sum over the junctions in the path."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from mho.arrays import ResistanceSum, ResistiveDivision
from mho.core import Seed

ROWS, COLUMNS = 24, 3
DIVIDER = ResistiveDivision(g_max=40e-6, read_voltage=0.2, on_off=20.0)
SERIES = ResistanceSum(r_low=1e4, tmr=1.2, wire=1e3, capacitance=1e-14)


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _random(name: str, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=Seed(0).child(name).generator(), dtype=torch.float64)


def _bits(name: str, *shape: int) -> torch.Tensor:
    return _random(name, *shape).round()


def _t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Resistive division ---------------------------------------------------------------------------------------------


def _open_end(g: list[float], v: list[float], load: float) -> float:
    """Search the voltage of the line at which the currents of cells and load cancel."""
    return brentq(
        lambda u: math.fsum(a * (b - u) for a, b in zip(g, v, strict=True)) - load * u, -1, 1, xtol=1e-16, rtol=1e-14
    )


def _cells(p: ResistiveDivision, w: torch.Tensor, n: int) -> list[float]:
    lowest = p.g_max / p.on_off
    return [lowest + (p.g_max - lowest) * s for s in w[:, n].tolist()]


@pytest.mark.parametrize("on_off", [math.inf, 20.0, 2.0])
@pytest.mark.parametrize("load", [0.0, 1e-6, 1e-4])
def test_the_open_end_of_a_column(on_off: float, load: float) -> None:
    """Decode the node's voltage with the stored conductance of the column and the known sum of the inputs."""
    principle = replace(DIVIDER, on_off=on_off, load=load)
    x, w = 2 * _random("x", ROWS) - 1, _random("w", ROWS, COLUMNS)
    expected = []
    for n in range(COLUMNS):
        g = _cells(principle, w, n)
        v = _open_end(g, [0.2 * a for a in x.tolist()], load)
        total = math.fsum(g) * v / 0.2  # what all cells would conduct into a short
        off = 40e-6 / on_off
        expected.append((total - off * float(x.sum())) / (40e-6 - off))
    assert principle.read(x, w, {}).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_corrected_without_a_load_it_is_exact_and_uncorrected_it_is_not() -> None:
    x, w = _bits("x", 30, 64), torch.cat([(_random("few", 64, 1) > 0.8), (_random("many", 64, 1) > 0.2)], 1).double()
    true = x @ w
    torch.testing.assert_close(DIVIDER.read(x, w, {}), true, rtol=1e-12, atol=1e-12)
    wrong = replace(DIVIDER, corrected=False).read(x, w, {})
    ratio = (wrong + x.sum(1, keepdim=True) / 19).mean(0) / (true + x.sum(1, keepdim=True) / 19).mean(0)
    held = (w + (1 - w) / 20).mean(0)  # the mean conductance, in units of the highest
    assert ratio.tolist() == _near((0.525 / held).tolist(), rel=1e-9)
    assert float(ratio[0]) > 1.5
    assert float(ratio[1]) < 0.75


def test_without_correction_a_column_is_taken_to_hold_half() -> None:
    half = torch.cat([torch.ones(32), torch.zeros(32)]).double().unsqueeze(1)
    x = _bits("x", 5, 64)
    one, other = (replace(DIVIDER, corrected=c).read(x, half, {}) for c in (True, False))
    torch.testing.assert_close(one, other)


def test_a_column_that_holds_nothing_reads_nothing() -> None:
    ideal = replace(DIVIDER, on_off=math.inf)
    for corrected in (True, False):
        y = replace(ideal, corrected=corrected).read(torch.ones(2, 8).double(), torch.zeros(8, 3).double(), {})
        assert torch.equal(y, torch.zeros(2, 3).double())


def test_signal_is_the_voltage_of_a_half_full_column() -> None:
    ideal = replace(DIVIDER, on_off=math.inf)
    w = torch.cat([torch.ones(32), torch.zeros(32)]).double().unsqueeze(1)
    x = _bits("x", 64)
    v = _open_end((40e-6 * w[:, 0]).tolist(), (0.2 * x).tolist(), 0.0)
    assert float(ideal.signal(ideal.read(x, w, {}), 64)) == _near(v, rel=1e-9)


@pytest.mark.parametrize("on_off", [math.inf, 4.0])
def test_noise_of_the_line(on_off: float) -> None:
    """A picofarad holds 64.4 uV at 300 K; decode that, in a full column of 64, as any voltage is decoded."""
    principle = replace(DIVIDER, capacitance=1e-12, temperature=300.0, on_off=on_off)
    sums = 64.36e-6 / 0.2 * 64 / (1 - 1 / on_off)
    assert principle.noise(64) == _near(sums, rel=1e-3)
    full, z = torch.ones(64, 1).double(), Seed(1).normal((20000, 1)).double()
    assert float(principle.read(torch.zeros(20000, 64).double(), full, {}, z).std()) == _near(sums, rel=0.02)
    assert replace(principle, capacitance=0.0).noise(64) == 0


@pytest.mark.parametrize("bits", [1, 8])
def test_the_slowest_column_settles_to_half_an_lsb(bits: int) -> None:
    """256 cells that are off, 2 uS each, charge 0.1 pF."""
    principle = replace(DIVIDER, capacitance=1e-13)
    assert math.exp(-principle.settling(256, bits) * 256 * 2e-6 / 1e-13) == _near(0.5 / 2**bits)


def test_energy_flows_from_input_to_input() -> None:
    """Two cells of 40 uS in series between 0.2 V and 0 V carry 4 uA: 0.8 uW. Between equal inputs nothing flows."""
    principle = replace(DIVIDER, on_off=math.inf, pulse=10e-9)
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.5, -0.5], [-1.0, -1.0]], dtype=torch.float64)
    energy = principle.energy(x, torch.ones(2, 1).double())[:, 0]
    assert energy.tolist() == pytest.approx([8e-15, 0, 8e-15, 0], abs=1e-27)


@given(seed=st.integers(0, 2**32 - 1))
def test_energy_is_the_heat_of_all_cells(seed: int) -> None:
    principle = replace(DIVIDER, pulse=10e-9)
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.rand(s, generator=generator, dtype=torch.float64) for s in ((9,), (9, 1)))
    g, v = _cells(principle, w, 0), (0.2 * x).tolist()
    u = _open_end(g, v, 0.0)
    heat = math.fsum(a * (b - u) ** 2 for a, b in zip(g, v, strict=True)) * 10e-9
    assert float(principle.energy(x, w)) == _near(heat, rel=1e-9)


# Resistance sum -------------------------------------------------------------------------------------------------


def _path(p: ResistanceSum, x: list[int], w: list[float], own: list[float], other: list[float]) -> float:
    """Walk along the column: in each cell, the input chooses the junction of the weight or that of its complement."""
    ohms = 0.0
    for bit, weight, a, b in zip(x, w, own, other, strict=True):
        state, error = (weight, a) if bit else (1 - weight, b)
        junction = p.r_low if state == 0 else p.r_low * (1 + p.tmr) if state == 1 else math.nan
        ohms += junction * (1 + p.spread * error) + p.wire
    return ohms


@pytest.mark.parametrize("spread", [0.0, 0.05])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_sum_of_the_junctions_in_the_path(spread: float, seed: int) -> None:
    """Decode: half of what the inputs change in the path, and half of their known sum, in steps of high less low."""
    principle = replace(SERIES, spread=spread)
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.randint(0, 2, s, generator=generator).double() for s in ((ROWS,), (ROWS, COLUMNS)))
    draws = {n: Seed(seed).child(n).normal((ROWS, COLUMNS)).double() for n in ("junction", "complement")}
    ours = principle.read(x, w, draws if principle.draws else {})
    for n in range(COLUMNS):
        column = w[:, n].tolist(), draws["junction"][:, n].tolist(), draws["complement"][:, n].tolist()
        ohms = _path(principle, x.int().tolist(), *column)
        rest = _path(principle, [0] * ROWS, *column)  # once for each column, when it is written
        assert float(ours[n]) == pytest.approx(((ohms - rest) / 12e3 + float(x.sum())) / 2, rel=1e-9, abs=1e-9)


def test_with_equal_junctions_only_bits_need_be_known() -> None:
    """The resistance is that of an XNOR: the product follows from the sums of x and w alone, without a measurement."""
    x, w = _bits("x", ROWS), _bits("w", ROWS, 1)
    zeros = [0.0] * ROWS
    ohms = _path(SERIES, x.int().tolist(), w[:, 0].tolist(), zeros, zeros)
    equal = (ohms - ROWS * 11e3) / 12e3
    assert equal == _near(float((x == w[:, 0]).sum()))
    assert float(SERIES.read(x, w, {})) == _near((equal + float(x.sum() + w.sum()) - ROWS) / 2)


def test_the_sum_is_read_as_a_time() -> None:
    """R C ln 2, from the literal path: with the sums of x and w kept, one product more adds two steps of 12 kohm."""
    zeros = [0.0, 0.0]
    apart = _path(SERIES, [1, 0], [0.0, 1.0], zeros, zeros)
    together = _path(SERIES, [1, 0], [1.0, 0.0], zeros, zeros)
    seconds = (together - apart) * 1e-14 * math.log(2)
    assert float(SERIES.signal(_t(1.0), 2)) == _near(seconds)
    assert replace(SERIES, jitter=seconds / 4).noise(7) == _near(0.25)
    assert SERIES.noise(7) == 0


def test_thermal_noise_moves_the_crossing() -> None:
    """Literally: a capacitor whose reset and whose resistor are noisy, and when it crosses half of the voltage.

    kT / C stays what it is, as what the resistor adds makes up for what of the reset is forgotten. 5 fF are at 0.91 mV.
    """
    rows, steps, paths = 64, 1500, 4000
    principle = replace(SERIES, temperature=300.0, capacitance=5e-15)
    ohms = _path(SERIES, [1] * rows, [1.0] * rows, [0.0] * rows, [0.0] * rows)
    tau = ohms * 5e-15
    sigma = math.sqrt(1.380649e-23 * 300 / 5e-15)
    dt = tau / steps
    keep = math.exp(-dt / tau)
    z = Seed(6).normal((steps + 1, paths)).double()
    noise, crossed = sigma * z[0], torch.full((paths,), math.inf).double()
    for n in range(1, steps + 1):
        noise = noise * keep + sigma * math.sqrt(1 - keep**2) * z[n]
        v = 1 - math.exp(-n * dt / tau) + noise
        crossed = torch.where((v >= 0.5) & crossed.isinf(), n * dt, crossed)
    assert float(crossed.mean()) == _near(tau * math.log(2), rel=5e-3)
    step = 2 * 12e3 * 5e-15 * math.log(2)
    assert float(crossed.std()) / step == _near(principle.noise(rows), rel=0.05)
    assert principle.noise(rows) == _near(sigma * 2 * tau / step)
    assert principle.noise(2 * rows) == _near(2 * principle.noise(rows))
    both = replace(principle, jitter=1e-10)
    assert both.noise(rows) == _near(math.hypot(principle.noise(rows), replace(both, temperature=0.0).noise(rows)))


def test_the_longest_time_is_that_of_high_junctions() -> None:
    high = _path(SERIES, [1] * ROWS, [1.0] * ROWS, [0.0] * ROWS, [0.0] * ROWS)
    assert SERIES.settling(ROWS, 8) == _near(high * 1e-14 * math.log(2))
    assert 1 - math.exp(-SERIES.settling(ROWS, 8) / (high * 1e-14)) == _near(0.5)  # half of the voltage


def test_spread_is_one_of_the_whole_resistance() -> None:
    """A low junction of 10 kohm +- 10 % is 1 kohm off: a twelfth of a step, and half of that in the product."""
    principle = replace(SERIES, spread=0.1)
    draws = {"junction": torch.ones(1, 1).double(), "complement": torch.zeros(1, 1).double()}
    low, high = (float(principle.weights(torch.full((1, 1), v).double(), draws)) for v in (0.0, 1.0))
    assert low == _near(1 / 24)
    assert high == _near(1 + 2.2 / 24)


def test_energy_of_one_charge() -> None:
    """10 fF to 1 V take 10 fJ from the supply, whatever the data."""
    energy = SERIES.energy(_bits("x", 4, ROWS), _bits("w", ROWS, COLUMNS))
    assert energy.tolist() == [_near([1e-14] * COLUMNS)] * 4
