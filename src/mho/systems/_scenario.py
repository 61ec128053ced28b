"""`Scenario`: what a use asks of a chip, and the chips of each medium that give it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from mho.core import Byte, Loader, OperationPerSecond, Positive, Room, Source, SquareMetre, Watt

from ._cooling import ROOM as _COOLINGS
from ._cooling import Cooling
from ._dies import Dies
from ._medium import Medium


@dataclass(frozen=True)
class Scenario:
    """A use: weights that must stay on the chip, operations a second, and what it may cost."""

    title: str
    memory: Annotated[Byte, Positive]
    rate: Annotated[OperationPerSecond, Positive]
    power: Annotated[Watt, Positive]
    area: Annotated[SquareMetre, Positive]
    cooling: Cooling
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Design:
    """A chip of equal tiles for a scenario, at the rate that the scenario asks for."""

    name: str
    scenario: Scenario
    medium: Medium
    tiles: int

    @property
    def capacity(self) -> float:
        """Bytes of weights."""
        return self.tiles * self.medium.arrays * self.medium.array_weights * self.medium.weight_bits / 8

    @property
    def peak(self) -> float:
        """Operations a second with one array of every tile at work."""
        return self.tiles * self.medium.peak

    @property
    def area(self) -> float:
        """Area of all tiles, in m2."""
        return self.tiles * self.medium.tile_area

    @property
    def power(self) -> float:
        """Watt at the rate of the scenario: products, scaling of their results, and what leaks."""
        m = self.medium
        scaling = m.columns * m.unit.costs()["scale"].energy
        return self._products * (1 + scaling / m.product) + self.tiles * m.leakage

    @property
    def _products(self) -> float:
        """Watt of the products."""
        return self.scenario.rate / (2 * self.medium.array_weights) * self.medium.product

    @property
    def dies(self) -> Dies:
        """The dies that the tiles take."""
        return Dies(self.medium, self.area, self.scenario.cooling)

    @property
    def junction(self) -> float:
        """K of the hottest devices at the rate of the scenario."""
        return self.dies.junction(self.power, self._products)

    @property
    def sweep(self) -> float:
        """Seconds to use every weight once: the arrays of a tile in turn, always the same time."""
        return self.medium.arrays * self.medium.period

    @property
    def misses(self) -> tuple[str, ...]:
        """What of the scenario it does not keep."""
        s = self.scenario
        limits = (
            ("memory", self.capacity < s.memory), ("rate", self.peak < s.rate), ("power", self.power > s.power),
            ("area", self.area > s.area), ("heat", self.junction > s.cooling.limit),
        )  # fmt: skip
        return tuple(name for name, missed in limits if missed)

    @property
    def feasible(self) -> bool:
        """Whether it keeps all of the scenario."""
        return not self.misses

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with the unit in each name."""
        return {
            "name": self.name, "scenario": self.scenario.title, "tiles": self.tiles, "capacity_b": self.capacity,
            "peak_per_s": self.peak, "area_m2": self.area, "power_w": self.power, "sweep_s": self.sweep,
            "junction_k": self.junction, "price_dollars": self.dies.price,
            "feasible": self.feasible, "misses": list(self.misses),
        }  # fmt: skip


def designs(scenario: Scenario, choice: Mapping[str, Medium]) -> list[Design]:
    """Return for each medium the smallest chip that holds the memory and reaches the rate; it may miss the rest.

    A chip that exists has the tiles it has.
    """
    found: list[Design] = []
    for name, m in choice.items():
        tiles = m.tiles or max(
            math.ceil(scenario.memory / (m.arrays * m.array_weights * m.weight_bits / 8)),
            math.ceil(scenario.rate / m.peak),
        )
        found.append(Design(name, scenario, m, tiles))
    return found


def pareto(found: Iterable[Design]) -> list[Design]:
    """Return the designs of which no other has both less area and less power, by area."""
    front: list[Design] = []
    for d in sorted(found, key=lambda d: (d.area, d.power)):
        if not front or d.power < front[-1].power:
            front.append(d)
    return front


ROOMS = (Room(Scenario, {"Scenario": Scenario}, "scenarios"), _COOLINGS)


def scenarios() -> list[str]:
    """Return the names of the presets."""
    return sorted(Loader(ROOMS).presets(Scenario))


def load_scenario(name_or_path: str) -> Scenario:
    """Load a scenario: a preset name such as `"wearable"`, or a TOML file."""
    return Loader(ROOMS).load(Scenario, name_or_path)
