"""Tiles at other nodes."""

import math
from dataclasses import replace

import pytest

from mho.arrays import ChargeRedistribution
from mho.core import SpecError
from mho.digital import load_technology
from mho.tiles import AbstractTile, AnalogTile, DigitalTile, characterise, load_tile

TECHNOLOGY = load_technology()
NAMES = ["tile1", "tile2", "dimc", "tile-capacitive", "tile-sw-2t2r"]


@pytest.mark.parametrize("name", NAMES)
def test_where_it_is_nothing_changes(name: str) -> None:
    tile = load_tile(name)
    assert tile.at_node(tile.gates.node, tile.gates.supply) == tile


@pytest.mark.parametrize("name", ["tile1", "tile2", "dimc", "tile-capacitive"])
def test_smaller_nodes_take_less(name: str) -> None:
    """Every block of every tile, and none shrinks by more than the square of the node."""
    tile = load_tile(name)
    before = characterise(tile.at_node(22e-9), instances=1, vectors=4)
    after = characterise(tile.at_node(7e-9), instances=1, vectors=4)
    square = (7 / 22) ** 2
    for block, cost in before.parts.items():
        assert square * cost.area * (1 - 1e-9) <= after.parts[block].area <= cost.area
    for block, cost in before.blocks.items():
        assert after.blocks[block].energy <= cost.energy * (1 + 1e-6)
    assert after.total.latency <= before.total.latency
    assert after.error == pytest.approx(before.error, rel=0.05)


def test_a_digital_tile_is_gates_and_cells() -> None:
    tile = load_tile("dimc")
    assert isinstance(tile, DigitalTile)
    seven = tile.at_node(7e-9, 0.6)
    assert isinstance(seven, DigitalTile)
    assert seven.logic.nand2_area == pytest.approx(TECHNOLOGY.logic(7e-9).nand2_area)
    assert seven.logic.supply == pytest.approx(0.6)
    assert seven.cell.area == pytest.approx(TECHNOLOGY.sram_cell_area(7e-9))
    assert seven.rows == tile.rows


def test_parts_of_an_analog_tile() -> None:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    to = TECHNOLOGY.scaling_from(tile.gates, 7e-9)
    seven = tile.scaled(to)
    assert seven.supply == pytest.approx(0.75)
    assert seven.read_voltage == tile.read_voltage
    assert seven.inputs == tile.inputs
    assert seven.pre.area == pytest.approx(tile.pre.area * to.analog_area)
    assert seven.line_capacitance == pytest.approx(tile.line_capacitance / 2)  # the cell's side follows the node
    assert seven.wires is not None
    assert tile.wires is not None
    assert seven.wires.word_line == pytest.approx(tile.wires.word_line * 0.5 / to.metal_pitch**2)
    floor = tile.scaled(TECHNOLOGY.scaling_from(tile.gates, 3e-9)).cell.costs()["part"].area
    assert floor == pytest.approx(TECHNOLOGY.analog.access_floor)


def test_a_read_voltage_that_was_the_supply_stays_it() -> None:
    tile = load_tile("tile-capacitive")
    seven = tile.at_node(7e-9)
    assert isinstance(seven, AnalogTile)
    assert seven.read_voltage == seven.supply == pytest.approx(0.75)
    assert isinstance(seven.principle, ChargeRedistribution)
    assert seven.principle.voltage == pytest.approx(0.75)
    assert math.isclose(load_tile("tile1").at_node(5e-9, 0.5).gates.supply, 0.5)


def test_errors() -> None:
    tile = load_tile("dimc")
    assert isinstance(tile, DigitalTile)
    with pytest.raises(SpecError, match=r"^node: logic must say in which node it is"):
        replace(tile, logic=replace(tile.logic, node=0.0)).at_node(7e-9)
    with pytest.raises(
        SpecError, match=r"^DigitalTile does not say in which node it is; give it `gates` and `scaled`$"
    ):
        _ = AbstractTile.gates.fget(tile)  # type: ignore[attr-defined]
    with pytest.raises(SpecError, match=r"^DigitalTile does not say how it follows the technology; give it `scaled`$"):
        AbstractTile.scaled(tile, TECHNOLOGY.scaling(28e-9, 7e-9))
