"""Clock trees: branches by hand, all of them rising once a cycle, buffers as those of the fastest wire."""

from dataclasses import replace

import pytest

from mho.core import SpecError
from mho.digital import ClockTree, RepeatedWire, load_technology

LOGIC = load_technology().logic(28e-9)
TREE = ClockTree(leaf=16)
WIRE = RepeatedWire.of(LOGIC, 123.0, 2e-10)
"""Of any resistance: neither capacitance nor buffers depend on it."""


def test_branches_by_hand() -> None:
    """256 flip-flops on 1 mm: 16 ends, so four branches of half a side and sixteen of a quarter."""
    assert TREE.length(256, 1e-6) == pytest.approx((4 / 2 + 16 / 4) * 1e-3)
    assert TREE.length(257, 1e-6) == pytest.approx((4 / 2 + 16 / 4 + 64 / 8) * 1e-3)
    assert TREE.length(16, 1e-6) == 0
    assert TREE.length(0, 1e-6) == 0


def test_costs() -> None:
    """6 mm of 0.2 fF/um and as much again by 0.74, at 0.9 V and 1 GHz: 1.7 mW."""
    power = TREE.power(LOGIC, 1e9, 256, 1e-6)
    assert power == pytest.approx(6e-3 * WIRE.capacitance * 0.81 * 1e9)
    assert power == pytest.approx(1.7e-3, rel=0.01)
    part = TREE.part(LOGIC, 256, 1e-6)
    assert part.area == pytest.approx(6e-3 * WIRE.gates * 0.614e-12)
    assert part.leakage == pytest.approx(6e-3 * WIRE.gates * 1e-9)


def test_a_logic_without_a_node_is_refused() -> None:
    with pytest.raises(SpecError, match="a clock tree takes its wires from the node of the logic; set it, as `28 nm`"):
        TREE.power(replace(LOGIC, node=0.0), 1e9, 256, 1e-6)
