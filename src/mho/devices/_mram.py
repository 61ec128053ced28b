"""Magnetic memory: a tunnel junction of two states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import (
    Cost,
    Joule,
    NotNegative,
    Ohm,
    Positive,
    Ratio,
    Second,
    Siemens,
    Source,
    SquareMetre,
    ste_round,
)

from ._base import AbstractCell, cell_costs

_ATTEMPT = 1e-9
"""Time between attempts of the magnetisation to turn over, in s."""


@dataclass(frozen=True)
class Mram(AbstractCell):
    """The magnetic tunnel junction: parallel (low resistance) or antiparallel, nothing between.

    A target is rounded to the nearer state; gradients pass the rounding straight through. The resistance-area product
    differs between junctions, the same for both states (log-normal, `spread`); so does the magnetoresistance
    (`tmr_spread`). A state turns over by itself with probability (1 - exp(-2 t / tau)) / 2, tau = 1 ns exp(stability).

    Source: [neel1949] for the retention; the rest is the definition of the quantities.
    """

    r_low: Annotated[Ohm, Positive]
    """Parallel."""
    tmr: Annotated[Ratio, Positive]
    """Tunnel magnetoresistance, (R_high - R_low) / R_low."""
    spread: Annotated[Ratio, NotNegative]
    tmr_spread: Annotated[Ratio, NotNegative]
    """Relative standard deviation of the magnetoresistance."""
    stability: Annotated[float, Positive]
    """Energy barrier over k T at 300 K, or at the temperature of `at_temperature`."""
    read_sigma: Annotated[Ratio, NotNegative]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    @property
    def memory(self) -> str:
        """MRAM."""
        return "MRAM"

    @property
    def states(self) -> int | None:
        """Two."""
        return 2

    @property
    def draws(self) -> tuple[str, ...]:
        """Junction, magnetoresistance, turning over, read noise."""
        return ("program", "tmr", "flip", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """The two states."""
        return (1 / (self.r_low * (1 + self.tmr)), 1 / self.r_low)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after writing."""
        low, high = self.range
        on = ste_round(((target - low) / (high - low)).clamp(0, 1))
        if time:
            turned = 0.5 * -math.expm1(-2 * time / (_ATTEMPT * math.exp(min(self.stability, 300.0))))
            flips = (torch.special.ndtr(draws["flip"].double()) < turned).to(target)
            on = on + flips - 2 * on * flips
        tmr = (self.tmr * (1 + self.tmr_spread * draws["tmr"])).clamp(min=0)
        resistance = self.r_low * (self.spread * draws["program"]).exp() * (1 + (1 - on) * tmr)
        g = 1 / resistance
        return g if time is None else (g * (1 + self.read_sigma * draws["read"])).clamp(min=0)

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Lower the barrier, which `stability` tells for 300 K, in units of k T."""
        return replace(self, stability=self.stability * 300.0 / kelvin)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Device variation, read noise, retention."""
        without = {
            "device variation": replace(self, spread=0.0, tmr_spread=0.0),
            "read noise": replace(self, read_sigma=0.0),
            "retention": replace(self, stability=300.0),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
