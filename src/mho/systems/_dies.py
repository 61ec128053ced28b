"""`Dies`: the dies that tiles of a medium take: how many, how hot, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mho.cost import die_cost, load_foundry

from ._cooling import Cooling
from ._medium import Medium


@dataclass(frozen=True)
class Dies:
    """An area of tiles as equal dies of at most the field of a scanner, each in a package of its own."""

    medium: Medium
    area: float
    """Of all tiles, in m2."""
    cooling: Cooling

    @property
    def count(self) -> int:
        """How many dies, or stacks of dies."""
        return math.ceil(self.area / load_foundry().field * (1 - 1e-9))

    @property
    def each(self) -> float:
        """Area of one, in m2."""
        return self.area / self.count

    def junction(self, heat: float, products: float) -> float:
        """Return the K of the hottest devices.

        Args:
            heat: W of all dies.
            products: W of it that products of the tiles take.
        """
        found = self.cooling.ambient + heat / self.count * self.cooling.resistance(self.each)
        stack = self.medium.stack
        if stack is None:
            return found
        cells = stack.heat * products
        return found + stack.rise((heat - cells) / self.area, cells / self.area, self.medium.tiers)

    @property
    def price(self) -> float | None:
        """US dollars of all dies, before packaging and testing; None if a node is not known."""
        cells, logic, stack = self.medium.node, self.medium.periphery_node, self.medium.stack
        if not cells:
            return None
        if stack is None:
            return self.count * die_cost(self.each, min(cells, logic))
        return self.count * stack.price(self.each, self.medium.tiers, cells, logic)
