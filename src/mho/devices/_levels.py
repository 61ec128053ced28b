"""A cell of few levels, and how often one is read as its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Seed, Siemens, Source, ste_round

from ._base import AbstractCell


@dataclass(frozen=True)
class Levels(AbstractCell):
    """A cell that is written to `count` evenly spaced levels only; what is asked for goes to the nearest one.

    Gradients pass the rounding straight through.
    """

    cell: AbstractCell
    count: int
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"count must be at least 2 levels, not {self.count}")

    @property
    def draws(self) -> tuple[str, ...]:
        """Those of the cell."""
        return self.cell.draws

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """That of the cell."""
        return self.cell.range

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance of the cell at the nearest level."""
        low, high = self.range
        step = (high - low) / (self.count - 1)
        return self.cell.conductance(low + ste_round((target - low) / step) * step, draws, time)

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Heat the cell within."""
        return replace(self, cell=self.cell.at_temperature(kelvin))

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Those of the cell, and the levels."""
        inner = {name: replace(self, cell=cell) for name, cell in self.cell.effects.items()}
        return inner | {"finite levels": self.cell}

    def costs(self) -> Mapping[str, Cost]:
        """Return those of the cell."""
        return self.cell.costs()


def level_overlap(cell: AbstractCell, levels: int, time: float | None = 0.0, cells: int = 20_000) -> float:
    """Return the share of cells that are read as another of `levels` evenly spaced levels than was written.

    Cells are spread evenly over the levels; a read is told by the nearest level.
    """
    low, high = cell.range
    step = (high - low) / (levels - 1)
    level = torch.arange(cells) % levels
    draws = {d: Seed(0).child("overlap", d).normal((cells,)) for d in cell.draws}
    g = cell.conductance(low + level * step, draws, time)
    read = ((g - low) / step).round().clamp(0, levels - 1)
    return float((read != level).double().mean())
