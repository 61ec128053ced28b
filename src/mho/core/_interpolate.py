"""Interpolation between the entries of a table."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def interpolate(x: Float[Tensor, "*x"], knots: Float[Tensor, "n"], values: Float[Tensor, "n"]) -> Float[Tensor, "*x"]:
    """Return values between rising knots by straight lines, beyond the ends along the outermost ones; differentiable.

    >>> float(interpolate(torch.tensor(1.5), torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])))
    15.0
    """
    i = torch.searchsorted(knots, x.detach().contiguous()).clamp(1, len(knots) - 1)
    share = (x - knots[i - 1]) / (knots[i] - knots[i - 1])
    return values[i - 1] * (1 - share) + values[i] * share
