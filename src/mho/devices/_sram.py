"""Static memory as a cell of two states: on or off, exact, for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Scaling, Second, Siemens, Source, SquareMetre, Watt

from ._base import AbstractCell, cell_costs


@dataclass(frozen=True)
class Sram(AbstractCell):
    """The SRAM bit cell: stores what is written, exactly; read as a current or by a gate beside it.

    Read as a current, cells differ: their read transistors have different thresholds, so the current of one that is on
    has a relative standard deviation of `mismatch`, about 2 sigma_Vth over the overdrive. Source: [pelgrom1989].
    """

    g_max: Annotated[Siemens, Positive]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    leakage: Annotated[Watt, NotNegative] = 0.0
    """Of one cell; the preset files count none."""
    sources: tuple[Source, ...] = ()

    @property
    def memory(self) -> str:
        """SRAM."""
        return "SRAM"

    @property
    def states(self) -> int | None:
        """Two."""
        return 2

    @property
    def draws(self) -> tuple[str, ...]:
        """The read current, if cells differ; else the cell is exact."""
        return ("mismatch",) if self.mismatch else ()

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Off and on."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the target, times what the cell's read transistor makes of it."""
        return (target * (1 + self.mismatch * draws["mismatch"])).clamp(min=0) if self.mismatch else target

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Device variation."""
        return {"device variation": replace(self, mismatch=0.0)} if self.mismatch else {}

    def scaled(self, to: Scaling) -> Sram:
        """Return the cell at another node: area by the table of cells, writing as gates do."""
        return replace(
            self,
            area=self.area * to.sram_cell,
            write_energy=self.write_energy * to.energy,
            write_time=self.write_time * to.delay,
            leakage=self.leakage * to.leakage,
            feature_size=self.feature_size * to.new / to.old,
        )

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of writing one bit, the cell's area and its leakage."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time), self.leakage)
