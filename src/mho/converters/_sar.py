"""The successive-approximation converter: a binary search with real capacitors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

from mho.core import Cost, Farad, Hertz, NotNegative, Positive, Ratio, Scaling, Second, Source, Volt

from ._base import AbstractConverter, thermal_floor


@dataclass(frozen=True)
class Sar(AbstractConverter):
    """The SAR converter.

    Energy (k1 b + k2 4^b) V^2, area 10^(a b + c) 2^b um^2, delay b (d rows + e). The bit capacitors are off by a
    normal error of `mismatch` times the square root of their number of units.

    One that stops before its last `idle_bits` decisions (`at_bits`) saves those, their time and the energy k1 V^2 of
    each; its capacitors, and with them k2 and the area, stay.

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
    idle_bits: Annotated[int, NotNegative] = 0
    """Decisions that it has capacitors for beyond `bits`, and leaves out."""
    sources: tuple[Source, ...] = ()

    def _made_for(self, bits: int) -> Mapping[str, Any]:
        """One that uses all its capacitors."""
        return {"idle_bits": 0}

    def at_bits(self, bits: int) -> Sar:
        """Stop after so many decisions."""
        idle = self.idle_bits + self.bits - bits
        return self._reduced(bits, {"comparator_noise": 1, "mismatch": 0.5}, idle_bits=idle)

    @property
    def noise(self) -> float:
        """Comparator noise in LSB."""
        return self.comparator_noise

    @property
    def mismatches(self) -> int:
        """One for each bit's capacitor, whether used or not."""
        return self.bits + self.idle_bits

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return the true weights of the bits in LSB, least significant first; None for ideal capacitors."""
        if not self.mismatch or z is None:
            return None
        nominal = 2.0 ** torch.arange(self.bits, dtype=torch.float32)
        return nominal + self.mismatch * nominal.sqrt() * z[..., self.idle_bits :]

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

    def _scaled(self, to: Scaling) -> Sar:
        """Return this converter at another node and supply.

        k1 follows the node; k2, which noise and matching set, does not, and stays above 8 k T SNR. Source: form and
        limit of [murmann2021].
        """
        supply = self.supply * to.voltage
        a, c = self.area_exponent
        per_row, constant = self.delay
        return replace(
            self,
            supply=supply,
            capacitance_per_bit=self.capacitance_per_bit * to.analog_capacitance,
            capacitance_per_4bits=max(self.capacitance_per_4bits, thermal_floor(0) / supply**2),
            area_exponent=(a, c + math.log10(to.analog_area)),
            delay=(per_row * to.delay, constant * to.delay),
        )

    def at_rate(self, rate: Hertz, corner: Hertz, rows: int = 256) -> Sar:
        """Return this converter made for so many conversions a second, whatever the rows.

        k2, of noise and matching, grows as energies of analog parts do (`AbstractConverter.at_rate`); k1 does not.
        """
        dearer = self._dearer(rate, corner, rows)
        return replace(
            self, capacitance_per_4bits=self.capacitance_per_4bits * dearer, delay=(0.0, 1 / (rate * self.bits))
        )

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion and the area of one converter."""
        b, built = self.bits, self.bits + self.idle_bits
        energy = (self.capacitance_per_bit * b + self.capacitance_per_4bits * 4**built) * self.supply**2
        a, c = self.area_exponent
        per_row, constant = self.delay
        return {
            "convert": Cost(energy=energy, latency=b * (per_row * rows + constant)),
            "part": Cost(area=10 ** (a * built + c) * 2**built * 1e-12),
        }
