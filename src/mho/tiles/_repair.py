"""Spare columns: after writing, the worst columns of each tile move to columns kept for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mho.core import Seed, normal_per_instance
from mho.devices import AbstractCell

from ._order import column_tiles


def repaired(
    cell: AbstractCell,
    targets: Float[Tensor, "cells G R S K N"],
    draws: Mapping[str, Float[Tensor, "I cells G R S K N"]],
    chips: Sequence[Seed],
    most: int,
    reference: int,
    spares: int,
    weight: Float[Tensor, "S"],
) -> Mapping[str, Float[Tensor, "I cells G R S K N"]]:
    """Return the draws of the cells that the columns are written to in the end.

    Every column tile of at most `most` columns has `spares` more; the last `reference` columns stay. Each column is
    written, read back, and compared with its targets; then, as long as one is left, the column and the spare with the
    largest gain in squared error are exchanged; an error counts by the `weight` of its slice. A spare stands in for all
    slices and devices of a column of weights, in the same place on the wires and at the same converter.
    """
    if not spares or not draws:
        return draws
    columns = targets.shape[-1] - reference
    cuts, width = column_tiles(columns, most)
    tile = torch.arange(targets.shape[-1]).clamp(max=columns - 1) // width
    whole = targets.expand(len(chips), *targets.shape)

    def spare(s: int) -> dict[str, Tensor]:
        shape = (*targets.shape[:-1], cuts)
        return {
            name: normal_per_instance([c.child("spare", name, s) for c in chips], shape)[..., tile] for name in draws
        }

    def error(own: Mapping[str, Tensor]) -> Tensor:
        wrong = cell.conductance(whole, own, None) - whole
        return (wrong * weight[:, None, None]).square().sum((1, 4, 5))  # [I, G, R, N]

    before = error(draws)
    gains = torch.stack([before - error(spare(s)) for s in range(spares)], -1)[..., :columns, :]
    choice = assign(F.pad(gains, (0, 0, 0, cuts * width - columns), value=-1.0).unflatten(-2, (cuts, width)))
    choice = F.pad(choice.flatten(-2)[..., :columns], (0, reference), value=-1)
    choice = choice[:, None, :, :, None, None]  # [I, 1, G, R, 1, 1, N]
    out = dict(draws)
    for s in range(spares):
        taken = choice == s
        for name, own in spare(s).items():
            out[name] = torch.where(taken, own, out[name])
    return out


def assign(gains: Float[Tensor, "*tiles columns spares"]) -> Int[Tensor, "*tiles columns"]:
    """Return which spare each column moves to, -1 for none: the largest gain first, none that is not above zero."""
    left = gains.clone()
    columns, spares = gains.shape[-2:]
    choice = torch.full(gains.shape[:-1], -1)
    for _ in range(spares):
        best, index = left.flatten(-2).max(-1)
        column, spare = index // spares, index % spares
        moved = (torch.arange(columns) == column.unsqueeze(-1)) & (best > 0).unsqueeze(-1)
        choice = torch.where(moved, spare.unsqueeze(-1), choice)
        used = torch.arange(spares) == spare.unsqueeze(-1)
        left = left.masked_fill(moved.unsqueeze(-1) | used.unsqueeze(-2), -torch.inf)
    return choice
