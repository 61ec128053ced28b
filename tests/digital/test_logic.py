"""Gates, adders, trees: the published formulas."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Loader
from mho.digital import ROOMS, Logic


def _logic(name: str = "logic-28nm", **changes: float) -> Logic:
    return replace(Loader(ROOMS).load(Logic, name), **changes)


def test_full_adder_at_28_nm() -> None:
    """4.79 um2 and 3.40 fJ if everything switches, half of that with half of it."""
    full = _logic(activity=1.0).full_adder()
    assert full.energy == pytest.approx(3.40e-15, abs=0.005e-15)
    assert _logic().full_adder().energy == pytest.approx(1.70e-15, abs=0.005e-15)
    assert full.area == pytest.approx(4.79e-12, abs=0.005e-12)
    assert full.latency == pytest.approx(2 * 2.4 * 47.8e-12)


@pytest.mark.parametrize("inputs", [1, 2, 4, 16, 64, 256, 1024])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_adder_tree_count_and_delay(inputs: int, bits: int) -> None:
    logic = _logic()
    full, tree = logic.full_adder(), logic.adder_tree(inputs, bits)
    levels = math.log2(inputs)
    count = inputs * (bits + 1) - (bits + levels + 1) if inputs > 1 else 0
    assert tree.energy == pytest.approx(count * full.energy, rel=1e-12, abs=0)
    assert tree.area == pytest.approx(count * full.area, rel=1e-12, abs=0)
    if inputs > 1:
        delay = (levels - 1) * 2 * 2.4 + (2.4 + 2) + (bits + levels - 2) * 2
        assert tree.latency == pytest.approx(delay * 47.8e-12, rel=1e-12)


def test_adder_tree_by_drawing_it() -> None:
    """Level k of the tree has N / 2^k adders of w + k - 1 bits."""
    full = _logic().full_adder().energy
    for inputs, bits in ((2, 8), (8, 4), (256, 8)):
        count = sum(inputs // 2**k * (bits + k - 1) for k in range(1, int(math.log2(inputs)) + 1))
        assert _logic().adder_tree(inputs, bits).energy == pytest.approx(count * full, rel=1e-12)


@given(st.integers(2, 600), st.integers(1, 12))
def test_adder_tree_grows(inputs: int, bits: int) -> None:
    logic = _logic()
    tree = logic.adder_tree(inputs, bits)
    for larger in (logic.adder_tree(inputs + 1, bits), logic.adder_tree(inputs, bits + 1)):
        assert larger.energy >= tree.energy > 0
        assert larger.area >= tree.area > 0
        assert larger.latency >= tree.latency > 0


@pytest.mark.parametrize("name", ["logic-28nm", "logic-14nm"])
def test_parts_in_nand2(name: str) -> None:
    logic = _logic(name)
    gate = logic.nand2_capacitance * logic.supply**2 * logic.activity
    assert logic.register(1).energy == pytest.approx(3 * gate)
    assert logic.register(7).area == pytest.approx(7 * 6 * logic.nand2_area)
    assert logic.adder(16).energy == pytest.approx(16 * 6 * gate)
    assert logic.adder(1).latency == pytest.approx(logic.full_adder().latency)
    assert logic.multiplier(8, 8).energy == pytest.approx((64 + 56 * 6) * gate)
    assert logic.buffer_access(13).energy == pytest.approx(13 * logic.sram_bit_energy)
    assert logic.gates(0, 5).leakage == pytest.approx(5 * logic.nand2_leakage)


def test_energy_is_capacitance_times_voltage_squared() -> None:
    assert _logic(supply=1.8).full_adder().energy == pytest.approx(4 * _logic(supply=0.9).full_adder().energy)


@given(st.integers(2, 600), st.integers(1, 12))
def test_carry_save_tree(inputs: int, bits: int) -> None:
    """N - 1 adders fewer than in a ripple tree; layers by drawing them."""
    logic = _logic()
    full, ripple, saved = logic.full_adder(), logic.adder_tree(inputs, bits), logic.carry_save_tree(inputs, bits)
    levels = math.ceil(math.log2(inputs))
    assert saved.area / full.area == pytest.approx(max(inputs * bits - bits - levels, 0))
    if saved.area:
        assert ripple.area - saved.area == pytest.approx((inputs - 1) * full.area)
    layers, left = 0, inputs
    while left > 2:
        layers, left = layers + 1, left // 3 * 2 + left % 3
    delay = (layers + 1) * 4.8 + 2 * (bits + levels - 1)
    assert saved.latency == pytest.approx(delay * 47.8e-12)


def test_trees_of_one_input_cost_nothing() -> None:
    for one in (_logic().adder_tree(1, 8), _logic().carry_save_tree(1, 8)):
        assert (one.energy, one.area, one.leakage) == (0, 0, 0)
    assert _logic().carry_save_tree(1, 8).latency == 0
