"""Solutions for given inputs: alternating sweeps, conjugate gradients over lines, and Newton's method.

With T_r and T_c the segments of word and bit lines and D the cells, Kirchhoff's laws are
(T_r + D) v_r - D v_c = b and (T_c + D) v_c - D v_r = 0. Both diagonal blocks are lines and are solved in linear time;
what is left couples them weakly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import ConvergenceError

from ._iv import AbstractIV
from ._ladder import TERMINAL
from ._lines import Ends, refuse_second_derivatives, solve_lines, solver


@dataclass(frozen=True)
class Network:
    """The wires of an array as plain resistances, in ohm."""

    word: float
    bit: float
    drive: Ends
    read: Ends

    @property
    def drive_siemens(self) -> Ends:
        """Conductance of the drivers at the first and last column."""
        return (1 / max(self.drive[0], TERMINAL), 1 / max(self.drive[1], TERMINAL))

    @property
    def read_siemens(self) -> Ends:
        """Conductance of the read-outs at the first and last row."""
        return (1 / max(self.read[0], TERMINAL), 1 / max(self.read[1], TERMINAL))

    def rows(self, g: Float[Tensor, "*t rows cols"], current: Tensor) -> Tensor:
        """Solve all word lines for node currents `[*t, rows, cols, q]`, the bit lines at 0 V."""
        return solve_lines(g, self.word, self.drive_siemens, current)

    def columns(self, g: Float[Tensor, "*t rows cols"], current: Tensor) -> Tensor:
        """Solve all bit lines for node currents `[*t, rows, cols, q]`, the word lines at 0 V."""
        out = solve_lines(g.mT, self.bit, self.read_siemens, current.transpose(-3, -2))
        return out.transpose(-3, -2)

    def sources(self, v: Float[Tensor, "*t rows q"], cols: int) -> Float[Tensor, "*t rows cols q"]:
        """Return the currents of the drivers into the nodes of the word lines."""
        b = v.new_zeros((*v.shape[:-1], cols, v.shape[-1]))
        first, last = self.drive_siemens
        b[..., 0, :] += first * v
        b[..., -1, :] += last * v
        return b

    def sensed(self, v_c: Float[Tensor, "*t rows cols q"]) -> Float[Tensor, "*t cols q"]:
        """Return the currents into the read-outs."""
        first, last = self.read_siemens
        return first * v_c[..., 0, :, :] + last * v_c[..., -1, :, :]


def check_conductances(g: Tensor) -> Tensor:
    """Return the conductances, if they are some.

    Raises:
        ValueError: if one is negative, infinite or not a number.
    """
    if not bool(((g >= 0) & (g < torch.inf)).all()):
        raise ValueError("conductances must be at least 0 S and finite; check what the cells were programmed to")
    return g


def sweep(
    g: Float[Tensor, "*t rows cols"], network: Network, v: Float[Tensor, "*t rows q"], count: int
) -> Float[Tensor, "*t cols q"]:
    """Return the column currents after `count` alternating solutions of all word lines and all bit lines, in A.

    The error shrinks by the factor rho <= (G / (G + g_min))^2 a sweep, g_min = (pi / 2 N)^2 / r the stiffest line's
    weakest mode. Differentiable.
    """
    b = network.sources(v, g.shape[-1])
    cells = g.unsqueeze(-1)
    v_c = network.columns(g, cells * network.rows(g, b))
    for _ in range(count - 1):
        v_c = network.columns(g, cells * network.rows(g, b + cells * v_c))
    return network.sensed(v_c)


def solve_nodes(
    g: Tensor, network: Network, b_r: Tensor, b_c: Tensor | None, tolerance: float, most: int = 200
) -> tuple[Tensor, Tensor, int]:
    """Return the voltages of word-line and bit-line nodes `[*t, rows, cols, q]`, and the iterations it took.

    Conjugate gradients on the word-line nodes, preconditioned by the word lines; every product is a solution of all
    bit lines. `g` is `[*t, rows, cols]`, the node currents `b_r` and `b_c` `[*t, rows, cols, q]`.

    Raises:
        ConvergenceError: if `most` iterations are not enough.
    """
    cells = g.unsqueeze(-1)
    rows = solver(g, network.word, network.drive_siemens)
    bit_lines = solver(g.mT, network.bit, network.read_siemens)

    def columns(current: Tensor) -> Tensor:
        return bit_lines(current.transpose(-3, -2)).transpose(-3, -2)

    rhs = b_r if b_c is None else b_r + cells * columns(b_c)
    x = rows(rhs)
    # (T_r + D) x = rhs holds, so the residual of the whole is the bit lines' answer.
    r = cells * columns(cells * x)
    scale = _dot(rhs, x).clamp(min=1e-300)
    z = rows(r)
    p, rz = z, _dot(r, z)
    iterations = 0
    while bool((rz > tolerance**2 * scale).any()):
        if iterations == most:
            raise ConvergenceError(
                f"{most} iterations did not reach a relative error of {tolerance:g}; use a higher tolerance "
                "or the exact solution"
            )
        ap = _product(network, cells, columns, p)
        alpha = rz / _dot(p, ap).clamp(min=1e-300)
        x = x + alpha * p
        r = r - alpha * ap
        z = rows(r)
        new = _dot(r, z)
        p = z + (new / rz.clamp(min=1e-300)) * p
        rz = new
        iterations += 1
    v_c = columns(cells * x if b_c is None else cells * x + b_c)
    return x, v_c, iterations


def _product(network: Network, cells: Tensor, columns: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Multiply word-line voltages with the Schur complement (T_r + D) - D (T_c + D)^-1 D."""
    first, last = network.drive_siemens
    y = cells * (x - columns(cells * x))
    y[..., 0, :] += first * x[..., 0, :]
    y[..., -1, :] += last * x[..., -1, :]
    if x.shape[-2] > 1:
        flow = (x[..., 1:, :] - x[..., :-1, :]) / max(network.word, TERMINAL)
        y[..., :-1, :] -= flow
        y[..., 1:, :] += flow
    return y


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((-3, -2), keepdim=True)


