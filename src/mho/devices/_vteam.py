"""VTEAM: a memristor with voltage thresholds, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Metre, Ohm, Positive, Second, Source, Volt

from ._dynamics import AbstractDynamics


@dataclass(frozen=True)
class Vteam(AbstractDynamics):
    """The threshold adaptive memristor: the state moves where the voltage exceeds a threshold, and rests between.

    With v the voltage that opens (here the negative of ours): dx/dt = k_off (v / v_off - 1)^a_off f(x) above v_off > 0,
    k_on (v / v_on - 1)^a_on f(x) below v_on < 0. x in 0..D; R = R_on + (R_off - R_on) x / D, or R_on (R_off / R_on)^(x
    / D). The window f is 1, or Joglekar's 1 - (2 x / D - 1)^2; both have a closed form for a constant voltage: a
    straight line, and a logistic curve.

    Source: [kvatinsky2015]; window [joglekar2009].
    """

    r_on: Annotated[Ohm, Positive]
    r_off: Annotated[Ohm, Positive]
    length: Annotated[Metre, Positive]
    """D."""
    k_on: float
    """In m/s, negative."""
    k_off: float
    """In m/s, positive."""
    alpha_on: Annotated[float, Positive]
    alpha_off: Annotated[float, Positive]
    v_on: Volt
    """Negative."""
    v_off: Volt
    """Positive."""
    window: Literal["none", "joglekar"] = "none"
    law: Literal["linear", "exponential"] = "linear"
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not (self.v_on < 0 < self.v_off and self.k_on < 0 < self.k_off):
            raise ValueError(
                "v_on and k_on must be below 0, v_off and k_off above, "
                f"not {self.v_on}, {self.k_on}, {self.v_off}, {self.k_off}"
            )

    @property
    def states(self) -> tuple[float, float]:
        """x / D: 1 and 0; under the window, whose ends are fixed points, a hundredth inside."""
        inset = 0.0 if self.window == "none" else 0.01
        return (1.0 - inset, inset)

    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return the current through R(x)."""
        if self.law == "linear":
            return voltage / (self.r_on + (self.r_off - self.r_on) * state)
        return (
            voltage
            / self.r_on
            * torch.as_tensor(self.r_on / self.r_off, dtype=state.dtype, device=state.device) ** state
        )

    def speed(self, voltage: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return dx/dt / D without the window, in 1/s."""
        v = -voltage
        off = self.k_off * (v / self.v_off - 1).clamp(min=0) ** self.alpha_off
        on = self.k_on * (v / self.v_on - 1).clamp(min=0) ** self.alpha_on
        return (off + on) / self.length

    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return x / D after a pulse; nothing differs from cycle to cycle."""
        moved = self.speed(voltage) * width
        if self.window == "none":
            return (state + moved).clamp(0, 1)
        # df/dt = 4 k f (1 - f), so the logit moves in a straight line; the ends are fixed points.
        growth = (4 * moved).clamp(-80, 80).exp()
        return state * growth / (1 - state + state * growth)
