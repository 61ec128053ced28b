"""Dies of a medium: how many, how hot, how dear."""

import pytest

from mho.chip import Chip
from mho.cost import die_cost, load_foundry
from mho.systems import Dies, Medium, load_cooling, load_medium

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
    assert Dies(Medium.of_chip(Chip.load("hermes")), 1e-4, AIR).price is None
