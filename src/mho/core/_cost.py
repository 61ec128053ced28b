"""`Cost` of an action or a part, and `CostTree`, which names where it goes and adds up exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ._units import Number, Unit


@dataclass(frozen=True)
class Cost:
    """What an action (energy, latency) or a part (area, leakage power) costs, in SI units.

    Each may be a tensor, the costs of many designs at once; those in a `CostTree` are numbers.
    """

    energy: Annotated[Number, Unit("J")] = 0.0
    latency: Annotated[Number, Unit("s")] = 0.0
    area: Annotated[Number, Unit("m2")] = 0.0
    leakage: Annotated[Number, Unit("W")] = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.energy + other.energy,
            self.latency + other.latency,
            self.area + other.area,
            self.leakage + other.leakage,
        )

    def __mul__(self, times: Number) -> Cost:
        return Cost(self.energy * times, self.latency * times, self.area * times, self.leakage * times)

    __rmul__ = __mul__


@dataclass(frozen=True)
class CostTree:
    """A named cost with parts. Numbers live in the leaves only, so a total is always the sum of its parts."""

    name: str
    cost: Cost = Cost()
    parts: tuple[CostTree, ...] = ()

    def __post_init__(self) -> None:
        if self.parts and self.cost != Cost():
            raise ValueError(f"{self.name}: a node with parts carries no cost of its own")

    @classmethod
    def of(cls, name: str, parts: Mapping[str, Cost]) -> CostTree:
        """Build a node whose leaves are the given named costs."""
        return cls(name, parts=tuple(cls(key, cost) for key, cost in parts.items()))

    def leaves(self) -> Iterator[CostTree]:
        """Yield the leaves, depth first."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    @property
    def total(self) -> Cost:
        """The exact sum over all leaves (`math.fsum`, so the order of the parts does not matter)."""
        costs = [leaf.cost for leaf in self.leaves()]
        fields = ("energy", "latency", "area", "leakage")
        return Cost(*(math.fsum(getattr(c, f) for c in costs) for f in fields))

    def by_leaf(self) -> dict[str, Cost]:
        """Sum the leaves of equal name over the whole tree, for example all `adc` leaves."""
        out: dict[str, list[Cost]] = {}
        for leaf in self.leaves():
            out.setdefault(leaf.name, []).append(leaf.cost)
        return {k: CostTree("", parts=tuple(CostTree("", c) for c in v)).total for k, v in out.items()}

    def __getitem__(self, name: str) -> CostTree:
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(f"{self.name} has no part {name!r}, only {[p.name for p in self.parts]}")

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values with the unit in each name."""
        total = self.total
        out: dict[str, Any] = {"name": self.name, "energy_j": total.energy, "latency_s": total.latency}
        out |= {"area_m2": total.area, "leakage_w": total.leakage}
        if self.parts:
            out["parts"] = [p.to_dict() for p in self.parts]
        return out
