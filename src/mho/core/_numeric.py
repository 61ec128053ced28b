"""Rounding and clipping with straight-through gradients: the only roundings allowed under a forward pass.

Surrogate gradients: `ste_round` and `ste_floor` pass the gradient unchanged; `ste_clamp` passes it inside the
range and drops it outside. Source: [bengio2013], Sec. 4 (the straight-through estimator).
"""

from __future__ import annotations

from torch import Tensor


def ste_round(x: Tensor) -> Tensor:
    """Round half to even; gradient 1."""
    return x + (x.round() - x).detach()


def ste_floor(x: Tensor) -> Tensor:
    """Round down; gradient 1."""
    return x + (x.floor() - x).detach()


def ste_clamp(x: Tensor, low: float, high: float) -> Tensor:
    """Clip to `[low, high]`; gradient 1 inside and 0 outside (torch's own, borders count as inside)."""
    return x.clamp(low, high)
