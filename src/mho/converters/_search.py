"""Transition levels: finding the code of a signal among them, and shapes that they take."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def search_(signal: Tensor, low: float, high: float, transitions: Float[Tensor, "*columns levels"]) -> Tensor:
    """Replace a signal in LSB by `low` plus the number of transition levels at or below it, at most `high`.

    `transitions`, 2^bits - 1 rising ones from that of the first code upwards, are counted from `low`; they broadcast
    against `[*signal, levels]`.
    """
    return signal.copy_(count(signal.sub_(low), transitions)).add_(low).clamp_(low, high)


def count(signal: Tensor, transitions: Float[Tensor, "*columns levels"]) -> Tensor:
    """Return how many rising transition levels, usually 2^bits - 1, lie at or below each signal, int32.

    A binary search without branches: on signals in no order, `torch.bucketize` takes three times as long.
    """
    levels = transitions.shape[-1]
    steps = levels.bit_length()
    over = (1 << steps) - 1 - levels
    transitions = transitions.to(signal.dtype)
    if over:
        transitions = F.pad(transitions, (0, over), value=torch.inf)

    def search(some: Tensor, flat: Tensor, first: Tensor) -> Tensor:
        at = (first - 1).expand(some.shape).clone()
        for bit in reversed(range(steps)):
            step = 1 << bit
            at.add_(some >= flat.index_select(0, (at + step).flatten()).view(some.shape), alpha=step)
        at.sub_(first - 1)
        return at.clamp_(max=levels) if over else at

    return _in_blocks(search, signal, transitions)


def take(levels: Float[Tensor, "*columns n"], codes: Tensor) -> Tensor:
    """Return the level of each code, `levels` broadcasting against `[*codes, n]`."""

    def look(some: Tensor, flat: Tensor, first: Tensor) -> Tensor:
        return flat.index_select(0, (some + first).flatten()).view(some.shape)

    return _in_blocks(look, codes, levels)


_BLOCK = 1 << 18
"""Values that are looked up at once, so that their indices stay in cache."""


def _in_blocks(do: Callable[[Tensor, Tensor, Tensor], Tensor], x: Tensor, table: Tensor) -> Tensor:
    """Look up values `x` in tables `[*columns, n]`: `do(values, all tables in a row, where each one begins)`.

    Blocks are cut along a dimension of which the tables know nothing; anywhere, if there is one table only. A compiler
    fuses the passes and needs none.
    """
    n = table.shape[-1]
    flat = table.contiguous().flatten()
    first = torch.arange(0, flat.numel(), n, device=x.device, dtype=torch.int32).reshape(table.shape[:-1])
    if flat.numel() == n and x.dim() > 1 and not torch.compiler.is_compiling():
        return _in_blocks(do, x.flatten(), flat).view(x.shape)
    common = [
        d for d in range(x.dim()) if x.shape[d] > 1 and (d < x.dim() - first.dim() or first.shape[d - x.dim()] == 1)
    ]
    if torch.compiler.is_compiling() or x.numel() <= _BLOCK or not common:
        return do(x, flat, first)
    longest = max(common, key=lambda d: x.shape[d])
    step = max(1, _BLOCK * x.shape[longest] // x.numel())
    return torch.cat([do(some, flat, first) for some in x.split(step, longest)], longest)


def bowed(transitions: Tensor, span: float, bow: float) -> Tensor:
    """Shift transition levels by a parabola of `bow` times `span` in the middle of `[0, span]`."""
    share = transitions / span
    return transitions + 4 * bow * span * share * (1 - share)
