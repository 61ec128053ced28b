"""The Stanford compact model of filamentary resistive memory: a gap that opens and closes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Ampere, Metre, NotNegative, Positive, Second, Source, Volt

from ._base import BOLTZMANN_EV
from ._dynamics import AbstractDynamics, within

_FIRST = 1e-6
"""The first step over the pulse: the gap moves with the logarithm of time, so the steps grow with it."""


@dataclass(frozen=True)
class Stanford(AbstractDynamics):
    """The gap between filament and electrode, moved by field and heat.

    I = I_0 exp(-g / g_0) sinh(V / V_0); dg/dt = -v_0 exp(-E_a / kT) sinh(gamma a_0 q V / (L kT)), gamma = gamma_0 -
    beta (g / 1 nm)^3, and 0 where gamma |V| / L < F_min; T = T_0 + |V I| R_th. The state is the gap. Voltages are those
    across gap and filament, with no resistance in series. From cycle to cycle the gap walks by
    delta sqrt(t) / (1 + exp((T_crit - T) / T_smooth)).

    Integrated by Heun's method in ln t with `steps` steps; a step that would leave the window ends at its edge.

    Source: [jiang2016], version 1.0 of the model.
    """

    i_0: Annotated[Ampere, Positive]
    gap_scale: Annotated[Metre, Positive]
    """g_0."""
    v_0: Annotated[Volt, Positive]
    velocity: Annotated[float, Positive]
    """v_0 of the gap, in m/s."""
    activation: Annotated[float, Positive]
    """E_a, in eV."""
    hop: Annotated[Metre, Positive]
    """a_0."""
    thickness: Annotated[Metre, Positive]
    """L."""
    gamma_0: Annotated[float, Positive]
    beta: Annotated[float, NotNegative]
    f_min: Annotated[float, NotNegative]
    """Field below which nothing moves, in V/m."""
    gap_min: Annotated[Metre, Positive]
    gap_max: Annotated[Metre, Positive]
    heat_resistance: Annotated[float, NotNegative]
    """R_th, in K/W."""
    ambient: Annotated[float, Positive] = 300.0
    """T_0, in K."""
    fluctuation: Annotated[float, NotNegative] = 0.0
    """delta, in m / sqrt(s)."""
    t_crit: float = 450.0
    """In K."""
    t_smooth: Annotated[float, Positive] = 500.0
    """In K."""
    steps: int = 200
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.gap_min < self.gap_max:
            raise ValueError(f"gap_min must be below gap_max = {self.gap_max} m, not {self.gap_min} m")
        if self.steps < 2:
            raise ValueError(f"steps must be at least 2, not {self.steps}")

    @property
    def states(self) -> tuple[float, float]:
        """The widest gap and the narrowest, in m."""
        return (self.gap_max, self.gap_min)

    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return the tunnelling current."""
        return self.i_0 * torch.exp(-state / self.gap_scale) * torch.sinh(voltage / self.v_0)

    def temperature(self, state: Float[Tensor, "*shape"], voltage: Tensor) -> Float[Tensor, "*shape"]:
        """Return the temperature of the filament, in K."""
        return self.ambient + (voltage * self.current(state, voltage)).abs() * self.heat_resistance

    def rate(self, state: Float[Tensor, "*shape"], voltage: Tensor) -> Float[Tensor, "*shape"]:
        """Return dg/dt, in m/s."""
        thermal = BOLTZMANN_EV * self.temperature(state, voltage)
        gamma = self.gamma_0 - self.beta * (state * 1e9) ** 3
        field = gamma * voltage / self.thickness
        hopping = (field * self.hop / thermal).clamp(-80, 80)
        speed = -self.velocity * torch.exp(-self.activation / thermal) * torch.sinh(hopping)
        weak = gamma * voltage.abs() / self.thickness < self.f_min
        return torch.where(weak, torch.zeros_like(speed), speed)

    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return the gap after a pulse."""
        times = torch.cat([torch.zeros(1), torch.logspace(0, 1, self.steps, base=1 / _FIRST) * _FIRST]).tolist()
        gap = state + torch.zeros_like(voltage)
        for a, b in itertools.pairwise(times):
            gap = self._advance(gap, voltage, (b - a) * width)
        if draw is not None:
            share = torch.sigmoid((self.temperature(gap, voltage) - self.t_crit) / self.t_smooth)
            gap = gap + self.fluctuation * width**0.5 * share * draw
        return within(gap, self.gap_min, self.gap_max)

    def _advance(self, gap: Tensor, voltage: Tensor, dt: float) -> Tensor:
        first = self.rate(gap, voltage)
        guess = within(gap + dt * first, self.gap_min, self.gap_max)
        return within(gap + dt / 2 * (first + self.rate(guess, voltage)), self.gap_min, self.gap_max)
