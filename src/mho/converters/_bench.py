"""`bench`: what a converter measures on the bench: a ramp for its static errors, a sine for its dynamic ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mho.core import Seed

from ._base import AbstractConverter

_STEPS = 32
"""Steps of the ramp in an LSB."""
_CYCLES, _SAMPLES = 1021, 1 << 13
"""Periods and samples of the sine: coprime, so that every sample has a phase of its own."""
_FLOOR = 1e-8
"""Of a spectrum, over the sine: what rounding of the numbers leaves."""


@dataclass(frozen=True)
class Bench:
    """What some columns of a converter measure. INL and DNL in LSB.

    With reference "ends" an LSB is that of the straight line through a column's own first and last transition, so that
    gain and offset are apart; with "absolute" it is the nominal one.
    """

    transitions: Float[Tensor, "columns levels"]
    """Signals, in nominal LSB from the lowest code, at which the codes 1, 2, ... begin."""
    gain: Float[Tensor, "columns"]
    offset: Float[Tensor, "columns"]
    """Codes are about gain x signal + offset."""
    inl: Float[Tensor, "columns levels"]
    """How far each transition is from where it should be."""
    dnl: Float[Tensor, "columns steps"]
    """How much wider each step between transitions is than an LSB."""
    missing: Int[Tensor, "columns"]
    """Codes that no signal gives."""
    monotone: Bool[Tensor, "columns"]
    """Whether codes never fall while the signal rises."""
    sndr: Float[Tensor, "columns"]
    """Signal over noise and distortion of a full-scale sine in dB, after correction of gain and offset."""
    spectrum: Float[Tensor, "columns frequencies"]
    """Of the codes of that sine in dB of the sine, from 0 Hz to half the sampling rate; the mean is left out."""

    @property
    def enob(self) -> Float[Tensor, "columns"]:
        """Effective number of bits, (SNDR - 1.76 dB) / 6.02 dB."""
        return (self.sndr - 1.76) / 6.02

    @property
    def largest_inl(self) -> Float[Tensor, "columns"]:
        """Largest magnitude of a column's INL."""
        return self.inl.abs().amax(-1)

    @property
    def largest_dnl(self) -> Float[Tensor, "columns"]:
        """Largest magnitude of a column's DNL."""
        return self.dnl.abs().amax(-1) if self.dnl.shape[-1] else torch.zeros_like(self.gain)


def bench(
    converter: AbstractConverter,
    seed: Seed | None = None,
    columns: int = 64,
    reference: Literal["ends", "absolute"] = "ends",
) -> Bench:
    """Measure some columns of a converter, from its lowest to its highest code, each with errors of its own.

    Static: a slow ramp of 32 steps an LSB, averaged over noise; code density gives the transitions. Dynamic: 8,192
    samples of a sine over all codes, with noise, and the sine of least squares through them. An `adaptive` converter is
    measured with equal steps.
    """
    seed = seed or Seed(0)
    draws = {name: seed.child("bench", name).normal((columns,)) for name in ("gain", "offset")}
    draws["mismatch"] = seed.child("bench", "mismatch").normal((columns, converter.mismatches))
    errors = converter.errors(draws)
    low, high = converter.codes(False)
    levels = int(high - low)

    def convert(x: Tensor) -> Tensor:
        """Codes of signals `[columns, samples]`."""
        profile = None if errors.profile is None else errors.profile.unsqueeze(1).double()
        return converter.quantise_(
            x * errors.gain.double()[:, None] + errors.offset.double()[:, None], low, high, profile
        )

    # The ramp goes so far that the column of the lowest gain shows its highest code.
    reach = (high + 2 + 4 * converter.offset_sigma) / max(float(errors.gain.min()), 0.05)
    begin = -2 - 4 * converter.offset_sigma / max(float(errors.gain.min()), 0.05)
    ramp = torch.arange(begin, reach, 1 / _STEPS, dtype=torch.float64)
    codes = convert(ramp.expand(columns, -1))
    density = torch.zeros(columns, levels + 1, dtype=torch.float64)
    density.scatter_add_(1, (codes - low).long().clamp(0, levels), torch.ones_like(codes))
    transitions = begin + density[:, :-1].cumsum(-1) / _STEPS
    if levels > 1:
        step = (transitions[:, -1] - transitions[:, 0]) / (levels - 1)
    else:
        step = torch.ones(columns, dtype=torch.float64)
    # A converter that rounds has its first transition at half an LSB.
    first = transitions[:, 0] if reference == "ends" else torch.full_like(step, 0.5)
    lsb = step if reference == "ends" else torch.ones_like(step)
    ideal = first[:, None] + lsb[:, None] * torch.arange(levels)
    inl = (transitions - ideal) / lsb[:, None]
    dnl = transitions.diff(dim=-1) / lsb[:, None] - 1

    phase = 2 * math.pi * _CYCLES / _SAMPLES * torch.arange(_SAMPLES, dtype=torch.float64)
    gain = 1 / step
    offset = 0.5 - transitions[:, 0] * gain
    wanted = (high + low) / 2 + (high - low + 1) / 2 * torch.sin(phase)
    x = (wanted - offset[:, None]) / gain[:, None]
    noise = converter.noise * seed.child("bench", "noise").normal((columns, _SAMPLES)).double()
    got = convert(x + noise / errors.gain.double()[:, None])
    basis = torch.stack([torch.sin(phase), torch.cos(phase), torch.ones_like(phase)])
    fit = torch.linalg.lstsq(basis.T.expand(columns, -1, -1), got.unsqueeze(-1)).solution
    rest = got - (basis.T @ fit).squeeze(-1)
    power = fit[:, :2, 0].square().sum(-1) / 2
    sndr = 10 * torch.log10(power / rest.square().mean(-1).clamp(min=1e-30))
    lines = torch.fft.rfft(got - got.mean(-1, keepdim=True)).abs()
    return Bench(
        transitions.float(),
        gain.float(),
        offset.float(),
        inl.float(),
        dnl.float(),
        (density == 0).sum(-1),
        (codes.diff(dim=-1) >= 0).all(-1),
        sndr.float(),
        20 * torch.log10((lines / lines[:, _CYCLES, None]).clamp(min=_FLOOR)).float(),
    )
