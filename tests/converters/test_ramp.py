"""Ramp converters: steps that add up, a bow, time, pulses out."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import (
    Ramp,
    bench,
    load_converter,
)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_steps_of_a_ramp_add_up_to_a_bridge(bits: int) -> None:
    """Errors of n steps are largest in the middle: sigma sqrt(n) / 2."""
    ramp = replace(load_converter("lpar-8b"), bits=bits, mismatch=0.02, gain_sigma=0.0, offset_sigma=0.0)
    measured = bench(ramp, columns=400)
    middle = measured.inl[:, 2 ** (bits - 1)]
    assert float(middle.std()) == pytest.approx(0.02 * math.sqrt(2**bits) / 2, rel=0.15)


def test_a_bent_ramp_has_its_bow_as_inl() -> None:
    ramp = replace(load_converter("ramp-8b"), mismatch=0.0, curvature=0.01, gain_sigma=0.0, offset_sigma=0.0)
    measured = bench(ramp, columns=2)
    assert float(measured.largest_inl.mean()) == pytest.approx(2.56, rel=0.03)


@given(st.integers(2, 10))
def test_a_ramp_takes_twice_as_long_with_every_bit(bits: int) -> None:
    ramp = replace(load_converter("ramp-8b"), bits=bits)
    assert isinstance(ramp, Ramp)
    cost = ramp.costs(256)["convert"]
    assert cost.latency == pytest.approx(2**bits / 2e9)
    assert replace(ramp, bits=bits + 1).costs(256)["convert"].energy == pytest.approx(2 * cost.energy)


def test_the_clocked_ramp_sends_pulses_and_draws_no_power_at_rest() -> None:
    lpar = load_converter("lpar-2b")
    assert lpar.pulse_output
    assert not load_converter("ramp-8b").pulse_output
    assert lpar.costs(256)["convert"].latency == pytest.approx(40e-9)  # four cycles at 100 MHz
