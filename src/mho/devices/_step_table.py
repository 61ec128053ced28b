"""Measured steps of the conductance, by state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Positive, Ratio, Second, Siemens, Source, Volt

from ._dynamics import AbstractDynamics, within


@dataclass(frozen=True)
class StepTable(AbstractDynamics):
    """Steps as they were measured: mean and spread of what one pulse does, in equal bins of the conductance.

    The state is the conductance; a step is mean + `share` spread N, N cut at `cut` standard deviations, of the bin that
    the cell is in. Only the sign of the voltage matters, above `threshold`; pulses have the one length measured.
    Source of the form: the update model of [zhang2023].
    """

    g_min: Annotated[Siemens, NotNegative]
    g_max: Annotated[Siemens, Positive]
    set_mean: tuple[Siemens, ...]
    set_sigma: tuple[Siemens, ...]
    reset_mean: tuple[Siemens, ...]
    """Negative."""
    reset_sigma: tuple[Siemens, ...]
    width: Annotated[Second, Positive]
    threshold: Annotated[Volt, NotNegative]
    share: Annotated[Ratio, NotNegative] = 1.0
    cut: Annotated[float, Positive] = 3.0
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.g_max > self.g_min:
            raise ValueError(f"g_max must be above g_min = {self.g_min} S, not {self.g_max} S")
        lengths = {len(t) for t in (self.set_mean, self.set_sigma, self.reset_mean, self.reset_sigma)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError("set_mean, set_sigma, reset_mean and reset_sigma must have one value for each bin")

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
        """Return the conductance after one pulse; another length than that measured is refused.

        Raises:
            ValueError: if the pulse is longer or shorter than those measured.
        """
        if not abs(width / self.width - 1) < 1e-6:
            raise ValueError(f"the steps were measured with pulses of {self.width:g} s, not {width:g} s")
        bins = len(self.set_mean)
        index = ((state - self.g_min) / (self.g_max - self.g_min) * bins).long().clamp(0, bins - 1)
        positive = voltage > 0

        def look(up: tuple[float, ...], down: tuple[float, ...]) -> Tensor:
            return torch.where(positive, state.new_tensor(up)[index], state.new_tensor(down)[index])

        step = look(self.set_mean, self.reset_mean)
        if draw is not None:
            step = step + self.share * look(self.set_sigma, self.reset_sigma) * draw.clamp(-self.cut, self.cut)
        moved = within(state + step, self.g_min, self.g_max)
        return torch.where(voltage.abs() > self.threshold, moved, state)
