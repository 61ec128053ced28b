"""What a die costs: laws of yield by hand, dies on a wafer by counting."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import SpecError
from mho.cost import die_cost, load_foundry

FOUNDRY = load_foundry()
NODES = st.floats(3e-9, 180e-9)


@given(st.floats(1e-6, 800e-6), NODES)
def test_laws_of_yield(area: float, node: float) -> None:
    """The three laws by hand; Poisson is the worst, clustered defects the best of them."""
    price, gross = FOUNDRY.wafer_price(node), FOUNDRY.die(area, node).gross
    shares = {law: FOUNDRY.die(area, node, law).working for law in ("poisson", "murphy", "negative binomial")}
    a = -math.log(shares["poisson"])
    assert shares["murphy"] == pytest.approx(((1 - math.exp(-a)) / a) ** 2, rel=1e-6)
    assert shares["negative binomial"] == pytest.approx((1 + a / 3) ** -3, rel=1e-6)
    assert 0 < shares["poisson"] < shares["murphy"] < 1
    assert shares["poisson"] < shares["negative binomial"] < 1
    assert die_cost(area, node) == pytest.approx(price / (gross * shares["negative binomial"]), rel=1e-9)


def test_gross_dies_by_counting() -> None:
    """The formula for dies on a wafer against a grid of squares laid on it, at its best offset."""
    for side in (5e-3, 10e-3, 20e-3):
        pitch, radius = side + FOUNDRY.scribe, FOUNDRY.wafer_diameter / 2 - FOUNDRY.edge
        best = 0
        for dx in (0, 0.25, 0.5, 0.75):
            for dy in (0, 0.25, 0.5, 0.75):
                edge = torch.arange(-70, 70, dtype=torch.float64)
                x, y = (edge + dx) * pitch, (edge + dy) * pitch
                far = torch.maximum(x.abs(), (x + pitch).abs())[:, None] ** 2
                far = far + torch.maximum(y.abs(), (y + pitch).abs()) ** 2
                best = max(best, int((far <= radius**2).sum()))
        assert FOUNDRY.die(side**2, 28e-9).gross == pytest.approx(best, rel=0.03)


@given(st.floats(1e-6, 400e-6), NODES, st.floats(1.05, 2))
def test_larger_dies_cost_more_than_their_area(area: float, node: float, factor: float) -> None:
    small, large = FOUNDRY.die(area, node), FOUNDRY.die(factor * area, node)
    assert large.working < small.working
    assert large.cost > small.cost
    if area > 4e-6:  # lanes matter to smaller ones
        assert large.cost > 0.98 * factor * small.cost


@given(st.floats(0.5, 0.99), NODES)
def test_the_largest_die_of_a_yield(working: float, node: float) -> None:
    area = FOUNDRY.largest_die(working, node)
    defects = area * 3 * (working ** (-1 / 3) - 1) / area
    assert (1 + defects / 3) ** -3 == pytest.approx(working)
    if area < 800e-6:
        assert FOUNDRY.die(area, node).working == pytest.approx(working, rel=1e-9)


def test_tensors_give_what_numbers_give() -> None:
    area = torch.tensor([1e-6, 1e-4, 5e-4], dtype=torch.float64, requires_grad=True)
    node = torch.tensor([28e-9, 7e-9, 4e-9], dtype=torch.float64)
    many = die_cost(area, node)
    assert torch.is_tensor(many)
    for i in range(3):
        one = die_cost(float(area[i].detach()), float(node[i]))
        assert isinstance(one, float)
        assert float(many[i].detach()) == pytest.approx(one, rel=1e-12)
    many.sum().backward()
    assert area.grad is not None
    assert bool((area.grad > 0).all())


def test_errors() -> None:
    with pytest.raises(SpecError, match=r"^node: must lie from 3 to 180 nm, where the table of wafers ends$"):
        die_cost(1e-4, 2e-9)
    with pytest.raises(SpecError, match=r"^area: of a die must be above 0 m2, not 0 m2$"):
        die_cost(0.0, 7e-9)
    with pytest.raises(SpecError, match=r"^area: a die must fit a wafer of 300 mm; give it in m2$"):
        die_cost(100.0, 7e-9)
    with pytest.raises(SpecError, match=r"^the share of dies that works must lie between 0 and 1, not 1.0$"):
        FOUNDRY.largest_die(1.0, 7e-9)
    with pytest.raises(ValueError, match=r"^nodes must be two or more, from the largest to the smallest, not "):
        replace(FOUNDRY, nodes=FOUNDRY.nodes[::-1])
