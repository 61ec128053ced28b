"""The SAR converter: ideal rounding, the theory of quantisation noise, binary search with real capacitors, cost."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import Sar, load_converter
from mho.core import Seed


def _sar(bits: int = 8, **changes: float) -> Sar:
    return replace(load_converter("sar-8b"), bits=bits, **changes)


@given(st.integers(2, 12), st.booleans(), st.lists(st.floats(-6000, 6000, width=32), min_size=1, max_size=30))
def test_an_ideal_converter_rounds_like_numpy(bits: int, bipolar: bool, values: list[float]) -> None:
    sar = _sar(bits)
    low, high = sar.codes(bipolar)
    ours = sar.quantise_(torch.tensor(values), low, high)
    np.testing.assert_array_equal(ours.numpy(), np.clip(np.round(np.array(values, np.float32)), low, high))


@pytest.mark.parametrize("bits", range(6, 13))
def test_signal_to_noise_of_a_full_scale_sine(bits: int) -> None:
    """6.02 N + 1.76 dB within 0.3 dB, where the sine spans all codes and half an LSB beyond.

    Below 6 bits the error of a sine is no longer spread evenly over an LSB (0.4 dB less at 5 bits).
    """
    sar = _sar(bits)
    low, high = sar.codes(False)
    n = 1 << 15
    sine = np.sin(2 * np.pi * 1021 * np.arange(n) / n)
    signal = torch.tensor((high - low + 1) / 2 * sine + (high + low) / 2)
    noise = sar.quantise_(signal.clone(), low, high) - signal
    ratio = 10 * np.log10(float(((signal - signal.mean()) ** 2).mean() / (noise**2).mean()))
    assert ratio == pytest.approx(6.02 * bits + 1.76, abs=0.3)


def _search(signal: float, low: float, high: float, weights: np.ndarray) -> float:
    """Search bit by bit, one number at a time."""
    rest, code = np.float32(signal) - np.float32(low - 0.5), 0
    for bit in range(len(weights) - 1, -1, -1):
        if rest >= weights[bit]:
            rest, code = np.float32(rest - weights[bit]), code + 2**bit
    return min(max(code + low, low), high)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("bipolar", [True, False])
def test_mismatch_is_a_literal_binary_search(bits: int, bipolar: bool) -> None:
    sar = _sar(bits, mismatch=0.05)
    zero = torch.zeros(40)
    errors = sar.errors({"gain": zero, "offset": zero, "mismatch": Seed(0).normal((40, bits))})
    low, high = sar.codes(bipolar)
    signal = torch.linspace(low - 3, high + 3, 333)[:, None].expand(-1, 40)
    ours = sar.quantise_(signal.clone(), low, high, errors.profile)
    literal = [
        [_search(float(signal[i, j]), low, high, errors.profile[j].numpy()) for j in range(40)] for i in range(333)
    ]
    np.testing.assert_array_equal(ours.numpy(), literal)
    assert not torch.equal(ours, sar.quantise_(signal.clone(), low, high))


@given(st.integers(2, 10), st.lists(st.floats(-600, 600), min_size=2, max_size=40))
def test_without_mismatch_the_search_rounds_and_is_monotone(bits: int, values: list[float]) -> None:
    sar = _sar(bits)
    low, high = sar.codes(False)
    signal = torch.tensor(sorted(values), dtype=torch.float64)
    nominal = 2.0 ** torch.arange(bits, dtype=torch.float64)
    codes = sar.quantise_(signal.clone(), low, high, nominal)
    assert (codes.diff() >= 0).all()
    ties = (signal - signal.floor()) == 0.5  # rounded up by a comparator, to even by a computer
    assert torch.equal(codes[~ties], sar.quantise_(signal.clone(), low, high)[~ties])


def test_mismatch_of_a_bit_grows_with_the_root_of_its_units() -> None:
    sar = _sar(8, mismatch=0.02)
    zero = torch.zeros(50_000)
    errors = sar.errors({"gain": zero, "offset": zero, "mismatch": Seed(0).normal((50_000, 8))})
    expected = 0.02 * 2.0 ** (torch.arange(8) / 2)
    torch.testing.assert_close(errors.profile.std(0), expected, rtol=0.02, atol=0)
    torch.testing.assert_close(errors.profile.mean(0), 2.0 ** torch.arange(8), rtol=1e-3, atol=0)


def test_no_mismatch_no_weights() -> None:
    draws = {"gain": torch.ones(2), "offset": torch.ones(2)}
    errors = _sar(gain_sigma=0.01, offset_sigma=0.5).errors(draws)
    assert errors.profile is None
    assert errors.gain.tolist() == pytest.approx([1.01, 1.01])
    assert errors.offset.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("bits", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("rows", [64, 256])
def test_cost_formulas(bits: int, rows: int) -> None:
    costs = load_converter(f"sar-{bits}b").costs(rows)
    energy = (100e-15 * bits + 0.001e-15 * 4**bits) * 0.9**2
    assert costs["convert"].energy == pytest.approx(energy, rel=1e-12)
    assert costs["convert"].latency == pytest.approx(bits * (0.00653 * rows + 0.640) * 1e-9, rel=1e-12)
    assert costs["part"].area == pytest.approx(10 ** (-0.0369 * bits + 1.206) * 2**bits * 1e-12, rel=1e-12)


@pytest.mark.parametrize("bits", [0, 17, -1])
def test_bits(bits: int) -> None:
    with pytest.raises(ValueError, match=rf"^Sar converters have 1 to 16 bits, not {bits}$"):
        _sar(bits)


def test_interface() -> None:
    sar = _sar(6, comparator_noise=0.2)
    assert (sar.resolution, sar.noise, sar.concurrent) == (6, 0.2, False)


@given(st.integers(2, 8))
def test_stopping_early_saves_decisions_and_keeps_capacitors(bits: int) -> None:
    """Time is that of the decisions made; of the energy, what is not the capacitor array's; no area."""
    whole = _sar(8)
    part = whole.at_bits(bits)
    full, less = whole.costs(256), part.costs(256)
    array = 1e-18 * 4**8 * 0.9**2
    assert less["convert"].latency == pytest.approx(full["convert"].latency * bits / 8)
    assert less["convert"].energy - array == pytest.approx((full["convert"].energy - array) * bits / 8)
    assert less["part"] == full["part"]
    assert part.at_bits(bits) == part
    assert whole.at_bits(8) == whole


@pytest.mark.parametrize("bits", [3, 5])
def test_stopping_early_keeps_the_errors_of_the_part(bits: int) -> None:
    """In units of the range noise and offset are what they were, and bits weigh what the same capacitors weigh."""
    whole = _sar(8, mismatch=0.05)
    part = whole.at_bits(bits)
    step = 2.0 ** (8 - bits)
    assert part.noise * step == pytest.approx(whole.noise)
    assert part.mismatches == whole.mismatches
    draws = {"gain": torch.ones(20), "offset": torch.ones(20), "mismatch": Seed(0).normal((20, 8))}
    a, b = whole.errors(draws), part.errors(draws)
    assert a.profile is not None
    assert b.profile is not None
    torch.testing.assert_close(b.profile * step, a.profile[:, 8 - bits :])
    torch.testing.assert_close(b.offset * step, a.offset)
    assert torch.equal(b.gain, a.gain)
