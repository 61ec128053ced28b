"""Number formats of a layer: integer weights, and the ranges of inputs and converters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.converters import lloyd_max

from ._base import AbstractTile
from ._layout import AbstractLayout
from ._quantization import Quantization

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
    levels: Float[Tensor, "levels"] | None = None
    """The integers that inputs are limited to, rising; None for all within the bounds."""


def weight_integers(
    tile: AbstractTile,
    weight: Tensor,
    quantization: Quantization = Quantization(),  # noqa: B008  (a frozen value)
) -> tuple[Tensor, Tensor]:
    """Return a weight `[out, ...]` as integers (held as floats) and the steps of its columns, `[out]`.

    A column of zeros, or of numbers too small to divide, keeps a step of zero: it gives its bias, whatever its cells
    and its converter add. `tile` is that of the layer, `quantization.tile(tile)`.
    """
    low, high = tile.weight_range
    top = min(high, -low)
    scale = weight_steps(weight, top, quantization)
    divisor = torch.where(scale > 0, scale, torch.inf).reshape(-1, *[1] * (weight.dim() - 1))
    return (weight / divisor).round().clamp(-top, top), scale


def weight_steps(weight: Tensor, top: float, quantization: Quantization) -> Float[Tensor, "out"]:
    """Return the steps of the columns of a weight `[out, ...]` whose largest integer is `top`."""
    flat = weight.flatten(1)
    if quantization.per == "tensor":
        flat = flat.reshape(1, -1)
    scale = flat.abs().amax(1) / top
    if quantization.clip == "least squares":
        scale = least_squares(flat, scale, -top, top)
    return scale.expand(len(weight)).contiguous()


def least_squares(values: Tensor, widest: Tensor, low: float, high: float, least: float = 0.0) -> Tensor:
    """Return the step of each row `[*rows, n]` of least squared error, over shares of the widest one, from `least` up.

    Integers go from `low` to `high`.
    """
    best, error = widest, torch.full_like(widest, torch.inf)
    for step in range(_CANDIDATES, 0, -1):
        scale = (widest * (step / _CANDIDATES)).clamp(min=least)
        s = torch.where(scale > 0, scale, torch.inf).unsqueeze(-1)
        found = ((values / s).round().clamp(low, high) * scale.unsqueeze(-1) - values).square().sum(-1)
        best, error = torch.where(found < error, scale, best), torch.minimum(found, error)
    return best


def input_integers(
    x: Tensor, scale: float, bounds: tuple[int, int], levels: Float[Tensor, "levels"] | None = None
) -> Tensor:
    """Return inputs as integers (held as floats): the nearest ones, or of `levels` the nearest, the upper of two."""
    if levels is None:
        return (x / scale).round_().clamp_(*bounds)
    return levels[torch.bucketize(x / scale, (levels[1:] + levels[:-1]) / 2, right=True)]


def input_ranges(
    tile: AbstractTile,
    layout: AbstractLayout,
    integers: Tensor,
    x: Tensor,
    quantization: Quantization = Quantization(),  # noqa: B008
) -> Ranges:
    """Choose the ranges from some inputs `[images, ...]` of a layer with these integer weights.

    `tile` is that of the layer, `quantization.tile(tile)`.
    """
    signed = bool((x < 0).any())
    bounds = tile.input_range(signed)
    levels = None
    if quantization.inputs == "lloyd-max" and quantization.input_bits is not None:
        scale, levels = input_levels(x, quantization.input_bits, bounds)
    else:
        scale = input_scale(x, bounds)
    images = max(1, min(len(x), _VECTORS // max(1, layout.positions(x.unsqueeze(0)))))
    some = input_integers(x[:: max(1, len(x) // images)], scale, bounds, levels)
    full_scale = tile.full_scale(layout, integers, some, signed, quantization.adc_range == "least squares")
    codebook = tile.codebook(layout, integers, full_scale, some, signed)
    return Ranges(scale, bounds, signed, full_scale, codebook, levels)


def input_levels(x: Tensor, bits: int, bounds: tuple[int, int]) -> tuple[float, Float[Tensor, "levels"]]:
    """Return a scale and at most 2^bits integers: the levels of least squared error that drivers can give.

    The largest level by magnitude becomes the largest integer, and the others the nearest ones; two that meet are one.
    The level nearest to zero is zero: a line that is not driven, which is what padding and a ReLU mostly give.
    """
    flat = _some(x)
    if not float(x.abs().max()):
        return 1.0, torch.zeros(1)
    found = lloyd_max(flat, bits).levels
    found[found.abs().argmin()] = 0.0
    scale = max(float((found / bound).max()) for bound in bounds if bound)
    return scale, (found / scale).round().clamp(*bounds).unique()


def _some(x: Tensor) -> Tensor:
    """Return an even sample of some values."""
    flat = x.flatten()
    if flat.numel() <= _SAMPLE:
        return flat
    # Single precision may end one past the last of more than 2^24 values.
    return flat[torch.linspace(0, flat.numel() - 1, _SAMPLE).long().clamp(max=flat.numel() - 1)]


def input_scale(x: Tensor, bounds: tuple[int, int]) -> float:
    """Return the scale of least squared rounding and clipping error over a grid of clipping points."""
    flat = _some(x)
    largest = float(x.abs().max())
    if largest == 0:
        return 1.0
    best = (float("inf"), 1.0)
    for step in range(1, _CANDIDATES + 1):
        scale = largest * step / _CANDIDATES / bounds[1]
        error = float(((flat / scale).round().clamp(*bounds) * scale - flat).square().mean())
        best = min(best, (error, scale))
    return best[1]
