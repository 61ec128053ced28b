"""What a die costs: dies on a wafer, the share of them that works, and the price of the wafer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Annotated, Literal

import torch
from torch import Tensor

from mho.core import (
    Loader,
    Metre,
    NotNegative,
    Number,
    Positive,
    Room,
    Source,
    SpecError,
    SquareMetre,
    interpolate,
    nearest,
)

YieldLaw = Literal["negative binomial", "murphy", "poisson"]


@dataclass(frozen=True)
class FoundryNode:
    """Wafers of one node."""

    node: Annotated[Metre, Positive]
    wafer_price: Annotated[float, Positive]
    """US dollars."""
    defect_density: Annotated[float, Positive]
    """Defects that kill, per m2."""


@dataclass(frozen=True)
class Die:
    """A die in numbers, or in tensors for many at once."""

    gross: Number
    """Dies on a wafer."""
    working: Number
    """Share of them that works."""
    cost: Number
    """US dollars for one that works, before packaging and testing."""


@dataclass(frozen=True)
class Foundry:
    """Wafers by node: price, size and defects. Between nodes logarithms are linear in the logarithm of the node.

    The share of dies that works, A being the die's area times the density of defects: `"negative binomial"`
    (1 + A / c)^-c with the clustering c [stapper1983]; `"murphy"` ((1 - e^-A) / A)^2 [murphy1964]; `"poisson"` e^-A.
    """

    nodes: tuple[FoundryNode, ...]
    wafer_diameter: Annotated[Metre, Positive]
    edge: Annotated[Metre, NotNegative]
    """Of the wafer, without dies."""
    scribe: Annotated[Metre, NotNegative]
    """Width of the lane between dies."""
    clustering: Annotated[float, Positive]
    field: Annotated[SquareMetre, Positive]
    """Largest die that a scanner exposes at once."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        sizes = [n.node for n in self.nodes]
        if len(sizes) < 2 or sizes != sorted(set(sizes), reverse=True):
            raise ValueError(f"nodes must be two or more, from the largest to the smallest, not {sizes}")

    def wafer_price(self, node: Number) -> Number:
        """Return the price of a processed wafer in US dollars."""
        return _plain(self._at("wafer_price", node), node)

    def die(self, area: Number, node: Number, law: YieldLaw = "negative binomial") -> Die:
        """Return what a square die of that area in m2 comes to; numbers or tensors, which broadcast.

        Dies on a wafer of radius r: pi r^2 / A exp(-sqrt(A) / r), which leaves out those that the edge cuts
        [ferrisprabhu1989].

        Raises:
            SpecError: if the area does not fit a wafer, the node is outside the table, or the law is not known.
        """
        given = (area, node)
        size = torch.as_tensor(area, dtype=torch.float64)
        if not bool((size > 0).all()):
            raise SpecError([f"area: of a die must be above 0 m2, not {float(size.min()):g} m2"])
        working = self._working(size * self._at("defect_density", node), law)
        lane = (size.sqrt() + self.scribe) ** 2
        radius = self.wafer_diameter / 2 - self.edge
        gross = math.pi * radius**2 / lane * (-lane.sqrt() / radius).exp()
        if not bool((gross >= 1).all()):
            raise SpecError([f"area: a die must fit a wafer of {1e3 * self.wafer_diameter:g} mm; give it in m2"])
        cost = self._at("wafer_price", node) / (gross * working)
        return Die(_plain(gross, *given), _plain(working, *given), _plain(cost, *given))

    def largest_die(self, working: float, node: Number) -> Number:
        """Return the area in m2 up to which that share of the dies works, by the negative binomial law."""
        if not 0 < working < 1:
            raise SpecError([f"the share of dies that works must lie between 0 and 1, not {working}"])
        defects = self.clustering * (working ** (-1 / self.clustering) - 1)
        return _plain(defects / self._at("defect_density", node), node)

    def _working(self, defects: Tensor, law: YieldLaw) -> Tensor:
        laws = {
            "negative binomial": lambda a: (1 + a / self.clustering) ** -self.clustering,
            "murphy": lambda a: (-torch.expm1(-a) / a) ** 2,
            "poisson": lambda a: (-a).exp(),
        }
        if law not in laws:
            raise SpecError([f"no law of yield is called {law!r}; {nearest(law, laws)}"])
        return laws[law](defects)

    @cached_property
    def _table(self) -> Mapping[str, Tensor]:
        rows = self.nodes[::-1]
        names = [f.name for f in fields(FoundryNode)]
        return {n: torch.tensor([getattr(r, n) for r in rows], dtype=torch.float64).log() for n in names}

    def _at(self, name: str, node: Number) -> Tensor:
        size = torch.as_tensor(node, dtype=torch.float64)
        low, high = self.nodes[-1].node, self.nodes[0].node
        if not bool(((size >= low * (1 - 1e-9)) & (size <= high * (1 + 1e-9))).all()):
            raise SpecError([f"node: must lie from {1e9 * low:g} to {1e9 * high:g} nm, where the table of wafers ends"])
        return interpolate(size.log(), self._table["node"], self._table[name]).exp()


def _plain(value: Number, *given: object) -> Number:
    """Return a tensor where one was given, else a number."""
    return value if any(isinstance(x, Tensor) for x in given) else float(value)


@cache
def load_foundry(name_or_path: str = "foundry") -> Foundry:
    """Load the wafers that come with mho, or a TOML file of your own."""
    return Loader((Room(Foundry, {}, "foundries"),)).load(Foundry, name_or_path)


def die_cost(area: Number, node: Number, law: YieldLaw = "negative binomial") -> Number:
    """Return what a working die of an area in m2 costs in US dollars, before packaging; see `Foundry.die`.

    >>> f"{die_cost(100e-6, 7e-9):.0f} dollars for 100 mm2 in 7 nm"
    '16 dollars for 100 mm2 in 7 nm'
    """
    return load_foundry().die(area, node, law).cost
