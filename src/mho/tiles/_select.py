"""`SelectLines`: lines of their own that switch the access transistors of a row of cells, at a voltage of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from mho.core import Farad, Joule, NotNegative, Positive, Source, SquareMetre, Volt


@dataclass(frozen=True)
class SelectLines:
    """The lines of the cells' gates where inputs arrive on other lines, and gates are switched for each of them.

    Cells that are written with several volts have transistors with thick oxides, whose gates swing as far. All lines of
    the rows in use switch, whatever the inputs are: C (V_high - V_low) V_high a cell and switching, since the charge
    comes from the upper rail, and a regulator gives nothing back for what flows into the lower one.

    Source: [wan2022], whose word lines take two fifths of the energy.
    """

    capacitance: Annotated[Farad, NotNegative]
    """Of line, driver and level shifter, for each cell."""
    swing: Annotated[Volt, Positive]
    rest: Annotated[Volt, NotNegative] = 0.0
    """Voltage of lines that are off, from which they swing."""
    switches: Annotated[int, Positive] = 1
    """How often a line is switched on in a phase; as often as there are bits, where a phase takes one after another."""
    area: Annotated[SquareMetre, NotNegative] = 0.0
    """Of driver and level shifter, for each cell on the line."""
    sources: tuple[Source, ...] = ()

    def energy(self, cells: float) -> Joule:
        """Return the energy of one phase for the lines of so many cells."""
        return self.switches * self.capacitance * cells * self.swing * (self.rest + self.swing)

    def scaled(self, side: float) -> SelectLines:
        """Return lines along cells whose sides have another length; swing and drivers are the device's and stay."""
        return replace(self, capacitance=self.capacitance * side)
