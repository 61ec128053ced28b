"""Media: presets against what they were derived from, and chips as media."""

from dataclasses import replace

import pytest

from mho.chip import Chip
from mho.core import Loader, SpecError
from mho.cost import rate
from mho.digital import ROOMS as DIGITAL
from mho.digital import Logic, load_technology
from mho.systems import Medium, load_medium, load_stack, media
from mho.tiles import characterise, load_tile


@pytest.mark.parametrize(
    ("name", "tops_per_watt", "tops_per_mm2"),
    [
        ("sram-22nm", 89 / 4, 16.3 / 4),  # 4 and 4 bits to 8 and 8
        ("sram-5nm", 69.9 / 4, 221 / 4),
        ("sram-3nm", 32.5 * 2.25, 55.0 * 2.25),  # 12 and 12 bits to 8 and 8
        ("pcm-14nm", 10.5, 1.59),
        ("nor-40nm", 5.2, 0.0875),
    ],
)
def test_published_macros_come_out(name: str, tops_per_watt: float, tops_per_mm2: float) -> None:
    """Efficiency by watt and area without the digital unit, which a macro does not have."""
    m = load_medium(name)
    assert m.operations_per_joule / 1e12 == pytest.approx(tops_per_watt, rel=0.01)
    assert m.peak / m.array_area / 1e18 == pytest.approx(tops_per_mm2, rel=0.02)


def test_the_density_of_the_3_nm_macro() -> None:
    m = load_medium("sram-3nm")
    assert 8 * m.array_weights / m.array_area / 1e12 == pytest.approx(3.78, rel=0.01)  # Mb/mm2


def test_what_stands_for_a_preset_of_the_package() -> None:
    """The periphery of Tile2 and of DIMC, the energy and time of Tile2 with the clock of its chip."""
    tile, chip = load_tile("tile2"), Chip.load("tile2-rram")
    report, m = characterise(tile, instances=2), load_medium("rram-22nm")
    rest = sum(c.area for name, c in tile.parts().items() if name != "cells")
    assert m.periphery == load_medium("rram-3d-55nm").periphery == pytest.approx(rest, rel=1e-3)
    assert m.period == pytest.approx(report.total.latency, rel=0.01)
    clock = chip.digital.clock_power() * report.total.latency
    assert m.product == pytest.approx(report.total.energy + clock, rel=0.01)
    digital = sum(c.area for name, c in load_tile("dimc").parts().items() if name != "cells")
    assert load_medium("fefet-28nm").periphery == pytest.approx(digital, rel=1e-3)


def test_plain_sram_has_the_logic_of_the_package() -> None:
    """65 % cells, 32 multipliers with their sums; all bits read and all weights multiplied for a product."""
    logic, m = Loader(DIGITAL).load(Logic, "logic-14nm"), load_medium("sram-dense-5nm")
    lane = logic.multiplier(8, 8) + logic.adder(24) + logic.register(24)
    assert m.periphery == pytest.approx(m.cell_area * (1 / 0.65 - 1) + m.columns * lane.area, rel=1e-3)
    bits = m.array_weights * m.cells
    assert m.product == pytest.approx(bits * logic.sram_bit_energy + m.array_weights * lane.energy, rel=1e-3)
    assert m.weights_per_area > 4 * load_medium("sram-5nm").weights_per_area


@pytest.mark.parametrize("name", Chip.presets())
def test_a_chip_as_a_medium(name: str) -> None:
    chip = Chip.load(name)
    m, whole = Medium.of_chip(chip), rate(replace(chip, network=None))  # plans have links of their own
    assert m.tiles == chip.tiles
    assert (m.rows, m.columns) == chip.tile.shape
    assert m.node == chip.tile.gates.node > 0
    assert m.weight_bits == (4 if name == "neurram" else 8)
    assert m.tiles * m.peak == pytest.approx(whole.tops * 1e12)
    assert m.operations_per_joule == pytest.approx(whole.tops_per_watt * 1e12)
    area = sum(c.area for c in chip.tile.parts().values()) * chip.tiles + chip.digital.costs()["part"].area
    assert m.tiles * m.tile_area == pytest.approx(area)


def test_tiers_share_the_periphery() -> None:
    m = load_medium("rram-3d-55nm")
    double = replace(m, tiers=2 * m.tiers)
    assert double.tile_area == m.tile_area
    assert double.weights_per_area == 2 * m.weights_per_area
    beside = replace(m, over=False, stack=None)
    assert beside.array_area == pytest.approx(m.cell_area + m.periphery)


def test_static_cells_are_those_of_the_technology_table() -> None:
    """Unless a file says its own; the macro of 22 nm keeps its published area, of 64 kb in all."""
    for name in media():
        m = load_medium(name)
        if name.startswith("sram"):
            assert m.cell is None
            assert m.footprint == load_technology().sram_cell_area(m.node)
        else:
            assert m.footprint == m.cell
    assert load_medium("sram-22nm").array_area == pytest.approx(0.202e-6, rel=1e-5)
    assert load_medium("mram-22nm").periphery == load_medium("sram-22nm").periphery
    own = replace(load_medium("sram-5nm"), cell=0.03e-12)
    assert own.footprint == 0.03e-12
    assert replace(load_medium("sram-5nm"), node=7e-9).footprint == pytest.approx(0.027e-12)
    with pytest.raises(ValueError, match=r"^cell: say its area, or the node of which it is the densest static cell$"):
        replace(load_medium("sram-5nm"), node=0.0)


