"""Time-domain products: chains of delay cells, and the crossing of a threshold by a ramp."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Ampere, Farad, Joule, NotNegative, Positive, Ratio, Second, Source, Volt

from ._principle import BOLTZMANN, ELECTRON, AbstractPrinciple


@dataclass(frozen=True)
class DelayChain(AbstractPrinciple):
    """t = sum of delays: an edge runs through one delay cell a row, slowed by `step` where x w = 1.

    Cells differ by `mismatch` of their step; each adds its own jitter, so that of the chain grows as the root of the
    rows. The delay of idle cells is constant and subtracted with a replica chain. Source: [sayal2020] for the circuit.
    """

    idle: Annotated[Second, NotNegative]
    """Delay of a cell whose product is 0."""
    step: Annotated[Second, Positive]
    """What a product of 1 adds."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a cell's step."""
    jitter: Annotated[Second, NotNegative] = 0.0
    """Standard deviation of one cell's delay from edge to edge."""
    edge_energy: Annotated[Joule, NotNegative] = 0.0
    """Energy of an edge through one cell."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A time."""
        return "s"

    @property
    def draws(self) -> tuple[str, ...]:
        """One number for each cell, if they differ."""
        return ("delay",) if self.mismatch else ()

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return the steps as they came out."""
        return w * (1 + self.mismatch * draws["delay"]) if self.mismatch else w

    def noise(self, rows: int) -> float:
        """Jitter of all cells."""
        return math.sqrt(rows) * self.jitter / self.step

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In s, beyond the idle chain."""
        return s * self.step

    def settling(self, rows: int, bits: int) -> Second:
        """The slowest edge."""
        return rows * (self.idle + self.step)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """One edge through every cell."""
        return (x @ w) * 0 + self.edge_energy * x.shape[-1]

    @property
    def cell_capacitance(self) -> Farad:
        """None."""
        return 0.0

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Mismatch and jitter, where there is any."""
        without = {
            "delay mismatch": (self.mismatch, {"mismatch": 0.0}),
            "jitter": (self.jitter, {"jitter": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}


@dataclass(frozen=True)
class RampCrossing(AbstractPrinciple):
    """t = (C theta + sum(w t)) / sum(w): currents that start at the input's time cross a threshold together.

    An input x starts the current w i of its cells at T (1 - x). While all have started before the crossing, its time
    holds the sum of w x; it needs the column's stored sum of w. The threshold is set for the earliest crossing at T:
    C theta = T i sum(w) at least. Noise: kT / C on the line and that of the comparator, over the slope; in cell units
    the sum of w cancels. Shot noise of the charge C theta is worst in a full column. Source: [wang2018] for the
    principle, [sarpeshkar1993] for shot noise.
    """

    current: Annotated[Ampere, Positive]
    """Current of a cell in its highest state."""
    window: Annotated[Second, Positive]
    """T: the latest start of a current."""
    capacitance: Annotated[Farad, Positive]
    """Capacitance of the whole line."""
    supply: Annotated[Volt, Positive]
    comparator_noise: Annotated[Volt, NotNegative] = 0.0
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    jitter: Annotated[Second, NotNegative] = 0.0
    """Standard deviation of an input's time."""
    shot: Annotated[Ratio, NotNegative] = 0.0
    """Noise power of the currents over that of independent electrons: 1 for transistors below threshold, 0 for none."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A time."""
        return "s"

    @property
    def draws(self) -> tuple[str, ...]:
        """None."""
        return ()

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return the states: with the stored sum of w the decoding is exact."""
        return w

    def noise(self, rows: int) -> float:
        """Voltage noise and shot noise over the charge of one cell under a full pulse, and jitter."""
        volt = math.hypot(math.sqrt(BOLTZMANN * self.temperature / self.capacitance), self.comparator_noise)
        charge = self.current * self.window
        shot = math.sqrt(self.shot * ELECTRON * rows / charge)
        return math.hypot(volt * self.capacitance / charge, math.sqrt(rows) * self.jitter / self.window, shot)

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In s: by how much the crossing comes earlier, in a column that is half full."""
        return s * (self.window / (rows / 2))

    def settling(self, rows: int, bits: int) -> Second:
        """Until the latest crossing: all inputs at their latest, and the threshold after that."""
        return 2 * self.window

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Charge the line to its threshold, T i sum(w), from the supply."""
        return (x @ w) * 0 + w.sum(0) * (self.window * self.current * self.supply)

    @property
    def cell_capacitance(self) -> Farad:
        """None."""
        return 0.0

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Noise of the comparator, jitter, thermal noise, shot noise, where there is any."""
        without = {
            "comparator noise": (self.comparator_noise, {"comparator_noise": 0.0}),
            "jitter": (self.jitter, {"jitter": 0.0}),
            "thermal noise": (self.temperature, {"temperature": 0.0}),
            "shot noise": (self.shot, {"shot": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}
