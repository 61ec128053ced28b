"""A layer on a chip as designed: what training multiplies with, cheap enough to be made anew at every step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mho.arrays import Wires

from ._base import CellDraws
from ._layout import AbstractLayout
from ._state import ArrayState
from ._wiring import Wiring

if TYPE_CHECKING:
    from ._analog import AnalogTile


def design(
    tile: AnalogTile,
    layout: AbstractLayout,
    weights: Tensor,
    full_scale: Float[Tensor, "R S"],
    signed: bool,
    trim: tuple[float, float],
    written: CellDraws | None,
) -> ArrayState:
    """Return the state of one chip whose converters are alike, with cells at their targets or as `written`.

    Wires are in it where they are cheap (`closed` and `sweeps`); `exact` ones count as `closed`.
    """
    gain, offset = trim
    low, high = tile.converter.codes(tile.bipolar(signed))
    digits = _digits(tile, layout.split_weight(weights), written).unsqueeze(0)
    lsb = (full_scale / high)[:, :, None]  # [R, S, 1]
    significance = weights.new_tensor(tile.weights.significance)[:, None]
    _, groups, row_tiles, slices, _, columns = digits.shape
    shape = (1, groups, row_tiles, slices, columns)
    coefficient = (lsb * (significance / gain)).expand(shape)
    unit = weights.new_tensor(tile.weights.full_digits) * tile.inputs.pulse_steps / (full_scale / high)
    noise = torch.zeros_like(unit) if tile.principle is None else unit * tile.principle.noise(tile.rows)
    return ArrayState(
        matrix=layout.arrange(digits / lsb.unsqueeze(-2)),
        offset=torch.zeros_like(coefficient),
        biased=False,
        coefficient=coefficient,
        constant=coefficient.sum((2, 3)) * offset,
        low=low,
        high=high,
        bit_weights=None,
        row_conductance=digits.new_zeros(()),
        chips=1,
        noise=(noise.square() + tile.noise_lsb**2).sqrt(),
        unit=unit[:, :, None].expand(shape),
    )


def _digits(
    tile: AnalogTile, split: Float[Tensor, "G R K N"], written: CellDraws | None
) -> Float[Tensor, "G R S K N_"]:
    wires = _cheap(tile.wires)
    if written is None and wires is None and tile.principle is None:
        return tile.ideal_digits(split)
    bottom, top = tile.cell.range
    states = tile.weights.targets(split)
    if written is not None or wires is not None:
        g = bottom + states * (top - bottom)
        if written is not None:
            g = tile.cell.conductance(g, written.draws, written.time)
        if wires is not None:
            g = Wiring(wires, tile.weights, tile.rows, tile.cols, tile.spare_columns).through(g.unsqueeze(0))[0]
        states = (g - bottom) / (top - bottom)
    if tile.principle is not None:
        states = tile.principle.weights(states, {name: torch.zeros_like(states) for name in tile.principle.draws})
    return tile.weights.digits(states)


def _cheap(wires: Wires | None) -> Wires | None:
    if wires is None or wires.sweeps == 0:
        return None
    return wires if wires.sweeps < 10 else replace(wires, ir_drop="closed")
