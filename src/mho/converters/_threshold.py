"""`AbstractThresholdConverter`: what converters have in common whose code counts transition levels below a signal."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Ratio

from ._base import AbstractConverter
from ._search import search_


@dataclass(frozen=True)
class AbstractThresholdConverter(AbstractConverter):
    """A converter that samples its signal and that its transition levels describe."""

    bit_range = (1, 12)
    conversion_noise: Annotated[float, NotNegative] = field(default=0.0, kw_only=True)
    """Standard deviation of the noise of one conversion, in LSB."""
    mismatch: Annotated[Ratio, NotNegative] = field(default=0.0, kw_only=True)
    """Standard deviation of what each transition level has to itself; see `transitions`."""

    @property
    @abstractmethod
    def bent(self) -> bool:
        """Whether columns as designed have transition levels beside the middle of two codes."""

    @abstractmethod
    def transitions(self, nominal: Float[Tensor, "levels"], z: Tensor | None) -> Float[Tensor, "*columns levels"]:
        """Return transition levels in LSB from the lowest code, `nominal` being those between equal steps.

        `z` is standard normal, `[*columns, mismatches]`; None for a column as designed.
        """

    @property
    def mismatches(self) -> int:
        """One for each transition level."""
        return 2**self.bits - 1 if self.mismatch else 0

    @property
    def noise(self) -> float:
        """Noise of one conversion."""
        return self.conversion_noise

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return the transition levels; None where they lie in the middle of two codes."""
        z = z if self.mismatches else None
        if z is None and not self.bent:
            return None
        return self.transitions(torch.arange(1.0, 2**self.bits) - 0.5, z).sort(-1).values

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Count the transition levels at or below the signal; round where there are none."""
        return signal.round_().clamp_(low, high) if profile is None else search_(signal, low, high, profile)
