"""Flash, ramp, sense amplifier, voltage to time, integrate and fire, pipeline: the errors and costs of each."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import (
    AbstractConverter,
    Flash,
    IntegrateFire,
    Pipeline,
    Ramp,
    SenseAmplifier,
    VoltageToTime,
    bench,
    load_converter,
)
from mho.core import Seed

IDEAL = (
    *("flash-5b", "ramp-8b", "lpar-8b", "sense-voltage-3b", "sense-current-3b"),
    *("pipeline-8b", "cyclic-8b", "voltage-to-time-8b"),
)


def _ideal(name: str) -> AbstractConverter:
    converter = load_converter(name)
    for effect in list(converter.effects):
        converter = converter.effects.get(effect, converter)
    return converter


@pytest.mark.parametrize("name", IDEAL)
@pytest.mark.parametrize("bipolar", [True, False])
def test_without_its_errors_each_kind_rounds(name: str, bipolar: bool) -> None:
    converter = _ideal(name)
    low, high = converter.codes(bipolar)
    signal = torch.linspace(low - 2, high + 2, 1013) + 1e-3
    profile = converter.profile(torch.zeros(converter.mismatches))
    ours = converter.quantise_(signal.clone(), low, high, profile)
    assert torch.equal(ours, signal.round().clamp(low, high))


@pytest.mark.parametrize("name", IDEAL)
def test_an_ideal_sine_has_six_db_a_bit(name: str) -> None:
    """SNDR 6.02 N + 1.76 dB; below six bits the error of a sine is not spread evenly, and it has less."""
    converter = _ideal(name)
    measured = bench(converter, columns=2)
    assert float(measured.sndr.mean()) == pytest.approx(6.02 * converter.resolution + 1.76, abs=0.8)
    assert float(measured.largest_inl.max()) < 0.05
    assert (measured.missing == 0).all()
    assert measured.monotone.all()


def test_a_flash_counts_ones_whatever_their_order() -> None:
    flash = replace(load_converter("flash-4b"), mismatch=1.0)
    assert isinstance(flash, Flash)
    z = Seed(0).normal((flash.mismatches,))
    raw = torch.arange(1.0, 16) - 0.5 + z
    assert (raw.diff() < 0).any()  # bubbles
    x = torch.linspace(-1, 16, 400)
    ours = flash.quantise_(x.clone(), 0.0, 15.0, flash.profile(z))
    np.testing.assert_array_equal(ours.numpy(), (x.numpy()[:, None] >= raw.numpy()).sum(-1))


def test_offsets_of_comparators_are_the_inl_of_a_flash() -> None:
    flash = replace(load_converter("flash-6b"), mismatch=0.2, gain_sigma=0.0, conversion_noise=0.0)
    measured = bench(flash, columns=500, reference="absolute")
    assert float(measured.inl.std()) == pytest.approx(0.2, rel=0.05)
    assert float(measured.dnl.std()) == pytest.approx(0.2 * math.sqrt(2), rel=0.05)


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


def test_one_bit_of_a_sense_amplifier_is_a_threshold() -> None:
    amplifier = replace(load_converter("sense-voltage-3b"), bits=1)
    assert isinstance(amplifier, SenseAmplifier)
    codes = amplifier.quantise_(torch.tensor([-3.0, 0.4, 0.6, 9.0]), 0.0, 1.0)
    assert codes.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert amplifier.costs(256)["convert"].latency == pytest.approx(0.64e-9)


@pytest.mark.parametrize("depth", [0.1, 0.5, 2.0])
def test_a_discharge_through_a_resistance(depth: float) -> None:
    """A circuit's times, tau ln(V / V_t), against counts in proportion: about depth / 8 of full scale where small."""
    converter = replace(load_converter("voltage-to-time-8b"), depth=depth, gain_sigma=0.0, offset_sigma=0.0)
    assert isinstance(converter, VoltageToTime)
    v = torch.linspace(1, math.exp(depth), 100_001, dtype=torch.float64)  # from the threshold to full scale
    counts, signal = 256 * v.log() / depth, 256 * (v - 1) / (v[-1] - 1)
    measured = bench(converter, columns=2)
    assert float(measured.largest_inl.mean()) == pytest.approx(float((signal - counts).abs().max()), rel=0.03)
    wanted = torch.from_numpy(np.interp(0.5 + np.arange(255), counts.numpy(), signal.numpy())).float()
    torch.testing.assert_close(measured.transitions[0], wanted, atol=0.05, rtol=0)


