"""`quantise`: the level of each value's code, with gradients of levels and transition levels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._search import count, take


def quantise(y: Tensor, transitions: Tensor, levels: Tensor) -> Tensor:
    """Return the level of every value; `transitions` and `levels` broadcast against `[*y, n]`.

    Gradients of levels are exact; those of transition levels count the values that lie within half a step about them;
    those of values pass straight through between the outermost levels.
    """
    apply: Any = _Quantise.apply
    return apply(y, transitions, levels)


class _Quantise(torch.autograd.Function):
    """See `quantise`."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, transitions: Tensor, levels: Tensor) -> Tensor:
        codes = count(y, transitions)
        ctx.save_for_backward(y, transitions, levels, codes)
        return take(levels, codes)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        y, transitions, levels, codes = ctx.saved_tensors
        g = grads[0]
        n = levels.shape[-1]

        def gathered(values: Tensor, at: Tensor, table: Tensor) -> Tensor:
            """Sum values by place in a table."""
            width = table.shape[-1]
            first = torch.arange(0, table.numel(), width, dtype=torch.int32, device=y.device)
            place = (first.reshape(table.shape[:-1]) + at).flatten()
            return torch.zeros_like(table).flatten().index_add_(0, place, values.flatten()).reshape(table.shape)

        by_level = gathered(g, codes, levels)
        # A value in a step belongs to the transition that is nearer: raising that one by d moves d / width of them.
        lower = (codes - 1).clamp_(min=0)
        upper = codes.clamp(max=n - 2)
        below, above = y - take(transitions, lower), take(transitions, upper) - y
        nearer = torch.where(below.abs() <= above.abs(), lower, upper)
        step = take(levels, nearer + 1) - take(levels, nearer)
        near = (y - take(transitions, nearer)).abs() <= step / 4
        width = (step / 2).clamp(min=1e-12)
        by_transition = gathered(torch.where(near, -g * step / width, 0.0), nearer, transitions)
        inside = None
        if ctx.needs_input_grad[0]:
            inside = g * ((y >= levels[..., 0]) & (y <= levels[..., -1]))
        return inside, by_transition, by_level
