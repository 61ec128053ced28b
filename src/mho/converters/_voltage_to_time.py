"""The voltage-to-time converter: a capacitor discharges to a threshold, and the time is counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Hertz, Joule, NotNegative, Positive, Ratio, Source, SquareMetre, Watt

from ._threshold import AbstractThresholdConverter


@dataclass(frozen=True)
class VoltageToTime(AbstractThresholdConverter):
    """The voltage-to-time converter with a time-to-digital counter.

    A capacitor at the signal's voltage discharges to a threshold. Through a resistance that takes tau ln(V / V_t), so
    that with `depth` time constants for a full-scale signal code k comes at (e^(depth k / 2^b) - 1) / (e^depth - 1) of
    full scale; a depth of 0 is a current source, linear.
    """

    clock: Annotated[Hertz, Positive]
    """Of the counter."""
    power: Annotated[Watt, NotNegative]
    """Of discharge and comparator while they run."""
    count_energy: Annotated[Joule, NotNegative]
    """Of the counter in one cycle."""
    area: Annotated[SquareMetre, NotNegative]
    """Of discharge and comparator."""
    bit_area: Annotated[SquareMetre, NotNegative]
    """Of the counter, for each bit."""
    depth: Annotated[Ratio, NotNegative] = 0.0
    sources: tuple[Source, ...] = ()

    @property
    def bent(self) -> bool:
        """Whether the discharge is exponential."""
        return self.depth > 0

    def transitions(self, nominal: Float[Tensor, "levels"], z: Tensor | None) -> Float[Tensor, "*columns levels"]:
        """Return the signals whose times are the counts; each count's edge may be off by `mismatch` cycles."""
        times = nominal if z is None else nominal + self.mismatch * z
        if not self.depth:
            return times
        span = 2.0**self.bits
        return span * torch.expm1(self.depth * times / span) / math.expm1(self.depth)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Jitter, the shape of the discharge, and edges of the counter."""
        return {
            "converter noise": "conversion_noise",
            "converter non-linearity": "depth",
            "reference mismatch": "mismatch",
        }

    @property
    def scales(self) -> Mapping[str, str]:
        """Discharge and comparator are analog, the counter is gates; the clock follows the gates."""
        return {
            "clock": "rate",
            "power": "analog_power",
            "count_energy": "energy",
            "area": "analog_area",
            "bit_area": "area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """The clock, and a discharge that is over as much earlier."""
        return {"clock": 1, "power": 1}

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion of the longest time and the area of one converter."""
        cycles = 2.0**self.bits
        return {
            "convert": Cost(self.power * cycles / self.clock + cycles * self.count_energy, cycles / self.clock),
            "part": Cost(area=self.area + self.bits * self.bit_area),
        }
