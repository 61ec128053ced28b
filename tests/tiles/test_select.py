"""Lines of the cells' gates: C V^2 for each cell of the rows in use and each switching, and nothing else."""

from dataclasses import replace

import pytest

from mho.arrays import Wires
from mho.digital import load_technology
from mho.tiles import AnalogTile, BitSerial, SelectLines, load_tile

LINES = SelectLines(capacitance=2e-15, swing=1.5, switches=3)


def _tile(name: str) -> AnalogTile:
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    return tile


def test_energy() -> None:
    assert LINES.energy(1000) == pytest.approx(3 * 2e-15 * 1000 * 1.5**2, rel=1e-12)


def test_what_flows_into_the_lower_rail_is_lost() -> None:
    """From 0.9 to 2.2 V every charge comes from 2.2 V."""
    lines = replace(LINES, swing=1.3, rest=0.9)
    assert lines.energy(1000) == pytest.approx(3 * 1000 * (2e-15 * 1.3) * 2.2, rel=1e-12)


def test_drivers_take_area_by_cell() -> None:
    tile = _tile("tile2")
    more = replace(tile, select=replace(LINES, area=4e-13)).parts()["input encoding"].area
    assert more - tile.parts()["input encoding"].area == pytest.approx(4e-13 * tile.rows * tile.row_cells)


@pytest.mark.parametrize(("name", "phases"), [("tile2", 1), ("tile1", 1), ("tile-capacitive", 2)])
def test_a_product_switches_them_in_every_phase_of_every_row_in_use(name: str, phases: int) -> None:
    """All cells of 100 rows, also those of columns that are not used; times and other blocks stay."""
    tile = _tile(name)
    with_lines = replace(tile, select=LINES).mvm_cost(100, 10, True)
    without = tile.mvm_cost(100, 10, True)
    more = {block: with_lines[block].energy - cost.energy for block, cost in without.items()}
    cells = 100 * tile.row_cells
    assert more.pop("input encoding") == pytest.approx(phases * 3 * 2e-15 * 1.5**2 * cells, rel=1e-9)
    assert set(more.values()) == {0.0}
    assert {b: c.latency for b, c in with_lines.items()} == {b: c.latency for b, c in without.items()}


def test_they_are_pulsed_again_for_each_turn_of_a_converter_that_counts() -> None:
    four = replace(_tile("tile1"), columns_per_converter=4)
    more, base = (t.mvm_cost(1, 1, False)["input encoding"].energy for t in (replace(four, select=LINES), four))
    assert more - base == pytest.approx(4 * LINES.energy(four.row_cells), rel=1e-6)


def test_another_node_shortens_them_and_keeps_their_swing() -> None:
    tile = replace(_tile("tile2"), select=LINES)
    small, same = tile.at_node(14e-9), tile.at_node(28e-9, 0.9, load_technology())
    assert isinstance(small, AnalogTile)
    assert isinstance(same, AnalogTile)
    side = small.line_capacitance / tile.line_capacitance
    assert small.select == replace(LINES, capacitance=LINES.capacitance * side)
    assert 0 < side < 1
    assert same.select == LINES


def test_with_inputs_on_gates_wrong() -> None:
    tile = _tile("tile-sw-2t2r")
    with pytest.raises(ValueError, match="take no current_law, principle, select or sorted_lines; leave them out"):
        replace(tile, select=LINES)


def test_one_bit_is_a_phase_and_its_sign_another() -> None:
    """Bits and signs of ternary inputs on gates need no encoding of their own."""
    tile = _tile("liu2020")
    assert isinstance(tile.wires, Wires)
    assert tile.weight_range == (-1, 1)
    assert (tile.input_range(False), tile.inputs.significance(False)) == ((0, 1), (1.0,))
    assert (tile.input_range(True), tile.inputs.significance(True)) == ((-1, 1), (1.0, -1.0))
    assert tile.inputs.pulse_steps == BitSerial(8, 1e-9).pulse_steps == 1
