"""`AbstractConverter`: from a signal in LSB to a code, column by column, with calibration and cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, SpecError


@dataclass(frozen=True)
class ColumnErrors:
    """What manufacturing left in the converters of some columns, after on-chip trimming.

    A column sees `signal * gain + offset` (in LSB). `bit_weights`, `[*columns, bits]`, are the true weights of the
    bits of a SAR converter in LSB, least significant first; None for ideal ones.
    """

    gain: Float[Tensor, "*columns"]
    offset: Float[Tensor, "*columns"]
    bit_weights: Tensor | None = None


@dataclass(frozen=True)
class Correction:
    """The digital correction of each column: value = (code - offset) / gain, in LSB."""

    gain: Float[Tensor, "*columns"]
    offset: Float[Tensor, "*columns"]


@dataclass(frozen=True)
class AbstractConverter(ABC):
    """The analog-to-digital converter of one column (or of a few that share it).

    The signal comes in units of the LSB; the tile sets how many amperes one LSB is. Codes are integers held as
    floats.
    """

    gain_per_kelvin: float = field(default=0.0, kw_only=True)
    """Relative change of the gain of all columns alike for each K away from the temperature of calibration."""

    @property
    @abstractmethod
    def resolution(self) -> int:
        """The number of bits."""

    @property
    @abstractmethod
    def noise(self) -> float:
        """Standard deviation of the noise of one conversion, in LSB."""

    @property
    @abstractmethod
    def concurrent(self) -> bool:
        """Whether it converts while the input pulse lasts (an oscillator), or afterwards (SAR)."""

    @abstractmethod
    def errors(self, draws: Mapping[str, Tensor]) -> ColumnErrors:
        """Return the column errors that standard normal draws of gain, offset and mismatch stand for.

        `draws["gain"]` and `draws["offset"]` have shape `[*columns]`, `draws["mismatch"]` `[*columns, bits]`.
        """

    @abstractmethod
    def quantise_(self, signal: Tensor, low: float, high: float, bit_weights: Tensor | None = None) -> Tensor:
        """Convert in place a signal in LSB (gain and offset applied) to codes in `[low, high]`.

        `bit_weights`, where given, broadcasts against `[*signal, bits]`.
        """

    @property
    def effects(self) -> Mapping[str, AbstractConverter]:
        """This converter without one of its non-idealities, by the name of what is missing; see `mho.nonidealities`."""
        return {}

    @abstractmethod
    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of `convert` and of the `part`, for a column of that many cells."""

    def codes(self, bipolar: bool) -> tuple[float, float]:
        """Return the lowest and the highest code: symmetric about zero, or from zero."""
        if bipolar and self.resolution < 2:
            raise SpecError(
                [
                    f"bits: a converter that reads sums of both signs has at least 2 bits, not {self.resolution}; "
                    "use more bits, or unsigned weights and inputs"
                ]
            )
        top = 2.0 ** (self.resolution - 1) - 1 if bipolar else 2.0**self.resolution - 1
        return (-top if bipolar else 0.0, top)

    def calibrate(self, errors: ColumnErrors, low: float, high: float, edges: int = 17) -> Correction:
        """Fit gain and offset of every column to the signals at which its code changes, as the chip's test does.

        Edges over the middle 90 % of the codes are searched by bisection, so neither rounding nor (averaged over many
        conversions) noise enters: an ideal converter needs no correction, whatever its number of bits.
        """
        span = high - low
        margin = math.floor(0.05 * span)
        count = int(max(1, min(edges, span - 2 * margin)))
        code = torch.linspace(low + 1 + margin, high - margin, count, dtype=torch.float64).round()
        code = code.reshape(-1, *[1] * errors.gain.dim())
        gain, offset = errors.gain.double(), errors.offset.double()
        weights = None if errors.bit_weights is None else errors.bit_weights.double()
        below = (code - span - 1 + 0 * gain).contiguous()
        above = below + 2 * (span + 1)
        for _ in range(32):
            middle = (below + above) / 2
            reached = self.quantise_(middle * gain + offset, low, high, weights) >= code
            above, below = torch.where(reached, middle, above), torch.where(reached, below, middle)
        level = code - 0.5
        mean_x, mean_c = above.mean(0), level.mean(0)
        if count == 1:
            return Correction(torch.ones_like(errors.gain), (mean_c - mean_x).float())
        slope = ((above - mean_x) * (level - mean_c)).sum(0) / ((above - mean_x) ** 2).sum(0)
        return Correction(slope.float(), (mean_c - slope * mean_x).float())
