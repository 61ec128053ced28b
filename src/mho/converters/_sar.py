"""The successive-approximation converter: a binary search with real capacitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Cost, Farad, NotNegative, Positive, Ratio, Second, Source, Volt

from ._base import AbstractConverter, ColumnErrors


@dataclass(frozen=True)
class Sar(AbstractConverter):
    """The SAR converter.

    Energy (k1 b + k2 4^b) V^2, area 10^(a b + c) 2^b um^2, delay b (d rows + e). The bit capacitors are off by a
    normal error of `mismatch` times the square root of their number of units.

    Source: [zigzagimc2023], 28 nm, fitted there on three analog chips; the form k1 b + k2 4^b is that of [murmann2021].
    Valid: 4 to 8 bits, 28 nm, 0.9 V.
    """

    bits: int
    supply: Annotated[Volt, Positive]
    capacitance_per_bit: Annotated[Farad, NotNegative]
    capacitance_per_4bits: Annotated[Farad, NotNegative]
    area_exponent: tuple[float, float]
    """(a, c) of the area law."""
    delay: tuple[Second, Second]
    """(d, e): delay per bit and row, and per bit."""
    gain_sigma: Annotated[Ratio, NotNegative] = 0.0
    offset_sigma: float = 0.0
    """Comparator offset in LSB."""
    comparator_noise: float = 0.0
    """Noise of one conversion in LSB."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a unit capacitor."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"a SAR converter has 1 to 16 bits, not {self.bits}")

    @property
    def resolution(self) -> int:
        """The number of bits."""
        return self.bits

    @property
    def noise(self) -> float:
        """Comparator noise in LSB."""
        return self.comparator_noise

    @property
    def concurrent(self) -> bool:
        """No: it converts a sampled value."""
        return False

    def errors(self, draws: Mapping[str, Tensor]) -> ColumnErrors:
        """Gain, comparator offset and, if there is mismatch, bit weights."""
        weights = None
        if self.mismatch > 0:
            nominal = 2.0 ** torch.arange(self.bits, dtype=torch.float32)
            weights = nominal + self.mismatch * nominal.sqrt() * draws["mismatch"]
        return ColumnErrors(1 + self.gain_sigma * draws["gain"], self.offset_sigma * draws["offset"], weights)

    def quantise_(self, signal: Tensor, low: float, high: float, bit_weights: Tensor | None = None) -> Tensor:
        """Round to the nearest code; with real capacitors, search bit by bit."""
        if bit_weights is None:
            return signal.round_().clamp_(low, high)
        signal.sub_(low - 0.5)
        code = torch.zeros_like(signal)
        for bit in reversed(range(self.bits)):
            weight = bit_weights[..., bit]
            kept = (signal >= weight).to(signal.dtype)
            signal.sub_(kept * weight)
            code.add_(kept, alpha=2.0**bit)
        return signal.copy_(code.add_(low)).clamp_(low, high)

    @property
    def effects(self) -> Mapping[str, AbstractConverter]:
        """Gain, offset, noise and capacitor mismatch, where there is any."""
        without = {
            "converter gain": (self.gain_sigma, replace(self, gain_sigma=0.0)),
            "temperature": (self.gain_per_kelvin, replace(self, gain_per_kelvin=0.0)),
            "converter offset": (self.offset_sigma, replace(self, offset_sigma=0.0)),
            "converter noise": (self.comparator_noise, replace(self, comparator_noise=0.0)),
            "capacitor mismatch": (self.mismatch, replace(self, mismatch=0.0)),
        }
        return {name: converter for name, (size, converter) in without.items() if size}

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
