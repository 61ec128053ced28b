"""Charge redistribution and capacitive division: cells that switch capacitors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Farad, NotNegative, Ohm, Positive, Ratio, Scaling, Second, Source, SquareMetre, Volt

from ._principle import BOLTZMANN, AbstractPrinciple


@dataclass(frozen=True)
class ChargeRedistribution(AbstractPrinciple):
    """V = sum(C w x V0) / sum(C): each cell charges its capacitor to w x V0, then all are shorted together.

    A parasitic capacitance on the shared line, empty before, takes its share: gain N C / (N C + C_p). Capacitors differ
    by `mismatch` sqrt(C_0 / C), C_0 = 1 fF (Pelgrom's law). Noise is the kT / C noise of the whole line after sharing.
    Source: [pelgrom1989] for the law of matching, [sarpeshkar1993] for kT / C.
    """

    capacitance: Annotated[Farad, Positive]
    """Capacitor of a cell."""
    voltage: Annotated[Volt, Positive]
    parasitic: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of the shared line per cell."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a capacitor of 1 fF."""
    switch: Annotated[Ohm, NotNegative] = 0.0
    """Resistance of the switch that joins a capacitor to the line."""
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    density: Annotated[float, Positive] = 2e-3
    """Capacitance of a square metre of capacitor, in F/m2."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A voltage."""
        return "V"

    @property
    def draws(self) -> tuple[str, ...]:
        """One number for each capacitor, if they differ."""
        return ("capacitor",) if self.mismatch else ()

    @property
    def gain(self) -> float:
        """What parasitics leave of the signal."""
        return self.capacitance / (self.capacitance + self.parasitic)

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return each product's share of the line, times the number of rows."""
        if not self.mismatch:
            return w * self.gain
        c = 1 + unit_mismatch(self.mismatch, self.capacitance) * draws["capacitor"]
        rows = w.shape[-2]
        return w * c * rows / (c.sum(-2, keepdim=True) + rows * self.parasitic / self.capacitance)

    def noise(self, rows: int) -> float:
        """kT / C of the whole line."""
        total = rows * (self.capacitance + self.parasitic)
        return math.sqrt(BOLTZMANN * self.temperature / total) * rows / self.voltage

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In V: the mean of the cells."""
        return s * (self.voltage / rows)

    def settling(self, rows: int, bits: int) -> Second:
        """Each capacitor through its own switch into the common line."""
        return self.switch * self.capacitance * (bits + 1) * math.log(2)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Recharge the capacitors that are on from what sharing left them: C V (k V - k v), k of them."""
        return _recharge(self.capacitance, self.voltage, self.gain, x, w)

    @property
    def cell_capacitance(self) -> Farad:
        """Its capacitor."""
        return self.capacitance

    @property
    def cell_area(self) -> SquareMetre:
        """That of the capacitor."""
        return self.capacitance / self.density

    def scaled(self, to: Scaling) -> ChargeRedistribution:
        """Lower the voltage; capacitors are as large as noise and matching ask for."""
        return replace(self, voltage=self.voltage * to.voltage)

    @property
    def shared(self) -> Mapping[str, float]:
        """The voltage of an input."""
        return {"read_voltage": self.voltage}

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Mismatch, parasitics, thermal noise, where there is any."""
        without = {
            "capacitor mismatch": (self.mismatch, {"mismatch": 0.0}),
            "parasitic capacitance": (self.parasitic, {"parasitic": 0.0}),
            "thermal noise": (self.temperature, {"temperature": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}


@dataclass(frozen=True)
class CapacitiveDivision(AbstractPrinciple):
    """dV = sum(C w x V0) / (sum(C) + C_p): cells step the lower plates of capacitors whose upper plate floats.

    The line is reset, let go, and moves by the divided steps. Its parasitic capacitance loads it at all times and grows
    with the voltage (junctions, gates): C_p (1 + a v). Balance of charge gives N C v + C_p (v + a v^2 / 2) = s C V0, of
    which `transfer` is the root. Noise is the kT / C noise that the reset leaves. Own derivation.
    """

    capacitance: Annotated[Farad, Positive]
    """Capacitor of a cell."""
    voltage: Annotated[Volt, Positive]
    parasitic: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of the floating line per cell, at rest."""
    parasitic_slope: float = 0.0
    """Relative growth of the parasitic capacitance, per V."""
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Relative standard deviation of a capacitor of 1 fF."""
    driver: Annotated[Ohm, NotNegative] = 0.0
    """Resistance of what steps a lower plate."""
    temperature: Annotated[float, NotNegative] = 0.0
    """In K; 0 for no thermal noise."""
    density: Annotated[float, Positive] = 2e-3
    """Capacitance of a square metre of capacitor, in F/m2."""
    sources: tuple[Source, ...] = ()

    @property
    def quantity(self) -> str:
        """A voltage."""
        return "V"

    @property
    def draws(self) -> tuple[str, ...]:
        """One number for each capacitor, if they differ."""
        return ("capacitor",) if self.mismatch else ()

    @property
    def linear(self) -> bool:
        """Without parasitics."""
        return self.parasitic == 0

    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return each capacitor's share of all capacitors, times their number."""
        if not self.mismatch:
            return w
        c = 1 + unit_mismatch(self.mismatch, self.capacitance) * draws["capacitor"]
        return w * c / c.mean(-2, keepdim=True)

    def transfer(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """Divide by the parasitics as well, which grow with the step."""
        if self.linear:
            return s
        ratio = self.parasitic / self.capacitance
        full = 1 + ratio
        v = s.abs() / (rows * full) * self.voltage  # without growth
        bend = ratio * self.parasitic_slope / full
        v = 2 * v / (1 + (1 + 2 * bend * v).sqrt())
        return s.sign() * v * rows / self.voltage

    def noise(self, rows: int) -> float:
        """kT / C of the reset."""
        total = rows * (self.capacitance + self.parasitic)
        return math.sqrt(BOLTZMANN * self.temperature / total) * rows / self.voltage

    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """In V."""
        return s * (self.voltage / rows)

    def settling(self, rows: int, bits: int) -> Second:
        """A driver against its capacitor in series with the rest of the line."""
        return self.driver * self.capacitance * (bits + 1) * math.log(2)

    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Drivers that step move their capacitor against the line: C V (k V - k v), k of them."""
        gain = self.capacitance / (self.capacitance + self.parasitic)
        return _recharge(self.capacitance, self.voltage, gain, x, w)

    @property
    def cell_capacitance(self) -> Farad:
        """Its capacitor."""
        return self.capacitance

    @property
    def cell_area(self) -> SquareMetre:
        """That of the capacitor."""
        return self.capacitance / self.density

    def scaled(self, to: Scaling) -> CapacitiveDivision:
        """Lower the voltage; capacitors are as large as noise and matching ask for."""
        return replace(self, voltage=self.voltage * to.voltage)

    @property
    def shared(self) -> Mapping[str, float]:
        """The voltage of an input."""
        return {"read_voltage": self.voltage}

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """Mismatch, parasitics, thermal noise, where there is any."""
        without = {
            "capacitor mismatch": (self.mismatch, {"mismatch": 0.0}),
            "parasitic capacitance": (self.parasitic, {"parasitic": 0.0}),
            "thermal noise": (self.temperature, {"temperature": 0.0}),
        }
        return {name: replace(self, **change) for name, (size, change) in without.items() if size}


def unit_mismatch(at_1_femtofarad: float, capacitance: Farad) -> float:
    """Return the relative standard deviation of a capacitor: it falls as one over the root of its size."""
    return at_1_femtofarad * math.sqrt(1e-15 / capacitance)


def _recharge(c: float, voltage: float, gain: float, x: Tensor, w: Tensor) -> Tensor:
    rows = x.shape[-1]
    sizes = x.abs()
    squares, products = sizes.square() @ w.square(), sizes @ w
    # sum of C u_i (u_i - v) with u_i = x_i w_i V and v the mean of all u_i, times the gain
    return (c * voltage**2 * (squares - gain * products.square() / rows)).clamp(min=0)
