"""Current-domain and charge-domain products: cells as conductances or current sources on a bit line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from mho.core import Ampere, Farad, Hertz, NotNegative, Ohm, Positive, Ratio, Second, Siemens, Source, Volt

from ._principle import BOLTZMANN, ELECTRON, AbstractPrinciple


@dataclass(frozen=True)
class CurrentDomain(AbstractPrinciple):
    """I = sum of G V: currents of ohmic cells add on a line that the read-out holds near 0 V.

    A read-out of input resistance R lets the line rise to I R, which takes from every cell of the column:
    I = V sum(g x) / (1 + R sum(g)). A dummy column of off cells is subtracted, so an off cell counts nothing.

    Noise is the thermal noise of the cells, all on, in the read-out's bandwidth: i^2 = 4 k T sum(g) B.
    Source: [johnson1928] for the noise; the rest is Ohm's and Kirchhoff's law.
    """

    g_max: Annotated[Siemens, Positive]
    read_voltage: Annotated[Volt, Positive]
    on_off: Annotated[float, Gt(1)] = math.inf
    """Highest over lowest conductance."""
    read_out: Annotated[Ohm, NotNegative] = 0.0
    """Input resistance of the read-out."""
    line_capacitance: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of the bit line per cell."""
    bandwidth: Annotated[Hertz, NotNegative] = 0.0
    """Of the read-out; 0 for one without noise or delay."""
    temperature: float = 300.0
    pulse: Annotated[Second, NotNegative] = 0.0
    """How long the cells conduct for one product."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A current."""
        return "A"

    @property
    def draws(self) -> tuple[str, ...]:
        """None."""
        return ()

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Load the column with its own conductance, and subtract a dummy column of off cells."""
        off = 1 / self.on_off
        g = off + (1 - off) * w  # in units of g_max
        load = self.read_out * self.g_max
        dummy = off / (1 + load * off * w.shape[-2])
        return (g / (1 + load * g.sum(-2, keepdim=True)) - dummy) / (1 - off)

    def noise(self, rows: int) -> float:
        """Thermal noise of all cells."""
        current = math.sqrt(4 * BOLTZMANN * self.temperature * rows * self.g_max * self.bandwidth)
        return current / (self.g_max * self.read_voltage * (1 - 1 / self.on_off))

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In A."""
        return s * ((1 - 1 / self.on_off) * self.g_max * self.read_voltage)

    def settling(self, rows: int, bits: int) -> Second:
        """The read-out's resistance charges the line, and its bandwidth is one more pole."""
        pole = 1 / (2 * math.pi * self.bandwidth) if self.bandwidth else 0.0
        return (self.read_out * self.line_capacitance * rows + pole) * (bits + 1) * math.log(2)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """V^2 G t in the cells; x as levels."""
        off = 1 / self.on_off
        return x.square() @ (off + (1 - off) * w) * (self.g_max * self.read_voltage**2 * self.pulse)

    @property
    def cell_capacitance(self) -> Farad:
        """None."""
        return 0.0

    @property
    def shared(self) -> Mapping[str, float]:
        """Conductance, voltage, and the pulse where it is given."""
        pulse = {"pulse": self.pulse} if self.pulse else {}
        return {"g_max": self.g_max, "read_voltage": self.read_voltage} | pulse

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """On/off ratio, loading of the read-out, thermal noise, where there is any."""
        without = {
            "finite on/off ratio": (1 / self.on_off, {"on_off": math.inf}),
            "line voltage": (self.read_out, {"read_out": 0.0}),
            "thermal noise": (self.bandwidth * self.temperature, {"temperature": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}


@dataclass(frozen=True)
class ChargeDomain(AbstractPrinciple):
    """V = Q / C: cells as current sources discharge a precharged line, each for the length of its pulse.

    A cell's current falls with the voltage of the line, i (1 - v / V_A) for a line that has moved by v (finite output
    resistance, V_A the Early voltage). Since the loss is common to all cells, the discharge depends on the ideal one
    only: v = V_A (1 - exp(-u / V_A)), u = sum(w x) i t / C, whatever the order of the pulses (own derivation).

    Noise: sampling noise kT / C of the line, jitter of the pulse edges, which adds over the rows as their root, and
    shot noise of the currents: a charge Q that came as electrons has a variance q Q, at worst with all cells on.

    Source: [sarpeshkar1993] for kT / C and for the shot noise of transistors.
    """

    current: Annotated[Ampere, Positive]
    """Current of a cell in its highest state."""
    pulse: Annotated[Second, Positive]
    """Longest pulse."""
    capacitance: Annotated[Farad, Positive]
    """Capacitance of the bit line and the integrator, in all."""
    swing: Annotated[Volt, Positive]
    """Voltage the line is precharged to."""
    early_voltage: Annotated[Volt, Positive] = math.inf
    on_off: Annotated[float, Gt(1)] = math.inf
    jitter: Annotated[Second, NotNegative] = 0.0
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    shot: Annotated[Ratio, NotNegative] = 0.0
    """Noise power of the currents over that of independent electrons: 1 for transistors below threshold, 0 for none."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A voltage."""
        return "V"

    @property
    def draws(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def linear(self) -> bool:
        """Only with ideal current sources."""
        return self.early_voltage == math.inf

    @property
    def step(self) -> Volt:
        """The voltage that one cell under a full pulse takes from the line."""
        return self.current * self.pulse / self.capacitance

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return the states: off cells leak, which a dummy column tells."""
        return w

    def transfer(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """Compress."""
        if self.linear:
            return s
        scale = self.early_voltage / self.step
        return s.sign() * scale * -torch.expm1(-s.abs() / scale)

    def noise(self, rows: int) -> float:
        """Sampling noise, jitter and shot noise."""
        thermal = math.sqrt(BOLTZMANN * self.temperature / self.capacitance) / self.step
        shot = math.sqrt(self.shot * ELECTRON * rows / (self.current * self.pulse))
        return math.hypot(thermal, math.sqrt(rows) * self.jitter / self.pulse, shot)

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In V, off the precharged level."""
        return s * self.step

    def settling(self, rows: int, bits: int) -> Second:
        """The longest pulse."""
        return self.pulse

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Recharging the line by what it lost: C V v."""
        off = 1 / self.on_off
        lost = self.transfer(x.abs() @ (off + (1 - off) * w), x.shape[-1]) * self.step
        return self.capacitance * self.swing * lost

    @property
    def cell_capacitance(self) -> Farad:
        """None."""
        return 0.0

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Finite output resistance, jitter, thermal noise, shot noise, where there is any."""
        without = {
            "line voltage": (not self.linear, {"early_voltage": math.inf}),
            "jitter": (self.jitter, {"jitter": 0.0}),
            "thermal noise": (self.temperature, {"temperature": 0.0}),
            "shot noise": (self.shot, {"shot": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}
