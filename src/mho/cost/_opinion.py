"""What published silicon says of a chip: its tile as a macro, the law of its kind, and how far such laws are off."""

from __future__ import annotations

from dataclasses import dataclass

from mho.arrays import ChargeDomain, CurrentDomain, ResistanceSum, ResistiveDivision
from mho.chip import Chip
from mho.devices import Dram, Sram
from mho.tiles import AnalogTile, DigitalTile

from ._macro import Macro, Principle, load_law
from ._measured import read_silicon

_STATIC = (CurrentDomain, ResistiveDivision, ResistanceSum)
"""MAC principles in which currents flow as long as cells are read, as they do without any."""


@dataclass(frozen=True)
class ErrorBar:
    """How far off estimates of such a chip are: where two of three unseen chips lie, measured over predicted.

    It is the error of the law of the chip's kind (`mho validate silicon`), taken for that of the sum of a chip's parts,
    of which nobody has measured one.
    """

    principle: Principle
    energy: tuple[float, float]
    """Of an operation, low and high."""
    density: tuple[float, float]
    """Of operations a second and area."""


def error_bar(chip: Chip) -> ErrorBar | None:
    """Return the error bar of a chip's estimates; None for tiles of one's own, of which there is no law.

    >>> error_bar(Chip.load("dimc-sram")).energy
    (0.56, 1.31)
    """
    principle = _principle_of(chip)
    if principle is None:
        return None
    law = load_law(principle)
    return ErrorBar(principle, law.energy_range, law.density_range)


def _principle_of(chip: Chip) -> Principle | None:
    """Return how a chip's tiles sum."""
    tile = chip.tile
    if isinstance(tile, DigitalTile):
        return "digital"
    if not isinstance(tile, AnalogTile):
        return None
    if not isinstance(tile.cell, Sram | Dram):
        return "current"
    return "static" if tile.principle is None or isinstance(tile.principle, _STATIC) else "charge"


def macro_of(chip: Chip) -> Macro | None:
    """Return a tile of the chip as a macro at the chip's speed; None where its logic states no node.

    One invocation is one turn of the shared converters in one phase of the inputs, a bit for bit-serial ones. With its
    digital unit a chip counts as a processor.
    """
    tile = chip.tile
    rows, columns = tile.shape
    if isinstance(tile, DigitalTile):
        blocks = tile.mvm_cost(rows, columns, True)
        if not tile.logic.node:
            return None
        return Macro(
            "digital",
            tile.logic.node,
            tile.logic.supply,
            rows=rows,
            converters=columns,
            weight_bits=tile.weight_bits,
            input_bits=1,
            cycle=sum(c.latency for c in blocks.values()) / tile.inputs.bits,
            cores=chip.tiles,
            processor=1.0,
        )
    principle = _principle_of(chip)
    if not isinstance(tile, AnalogTile) or principle is None or not tile.post.logic.node:
        return None
    slices, phases = len(tile.weights.significance), len(tile.inputs.significance(True))
    turns = tile.columns_per_converter
    latency = sum(c.latency for c in tile.mvm_cost(rows, columns, True).values())
    return Macro(
        principle,
        tile.post.logic.node,
        tile.supply,
        rows=rows,
        converters=columns * slices / turns,
        weight_bits=max(1.0, tile.weights.resolution / slices),
        input_bits=max(1, tile.inputs.bits_per_phase),  # a bit of a bit-serial input says 0
        converter_bits=tile.converter.resolution,
        cycle=latency / phases / turns,
        capacity=rows * columns * tile.weights.resolution * chip.tiles,
        bit_lines=float(isinstance(tile.principle, ChargeDomain)),
        cores=chip.tiles,
        processor=1.0,
    )


@dataclass(frozen=True)
class Opinion:
    """A figure of the law, and the range in which two of three unseen chips lie."""

    principle: Principle
    tops_per_watt: float
    """Of the chip's own bits, not of one bit."""
    energy_range: tuple[float, float]
    """Of TOPS/W, low and high."""
    tops_per_mm2: float
    density_range: tuple[float, float]
    beyond: tuple[str, ...] = ()
    """In what the chip lies outside of all chips that the law was fitted on; then the ranges say too little."""


def second_opinion(chip: Chip) -> Opinion | None:
    """Say what the law of published macros makes of a chip's peak figures; None where its logic states no node."""
    macro = macro_of(chip)
    if macro is None:
        return None
    law = load_law(macro.principle)
    tile = chip.tile
    weight, inputs, phases = 1, 1, 1.0
    if isinstance(tile, AnalogTile):
        weight, inputs = tile.weights.resolution, tile.inputs.resolution
        phases = len(tile.inputs.significance(True)) * float(macro.input_bits)
    elif isinstance(tile, DigitalTile):
        weight, inputs, phases = tile.weight_bits, tile.inputs.bits, float(tile.inputs.bits)
    useful = inputs / phases  # phases for signs are no operations
    efficiency = useful * 1e-12 / float(law.energy_per_operation(macro)) / (weight * inputs)
    density = useful * float(law.density(macro)) * 1e-18 / (weight * inputs)
    (e_low, e_high), (d_low, d_high) = law.energy_range, law.density_range
    return Opinion(
        macro.principle,
        efficiency,
        (efficiency / e_high, efficiency / e_low),
        density,
        (density * d_low, density * d_high),
        _beyond(macro),
    )


def _beyond(macro: Macro) -> tuple[str, ...]:
    """Name what no fitted chip of the principle has as little or as much of, by more than a tenth."""
    fitted = [p for p in read_silicon() if p.macro.principle == macro.principle]
    out: list[str] = []
    for name, title in (("rows", "rows"), ("cycle", "time of an invocation"), ("node", "node"), ("supply", "supply")):
        values = [getattr(p.macro, name) for p in fitted if name != "cycle" or not p.idle]
        known = [float(v) for v in values if v is not None]
        if not min(known) / 1.1 <= float(getattr(macro, name)) <= max(known) * 1.1:
            out.append(title)
    return tuple(out)
