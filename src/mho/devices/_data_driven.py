"""The data-driven memristor of TiO2 devices, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Ohm, Positive, Second, Source

from ._dynamics import AbstractDynamics, within


@dataclass(frozen=True)
class Branch:
    """One polarity: the rate s(v) = A (exp(t |v|) - 1) and the resistance r0 + r1 v that it tends to."""

    amplitude: float
    """A, in 1 / (Ohm s)."""
    steepness: float
    """t, in 1 / V."""
    r0: Ohm
    r1: float
    """In Ohm / V."""


@dataclass(frozen=True)
class DataDriven(AbstractDynamics):
    """The switching-rate model fitted to data: dR/dt = s(v) (r(v) - R)^2, only towards r(v).

    The state is the resistance R, i = (a / R) sinh(b v). For a constant voltage u = r - R obeys du/dt = -s u^2, so
    R(t) = r - u_0 / (1 + s u_0 t) (derived here).

    Source: [messaris2018]. The signs of voltages are those of the source; `inverted` exchanges them.
    """

    positive: Branch
    negative: Branch
    a: Annotated[float, Positive]
    """In V: the slope at zero voltage is a b / R."""
    b: Annotated[float, Positive]
    """In 1 / V."""
    r_low: Annotated[Ohm, Positive]
    r_high: Annotated[Ohm, Positive]
    inverted: bool = False
    """Whether a positive voltage of the source raises the resistance."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.r_low < self.r_high:
            raise ValueError(f"r_low must be below r_high = {self.r_high} Ohm, not {self.r_low} Ohm")

    @property
    def states(self) -> tuple[float, float]:
        """The resistances of the window."""
        return (self.r_high, self.r_low)

    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return (a / R) sinh(b v)."""
        return self.a / state * torch.sinh(self.b * voltage)

    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return the resistance after a pulse; nothing differs from cycle to cycle."""
        v = -voltage if self.inverted else voltage
        up = self._branch(self.positive, state, v, width)
        down = self._branch(self.negative, state, v, width)
        moved = torch.where(v > 0, up, torch.where(v < 0, down, state.expand_as(up)))
        return within(moved, self.r_low, self.r_high)

    def _branch(self, branch: Branch, state: Tensor, v: Tensor, width: float) -> Tensor:
        rate = branch.amplitude * torch.expm1(branch.steepness * v.abs())
        goal = branch.r0 + branch.r1 * v
        left = goal - state
        towards = rate * left > 0
        moved = goal - left / (1 + (rate * left).clamp(min=0) * width)
        return torch.where(towards, moved, state)