def test_vias_of_a_tile() -> None:
    """A line for each row and each column of cells, through each tier; pillars stand over one another."""
    m = load_medium("rram-3d-55nm")
    assert m.lines == 256 + 8 * 256
    assert m.vias == 8 * m.lines
    assert m.stack is not None
    wide = replace(m, stack=replace(m.stack, link=replace(m.stack.link, lane_area=1e-9)))
    assert wide.via_area == m.lines * 1e-9
    assert wide.array_area == pytest.approx(m.cell_area + m.lines * 1e-9)
    assert load_medium("rram-22nm").vias == 0
    with pytest.raises(ValueError, match=r"^tiers of a stack lie over their periphery; set over to true"):
        replace(m, over=False)


@pytest.mark.parametrize("name", ["rram-22nm", "nor-40nm", "pcm-14nm"])
def test_a_planar_medium_in_tiers(name: str) -> None:
    """As many weights over one periphery, lines with vias and bumps through all tiers, and 8 bits on each line."""
    m, stack = load_medium(name), load_stack("tsv")
    tall = m.stacked(8, stack)
    assert tall.tiers == 8
    assert tall.periphery == m.periphery
    assert tall.array_area == max(m.cell_area + m.lines * (2.89e-12 + 1600e-12), m.periphery)
    assert tall.product - m.product == pytest.approx(8 * m.lines * 8 * (0.02e-12 + 0.4e-12))
    assert tall.leakage == m.leakage == 0
    assert tall.period == m.period
    assert 2 < tall.weights_per_area / m.weights_per_area < 7
    assert tall.title == f"{m.title}, 8 tiers on micro bumps"


@pytest.mark.parametrize(("name", "least", "most"), [("rram-22nm", 1.1, 1.3), ("pcm-14nm", 5.0, 7.0)])
def test_sharing_without_tiers(name: str, least: float, most: float) -> None:
    """Arrays beside one another that take turns: what tiers save beyond that is only the cells' area."""
    m, stack = load_medium(name), load_stack("monolithic")
    flat, tall = m.shared(8), m.stacked(8, stack)
    assert flat.arrays == tall.arrays == 8
    assert flat.tile_area == pytest.approx(m.tile_area + 7 * m.cell_area)
    assert flat.vias == 0
    assert least < flat.tile_area / tall.tile_area < most
    both = m.shared(4).stacked(2, stack)
    assert both.arrays == 8
    assert both.cell_area == pytest.approx(4 * m.cell_area)
    assert both.vias == 2 * m.lines
    with pytest.raises(SpecError, match=r"^banks: a periphery has at least one array, not 0$"):
        m.shared(0)


def test_logic_of_another_node_below() -> None:
    """Analog periphery by 0.415 in area from 28 to 7 nm; cells, and their fifth of a product, stay at 22 nm."""
    m, stack = load_medium("rram-22nm"), load_stack("monolithic")
    to = load_technology().scaling(28e-9, 7e-9)
    over = m.stacked(8, stack, 7e-9)
    assert over.periphery == pytest.approx(m.periphery * to.analog_area)
    assert over.cell_area == m.cell_area
    assert over.product - over.via_energy == pytest.approx(m.product * (0.2 + 0.8 * to.analog_energy))
    assert over.period == m.period
    assert (over.node, over.periphery_node) == (22e-9, 7e-9)
    assert over.unit.logic.node == 7e-9
    same = m.stacked(8, stack, 28e-9)
    assert same.periphery == pytest.approx(m.periphery)
    assert same.product == pytest.approx(m.stacked(8, stack).product)


def test_what_cannot_be_stacked() -> None:
    stack = load_stack("monolithic")
    with pytest.raises(SpecError, match=r"^3D RRAM, vertical, 55 nm has 8 tiers already; stack a planar medium$"):
        load_medium("rram-3d-55nm").stacked(2, stack)
    with pytest.raises(SpecError, match=r"^tiers: a stack has at least one over its logic, not 0$"):
        load_medium("rram-22nm").stacked(0, stack)
    chip = Medium.of_chip(Chip.load("hermes"))
    assert chip.stacked(2, stack, 7e-9).periphery_node == 7e-9
    unknown = replace(chip, node=0.0)
    with pytest.raises(SpecError, match=r"^logic_node: the node of .* is not known, so its periphery stays"):
        unknown.stacked(2, stack, 7e-9)
    assert unknown.stacked(2, stack).tiers == 2


@pytest.mark.parametrize("name", [n for n in media() if load_medium(n).digital])
def test_digital_sums_share_nothing(name: str) -> None:
    """Adders are wired to every cell, or read row by row: word and bit lines are not all that they need."""
    m = load_medium(name)
    said = rf"^{m.title} adds digitally, the bits of every cell; tiers and banks share .* for analog sums only$"
    with pytest.raises(SpecError, match=said):
        m.stacked(8, load_stack("monolithic"))
    with pytest.raises(SpecError, match=said):
        m.shared(8)


def test_what_leaks_in_tiers_and_banks() -> None:
    """A tile of which a quarter is cells: eight arrays leak 8/4 + 3/4 times as much, the latter by gates of 7 nm."""
    m = load_medium("pcm-14nm")
    rest = m.cell_area * 3 - m.unit.costs()["part"].area
    m = replace(m, periphery=rest, leakage=4e-6)
    stack, step = load_stack("monolithic"), load_technology().scaling(14e-9, 7e-9).leakage
    assert m.shared(8).leakage == pytest.approx(11e-6)
    assert m.stacked(8, stack).leakage == pytest.approx(11e-6)
    assert m.shared(2).stacked(4, stack).leakage == pytest.approx(11e-6)
    assert m.stacked(8, stack, 7e-9).leakage == pytest.approx(8e-6 + 3e-6 * step)
    assert step != pytest.approx(1.0, rel=0.1)


def test_presets() -> None:
    assert {name.split("-")[0] for name in media()} == {"sram", "rram", "pcm", "mram", "nor", "nand", "fefet"}
    for name in media():
        assert load_medium(name).weight_bits == 8
