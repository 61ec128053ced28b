"""The Q-cell: an analog content-addressable memory cell whose two memristors set the edges of a window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Positive, Siemens, Source, Volt

_THERMAL = 0.02585
"""Thermal voltage at 300 K."""


@dataclass(frozen=True)
class QCell:
    """Two inverters of a transistor under a memristor, which pull a precharged line low outside of a window.

    Input at the gate of T1, whose drain, node A, hangs on memristor M1 from the upper rail: A falls as the input rises,
    and turns T2 off at the lower edge. The second branch, T3 under M2, drives an inverter: its output B rises at the
    upper edge and turns T4 on. The output is high below the lower edge and above the upper one. An edge is the input
    at which a transistor carries G (v_high - v_switch), with the node at v_switch:

        I = 2 n k phi^2 (ln^2(1 + e^((v_gs - v_t) / 2 n phi)) - ln^2(1 + e^((v_gs - v_t - n v_ds) / 2 n phi))),

    the transistor in one equation from weak to strong inversion [enz1995]. It is monotone in G, and its inverse is the
    equation itself.

    Source: [hong2025], circuit of the released schematic. The parameters were fitted by us on the published sweep of
    node A (Fig. 2b: 551 points, 1.4 mV rms), where the memristors are not named: each is taken as `reference`.
    """

    v_high: Annotated[Volt, Positive]
    """Rail above the memristors."""
    v_low: Annotated[Volt, Positive]
    """Rail below the transistors."""
    v_switch: Annotated[Volt, Positive]
    """Node voltage at which what follows it switches."""
    v_threshold: Annotated[Volt, Positive]
    slope: Annotated[float, Positive]
    """n, the slope factor of weak inversion."""
    strength: tuple[float, float]
    """k of T1 and T3 over `reference`, in 1/V."""
    reference: Annotated[Siemens, Positive]
    """Conductance that the strengths count from."""
    sources: tuple[Source, ...] = ()

    def current(self, v_in: Tensor, v_node: Tensor, branch: int = 0) -> Tensor:
        """Return the current of T1 (branch 0) or T3 (1), in A, for an input and a voltage of its node."""
        gate, drain = v_in - self.v_low, v_node - self.v_low
        width = 2 * self.slope * _THERMAL
        ahead = torch.nn.functional.softplus((gate - self.v_threshold) / width)
        behind = torch.nn.functional.softplus((gate - self.v_threshold - self.slope * drain) / width)
        scale = self.strength[branch] * self.reference * width * _THERMAL
        return scale * (ahead.square() - behind.square())

    def spice(self, v_in: str, v_node: str, branch: int = 0) -> str:
        """Return `current` as an expression for SPICE, of two voltages counted from `v_low`."""
        width = 2 * self.slope * _THERMAL
        scale = self.strength[branch] * self.reference * width * _THERMAL
        ahead = f"ln(1+exp(({v_in}-{self.v_threshold!r})/{width!r}))"
        behind = f"ln(1+exp(({v_in}-{self.v_threshold!r}-{self.slope!r}*{v_node})/{width!r}))"
        return f"{scale!r}*({ahead}-{behind})*({ahead}+{behind})"

    def node(self, v_in: Tensor, conductance: Tensor | float, branch: int = 0) -> Tensor:
        """Return the voltage of a branch's node for some inputs, by bisection."""
        below = torch.full_like(v_in, self.v_low)
        above = torch.full_like(v_in, self.v_high)
        for _ in range(50):
            middle = (below + above) / 2
            rises = conductance * (self.v_high - middle) > self.current(v_in, middle, branch)
            below, above = torch.where(rises, middle, below), torch.where(rises, above, middle)
        return (below + above) / 2

    def conductance(self, edge: Tensor, branch: int = 0) -> Tensor:
        """Return the conductance, in S, that puts the edge of a branch at some inputs."""
        return self.current(edge, torch.full_like(edge, self.v_switch), branch) / (self.v_high - self.v_switch)

    def edge(self, conductance: Tensor, branch: int = 0) -> Tensor:
        """Return the input, in V, at which a branch switches: the inverse of `conductance`, by bisection."""
        below = torch.full_like(conductance, self.v_low)
        above = torch.full_like(conductance, self.v_low + 5.0)
        for _ in range(60):
            middle = (below + above) / 2
            low = self.conductance(middle, branch) < conductance
            below, above = torch.where(low, middle, below), torch.where(low, above, middle)
        return (below + above) / 2

    def power(self, v_in: Tensor, m1: float, m2: float) -> Tensor:
        """Return what both memristors draw between the rails at some inputs, in W, once the nodes have settled."""
        current = m1 * (self.v_high - self.node(v_in, m1, 0)) + m2 * (self.v_high - self.node(v_in, m2, 1))
        return (self.v_high - self.v_low) * current

    def output(self, v_in: Tensor, m1: float, m2: float) -> Tensor:
        """Return 1 where the line is pulled low, outside of the window, and 0 inside of it."""
        inside = (self.node(v_in, m1, 0) < self.v_switch) & (self.node(v_in, m2, 1) > self.v_switch)
        return (~inside).to(v_in.dtype)


def johnson(bits: int) -> list[list[int]]:
    """Return the words of 2^(bits - 1) cells for all codes in order: one cell changes from each to the next.

    Cell 1 changes in the middle of full scale; cells 2 onwards are low inside of overlapping windows half of full scale
    wide, which begin one step after another.

    Source: [hong2025], the table of the 3-bit converter.

    >>> print(*("".join(map(str, word)) for word in johnson(3)))
    0111 0011 0001 0000 1000 1100 1110 1111
    """
    cells = 1 << (bits - 1)
    words: list[list[int]] = []
    for code in range(2 * cells):
        ones = [int(code >= cells + i) for i in range(cells)]
        words.append([int(one or code < i) for i, one in enumerate(ones)])
    return words


def windows(bits: int) -> list[tuple[float, float]]:
    """Return the window of each cell, as fractions of full scale; the first one's begins at minus infinity.

    >>> print(*windows(3)[2])
    0.25 0.75
    """
    cells, steps = 1 << (bits - 1), 1 << bits
    return [(-math.inf, 0.5), *((i / steps, (i + cells) / steps) for i in range(1, cells))]