def test_spikes_are_whole_and_have_a_sign() -> None:
    converter = replace(load_converter("integrate-fire-8b"), dead_time=0.0)
    assert isinstance(converter, IntegrateFire)
    signal = torch.tensor([-2.9, -1.0, -0.4, 0.0, 0.4, 1.0, 2.9, 300.0])
    assert converter.quantise_(signal.clone(), -127.0, 127.0).tolist() == [-2, -1, 0, 0, 0, 1, 2, 127]
    rectifying = replace(converter, rectifying=True)
    low, high = rectifying.codes(True)
    assert rectifying.quantise_(signal.clone(), low, high).tolist() == [0, 0, 0, 0, 0, 1, 2, 127]
    fit = rectifying.calibrate(rectifying.errors({n: torch.zeros(3) for n in ("gain", "offset")}), low, high)
    assert float((fit.gain - 1).abs().max()) < 0.02


def test_dead_time_loses_what_comes_during_it() -> None:
    """An integrator simulated in small steps fires as often as the converter says."""
    converter = replace(load_converter("integrate-fire-8b"), dead_time=2e-9)
    window, lost = converter.window, converter.dead_time
    profile = converter.profile(None)
    full = 256 / (1 - 256 * lost / window)  # rate without dead time that gives 256 spikes with it
    for share in (0.1, 0.37, 0.8):
        rate = share * full / window
        spikes, charge, dead = 0, 0.0, 0.0
        steps = 400_000
        for _ in range(steps):
            if dead > 0:
                dead -= window / steps
                continue
            charge += rate * window / steps
            if charge >= 1:
                spikes, charge, dead = spikes + 1, 0.0, lost
        ours = converter.quantise_(torch.tensor([share * 256]), 0.0, 255.0, profile)
        assert abs(float(ours) - spikes) <= 1


@given(st.integers(3, 10), st.integers(0, 100))
def test_wrong_decisions_of_a_pipeline_do_no_harm(bits: int, seed: int) -> None:
    """Within a quarter of the range: that is what the redundant half bit is for."""
    converter = replace(load_converter("pipeline-8b"), bits=bits, mismatch=0.0, decision_mismatch=0.06)
    assert isinstance(converter, Pipeline)
    z = Seed(seed).normal((converter.mismatches,)).clamp(-3, 3)
    low, high = converter.codes(True)
    signal = torch.linspace(0.9 * low, 0.9 * high, 500, dtype=torch.float64) + 1e-4
    profile = converter.profile(z)
    ours = converter.quantise_(signal.clone(), low, high, profile)
    assert torch.equal(ours, signal.round())


def test_a_cyclic_converter_has_one_stage_in_turns() -> None:
    pipeline, cyclic = load_converter("pipeline-8b"), load_converter("cyclic-8b")
    a, b = pipeline.costs(256), cyclic.costs(256)
    assert b["convert"].latency == pytest.approx(7 * a["convert"].latency)
    assert a["part"].area == pytest.approx(7 * b["part"].area)
    assert a["convert"].energy == b["convert"].energy
    z = Seed(0).normal((cyclic.mismatches,))
    profile = cyclic.profile(z)
    assert len(profile[:6].unique()) == 1  # one gain error, met in every turn


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("flash-4b", {"bits": 13}, "a Flash converter has 1 to 12 bits, not 13"),
        ("pipeline-8b", {"bits": 1}, "a pipeline converter has 2 to 14 bits, not 1"),
        ("integrate-fire-8b", {"bits": 0}, "an integrate-and-fire converter has 1 to 12 bits, not 0"),
        (
            "integrate-fire-8b",
            {"dead_time": 2e-8},
            "256 spikes need dead times of less than 2.58e-06 s together, but dead_time is 2e-08 s; "
            "lower it, lengthen window or take fewer bits",
        ),
    ],
)
def test_wrong_values(name: str, changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=r"bits|spikes") as error:
        replace(load_converter(name), **changes)
    assert str(error.value) == message
