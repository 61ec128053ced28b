"""Number formats of a layer: integer weights per column, and the ranges of inputs and converters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ._base import AbstractTile
from ._layout import AbstractLayout

_CANDIDATES = 40
_SAMPLE = 1 << 17
_VECTORS = 4096
"""Input vectors that the converter's full scale is found from."""


@dataclass(frozen=True)
class Ranges:
    """How the inputs of a layer become integers, and what its converters span."""

    scale: float
    """One step of an input."""
    bounds: tuple[int, int]
    """The smallest and largest integer."""
    signed: bool
    full_scale: Float[Tensor, "R S"]
    """Of the converters of each row tile and slice, in units of digit x step."""
    codebook: Float[Tensor, "G_ R S_ N_ 2 levels"] | None = None
    """Transition levels and levels of adaptive converters, in LSB from the lowest code; G, S and N may be 1."""


def weight_integers(tile: AbstractTile, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return a weight `[out, ...]` as integers (held as floats) and the steps of its columns, `[out]`.

    A column of zeros, or of numbers too small to divide, keeps a step of zero: it gives its bias, whatever its cells
    and its converter add.
    """
    low, high = tile.weight_range
    top = min(high, -low)
    scale = weight.flatten(1).abs().amax(1) / top
    divisor = torch.where(scale > 0, scale, torch.inf).reshape(-1, *[1] * (weight.dim() - 1))
    return (weight / divisor).round().clamp(-top, top), scale


def input_ranges(tile: AbstractTile, layout: AbstractLayout, integers: Tensor, x: Tensor) -> Ranges:
    """Choose the ranges from some inputs `[images, ...]` of a layer with these integer weights."""
    signed = bool((x < 0).any())
    bounds = tile.input_range(signed)
    scale = input_scale(x, bounds)
    quantised = (x / scale).round().clamp(*bounds)
    images = max(1, min(len(x), _VECTORS // max(1, layout.positions(x.unsqueeze(0)))))
    some = quantised[:: max(1, len(x) // images)]
    full_scale = tile.full_scale(layout, integers, some, signed)
    return Ranges(scale, bounds, signed, full_scale, tile.codebook(layout, integers, full_scale, some, signed))


def input_scale(x: Tensor, bounds: tuple[int, int]) -> float:
    """Return the scale of least squared rounding and clipping error over a grid of clipping points."""
    flat = x.flatten()
    if flat.numel() > _SAMPLE:
        flat = flat[torch.linspace(0, flat.numel() - 1, _SAMPLE).long()]
    largest = float(x.abs().max())
    if largest == 0:
        return 1.0
    best = (float("inf"), 1.0)
    for step in range(1, _CANDIDATES + 1):
        scale = largest * step / _CANDIDATES / bounds[1]
        error = float(((flat / scale).round().clamp(*bounds) * scale - flat).square().mean())
        best = min(best, (error, scale))
    return best[1]
