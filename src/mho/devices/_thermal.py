"""What temperature does to a cell: its conductance while it is read, and the speed at which it changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Source

from ._around import AbstractAround
from ._base import BOLTZMANN_EV, AbstractCell
from ._curves import polynomial


@dataclass(frozen=True)
class Thermal(AbstractAround):
    """A cell whose conductance and whose ageing depend on temperature.

    Reading: g(T) = g (1 + a(x) (T - T_0)), a a polynomial in x = g / g_max, in 1 / K: negative for metallic states,
    positive for those with a gap to cross. Ageing: an hour at T is exp(E_a / k (1 / T_0 - 1 / T)) hours at T_0
    (Arrhenius), so the inner cell's own law of time is used with that time. Source: [walczyk2011] for the signs,
    Arrhenius' law for the times.
    """

    coefficient: tuple[float, ...] = (0.0,)
    """a(x) in 1 / K, c0 first."""
    activation: Annotated[float, NotNegative] = 0.0
    """E_a in eV; 0 for an ageing that does not depend on temperature."""
    reference: float = 300.0
    """T_0 in K: of the inner cell's data."""
    kelvin: float = 300.0
    """T."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if min(self.reference, self.kelvin) <= 0:
            raise ValueError(f"temperatures are in K and above 0, not {self.reference} and {self.kelvin}")

    @property
    def effect(self) -> str:
        """Temperature, if the cell feels it."""
        return "temperature" if self.activation > 0 or any(self.coefficient) else ""

    @property
    def acceleration(self) -> float:
        """How much faster the cell ages at T than at T_0."""
        return math.exp(self.activation / BOLTZMANN_EV * (1 / self.reference - 1 / self.kelvin))

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance at T, after `time` seconds at T."""
        g = self.cell.conductance(target, draws, None if time is None else time * self.acceleration)
        if self.kelvin == self.reference:
            return g
        slope = polynomial(g / self.range[1], self.coefficient)
        return (g * (1 + slope * (self.kelvin - self.reference))).clamp(min=0)

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Heat to T."""
        return replace(self, kelvin=kelvin)
