"""Analog against digital by precision."""

import math

import pytest

from mho.core import SpecError
from mho.cost import crossover, precision
from mho.digital import load_technology


def test_by_hand_at_28_nm() -> None:
    point = precision(8)
    assert point.analog.energy == pytest.approx((800e-15 + 65.536e-15 + 8 * 50e-15) * 0.81 + 3.26e-15, rel=1e-3)
    logic = load_technology().logic(28e-9)
    tree, accumulate = logic.adder_tree(256, 8), logic.adder(24) + logic.register(24)
    expected = 8 * (tree.energy + accumulate.energy + logic.gates(2048, 0).energy)
    assert point.digital.energy == pytest.approx(expected)
    assert point.digital.area == pytest.approx(
        tree.area + accumulate.area + 2048 * (logic.nand2_area + 0.127e-12), rel=1e-9
    )


@pytest.mark.parametrize("quantity", ["energy", "area"])
def test_crossover(quantity: str) -> None:
    """It lies where the two are equal, and comes to fewer bits as gates shrink faster than converters."""
    bits = [crossover(quantity, node) for node in (65e-9, 28e-9, 7e-9, 3e-9)]  # type: ignore[arg-type]
    assert bits == sorted(bits, reverse=True)
    below, above = precision(math.floor(bits[1])), precision(math.ceil(bits[1]))
    assert getattr(below.analog, quantity) < getattr(below.digital, quantity)
    assert getattr(above.analog, quantity) > getattr(above.digital, quantity)


def test_near_the_noise_floor_each_bit_costs_four_times_as_much() -> None:
    assert precision(16).analog.energy / precision(15).analog.energy == pytest.approx(4, rel=0.02)
    assert precision(16).digital.energy / precision(15).digital.energy < 1.2


def test_errors() -> None:
    for bits in (1, 17):
        with pytest.raises(SpecError, match=rf"^bits: a dot product is compared at 2 to 16 bits, not {bits}$"):
            precision(bits)
    assert crossover("area", rows=1) < crossover("area", rows=256) < crossover("area", rows=4096)
