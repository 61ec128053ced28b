"""Phase-change memory: write error by state, drift by state, 1/f read noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Second, Siemens, Source, SquareMetre

from ._base import AbstractCell, cell_costs
from ._curves import AbstractCurve, LogCurve, PowerCurve, polynomial


@dataclass(frozen=True)
class Pcm(AbstractCell):
    """The phase-change cell with statistics fitted to a measured array.

    With x = g / g_max: programmed g = max(g_T + sigma_p(x_T) N, 0); drift g (t / t_c)^-nu with
    nu = |mu_nu(x_T) + sigma_nu(x_T) N| and t counted from programming plus t_c; read noise of standard deviation
    g(t) Q(x_p) sqrt(ln((t + t_r) / (2 t_r))), the 1/f noise gathered since programming, frozen for one read-out.

    Source: [nandakumar2019], [joshi2020]; for the HERMES sets [legallo2023], [vasilopoulos2023].
    Valid: 0 to g_max; measured from seconds to days, used beyond by the same law.
    """

    g_max: Annotated[Siemens, Positive]
    program_sigma: tuple[Siemens, ...]
    """Standard deviation of the write error as a polynomial in x, c0 first."""
    drift_mean: AbstractCurve
    drift_spread: AbstractCurve
    read_noise: AbstractCurve
    t_reference: Annotated[Second, Positive]
    """t_c: the time after programming at which the programmed value was read."""
    t_read: Annotated[Second, Positive]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    sources: tuple[Source, ...] = ()

    @property
    def memory(self) -> str:
        """PCM."""
        return "PCM"

    @property
    def draws(self) -> tuple[str, ...]:
        """Write error, drift exponent, read noise."""
        return ("program", "drift", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Reset to g_max."""
        return (0.0, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after programming."""
        x = target / self.g_max
        sigma = polynomial(x, self.program_sigma).clamp(min=0)
        written = (target + sigma * draws["program"]).clamp(min=0)
        if time is None:
            return written
        t = time + self.t_reference
        nu = (self.drift_mean(x) + self.drift_spread(x) * draws["drift"]).abs()
        drifted = written * (-math.log(t / self.t_reference) * nu).exp()
        gathered = math.sqrt(math.log((t + self.t_read) / (2 * self.t_read)))
        noise = self.read_noise(written / self.g_max) * gathered * draws["read"]
        return (drifted + drifted * noise).clamp(min=0)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Programming error, drift, read noise."""
        still, silent = LogCurve(0.0, 0.0, 0.0, 0.0), PowerCurve(0.0, 1.0, 0.0)
        without = {
            "programming error": replace(self, program_sigma=(0.0,)),
            "drift": replace(self, drift_mean=still, drift_spread=still),
            "read noise": replace(self, read_noise=silent),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
