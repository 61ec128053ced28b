"""One wire with many taps: the tridiagonal systems of all lines of an array, solved together.

A line has n nodes in a chain of segments of `segment` ohm. Node k is tied to a source through the conductance
`shunt[k]` (its cell); the first and last node go to ground through `ends` siemens (a driver, a read-out, or nothing).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

Ends = tuple[float, float]
_CANCELLED = 1e-12
"""Relative error that LAPACK's factorisation may make: it subtracts the segments from each other."""


def solve_lines(
    shunt: Float[Tensor, "*lines n"], segment: float, ends: Ends, current: Float[Tensor, "*lines n q"]
) -> Float[Tensor, "*lines n q"]:
    """Return the node voltages of all lines for q sets of injected node currents, in V.

    Args:
        shunt: conductance from each node to ground, in S.
        segment: resistance between neighbouring nodes, in ohm.
        ends: conductance from the first and from the last node to ground, in S.
        current: current into each node, in A.

    Differentiable in `shunt` and `current`; linear in time and memory.
    """
    if _factorable(shunt, segment):
        return _Solve.apply(shunt, current, segment, ends)  # pyright: ignore[reportReturnType]
    return _recur(shunt, segment, ends, current)


def solver(shunt: Float[Tensor, "*lines n"], segment: float, ends: Ends) -> Callable[[Tensor], Tensor]:
    """Return `solve_lines` for any number of `current`s of the same lines, factorised once; not differentiable."""
    if not _factorable(shunt, segment):
        return lambda current: _recur(shunt, segment, ends, current)
    factors = _factorise(shunt, segment, ends)
    return lambda current: _substitute(factors, current)


def _factorable(shunt: Tensor, segment: float) -> bool:
    return shunt.device.type == "cpu" and segment > 0 and shunt.numel() > 1


def attenuation(shunt: Float[Tensor, "*lines n"], segment: float, ends: Ends) -> Float[Tensor, "*lines n"]:
    """Return the voltage of each node for 1 V behind the conductances of the ends, all shunts grounded.

    By reciprocity it is also the share of a current injected at a node that reaches the ends.
    """
    source = torch.zeros_like(shunt)
    source[..., 0] += ends[0]
    source[..., -1] += ends[1]
    return solve_lines(shunt, segment, ends, source.unsqueeze(-1)).squeeze(-1)


def conductances(shunt: Float[Tensor, "*lines n"], segment: float, end: float) -> Float[Tensor, "*lines n"]:
    """Return what each node sees on the side of the first one, itself included, in S.

    All terms are positive, so nothing cancels, whatever the resistances. `end` grounds the first node.
    """
    looking = [shunt[..., 0] + end]
    for k in range(1, shunt.shape[-1]):
        looking.append(shunt[..., k] + looking[-1] / (1 + segment * looking[-1]))
    return torch.stack(looking, -1)


class _Solve(torch.autograd.Function):
    """LAPACK's factorisation for positive definite tridiagonal matrices, all lines end to end as one long line."""

    @staticmethod
    def forward(ctx: Any, shunt: Tensor, current: Tensor, segment: float, ends: Ends) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        factors = _factorise(shunt, segment, ends)
        voltage = _substitute(factors, current)
        ctx.factors = factors
        ctx.save_for_backward(voltage)
        return voltage

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_second_derivatives()
        (voltage,) = ctx.saved_tensors
        adjoint = _substitute(ctx.factors, gradient)
        return -(adjoint * voltage).sum(-1), adjoint, None, None


def _factorise(shunt: Tensor, segment: float, ends: Ends) -> Any:
    g = 1 / segment
    shunt = shunt.detach().double()
    diagonal = shunt + 2 * g
    diagonal[..., 0] += ends[0] - g
    diagonal[..., -1] += ends[1] - g
    neighbour = torch.full_like(diagonal, -g)
    neighbour[..., -1] = 0.0
    # What ties the loosest line to ground must not drown in the rounding of its segments.
    loosest = float(shunt.sum(-1).min()) + sum(ends)
    if 2.3e-16 * shunt.shape[-1] * g < _CANCELLED * loosest:
        factors: Any = _lapack()[0](diagonal.flatten().numpy(), neighbour.flatten()[:-1].numpy())
    else:
        seen = conductances(shunt, segment, ends[0])
        pivots = torch.cat([seen[..., :-1] + g, seen[..., -1:] + ends[1]], -1)
        off = torch.cat([-1 / (1 + segment * seen[..., :-1]), torch.zeros_like(seen[..., -1:])], -1)
        factors = (pivots.flatten().numpy(), off.flatten()[:-1].numpy(), int(not bool((pivots > 0).all())))
    if factors[2]:
        raise ValueError("conductances must be positive numbers, and a line must be tied to ground somewhere")
    return factors


def refuse_second_derivatives() -> None:
    """Complain where a gradient is to be differentiated again.

    PyTorch's own guard says nothing where `torch.autograd.grad` asks for a part of the leaves: a term would be missing.
    """
    if torch.is_grad_enabled():
        raise RuntimeError("wires can be differentiated once; second derivatives (create_graph=True) are not supported")


def _substitute(factors: Any, current: Tensor) -> Tensor:
    flat = current.detach().double().flatten(0, -2)
    solution: Any = _lapack()[1](factors[0], factors[1], flat.t().contiguous().t().numpy())[0]
    return torch.from_numpy(solution).to(current.dtype).reshape(current.shape)


@functools.cache
def _lapack() -> tuple[Any, Any]:
    """Return factorisation and substitution in float64; scipy is loaded at the first use."""
    from scipy.linalg import get_lapack_funcs

    factorise, substitute = get_lapack_funcs(("pttrf", "pttrs"), dtype="f8")
    return factorise, substitute


def _recur(shunt: Tensor, segment: float, ends: Ends, current: Tensor) -> Tensor:
    """Eliminate node after node in terms of resistances: any device, any segment, zero included."""
    n = shunt.shape[-1]
    looking = conductances(shunt, segment, ends[0])
    total = [*looking.unbind(-1)[:-1], looking[..., -1] + ends[1]]
    passed = [current[..., 0, :]]
    for k in range(1, n):
        passed.append(current[..., k, :] + passed[-1] / (1 + segment * total[k - 1]).unsqueeze(-1))
    voltage = [passed[-1] / total[-1].unsqueeze(-1)]
    for k in reversed(range(n - 1)):
        # The node's own source and its neighbour's voltage through the segment, over all that it sees.
        loaded = (1 + segment * total[k]).unsqueeze(-1)
        voltage.append((segment * passed[k] + voltage[-1]) / loaded)
    return torch.stack(voltage[::-1], -2)
