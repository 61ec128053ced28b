"""Curves over the normalised state x = g / g_max that the published cell statistics are given as."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


def polynomial(x: Float[Tensor, "*s"], coefficients: Sequence[float]) -> Float[Tensor, "*s"]:
    """Evaluate c0 + c1 x + c2 x^2 + ... by Horner's rule."""
    out = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        out = out * x + c
    return out


@dataclass(frozen=True)
class AbstractCurve(ABC):
    """A curve over the normalised state of a cell."""

    @abstractmethod
    def __call__(self, x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Evaluate the curve at x = g / g_max in [0, 1]."""


@dataclass(frozen=True)
class LogCurve(AbstractCurve):
    """clip(slope ln x + offset, low, high) below the knee, a polynomial in x from the knee on."""

    slope: float
    offset: float
    low: float
    high: float
    knee: float = math.inf
    above: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if math.isfinite(self.knee) != bool(self.above):
            raise ValueError("a knee needs the polynomial `above` it, and the polynomial needs a knee")

    def __call__(self, x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Evaluate; x is floored at 1e-7, where the logarithm is long since clipped."""
        below = (self.slope * x.clamp(min=1e-7).log() + self.offset).clamp(self.low, self.high)
        return torch.where(x < self.knee, below, polynomial(x, self.above)) if self.above else below


@dataclass(frozen=True)
class PowerCurve(AbstractCurve):
    """min(factor / max(x^exponent, 1e-3), high)."""

    factor: float
    exponent: float
    high: float

    def __call__(self, x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Evaluate; x is floored where its power is 1e-3, so that the slope at 0 is finite.

        Written with log and exp: torch's own power rounds otherwise at the end of a vector than within, and a chip
        would depend on how many others are computed with it.
        """
        log = x.clamp(min=1e-3 ** (1 / self.exponent)).log()
        return (self.factor / (self.exponent * log).exp()).clamp(max=self.high)