class _Nodes(torch.autograd.Function):
    """Voltages of all nodes, with the adjoint: one more solution with the same matrix."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, b_r: Tensor, b_c: Tensor, network: Network, tolerance: float) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        v_r, v_c, _ = solve_nodes(g, network, b_r, b_c, tolerance)
        ctx.network, ctx.tolerance = network, tolerance
        ctx.save_for_backward(g, v_r, v_c)
        return v_r, v_c

    @staticmethod
    def backward(ctx: Any, grad_r: Tensor, grad_c: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_second_derivatives()
        g, v_r, v_c = ctx.saved_tensors
        l_r, l_c, _ = solve_nodes(g, ctx.network, grad_r, grad_c, ctx.tolerance)
        return -((l_r - l_c) * (v_r - v_c)).sum(-1), l_r, l_c, None, None


def currents(
    g: Float[Tensor, "*t rows cols"], network: Network, v: Float[Tensor, "*t rows q"], tolerance: float = 1e-10
) -> Float[Tensor, "*t cols q"]:
    """Return the exact column currents for q input vectors, in A: faster than the effective matrix for a few.

    Differentiable in `g` and `v` by the adjoint method; computed in float64.

    Raises:
        ConvergenceError: if the tolerance cannot be met.
    """
    g, v, dtype = check_conductances(g).double(), v.double(), v.dtype
    b = network.sources(v, g.shape[-1])
    _, v_c = _Nodes.apply(g, b, torch.zeros_like(b), network, tolerance)  # pyright: ignore[reportGeneralTypeIssues]
    return network.sensed(v_c).to(dtype)


def newton(
    g: Float[Tensor, "*t rows cols"],
    cell: AbstractIV,
    network: Network,
    v: Float[Tensor, "*t rows q"],
    tolerance: float = 1e-12,
    most: int = 50,
) -> Float[Tensor, "*t cols q"]:
    """Return the column currents of cells that are not ohmic, in A.

    Newton's method on all nodes; each step is a linear array with the cells' differential conductances. Computed in
    float64; differentiable in `g` and `v` (implicit function theorem: one more linear solution).

    Raises:
        ConvergenceError: if the node voltages do not settle.
    """
    g, v, dtype = check_conductances(g).double(), v.double(), v.dtype
    # Each input vector is an array of its own: its cells have their own operating points.
    one = v.movedim(-1, 0).unsqueeze(-1)
    cells = g.expand(one.shape[0], *g.shape)
    b = network.sources(one, g.shape[-1])
    with torch.no_grad():
        v_r, v_c = _start(cells, cell, network, b)
        for _ in range(most):
            v_r, v_c, change = _step(cells.detach(), cell, network, b.detach(), v_r, v_c, tolerance)
            if change <= tolerance * float(one.abs().max().clamp(min=1e-30)):
                break
        else:
            raise ConvergenceError(
                f"{most} steps of Newton's method did not settle the node voltages to {tolerance:g} of the inputs; "
                "use a higher tolerance, smaller inputs, or cells with a softer current-voltage law"
            )
    slope = cell.slope(cells.detach(), (v_r - v_c).squeeze(-1))
    flow = cell.current(cells, (v_r - v_c).squeeze(-1)) - slope * (v_r - v_c).squeeze(-1)
    extra = flow.unsqueeze(-1)
    _, v_c = _Nodes.apply(slope, b - extra, extra, network, 1e-12)  # pyright: ignore[reportGeneralTypeIssues]
    return network.sensed(v_c).squeeze(-1).movedim(0, -1).to(dtype)


def _start(cells: Tensor, cell: AbstractIV, network: Network, b: Tensor) -> tuple[Tensor, Tensor]:
    slope = cell.slope(cells, torch.zeros_like(cells))
    v_r, v_c, _ = solve_nodes(slope, network, b, None, 1e-3)
    return v_r, v_c


def _step(
    cells: Tensor, cell: AbstractIV, network: Network, b: Tensor, v_r: Tensor, v_c: Tensor, tolerance: float
) -> tuple[Tensor, Tensor, float]:
    across = (v_r - v_c).squeeze(-1)
    slope = cell.slope(cells, across)
    extra = (cell.current(cells, across) - slope * across).unsqueeze(-1)
    new_r, new_c, _ = solve_nodes(slope, network, b - extra, extra, max(tolerance, 1e-13))
    change = max(float((new_r - v_r).abs().max()), float((new_c - v_c).abs().max()))
    return new_r, new_c, change
