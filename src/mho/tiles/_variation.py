"""Process variation: conductances that differ from cell to cell, from line to line, and from chip to chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import NotNegative, Ratio, Seed, Source, normal_per_instance


@dataclass(frozen=True)
class Variation:
    """Relative, normal, frozen with the chip: g becomes g (1 + corner + chip N + line N + cell N), at least 0.

    `corner` shifts all chips alike, such as three standard deviations of `chip` for a slow or a fast one; `line` is
    common to the cells on a bit line (its access transistors, its read-out's reference), of all devices of a side.
    Source: the usual decomposition into local and global variation [pelgrom1989].
    """

    cell: Annotated[Ratio, NotNegative] = 0.0
    line: Annotated[Ratio, NotNegative] = 0.0
    chip: Annotated[Ratio, NotNegative] = 0.0
    corner: Ratio = 0.0
    sources: tuple[Source, ...] = ()

    def factors(self, chips: Sequence[Seed], shape: Sequence[int], sides: int) -> Float[Tensor, "I cells G R S K N"]:
        """Return what the conductances of a layer on some chips are multiplied with; `shape` is cells, G, R, S, K, N.

        All layers of a chip have its own part of the variation in common.
        """
        cells, groups, row_tiles, slices, _, columns = shape
        factor = torch.full((1,) * 7, 1.0 + self.corner)
        if self.chip:
            factor = factor + self.chip * _draw([c.chip for c in chips], "chip", (1,) * 6)
        if self.line:
            lines = _draw(chips, "line", (sides, groups, row_tiles, slices, 1, columns))
            factor = factor + self.line * lines.repeat_interleave(cells // sides, 1)
        if self.cell:
            factor = factor + self.cell * _draw(chips, "cell", tuple(shape))
        return factor.clamp(min=0)


def _draw(chips: Sequence[Seed], name: str, shape: tuple[int, ...]) -> Tensor:
    return normal_per_instance([c.child("variation", name) for c in chips], shape)
