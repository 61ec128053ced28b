"""From one node to another: every part by its own rule, and nothing at all where nothing changes."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Scaling, SpecError
from mho.digital import load_technology

TECHNOLOGY = load_technology()
NODES = st.floats(3e-9, 180e-9)


def test_to_the_same_node_nothing_changes() -> None:
    to = TECHNOLOGY.scaling(28e-9, 28e-9)
    for field in fields(Scaling):
        if field.name not in {"old", "new", "supply", "access_floor"}:
            assert getattr(to, field.name) == 1.0, field.name
    assert (to.energy, to.analog_energy, to.analog_power) == (1.0, 1.0, 1.0)


@given(NODES, NODES, NODES)
def test_two_steps_are_one(a: float, b: float, c: float) -> None:
    one, two, both = TECHNOLOGY.scaling(a, b), TECHNOLOGY.scaling(b, c), TECHNOLOGY.scaling(a, c)
    for field in fields(Scaling):
        if field.name not in {"old", "new", "supply", "access_floor"}:
            product = getattr(one, field.name) * getattr(two, field.name)
            assert product == pytest.approx(getattr(both, field.name), rel=1e-9), field.name


def test_scaled_logic_is_that_of_the_table() -> None:
    logic = TECHNOLOGY.logic(28e-9)
    seven = logic.scaled(TECHNOLOGY.scaling_from(logic, 7e-9, 0.6))
    table = TECHNOLOGY.logic(7e-9, 0.6)
    for field in fields(logic):
        if field.name != "sources":
            assert getattr(seven, field.name) == pytest.approx(getattr(table, field.name), rel=1e-9), field.name


def test_logic_of_no_node() -> None:
    nowhere = replace(TECHNOLOGY.logic(28e-9), node=0.0)
    with pytest.raises(SpecError, match=r"^node: logic must say in which node it is to be scaled to another; set it"):
        TECHNOLOGY.scaling_from(nowhere, 7e-9)


def test_analog_circuits_shrink_less_than_gates() -> None:
    """As foundries say: 1.1 x the density of analog circuits for N3 over N5, 1.6 x that of gates."""
    to = TECHNOLOGY.scaling(5e-9, 3e-9)
    assert 1 / to.analog_area == pytest.approx(1.1, rel=0.05)
    assert 1 / to.area == pytest.approx(1.6, rel=0.05)
    assert to.sram_cell == 1.0
