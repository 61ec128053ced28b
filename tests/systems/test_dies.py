"""Dies of a medium: how many, how hot, how dear."""

from dataclasses import replace

import pytest

from mho.chip import Chip
from mho.cost import die_cost, load_foundry
from mho.systems import Dies, Medium, load_cooling, load_medium, load_stack

AIR = load_cooling("forced-air")


def test_dies_of_at_most_a_field() -> None:
    field = load_foundry().field
    medium = load_medium("pcm-14nm")
    for area, count in ((1e-6, 1), (field, 1), (1.001 * field, 2), (10 * field, 10)):
        dies = Dies(medium, area, AIR)
        assert dies.count == count
        assert dies.each == pytest.approx(area / count)
    assert Dies(medium, 2e-3, AIR).price == pytest.approx(3 * die_cost(2e-3 / 3, 14e-9))


def test_a_planar_die_has_no_tiers_to_heat() -> None:
    dies = Dies(load_medium("sram-5nm"), 1e-4, AIR)
    assert dies.junction(10.0, 8.0) == pytest.approx(AIR.ambient + 10 * AIR.resistance(1e-4))


def test_a_stack_is_hotter_than_its_logic() -> None:
    medium = load_medium("rram-3d-55nm")
    dies = Dies(medium, 1e-4, AIR)
    assert medium.stack is not None
    cells = 0.2 * 8 / 1e-4
    rise = cells * 8 * medium.stack.tier_resistance
    assert dies.junction(10.0, 8.0) == pytest.approx(AIR.ambient + 10 * AIR.resistance(1e-4) + rise)
    assert dies.price == pytest.approx(medium.stack.price(1e-4, 8, 55e-9, 28e-9))


def test_nothing_is_said_of_the_price_where_the_node_is_not_known() -> None:
    chip = Medium.of_chip(Chip.load("hermes"))
    assert Dies(replace(chip, node=0.0), 1e-4, AIR).price is None
    assert Dies(chip, 1e-4, AIR).price == pytest.approx(die_cost(1e-4, 14e-9))


def test_a_wafer_has_the_price_of_its_finest_lines() -> None:
    """Cells of 22 nm and logic of 28 nm on one wafer, planar or grown: that of 22 nm."""
    planar = load_medium("rram-22nm")
    assert (planar.node, planar.periphery_node) == (22e-9, 28e-9)
    for medium in (planar, replace(planar, node=28e-9, logic_node=22e-9)):
        assert Dies(medium, 1e-4, AIR).price == pytest.approx(die_cost(1e-4, 22e-9))
    free = replace(load_stack("monolithic"), layer_price=0.0, layer_defects=0.0)
    assert Dies(planar.stacked(8, free), 1e-4, AIR).price == pytest.approx(die_cost(1e-4, 22e-9))
