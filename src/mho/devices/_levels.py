"""A cell of few levels, and how often one is read as its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Seed, Source, ste_round

from ._around import AbstractAround
from ._base import AbstractCell


@dataclass(frozen=True)
class Levels(AbstractAround):
    """A cell that is written to `count` evenly spaced levels only; what is asked for goes to the nearest one.

    Gradients pass the rounding straight through.
    """

    count: int
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"count must be at least 2 levels, not {self.count}")

    @property
    def effect(self) -> str:
        """Finite levels."""
        return "finite levels"

    @property
    def states(self) -> int | None:
        """`count`."""
        return self.count

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance of the cell at the nearest level."""
        low, high = self.range
        step = (high - low) / (self.count - 1)
        level = ste_round((target - low) / step).clamp(0, self.count - 1)
        return self.cell.conductance(low + level * step, draws, time)


def level_overlap(
    cell: AbstractCell,
    levels: int,
    time: float | None = 0.0,
    cells: int = 20_000,
    seed: Seed = Seed(0),  # noqa: B008
) -> float:
    """Return the share of cells that are read as another of `levels` evenly spaced levels than was written.

    Cells are spread evenly over the levels; a read is told by the nearest level.

    Raises:
        ValueError: if there are less than two levels.
    """
    if levels < 2:
        raise ValueError(f"levels must be at least 2, not {levels}")
    low, high = cell.range
    step = (high - low) / (levels - 1)
    level = torch.arange(cells) % levels
    draws = {d: seed.child("overlap", d).normal((cells,)) for d in cell.draws}
    g = cell.conductance(low + level * step, draws, time)
    read = ((g - low) / step).round().clamp(0, levels - 1)
    return float((read != level).double().mean())
