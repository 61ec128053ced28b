"""Resistive division: voltage-mode reading of an open bit line, and the sum of resistances in series."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from mho.core import Farad, NotNegative, Ohm, Positive, Ratio, Second, Siemens, Source, Volt

from ._principle import BOLTZMANN, AbstractPrinciple


@dataclass(frozen=True)
class ResistiveDivision(AbstractPrinciple):
    """V = sum(G V) / sum(G): the open end of a bit line takes the mean of the inputs, weighted by conductance.

    The mean is turned into the sum with the column's stored total conductance; uncorrected, columns are taken to hold
    half of the range on average. A read-out that draws current (conductance `load`) pulls the mean towards 0 V.
    Noise is kT / C of the line. Source: [wan2022] for the voltage mode; the formulas are Millman's theorem.
    """

    g_max: Annotated[Siemens, Positive]
    read_voltage: Annotated[Volt, Positive]
    on_off: Annotated[float, Gt(1)] = math.inf
    corrected: bool = True
    """Whether each column's result is multiplied with its own total conductance."""
    load: Annotated[Siemens, NotNegative] = 0.0
    """Input conductance of the read-out."""
    capacitance: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of the whole bit line with its read-out."""
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    pulse: Annotated[Second, NotNegative] = 0.0
    """How long the inputs drive."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A voltage."""
        return "V"

    @property
    def draws(self) -> tuple[str, ...]:
        """None."""
        return ()

    def _g(self, w: Tensor) -> Tensor:
        off = 1 / self.on_off
        return off + (1 - off) * w

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return each cell's share of the mean, times the column's total; an off cell counts nothing."""
        off = 1 / self.on_off
        g = self._g(w)
        total = g.sum(-2, keepdim=True)
        seen = total + self.load / self.g_max
        known = total if self.corrected else 0 * total + w.shape[-2] * (1 + off) / 2
        return (g * known / seen.clamp(min=1e-12) - off) / (1 - off)

    def noise(self, rows: int) -> float:
        """kT / C, at the largest total conductance."""
        if not self.capacitance:
            return 0.0
        return (
            math.sqrt(BOLTZMANN * self.temperature / self.capacitance)
            * rows
            / self.read_voltage
            / (1 - 1 / self.on_off)
        )

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In V, for a column that holds half of the range on average."""
        off = 1 / self.on_off
        return s * (self.read_voltage * (1 - off) / (rows * (1 + off) / 2))

    def settling(self, rows: int, bits: int) -> Second:
        """The cells charge the line: slowest where all are off."""
        least = rows * self.g_max * max(1 / self.on_off, 1e-3)
        return self.capacitance / least * (bits + 1) * math.log(2)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Currents between inputs through the line: sum of G (V_i - v)^2 t."""
        g = self._g(w) * self.g_max
        total = g.sum(0).clamp(min=1e-30)
        mean = x @ g / total
        spread = x.square() @ g - total * mean.square()
        return spread.clamp(min=0) * (self.read_voltage**2 * self.pulse)

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
        """Uncorrected columns, loading, thermal noise, where there is any."""
        without = {
            "uncorrected column sums": (not self.corrected, {"corrected": True}),
            "line voltage": (self.load, {"load": 0.0}),
            "thermal noise": (self.temperature and self.capacitance, {"temperature": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}


@dataclass(frozen=True)
class ResistanceSum(AbstractPrinciple):
    """R = sum of resistances: the cells of a column in series, each one of two complementary junctions.

    Input 1 puts the junction in the path that holds the weight, input 0 the one that holds its complement; so the path
    through a cell is x R(w) + (1 - x) R(1 - w), high where x = w: an XNOR. With the known sum of x, and the column's
    reading for x = 0, the product of bits follows. Junctions differ by `spread`. The sum is read as the time R C ln 2
    that charging a capacitor takes; `jitter` is that of the time-to-digital converter. The capacitor's voltage errs by
    kT / C at any time, from the reset until half of the voltage is crossed at the slope V / (2 R C): worst where R is
    largest. Source: [jung2022] for the circuit, [sarpeshkar1993] for kT / C.
    """

    r_low: Annotated[Ohm, Positive]
    tmr: Annotated[Ratio, Positive]
    """Tunnel magnetoresistance: (R_high - R_low) / R_low."""
    spread: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a junction's resistance."""
    wire: Annotated[Ohm, NotNegative] = 0.0
    """Resistance of switches and wire per cell: the same whatever the data, so known and subtracted."""
    capacitance: Annotated[Farad, Positive] = 1e-12
    voltage: Annotated[Volt, Positive] = 1.0
    jitter: Annotated[Second, NotNegative] = 0.0
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A time."""
        return "s"

    @property
    def draws(self) -> tuple[str, ...]:
        """One number for each of the two junctions, if they differ."""
        return ("junction", "complement") if self.spread else ()

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return half of what input 1 changes in the path, and half for the known sum of x."""
        own, other = w, 1 - w
        if self.spread:
            # Resistance above R_low, in steps of R_high - R_low; a spread is one of the whole resistance.
            own = own + (1 / self.tmr + own) * self.spread * draws["junction"]
            other = other + (1 / self.tmr + other) * self.spread * draws["complement"]
        return (own - other + 1) / 2

    def noise(self, rows: int) -> float:
        """Jitter of the converter, and kT / C over the slope of a column of high junctions."""
        volt = math.sqrt(BOLTZMANN * self.temperature / self.capacitance)
        late = volt * 2 * self._highest(rows) * self.capacitance / self.voltage
        return math.hypot(self.jitter, late) / self._step

    def _highest(self, rows: int) -> Ohm:
        """Resistance of a column whose junctions are all high."""
        return rows * (self.r_low * (1 + self.tmr) + self.wire)

    @property
    def _step(self) -> Second:
        """The time by which one product that is 1 in place of 0 lengthens the charging."""
        return 2 * self.r_low * self.tmr * self.capacitance * math.log(2)

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In s, beyond the time of a column whose products are all 0."""
        return s * self._step

    def settling(self, rows: int, bits: int) -> Second:
        """The longest time: all junctions high."""
        return self._highest(rows) * self.capacitance * math.log(2)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Charge the capacitor once, whatever the data."""
        return (x @ w) * 0 + self.capacitance * self.voltage**2

    @property
    def cell_capacitance(self) -> Farad:
        """None."""
        return 0.0

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Spread of the junctions, jitter, thermal noise, where there is any."""
        without = {
            "junction spread": (self.spread, {"spread": 0.0}),
            "jitter": (self.jitter, {"jitter": 0.0}),
            "thermal noise": (self.temperature, {"temperature": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}
