"""NOR flash: a floating gate that shifts the threshold of a transistor read below it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Second, Siemens, Source, SquareMetre, Volt

from ._base import BOLTZMANN_EV, AbstractCell, cell_costs


@dataclass(frozen=True)
class NorFlash(AbstractCell):
    """The floating-gate cell read in subthreshold: I = I_max exp(-dV_th / (n k T / q)).

    The conductance is the read current over the read voltage. A target is a threshold; tuning leaves a normal error of
    `tuning` volts, so a relative error of the current that is the same for all states. Charge leaks with the logarithm
    of time: the threshold moves by -`retention` ln(1 + t / t_0) volts per volt of stored shift, t_0 = 1 s. Heat changes
    the slope. What pulses do to the threshold is `FowlerNordheim`. Source: [guo2017] for the cell and its tuning.
    """

    g_max: Annotated[Siemens, Positive]
    on_off: Annotated[float, Positive]
    """Ratio of the highest to the lowest conductance used."""
    slope_factor: Annotated[float, Positive]
    """n."""
    tuning: Annotated[Volt, NotNegative]
    """Standard deviation of the threshold after tuning."""
    retention: Annotated[Ratio, NotNegative]
    retention_spread: Annotated[Ratio, NotNegative]
    """Relative standard deviation of what cells lose."""
    read_sigma: Annotated[Ratio, NotNegative]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    kelvin: float = 300.0
    thermal: bool = True
    """Whether heat changes the slope."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.kelvin > 0:
            raise ValueError(f"kelvin must be above 0, not {self.kelvin}")

    @property
    def memory(self) -> str:
        """NOR flash."""
        return "NOR flash"

    @property
    def draws(self) -> tuple[str, ...]:
        """Tuning, leakage, read noise."""
        return ("program", "leak", "read")

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """The range used."""
        return (self.g_max / self.on_off, self.g_max)

    def _slope(self, kelvin: float) -> Volt:
        return self.slope_factor * BOLTZMANN_EV * kelvin

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after tuning at 300 K."""
        shift = (self.g_max / target.clamp(min=self.range[0])).log() * self._slope(300.0)
        shift = shift + self.tuning * draws["program"]
        if time:
            lost = self.retention * math.log1p(time) * (1 + self.retention_spread * draws["leak"])
            shift = shift * (1 - lost).clamp(min=0)
        g = self.g_max * (-shift / self._slope(self.kelvin if self.thermal else 300.0)).exp()
        return g if time is None else (g * (1 + self.read_sigma * draws["read"])).clamp(min=0)

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Read at another temperature."""
        return replace(self, kelvin=kelvin)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Programming error, retention, read noise, temperature."""
        without = {
            "programming error": replace(self, tuning=0.0),
            "retention": replace(self, retention=0.0),
            "read noise": replace(self, read_sigma=0.0),
            "temperature": replace(self, thermal=False),
        }
        return {name: cell for name, cell in without.items() if cell != self}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one tuning pulse and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
