"""Weight encodings: from signed integers to cell conductances, and back to what the column sums."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import SpecError


@dataclass(frozen=True)
class AbstractWeightEncoding(ABC):
    """How a signed integer weight becomes the states of some cells.

    `targets` gives for each weight the states of its cells as fractions of the conductance range, and
    `digits` turns the conductances that came of it back into the number that each column in fact sums. Tensors have
    the shape `[cells, ..., slices, rows, columns]` and `[..., slices, rows, columns]`; slices are converted apart.
    """

    @property
    @abstractmethod
    def resolution(self) -> int:
        """The number of weight bits, sign included."""

    @property
    @abstractmethod
    def weight_range(self) -> tuple[int, int]:
        """The smallest and largest weight."""

    @property
    @abstractmethod
    def significance(self) -> tuple[float, ...]:
        """What each slice counts for in the sum."""

    @property
    @abstractmethod
    def unsigned(self) -> bool:
        """Whether the digits of a slice are never negative."""

    @property
    @abstractmethod
    def cells_per_weight(self) -> int:
        """The number of cells."""

    @property
    @abstractmethod
    def full_digits(self) -> tuple[float, ...]:
        """For each slice, the digit that a cell in its highest state stands for."""

    @property
    def lines_per_weight(self) -> int:
        """How many bit lines are read for a column of weights; a line is converted by itself but for `Combined`."""
        return len(self.significance)

    @property
    def sides(self) -> int:
        """Into how many groups the first dimension of `targets` falls that are not in parallel: 2 for a pair."""
        return 1

    @property
    def paired(self) -> bool:
        """Whether a weight is the difference of two sides, alike but for their sign."""
        return False

    def at_bits(self, bits: int) -> AbstractWeightEncoding:
        """Return the encoding of weights of fewer bits in the same cells, over their whole range of conductances.

        Raises:
            SpecError: if it has not so many bits, or only its own.
        """
        if bits == self.resolution:
            return self
        raise SpecError([f"{type(self).__name__} weights have {self.resolution} bits, not {bits}; leave the bits out"])

    @property
    def reference_column(self) -> bool:
        """Whether each tile has a further column that all others are compared with."""
        return False

    @abstractmethod
    def targets(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "cells *d slices rows cols_"]:
        """Return the states, 0 to 1, of the cells."""

    @abstractmethod
    def digits(self, states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
        """Return the digits of the slices from the states as they came out."""

    def ideal_digits(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "*d slices rows cols_"]:
        """Return the digits of cells that hold exactly what they should."""
        return self.digits(self.targets(weights))


@dataclass(frozen=True)
class Differential(AbstractWeightEncoding):
    """A pair of conductances, each made of `devices` cells: w is proportional to g+ - g-, one of them at zero.

    With `separate` the two sides are converted apart (as in four-phase reading) and subtracted digitally; else their
    currents cancel on the line. Source: [singh2025], [khaddam2022].
    """

    bits: int
    devices: int = 1
    separate: bool = False

    def __post_init__(self) -> None:
        _check_bits(self.bits)
        if self.devices < 1:
            raise ValueError(f"a side of a pair has at least one device, not {self.devices}")

    @property
    def resolution(self) -> int:
        """Weight bits."""
        return self.bits

    def at_bits(self, bits: int) -> Differential:
        """As many steps fewer between the lowest and the highest conductance."""
        return replace(self, bits=fewer(self.bits, bits))

    @property
    def weight_range(self) -> tuple[int, int]:
        """Symmetric about zero."""
        top = 2 ** (self.bits - 1) - 1
        return (-top, top)

    @property
    def significance(self) -> tuple[float, ...]:
        """One slice, or one a side."""
        return (1.0, -1.0) if self.separate else (1.0,)

    @property
    def unsigned(self) -> bool:
        """Each side alone is never negative."""
        return self.separate

    @property
    def full_digits(self) -> tuple[float, ...]:
        """The largest weight."""
        return (float(self.weight_range[1]),) * len(self.significance)

    @property
    def sides(self) -> int:
        """Two, but for sides that are slices of their own."""
        return 1 if self.separate else 2

    @property
    def paired(self) -> bool:
        """Yes."""
        return True

    @property
    def cells_per_weight(self) -> int:
        """Devices of both sides."""
        return 2 * self.devices

    def targets(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "cells *d slices rows cols_"]:
        """Return g+ and g- of all devices as fractions."""
        w = weights / self.weight_range[1]
        sides = torch.stack([w.clamp(min=0), (-w).clamp(min=0)])
        if self.separate:
            return sides.movedim(0, -3).unsqueeze(0).expand(self.devices, *[-1] * (weights.dim() + 1))
        return sides.repeat_interleave(self.devices, 0).unsqueeze(-3)

    def digits(self, states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
        """Average the devices of each side and subtract."""
        top = self.full_digits[0]
        if self.separate:
            return _mean(states) * top
        return (_mean(states[: self.devices]) - _mean(states[self.devices :])) * top

    def ideal_digits(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "*d slices rows cols_"]:
        """Return the weights, or their positive and negative parts."""
        if self.separate:
            return torch.stack([weights.clamp(min=0), (-weights).clamp(min=0)], -3)
        return weights.unsqueeze(-3)


@dataclass(frozen=True)
class BitSliced(AbstractWeightEncoding):
    """Two's complement over several columns: one cell for the sign bit, the others in digits of `bits_per_cell`.

    Exact for all 2^bits weights. The least significant slice comes first, the sign slice last and counts negative.
    Source: [singh2025].
    """

    bits: int
    bits_per_cell: int = 1

    def __post_init__(self) -> None:
        _check_bits(self.bits)
        if not 1 <= self.bits_per_cell < self.bits:
            raise ValueError(f"a cell holds 1 to {self.bits - 1} bits, not {self.bits_per_cell}")

    @property
    def resolution(self) -> int:
        """Weight bits."""
        return self.bits

    def at_bits(self, bits: int) -> BitSliced:
        """Leave slices out, from the least significant one: their columns of cells are not read."""
        return replace(self, bits=fewer(self.bits, bits), bits_per_cell=min(self.bits_per_cell, max(1, bits - 1)))

    @property
    def weight_range(self) -> tuple[int, int]:
        """Two's complement."""
        return (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)

    @property
    def _widths(self) -> list[int]:
        b = self.bits_per_cell
        return [min(b, self.bits - 1 - i) for i in range(0, self.bits - 1, b)]

    @property
    def significance(self) -> tuple[float, ...]:
        """Powers of two; the sign bit negative."""
        digits = tuple(2.0 ** (self.bits_per_cell * i) for i in range(len(self._widths)))
        return (*digits, -(2.0 ** (self.bits - 1)))

    @property
    def unsigned(self) -> bool:
        """Digits are never negative."""
        return True

    @property
    def cells_per_weight(self) -> int:
        """One cell a slice."""
        return len(self.significance)

    @property
    def full_digits(self) -> tuple[float, ...]:
        """All ones in a cell."""
        return (*(2.0**w - 1 for w in self._widths), 1.0)

    def _tops(self, like: Tensor) -> Tensor:
        return torch.tensor(self.full_digits).to(like).reshape(-1, 1, 1)

    def targets(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "cells *d slices rows cols_"]:
        """Return the digits as fractions of the largest digit."""
        sign = (weights < 0).to(weights)
        magnitude = (weights + sign * 2.0 ** (self.bits - 1)).unsqueeze(-3)
        scale = torch.tensor(self.significance[:-1]).to(weights).reshape(-1, 1, 1)
        base = self._tops(weights)[:-1] + 1
        digits = (magnitude / scale).floor().remainder(base)
        return (torch.cat([digits, sign.unsqueeze(-3)], -3) / self._tops(weights)).unsqueeze(0)

    def digits(self, states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
        """Scale the states to digits."""
        return states[0] * self._tops(states)


@dataclass(frozen=True)
class OffsetColumn(AbstractWeightEncoding):
    """One cell a weight holding w + 2^(bits-1), and a reference column of 2^(bits-1) that is subtracted digitally.

    One reference serves a row tile: in a layer wider than a tile its digits are shared by all column tiles, while its
    conversions are counted in each. Source: [singh2025], [aihwkit2021] (single device with offset).
    """

    bits: int

    def __post_init__(self) -> None:
        _check_bits(self.bits)

    @property
    def resolution(self) -> int:
        """Weight bits."""
        return self.bits

    def at_bits(self, bits: int) -> OffsetColumn:
        """As many steps fewer between the lowest and the highest conductance."""
        return replace(self, bits=fewer(self.bits, bits))

    @property
    def weight_range(self) -> tuple[int, int]:
        """Symmetric about zero."""
        top = 2 ** (self.bits - 1) - 1
        return (-top, top)

    @property
    def significance(self) -> tuple[float, ...]:
        """One slice."""
        return (1.0,)

    @property
    def unsigned(self) -> bool:
        """All cells are positive."""
        return True

    @property
    def cells_per_weight(self) -> int:
        """One."""
        return 1

    @property
    def reference_column(self) -> bool:
        """Yes."""
        return True

    @property
    def full_digits(self) -> tuple[float, ...]:
        """The largest shifted weight."""
        return (2 * self._half - 1,)

    @property
    def _half(self) -> float:
        return 2.0 ** (self.bits - 1)

    def targets(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "cells *d slices rows cols_"]:
        """Return the shifted weights and, last, the reference column."""
        reference = torch.zeros_like(weights[..., :1])
        shifted = (torch.cat([weights, reference], -1) + self._half) / (2 * self._half - 1)
        return shifted.unsqueeze(-3).unsqueeze(0)

    def digits(self, states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
        """Return the shifted weights."""
        return states[0] * self.full_digits[0]


def _mean(states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
    """Average over the devices, one after the other: torch's own order of summing depends on all other sizes."""
    return functools.reduce(torch.add, states.unbind(0)) / states.shape[0]


def fewer(held: int, bits: int) -> int:
    """Return a number of bits that is at least 2 and at most what is held.

    Raises:
        SpecError: if it is not.
    """
    if not 2 <= bits <= held:
        raise SpecError([f"weights must have 2 to {held} bits, as many as the tile holds, not {bits}; change the bits"])
    return bits


def _check_bits(bits: int) -> None:
    if not 2 <= bits <= 12:
        raise ValueError(f"weights have 2 to 12 bits, not {bits}")
