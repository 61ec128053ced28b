"""A layer on a chip as designed: what training multiplies with, cheap enough to be made anew at every step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mho.converters import ColumnErrors
from mho.core import Second, Seed

from ._base import DesignPoint
from ._conv_layout import AbstractConvLayout
from ._layout import AbstractLayout
from ._realise import by_line, profile_by_line
from ._state import ArrayState
from ._wiring import Wiring

if TYPE_CHECKING:
    from ._analog import AnalogTile

_CELLS = 4096
"""Cells that are surveyed for each integer weight."""
_CHUNK = 1 << 17
"""Weights whose errors are made at once."""
_SWEEPS = 2
"""Alternating solutions of the lines that stand in for an exact one."""


def design_point(
    tile: AnalogTile,
    layout: AbstractLayout,
    weights: Tensor,
    signed: bool,
    time: Second | None,
    moments: Float[Tensor, "2 S weights"] | None,
) -> DesignPoint:
    """Fit a converter without errors, solve the wires for these weights and survey cells of every weight."""
    low, high = tile.converter.codes(tile.bipolar(signed))
    ideal = ColumnErrors(torch.ones(1), torch.zeros(1), tile.converter.profile(None))
    fit = tile.post.held(tile.converter.calibrate(ideal, low, high))
    trim = (float(fit.gain), float(fit.offset))
    return DesignPoint(trim, _losses(tile, layout, weights), _moments(tile, time) if moments is None else moments)


def design(
    tile: AnalogTile,
    layout: AbstractLayout,
    weights: Tensor,
    full_scale: Float[Tensor, "R S"],
    signed: bool,
    point: DesignPoint,
    z: Float[Tensor, "S *weights"] | None,
    codebook: Tensor | None = None,
    spread: Tensor | None = None,
) -> ArrayState:
    """Return the state of one chip, whose converters are alike but for their levels; see `AbstractTile.design`."""
    gain, offset = point.trim
    low, high = tile.converter.codes(tile.bipolar(signed))
    digits = _digits(tile, layout, weights, point, z)
    lsb = (full_scale / high)[:, :, None]  # [R, S, 1]
    significance = weights.new_tensor(tile.weights.significance)[:, None]
    groups, row_tiles, slices, rows, columns = digits.shape
    shape = (1, groups, row_tiles, slices, columns)
    coefficient = (lsb * (significance / gain)).expand(shape)
    unit = weights.new_tensor(tile.weights.full_digits) * tile.inputs.pulse_steps / (full_scale / high)
    noise = torch.zeros_like(unit) if tile.principle is None else unit * tile.principle.noise(tile.rows)
    # Digits with errors are nobody else's; memory that is not asked for anew is half of the time of large layers.
    own = z is not None and point.moments is not None
    digits = digits.div_(lsb.unsqueeze(-2)) if own else digits / lsb.unsqueeze(-2)
    matrix = layout.arrange(digits.unsqueeze(0))
    return ArrayState(
        # A linear layer's matrix is read once or twice: as it lies.
        matrix=layout.fixed(matrix) if isinstance(layout, AbstractConvLayout) else matrix,
        offset=torch.zeros_like(coefficient),
        biased=False,
        coefficient=coefficient,
        constant=coefficient.sum((2, 3)) * offset,
        low=low,
        high=high,
        profile=_profile(tile, codebook, spread, shape, digits),
        row_conductance=digits.new_zeros(1, groups, row_tiles, rows),
        chips=1,
        noise=(noise.square() + tile.noise_lsb**2).sqrt(),
        unit=unit[:, :, None].expand(shape),
    )


def _profile(
    tile: AnalogTile, codebook: Tensor | None, spread: Tensor | None, shape: tuple[int, ...], like: Tensor
) -> Tensor | None:
    z = None if spread is None else by_line(spread[None], tile.columns_per_converter, *shape[3:])
    profile = tile.converter.profile(z, codebook)
    if profile is None:
        return None
    profile = profile.reshape(*[1] * (len(shape) + 1 - profile.dim()), *profile.shape).to(like.device)
    return profile_by_line(profile, *shape[3:])


def _digits(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, point: DesignPoint, z: Tensor | None
) -> Float[Tensor, "G R S K N_"]:
    split = layout.split_weight(weights)
    if tile.principle is not None:
        states = tile.weights.targets(split)
        draws = {name: torch.zeros_like(states) for name in tile.principle.draws}
        digits = tile.weights.digits(tile.principle.weights(states, draws))
    else:
        digits = tile.ideal_digits(split)
    if z is not None and point.moments is not None:
        digits = _errors(tile, layout, weights, point.moments, z).add_(digits)
    return digits if point.losses is None else digits * point.losses


def _errors(
    tile: AnalogTile, layout: AbstractLayout, weights: Tensor, moments: Tensor, z: Tensor
) -> Float[Tensor, "G R S K N_"]:
    """Return how far digits are off: mean and spread by weight, so that one draw is enough for all cells of it.

    A reference column has none: its error would be common to all columns.
    """
    flat, low = weights.flatten(), tile.weight_range[0]
    chunk = flat.numel() if torch.compiler.is_compiling() else _CHUNK  # what comes between stays in cache
    slices: list[Tensor] = []
    for mean, spread, one in zip(*moments, z, strict=True):
        error = torch.empty_like(one).flatten()
        for out, some, normal in zip(error.split(chunk), flat.split(chunk), one.flatten().split(chunk), strict=True):
            index = (some - low).to(torch.int32)
            out.copy_(mean.index_select(0, index).addcmul_(spread.index_select(0, index), normal))
        slices.append(layout.split_weight(error.reshape(weights.shape)))
    errors = slices[0].unsqueeze(2) if len(slices) == 1 else torch.stack(slices, 2)
    return torch.nn.functional.pad(errors, (0, 1)) if tile.weights.reference_column else errors


def _moments(tile: AnalogTile, time: Second | None) -> Float[Tensor, "2 S weights"] | None:
    """Survey the cells: the same numbers for equal tiles."""
    if not tile.cell.effects:
        return None
    low, high = tile.weight_range
    weights = torch.arange(low, high + 1, dtype=torch.float32)[:, None]
    ideal = tile.weights.ideal_digits(weights)[..., 0]  # [S, weights]
    states = tile.weights.targets(weights)[..., 0]  # [cells, S, weights]
    bottom, top = tile.cell.range
    target = (bottom + states * (top - bottom)).unsqueeze(-1).expand(*states.shape, _CELLS)
    draws = {name: Seed(0).child("survey", name).normal(target.shape) for name in tile.cell.draws}
    g = tile.cell.conductance(target, draws, time)
    digits = tile.weights.digits((g - bottom) / (top - bottom))  # [S, weights, survey]
    errors = digits - ideal.unsqueeze(-1)
    return torch.stack([errors.mean(-1), errors.std(-1)])


def _losses(tile: AnalogTile, layout: AbstractLayout, weights: Tensor) -> Float[Tensor, "G R S K N"] | None:
    if tile.wires is None or tile.wires.sweeps == 0:
        return None
    cheap = "closed" if tile.wires.gates else f"sweeps({_SWEEPS})"
    few = tile.wires if math.isfinite(tile.wires.sweeps) else replace(tile.wires, ir_drop=cheap)
    bottom, top = tile.cell.range
    # A cell that is off has a share of the lines' voltage, too: it is given a thousandth to tell it.
    states = tile.weights.targets(layout.split_weight(weights)).clamp(min=1e-3)
    g = bottom + states * (top - bottom)
    wiring = Wiring(few, tile.weights, tile.rows, tile.cols, tile.spare_columns)
    return (wiring.through(g.unsqueeze(0))[0] / g).mean(0)
