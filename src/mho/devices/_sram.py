"""Static memory as a cell of two states: on or off, exact, for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Second, Siemens, Source, SquareMetre

from ._base import AbstractCell, cell_costs


@dataclass(frozen=True)
class Sram(AbstractCell):
    """The SRAM bit cell: stores what is written, exactly; read as a current or by a gate beside it."""

    g_max: Annotated[Siemens, Positive]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    @property
    def draws(self) -> tuple[str, ...]:
        """None: the cell is exact."""
        return ()

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Off and on."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the target."""
        return target

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of writing one bit and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
