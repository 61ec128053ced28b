"""What an estimate of a chip leaves out: parts that its file does not state, and those that no chip has here."""

from __future__ import annotations

from mho.chip import Chip
from mho.devices import Sram
from mho.tiles import AnalogTile, DigitalTile

_NEVER = (
    "pins and external memory",
    "regulators and references",
    "reading of calibration",
)
"""Of no chip; see docs/concepts/cost.md."""


def uncounted(chip: Chip) -> tuple[str, ...]:
    """Name what costs energy or area on such a chip and is in no block of its estimate.

    >>> uncounted(Chip.load("mythic-m1076"))[:2]
    ('clock tree', 'leakage of pre-conversion')
    """
    tile, unit = chip.tile, chip.digital
    out: list[str] = []
    if chip.network is None:
        out.append("wires between tiles and digital unit")
    if unit.clock_tree is None:
        out.append("clock tree")
    if unit.control is None:
        out.append("control")
    if isinstance(tile, AnalogTile):
        if tile.converter.leakage is None:
            out.append("leakage of converters")
        if tile.pre.leakage is None:
            out.append("leakage of pre-conversion")
    if isinstance(tile, AnalogTile | DigitalTile) and isinstance(tile.cell, Sram) and not tile.cell.leakage:
        out.append("leakage of cells")
    stored = (0 if unit.buffer is not None else unit.buffer_bits) + (unit.control.memory_bits if unit.control else 0)
    if stored and not unit.logic.sram_bit_leakage:
        out.append("leakage of buffers")
    return (*out, *_NEVER)
