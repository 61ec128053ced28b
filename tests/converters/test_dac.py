"""Input converters: levels, gains of rows, noise, cost, and what the bench says of them."""

import math
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import Dac, dac_bench
from mho.core import Scaling, Seed


@given(st.integers(1, 255), st.floats(-3, 3))
def test_a_bow_is_largest_in_the_middle_and_odd(steps: int, inl: float) -> None:
    """A parabola: zero at no pulse and at the largest, `inl` in the middle; of both signs alike."""
    dac = Dac(0.0, inl=inl)
    p = torch.tensor([0.0, steps / 2, steps], dtype=torch.float64)
    assert (dac.levels(p, steps) - p).tolist() == pytest.approx([0, inl, 0], abs=1e-9)
    assert torch.equal(dac.levels(-p, steps), -dac.levels(p, steps))
    assert Dac(0.0).levels(p, steps) is p


def test_gains_of_rows_as_made_and_trimmed() -> None:
    """A trim leaves its step over the square root of twelve, and never more than half of it."""
    chips = [Seed(0).child("chip", i) for i in range(4)]
    made = Dac(0.0, mismatch=0.05).gains(chips, (5000,))
    assert made.shape == (4, 5000)
    assert float(made.std()) == pytest.approx(0.05, rel=0.02)
    assert float(made.mean()) == pytest.approx(1.0, abs=2e-3)
    trimmed = Dac(0.0, mismatch=0.05, trim_step=0.01).gains(chips, (5000,))
    assert float((trimmed - 1).abs().max()) <= 0.005 + 1e-6
    assert float(trimmed.std()) == pytest.approx(0.01 / math.sqrt(12), rel=0.02)
    assert torch.equal(Dac(0.0, mismatch=0.05).gains(chips[1:2], (5000,)), made[1:2])


def test_cost_by_bits_node_and_supply() -> None:
    """C b V^2; nothing for a line that is switched on or off."""
    dac = Dac(50e-15, bit_area=2e-12)
    costs = dac.costs(8, 0.9)
    assert costs["drive"].energy == pytest.approx(50e-15 * 8 * 0.81)
    assert costs["part"].area == pytest.approx(16e-12)
    assert dac.costs(0, 0.9)["drive"].energy == dac.costs(0, 0.9)["part"].area == 0.0
    ones = {f.name: 1.0 for f in fields(Scaling)}
    small = dac.scaled(Scaling(**(ones | {"analog_capacitance": 0.5, "analog_area": 0.25})))
    assert small == replace(dac, capacitance=25e-15, bit_area=0.5e-12)


@pytest.mark.parametrize("bits", [4, 7, 10])
def test_an_ideal_one_on_the_bench(bits: int) -> None:
    """SNDR of a converter of so many steps, up to the half step by which its ends round more."""
    found = dac_bench(Dac(0.0), 2**bits - 1, rows=3)
    assert float(found.inl.abs().max()) < 1e-4
    assert float(found.dnl.abs().max()) < 1e-4
    assert float(found.sndr.mean()) == pytest.approx(6.02 * bits + 1.76, abs=0.7)
    assert float(found.enob.mean()) == pytest.approx(bits, abs=0.12)


def test_errors_on_the_bench() -> None:
    """The bow is the INL, gains are those of the rows, and noise of a step costs as it should."""
    dac = Dac(0.0, inl=0.8, mismatch=0.02)
    found = dac_bench(dac, 127, Seed(3), 200)
    assert float(found.inl.max()) == pytest.approx(0.8, rel=1e-3)
    assert float(found.gain.std()) == pytest.approx(0.02, rel=0.15)
    assert float(dac_bench(dac, 127, Seed(3), 200, level=False).inl.abs().max()) < 1e-4  # widths have no bow
    noisy = dac_bench(Dac(0.0, noise=1.0), 127, Seed(3), 20)
    error = 127**2 / 8 / 10 ** (float(noisy.sndr.mean()) / 10)
    none = math.acos(1 - 1 / 127) / math.pi  # share of the time in which there is no pulse, below half a step
    assert error == pytest.approx(1.0 - none + 1 / 12, rel=0.02)
