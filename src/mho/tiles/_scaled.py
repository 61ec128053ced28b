"""An analog tile at another node and supply, and a converter from the node that its own costs are of."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mho.converters import AbstractConverter, Sar
from mho.core import Metre, Scaling, SpecError, Volt
from mho.digital import Technology, load_technology

if TYPE_CHECKING:
    from ._analog import AnalogTile


def carried(
    converter: AbstractConverter, node: Metre, supply: Volt | None = None, technology: Technology | None = None
) -> AbstractConverter:
    """Return a converter at another node in m, and supply in V (the nominal one if left out).

    Its own supply, where it does not tell one, is the nominal one of its node.

    Raises:
        SpecError: if it does not say its node or how it scales, or node or supply are outside the table.
    """
    if converter.node is None:
        raise SpecError(
            [f"node: a {type(converter).__name__} converter must say at which node its costs are; set it, as `28 nm`"]
        )
    own = converter.supply if isinstance(converter, Sar) else None
    return converter.scaled((technology or load_technology()).scaling(converter.node, node, supply, own))


def together(tile: AnalogTile, technology: Technology | None = None) -> AnalogTile:
    """Return a tile whose converter is at the node and supply of its gates, where both say their node."""
    gates, own = tile.gates, tile.converter.node
    if own is None or not gates.node or math.isclose(own, gates.node, rel_tol=1e-6):
        return tile
    return replace(tile, converter=carried(tile.converter, gates.node, gates.supply, technology))


def scaled(tile: AnalogTile, to: Scaling) -> AnalogTile:
    """Return a tile at another node and supply, each part by its own rule.

    Lines follow the side of the cell. Pulses last as long as before, since wires and cells set them; a read voltage
    that was the supply stays the supply, another one is the device's and stays, if the supply still gives it.
    """
    cell = tile.cell.scaled(to)
    before, after = tile.cell.costs()["part"].area, cell.costs()["part"].area
    side = math.sqrt(after / before) if before else to.new / to.old
    supply = tile.supply * to.voltage
    full = math.isclose(tile.read_voltage, tile.supply)
    return replace(
        tile,
        cell=cell,
        pre=tile.pre.scaled(to),
        converter=tile.converter.scaled(to),
        post=tile.post.scaled(to),
        read_voltage=supply if full else min(tile.read_voltage, supply),
        supply=supply,
        line_capacitance=tile.line_capacitance * side,
        dac=tile.dac.scaled(to),
        wires=None if tile.wires is None else tile.wires.scaled(to, side),
        principle=None if tile.principle is None else tile.principle.scaled(to),
        select=None if tile.select is None else tile.select.scaled(side),
    )
