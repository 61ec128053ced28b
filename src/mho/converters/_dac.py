"""The digital-to-analog converter of a word line: what a pulse really is, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import (
    Cost,
    Farad,
    NotNegative,
    Ratio,
    Scaling,
    Seed,
    Source,
    SquareMetre,
    Volt,
    normal_per_instance,
)


@dataclass(frozen=True)
class Dac:
    """The converter that drives a word line: to a level, for a width, or on and off.

    A pulse of p of n steps counts for (1 + g) (p + 4 inl p / n (1 - |p| / n)) + noise. Source of the energy,
    capacitance x bits x supply^2 a pulse: [zigzagimc2023], for levels; widths of several bits are charged the same,
    beside what comparing their register with a counter takes.
    """

    capacitance: Annotated[Farad, NotNegative]
    """Charged to the supply for each bit of a pulse; none for one of a single bit."""
    bit_area: Annotated[SquareMetre, NotNegative] = 0.0
    """For each bit of a pulse, beside the row's registers."""
    inl: float = 0.0
    """The bow of levels in their middle, in steps; all rows have it in common."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of the gain g between rows, as made: references of levels, delays of widths."""
    trim_step: Annotated[Ratio, NotNegative] = 0.0
    """Step of an on-chip trim of the gain of a row; 0 for none."""
    noise: Annotated[float, NotNegative] = 0.0
    """Standard deviation of a pulse in steps, new each time: noise of a level, jitter of a width; none where there is
    no pulse.
    """
    sources: tuple[Source, ...] = ()

    def levels(self, pulses: Float[Tensor, "*shape"], steps: int) -> Float[Tensor, "*shape"]:
        """Return what levels of a row without errors of its own are, in steps; the largest is `steps`."""
        if not self.inl:
            return pulses
        return pulses + 4 * self.inl / steps * pulses * (1 - pulses.abs() / steps)

    def gains(self, chips: Sequence[Seed], shape: Sequence[int]) -> Float[Tensor, "I *rows"]:
        """Return 1 + g of the rows of some chips, after trimming."""
        error = self.mismatch * normal_per_instance([c.child("dac") for c in chips], tuple(shape))
        if self.trim_step:
            error = error - self.trim_step * (error / self.trim_step).round()
        return 1 + error

    def scaled(self, to: Scaling) -> Dac:
        """Return this converter at another node and supply."""
        return replace(
            self, capacitance=self.capacitance * to.analog_capacitance, bit_area=self.bit_area * to.analog_area
        )

    def costs(self, bits: int, supply: Volt) -> dict[str, Cost]:
        """Return the cost of a pulse of so many bits (`drive`) and of the part; 0 bits for what is on or off."""
        return {
            "drive": Cost(energy=self.capacitance * bits * supply**2),
            "part": Cost(area=self.bit_area * bits),
        }


@dataclass(frozen=True)
class DacBench:
    """What the word lines of some rows measure, pulse by pulse from none to the largest; INL and DNL in steps."""

    pulses: Float[Tensor, "rows pulses"]
    """What each pulse counts for, averaged over noise."""
    gain: Float[Tensor, "rows"]
    inl: Float[Tensor, "rows pulses"]
    """How far pulses are from the line of their own row through none and the largest."""
    dnl: Float[Tensor, "rows steps"]
    """How much larger each step is than that of the line."""
    sndr: Float[Tensor, "rows"]
    """Signal over noise and distortion of a sine of all pulses in dB, each row by its own gain."""

    @property
    def enob(self) -> Float[Tensor, "rows"]:
        """Effective number of bits, (SNDR - 1.76 dB) / 6.02 dB."""
        return (self.sndr - 1.76) / 6.02


def dac_bench(dac: Dac, steps: int, seed: Seed | None = None, rows: int = 64, level: bool = True) -> DacBench:
    """Measure the converters of some rows, each with errors of its own; `level` says whether pulses are levels.

    Static: all pulses. Dynamic: 8,192 samples of a sine from none to the largest pulse, as round as steps allow.
    """
    seed = seed or Seed(0)
    dac = dac if level else replace(dac, inl=0.0)
    gain = dac.gains([seed.child("bench")], (rows,))[0].double()
    pulses = gain[:, None] * dac.levels(torch.arange(steps + 1, dtype=torch.float64), steps)
    line = pulses[:, -1:] / steps
    inl = pulses / line - torch.arange(steps + 1)
    phase = 2 * torch.pi * 1021 / 8192 * torch.arange(8192, dtype=torch.float64)
    wanted = steps / 2 * (1 + torch.sin(phase))
    asked = wanted.round()
    noise = dac.noise * seed.child("bench", "noise").normal((rows, 8192)).double() * (asked > 0)
    got = dac.levels(asked, steps) + noise / gain[:, None]
    error = (got - wanted).square().mean(-1)
    sndr = 10 * torch.log10(steps**2 / 8 / error.clamp(min=1e-30))
    return DacBench(pulses.float(), line[:, 0].float(), inl.float(), inl.diff(dim=-1).float(), sndr.float())
