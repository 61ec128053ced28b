"""Transition levels: finding the code of a signal among them, and shapes that they take."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def search_(signal: Tensor, low: float, high: float, transitions: Float[Tensor, "*columns levels"]) -> Tensor:
    """Replace a signal in LSB by `low` plus the number of transition levels at or below it, at most `high`.

    `transitions`, 2^bits - 1 rising ones from that of the first code upwards, are counted from `low`; they broadcast
    against `[*signal, levels]`.
    """
    return signal.copy_(count(signal.sub_(low), transitions)).add_(low).clamp_(low, high)


def count(signal: Tensor, transitions: Float[Tensor, "*columns levels"]) -> Tensor:
    """Return how many of 2^bits - 1 rising transition levels lie at or below each signal: a binary search, integers."""
    levels = transitions.shape[-1]
    flat = transitions.contiguous().flatten()
    if flat.numel() == levels:  # one for all
        return torch.bucketize(signal, flat.to(signal.dtype), right=True)
    first = torch.arange(0, flat.numel(), levels, device=signal.device).reshape(transitions.shape[:-1]) - 1
    at = first.expand(signal.shape).clone()
    for bit in reversed(range((levels + 1).bit_length() - 1)):
        step = 1 << bit
        at.add_((signal >= flat[at + step]), alpha=step)
    return at.sub_(first)


def bowed(transitions: Tensor, span: float, bow: float) -> Tensor:
    """Shift transition levels by a parabola of `bow` times `span` in the middle of `[0, span]`."""
    share = transitions / span
    return transitions + 4 * bow * span * share * (1 - share)
