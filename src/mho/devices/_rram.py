"""Resistive memory: relaxation after programming, in two published forms."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import (
    Cost,
    Joule,
    NotNegative,
    Positive,
    RangeWarning,
    Ratio,
    Second,
    Siemens,
    Source,
    SquareMetre,
    format_duration,
)

from ._base import AbstractCell, cell_costs
from ._curves import polynomial


@dataclass(frozen=True)
class RelaxationPoint:
    """The spread of the conductance about its target at one time, a polynomial in x = g / g_max, c0 first."""

    time: Annotated[Second, Positive]
    sigma: tuple[Siemens, ...]


@dataclass(frozen=True)
class RramRelaxation(AbstractCell):
    """The analog RRAM cell whose state spreads about its target as it relaxes.

    g(t) = max(g_T + sigma(x, t) N, 0) (1 + sigma_read N). The spread about the target was measured at a few times;
    between them it is interpolated in ln t; before the first and after the last it is held. One draw serves all
    times, so a cell that relaxed upwards stays up.

    The spreads belong to this g_max: a cell of another range needs its own.

    Source: [wan2022]; polynomials fitted to its figure by the authors of [aihwkit2021].
    Valid: 1 s to 2 days.
    """

    g_max: Annotated[Siemens, Positive]
    relaxation: tuple[RelaxationPoint, ...]
    read_sigma: Annotated[Ratio, NotNegative]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        times = [p.time for p in self.relaxation]
        if not times or times != sorted(set(times)) or times[0] <= 0:
            raise ValueError(f"relaxation needs points at rising times > 0 s, not {times}")

    @property
    def memory(self) -> str:
        """RRAM."""
        return "RRAM"

    @property
    def draws(self) -> tuple[str, ...]:
        """Relaxation and short-term read noise."""
        return ("relax", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Zero to g_max."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after programming."""
        spread = polynomial(target / self.g_max, self._sigma(time)).clamp(min=0)
        g = (target + spread * draws["relax"]).clamp(min=0)
        return g if time is None else (g * (1 + self.read_sigma * draws["read"])).clamp(min=0)

    def _sigma(self, time: float | None) -> tuple[float, ...]:
        points = self.relaxation
        if time is None or time <= points[0].time:
            return points[0].sigma
        if time > points[-1].time:
            if any(points[-1].sigma):
                warnings.warn(
                    f"RRAM relaxation is known up to {format_duration(points[-1].time)} and was asked for "
                    f"{format_duration(time)}; "
                    "the last known spread is used",
                    RangeWarning,
                    stacklevel=3,
                )
            return points[-1].sigma
        upper = next(i for i, p in enumerate(points) if p.time >= time)
        a, b = points[upper - 1], points[upper]
        w = math.log(time / a.time) / math.log(b.time / a.time)
        return tuple((1 - w) * s + w * u for s, u in zip(a.sigma, b.sigma, strict=True))

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Relaxation, which holds the error of programming, and read noise."""
        without = {
            "relaxation": replace(self, relaxation=(RelaxationPoint(self.relaxation[-1].time, (0.0,)),)),
            "read noise": replace(self, read_sigma=0.0),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))


@dataclass(frozen=True)
class RramCmo(AbstractCell):
    """The CMO/HfOx filamentary RRAM cell: write-verify acceptance, logarithmic relaxation, 1/f read noise.

    Programmed g = g_T + (a + b g_T) N; after t seconds (t >= 1) g - m ln t + (c + d ln t) N; read noise
    q log10(g / 1 uS) sqrt(ln((t + t_r) / (2 t_r))) N, all in uS.

    Source: [falcone2025], [lombardo2024]. Valid: 9 to 88.2 uS, from 1 s.
    """

    g_min: Annotated[Siemens, NotNegative]
    g_max: Annotated[Siemens, Positive]
    program_sigma: tuple[Siemens, Ratio]
    """(a, b): constant part and part proportional to the target."""
    relax_shift: Siemens
    relax_sigma: tuple[Siemens, Siemens]
    """(c, d): spread at 1 s, and its growth per unit of ln t."""
    read_sigma: Annotated[Siemens, NotNegative]
    t_read: Annotated[Second, Positive]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    @property
    def memory(self) -> str:
        """RRAM."""
        return "RRAM"

    @property
    def draws(self) -> tuple[str, ...]:
        """Write error, relaxation, read noise."""
        return ("program", "relax", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """The analog range; this cell cannot be turned off."""
        return (self.g_min, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after programming."""
        constant, slope = self.program_sigma
        written = (target + (constant + slope * target) * draws["program"]).clamp(min=0)
        if time is None:
            return written
        log_t = math.log(max(time, 1.0))
        at_1s, growth = self.relax_sigma
        relaxed = (written - self.relax_shift * log_t + (at_1s + growth * log_t) * draws["relax"]).clamp(min=0)
        gathered = math.sqrt(math.log((max(time, 1.0) + self.t_read) / (2 * self.t_read)))
        sigma = self.read_sigma * (relaxed * 1e6).clamp(min=1.0).log10() * gathered
        return (relaxed + sigma * draws["read"]).clamp(min=0)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Programming error, relaxation, read noise."""
        without = {
            "programming error": replace(self, program_sigma=(0.0, 0.0)),
            "relaxation": replace(self, relax_shift=0.0, relax_sigma=(0.0, 0.0)),
            "read noise": replace(self, read_sigma=0.0),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
