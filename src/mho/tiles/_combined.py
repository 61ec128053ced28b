"""`Combined`: slices whose lines are scaled and added before one converter, not shifted and added behind several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ._weights import AbstractWeightEncoding


@dataclass(frozen=True)
class Combined(AbstractWeightEncoding):
    """The slices of another encoding, each line's current (or capacitor) scaled by what its slice counts for.

    One conversion a column takes the place of one a slice, of a sum that is as much larger: with an ideal converter
    that resolves it, the result is the same. Scaling is exact here; mirrors that mismatch are not modelled.

    Source: [singh2025], multi-significance by analogue scaling.
    """

    slices: AbstractWeightEncoding

    def __post_init__(self) -> None:
        if self.slices.reference_column or self.slices.sides > 1:
            raise ValueError(
                f"slices that are combined need lines of their own, such as those of BitSliced, not "
                f"{type(self.slices).__name__}"
            )

    @property
    def resolution(self) -> int:
        """Weight bits."""
        return self.slices.resolution

    def at_bits(self, bits: int) -> Combined:
        """As the slices."""
        return replace(self, slices=self.slices.at_bits(bits))

    @property
    def weight_range(self) -> tuple[int, int]:
        """As the slices'."""
        return self.slices.weight_range

    @property
    def significance(self) -> tuple[float, ...]:
        """One sum."""
        return (1.0,)

    @property
    def unsigned(self) -> bool:
        """Whether no slice subtracts."""
        return self.slices.unsigned and min(self.slices.significance) > 0

    @property
    def cells_per_weight(self) -> int:
        """As the slices'."""
        return self.slices.cells_per_weight

    @property
    def lines_per_weight(self) -> int:
        """One for each slice."""
        return self.slices.lines_per_weight

    @property
    def full_digits(self) -> tuple[float, ...]:
        """The largest that one cell counts for."""
        return (max(abs(s) * d for s, d in zip(self.slices.significance, self.slices.full_digits, strict=True)),)

    def targets(self, weights: Float[Tensor, "*d rows cols"]) -> Float[Tensor, "cells *d slices rows cols_"]:
        """Return the states of all slices, as cells of one sum."""
        return self.slices.targets(weights).movedim(-3, 0).flatten(0, 1).unsqueeze(-3)

    def digits(self, states: Float[Tensor, "cells *d"]) -> Float[Tensor, "*d"]:
        """Scale the digits of each slice and add them."""
        count = len(self.slices.significance)
        each = states.squeeze(-3).unflatten(0, (count, -1)).movedim(0, -3)
        scale = torch.tensor(self.slices.significance).to(states).reshape(-1, 1, 1)
        return (self.slices.digits(each) * scale).sum(-3, keepdim=True)
