"""Costs add up exactly, in any order, and live in leaves only."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Cost, CostTree

NUMBERS = st.floats(-1e12, 1e12).map(lambda x: x * 1e-15)
COSTS = st.builds(Cost, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
LEAVES = st.builds(CostTree, st.sampled_from(["adc", "dac", "cells"]), COSTS)
TREES = st.recursive(
    LEAVES,
    lambda children: st.builds(
        lambda name, parts: CostTree(name, parts=tuple(parts)),
        st.text(max_size=3),
        st.lists(children, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


def _shuffled(tree: CostTree, rng: random.Random) -> CostTree:
    parts = [_shuffled(p, rng) for p in tree.parts]
    rng.shuffle(parts)
    return CostTree(tree.name, tree.cost, tuple(parts))


@given(TREES)
def test_total_is_the_exact_sum_of_the_leaves(tree: CostTree) -> None:
    leaves = [leaf.cost for leaf in tree.leaves()]
    assert tree.total == Cost(
        *(math.fsum(getattr(c, f) for c in leaves) for f in ("energy", "latency", "area", "leakage"))
    )


@given(TREES, st.integers(0, 100))
def test_total_does_not_depend_on_the_order(tree: CostTree, seed: int) -> None:
    assert _shuffled(tree, random.Random(seed)).total == tree.total


@given(TREES)
def test_by_leaf_accounts_for_everything(tree: CostTree) -> None:
    by_leaf = tree.by_leaf()
    assert set(by_leaf) == {leaf.name for leaf in tree.leaves()}
    assert math.fsum(c.energy for c in by_leaf.values()) == pytest.approx(tree.total.energy, rel=1e-12, abs=1e-15)


def test_no_cost_on_an_inner_node() -> None:
    with pytest.raises(ValueError, match=r"^tile: a node with parts carries no cost of its own$"):
        CostTree("tile", Cost(energy=1e-12), (CostTree("adc", Cost(energy=1e-12)),))


def test_sum_is_exact_where_naive_addition_is_not() -> None:
    tree = CostTree.of("x", {str(i): Cost(energy=0.1) for i in range(10)})
    assert tree.total.energy == 1.0 != sum([0.1] * 10)


@given(COSTS, st.integers(0, 1000))
def test_scaling_commutes(cost: Cost, times: int) -> None:
    assert cost * times == times * cost
    assert (cost + cost) == 2 * cost
    assert cost + Cost() == cost


def test_lookup_names_the_parts_there_are() -> None:
    tree = CostTree.of("tile", {"adc": Cost(energy=1.0), "dac": Cost(latency=2.0)})
    assert tree["adc"].cost.energy == 1.0
    with pytest.raises(KeyError, match=r"tile has no part 'adx', only \['adc', 'dac'\]"):
        tree["adx"]


def test_to_dict_carries_units() -> None:
    tree = CostTree.of("tile", {"adc": Cost(1.0, 2.0, 3.0, 4.0)})
    leaf = {"name": "adc", "energy_j": 1.0, "latency_s": 2.0, "area_m2": 3.0, "leakage_w": 4.0}
    assert tree.to_dict() == leaf | {"name": "tile", "parts": [leaf]}
