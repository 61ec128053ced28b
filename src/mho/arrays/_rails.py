"""Columns whose cells are switched by their word lines: current flows along the column between parallel rails.

In a 1T1R column the word line is a gate: it carries no current and switches the cell between the bit line and the
source line, which run side by side. What the array computes then depends on the inputs beyond the product (each pattern
of cells that are on loads the rails in its own way), so it is solved for each input; in one pass along the column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Ohm, Volt

from ._ladder import TERMINAL


@dataclass(frozen=True)
class Rail:
    """A line along a column, held at a voltage at one or both of its ends."""

    voltage: Volt
    segment: Annotated[Ohm, NotNegative]
    """Resistance from one cell to the next, and from the outermost cell to a terminal."""
    top: bool = False
    """Whether there is a terminal beyond the first row."""
    bottom: bool = True
    """Whether there is a terminal beyond the last row."""
    terminal: Annotated[Ohm, NotNegative] = 0.0
    """Resistance of what drives or reads it."""


def one_transistor_column(segment: Ohm, read_voltage: Volt, opposite: bool = True) -> tuple[Rail, Rail]:
    """Return bit line and source line of a 1T1R column: driven at the top, read at the bottom or on the same side."""
    return Rail(read_voltage, segment, True, False), Rail(0.0, segment, not opposite, opposite)


def signed_column(segment: Ohm, read_voltage: Volt, opposite: bool = True) -> tuple[Rail, Rail, Rail]:
    """Return the rails of an SW-2T2R column: bit lines at +V and -V, the source line between them at 0 V.

    The two cells of a weight share the source line, where their currents cancel on the spot. Source: [liu2020].
    """
    plus, minus = (Rail(sign * read_voltage, segment, True, False) for sign in (1, -1))
    return plus, Rail(0.0, segment, not opposite, opposite), minus


def rail_currents(
    g: Float[Tensor, "*b rows pairs"], rails: Sequence[Rail], between: Sequence[tuple[int, int]]
) -> Float[Tensor, "*b rails"]:
    """Return the current that each rail takes from the column into its terminals, in A (negative: it feeds).

    Args:
        g: conductance of the cells that are on, in S; 0 for those that are off. Rows count from the top.
        rails: the lines along the column.
        between: for each cell of a row, the two rails that it joins.

    Exact and differentiable, in one elimination from top to bottom; batched over columns and inputs.
    """
    at = rail_voltages(g, rails, between)
    # A rail takes what its cells bring: a sum of cell currents, where terminal voltages would cancel.
    out = [torch.zeros_like(at[..., 0, 0]) for _ in rails]
    for k, (a, b) in enumerate(between):
        current = (g[..., k] * (at[..., a] - at[..., b])).sum(-1)
        out[a], out[b] = out[a] - current, out[b] + current
    return torch.stack(out, -1)


def rail_voltages(
    g: Float[Tensor, "*b rows pairs"], rails: Sequence[Rail], between: Sequence[tuple[int, int]]
) -> Float[Tensor, "*b rows rails"]:
    """Return the voltage of each rail at each row, in V; arguments as for `rail_currents`."""
    count, rows = len(rails), g.shape[-2]
    stamp = g.new_zeros(len(between), count, count)
    for k, (a, b) in enumerate(between):
        stamp[k, a, a] = stamp[k, b, b] = 1.0
        stamp[k, a, b] = stamp[k, b, a] = -1.0
    cells = torch.einsum("...nk,kab->...nab", g, stamp)
    segment = g.new_tensor([r.segment for r in rails])
    voltage = g.new_tensor([r.voltage for r in rails])
    ends = [
        g.new_tensor([1 / max(r.segment + r.terminal, TERMINAL) if there(r) else 0.0 for r in rails])
        for there in (lambda r: r.top, lambda r: r.bottom)
    ]
    identity = torch.eye(count, dtype=g.dtype, device=g.device)
    batch = g.shape[:-2]
    # From above, each node sees conductances `s` and is fed the currents `j`.
    s, j = torch.diag(ends[0]).expand(*batch, count, count), (ends[0] * voltage).expand(*batch, count)
    seen: list[tuple[Tensor, Tensor]] = []
    for n in range(rows):
        if n:
            drop = torch.linalg.inv(identity + s * segment)  # (1 + S r)^-1, r on the diagonal
            s, j = drop @ s, (drop @ j.unsqueeze(-1)).squeeze(-1)
        s = s + cells[..., n, :, :]
        seen.append((s, j))
    last = s + torch.diag(ends[1])
    v = torch.linalg.solve(last, j + ends[1] * voltage)
    nodes = [v]
    for n in reversed(range(rows - 1)):
        above, fed = seen[n]
        # v_n = v_{n+1} + r i with i the current downwards: (1 + r S) v_n = v_{n+1} + r j
        matrix = identity + segment.unsqueeze(-1) * above
        v = torch.linalg.solve(matrix, v + segment * fed)
        nodes.append(v)
    return torch.stack(nodes[::-1], -2)


def rail_power(current: Float[Tensor, "*b rails"], rails: Sequence[Rail]) -> Float[Tensor, "*b"]:
    """Return the power that the terminals put into a column, in W."""
    return -(current * current.new_tensor([r.voltage for r in rails])).sum(-1)


def sneak_current(
    g: Float[Tensor, "*t rows cols"], row: int, col: int, scheme: str = "floating", voltage: float = 1.0
) -> tuple[Float[Tensor, "*t"], Float[Tensor, "*t"]]:
    """Return the current into the read-out of one cell of a passive array, and the cell's own, in A, with ideal wires.

    The other lines are `floating`, or held at `half` of the read voltage or a `third` of it (bit lines at a third, word
    lines at two thirds, as seen from the selected word line). What the read-out gets beyond the cell's own current are
    sneak paths through three cells and more. Source: [chen2013].

    Raises:
        ValueError: if there is no such scheme.
    """
    own = g[..., row, col] * voltage
    others_r = [i for i in range(g.shape[-2]) if i != row]
    others_c = [j for j in range(g.shape[-1]) if j != col]
    column = g[..., others_r, col]
    if scheme == "half":
        return own + (column * voltage / 2).sum(-1), own
    if scheme == "third":
        return own + (column * voltage / 3).sum(-1), own
    if scheme != "floating":
        raise ValueError(f'the other lines are "floating", at "half" or at a "third" of the voltage, not "{scheme}"')
    if not others_r or not others_c:
        return own, own
    inner = g[..., others_r, :][..., others_c]
    line = g[..., row, others_c]
    # Floating word lines u, bit lines w: sum of currents at each is zero; the selected bit line is at 0 V.
    loose = 1e-15 * g.amax((-2, -1)).clamp(min=1e-30).unsqueeze(-1)  # a line without any cell has some voltage
    top = torch.cat([torch.diag_embed(inner.sum(-1) + column + loose), -inner], -1)
    low = torch.cat([-inner.mT, torch.diag_embed(inner.sum(-2) + line + loose)], -1)
    source = torch.cat([torch.zeros_like(column), line * voltage], -1)
    u = torch.linalg.solve(torch.cat([top, low], -2), source)[..., : len(others_r)]
    return own + (column * u).sum(-1), own


def read_margin(g_on: float, g_off: float, lines: int, scheme: str = "floating") -> float:
    """Return by how much a read of an on cell differs from that of an off cell, relative to the former.

    The worst case: all other cells of a square array of `lines` word and bit lines are on.
    """
    currents: list[float] = []
    for own in (g_on, g_off):
        g = torch.full((lines, lines), g_on, dtype=torch.float64)
        g[0, 0] = own
        currents.append(float(sneak_current(g, 0, 0, scheme)[0]))
    return 1 - currents[1] / currents[0] if currents[0] else math.nan
