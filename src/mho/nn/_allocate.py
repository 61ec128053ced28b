"""`allocate_bits`: a resolution for each layer's converters, within a budget of energy."""

from __future__ import annotations

from collections.abc import Mapping

from mho.core import CapacityError


def allocate_bits(
    losses: Mapping[str, Mapping[int, float]], costs: Mapping[str, Mapping[int, float]], budget: float
) -> dict[str, int]:
    """Return the bits of each layer of the least sum of losses whose costs stay within a budget, exactly.

    An integer programme: one choice for each layer. It takes losses as independent, as they are while they are small.

    Args:
        losses: by layer and bits, what the answer loses when only this layer has so many.
        costs: by layer and bits, in the unit of the budget.
        budget: largest sum of costs.

    Raises:
        CapacityError: if the cheapest choice of all layers is beyond the budget.

    >>> allocate_bits({"a": {3: 1.0, 4: 0.0}, "b": {3: 0.1, 4: 0.0}}, {n: {3: 1.0, 4: 2.0} for n in "ab"}, 3.0)
    {'a': 4, 'b': 3}
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    least = sum(min(by_bits.values()) for by_bits in costs.values())
    if least > budget:
        raise CapacityError(f"the budget must be at least {least:.4g}, what the fewest bits cost, not {budget:.4g}")
    choices = [(name, bits) for name, by_bits in losses.items() for bits in by_bits]
    loss = np.array([losses[name][bits] for name, bits in choices])
    cost = np.array([costs[name][bits] for name, bits in choices])
    one = np.array([[float(name == own) for own, _ in choices] for name in losses])
    scale = max(budget, 1e-300)
    found = milp(
        loss / max(float(np.abs(loss).max()), 1e-300),
        integrality=np.ones(len(choices)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one, 1, 1), LinearConstraint(cost[None] / scale, -np.inf, 1.0)],
        options={"mip_rel_gap": 0.0},
    )
    return {name: bits for (name, bits), taken in zip(choices, found.x, strict=True) if taken > 0.5}
