"""Cells that cannot be written: stuck at the low or the high end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Ratio, Source

from ._around import AbstractAround


@dataclass(frozen=True)
class Faulty(AbstractAround):
    """A cell of which some are stuck: a share `stuck_low` at the lowest conductance, `stuck_high` at the highest.

    Which cells are stuck is drawn with the chip; a stuck cell neither drifts nor fluctuates. Yield is 1 less both
    shares. Source: the fault model of [chen2015].
    """

    stuck_low: Annotated[Ratio, NotNegative] = 0.0
    stuck_high: Annotated[Ratio, NotNegative] = 0.0
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.stuck_low + self.stuck_high > 1:
            raise ValueError(
                f"the shares of stuck cells must sum to at most 1, not {self.stuck_low} + {self.stuck_high}"
            )

    @property
    def effect(self) -> str:
        """Stuck cells."""
        return "stuck cells" if self.stuck_low or self.stuck_high else ""

    @property
    def own_draws(self) -> tuple[str, ...]:
        """Which cells are stuck."""
        return ("fault",)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the cell's conductance, or the end at which it is stuck."""
        g = self.cell.conductance(target, draws, time)
        low, high = self.range
        z = draws["fault"]
        g = torch.where(z < _quantile(self.stuck_low, z), torch.full_like(g, low), g)
        return torch.where(z > -_quantile(self.stuck_high, z), torch.full_like(g, high), g)


def _quantile(share: float, like: Tensor) -> Tensor:
    return torch.special.ndtri(torch.tensor(share, dtype=torch.float64)).to(like)
