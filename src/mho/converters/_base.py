"""`AbstractConverter`: from a signal in LSB to a code, column by column, with calibration and cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost


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

    @abstractmethod
    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of `convert` and of the `part`, for a column of that many cells."""

    def codes(self, bipolar: bool) -> tuple[float, float]:
        """Return the lowest and the highest code: symmetric about zero, or from zero."""
        top = 2.0 ** (self.resolution - 1) - 1 if bipolar else 2.0**self.resolution - 1
        return (-top if bipolar else 0.0, top)

    def calibrate(self, errors: ColumnErrors, low: float, high: float, points: int = 129) -> Correction:
        """Fit gain and offset of every column to a ramp over 90 % of the range, as the chip's test does.

        The ramp is averaged over many conversions, so the noise of a single one does not enter.
        """
        ramp = torch.linspace(0.9 * low, 0.9 * high, points, dtype=torch.float64)
        ramp = ramp.reshape(-1, *[1] * errors.gain.dim())
        signal = (ramp * errors.gain + errors.offset).contiguous()
        weights = None if errors.bit_weights is None else errors.bit_weights.double()
        codes = self.quantise_(signal, low, high, weights)
        inside = ((codes > low) & (codes < high)).double()
        n = inside.sum(0).clamp(min=2)
        mean_x, mean_c = (ramp * inside).sum(0) / n, (codes * inside).sum(0) / n
        slope = ((ramp - mean_x) * (codes - mean_c) * inside).sum(0)
        slope = slope / ((ramp - mean_x) ** 2 * inside).sum(0).clamp(min=1e-12)
        return Correction(slope.float(), (mean_c - slope * mean_x).float())
