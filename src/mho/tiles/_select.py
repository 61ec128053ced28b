"""`SelectLines`: lines of their own that switch the access transistors of a row of cells, at a voltage of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from mho.core import Farad, Joule, NotNegative, Positive, Source, Volt


@dataclass(frozen=True)
class SelectLines:
    """The lines of the cells' gates where inputs arrive on other lines, and gates are switched for each of them.

    Cells that are written with several volts have transistors with thick oxides, whose gates swing as far. All lines of
    the rows in use switch, whatever the inputs are: C V^2 a cell and switching.

    Source: [wan2022], whose word lines take two fifths of the energy.
    """

    capacitance: Annotated[Farad, NotNegative]
    """Of line and driver, for each cell."""
    swing: Annotated[Volt, Positive]
    switches: Annotated[int, Positive] = 1
    """How often a line is switched on in a phase; as often as there are bits, where a phase takes one after another."""
    sources: tuple[Source, ...] = ()

    def energy(self, cells: float) -> Joule:
        """Return the energy of one phase for the lines of so many cells."""
        return self.switches * self.capacitance * cells * self.swing**2

    def scaled(self, side: float) -> SelectLines:
        """Return lines along cells whose sides have another length; the swing is the device's and stays."""
        return replace(self, capacitance=self.capacitance * side)
