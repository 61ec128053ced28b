"""Read disturb: many reads are one long pulse at a low voltage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Positive, Second, Source, Volt

from ._around import AbstractAround
from ._dynamics import AbstractDynamics
from ._step_table import StepTable


@dataclass(frozen=True)
class Disturbed(AbstractAround):
    """A cell that reading has moved: `reads` pulses of `width` at `voltage`, as its dynamics say.

    Equal pulses follow each other, so all are one pulse of their whole length: exact for models in which only the
    product of pulses and length counts. Just written, without a read, it is the cell itself.
    """

    dynamics: AbstractDynamics
    reads: Annotated[float, NotNegative]
    voltage: Volt
    width: Annotated[Second, Positive]
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.voltage == 0:
            raise ValueError("voltage must not be 0 V: reads at no voltage move nothing")
        if isinstance(self.dynamics, StepTable):
            raise ValueError("dynamics must hold for any length of pulse, not those of a StepTable")

    @property
    def effect(self) -> str:
        """Read disturb."""
        return "read disturb" if self.reads else ""

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
