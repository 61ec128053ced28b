"""The integrate-and-fire converter: the line's charge fires spikes, which are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Second, Source, SquareMetre

from ._base import AbstractConverter
from ._search import count


@dataclass(frozen=True)
class IntegrateFire(AbstractConverter):
    """The integrate-and-fire converter: a capacitor is reset at each spike, while the current flows.

    Spikes are whole, so fractions are lost (floor of the magnitude). During `dead_time` after each spike nothing is
    integrated, so high rates fall short. With `rectifying`, currents below zero fire no spikes: the read-out is then
    the network's activation too, on layers whose whole sum it reads at once (`mho.quantize` finds them).

    Source of the read-out with a built-in activation: [yan2019].
    """

    bit_range = (1, 12)
    spike_energy: Annotated[Joule, NotNegative]
    """Of one spike with its count."""
    mean_count: Annotated[Ratio, NotNegative]
    """Mean count as a fraction of full scale, for the energy of a conversion."""
    window: Annotated[Second, Positive]
    """Time over which a full-scale signal is counted."""
    area: Annotated[SquareMetre, NotNegative]
    """Of integrator and comparator."""
    bit_area: Annotated[SquareMetre, NotNegative]
    """Of the counter, for each bit."""
    dead_time: Annotated[Second, NotNegative] = 0.0
    rectifying: bool = False
    jitter: Annotated[float, NotNegative] = 0.0
    """Noise of one conversion in LSB."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dead_time * 2**self.bits >= self.window:
            raise ValueError(
                f"{2**self.bits} spikes need dead times of less than {self.window:g} s together, but dead_time is "
                f"{self.dead_time:g} s; lower it, lengthen window or take fewer bits"
            )

    @property
    def noise(self) -> float:
        """Jitter in LSB."""
        return self.jitter

    @property
    def rectifies(self) -> bool:
        """As `rectifying` says."""
        return self.rectifying

    def unrectified(self) -> IntegrateFire:
        """Return the same circuit with counts of both signs."""
        return replace(self, rectifying=False) if self.rectifying else self

    @property
    def counting_time(self) -> Second:
        """The window."""
        return self.window

    @property
    def concurrent(self) -> bool:
        """Yes: it counts while the current flows."""
        return True

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return the magnitudes at which counts rise, where spikes have a dead time.

        Of n spikes in the window, n dead times are lost: n = x (1 - n dead / window), scaled to full scale.
        """
        if not self.dead_time:
            return None
        spikes = torch.arange(1.0, 2**self.bits)
        lost = self.dead_time / self.window
        return spikes * (1 - 2**self.bits * lost) / (1 - spikes * lost)

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Count whole spikes of either sign."""
        if profile is None:
            signal.trunc_()
        else:
            sign = signal.sign()
            signal.copy_(count(signal.abs(), profile)).mul_(sign)
        return signal.clamp_(low, high)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Jitter and dead time."""
        return {"converter noise": "jitter", "converter non-linearity": "dead_time"}

    @property
    def scales(self) -> Mapping[str, str]:
        """The input pulse sets the pace, which stays."""
        return {
            "spike_energy": "analog_energy",
            "area": "analog_area",
            "bit_area": "area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """Spikes come as much faster."""
        return {"window": -1, "dead_time": -1}

    def _made_for(self, bits: int) -> Mapping[str, Any]:
        """Fire as fast, twice as long for every bit."""
        return {"window": self.window * 2.0 ** (bits - self.bits)}

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion (it lasts as long as the input pulse) and the area of one converter."""
        return {
            "convert": Cost(energy=self.mean_count * 2**self.bits * self.spike_energy),
            "part": Cost(area=self.area + self.bits * self.bit_area),
        }
