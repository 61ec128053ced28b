"""Random telegraph noise: a trap that blocks a part of the current while it holds an electron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, NotNegative, Ratio, Siemens, Source

from ._base import AbstractCell


@dataclass(frozen=True)
class Telegraph(AbstractCell):
    """A cell of which a share has one trap near its path.

    While the trap is full, which is `duty` of the time, the conductance is lower by `amplitude` (1 - x) + `floor`, x =
    g / g_max: a thin path loses the larger part. Which cells have a trap, and which traps are full, is drawn with the
    chip and stays: within one evaluation a trap is slow.

    Source of the form: [ielmini2010], whose relative amplitude grows with the resistance.
    """

    cell: AbstractCell
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
    def draws(self) -> tuple[str, ...]:
        """Those of the cell, which have a trap, and which traps are full."""
        return (*self.cell.draws, "trap", "full")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """That of the cell."""
        return self.cell.range

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

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Heat the cell within."""
        return replace(self, cell=self.cell.at_temperature(kelvin))

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Those of the cell, and telegraph noise."""
        inner = {name: replace(self, cell=cell) for name, cell in self.cell.effects.items()}
        present = self.share and self.duty and (self.amplitude or self.floor)
        return inner | ({"telegraph noise": self.cell} if present else {})

    def costs(self) -> Mapping[str, Cost]:
        """Return those of the cell."""
        return self.cell.costs()
