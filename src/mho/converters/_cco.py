"""The current-controlled-oscillator converter: counts the periods of an oscillator driven by the bit-line current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from mho.core import Cost, Hertz, Joule, NotNegative, Positive, Ratio, Second, Source, SquareMetre

from ._base import AbstractConverter, ColumnErrors


@dataclass(frozen=True)
class Cco(AbstractConverter):
    """The linearised current-controlled oscillator with a counter.

    A column's frequency per ampere is off by `gain_sigma` as made; an on-chip trim of step `trim_step` brings each
    column to the nearest setting, so the residual is about trim_step / sqrt(12). The counter counts whole periods
    (floor); the half count it loses on average goes into the offset that calibration finds.

    Source: [khaddam2022]. Valid: 14 nm, 0.8 V, up to 3.3 GHz.
    """

    bits: int
    f_max: Annotated[Hertz, Positive]
    """Highest frequency; full scale is f_max times the pulse length, in counts."""
    count_energy: Annotated[Joule, NotNegative]
    """Energy of one period of the oscillator with its share of the counter."""
    mean_count: Annotated[Ratio, NotNegative]
    """Mean count as a fraction of full scale, for the energy of a conversion."""
    window: Annotated[Second, Positive]
    """Time over which a full-scale signal is counted."""
    area: Annotated[SquareMetre, NotNegative]
    gain_sigma: Annotated[Ratio, NotNegative] = 0.0
    trim_step: Annotated[Ratio, NotNegative] = 0.0
    """Step of the on-chip gain trim; 0 for none."""
    offset_sigma: float = 0.0
    """Spread of the offset in LSB."""
    jitter: float = 0.0
    """Noise of one conversion in LSB."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"a CCO converter has 1 to 16 bits, not {self.bits}")
        if self.f_max * self.window < 2 ** (self.bits - 1):
            raise ValueError(
                f"{self.bits} bits need at least {2 ** (self.bits - 1)} periods in the window, "
                f"but f_max * window is {self.f_max * self.window:.0f}; raise one of them"
            )

    @property
    def resolution(self) -> int:
        """The number of bits."""
        return self.bits

    @property
    def noise(self) -> float:
        """Jitter in LSB."""
        return self.jitter

    @property
    def concurrent(self) -> bool:
        """Yes: it counts while the current flows."""
        return True

    def errors(self, draws: Mapping[str, Tensor]) -> ColumnErrors:
        """Gain after trimming, and offset."""
        error = self.gain_sigma * draws["gain"]
        if self.trim_step > 0:
            error = error - self.trim_step * (error / self.trim_step).round()
        return ColumnErrors(1 + error, self.offset_sigma * draws["offset"])

    def quantise_(self, signal: Tensor, low: float, high: float, bit_weights: Tensor | None = None) -> Tensor:
        """Count whole periods."""
        return signal.floor_().clamp_(low, high)

    @property
    def effects(self) -> Mapping[str, AbstractConverter]:
        """Gain, offset and jitter, where there is any."""
        without = {
            "converter gain": (self.gain_sigma, replace(self, gain_sigma=0.0)),
            "temperature": (self.gain_per_kelvin, replace(self, gain_per_kelvin=0.0)),
            "converter offset": (self.offset_sigma, replace(self, offset_sigma=0.0)),
            "converter noise": (self.jitter, replace(self, jitter=0.0)),
        }
        return {name: converter for name, (size, converter) in without.items() if size}

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion (it lasts as long as the input pulse) and the area of one converter."""
        counts = self.mean_count * self.f_max * self.window
        return {"convert": Cost(energy=counts * self.count_energy), "part": Cost(area=self.area)}
