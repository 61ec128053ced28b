"""Single-slope ramp converters: one comparator a column and a ramp that all columns share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Le
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Hertz, Joule, NotNegative, Positive, Ratio, Source, SquareMetre, Watt

from ._search import bowed
from ._threshold import AbstractThresholdConverter


@dataclass(frozen=True)
class Ramp(AbstractThresholdConverter):
    """The ramp converter: a counter runs until the ramp passes the sampled signal, 2^b clock cycles.

    With a comparator that draws power all the time (`comparator_power`) it is the usual single-slope converter. With
    one that decides at each clock (`comparator_energy`) and a ramp of switched capacitors it is the low-power LPAR
    converter of [liu2020]: the clock sets the resolution, and the count leaves as pulses that drive the next array
    (`pulses`), which then needs no input converter of its own. Columns on one ramp have its steps in common; offsets,
    those of comparators, are each column's own.
    """

    clock: Annotated[Hertz, Positive]
    comparator_power: Annotated[Watt, NotNegative]
    """Drawn by each column's comparator while the ramp runs."""
    comparator_energy: Annotated[Joule, NotNegative]
    """Of each column's comparator in one clock cycle."""
    count_energy: Annotated[Joule, NotNegative]
    """Of each column's counter, latch or pulse gate in one clock cycle."""
    ramp_energy: Annotated[Joule, NotNegative]
    """Of the ramp generator in one clock cycle."""
    area: Annotated[SquareMetre, NotNegative]
    """Of one column's part, but for what follows."""
    bit_area: Annotated[SquareMetre, NotNegative]
    """Of the column's counter or latches, for each bit."""
    step_area: Annotated[SquareMetre, NotNegative]
    """Of the ramp generator, for each of its 2^b steps."""
    columns_per_ramp: Annotated[int, Positive] = 1
    pulses: bool = False
    """Whether the code leaves as that many pulses."""
    curvature: Annotated[Ratio, NotNegative, Le(0.25)] = 0.0
    """Integral non-linearity of the ramp in its middle, of its span."""
    sources: tuple[Source, ...] = ()

    @property
    def converters_per_mismatch(self) -> int:
        """Those on one ramp."""
        return self.columns_per_ramp

    @property
    def pulse_output(self) -> bool:
        """As `pulses` says."""
        return self.pulses

    @property
    def bent(self) -> bool:
        """Whether the ramp is curved."""
        return self.curvature > 0

    def transitions(self, nominal: Float[Tensor, "levels"], z: Tensor | None) -> Float[Tensor, "*columns levels"]:
        """Steps that err, by `mismatch` of a step each, add up, less the gain and offset that the ends show."""
        span = 2.0**self.bits
        if z is not None:
            walk = z.cumsum(-1)
            nominal = nominal + self.mismatch * (walk - walk[..., -1:] * (nominal / span))
        return bowed(nominal, span, self.curvature)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Noise, and the ramp's shape."""
        return {
            "converter noise": "conversion_noise",
            "converter non-linearity": "curvature",
            "capacitor mismatch": "mismatch",
        }

    @property
    def scales(self) -> Mapping[str, str]:
        """Comparators and the ramp are analog, the counter is gates; the clock follows the gates."""
        return {
            "clock": "rate",
            "comparator_power": "analog_power",
            "comparator_energy": "analog_energy",
            "count_energy": "energy",
            "ramp_energy": "analog_energy",
            "area": "analog_area",
            "bit_area": "area",
            "step_area": "analog_area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """The clock, and a comparator that keeps up with it."""
        return {"clock": 1, "comparator_power": 1}

    def at_bits(self, bits: int) -> Ramp:
        """Let the ramp rise by as much more in each cycle, and so end earlier."""
        return self._reduced(bits, {"conversion_noise": 1, "mismatch": 0.5})

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion and the area of one converter with its share of the ramp."""
        cycles = math.ldexp(1.0, self.bits)
        seconds = cycles / self.clock
        each = self.comparator_energy + self.count_energy + self.ramp_energy / self.columns_per_ramp
        return {
            "convert": Cost(cycles * each + self.comparator_power * seconds, seconds),
            "part": Cost(area=self.area + self.bits * self.bit_area + cycles * self.step_area / self.columns_per_ramp),
        }
