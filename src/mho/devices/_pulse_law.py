"""Identical pulses that saturate, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Positive, Ratio, Second, Siemens, Source, Volt

from ._dynamics import AbstractDynamics, within


@dataclass(frozen=True)
class PulseLaw(AbstractDynamics):
    """The pulse law of analog synapses: each pulse covers a fixed share of what is left to an end beyond the window.

    After n pulses up from g_min, g = g_min + B (1 - exp(-nu n / n_max)), B = (g_max - g_min) / (1 - exp(-nu)), and the
    mirror image downwards; nu = 0 is linear. The state is the conductance. A pulse of another length than `width`
    counts as so many pulses; the voltage decides only the direction, and below `threshold` nothing happens. Each pulse
    errs by `cycle_sigma` of the window times the root of the pulses it counts for.

    Source: [chen2018], Eq. 1-3, with nu for its P_max / A.
    """

    g_min: Annotated[Siemens, NotNegative]
    g_max: Annotated[Siemens, Positive]
    pulses_up: Annotated[float, Positive]
    """Pulses from g_min to g_max."""
    pulses_down: Annotated[float, Positive]
    nonlinearity_up: float
    """nu of potentiation."""
    nonlinearity_down: float
    width: Annotated[Second, Positive]
    threshold: Annotated[Volt, NotNegative]
    cycle_sigma: Annotated[Ratio, NotNegative] = 0.0
    """Standard deviation of one pulse's step over g_max - g_min."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.g_max > self.g_min:
            raise ValueError(f"g_max must be above g_min = {self.g_min} S, not {self.g_max} S")

    @property
    def states(self) -> tuple[float, float]:
        """The conductances themselves."""
        return (self.g_min, self.g_max)

    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return that of an ohmic cell."""
        return state * voltage

    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance after a pulse."""
        count = width / self.width
        window = self.g_max - self.g_min
        up = state + _step(state - self.g_min, window, self.nonlinearity_up, count / self.pulses_up)
        down = state - _step(self.g_max - state, window, self.nonlinearity_down, count / self.pulses_down)
        moved = torch.where(voltage > 0, up, down)
        if draw is not None:
            moved = moved + self.cycle_sigma * count**0.5 * window * draw
        return torch.where(voltage.abs() > self.threshold, within(moved, self.g_min, self.g_max), state)


def _step(covered: Tensor, window: float | Tensor, nu: float | Tensor, share: float | Tensor) -> Tensor:
    """Return how far `share` of all pulses lead from a state that has `covered` so much of the window."""
    nu = torch.as_tensor(nu, dtype=covered.dtype, device=covered.device)
    nearly = nu.abs() < 1e-4
    safe = torch.where(nearly, 1.0, nu)
    reach = window / -torch.expm1(-safe)
    curved = (reach - covered) * -torch.expm1(-safe * share)
    straight = window * share + nu * share * (window * (1 - share) / 2 - covered)  # to first order in nu
    return torch.where(nearly, straight, curved)
