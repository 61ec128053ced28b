"""What the converters of a layer span: full scales and codebooks, from ideal partial sums of some inputs."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mho.converters import lloyd_max
from mho.core import RangeWarning

from ._layout import AbstractLayout, subsample
from ._ranges import least_squares

if TYPE_CHECKING:
    from ._analog import AnalogTile

_VALUES_PER_LEVEL = 10
"""So many sums for each level a codebook should be fitted to."""
_COVERAGE = 0.9999
"""Share of the partial sums of the calibration inputs that the full scale covers."""
_SUMS = 1 << 17
"""So many sums of a row tile and slice, about, for the full scale of least error."""


def full_scale(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool, clip: bool = False
) -> Float[Tensor, "R S"]:
    """Cover all but 1 in 10,000 of the partial sums of up to 512 input vectors a phase, with ideal cells.

    With `clip` it is the share of that, of forty, whose codes have the least squared error; converters that are
    `adaptive` have levels for that instead. One LSB is never made smaller than one digit times one step: a finer one
    would resolve nothing.
    """
    low, high = tile.converter.codes(tile.bipolar(signed))
    partial = _ideal_partials(tile, layout, weights, x, signed).flatten(2)
    size = partial.abs()
    index = max(1, math.ceil(_COVERAGE * size.shape[-1]))
    covered = size.kthvalue(index, dim=-1).values.clamp(min=high)
    if not clip or tile.converter.adaptive:
        return covered
    many = partial.shape[-1]
    # No whole stride: it could meet the same columns again and again.
    some = partial[..., torch.linspace(0, many - 1, min(many, _SUMS), dtype=torch.float64).long()]
    return least_squares(some, covered / high, low, high, least=1.0) * high


def codebook(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, full_scale: Float[Tensor, "R S"], x: Tensor, signed: bool
) -> Float[Tensor, "G_ R S_ N_ 2 levels"] | None:
    """Fit those of least squared error to the partial sums of some inputs, in LSB of each line; see `lloyd_max`.

    A converter has one codebook for all lines that it reads, as its `converters_per_codebook` says together with
    its neighbours or all of its row tile.
    """
    if not tile.converter.adaptive:
        return None
    low, high = tile.converter.codes(tile.bipolar(signed))
    partial = _ideal_partials(tile, layout, weights, x, signed)
    lines = partial * (high / full_scale)[:, :, None, None, None, None] - low
    slices, columns = lines.shape[1], lines.shape[5]
    lines = lines.permute(0, 3, 5, 1, 2, 4).flatten(4).flatten(2, 3)  # [R, G, N S, P M]: as they lie
    together = tile.converter.converters_per_codebook * tile.columns_per_converter
    if not together:
        found = lloyd_max(lines.flatten(1), tile.converter.resolution).tensor()  # [R, 2, levels]
        return found[None, :, None, None]
    few = lines.shape[-1] * min(together, lines.shape[2])
    if few < _VALUES_PER_LEVEL * 2**tile.converter.resolution:
        warnings.warn(
            f"levels of {tile.converter.resolution} bits were fitted to {few} sums a converter; give at least "
            f"{_VALUES_PER_LEVEL * 2**tile.converter.resolution}, by more images for calibration or a larger group",
            RangeWarning,
            stacklevel=5,
        )
    each = [
        lloyd_max(some.flatten(2), tile.converter.resolution)
        .tensor()
        .unsqueeze(2)
        .expand(-1, -1, some.shape[2], -1, -1)
        for some in lines.split(together, 2)
    ]
    found = torch.cat(each, 2).unflatten(2, (columns, slices))  # [R, G, N, S, 2, levels]
    return found.permute(1, 0, 3, 2, 4, 5).contiguous()


def _ideal_partials(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool
) -> Float[Tensor, "R S P G M N"]:
    """Return what the lines sum for up to 512 input vectors a phase, with ideal cells."""
    digits = tile.ideal_digits(layout.split_weight(weights))
    pulses = torch.stack([subsample(layout.gather(p)) for p in tile.inputs.encode(x, signed)])
    return torch.einsum("pgrmk,grskn->rspgmn", pulses, digits)
