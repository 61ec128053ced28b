"""A layer on written chips, folded into as few tensors as a product needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Seed

from ._base import Condition
from ._layout import AbstractLayout
from ._realise import realise
from ._state import ArrayState, Realisation

if TYPE_CHECKING:
    from ._analog import AnalogTile


def program(
    tile: AnalogTile,
    layout: AbstractLayout,
    weights: Tensor,
    full_scale: Float[Tensor, "R S"],
    chips: Sequence[Seed],
    conditions: Sequence[Condition],
    signed: bool,
    codebook: Tensor | None = None,
) -> ArrayState:
    """Realise the layer and fold converter gain, corrections and drift factors into two tensors."""
    real = realise(tile, layout, weights, full_scale, chips, conditions, signed, codebook)
    lsb = real.lsb[:, :, None]  # [R, S, 1]
    significance = torch.tensor(tile.weights.significance)[:, None]
    coefficient = lsb * significance / real.gain_correction * real.drift_factor.unsqueeze(3)

    def arranged(digits: Tensor) -> Tensor:
        return layout.fixed(layout.arrange(digits * (real.gain / lsb).unsqueeze(-2)))

    return ArrayState(
        matrix=arranged(real.digits - real.load * real.slope if real.slope is not None else real.digits),
        slope=arranged(real.slope) if real.slope is not None else None,
        share=layout.fixed(layout.arrange(real.share)) if real.share is not None else None,
        offset=real.offset,
        biased=bool(real.offset.any()),
        coefficient=coefficient,
        constant=(coefficient * real.offset_correction).sum((2, 3)),
        low=real.low,
        high=real.high,
        profile=real.profile,
        row_conductance=real.row_conductance,
        chips=real.chips,
        noise=real.noise,
        unit=real.unit[:, :, None] * real.gain,
        states=real.states,
        circuit=real.circuit,
        scale=real.gain / lsb if real.circuit is not None else None,
        read_variance=_read_variance(tile, layout, real),
        integers=_integers(tile, layout, real),
    )


def _read_variance(tile: AnalogTile, layout: AbstractLayout, real: Realisation) -> Tensor | None:
    if real.read_variance is None:
        return None
    scale = (real.gain / real.lsb[:, :, None]).square().unsqueeze(-2)
    return layout.fixed(layout.arrange(real.read_variance * scale)).bfloat16()


def _integers(tile: AnalogTile, layout: AbstractLayout, real: Realisation) -> Tensor | None:
    """Return the matrix of integers if no code of any input differs from its partial sum; else None."""
    straight = real.circuit is None and real.slope is None and real.profile is None and real.read_variance is None
    straight = straight and tile.principle is None and tile.noise_lsb == 0
    straight = straight and tile.dac.inl == tile.dac.noise == 0
    straight = straight and (tile.current_law is None or tile.inputs.energy_exponent != 2)
    if not straight:
        return None
    exact = bool((real.gain == 1).all() and (real.lsb == 1).all() and (real.drift_factor == 1).all())
    exact = exact and not bool(real.offset.any())
    # What the digital correction of an ideal converter leaves is the rounding of its fit.
    exact = exact and bool(((real.gain_correction - 1).abs() < 1e-5).all())
    exact = exact and bool((real.offset_correction.abs() < 1e-3).all())
    digits, steps = real.digits.round(), tile.inputs.pulse_steps
    # Sums may lie a little beside the middle of their codes: states have been conductances.
    beside = float((real.digits - digits).abs().sum(-2).max()) * steps
    if not exact or beside > 0.25 or float(digits.abs().sum(-2).max()) * steps > real.high:
        return None
    significance = torch.tensor(tile.weights.significance).reshape(-1, 1, 1)
    return layout.fixed(layout.arrange((digits * significance).sum(3, keepdim=True)))
