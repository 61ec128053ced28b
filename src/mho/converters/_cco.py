"""The current-controlled-oscillator converter: counts the periods of an oscillator driven by the bit-line current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from mho.core import Cost, Hertz, Joule, NotNegative, Positive, Ratio, Second, Source, SquareMetre

from ._base import AbstractConverter
from ._search import bowed, search_


@dataclass(frozen=True)
class Cco(AbstractConverter):
    """The linearised current-controlled oscillator with a counter.

    A column's frequency per ampere is off by `gain_sigma` as made; an on-chip trim of step `trim_step` brings each
    column to the nearest setting, so the residual is about trim_step / sqrt(12). The counter counts whole periods
    (floor); the half count it loses on average goes into the offset that calibration finds.

    Source: [khaddam2022]. Valid: 14 nm, 0.8 V, up to 3.3 GHz.
    """

    f_max: Annotated[Hertz, Positive]
    """Highest frequency; full scale is f_max times the pulse length, in counts."""
    count_energy: Annotated[Joule, NotNegative]
    """Energy of one period of the oscillator with its share of the counter."""
    mean_count: Annotated[Ratio, NotNegative]
    """Mean count as a fraction of full scale, for the energy of a conversion."""
    window: Annotated[Second, Positive]
    """Time over which a full-scale signal is counted."""
    area: Annotated[SquareMetre, NotNegative]
    """Of oscillator and correction."""
    bit_area: Annotated[SquareMetre, NotNegative]
    """Of the counter, for each bit."""
    jitter: Annotated[float, NotNegative] = 0.0
    """Noise of one conversion in LSB."""
    curvature: Annotated[Ratio, NotNegative] = 0.0
    """By how much of full scale the count is too high at half of it; a parabola. Linearised oscillators have none."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.curvature > 0.25:
            raise ValueError(f"curvature must be at most 0.25, beyond which counts fall again, not {self.curvature}")
        if self.f_max * self.window < 2 ** (self.bits - 1):
            raise ValueError(
                f"{self.bits} bits need at least {2 ** (self.bits - 1)} periods in the window, "
                f"but f_max * window is {self.f_max * self.window:.0f}; raise one of them"
            )

    @property
    def noise(self) -> float:
        """Jitter in LSB."""
        return self.jitter

    @property
    def counting_time(self) -> Second:
        """The window."""
        return self.window

    @property
    def concurrent(self) -> bool:
        """Yes: it counts while the current flows."""
        return True

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return the transition levels of a curved oscillator, those of whole counts."""
        if not self.curvature:
            return None
        return bowed(torch.arange(1.0, 2**self.bits), 2.0**self.bits, -self.curvature)

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Count whole periods."""
        if profile is not None:
            return search_(signal, low, high, profile)
        return signal.floor_().clamp_(low, high)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Jitter and curvature."""
        return {"converter noise": "jitter", "converter non-linearity": "curvature"}

    @property
    def scales(self) -> Mapping[str, str]:
        """Oscillator and counter are gates; the input pulse sets their pace, which stays."""
        return {
            "count_energy": "energy",
            "area": "analog_area",
            "bit_area": "area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """The oscillator counts as far in as much less time."""
        return {"f_max": 1, "window": -1}

    def _made_for(self, bits: int) -> Mapping[str, Any]:
        """Count at the same frequency, twice as long for every bit."""
        return {"window": self.window * 2.0 ** (bits - self.bits)}

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion (it lasts as long as the input pulse) and the area of one converter."""
        counts = self.mean_count * self.f_max * self.window
        return {
            "convert": Cost(energy=counts * self.count_energy),
            "part": Cost(area=self.area + self.bits * self.bit_area),
        }
