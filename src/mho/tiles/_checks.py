"""What must hold of an analog tile, said in one sentence where it does not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mho.arrays import excluded, memories, principles

if TYPE_CHECKING:
    from ._analog import AnalogTile

_AGREE = 0.01
"""How far numbers that a principle shares with its tile may be apart."""


def check(tile: AnalogTile) -> None:
    """Raise ValueError for parts that do not go together."""
    if min(tile.spare_columns, tile.conversion_rounds) < 0:
        raise ValueError(
            "spare_columns and conversion_rounds must be at least 0, "
            f"not {tile.spare_columns} and {tile.conversion_rounds}"
        )
    if tile.weights.lines_per_weight > len(tile.weights.significance) and (tile.wires or tile.spare_columns):
        raise ValueError("slices that are combined before conversion go with ideal wires and no spare columns yet")
    conversions = len(tile.weights.significance) * len(tile.inputs.significance(False))
    if tile.converter.rectifies and (conversions > 1 or tile.weights.reference_column):
        raise ValueError(
            "a rectifying converter must read the whole sum of a column at once, not by slices or offsets of weights "
            "or digits of inputs; take weights such as Differential, and inputs of one phase, such as BitParallel"
        )
    if min(tile.rows, tile.cols, tile.columns_per_converter) < 1:
        raise ValueError(
            f"rows, cols and columns_per_converter must be at least 1, "
            f"not {tile.rows}, {tile.cols}, {tile.columns_per_converter}"
        )
    if not 0 < tile.read_voltage <= tile.supply:
        raise ValueError(
            f"read_voltage must be above 0 V and at most the supply of {tile.supply} V, not {tile.read_voltage} V"
        )
    solved = tile.wires is not None and tile.wires.ir_drop == "newton"
    if tile.current_law is not None and not tile.current_law.separable and not solved:
        raise ValueError(
            f"cells of the law {type(tile.current_law).__name__} bend each in its own way, so they need wires "
            'with ir_drop = "newton"'
        )
    if tile.current_law is not None and tile.cell.range[1] >= tile.current_law.largest(tile.read_voltage):
        most = tile.current_law.largest(tile.read_voltage)
        raise ValueError(
            f"cells of up to {tile.cell.range[1]:.3g} S at {tile.read_voltage:g} V need a transistor that conducts "
            f"more, not {most:.3g} S; raise its k or overdrive"
        )
    if solved:
        if tile.current_law is None or tile.inputs.energy_exponent != 2:
            raise ValueError('wires with ir_drop = "newton" need a current_law and inputs that are levels')
        if tile.principle is not None:
            raise ValueError('wires with ir_drop = "newton" solve for currents; leave the principle out')
    if tile.gated:
        _check_gates(tile)
    if tile.principle is not None:
        _check_memory(tile, type(tile.principle).__name__)
        _check_phase(tile, "the columns", tile.principle.settling(tile.rows, tile.converter.resolution))
    if tile.wires is not None:
        if tile.wires.word_capacitance and tile.line_capacitance not in (0.0, tile.wires.word_capacitance):
            raise ValueError(
                f"line_capacitance, {tile.line_capacitance:g} F, and wires.word_capacitance, "
                f"{tile.wires.word_capacitance:g} F, are the same thing; make them equal or leave one at 0 F"
            )
        if tile.wires.ir_drop != "off":
            loaded = replace(tile.wires, word_capacitance=tile.word_capacitance)
            _check_phase(tile, "its wires", loaded.settling(*tile.lines, tile.converter.resolution))


def _check_memory(tile: AnalogTile, principle: str) -> None:
    """Raise if the principle cannot be built of the cell's memory; parts that the table does not know may be."""
    memory = tile.cell.memory
    if memory in memories() and principle in principles() and (reason := excluded(principle, memory)):
        raise ValueError(f"{principle} cannot be built of {memory}: {reason}; take another cell or principle")


def _check_gates(tile: AnalogTile) -> None:
    if tile.inputs.pulse_steps != 1:
        raise ValueError(
            "inputs on gates must be bits, one a phase: transistors are on or off; take BitSerial, "
            f"not {type(tile.inputs).__name__}"
        )
    if tile.current_law is not None or tile.principle is not None or tile.sorted_lines or tile.select is not None:
        raise ValueError(
            "columns with inputs on gates take no current_law, principle, select or sorted_lines; leave them out"
        )


def _check_phase(tile: AnalogTile, what: str, needed: float) -> None:
    given = tile.inputs.pulse_time + tile.pre.settling
    if needed > given:
        raise ValueError(
            f"a phase must last as long as {what} need to settle, {needed:.3g} s, not {given:.3g} s; "
            "lengthen inputs.hold, inputs.lsb_time or pre.settling"
        )


def contradictions(tile: AnalogTile) -> tuple[str, ...]:
    """What the parts say of each other that cannot be, in a sentence each.

    A converter that needs longer pulses than the inputs give, and numbers of the principle that the cell or the tile
    holds as well, where they are not the same.
    """
    needed, given = tile.converter.counting_time, tile.inputs.pulse_time
    short = (
        f"a converter that reads while the current flows needs pulses of {needed:.3g} s, not {given:.3g} s; take one "
        "that samples, or lengthen inputs.hold or inputs.lsb_time"
    )
    pulses = (short,) if tile.converter.concurrent and needed > given * (1 + 1e-6) else ()
    own = {
        "g_max": ("the cell's highest conductance", tile.cell.range[1], "S"),
        "read_voltage": ("read_voltage of the tile", tile.read_voltage, "V"),
        "pulse": ("a phase of the inputs", tile.inputs.pulse_time, "s"),
    }
    shared = {} if tile.principle is None else tile.principle.shared
    return pulses + tuple(
        f"{name} of {type(tile.principle).__name__} and {own[name][0]} must be the same, not {value:.3g} and "
        f"{own[name][1]:.3g} {own[name][2]}; change one of them"
        for name, value in shared.items()
        if not math.isclose(value, own[name][1], rel_tol=_AGREE)
    )
