"""Input encodings: from integers to what the word lines carry, phase by phase."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Second, SpecError

Signing = Literal["differential", "phases"]


@dataclass(frozen=True)
class AbstractInputEncoding(ABC):
    """How the integers of an input vector become pulses on the word lines, in one or more phases."""

    @property
    @abstractmethod
    def resolution(self) -> int:
        """The number of input bits, sign included."""

    @abstractmethod
    def input_range(self, signed: bool) -> tuple[int, int]:
        """Return the smallest and largest integer that can be encoded."""

    @abstractmethod
    def significance(self, signed: bool) -> tuple[float, ...]:
        """Return what each phase counts for in the sum."""

    @abstractmethod
    def encode(self, x: Float[Tensor, "*shape"], signed: bool) -> Float[Tensor, "phases *shape"]:
        """Return the pulses of each phase; the sum over phases of significance times pulses is x."""

    @abstractmethod
    def signed_pulses(self, signed: bool) -> bool:
        """Whether a pulse can be negative (a line driven below the common mode)."""

    def at_bits(self, bits: int) -> AbstractInputEncoding:
        """Return the encoding of inputs of fewer bits on the same lines.

        Raises:
            SpecError: if it has not so many bits, or only its own.
        """
        if bits == self.resolution:
            return self
        raise SpecError([f"{type(self).__name__} inputs have {self.resolution} bits, not {bits}; leave the bits out"])

    @property
    @abstractmethod
    def bits_per_phase(self) -> int:
        """The bits a row's DAC converts in a phase; 0 where the line is only switched on or off."""

    @property
    @abstractmethod
    def pulse_steps(self) -> int:
        """The largest pulse, in steps: time steps of a pulse width, or levels of a DAC."""

    @property
    @abstractmethod
    def energy_exponent(self) -> int:
        """The power of a pulse, as a fraction of its largest, to which the cells' energy is proportional."""

    @property
    def time_steps(self) -> int:
        """The number of clock steps of a pulse whose width is the value; 0 for levels and bits."""
        return 0

    @property
    @abstractmethod
    def pulse_time(self) -> Second:
        """How long a phase drives the word lines, in s."""


def _magnitude_range(bits: int, signed: bool) -> tuple[int, int]:
    top = 2 ** (bits - 1) - 1
    return (-top if signed else 0, top)


def _digits(x: Tensor, count: int, digit_bits: int) -> Tensor:
    """Split non-negative integers into `count` digits, least significant first: `[count, *shape]`."""
    scale = (2.0 ** (digit_bits * torch.arange(count, dtype=torch.float64))).to(x)
    scale = scale.reshape(-1, *[1] * x.dim())
    return (x / scale).floor_().remainder_(2.0**digit_bits)


def _with_sign(x: Tensor, count: int, digit_bits: int, signing: Signing, signed: bool) -> Tensor:
    if count == 1 and (signing == "differential" or not signed):
        return x.unsqueeze(0)
    if not signed:
        return _digits(x, count, digit_bits)
    if signing == "differential":
        return _digits(x.abs(), count, digit_bits) * x.sign()
    return torch.cat([_digits(x.clamp(min=0), count, digit_bits), _digits((-x).clamp(min=0), count, digit_bits)])


def _sign_phases(weights: tuple[float, ...], signing: Signing, signed: bool) -> tuple[float, ...]:
    return weights + tuple(-w for w in weights) if signed and signing == "phases" else weights


@dataclass(frozen=True)
class BitParallel(AbstractInputEncoding):
    """All bits in one pulse: its width (`lsb_time` per step) or its level (`lsb_time` 0, lasting `hold`).

    The sign goes on differential lines (+V or -V about the common mode) or into a second phase, which a layer with
    unsigned inputs skips. The register holds sign and magnitude, so 8 bits are 127 steps.

    Source: [khaddam2022] (8-bit pulse width of 128 ns), [singh2025].
    """

    bits: int
    signing: Signing = "differential"
    lsb_time: Second = 0.0
    hold: Second = 0.0

    def __post_init__(self) -> None:
        _check_bits(self.bits)
        if (self.lsb_time > 0) == (self.hold > 0):
            raise ValueError("a bit-parallel input is either a pulse width (lsb_time > 0) or a level (hold > 0)")

    @property
    def resolution(self) -> int:
        """Input bits."""
        return self.bits

    def at_bits(self, bits: int) -> BitParallel:
        """Take fewer steps of the same levels, or as much longer steps of the same pulse."""
        bits = _fewer(self.bits, bits)
        return replace(self, bits=bits, lsb_time=self.lsb_time * 2 ** (self.bits - bits))

    def input_range(self, signed: bool) -> tuple[int, int]:
        """Sign and magnitude."""
        return _magnitude_range(self.bits, signed)

    def significance(self, signed: bool) -> tuple[float, ...]:
        """One phase, or one per sign."""
        return _sign_phases((1.0,), self.signing, signed)

    def encode(self, x: Float[Tensor, "*shape"], signed: bool) -> Float[Tensor, "phases *shape"]:
        """Return the integers themselves, or their positive and negative parts."""
        return _with_sign(x, 1, self.bits, self.signing, signed)

    def signed_pulses(self, signed: bool) -> bool:
        """With differential lines."""
        return signed and self.signing == "differential"

    @property
    def bits_per_phase(self) -> int:
        """All."""
        return self.bits

    @property
    def pulse_steps(self) -> int:
        """127 for 8 bits."""
        return 2 ** (self.bits - 1) - 1

    @property
    def energy_exponent(self) -> int:
        """1 for a width, 2 for a level."""
        return 1 if self.lsb_time > 0 else 2

    @property
    def time_steps(self) -> int:
        """All steps of the longest pulse."""
        return 2 ** (self.bits - 1) if self.lsb_time > 0 else 0

    @property
    def pulse_time(self) -> Second:
        """2^(bits - 1) steps, or the hold time."""
        return self.lsb_time * 2 ** (self.bits - 1) if self.lsb_time > 0 else self.hold


