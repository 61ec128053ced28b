"""Read disturb: many reads are one long pulse at a low voltage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, NotNegative, Positive, Second, Siemens, Source, Volt

from ._base import AbstractCell
from ._dynamics import AbstractDynamics


@dataclass(frozen=True)
class Disturbed(AbstractCell):
    """A cell that reading has moved: `reads` pulses of `width` at `voltage`, as its dynamics say.

    Equal pulses follow each other, so all are one pulse of their whole length: exact for models in which only the
    product of pulses and length counts. Just written, without a read, it is the cell itself.
    """

    cell: AbstractCell
    dynamics: AbstractDynamics
    reads: Annotated[float, NotNegative]
    voltage: Volt
    width: Annotated[Second, Positive]
    sources: tuple[Source, ...] = ()

    @property
    def draws(self) -> tuple[str, ...]:
        """Those of the cell."""
        return self.cell.draws

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """That of the cell."""
        return self.cell.range

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance after the reads."""
        g = self.cell.conductance(target, draws, time)
        if time is None or not self.reads:
            return g
        state = self.dynamics.state_of(g.double(), abs(self.voltage))
        before = self.dynamics.conductance(state, abs(self.voltage))
        moved = self.dynamics.pulse(state, state.new_tensor(self.voltage), self.reads * self.width)
        # Only what the reads changed is added: a cell outside the window of the model stays where it is.
        return (g + (self.dynamics.conductance(moved, abs(self.voltage)) - before).to(g)).clamp(min=0)

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Heat the cell within."""
        return replace(self, cell=self.cell.at_temperature(kelvin))

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Those of the cell, and read disturb."""
        inner = {name: replace(self, cell=cell) for name, cell in self.cell.effects.items()}
        return inner | ({"read disturb": self.cell} if self.reads else {})

    def costs(self) -> Mapping[str, Cost]:
        """Return those of the cell."""
        return self.cell.costs()
