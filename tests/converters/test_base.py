"""What every converter keeps: codes, calibration, validation."""

from dataclasses import replace

import pytest
import torch

from mho.converters import ROOMS, AbstractConverter, ColumnErrors, load_converter
from mho.core import FileError, Loader, Seed, SpecError

PRESETS = sorted(Loader(ROOMS).presets(AbstractConverter))
N = 20_000


def _errors(converter: AbstractConverter, count: int = N, seed: int = 0) -> ColumnErrors:
    seeds = Seed(seed)
    draws = {name: seeds.child(name).normal((count,)) for name in ("gain", "offset")}
    draws["mismatch"] = seeds.child("mismatch").normal((count, converter.resolution))
    return converter.errors(draws)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("bipolar", [True, False])
def test_codes_are_integers_in_range(name: str, bipolar: bool) -> None:
    converter = load_converter(name)
    low, high = converter.codes(bipolar)
    assert (low, high) == ((-(2.0 ** (converter.resolution - 1)) + 1, 2.0 ** (converter.resolution - 1) - 1) if bipolar
                           else (0.0, 2.0**converter.resolution - 1))  # fmt: skip
    signal = torch.linspace(2 * low - 5, 2 * high + 5, 5001)
    codes = converter.quantise_(signal.clone(), low, high)
    assert torch.equal(codes, codes.round())
    assert (float(codes.min()), float(codes.max())) == (low, high)
    assert (codes.diff() >= 0).all()


