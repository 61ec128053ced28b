"""Dynamic memory: a charge on a capacitor that leaks, and that reading shares with the bit line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import (
    Cost,
    Farad,
    Joule,
    NotNegative,
    Positive,
    Ratio,
    Second,
    Siemens,
    Source,
    SquareMetre,
    Volt,
    Watt,
    ste_round,
)

from ._base import BOLTZMANN_EV, AbstractCell, cell_costs


@dataclass(frozen=True)
class Dram(AbstractCell):
    """The cell of one transistor and one capacitor: a stored charge, full or empty, that leaks away.

    What is told as a conductance is the charge over the full one, times `g_max`, so that the cell stands where others
    do; time counts from the last refresh, which comes at least every `refresh` seconds. The time constants of leakage
    differ between cells (log-normal). A read shares the charge with the bit line and destroys it: `restored` says
    whether it is written back, and without that a cell just read is empty from `time` 0 on. What that and refreshing
    take is among the costs, as `restore` and `refresh`.

    Source: [keeth2007] for cell, leakage and sharing.
    """

    g_max: Annotated[Siemens, Positive]
    """Scale of the states; no physical conductance."""
    capacitance: Annotated[Farad, Positive]
    line_capacitance: Annotated[Farad, Positive]
    """Of the bit line."""
    voltage: Annotated[Volt, Positive]
    refresh: Annotated[Second, Positive]
    """Interval of refreshing."""
    retention: Annotated[Second, Positive]
    """Median time constant of leakage."""
    spread: Annotated[Ratio, NotNegative]
    """Standard deviation of the logarithm of the time constant."""
    area: Annotated[SquareMetre, NotNegative]
    write_time: Annotated[Second, NotNegative]
    restored: bool = True
    activation: Annotated[float, NotNegative] = 0.0
    """E_a of the leakage in eV, by which `retention`, told for 300 K, falls with heat."""
    sources: tuple[Source, ...] = ()

    @property
    def memory(self) -> str:
        """DRAM."""
        return "DRAM"

    @property
    def states(self) -> int | None:
        """Two."""
        return 2

    @property
    def draws(self) -> tuple[str, ...]:
        """Leakage."""
        return ("leak",)

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Empty to full."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the charge that is left, on the scale of g_max; `time` runs on and is cut at the refresh interval."""
        full = ste_round((target / self.g_max).clamp(0, 1)) * self.g_max
        if time is None:
            return full
        if not self.restored:
            return full * 0
        since = min(time, self.refresh)
        constant = self.retention * (self.spread * draws["leak"]).exp()
        return full * (-since / constant).exp()

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Let the charge leak faster: Arrhenius' law."""
        slower = math.exp(self.activation / BOLTZMANN_EV * (1 / kelvin - 1 / 300.0))
        return replace(self, retention=self.retention * slower)

    @property
    def read_swing(self) -> Volt:
        """By how much a full cell moves its bit line from half the voltage when their charges are shared."""
        return self.voltage / 2 * self.capacitance / (self.capacitance + self.line_capacitance)

    @property
    def access_energy(self) -> Joule:
        """Energy of one read with restore: cell and line charged to the full voltage, from half of it."""
        return (self.capacitance + self.line_capacitance) * self.voltage**2 / 2

    def refresh_power(self, cells: int) -> Watt:
        """Return the power of refreshing so many cells, one line each."""
        return cells * self.access_energy / self.refresh

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Retention."""
        return {} if self.retention == math.inf else {"retention": replace(self, retention=math.inf)}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of a write, of restoring after a read, the power of refreshing, and the cell's area.

        A restore, a refresh and a write are one access: a whole row, whatever the data, at the same time.
        """
        access = Cost(energy=self.access_energy, latency=self.write_time)
        return cell_costs(
            self.area,
            access,
            restore=access if self.restored else Cost(),
            refresh=Cost(leakage=self.refresh_power(1)),
        )
