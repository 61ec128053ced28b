"""The clock tree in an estimate and in peak figures: a line of its own while tiles work."""

from dataclasses import replace

import pytest
from torch import nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Cost, Seed
from mho.cost import by_block, estimate, expected_counts, rate, silicon
from mho.cost._clock import clock_tree
from mho.digital import ClockTree
from mho.systems import Medium

BARE = Chip.load("hermes")
CHIP = replace(BARE, digital=replace(BARE.digital, clock_tree=ClockTree(leaf=32)))
AREA = silicon(BARE).total.area / 64
"""Of a tile with its share of the digital unit."""


def test_over_a_tile_and_its_share() -> None:
    """8,192 registers, 256 ends, four levels: 30 sides."""
    unit = CHIP.digital
    assert unit.clock_tree is not None
    power, part = clock_tree(CHIP)
    assert unit.clock_tree.length(8192, AREA) == pytest.approx(30 * AREA**0.5)
    assert power == pytest.approx(unit.clock_tree.power(unit.logic, 1e9, 8192, AREA))
    assert part == unit.clock_tree.part(unit.logic, 8192, AREA)
    assert power == pytest.approx(unit.clock_power(), rel=0.1)  # about what the registers take themselves
    assert clock_tree(BARE) == (0.0, Cost())
    assert clock_tree(replace(CHIP, digital=replace(unit, registers=0))) == (0.0, Cost())


def test_in_an_estimate() -> None:
    x = Seed(0).child("x").normal((4, 12))
    program = compile(quantize(capture(nn.Linear(12, 5), x[:1]), BARE, x), BARE)
    counts = expected_counts(program, x)
    before, after = estimate(program, counts), estimate(replace(program, chip=CHIP), counts)
    power, part = clock_tree(CHIP)
    blocks = by_block(after)
    assert "clock tree" not in by_block(before)
    assert blocks["clock tree"].energy == pytest.approx(power * 130e-9)
    assert blocks["clock"] == by_block(before)["clock"]
    assert after["silicon"]["clock tree"].cost == part * 64
    leaks = after["leakage"]["clock tree"].cost.energy
    assert leaks == pytest.approx(part.leakage * after.total.latency)
    more = after.total.energy - before.total.energy
    assert more == pytest.approx(blocks["clock tree"].energy + leaks)


def test_in_peak_figures_and_in_plans() -> None:
    power, part = clock_tree(CHIP)
    bare, full = rate(BARE), rate(CHIP)
    assert full.mvm_joule - bare.mvm_joule == pytest.approx((power + part.leakage) * 130e-9)
    assert full.tops / full.tops_per_mm2 * 1e-6 == pytest.approx(silicon(CHIP).total.area)
    plan, without = Medium.of_chip(CHIP), Medium.of_chip(BARE)
    assert plan.tile_area - without.tile_area == pytest.approx(part.area)
    assert plan.leakage - without.leakage == pytest.approx(part.leakage)
