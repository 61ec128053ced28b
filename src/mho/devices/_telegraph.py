"""Random telegraph noise: a trap that blocks a part of the current while it holds an electron."""

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
class Telegraph(AbstractAround):
    """A cell of which a share has one trap near its path.

    While the trap is full, which is `duty` of the time, the conductance is lower by `amplitude` (1 - x) + `floor`, x =
    g / g_max: a thin path loses the larger part. Which cells have a trap, and which traps are full, is drawn with the
    chip and stays: within one evaluation a trap is slow.

    Source of the form: [ielmini2010], whose relative amplitude grows with the resistance.
    """

    share: Annotated[Ratio, NotNegative]
    """Of cells with a trap."""
    amplitude: Annotated[Ratio, NotNegative]
    floor: Annotated[Ratio, NotNegative] = 0.0
    duty: Annotated[Ratio, NotNegative] = 0.5
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if max(self.share, self.duty, self.amplitude + self.floor) > 1:
            raise ValueError(
                "share, duty and amplitude + floor must be at most 1, "
                f"not {self.share}, {self.duty} and {self.amplitude + self.floor}"
            )

    @property
    def effect(self) -> str:
        """Telegraph noise."""
        return "telegraph noise" if self.share and self.duty and (self.amplitude or self.floor) else ""

    @property
    def own_draws(self) -> tuple[str, ...]:
        """Which cells have a trap, and which traps are full."""
        return ("trap", "full")

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance of the cell, less what a full trap blocks."""
        g = self.cell.conductance(target, draws, time)
        if time is None:
            return g
        ndtr = torch.special.ndtr
        full = (ndtr(draws["trap"]) < self.share) & (ndtr(draws["full"]) < self.duty)
        lost = self.amplitude * (1 - (g / self.range[1]).clamp(0, 1)) + self.floor
        return torch.where(full, g * (1 - lost), g)
