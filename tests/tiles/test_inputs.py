"""Input encodings: pulses times significance add up to the integer, for every encoding, width and sign."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.tiles import AbstractInputEncoding, BitParallel, BitSerial, Split


def _encodings(bits: int) -> list[AbstractInputEncoding]:
    out: list[AbstractInputEncoding] = [BitSerial(bits, hold=1e-9)]
    for signing in ("differential", "phases"):
        out += [BitParallel(bits, signing, lsb_time=1e-9), BitParallel(bits, signing, hold=2e-8)]
        out += [Split(bits, k, 1e-9, signing) for k in range(1, bits)]
        out += [Split(bits, k, signing=signing, lsb_time=1e-9) for k in range(1, bits)]
    return out


def _add_up(encoding: AbstractInputEncoding, pulses: torch.Tensor, signed: bool) -> torch.Tensor:
    weights = torch.tensor(encoding.significance(signed), dtype=pulses.dtype)
    assert pulses.shape[0] == len(weights)
    return torch.tensordot(weights, pulses, 1)


@pytest.mark.parametrize("bits", range(2, 13))
@pytest.mark.parametrize("signed", [True, False])
def test_every_integer_is_recovered(bits: int, signed: bool) -> None:
    for encoding in _encodings(bits):
        low, high = encoding.input_range(signed)
        x = torch.arange(low, high + 1, dtype=torch.float32)
        pulses = encoding.encode(x, signed)
        assert torch.equal(_add_up(encoding, pulses, signed), x), encoding
        assert torch.equal(pulses, pulses.round())
        assert float(pulses.abs().max()) <= encoding.pulse_steps
        assert (float(pulses.min()) < 0) == encoding.signed_pulses(signed)


@given(
    st.integers(2, 12).flatmap(lambda b: st.sampled_from(_encodings(b))),
    st.booleans(),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_any_shape(encoding: AbstractInputEncoding, signed: bool, fractions: list[float]) -> None:
    low, high = encoding.input_range(signed)
    x = (low + torch.tensor(fractions, dtype=torch.float64) * (high - low)).round().reshape(1, 2, 3)
    pulses = encoding.encode(x, signed)
    assert pulses.shape[1:] == x.shape
    assert pulses.dtype == x.dtype
    assert torch.equal(_add_up(encoding, pulses, signed), x)


@pytest.mark.parametrize(
    ("encoding", "signed", "range_", "phases", "steps"),
    [
        (BitParallel(8, "differential", lsb_time=1e-9), True, (-127, 127), 1, 127),
        (BitParallel(8, "differential", lsb_time=1e-9), False, (0, 127), 1, 127),
        (BitParallel(8, "phases", lsb_time=1e-9), True, (-127, 127), 2, 127),
        (BitParallel(8, "phases", lsb_time=1e-9), False, (0, 127), 1, 127),
        (BitSerial(8, 1e-9), True, (-128, 127), 8, 1),
        (BitSerial(8, 1e-9), False, (0, 255), 8, 1),
        (Split(8, 3, 1e-9), True, (-127, 127), 3, 7),
        (Split(8, 3, 1e-9, "phases"), True, (-127, 127), 6, 7),
        (Split(8, 3, 1e-9, "phases"), False, (0, 127), 3, 7),
    ],
)
def test_ranges_and_phases(
    encoding: AbstractInputEncoding, signed: bool, range_: tuple[int, int], phases: int, steps: int
) -> None:
    assert encoding.input_range(signed) == range_
    assert len(encoding.significance(signed)) == phases
    assert encoding.pulse_steps == steps
    assert encoding.resolution == 8


def test_times() -> None:
    """An 8-bit pulse width at 1 ns a step takes 128 ns, as published."""
    width = BitParallel(8, "differential", lsb_time=1e-9)
    level = BitParallel(8, "differential", hold=2e-8)
    assert (width.pulse_time, width.time_steps, width.energy_exponent) == (pytest.approx(128e-9), 128, 1)
    assert (level.pulse_time, level.time_steps, level.energy_exponent) == (2e-8, 0, 2)
    assert (BitSerial(8, 3e-9).pulse_time, BitSerial(8, 3e-9).energy_exponent) == (3e-9, 1)
    assert (Split(8, 4, 3e-9).pulse_time, Split(8, 4, 3e-9).energy_exponent) == (3e-9, 2)
    digits = Split(8, 4, lsb_time=1e-9)
    assert (digits.pulse_time, digits.time_steps, digits.energy_exponent) == (pytest.approx(16e-9), 16, 1)
    assert [digits.at_bits(b).pulse_time for b in (8, 6, 4, 3)] == [pytest.approx(16e-9)] * 4


def test_encode_leaves_its_input() -> None:
    for encoding in _encodings(5):
        x = torch.arange(-15.0, 16.0)
        encoding.encode(x, True)
        assert torch.equal(x, torch.arange(-15.0, 16.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BitSerial(1, 1e-9), "inputs have 2 to 12 bits, not 1"),
        (lambda: BitParallel(13, hold=1e-9), "inputs have 2 to 12 bits, not 13"),
        (lambda: Split(8, 8, 1e-9), "digits have 1 to 7 bits, not 8"),
        (lambda: Split(8, 0, 1e-9), "digits have 1 to 7 bits, not 0"),
        (
            lambda: Split(8, 4),
            "a digit of a split input is either a pulse width (lsb_time > 0) or a level (hold > 0)",
        ),
        (lambda: BitParallel(8), "a bit-parallel input is either a pulse width (lsb_time > 0) or a level (hold > 0)"),
        (
            lambda: BitParallel(8, lsb_time=1e-9, hold=1e-9),
            "a bit-parallel input is either a pulse width (lsb_time > 0) or a level (hold > 0)",
        ),
    ],
)
def test_wrong_values(make, message: str) -> None:
    with pytest.raises(ValueError, match="bit|digit") as error:
        make()
    assert str(error.value) == message
