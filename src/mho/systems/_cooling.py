"""`Cooling`: how heat gets from a die to the air, and how hot its devices may get."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mho.core import Loader, NotNegative, Positive, Room, Source, Unit

ZERO_CELSIUS = 273.15
"""K."""


@dataclass(frozen=True)
class Cooling:
    """What lies between the devices of a die and the air: silicon, an interface, a spreader, a sink. Steady state.

    Resistances in series. In the spreader heat widens from the die, a disc of its area, into a body that is large
    against it: 1 / (pi k a) for the hottest place of a disc of radius a [carslaw1959].
    """

    title: str
    ambient: Annotated[float, Unit("K"), Positive]
    limit: Annotated[float, Unit("K"), Positive]
    """Hottest that devices may get; whether cells keep weights there is not asked, see [kaul2021], [kaul2023]."""
    sink: Annotated[float, Unit("K/W"), NotNegative]
    """From the sink of one package to the air, whatever the die's area."""
    spreader: Annotated[float, Unit("W/m/K"), Positive]
    """Conductivity of what spreads the heat."""
    interface: Annotated[float, Unit("W/m2/K"), Positive]
    """Between die and spreader."""
    die: Annotated[float, Unit("W/m2/K"), Positive]
    """Through the silicon behind the devices."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.limit <= self.ambient:
            raise ValueError(f"the limit must be above the ambient temperature {self.ambient:g} K, not {self.limit:g}")

    def resistance(self, area: float) -> float:
        """Return the K/W from the devices of one die of an area in m2 to the air."""
        radius = math.sqrt(area / math.pi)
        return self.sink + 1 / (math.pi * self.spreader * radius) + (1 / self.interface + 1 / self.die) / area

    def power(self, area: float) -> float:
        """Return the W that one planar die of an area in m2 may turn into heat, evenly."""
        return (self.limit - self.ambient) / self.resistance(area)


def tier_rises(heats: Sequence[float], resistances: Sequence[float]) -> list[float]:
    """Return the K by which each tier is above the cold side, from there upwards.

    All heat of a tier and of those behind it passes what lies in front of it: resistances in series.

    Args:
        heats: W/m2 that each tier turns into heat, the coldest first.
        resistances: m2 K/W in front of each, towards the cold side.

    >>> tier_rises([1e6, 1e6], [1e-6, 2e-6])
    [2.0, 4.0]
    """
    rises: list[float] = []
    rise, flow = 0.0, math.fsum(heats)
    for heat, resistance in zip(heats, resistances, strict=True):
        rise += flow * resistance
        rises.append(rise)
        flow -= heat
    return rises


ROOM = Room(Cooling, {"Cooling": Cooling}, "coolings")


def coolings() -> list[str]:
    """Return the names of the presets."""
    return sorted(Loader((ROOM,)).presets(Cooling))


def load_cooling(name_or_path: str) -> Cooling:
    """Load a cooling: a preset name such as `"fanless"`, or a TOML file."""
    return Loader((ROOM,)).load(Cooling, name_or_path)
