"""`Codebook`: the transition levels and output levels of a converter, and how they are chosen for data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import SpecError

from ._search import count, take

Rule = Literal["boundary", "vote"]
Start = Literal["optimum", "range"]

_MOST = 500
"""Rounds of Lloyd and Max at most."""
_BINS, _PLACES = 512, 256
"""Bins of the density of values, and places for transitions."""
_COLUMNS = 16
"""Columns whose optimum is looked for at once, which stay in cache: half a megabyte each."""


@dataclass(frozen=True)
class Codebook:
    """Transition levels and the levels that codes stand for, for one converter or for `*columns` of them.

    A value at or above `transitions[k - 1]` and below `transitions[k]` becomes `levels[k]`.
    """

    transitions: Float[Tensor, "*columns n"]
    """2^bits - 1 rising values."""
    levels: Float[Tensor, "*columns n_"]
    """2^bits values."""

    @property
    def bits(self) -> int:
        """Resolution."""
        return (self.levels.shape[-1] - 1).bit_length()

    def codes(self, x: Float[Tensor, "*columns x"]) -> Tensor:
        """Return the code of every value, `x` being those of each column."""
        return count(x, self.transitions.unsqueeze(-2))

    def quantise(self, x: Float[Tensor, "*columns x"]) -> Float[Tensor, "*columns x"]:
        """Return the level of every value."""
        return take(self.levels.unsqueeze(-2), self.codes(x))

    def error(self, x: Float[Tensor, "*columns x"]) -> Float[Tensor, "*columns"]:
        """Return the mean squared error."""
        return (self.quantise(x) - x).square().mean(-1)

    def with_variation(self, sigma: float, z: Float[Tensor, "*columns n"]) -> Codebook:
        """Shift the inner transition levels by `sigma` times their range times `z`, which is held within +-2.

        Source: [hong2025], released code: the outermost ones stay, and draws beyond two standard deviations are not
        taken (here: held at two). Levels that swap places count as sorted. Converters of several columns are alike and
        see their signals at one gain: their range is that of all columns.
        """
        t = self.transitions
        shift = sigma * (t[..., -1].max() - t[..., 0].min()) * z.clamp(-2, 2)
        shift = torch.cat([torch.zeros_like(shift[..., :1]), shift[..., 1:-1], torch.zeros_like(shift[..., :1])], -1)
        return Codebook((t + shift).sort(-1).values, self.levels)

    def tensor(self) -> Float[Tensor, "*columns 2 n_"]:
        """Return both in one tensor; infinity stands after the last transition level."""
        end = torch.full_like(self.levels[..., :1], torch.inf)
        return torch.stack([torch.cat([self.transitions, end], -1), self.levels], -2)


def combine(codes: Sequence[Tensor], transitions: Tensor, levels: Tensor, rule: Rule) -> Tensor:
    """Return what several converters of equal levels make of a signal, from the code of each.

    `"boundary"`: of two that differ, the signal lies near the transition level between, which is the result;
    `"vote"`: the level of the most frequent code. Source: [hong2025]. One alone gives its level.
    """
    if len(codes) == 1 or rule == "vote":
        return take(levels, codes[0] if len(codes) == 1 else torch.stack(list(codes)).mode(0).values)
    lower = torch.minimum(codes[0], codes[1])
    between = take(transitions, lower.clamp(max=transitions.shape[-1] - 1))
    return torch.where(codes[0] == codes[1], take(levels, lower), between)


def uniform(low: Tensor | float, high: Tensor | float, bits: int, level: str = "centre") -> Codebook:
    """Return equal steps from `low` to `high`, each for the value in its `centre`, or at its lower `edge`.

    Two baselines of the field: reconstruction at the centre of a step has the least error; at the lower edge, as some
    released quantisers do it, four times as much (6 dB).
    """
    if level not in ("centre", "edge"):
        raise SpecError([f"level must be 'centre' or 'edge', not {level!r}"])
    low = torch.as_tensor(low).float().unsqueeze(-1)
    step = (torch.as_tensor(high).float().unsqueeze(-1) - low) / 2**bits
    steps = torch.arange(2.0**bits).to(step)
    return Codebook(low + step * steps[1:], low + step * (steps + (0.5 if level == "centre" else 0.0)))


def lloyd_max(
    x: Float[Tensor, "*columns x"],
    bits: int,
    clip: tuple[float, float] = (0.0, 100.0),
    most: int = 8000,
    start: Start = "optimum",
) -> Codebook:
    """Return the codebook of least squared error for some values, each column's own.

    Each level is the mean of the values that are nearest to it, in turns, until the error falls by less than a
    millionth of itself (after 100 rounds; 500 at most). Values outside the percentiles `clip` are left out. Of more
    than `most` values an even sample is taken.

    Args:
        x: values.
        bits: resolution.
        clip: percentiles.
        most: values of a column that are looked at.
        start: `"optimum"`: from the least error of all codebooks with transitions at 256 places, which are dense where
            values are. `"range"`, as [hong2025] has it (code, with percentiles 0.5 and 99.5): from levels evenly spread
            from the least to the largest value; one that no value is nearest to stays where it is, so that long tails
            leave some unused. The least value is not left out; the largest sets the first levels and counts no further.

    Source: [lloyd1982], [max1960].
    """
    x = x.float().sort(-1).values
    n = x.shape[-1]
    first, last = (round(p / 100 * (n - 1)) for p in clip)
    kept = x[..., first : last + 1]
    if kept.shape[-1] > most:
        kept = kept[..., torch.linspace(0, kept.shape[-1] - 1, most).long().clamp(max=kept.shape[-1] - 1)]
    if start == "range":
        begin = uniform(x[..., 0].double(), x[..., -1].double(), bits)
        kept = kept if first == 0 else torch.cat([x[..., :1], kept], -1)
        kept = (kept[..., :-1] if last == n - 1 and n > 1 else kept).double().contiguous()
        return _rounds(kept, begin.levels.double(), begin.transitions.double())
    kept = kept.double().contiguous()
    flat = kept.reshape(-1, kept.shape[-1])
    levels = torch.cat([_optimum(some, bits) for some in flat.split(_COLUMNS)]).reshape(*kept.shape[:-1], -1)
    return _rounds(kept, levels, (levels[..., 1:] + levels[..., :-1]) / 2)


def _rounds(x: Tensor, levels: Tensor, transitions: Tensor) -> Codebook:
    """Let levels be the means of what is nearest to them, in turns; `x` rises."""
    zero = torch.zeros_like(x[..., :1])
    sums, squares = (torch.cat([zero, v.cumsum(-1)], -1) for v in (x, x.square()))
    total, before = x.shape[-1], torch.inf
    for turn in range(_MOST):
        inner = torch.searchsorted(x, transitions.contiguous())
        edges = torch.cat([torch.zeros_like(inner[..., :1]), inner, torch.full_like(inner[..., :1], total)], -1)
        number = edges.diff(dim=-1)
        first_moment = sums.gather(-1, edges).diff(dim=-1)
        levels = torch.where(number > 0, first_moment / number.clamp(min=1), levels)
        error = float((squares[..., -1] - (first_moment.square() / number.clamp(min=1)).sum(-1)).sum()) / total
        transitions = (levels[..., 1:] + levels[..., :-1]) / 2
        if turn >= 100 and abs(before - error) <= 1e-6 * abs(before):
            break
        before = error
    return Codebook(transitions.float(), levels.float())


def _optimum(x: Float[Tensor, "columns x"], bits: int) -> Float[Tensor, "columns n"]:
    """Return the levels of least error among codebooks whose transitions are at some places, by dynamic programming.

    Cells are added one by one: the least error of so many cells up to a place is that of one less up to an earlier
    place and of one cell between. Empty cells cost nothing, and their level is that of the cell before.
    """
    inner = torch.searchsorted(x, _places(x))
    edges = torch.cat([torch.zeros_like(inner[:, :1]), inner, torch.full_like(inner[:, :1], x.shape[1])], 1)
    zero = torch.zeros_like(x[:, :1])
    sums, squares = (torch.cat([zero, v.cumsum(1)], 1).gather(1, edges) for v in (x, x.square()))
    number, first, second = (v.unsqueeze(1) - v.unsqueeze(2) for v in (edges, sums, squares))
    cost = second - first.square() / number.clamp(min=1)
    cost.masked_fill_(torch.ones_like(cost, dtype=torch.bool).tril(-1), torch.inf)
    least, chosen = cost[:, 0], list[Tensor]()
    for _ in range(2**bits - 1):
        least, before = (least.unsqueeze(2) + cost).min(1)
        chosen.append(before)
    ends = [torch.full_like(edges[:, :1], edges.shape[1] - 1)]
    for before in reversed(chosen):
        ends.append(before.gather(1, ends[-1]))
    cells = torch.cat([torch.zeros_like(ends[0]), *reversed(ends)], 1)
    number, total = edges.gather(1, cells).diff(dim=1), sums.gather(1, cells).diff(dim=1)
    means = torch.where(number > 0, total / number.clamp(min=1), -torch.inf)
    return torch.maximum(means.cummax(1).values, x[:, :1])


def _places(x: Float[Tensor, "columns x"]) -> Float[Tensor, "columns places"]:
    """Return places as dense as the cube root of the density of values, which is best for many levels [panter1951]."""
    low, high = x[:, :1], x[:, -1:]
    step = ((high - low) / _BINS).clamp(min=torch.finfo(torch.float32).tiny)
    bins = ((x - low) / step).long().clamp(max=_BINS - 1)
    density = x.new_zeros(len(x), _BINS).scatter_add_(1, bins, torch.ones_like(x))
    share = torch.cat([torch.zeros_like(low), density.pow(1 / 3).cumsum(1)], 1)
    share = share / share[:, -1:]
    wanted = (torch.arange(1.0, _PLACES).to(x) / _PLACES).repeat(len(x), 1)
    bin_ = torch.searchsorted(share, wanted).clamp(1, _BINS)
    below, above = share.gather(1, bin_ - 1), share.gather(1, bin_)
    return low + step * (bin_ - 1 + (wanted - below) / (above - below))