def test_a_sign_needs_a_bit() -> None:
    converter = replace(load_converter("sar-4b"), bits=1)
    assert converter.codes(False) == (0.0, 1.0)
    with pytest.raises(SpecError) as error:
        converter.codes(True)
    assert str(error.value) == (
        "bits: a converter that reads sums of both signs has at least 2 bits, not 1; "
        "use more bits, or unsigned weights and inputs"
    )


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8, 10, 12])
@pytest.mark.parametrize("bipolar", [True, False])
def test_an_ideal_converter_needs_no_correction(bits: int, bipolar: bool) -> None:
    """However few its bits: a fit to rounded codes would find a gain that is not there."""
    if bits == 1 and bipolar:
        return
    converter = replace(load_converter("sar-8b"), bits=bits)
    low, high = converter.codes(bipolar)
    correction = converter.calibrate(ColumnErrors(torch.ones(3), torch.zeros(3)), low, high)
    torch.testing.assert_close(correction.gain, torch.ones(3), rtol=1e-6, atol=0)
    torch.testing.assert_close(correction.offset, torch.zeros(3), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bipolar", [True, False])
@pytest.mark.parametrize(("name", "shift"), [("sar-8b", 0.0), ("sar-6b", 0.0), ("cco-hermes", -0.5)])
def test_calibration_finds_gain_and_offset(name: str, shift: float, bipolar: bool) -> None:
    """A counter loses half a count on average; that is in the offset it finds."""
    converter = load_converter(name)
    errors = _errors(converter, 500)
    correction = converter.calibrate(errors, *converter.codes(bipolar))
    torch.testing.assert_close(correction.gain, errors.gain, rtol=1e-5, atol=0)
    torch.testing.assert_close(correction.offset, errors.offset + shift, rtol=0, atol=1e-3)


def test_corrected_codes_are_right_to_half_an_lsb() -> None:
    converter = load_converter("cco-hermes")
    errors = _errors(converter, 200)
    low, high = converter.codes(True)
    correction = converter.calibrate(errors, low, high)
    signal = torch.linspace(0.7 * low, 0.7 * high, 997)[:, None]
    codes = converter.quantise_(signal * errors.gain + errors.offset, low, high)
    value = (codes - correction.offset) / correction.gain
    assert float((value - signal).abs().max() * errors.gain.min()) <= 0.5 / 0.75


def test_calibration_keeps_the_columns_shape() -> None:
    converter = replace(load_converter("sar-6b"), mismatch=0.01)
    draws = {n: Seed(0).child(n).normal((2, 3, 4)) for n in ("gain", "offset")}
    errors = converter.errors(draws | {"mismatch": Seed(0).normal((2, 3, 4, 6))})
    correction = converter.calibrate(errors, *converter.codes(True))
    assert correction.gain.shape == correction.offset.shape == (2, 3, 4)
    one = ColumnErrors(errors.gain[1, 2], errors.offset[1, 2], errors.profile[1, 2])
    alone = converter.calibrate(one, *converter.codes(True))
    torch.testing.assert_close(correction.gain[1, 2], alone.gain)
    torch.testing.assert_close(correction.offset[1, 2], alone.offset)


@pytest.mark.parametrize("name", PRESETS)
def test_costs_are_positive(name: str) -> None:
    costs = load_converter(name).costs(256)
    assert costs.keys() - {"write"} == {"convert", "part"}
    assert costs["convert"].energy > 0
    assert costs["part"].area > 0


def test_an_unknown_converter() -> None:
    with pytest.raises(FileError, match=r"^no preset 'saar-8b' in converters; did you mean 'sar-8b'\?"):
        load_converter("saar-8b")


@pytest.mark.parametrize(
    ("name", "like"),
    [("ramp-5b", "ramp-8b"), ("cco-6b", "cco-hermes"), ("sar-9b", "sar-8b"), ("lpar-4b", "lpar-2b"),
     ("sense-current-2b", "sense-current-3b"), ("memristive-2b", "memristive-3b")],
)  # fmt: skip
def test_a_kind_with_other_bits(name: str, like: str) -> None:
    """The preset of the nearest bits, made for so many: one that counts needs as much longer or shorter pulses."""
    bits, preset = int(name[:-1].rpartition("-")[2]), load_converter(like)
    found = load_converter(name)
    assert found == preset.with_bits(bits)
    assert found.resolution == bits
    if preset.concurrent:
        counts = (2**bits - 1) / (2**preset.bits - 1) if "sense" in name else 2.0 ** (bits - preset.bits)
        assert found.counting_time == pytest.approx(preset.counting_time * counts)
    else:
        assert found == replace(preset, bits=bits)


def test_a_kind_without_so_many_bits() -> None:
    with pytest.raises(SpecError, match=r"^flash-14b: Flash converters have 1 to \d+ bits, not 14"):
        load_converter("flash-14b")


@pytest.mark.parametrize("name", PRESETS)
def test_fewer_bits_of_the_same_part(name: str) -> None:
    """Where it can: never more energy, time or noise of the range, the same spread of gain; else a sentence."""
    converter = load_converter(name)
    bits = converter.resolution
    assert converter.at_bits(bits) is converter or converter.at_bits(bits) == converter
    if type(converter).__name__ not in {"Sar", "Flash", "Ramp", "Pipeline", "Memristive", "SenseAmplifier"}:
        with pytest.raises(SpecError, match=rf"converter always resolves its {bits} bits, so it cannot be read at"):
            converter.at_bits(bits - 1)
        return
    if bits > 2:
        part = converter.at_bits(bits - 1)
        assert part.resolution == bits - 1
        assert part.gain_sigma == converter.gain_sigma
        assert part.noise * 2 == pytest.approx(converter.noise)
        assert part.offset_sigma * 2 == pytest.approx(converter.offset_sigma)
        before, after = converter.costs(256)["convert"], part.costs(256)["convert"]
        assert 0 < after.energy < before.energy
        assert 0 < 1 / part.rate(256) <= 1 / converter.rate(256)
        assert after.latency <= before.latency
    with pytest.raises(SpecError) as error:
        converter.at_bits(bits + 1)
    assert str(error.value) == f"a converter of {bits} bits resolves 1 to {bits}, not {bits + 1}; give fewer bits"
