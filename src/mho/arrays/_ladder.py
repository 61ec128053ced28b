"""The exact effective matrix of a linear array: column after column, each a network with one port per word line.

With D_j the conductances of column j, the bit line turns them into Y_j = D_j - D_j X_j D_j, X_j the inverse of the
line's conductance matrix. From the far end of the word lines, S_j = Y_j + F_{j+1} S_{j+1} is what column j and all
behind it draw, F_j = (1 + r S_j)^-1 the drop over the segments before column j. The row vectors o_j of what the
read-out of column j gets from its nodes are carried to the drivers by the same F_j. Our own derivation from
Kirchhoff's laws; checked against a sparse solution of all nodes and against ngspice.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from ._lines import Ends, conductances

_CHUNK = 1 << 24
"""Numbers of the largest intermediate tensor that is held at once."""
_SMALL = 1 << 14
"""Numbers of all tiles' matrices up to which one thread is the fastest (measured)."""


def ladder(
    g: Float[Tensor, "*tiles rows cols"], word: float, bit: float, drive: Ends, read: Ends
) -> Float[Tensor, "*tiles rows cols"]:
    """Return the current into the read-out of each bit line per volt at each driver, in S.

    Args:
        g: cell conductances in S.
        word, bit: resistance of a segment of word line and of bit line, in ohm.
        drive: resistance from the first and the last column's node to the driver (infinite: no driver there), in ohm.
        read: resistance from the first and the last row's node to the read-out, in ohm.

    Cost: columns x rows^3 products, or rows x columns^3 if that is less. Differentiable.
    """
    rows, cols = g.shape[-2:]
    if rows > cols:  # the network is reciprocal: drivers and read-outs may change places
        return ladder(g.mT, bit, word, read, drive).mT
    flat = g.reshape(-1, rows, cols)
    if len(flat) * rows * rows <= _SMALL and torch.get_num_threads() > 1:
        with _one_thread():
            return ladder(g, word, bit, drive, read)
    step = max(1, _CHUNK // (rows * max(rows, cols)))
    parts: list[Tensor] = []
    for part in flat.split(step):
        w = torch.zeros_like(part)
        if drive[0] < torch.inf:
            w = _driven_left(part, word, bit, drive, read)
        if drive[1] < torch.inf:
            w = w + _driven_left(part.flip(-1), word, bit, (drive[1], drive[0]), read).flip(-1)
        parts.append(w)
    return torch.cat(parts).reshape(g.shape)


@contextmanager
def _one_thread() -> Generator[None]:
    """Small matrices lose more by waking other threads than they win."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _driven_left(g: Tensor, word: float, bit: float, drive: Ends, read: Ends) -> Tensor:
    rows, cols = g.shape[-2:]
    top, bottom = (1 / max(r, TERMINAL) for r in read)
    lines = g.mT
    up = conductances(lines, bit, top)
    down = conductances(lines.flip(-1), bit, bottom).flip(-1)
    seen = 1 / (up + (down - lines))  # [tiles, cols, rows], resistance of each node to ground
    # Logarithm of the voltage at node k by that at the last node, if fed from there.
    ratio = -torch.cat([torch.zeros_like(up[..., :1]), (1 + bit * up[..., :-1]).log()], -1)
    ratio = ratio.cumsum(-1)
    identity = torch.eye(rows, dtype=g.dtype, device=g.device)
    upper = torch.ones(rows, rows, dtype=torch.bool, device=g.device).triu()
    behind = identity.expand(g.shape[0], rows, rows) / max(drive[1], TERMINAL) if drive[1] < torch.inf else None
    carried: Tensor | None = None
    for j in reversed(range(cols)):
        own = g[..., j]
        c = ratio[:, j]
        # Node i fed from node k >= i; the other half by symmetry.
        decay = (c[:, None, :] - c[:, :, None]).masked_fill(~upper, -torch.inf).exp() * seen[:, j, None, :]
        x = decay + decay.triu(1).mT
        y = torch.diag_embed(own) - own.unsqueeze(-1) * x * own.unsqueeze(-2)
        out = own * (top * x[:, 0] + bottom * x[:, -1])
        s = y if behind is None else y + behind
        u = out.unsqueeze(-1) if carried is None else torch.cat([out.unsqueeze(-1), carried], -1)
        series = word if j else max(drive[0], TERMINAL)
        if series:
            # Positive definite, so the inverse is safe; products with it run at the speed of the machine.
            drop = torch.cholesky_inverse(torch.linalg.cholesky(identity + series * s))
            s, u = drop @ s, drop @ u
        behind, carried = s, u
    assert carried is not None
    return carried


TERMINAL = 1e-9
"""The least resistance of a terminal, in ohm; zero would be an infinite conductance."""