@dataclass(frozen=True)
class Split(AbstractInputEncoding):
    """k-bit digits, one phase each: between bit-serial and bit-parallel.

    A digit is a level (bit-hybrid, lasting `hold`) or a width (split pulse width, `lsb_time` a step).
    Source: [singh2025].
    """

    bits: int
    digit_bits: int
    hold: Second = 0.0
    signing: Signing = "differential"
    lsb_time: Second = 0.0

    def __post_init__(self) -> None:
        _check_bits(self.bits)
        if (self.lsb_time > 0) == (self.hold > 0):
            raise ValueError("a digit of a split input is either a pulse width (lsb_time > 0) or a level (hold > 0)")
        if not 1 <= self.digit_bits < self.bits:
            raise ValueError(f"digits have 1 to {self.bits - 1} bits, not {self.digit_bits}")

    @property
    def resolution(self) -> int:
        """Input bits."""
        return self.bits

    @property
    def _count(self) -> int:
        return -(-(self.bits - 1) // self.digit_bits)

    def at_bits(self, bits: int) -> Split:
        """Leave phases out; a digit that is smaller then takes as much longer steps of the same pulse."""
        bits = _fewer(self.bits, bits)
        digit = min(self.digit_bits, bits - 1)
        return replace(self, bits=bits, digit_bits=digit, lsb_time=self.lsb_time * 2 ** (self.digit_bits - digit))

    def input_range(self, signed: bool) -> tuple[int, int]:
        """Sign and magnitude."""
        return _magnitude_range(self.bits, signed)

    def significance(self, signed: bool) -> tuple[float, ...]:
        """Powers of 2^digit_bits, least significant first."""
        weights = tuple(2.0 ** (self.digit_bits * i) for i in range(self._count))
        return _sign_phases(weights, self.signing, signed)

    def encode(self, x: Float[Tensor, "*shape"], signed: bool) -> Float[Tensor, "phases *shape"]:
        """Return the digits of the magnitude with its sign, or of both parts."""
        return _with_sign(x, self._count, self.digit_bits, self.signing, signed)

    def signed_pulses(self, signed: bool) -> bool:
        """With differential lines."""
        return signed and self.signing == "differential"

    @property
    def bits_per_phase(self) -> int:
        """A digit."""
        return self.digit_bits

    @property
    def pulse_steps(self) -> int:
        """The largest digit."""
        return 2**self.digit_bits - 1

    @property
    def energy_exponent(self) -> int:
        """1 for a width, 2 for a level."""
        return 1 if self.lsb_time > 0 else 2

    @property
    def time_steps(self) -> int:
        """All steps of the longest width."""
        return 2**self.digit_bits if self.lsb_time > 0 else 0

    @property
    def pulse_time(self) -> Second:
        """2^digit_bits steps, or the hold time of a digit."""
        return self.lsb_time * 2**self.digit_bits if self.lsb_time > 0 else self.hold


@dataclass(frozen=True)
class BitSerial(AbstractInputEncoding):
    """One bit a phase, in two's complement: unsigned inputs use all bits, the top bit of signed ones counts negative.

    Source: [singh2025].
    """

    bits: int
    hold: Second

    def __post_init__(self) -> None:
        _check_bits(self.bits)

    @property
    def resolution(self) -> int:
        """Input bits."""
        return self.bits

    def at_bits(self, bits: int) -> BitSerial:
        """Leave phases out."""
        return replace(self, bits=_fewer(self.bits, bits))

    def input_range(self, signed: bool) -> tuple[int, int]:
        """Two's complement, or all bits for unsigned inputs."""
        return (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1) if signed else (0, 2**self.bits - 1)

    def significance(self, signed: bool) -> tuple[float, ...]:
        """Powers of two; the last is negative for signed inputs."""
        weights = [2.0**i for i in range(self.bits)]
        if signed:
            weights[-1] = -weights[-1]
        return tuple(weights)

    def encode(self, x: Float[Tensor, "*shape"], signed: bool) -> Float[Tensor, "phases *shape"]:
        """Return the bit planes, least significant first."""
        if signed:
            x = torch.where(x < 0, x + 2.0**self.bits, x)
        return _digits(x, self.bits, 1)

    def signed_pulses(self, signed: bool) -> bool:
        """Bits are never negative."""
        return False

    @property
    def bits_per_phase(self) -> int:
        """None: on or off."""
        return 0

    @property
    def pulse_steps(self) -> int:
        """A bit."""
        return 1

    @property
    def energy_exponent(self) -> int:
        """A bit is on or off."""
        return 1

    @property
    def pulse_time(self) -> Second:
        """The time of one bit."""
        return self.hold


def _fewer(held: int, bits: int) -> int:
    if not 2 <= bits <= held:
        raise SpecError([f"inputs must have 2 to {held} bits, as many as the tile takes, not {bits}; change the bits"])
    return bits


def _check_bits(bits: int) -> None:
    if not 2 <= bits <= 12:
        raise ValueError(f"inputs have 2 to 12 bits, not {bits}")
