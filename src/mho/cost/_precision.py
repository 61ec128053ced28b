"""Analog against digital by precision: one dot product, summed on a line and converted, or by adders."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from mho.converters import Sar, load_converter, thermal_floor
from mho.core import Cost, Metre, SpecError, Volt
from mho.digital import Technology, load_technology

_BITS = range(2, 17)
_ANCHOR, _ANCHOR_SUPPLY = 28e-9, 0.9
"""Where the converter's law and the driver's capacitance were fitted."""
_DRIVER = 50e-15
"""Capacitance that a row's driver switches for each bit, in F. Source: [zigzagimc2023]."""
_DENSITY = 2e-3
"""Of capacitors above the cells, in F / m2, as of the capacitive principles."""


@dataclass(frozen=True)
class Precision:
    """One output of a product of `rows` inputs and weights of `bits` bits each, right to as many bits of full scale."""

    bits: int
    rows: int
    analog: Cost
    digital: Cost


def precision(
    bits: int,
    node: Metre = _ANCHOR,
    supply: Volt | None = None,
    rows: int = 256,
    columns: int = 256,
    technology: Technology | None = None,
) -> Precision:
    """Return what one output costs in charge on a line with one conversion, and in AND gates with an adder tree.

    Analog, at its best: all bits of a weight in one capacitor that can hold any of them, all bits of an input at once;
    the row's drivers shared by the columns; capacitors as large as the noise of sampling asks for, 12 k T 4^b / V^2;
    one `Sar` conversion, (k1 b + k2 4^b) V^2, whose law was fitted at 4 to 8 bits and is carried beyond. Digital: bit
    after bit of the inputs, as `DigitalTile`. Both hold their weights in static cells.

    Raises:
        SpecError: if bits are not 2 to 16, or the node or supply is outside the table of technologies.
    """
    if bits not in _BITS:
        raise SpecError([f"bits: a dot product is compared at {_BITS[0]} to {_BITS[-1]} bits, not {bits}"])
    table = technology or load_technology()
    to = table.scaling(_ANCHOR, node, supply, _ANCHOR_SUPPLY)
    logic = table.logic(node, supply)
    sar = load_converter("sar-8b")
    assert isinstance(sar, Sar)
    convert = replace(sar, bits=bits).scaled(to).costs(rows)
    volt = to.supply
    charge = thermal_floor(bits) / volt**2
    drivers = rows * _DRIVER * to.analog_capacitance * bits * volt**2 / columns
    cells = rows * bits * table.sram_cell_area(node)
    analog = Cost(
        energy=convert["convert"].energy + charge * volt**2 + drivers,
        latency=convert["convert"].latency,
        area=convert["part"].area + max(cells, charge / _DENSITY),
    )
    tree = logic.adder_tree(rows, bits)
    width = 2 * bits + math.ceil(math.log2(rows))
    accumulate = logic.adder(width) + logic.register(width)
    gates = logic.gates(rows * bits, rows * bits)
    digital = Cost(
        energy=bits * (tree.energy + accumulate.energy + gates.energy),
        latency=bits * max(tree.latency, accumulate.latency),
        area=tree.area + accumulate.area + gates.area + cells,
    )
    return Precision(bits, rows, analog, digital)


def crossover(
    quantity: Literal["energy", "area"],
    node: Metre = _ANCHOR,
    supply: Volt | None = None,
    rows: int = 256,
    columns: int = 256,
    technology: Technology | None = None,
) -> float:
    """Return the bits above which digital takes less energy or area than analog; infinite if it never does.

    Between whole bits the logarithm of the ratio is taken as linear. See `precision`.
    """
    before = 0.0
    for bits in _BITS:
        point = precision(bits, node, supply, rows, columns, technology)
        ratio = math.log(getattr(point.analog, quantity) / getattr(point.digital, quantity))
        if ratio >= 0:
            return float(bits) if bits == _BITS[0] else bits - ratio / (ratio - before)
        before = ratio
    return math.inf
