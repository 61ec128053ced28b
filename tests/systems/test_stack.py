"""Stacks: heat through tiers, and the price of dies on one another, by hand and as laws demand."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import FileError
from mho.cost import die_cost, load_foundry
from mho.systems import fit, load_medium, load_stack, load_workload, shapes, stacks, tier_rises


def test_what_a_tier_lets_through() -> None:
    """8 mm2 K/W of bumps in underfill, 0.38 of silicon and 4.4 of wiring."""
    bumps, bonds = load_stack("tsv"), load_stack("hybrid-bond")
    assert bumps.tier_resistance == pytest.approx(8.0e-6 + 50e-6 / 130 + 10e-6 / 2.25)
    assert bonds.tier_resistance < bumps.tier_resistance
    assert bumps.line_area == pytest.approx(2.89e-12 + 1600e-12)
    assert bumps.passage == pytest.approx(0.42e-12)
    assert (bonds.line_area, bonds.passage) == (bonds.link.lane_area, bonds.link.passage)
    assert bumps.line_area > bonds.line_area
    assert bumps.passage > bonds.passage
    assert load_stack("monolithic").tier_resistance < 0.1 * bonds.tier_resistance


def test_where_the_sink_is() -> None:
    """Over tiers all heat of the logic passes them; under the logic only that of the cells, which is the less."""
    stack = load_stack("hybrid-bond")
    r = stack.tier_resistance
    above = replace(stack, cooled="tiers")
    below = replace(stack, cooled="logic")
    assert above.rise(8e4, 2e4, 4) == pytest.approx(4 * 8e4 * r + 3 * 2e4 * r)
    assert below.rise(8e4, 2e4, 4) == pytest.approx(4 * 2e4 * r)
    assert above.rise(8e4, 0.0, 4) == pytest.approx(max(tier_rises([0, 0, 0, 0, 8e4], [0, r, r, r, r])))
    assert below.rise(8e4, 0.0, 4) == 0


@pytest.mark.parametrize("cooled", ["logic", "tiers"])
def test_against_finite_differences(cooled: str, columns: Callable[..., list[float]]) -> None:
    """Three tiers on bumps, layer by layer, on a cold face, with the working tier where it lies worst."""
    stack = replace(load_stack("tsv"), cooled=cooled)
    tier = [(50e-6, 130.0), (10e-6, 2.25), (20e-6, 20e-6 * 125e3)]  # silicon, wiring, bumps
    heats = {2: 0.0, 5: 0.0, 8: 2e5} if cooled == "logic" else {2: 0.0, 5: 2e5, 8: 8e5}
    rises = columns(tier * 3, heats, 1e12)  # logic at the cold face warms nothing
    assert stack.rise(8e5, 2e5, 3) == pytest.approx(max(rises), rel=1e-4)


@given(st.sampled_from(stacks()), st.integers(1, 64), st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_tiers_are_hotter(name: str, tiers: int, logic: float, cells: float) -> None:
    stack = load_stack(name)
    assert stack.rise(logic, cells, tiers + 1) >= stack.rise(logic, cells, tiers) >= 0
    assert stack.rise(2 * logic, 2 * cells, tiers) == pytest.approx(2 * stack.rise(logic, cells, tiers))


def test_tested_dies_on_one_another() -> None:
    """A die of 28 nm and four of 40 nm, 500 dollars a wafer to make them ready, 5.75 a joint of which 99 % are good."""
    stack, foundry = load_stack("hybrid-bond"), load_foundry()
    tier = foundry.die(1e-4, 40e-9)
    each = tier.cost + 500 / (tier.gross * tier.working) + 5.75
    assert stack.price(1e-4, 4, 40e-9, 28e-9) == pytest.approx((die_cost(1e-4, 28e-9) + 4 * each) / 0.99**4)


def test_wafers_on_one_another() -> None:
    """The whole stack must work: wafers are not sorted."""
    stack, foundry = replace(load_stack("hybrid-bond"), assembly="wafer to wafer"), load_foundry()
    base, tier = foundry.die(1e-4, 28e-9), foundry.die(1e-4, 40e-9)
    wafers = foundry.wafer_price(28e-9) + 2 * (foundry.wafer_price(40e-9) + 500)
    good = base.gross * base.working * tier.working**2 * 0.99**2
    assert stack.price(1e-4, 2, 40e-9, 28e-9) == pytest.approx(wafers / good)
    free = replace(stack, wafer_cost=0.0, joint_cost=0.0, joint_yield=1.0)
    tested = replace(free, assembly="die to wafer")
    assert free.price(4e-4, 8, 28e-9, 28e-9) > 1.5 * tested.price(4e-4, 8, 28e-9, 28e-9)


def test_grown_tiers() -> None:
    """Eight tiers: 1.16 times the price of the wafer, 1.08 times its defects, whatever the node of the cells."""
    stack, foundry = load_stack("monolithic"), load_foundry()
    plain = foundry.die(1e-4, 28e-9)
    defects = 1.08 * 600e-4 * 100e-6 * 1e4  # of a die
    working = (1 + defects / 3) ** -3
    assert stack.price(1e-4, 8, 40e-9, 28e-9) == pytest.approx(1.16 * plain.cost * plain.working / working)


@given(st.sampled_from(stacks()), st.integers(0, 32), st.floats(1e-6, 4e-4))
def test_each_tier_costs(name: str, tiers: int, area: float) -> None:
    """With none a stack is a die; one more costs more; a bad joint costs all that was put together."""
    stack = load_stack(name)
    price = stack.price(area, tiers, 28e-9, 28e-9)
    assert stack.price(area, 0, 28e-9, 28e-9) == pytest.approx(die_cost(area, 28e-9))
    assert stack.price(area, tiers + 1, 28e-9, 28e-9) > price
    worse = replace(stack, joint_yield=stack.joint_yield / 2)
    assert worse.price(area, tiers, 28e-9, 28e-9) == pytest.approx(math.ldexp(price, tiers))


def test_the_table_of_the_page() -> None:
    """Each line of the comparison with planar media, recomputed."""
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "systems.md").read_text(encoding="utf-8")
    table = page.split("| medium | weights a mm² (thousand) | a product, its vias (nJ) |")[1].split("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert len(lines) == 22
    planar = load_medium("rram-22nm")
    for name, density, product, *networks in lines:
        if name.startswith("×"):
            how = name.split("`")[1]
            medium = planar.stacked(8, load_stack(how), 7e-9 if name.endswith("on 7 nm") else None)
        elif name == "8 banks, planar":
            medium = planar.shared(8)
        else:
            medium = planar = load_medium(name.strip("`"))
        found = [medium.weights_per_area * 1e-9, medium.product * 1e9]
        if name.startswith("×"):
            found.append(medium.via_energy * 1e9)
        for network in ("llama-3.2-1b", "vgg16"):
            plan = fit(load_workload(network), medium)
            found += [plan.area * 1e6, plan.energy * 1e3, plan.dies.price]
        told = [text for cell in (density, product, *networks) for text in cell.split(", ")]
        for text, value in zip(told, found, strict=True):
            last = 10.0 ** -len(text.partition(".")[2])  # of its digits
            assert float(text.replace(",", "")) == pytest.approx(value, abs=0.501 * last), (name, text)


def test_what_the_page_says_of_heat() -> None:
    """With a fan: eight tiers of any stack within 2.5 K of the air, 64 grown within 1.1; many bonded ones are paced."""
    rises: dict[tuple[str, int], list[float]] = {}
    for name in ("rram-22nm", "nor-40nm", "pcm-14nm"):
        for how, tiers in (("tsv", 8), ("hybrid-bond", 8), ("monolithic", 64)):
            for node in (None, 7e-9):
                medium = load_medium(name).stacked(tiers, load_stack(how), node)
                plans = (fit(load_workload(network), medium) for network in shapes())
                rises.setdefault((how, tiers), []).extend(p.junction(1 / p.interval) - p.cooling.ambient for p in plans)
    most = {key: round(max(found), 1) for key, found in rises.items()}
    assert most == {("tsv", 8): 2.4, ("hybrid-bond", 8): 2.5, ("monolithic", 64): 1.1}
    image, cells = load_workload("resnet-50"), load_medium("pcm-14nm")
    for how, free, paced in (("tsv", 16, 32), ("hybrid-bond", 32, 64)):
        assert fit(image, cells.stacked(free, load_stack(how))).cool
        assert not fit(image, cells.stacked(paced, load_stack(how))).cool


def test_wrong_values() -> None:
    with pytest.raises(ValueError, match=r"^heat and joint_yield are shares of at most 1, not 1.2 and 0.99$"):
        replace(load_stack("tsv"), heat=1.2)
    with pytest.raises(FileError, match=r"^no preset 'hybrid' in stacks; did you mean 'hybrid-bond'\?"):
        load_stack("hybrid")
