"""`LookUpTable`: functions of one number (exp, GELU, tanh, reciprocals) that a digital unit reads from a memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Cost, Hertz, Positive, Source, SpecError

from ._logic import Logic
from ._technology import load_technology


@dataclass(frozen=True)
class LookUpTable:
    """Equal tables beside the lanes of a digital unit, each one look-up a cycle.

    A table holds `entries` values of `bits` bits, and as many slopes where it interpolates, in a memory macro of that
    size. The simulation computes functions in float32; `largest_error` says what a table makes of one.
    """

    entries: Annotated[int, Positive]
    bits: Annotated[int, Positive]
    count: Annotated[int, Positive]
    """Tables of the unit."""
    interpolated: bool = False
    """Whether it adds a slope times the distance from the entry: two words a look-up, a multiplier and an adder."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.entries < 2 or self.bits > 32:
            raise ValueError(f"a table has 2 entries or more of 32 bits at most, not {self.entries} of {self.bits}")

    @property
    def memory_bits(self) -> int:
        """Bits of one table."""
        return self.entries * self.bits * (2 if self.interpolated else 1)

    def read(self, logic: Logic, clock: Hertz) -> Cost:
        """Return the cost of one look-up; its time is the share of one table of all.

        Raises:
            SpecError: if the logic does not say its node.
        """
        words = 2 if self.interpolated else 1
        memory = self._memory(logic)["bit"].energy * self.bits * words
        return Cost(energy=memory + self._arithmetic(logic).energy, latency=1 / (self.count * clock))

    def part(self, logic: Logic) -> Cost:
        """Return area and leakage of all tables."""
        one = self._memory(logic)["part"] + self._arithmetic(logic)
        return Cost(area=one.area, leakage=one.leakage) * self.count

    def largest_error(self, function: Callable[[Tensor], Tensor], low: float, high: float) -> float:
        """Return the largest error of a function between two numbers, as a share of its span there.

        Entries are equally spaced from `low` to `high` and rounded to `bits` bits of the span; without interpolation
        the nearest entry is taken.
        """
        if low >= high:
            raise SpecError([f"low must be below high, not {low:g} and {high:g}"])
        x = torch.linspace(low, high, self.entries, dtype=torch.float64)
        fine = torch.linspace(low, high, 64 * (self.entries - 1) + 1, dtype=torch.float64)
        y, exact = function(x), function(fine)
        bottom, span = exact.min(), float(exact.max() - exact.min())
        if span == 0:
            return 0.0
        step = span / (2**self.bits - 1)
        y = bottom + ((y - bottom) / step).round() * step
        place = (fine - low) / (high - low) * (self.entries - 1)
        if self.interpolated:
            left = place.floor().clamp(max=self.entries - 2).long()
            found = y[left] + (place - left) * (y[left + 1] - y[left])
        else:
            found = y[place.round().long()]
        return float((found - exact).abs().max()) / span

    def _memory(self, logic: Logic) -> dict[str, Cost]:
        if logic.node == 0:
            raise SpecError(["node: a table takes its memory from the node of the logic; set it, as `28 nm`"])
        return dict(load_technology().sram(self.memory_bits, logic.node, logic.supply))

    def _arithmetic(self, logic: Logic) -> Cost:
        return logic.multiplier(self.bits, self.bits) + logic.adder(self.bits) if self.interpolated else Cost()
