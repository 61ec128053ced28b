"""What an analog tile costs: drivers, cells, the three stages behind a bit line, registers; area, leakage by block."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mho.core import Cost

from ._base import Activity
from ._layout import AbstractLayout, subsample
from ._state import ArrayState

if TYPE_CHECKING:
    from ._analog import AnalogTile


_VECTORS = 16
"""Input vectors drawn for the energy of columns, where activity is estimated."""


def activity(tile: AnalogTile, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool) -> Activity:
    """Sum pulse energy per row over the images and weigh it with the conductance of the row.

    Of several conditions only the first counts, so that a cost does not depend on which others are asked for.
    """
    pulses = tile.inputs.encode(x[: state.chips], signed)
    pulses = pulses.abs() if tile.inputs.signed_pulses(signed) else pulses
    images, full = x.shape[1], float(tile.inputs.pulse_steps)
    conductance = state.row_conductance[: state.chips]

    def rows(total: Tensor, largest: float) -> Tensor:
        """Pulses of one image on every row, as a share of the largest pulse: `[I or 1, G, R, K]`."""
        return torch.stack([layout.row_sums(d) for d in total / (images * largest)])

    # Sum over phases and images first: what follows is then small.
    flow = tile.driven(pulses)
    drive = rows(flow.sum((0, 2)), full)
    power = rows((pulses * flow).sum((0, 2)), full**2) if tile.inputs.energy_exponent == 2 else drive
    seconds = tile.inputs.pulse_time
    positions = layout.positions(x)
    drivable = positions * layout.groups * layout.row_tiles * layout.rows * len(pulses)
    return Activity(
        positions,
        float((power * conductance).sum((1, 2, 3)).mean()) * seconds,
        float((drive * conductance).sum((1, 2, 3)).mean()) * seconds,
        float(drive.sum((1, 2, 3)).mean()) / drivable,
        _column_energy(tile, layout, state, pulses) * positions,
    )


def expected_activity(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, values: Tensor, shape: Sequence[int], signed: bool
) -> Activity:
    """Multiply the mean pulse of a sample of inputs with the mean conductance of a row, as often as rows are used."""
    pulses = tile.inputs.encode(values, signed)
    pulses = pulses.abs() if tile.inputs.signed_pulses(signed) else pulses  # [P, values]
    flow, full = tile.driven(pulses), float(tile.inputs.pulse_steps)
    drive = float(flow.mean(1).sum()) / full
    power = float((pulses * flow).mean(1).sum()) / full**2 if tile.inputs.energy_exponent == 2 else drive
    uses = float(layout.row_sums(torch.ones(tuple(shape))).sum())  # padding is no use
    rows = layout.groups * layout.row_tiles * layout.rows
    states = tile.weights.targets(layout.split_weight(weights))
    bottom, top = tile.cell.range
    charge = uses * float((bottom + states * (top - bottom)).sum()) / rows * tile.inputs.pulse_time
    positions = layout.positions(torch.empty(1, 1, *shape))
    columns = 0.0
    if tile.principle is not None:
        count = max(1, min(_VECTORS, values.numel() // layout.rows))
        vectors = pulses[:, : count * layout.rows].reshape(len(pulses), count, -1) / tile.inputs.pulse_steps
        columns = sum(
            float(tile.principle.energy(x, w).sum(-1).mean())
            for x in vectors
            for w in states.permute(1, 2, 4, 0, 3, 5).flatten(3).flatten(0, 1)
        )
    density = drive * uses / (positions * rows * len(pulses))
    return Activity(positions, power * charge, drive * charge, density, columns * positions)


def _column_energy(tile: AnalogTile, layout: AbstractLayout, state: ArrayState, pulses: Tensor) -> float:
    """Return the energy of all columns in one product, as the principle says, for a sample of the inputs."""
    if tile.principle is None or state.states is None:
        return 0.0
    images = pulses[:, 0, :4]
    total = 0.0
    for phase in images:
        x = subsample(layout.gather(phase), 64) / tile.inputs.pulse_steps  # [G, R, M, K]
        for g, r in itertools.product(range(layout.groups), range(layout.row_tiles)):
            w = state.states[:, g, r].permute(2, 0, 1, 3).flatten(1)  # [K, cells S N]
            total += float(tile.principle.energy(x[g, r], w).sum(-1).mean())
    return total


def _phases(tile: AnalogTile, signed: bool) -> int:
    """How often the word lines are pulsed in one product."""
    turns = tile.columns_per_converter if tile.converter.concurrent else 1
    return len(tile.inputs.significance(signed)) * turns


def mvm_cost(tile: AnalogTile, rows: int, columns: int, signed: bool) -> Mapping[str, Cost]:
    """Return drivers, read-out and registers of one product.

    Word lines take C V^2 a pulse, gates that of the supply; bit lines are held at one voltage and so take none.
    Where reading destroys what the cells hold, each pulse is followed by restoring, row after row, all cells on the
    word lines.
    """
    lines = (columns + tile.weights.reference_column) * len(tile.weights.significance)
    conversions = lines * len(tile.inputs.significance(signed))
    pulses = _phases(tile, signed)
    convert = tile.converter.costs(tile.rows)["convert"]
    post = tile.post.costs()
    on = tile.inputs.pulse_time + tile.pre.settling
    turns = 1 if tile.converter.concurrent else tile.columns_per_converter
    swing = tile.supply if tile.gated else tile.read_voltage
    line_energy = tile.word_capacitance * tile.row_cells * swing**2
    logic = tile.post.logic
    driver_energy = tile.dac.costs(tile.inputs.bits_per_phase, tile.supply)["drive"].energy
    # A pulse width is made by comparing a row's register with a common counter: two of its bits toggle a step.
    compare = logic.gates(2 * (logic.XOR2_CAPACITANCE + 1) + logic.DFF_CAPACITANCE, 0).energy
    pulsed = tile.inputs.time_steps > 0 or tile.inputs.pulse_steps == 1  # not levels
    one = len(tile.weights.significance) == len(tile.inputs.significance(signed)) == 1
    direct = tile.converter.pulse_output and pulsed and one
    if direct:  # the converters of the layer before send the pulses themselves, half of the largest count on average
        driver_energy = 0.0
        line_energy *= max(1.0, tile.inputs.pulse_steps / 2)
    else:
        driver_energy += tile.inputs.time_steps * compare
    read = (columns + tile.weights.reference_column) * tile.weights.lines_per_weight
    readers = read / (tile.columns_per_converter if tile.converter.concurrent else 1)
    bits = sum(tile.product_bits(rows, columns))
    select = 0.0 if tile.select is None else tile.select.energy(tile.row_cells)
    restore = tile.cell.costs().get("restore")
    restored = {} if restore is None else {"restore": _restored(tile, restore) * (rows * pulses)}
    return restored | {
        "input encoding": Cost(rows * pulses * (line_energy + driver_energy + select), pulses * tile.inputs.pulse_time),
        "pre-conversion": Cost(readers * pulses * tile.pre.costs(on)["read"].energy, pulses * tile.pre.settling),
        "ADC": Cost(conversions * convert.energy, len(tile.inputs.significance(signed)) * turns * convert.latency),
        "post-conversion": Cost(conversions * post["add"].energy + columns * post["correct"].energy),
        "digital": Cost(energy=logic.register(bits).energy + logic.buffer_access(bits).energy),
    }


def cell_cost(tile: AnalogTile, activity: Activity, weights: int) -> Mapping[str, Cost]:
    """Return what the read current takes from the supply, by where it is lost.

    The bit line sits at half the supply: a word line is driven from the rail to its voltage (input encoding), the
    cells take V^2 G t, and the read-out sinks the current from half the supply (pre-conversion). Source of the
    levels: [aihwkit2021]. Where the two cells of a weight share a source line, the charge of the one goes on through
    the other, and is drawn once for both. A tile with a MAC principle of its own takes what that says, all of it in the
    cells.
    """
    if tile.principle is not None:
        return {"cells": Cost(energy=activity.column_energy)}
    v, half = tile.read_voltage, tile.supply / 2
    cells = v * v * activity.siemens_seconds
    opposed = tile.wires is not None and tile.wires.pairs == "source line" and tile.weights.sides == 2
    drawn = activity.drawn / (2 if opposed else 1)
    return {
        "cells": Cost(energy=cells),
        "input encoding": Cost(energy=max(half * v * drawn - cells, 0.0)),
        "pre-conversion": Cost(energy=half * v * drawn),
    }


def _restored(tile: AnalogTile, restore: Cost) -> Cost:
    """Return the cost of writing one row back, all its cells at once."""
    return Cost(energy=restore.energy * tile.row_cells, latency=restore.latency)


def level_cost(tile: AnalogTile, columns: int) -> Cost:
    """Return the cost of writing the levels of the converters of so many columns, all of them at the same time."""
    write = tile.converter.costs(tile.rows).get("write", Cost())
    lines = (columns + tile.weights.reference_column) * len(tile.weights.significance)
    return Cost(-(-lines // tile.columns_per_converter) * write.energy, write.latency)


def upkeep(tile: AnalogTile) -> Mapping[str, Cost]:
    """Return the power of refreshing all cells of the tile, where cells forget."""
    refresh = tile.cell.costs().get("refresh")
    return {} if refresh is None else {"refresh": Cost(leakage=refresh.leakage * tile.rows * tile.row_cells)}


def parts(tile: AnalogTile) -> Mapping[str, Cost]:
    """Return area and leakage by block."""
    columns = tile.cols + tile.spare_columns
    lines = columns * len(tile.weights.significance)
    converters = -(-lines // tile.columns_per_converter)
    cell = tile.cell.costs()["part"]
    above = tile.principle.cell_area if tile.principle is not None else 0.0
    cell = replace(cell, area=max(cell.area, above))
    cells = cell * (tile.rows * tile.row_cells)
    driver = tile.post.logic.register(tile.inputs.resolution) * 2
    driver += tile.dac.costs(tile.inputs.bits_per_phase, tile.supply)["part"]
    select = 0.0 if tile.select is None else tile.select.area * tile.row_cells
    # A converter that samples needs every line held at once; one that counts takes its lines in turn.
    held = converters if tile.converter.concurrent else columns * tile.weights.lines_per_weight
    adc = tile.converter.costs(tile.rows)["part"] + Cost(leakage=tile.converter.leakage or 0.0)
    bits = sum(tile.product_bits(tile.rows, tile.cols))
    registers = tile.post.logic.register(bits)
    return {
        "cells": cells,
        "input encoding": Cost(area=driver.area + select, leakage=driver.leakage) * tile.rows,
        "pre-conversion": tile.pre.costs(0.0)["part"] * held,
        "ADC": adc * converters,
        "post-conversion": tile.post.costs()["part"] * converters,
        "digital": Cost(area=registers.area, leakage=registers.leakage),
    }
