"""Pre- and post-conversion: what stands before a converter and what its codes go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch

from mho.converters import Correction
from mho.core import Cost, NotNegative, Ratio, Scaling, Second, Source, SquareMetre, Watt
from mho.digital import Logic

OUTPUT_STAGES = ("pre-conversion", "ADC", "post-conversion")
"""The blocks of cost behind the bit lines of an analog tile, as sums pass them."""


@dataclass(frozen=True)
class PreConversion:
    """The circuit between bit line and converter: holds the line at its voltage and passes on its current or charge."""

    bias_power: Annotated[Watt, NotNegative]
    """Static power of one column while it reads."""
    settling: Annotated[Second, NotNegative]
    """Time a phase needs beside the pulse itself."""
    area: Annotated[SquareMetre, NotNegative]
    noise: Annotated[Ratio, NotNegative] = 0.0
    """Output noise as a fraction of the largest code of a bipolar converter."""
    crosstalk: Annotated[Ratio, NotNegative] = 0.0
    """Share of the signal of each neighbouring bit line that a line picks up."""
    leakage: Annotated[Watt, NotNegative] | None = None
    """Static power of one column's circuit at rest; None where it is not counted."""
    sources: tuple[Source, ...] = ()

    def scaled(self, to: Scaling) -> PreConversion:
        """Return this circuit at another node and supply, as fast as before."""
        return replace(
            self,
            bias_power=self.bias_power * to.analog_power,
            area=self.area * to.analog_area,
            leakage=None if self.leakage is None else self.leakage * to.leakage,
        )

    def costs(self, on_time: float) -> Mapping[str, Cost]:
        """Return the cost of reading one column for `on_time` seconds, and area and leakage of one."""
        return {
            "read": Cost(energy=self.bias_power * on_time),
            "part": Cost(area=self.area, leakage=self.leakage or 0.0),
        }


@dataclass(frozen=True)
class PostConversion:
    """Shift-add over phases and slices, and the affine correction of each output."""

    logic: Logic
    accumulator_bits: int = 20
    factor_bits: int = 8
    """Width of the gain correction factor; 0 for none."""
    rounds: bool = False
    """Whether corrections are as coarse as their width: factors below 2 in `factor_bits` bits, offsets in their steps.

    Without, they are exact, whatever they cost.
    """
    sources: tuple[Source, ...] = ()

    def scaled(self, to: Scaling) -> PostConversion:
        """Return these gates at another node and supply."""
        return replace(self, logic=self.logic.scaled(to))

    def held(self, correction: Correction) -> Correction:
        """Return the correction of each column as its registers hold it; none where they have no bits."""
        if not self.rounds:
            return correction
        if not self.factor_bits:
            return Correction(torch.ones_like(correction.gain), torch.zeros_like(correction.offset))
        one = 2.0 ** (self.factor_bits - 1)
        factor = (one / correction.gain).round().clamp(1, 2 * one - 1) / one
        return Correction(1 / factor, (correction.offset * one).round() / one)

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of adding one code (`add`), of correcting one output (`correct`), and of the part."""
        add = self.logic.adder(self.accumulator_bits) + self.logic.register(self.accumulator_bits)
        correct = Cost()
        if self.factor_bits:
            correct = self.logic.multiplier(self.accumulator_bits, self.factor_bits) + self.logic.adder(
                self.accumulator_bits
            )
        part = add + correct
        return {
            "add": Cost(add.energy, add.latency),
            "correct": Cost(correct.energy, correct.latency),
            "part": Cost(area=part.area, leakage=part.leakage),
        }
