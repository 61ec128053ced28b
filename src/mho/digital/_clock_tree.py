"""`ClockTree`: the wires and buffers that bring the clock to the flip-flops of a tile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from mho.core import Cost, Hertz, Positive, Source, SpecError, SquareMetre, Watt

from ._logic import Logic
from ._network import RepeatedWire
from ._technology import load_technology


@dataclass(frozen=True)
class ClockTree:
    """An H-tree over each tile whose wires all rise once a cycle while the tile works.

    Wires have the repeaters of the fastest wire, whose capacitance does not depend on the metal they are made of.
    """

    leaf: Annotated[int, Positive]
    """Flip-flops that one end of the tree drives; their own capacitance is with the flip-flops."""
    sources: tuple[Source, ...] = ()

    def length(self, flip_flops: int, area: SquareMetre) -> float:
        """Return the length in m of all branches over a square: 4^n at level n, each side / 2^n long."""
        levels = math.ceil(math.log(max(flip_flops / self.leaf, 1.0), 4) - 1e-9)
        return math.sqrt(area) * (2.0 ** (levels + 1) - 2)

    def power(self, logic: Logic, clock: Hertz, flip_flops: int, area: SquareMetre) -> Watt:
        """Return the power of the tree of one tile at work.

        Raises:
            SpecError: if the logic does not say its node.
        """
        return self.length(flip_flops, area) * _wire(logic).capacitance * logic.supply**2 * clock

    def part(self, logic: Logic, flip_flops: int, area: SquareMetre) -> Cost:
        """Return area and leakage of the buffers of one tile's tree."""
        buffers = logic.gates(0, self.length(flip_flops, area) * _wire(logic).gates)
        return Cost(area=buffers.area, leakage=buffers.leakage)


def _wire(logic: Logic) -> RepeatedWire:
    if logic.node == 0:
        raise SpecError(["node: a clock tree takes its wires from the node of the logic; set it, as `28 nm`"])
    return RepeatedWire.of(logic, 1.0, load_technology().wire_capacitance)
