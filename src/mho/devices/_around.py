"""`AbstractAround`: a cell around another, to which it adds one effect."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mho.core import Cost, Scaling, Siemens

from ._base import AbstractCell


@dataclass(frozen=True)
class AbstractAround(AbstractCell):
    """What all cells around another have in common; `conductance` and the effect's name are their own."""

    cell: AbstractCell

    @property
    @abstractmethod
    def effect(self) -> str:
        """The name of what this adds, as in `mho.nonidealities`; empty if its numbers add nothing."""

    @property
    def own_draws(self) -> tuple[str, ...]:
        """The names of the draws beside those of the cell."""
        return ()

    @property
    def within(self) -> AbstractCell:
        """The innermost one."""
        return self.cell.within

    @property
    def memory(self) -> str:
        """That of the cell."""
        return self.cell.memory

    @property
    def states(self) -> int | None:
        """Those of the cell."""
        return self.cell.states

    @property
    def draws(self) -> tuple[str, ...]:
        """Those of the cell, then its own."""
        return (*self.cell.draws, *self.own_draws)

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """That of the cell."""
        return self.cell.range

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Heat the cell within."""
        return replace(self, cell=self.cell.at_temperature(kelvin))

    def scaled(self, to: Scaling) -> AbstractCell:
        """Scale the cell within."""
        return replace(self, cell=self.cell.scaled(to))

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Those of the cell, and its own; without an effect that the cell has as well, both are gone."""
        inner = {name: replace(self, cell=cell) for name, cell in self.cell.effects.items()}
        return inner | ({self.effect: self.cell.effects.get(self.effect, self.cell)} if self.effect else {})

    def costs(self) -> Mapping[str, Cost]:
        """Return those of the cell."""
        return self.cell.costs()
