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

_MOST = 500
"""Rounds of Lloyd and Max at most."""


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
        taken (here: held at two). Levels that swap places count as sorted.
        """
        t = self.transitions
        shift = sigma * (t[..., -1:] - t[..., :1]) * z.clamp(-2, 2)
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
    x: Float[Tensor, "*columns x"], bits: int, clip: tuple[float, float] = (0.5, 99.5), most: int = 8000
) -> Codebook:
    """Return the codebook of least squared error for some values, each column's own.

    Levels begin evenly spread from the least to the largest value; then each is the mean of the values that are nearest
    to it, until the error falls by less than a millionth of itself (after 100 rounds; 500 at most). Values outside the
    percentiles `clip` are left out, but for the least; the largest sets the first levels and counts no further. Of more
    than `most` values an even sample is taken.

    Source: [lloyd1982], [max1960]; settings of [hong2025].
    """
    x = x.float().sort(-1).values
    n = x.shape[-1]
    first, last = (round(p / 100 * (n - 1)) for p in clip)
    kept = x[..., first : last + 1]
    if kept.shape[-1] > most:
        kept = kept[..., torch.linspace(0, kept.shape[-1] - 1, most).long().clamp(max=kept.shape[-1] - 1)]
    ends = x[..., 0].double(), x[..., -1].double()
    x = (kept if first == 0 else torch.cat([x[..., :1], kept], -1)).double()
    x = (x[..., :-1] if last == n - 1 and n > 1 else x).contiguous()
    zero = torch.zeros_like(x[..., :1])
    sums, squares = (torch.cat([zero, v.cumsum(-1)], -1) for v in (x, x.square()))
    begin = uniform(*ends, bits)
    levels = begin.levels.double()
    transitions = begin.transitions.double()
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
