"""Ferroelectric transistor: a polarisation that shifts the threshold, in several levels."""

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
    Positive,
    Ratio,
    Second,
    Siemens,
    Source,
    SquareMetre,
    Volt,
    ste_round,
)

from ._base import AbstractCell, cell_costs


@dataclass(frozen=True)
class FeFet(AbstractCell):
    """The ferroelectric field-effect transistor read as a triode: g = k (V_ov - dV_th), from 0 to g_max.

    `levels` thresholds divide the memory window; a target is rounded to the nearest. Transistors differ in threshold by
    `variation` volts, which adds to every level alike (so it matters more, the more levels share the window). The
    window closes with the logarithm of time: by `retention` of itself for each decade after 1 s, towards its middle.

    Source: [jerry2017] for the cell and its levels; window and variation from data files.
    """

    g_max: Annotated[Siemens, Positive]
    levels: int
    window: Annotated[Volt, Positive]
    """Difference between the lowest and the highest threshold."""
    variation: Annotated[Volt, NotNegative]
    retention: Annotated[Ratio, NotNegative]
    read_sigma: Annotated[Ratio, NotNegative]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise ValueError(f"a cell has at least 2 levels, not {self.levels}")

    @property
    def memory(self) -> str:
        """FeFET."""
        return "FeFET"

    @property
    def states(self) -> int | None:
        """Its levels."""
        return self.levels

    @property
    def draws(self) -> tuple[str, ...]:
        """Threshold and read noise."""
        return ("program", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Off to g_max."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after writing."""
        steps = self.levels - 1
        x = ste_round(target / self.g_max * steps) / steps
        if time and time > 1:
            x = 0.5 + (x - 0.5) * max(0.0, 1 - self.retention * math.log10(time))
        x = (x + self.variation / self.window * draws["program"]).clamp(min=0)
        g = self.g_max * x
        return g if time is None else torch.clamp(g * (1 + self.read_sigma * draws["read"]), min=0)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Device variation, retention, read noise."""
        without = {
            "device variation": replace(self, variation=0.0),
            "retention": replace(self, retention=0.0),
            "read noise": replace(self, read_sigma=0.0),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
