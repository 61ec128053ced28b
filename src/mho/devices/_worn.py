"""Wear: what cycles of writing leave of a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Positive, Ratio, Siemens, Source

from ._around import AbstractAround


@dataclass(frozen=True)
class Worn(AbstractAround):
    """A cell after so many cycles: its window closes, and some cells have failed.

    The window loses the share `closing` of its width for every decade of cycles beyond `onset`, half at each end;
    targets beyond it are written to its edge. A cell has failed, and sits at the lowest conductance, with probability
    Phi(ln(cycles / endurance) / spread): endurances are log-normal about their median.

    Source of the form: the decade law of the closing window of analog cells in [zhao2018]; log-normal failures are
    the usual assumption.
    """

    cycles: Annotated[float, NotNegative]
    onset: Annotated[float, Positive]
    """Cycles from which the window closes."""
    closing: Annotated[Ratio, NotNegative]
    """Share of the window lost in a decade."""
    endurance: Annotated[float, Positive] = math.inf
    """Median cycles to failure."""
    spread: Annotated[float, Positive] = 1.0
    """Standard deviation of ln(cycles to failure)."""
    sources: tuple[Source, ...] = ()

    @property
    def effect(self) -> str:
        """Endurance, if the cycles did anything."""
        return "endurance" if self.failed > 0 or self.window != self.range else ""

    @property
    def own_draws(self) -> tuple[str, ...]:
        """How long each cell lasts."""
        return ("wear",)

    @property
    def window(self) -> tuple[Siemens, Siemens]:
        """The conductances that can still be reached."""
        low, high = self.range
        decades = math.log10(self.cycles / self.onset) if self.cycles > self.onset else 0.0
        lost = min(1.0, self.closing * decades) * (high - low) / 2
        return (low + lost, high - lost)

    @property
    def failed(self) -> float:
        """Share of the cells that have failed."""
        if self.cycles == 0 or self.endurance == math.inf:
            return 0.0
        return 0.5 * math.erfc(-math.log(self.cycles / self.endurance) / self.spread / math.sqrt(2))

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance of the cell as far as it can be written, or its lowest where it failed."""
        low, high = self.window
        g = self.cell.conductance(target.clamp(low, high), draws, time)
        failed = torch.special.ndtr(draws["wear"]) < self.failed
        return torch.where(failed, torch.full_like(g, self.range[0]), g)
