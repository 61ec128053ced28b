"""The product of a layer: encode, multiply, convert, combine."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mho.core import matrix_units

from ._layout import AbstractLayout
from ._state import ArrayState

if TYPE_CHECKING:
    from ._analog import AnalogTile

_CHUNK = 1 << 22
"""Partial sums that are held at once: 16 MiB, so that the passes over them stay in cache, and calls are few."""


def multiply(
    tile: AnalogTile, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool, noise: Tensor | None
) -> Tensor:
    """Encode, multiply, convert and combine, in chunks of images that keep the partial sums in cache.

    Where no code can differ from its partial sum, all phases and slices are one product of integers.
    """
    instances = state.instances
    if x.shape[0] != instances:
        x = x.expand(instances, *x.shape[1:])
    if state.integers is not None:
        return _collapsed(tile, layout, state.integers, x)
    compiling = torch.compiler.is_compiling()  # a compiler fuses the passes, and wants any size of batch
    per_image = layout.positions(x) * state.offset.numel() * len(tile.inputs.significance(signed))
    if instances > 1 and per_image > _CHUNK and state.circuit is None and not compiling:
        return torch.cat(
            [
                multiply(
                    tile, layout, state.alone(i), x[i : i + 1], signed,
                    None if noise is None else noise[i % state.chips : i % state.chips + 1],
                )
                for i in range(instances)
            ]
        )  # fmt: skip
    if compiling or x.shape[1] * per_image <= _CHUNK:
        return _convert(tile, layout, state, x, signed, noise)
    step = max(1, _CHUNK // per_image)
    starts = range(0, x.shape[1], step)
    images = (slice(start, start + step) for start in starts)
    return torch.cat(
        [
            _convert(tile, layout, state, x[:, some], signed, None if noise is None else noise[:, some])
            for some in images
        ],
        1,
    )


def _collapsed(tile: AnalogTile, layout: AbstractLayout, integers: Tensor, x: Tensor) -> Tensor:
    largest = layout.row_tiles * layout.rows * max(map(abs, tile.weight_range)) * 2**tile.inputs.resolution
    with matrix_units(False):
        p = layout.partials(integers, x.unsqueeze(0))
    y = layout.combine(p.double() if largest > 2**24 else p, x)
    if tile.weights.reference_column:
        y = y[..., :-1, :] - y[..., -1:, :]
    return layout.output(y, x).to(x.dtype)


def _convert(
    tile: AnalogTile, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool, noise: Tensor | None
) -> Tensor:
    """Multiply some images, conversion by conversion."""
    pulses = tile.inputs.encode(x, signed)
    if state.circuit is None:
        driven = tile.driven(pulses)
        # What matrix units would round: pulses of more than 8 bits, or between steps.
        coarse = tile.inputs.pulse_steps > 256 or driven is not pulses
        with matrix_units(False) if coarse else nullcontext():
            p = layout.partials(state.matrix, driven)
            if state.slope is not None and state.share is not None:
                p.addcmul_(layout.partials(state.slope, driven), layout.partials(state.share, driven))
    else:
        level = tile.inputs.energy_exponent == 2
        driven = tile.dac.levels(pulses, tile.inputs.pulse_steps) if level else pulses
        p = _solved(tile, layout, state, driven)
    if tile.principle is not None and not tile.principle.linear:
        unit = layout.spread(state.unit)
        p = tile.principle.transfer(p.div_(unit), tile.rows).mul_(unit)
    if noise is not None:
        _add_noise(tile, layout, state, p, driven, layout.spread_noise(noise))
    if state.biased:
        p.add_(layout.spread(state.offset))
    weights = None if state.profile is None else layout.spread(state.profile)
    p = tile.converter.quantise_(p, state.low, state.high, weights)
    p.mul_(layout.spread(state.coefficient))
    significance = tile.inputs.significance(signed)
    if significance != (1.0,):
        p.mul_(layout.spread_phases(x.new_tensor(significance)))
    y = layout.combine(p, x)
    slices = state.offset.shape[3]
    if slices > 1:
        i, b, g, _, length = y.shape
        y = y.reshape(i, b, g, slices, -1, length).sum(3)
    y = y - (state.constant * sum(significance))[:, None, :, :, None]
    if tile.weights.reference_column:
        y = y[..., :-1, :] - y[..., -1:, :]
    return layout.output(y, x)


def _add_noise(
    tile: AnalogTile, layout: AbstractLayout, state: ArrayState, p: Tensor, driven: Tensor, z: Tensor
) -> None:
    """Add standard normal `z` times the noise of each conversion to the partial sums."""
    view = layout.split_instances(p, state.chips)
    jitter = tile.dac.noise
    if tile.principle is None and state.read_variance is None and not jitter:
        view.add_(z, alpha=tile.noise_lsb)
        return
    scale = layout.spread(state.noise[:, :, None].expand(1, *state.offset.shape[1:]))
    powers: list[Tensor] = []
    if state.read_variance is not None:
        powers.append(layout.partials(state.read_variance, driven.square().to(state.read_variance.dtype)).float())
    if jitter:  # of each row that is driven; what a row has in common for all columns is drawn for each
        powers.append(layout.partials(state.matrix.square() * jitter**2, (driven != 0).to(driven.dtype)))
    if powers:
        for other in powers[1:]:
            powers[0].add_(other)
        scale = powers[0].add_(scale.square()).sqrt_()
    view.addcmul_(z, layout.split_instances(scale, state.chips if scale.shape == p.shape else 1))


def _solved(tile: AnalogTile, layout: AbstractLayout, state: ArrayState, pulses: Tensor) -> Tensor:
    """Return the partial sums of pulses `[P, I, B, ...]` as the circuit gives them, in the order of the layout."""
    assert state.circuit is not None
    assert state.scale is not None
    phases, instances, images = pulses.shape[:3]
    vectors = torch.stack([torch.cat([layout.gather(x) for x in pulses[:, i]], 2) for i in range(instances)])
    sums = state.circuit.sums(vectors) * state.scale.unsqueeze(-2)  # [I, G, R, S, P B L, N]
    sums = sums.unflatten(4, (phases, images, -1)).permute(0, 5, 4, 1, 2, 3, 7, 6)
    return layout.order_partials(sums)
