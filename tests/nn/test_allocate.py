"""Bits of layers within a budget: the integer programme against trying everything."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mho.core import CapacityError
from mho.nn import allocate_bits

BITS = (3, 4, 5)


@given(st.integers(1, 4), st.integers(0, 2**31), st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_no_other_choice_is_better(layers: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    names = [f"layer{i}" for i in range(layers)]
    losses = {n: dict(zip(BITS, rng.random(3).tolist(), strict=True)) for n in names}
    costs = {n: dict(zip(BITS, np.sort(rng.random(3) + 0.01).tolist(), strict=True)) for n in names}
    least, most = (sum(f(c.values()) for c in costs.values()) for f in (min, max))
    budget = least + share * (most - least) + 1e-9
    found = allocate_bits(losses, costs, budget)
    assert list(found) == names
    assert sum(costs[n][b] for n, b in found.items()) <= budget * (1 + 1e-6)
    every = [dict(zip(names, choice, strict=True)) for choice in itertools.product(BITS, repeat=layers)]
    fitting = [c for c in every if sum(costs[n][b] for n, b in c.items()) <= budget]
    best = min(sum(losses[n][b] for n, b in c.items()) for c in fitting)
    assert sum(losses[n][b] for n, b in found.items()) == pytest.approx(best, rel=1e-6, abs=1e-9)


def test_a_budget_that_is_too_small() -> None:
    with pytest.raises(CapacityError, match=r"^the budget must be at least 2, what the fewest bits cost, not 1.5$"):
        allocate_bits({"a": {3: 1.0}, "b": {3: 1.0}}, {"a": {3: 1.0}, "b": {3: 1.0}}, 1.5)
