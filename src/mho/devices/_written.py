"""A cell whose programming error comes out of its write-verify loop."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Seed, Siemens, Source

from ._around import AbstractAround
from ._dynamics import AbstractDynamics
from ._write_verify import WriteVerify

_STATES = 33
_CELLS = 512
_QUANTILES = 129


@dataclass(frozen=True)
class Written(AbstractAround):
    """A cell as its loop writes it, and as another cell ages and reads it.

    The loop is run once on 512 cells at 33 targets. What it leaves, as quantiles of g - g_T at each target, takes the
    place of a formula for the programming error: a normal draw picks the quantile, so the error has the loop's own
    distribution, tails of cells that were given up included. The conductance left is the target of `cell`, whose own
    programming error should be 0. The cost of a write is the loop's mean.
    """

    dynamics: AbstractDynamics
    loop: WriteVerify
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if "programming error" in self.cell.effects:
            raise ValueError("the cell must have no programming error of its own: that of the loop takes its place")
        low, high = self.dynamics.range(self.loop.read_voltage)
        if not (low <= self.range[0] * 1.001 and self.range[1] <= high * 1.001):
            raise ValueError(
                f"the pulses must reach the range of the cell, {self.range[0]:g} to {self.range[1]:g} S; "
                f"they reach {low:g} to {high:g} S at {self.loop.read_voltage:g} V"
            )

        # Run here and not where it is used: a compiled layer then finds a table, and no loop.
        object.__setattr__(self, "_table", _outcome(self.dynamics, self.loop, self.range)[0])

    @property
    def effect(self) -> str:
        """Programming error."""
        return "programming error"

    @property
    def own_draws(self) -> tuple[str, ...]:
        """Which quantile of the loop's error."""
        return ("write",)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S, `time` seconds after the loop ended."""
        low, high = self.range
        table: Tensor = self._table.to(target)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        share = torch.special.ndtr(draws["write"]) * (_QUANTILES - 1)
        place = ((target - low) / (high - low)).clamp(0, 1) * (_STATES - 1)
        error = _bilinear(table, place, share)
        return self.cell.conductance((target + error).clamp(min=0), draws, time)

    def costs(self) -> Mapping[str, Cost]:
        """Return the mean cost of writing one cell, and the cell's area."""
        return {**self.cell.costs(), "write": _outcome(self.dynamics, self.loop, self.range)[1]}


@functools.lru_cache(maxsize=16)
def _outcome(dynamics: AbstractDynamics, loop: WriteVerify, limits: tuple[Siemens, Siemens]) -> tuple[Tensor, Cost]:
    """Return the quantiles of the loop's error, `[states, quantiles]` in S, and the mean cost of a write."""
    targets = torch.linspace(*limits, _STATES, dtype=torch.float64)[:, None].expand(_STATES, _CELLS)
    done = loop.write(dynamics, targets, Seed(0).child("write-verify"))
    levels = torch.linspace(0, 1, _QUANTILES, dtype=torch.float64)
    table = torch.quantile(done.conductance - targets, levels, dim=1).T.contiguous()
    return table, Cost(energy=float(done.energy.mean()), latency=float(done.time.mean()))


def _bilinear(table: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Interpolate a table at fractional indices."""
    r = row.detach().floor().clamp(0, table.shape[0] - 2)
    c = column.detach().floor().clamp(0, table.shape[1] - 2)
    i, j = r.long(), c.long()
    u, v = row - r, column - c
    top = table[i, j] * (1 - v) + table[i, j + 1] * v
    bottom = table[i + 1, j] * (1 - v) + table[i + 1, j + 1] * v
    return top * (1 - u) + bottom * u
