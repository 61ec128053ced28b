"""What a memory cell must keep to, so that chips, costs and reports can be made of it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from mho.core import Cost, Seed, fingerprint
from mho.devices import AbstractCell

_TIMES = (None, 0.0, 1.0, 86400.0)


def assert_valid_device(cell: object) -> None:
    """Check a memory cell of your own against everything that a tile expects of it.

    Raises:
        AssertionError: at the first thing that is wrong; says what to do.

    >>> from mho.devices import load_cell
    >>> assert_valid_device(load_cell("pcm"))
    """
    name = type(cell).__name__
    assert isinstance(cell, AbstractCell), f"{name} must subclass mho.AbstractCell"
    _form(cell, name)
    low, high = cell.range
    target = torch.linspace(low, high, 24).reshape(2, 3, 4)
    draws = {d: Seed(0).child(d).normal((2, 3, 4)) for d in cell.draws}
    for time in _TIMES:
        _conductance(cell, name, target, draws, time)
    _costs(cell, name)
    _effects(cell, name)


def _form(cell: AbstractCell, name: str) -> None:
    parameters = getattr(type(cell), "__dataclass_params__", None)
    assert parameters is not None, f"{name} must be a dataclass: put @dataclass(frozen=True) before it"
    assert parameters.frozen, f"{name} must be frozen: write @dataclass(frozen=True)"
    low, high = cell.range
    assert 0 <= low < high < math.inf, (
        f"{name}.range must be (lowest, highest) conductance in S with 0 <= lowest < highest, not {cell.range}"
    )
    assert high < 1, f"{name}.range must be in S: {high:g} S is more than any memory cell conducts; 25 uS is 25e-6"
    names: Any = cell.draws
    named = isinstance(names, tuple) and all(isinstance(d, str) for d in names)  # pyright: ignore[reportUnknownVariableType]
    assert named, f"{name}.draws must be a tuple of names, such as ('program', 'read'), not {names!r}"
    assert len(set(cell.draws)) == len(cell.draws), f"{name}.draws must be different names, not {cell.draws}"
    try:
        fingerprint(cell)
    except Exception as error:
        raise AssertionError(
            f"{name} must hold plain numbers, texts, tuples and other parts, so that it can be saved: {error}"
        ) from error


def _conductance(cell: AbstractCell, name: str, target: Tensor, draws: dict[str, Tensor], time: float | None) -> None:
    at = f"{name}.conductance at time {time}"
    before = {k: v.clone() for k, v in (*draws.items(), ("target", target))}
    state = torch.get_rng_state()
    g = cell.conductance(target, draws, time)
    assert torch.equal(state, torch.get_rng_state()), f"{at} draws random numbers of its own; add a name to `draws`"
    assert torch.equal(target, before["target"]), f"{at} changes its target; use no in-place operations on it"
    for k, v in draws.items():
        assert torch.equal(v, before[k]), f"{at} changes the draws of {k!r}; use no in-place operations on them"
    assert g.shape == target.shape, (
        f"{at} must have the shape of the target, {tuple(target.shape)}, not {tuple(g.shape)}"
    )
    assert g.dtype == target.dtype, f"{at} must have the target's type, {target.dtype}, not {g.dtype}"
    assert bool(torch.isfinite(g).all()), f"{at} must be finite for every target in the range and every normal draw"
    assert bool((g >= 0).all()), f"{at} must not be negative; end with .clamp(min=0)"
    assert torch.equal(g, cell.conductance(target, draws, time)), f"{at} must be the same when asked twice"
    part = cell.conductance(target[1, :2], {k: v[1, :2] for k, v in draws.items()}, time)
    assert torch.allclose(part, g[1, :2], rtol=1e-6, atol=0), (
        f"{at} of some cells must not depend on the others; use no sums, means or normalisation over cells"
    )
    for d in draws:
        other = cell.conductance(target, draws | {d: -draws[d]}, time)
        assert other.shape == g.shape, f"{at} must keep its shape whatever the draws of {d!r}"


def _costs(cell: AbstractCell, name: str) -> None:
    costs = cell.costs()
    for key in ("write", "part"):
        assert key in costs, f"{name}.costs() must have {key!r}: Cost of a write pulse, and Cost(area=...) of one cell"
    known = {"write", "part", "restore", "refresh"}
    assert set(costs) <= known, (
        f"{name}.costs() must have no other actions than {', '.join(sorted(known))}, "
        f"not {', '.join(sorted(set(costs) - known))}: nothing asks for them"
    )
    assert "refresh" not in costs or dataclasses.replace(costs["refresh"], leakage=0.0) == Cost(), (
        f"{name}.costs()['refresh'] must be Cost(leakage=...), the power of refreshing one cell in W"
    )
    for key, cost in costs.items():
        values = dataclasses.astuple(cost)
        assert all(math.isfinite(v) and v >= 0 for v in values), (
            f"{name}.costs()[{key!r}] must be finite and not negative"
        )


def _effects(cell: AbstractCell, name: str) -> None:
    for effect, without in cell.effects.items():
        assert isinstance(without, AbstractCell), f"{name}.effects[{effect!r}] must be the cell without it"
        assert without.range == cell.range, (
            f"{name}.effects[{effect!r}] must keep the range {cell.range}, not {without.range}: targets depend on it"
        )
