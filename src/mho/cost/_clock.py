"""The clock tree of a chip: over which area it spreads, and what it takes."""

from __future__ import annotations

from mho.chip import Chip
from mho.core import Cost, Watt


def clock_tree(chip: Chip) -> tuple[Watt, Cost]:
    """Return the power of one tile's clock tree at work, and area and leakage of its buffers; 0 where it is None.

    A tree spreads over the tile and its share of the digital unit.
    """
    unit = chip.digital
    if unit.clock_tree is None or not unit.registers:
        return 0.0, Cost()
    area = sum(c.area for c in chip.tile.parts().values()) + unit.costs()["part"].area / chip.tiles
    power = unit.clock_tree.power(unit.logic, unit.clock, unit.registers, area)
    return power, unit.clock_tree.part(unit.logic, unit.registers, area)
