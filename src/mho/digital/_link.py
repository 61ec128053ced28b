"""`Link`: how a bit gets from one place to another: wire, router, via, bond, cable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from mho.core import BytePerSecond, JoulePerBit, JoulePerBitMetre, NotNegative, Positive, Source, SquareMetre

RISING = 0.25
"""Share of the bits of random data that charge a line: half of the changes of half of the bits."""


@dataclass(frozen=True)
class Link:
    """A connection: energy a bit for each passage, and for each metre of it; lanes side by side."""

    title: str
    passage: Annotated[JoulePerBit, NotNegative]
    """For each time a bit enters it: router, driver and receiver, pad."""
    metre: Annotated[JoulePerBitMetre, NotNegative]
    """For the way; 0 where the length is part of the passage."""
    lane: Annotated[BytePerSecond, Positive]
    """Bandwidth of one lane."""
    lane_area: Annotated[SquareMetre, NotNegative]
    """Area that one lane takes from the chip: wires and pitch of vias; 0 where it lies above logic."""
    sources: tuple[Source, ...] = ()

    def energy(self, passages: float = 1.0, metres: float = 0.0) -> float:
        """Return the energy in J of one bit."""
        return passages * self.passage + metres * self.metre

    def area(self, bandwidth: float) -> float:
        """Return the area in m2 of as many lanes as a bandwidth in B/s takes."""
        return math.ceil(bandwidth / self.lane) * self.lane_area


def mesh_hops(nodes: float) -> float:
    """Return the mean hops between two nodes of a square mesh drawn at random, 2/3 (k - 1/k) for k x k nodes.

    >>> mesh_hops(4)  # of the 16 pairs 4 are no hop, 8 one and 4 two
    1.0
    """
    k = math.sqrt(max(nodes, 1.0))
    return 2 / 3 * (k - 1 / k)


def htree_length(side: float, leaves: float) -> float:
    """Return the wire in m from the root of an H-tree over a square to each of its leaves, side (1 - 2^-levels).

    Each level goes a quarter of its square along both edges; 4^levels leaves.
    """
    levels = math.ceil(math.log(max(leaves, 1.0), 4) - 1e-9)
    return side * (1 - 0.5**levels)
