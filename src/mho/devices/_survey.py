"""What a cell does, state by state: the figures a device physicist asks for first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Seed

from ._base import AbstractCell
from ._levels import level_overlap

LEVELS = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Survey:
    """Mean and spread of the conductance by state and time, and how well levels can be told apart."""

    targets: Float[Tensor, "states"]
    """In S."""
    times: tuple[float | None, ...]
    mean: Float[Tensor, "times states"]
    """In S."""
    sigma: Float[Tensor, "times states"]
    """In S."""
    overlap: Float[Tensor, "times levels"]
    """Share of cells read as another level, for 2, 4, 8, 16, 32 and 64 evenly spaced levels."""

    @property
    def error(self) -> Float[Tensor, "times"]:
        """Root mean square distance from the target over all states, over the range of the cell."""
        span = self.targets[-1] - self.targets[0]
        return ((self.mean - self.targets).square() + self.sigma.square()).mean(-1).sqrt() / span


def survey(
    cell: AbstractCell,
    times: Sequence[float | None] = (None, 0.0, 86400.0),
    states: int = 11,
    cells: int = 4000,
    seed: Seed = Seed(0),  # noqa: B008
) -> Survey:
    """Write `cells` cells at each of `states` evenly spaced targets and read them at each time."""
    low, high = cell.range
    targets = torch.linspace(low, high, states)
    shape = (states, cells)
    draws = {d: seed.child("survey", d).normal(shape) for d in cell.draws}
    g = torch.stack([cell.conductance(targets[:, None].expand(shape), draws, t) for t in times]).double()
    overlap = torch.tensor([[level_overlap(cell, n, t, cells, seed) for n in LEVELS] for t in times])
    return Survey(targets, tuple(times), g.mean(-1), g.std(-1), overlap)
