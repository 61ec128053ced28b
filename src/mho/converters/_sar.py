"""The successive-approximation converter: a binary search with real capacitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Cost, Farad, NotNegative, Positive, Ratio, Second, Source, Volt

from ._base import AbstractConverter


@dataclass(frozen=True)
class Sar(AbstractConverter):
    """The SAR converter.

    Energy (k1 b + k2 4^b) V^2, area 10^(a b + c) 2^b um^2, delay b (d rows + e). The bit capacitors are off by a
    normal error of `mismatch` times the square root of their number of units.

    Source: [zigzagimc2023], 28 nm, fitted there on three analog chips; the form k1 b + k2 4^b is that of [murmann2021].
    Valid: 4 to 8 bits, 28 nm, 0.9 V.
    """

    supply: Annotated[Volt, Positive]
    capacitance_per_bit: Annotated[Farad, NotNegative]
    capacitance_per_4bits: Annotated[Farad, NotNegative]
    area_exponent: tuple[float, float]
    """(a, c) of the area law."""
    delay: tuple[Second, Second]
    """(d, e): delay per bit and row, and per bit."""
    comparator_noise: Annotated[float, NotNegative] = 0.0
    """Noise of one conversion in LSB."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a unit capacitor."""
    sources: tuple[Source, ...] = ()

    @property
    def noise(self) -> float:
        """Comparator noise in LSB."""
        return self.comparator_noise

    @property
    def mismatches(self) -> int:
        """One for each bit's capacitor."""
        return self.bits

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return the true weights of the bits in LSB, least significant first; None for ideal capacitors."""
        if not self.mismatch or z is None:
            return None
        nominal = 2.0 ** torch.arange(self.bits, dtype=torch.float32)
        return nominal + self.mismatch * nominal.sqrt() * z

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Round to the nearest code; with real capacitors, search bit by bit."""
        if profile is None:
            return signal.round_().clamp_(low, high)
        signal.sub_(low - 0.5)
        code = torch.zeros_like(signal)
        for bit in reversed(range(self.bits)):
            weight = profile[..., bit]
            kept = (signal >= weight).to(signal.dtype)
            signal.sub_(kept * weight)
            code.add_(kept, alpha=2.0**bit)
        return signal.copy_(code.add_(low)).clamp_(low, high)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Comparator noise and capacitor mismatch."""
        return {"converter noise": "comparator_noise", "capacitor mismatch": "mismatch"}

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion and the area of one converter."""
        b = self.bits
        energy = (self.capacitance_per_bit * b + self.capacitance_per_4bits * 4**b) * self.supply**2
        a, c = self.area_exponent
        per_row, constant = self.delay
        return {
            "convert": Cost(energy=energy, latency=b * (per_row * rows + constant)),
            "part": Cost(area=10 ** (a * b + c) * 2**b * 1e-12),
        }
