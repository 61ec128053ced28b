"""Macros in closed form: what one architecture costs at one operating point, for one design or for 1e5 at once.

Not the roll-up of a chip's parts (`estimate`, `rate`) but a second opinion from outside: few laws whose constants are
fitted on published silicon (`mho.cost.fit_laws`), with the error that they make on chips they have not seen.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from mho.core import Loader, NotNegative, Number, Positive, Room, Source, Unit

Principle = Literal["digital", "charge", "static", "current"]
PRINCIPLES: dict[Principle, str] = {
    "digital": "adder trees beside SRAM cells",
    "charge": "charge of capacitors and of bit lines, SRAM and gain cells",
    "static": "currents of SRAM cells that flow as long as they are read",
    "current": "currents of non-volatile cells",
}
"""How a macro sums, and the memory that does it."""

NODE = 28e-9
"""Node at which the constants hold."""
ROWS = 64.0
"""Word lines at which the constants of a cell hold."""
YEAR = 2021.0
"""Year at which the constants hold."""
YEARS = (2018.0, 2023.0)
"""The years of the chips behind the laws; others count as the nearest."""


@dataclass(frozen=True)
class Macro:
    """The architecture and the operating point of a macro; each number may be a tensor of many designs.

    One invocation multiplies `input_bits` of every input with all `weight_bits`; inputs of more bits take several.
    """

    principle: Principle
    node: Annotated[Number, Unit("m")]
    supply: Annotated[Number, Unit("V")]
    rows: Number
    """Word lines summed at once, the length of the dot product."""
    converters: Number
    """Sums made at once: analog-to-digital converters, or adder trees."""
    weight_bits: Number
    input_bits: Number
    """Of one invocation."""
    converter_bits: Number = 0.0
    """Of the analog-to-digital converter; 0 for adder trees."""
    cycle: Annotated[Number, Unit("s")] | None = None
    """Of one invocation; None to have it predicted."""
    capacity: Number | None = None
    """Bits stored, of all cores; None where only as many are stored as are multiplied."""
    physical_rows: Number | None = None
    """Cells on a bit line; None where all are summed."""
    transistors: Number = 6.0
    """Of a bit cell, which set its area in SRAM."""
    bit_lines: Number = 0.0
    """1 where cells discharge bit lines, 0 where capacitors share their charge; for `charge` only."""
    cores: Number = 1.0
    processor: Number = 0.0
    """1 where figures are those of a processor around the macros, with buffers and control."""
    year: Number = 2023.0
    """Designs have become better by a few per cent a year at one node."""

    @property
    def operations(self) -> Tensor:
        """1-bit operations of one invocation of one core, two a 1-bit product.

        Source: normalisation of [shanbhag2022].
        """
        return 2 * _t(self.rows) * _t(self.converters) * _t(self.weight_bits) * _t(self.input_bits)

    @property
    def scale(self) -> Tensor:
        """The node over that at which constants hold."""
        return _t(self.node) / NODE

    @property
    def bits(self) -> Tensor:
        """Bits stored, of all cores."""
        if self.capacity is not None:
            return _t(self.capacity)
        return _t(self.rows) * _t(self.converters) * _t(self.weight_bits) * _t(self.cores)

    @property
    def age(self) -> Tensor:
        """Years before the one at which constants hold, negative for later ones."""
        return YEAR - _t(self.year).clamp(*YEARS)


def _t(value: Number) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is known of a constant before any chip is seen: a value, and its spread as a natural logarithm."""

    field: str
    value: Annotated[float, Positive]
    """In SI units."""
    spread: Annotated[float, Positive]
    shared: bool = False
    """Whether the constant is one for all laws that share it: not of how a macro sums."""


@dataclass(frozen=True, kw_only=True)
class AbstractLaw(ABC):
    """Energy, cycle and area of macros of one principle. All constants are above zero."""

    node_exponent: Annotated[Number, Unit(""), Positive]
    """Of switched capacitance with the node."""
    trend: Annotated[Number, Unit(""), Positive]
    """Factor by which a design one year older takes more energy."""
    surroundings: Annotated[Number, Unit(""), Positive]
    """Factor in energy of a processor around the macros, leakage apart."""
    leakage_current: Annotated[Number, Unit("A"), NotNegative] = 0.0
    """Of an SRAM cell with its share of the periphery, at all times; 0 for memories that keep their state without.

    At 28 nm and below; at wider nodes less by the node.
    """
    cell_area: Annotated[Number, Unit("m2"), Positive]
    """Of one bit with its share of drivers and wiring, per transistor in SRAM."""
    output_area: Annotated[Number, Unit("m2"), Positive]
    """Per bit of each converter; per 1-bit multiplier with its adders."""
    fixed_area: Annotated[Number, Unit("m2"), Positive]
    """Of control and drivers of a core."""
    area_exponent: Annotated[Number, Unit(""), Positive]
    """Of area with the node."""
    area_surroundings: Annotated[Number, Unit(""), Positive]
    """Factor in area of a processor around the macros."""
    step_time: Annotated[Number, Unit("s"), Positive]
    """Of one invocation without conversion, at 0.9 V."""
    bit_time: Annotated[Number, Unit(""), Positive]
    """Time of a bit, input or converter, in steps."""
    time_exponent: Annotated[Number, Unit(""), Positive]
    """Of time with the node."""
    row_time_exponent: Annotated[Number, Unit(""), Positive]
    """Of time with the rows summed."""
    threshold: Annotated[Number, Unit("V"), Positive]
    speed_exponent: Annotated[Number, Unit(""), Positive]
    """Of a transistor's current with its overdrive (alpha-power law)."""
    energy_range: tuple[float, float]
    """Measured over predicted energy between which two thirds of the chips lie that the fit has not seen."""
    density_range: tuple[float, float]
    """The same of operations a second and area."""
    priors: tuple[Prior, ...] = ()
    sources: tuple[Source, ...] = ()

    @abstractmethod
    def sum_energy(self, macro: Macro) -> Mapping[str, Tensor]:
        """Return the energy in J of one sum by part, for a macro of the reference year."""

    @abstractmethod
    def _output(self, macro: Macro) -> Tensor:
        """How many times `output_area` all sums of a core take."""

    def energy(self, macro: Macro) -> dict[str, Tensor]:
        """Return the energy in J of one invocation of one core, by part; parts add up to the total."""
        better = self.trend**macro.age * _t(macro.converters)
        parts = {name: value * better for name, value in self.sum_energy(macro).items()}
        share = (self.surroundings - 1) * _t(macro.processor)
        around = torch.stack(torch.broadcast_tensors(*parts.values())).sum(0) * share
        leaks = macro.bits / _t(macro.cores) / macro.scale.clamp(min=1)  # wider nodes less, FinFETs no more: assumed
        leakage = self.leakage_current * leaks * _t(macro.supply) * self.cycle(macro)
        return parts | {"leakage": leakage, "around the macros": around}

    def energy_per_operation(self, macro: Macro) -> Tensor:
        """Return the energy in J of a 1-bit operation, `1 / energy_per_operation` operations a joule."""
        return torch.stack(torch.broadcast_tensors(*self.energy(macro).values())).sum(0) / macro.operations

    def cycle(self, macro: Macro) -> Tensor:
        """Return the time in s of one invocation: the given one, else the predicted."""
        return self.predicted_cycle(macro) if macro.cycle is None else _t(macro.cycle)

    def predicted_cycle(self, macro: Macro) -> Tensor:
        """Return the time in s of one invocation from the architecture alone."""
        bits = _t(macro.converter_bits) + _t(macro.input_bits)
        rows = (_t(macro.rows) / ROWS) ** self.row_time_exponent
        slower = self._delay(_t(macro.supply)) / self._delay(_t(0.9))
        return self.step_time * (1 + self.bit_time * bits) * macro.scale**self.time_exponent * rows * slower

    def _delay(self, supply: Tensor) -> Tensor:
        """Return what a delay is proportional to, V / (V - V_t)^alpha; the overdrive counts from 50 mV.

        Source: alpha-power law [sakurai1990].
        """
        return supply / (supply - self.threshold).clamp(min=0.05) ** self.speed_exponent

    def area(self, macro: Macro) -> dict[str, Tensor]:
        """Return the area in m2 of all cores, by part; parts add up to the total."""
        scale = macro.scale**self.area_exponent
        cores = _t(macro.cores)
        parts = {
            "cells": self.cell_area * self._transistors(macro) * macro.bits * scale,
            "sums": self.output_area * self._output(macro) * cores * scale,
            "control": self.fixed_area * cores * scale,
        }
        share = (self.area_surroundings - 1) * _t(macro.processor)
        return parts | {"around the macros": torch.stack(torch.broadcast_tensors(*parts.values())).sum(0) * share}

    def density(self, macro: Macro) -> Tensor:
        """Return 1-bit operations a second and m2."""
        area = torch.stack(torch.broadcast_tensors(*self.area(macro).values())).sum(0)
        return macro.operations * _t(macro.cores) / self.cycle(macro) / area

    def _transistors(self, macro: Macro) -> Tensor:
        return _t(macro.transistors)


@dataclass(frozen=True, kw_only=True)
class DigitalLaw(AbstractLaw):
    """Adder trees: N rows of w bits take about N (w + 1) adders, each of which switches C s^g V^2.

    Source: number of adders [zigzagimc2023].
    """

    adder_capacitance: Annotated[Number, Unit("F"), Positive]
    """Switched by an adder with its share of multiplier, accumulator and clock."""

    def sum_energy(self, macro: Macro) -> Mapping[str, Tensor]:
        """See `AbstractLaw.sum_energy`."""
        adders = _t(macro.rows) * (_t(macro.weight_bits) + 1) * _t(macro.input_bits)
        return {"products": adders * self.adder_capacitance * _charge(self, macro)}

    def _output(self, macro: Macro) -> Tensor:
        return _t(macro.rows) * _t(macro.converters) * _t(macro.weight_bits)


@dataclass(frozen=True, kw_only=True)
class AbstractAnalogLaw(AbstractLaw):
    """Sums of analog columns: cells and lines, and converters with their place-value adders."""

    cell_capacitance: Annotated[Number, Unit("F"), Positive]
    """Switched by a cell with its share of lines and drivers."""
    row_exponent: Annotated[Number, Unit(""), Positive]
    """Cells of a column count as rows^(1 - this): the more of them, the smaller they are made."""
    input_exponent: Annotated[Number, Unit(""), Positive]
    """Of the cells' energy with the bits of an input: drivers make more levels."""
    weight_exponent: Annotated[Number, Unit(""), Positive]
    """Of the cells' energy with the bits of a weight."""
    converter_capacitance: Annotated[Number, Unit("F"), Positive]
    """Switched by a bit of a conversion."""

    def _cells(self, macro: Macro) -> Tensor:
        rows = ROWS * (_t(macro.rows) / ROWS) ** (1 - self.row_exponent)
        return rows * _t(macro.weight_bits) ** self.weight_exponent

    def sum_energy(self, macro: Macro) -> Mapping[str, Tensor]:
        """See `AbstractLaw.sum_energy`."""
        drive = self._cells(macro) * _t(macro.input_bits) ** self.input_exponent
        return {
            "cells and lines": drive * self._cell_capacitance(macro) * _charge(self, macro),
            "converters": self.converter_capacitance * _t(macro.converter_bits) * _charge(self, macro),
        }

    def _cell_capacitance(self, macro: Macro) -> Number:
        return self.cell_capacitance

    def _output(self, macro: Macro) -> Tensor:
        return _t(macro.converters) * _t(macro.converter_bits)


@dataclass(frozen=True, kw_only=True)
class ChargeLaw(AbstractAnalogLaw):
    """Charge redistribution, and bit lines that cells discharge: only capacitances, no currents that last."""

    discharge_capacitance: Annotated[Number, Unit("F"), Positive]
    """Switched by a cell with its share of lines and drivers where it discharges a bit line."""

    def _cell_capacitance(self, macro: Macro) -> Number:
        bit_lines = _t(macro.bit_lines)
        return self.cell_capacitance * (1 - bit_lines) + self.discharge_capacitance * bit_lines


@dataclass(frozen=True, kw_only=True)
class StaticLaw(AbstractAnalogLaw):
    """Currents of SRAM cells summed on a line that is held: line and sensing draw current as long as it lasts."""

    line_capacitance: Annotated[Number, Unit("F"), Positive]
    """Of a bit line for each cell on it, by the share of the swing."""
    bias_current: Annotated[Number, Unit("A"), Positive]
    """Of a column's sensing."""

    def sum_energy(self, macro: Macro) -> Mapping[str, Tensor]:
        """See `AbstractLaw.sum_energy`."""
        physical = _t(macro.rows if macro.physical_rows is None else macro.physical_rows)
        return {
            **super().sum_energy(macro),
            "bit lines": physical * self.line_capacitance * _charge(self, macro),
            "bias": self.bias_current * _t(macro.supply) * self.cycle(macro),
        }


@dataclass(frozen=True, kw_only=True)
class CurrentLaw(AbstractAnalogLaw):
    """Currents of non-volatile cells, as long as they are read, and those of their sensing."""

    cell_current: Annotated[Number, Unit("A"), Positive]
    bias_current: Annotated[Number, Unit("A"), Positive]
    """Of a column's sensing."""

    def sum_energy(self, macro: Macro) -> Mapping[str, Tensor]:
        """See `AbstractLaw.sum_energy`."""
        charge = _t(macro.supply) * self.cycle(macro)
        return {
            **super().sum_energy(macro),
            "cell currents": self._cells(macro) * self.cell_current * charge,
            "bias": self.bias_current * charge,
        }

    def _transistors(self, macro: Macro) -> Tensor:
        return torch.ones_like(_t(macro.transistors))


def _charge(law: AbstractLaw, macro: Macro) -> Tensor:
    """Return s^g V^2: what a capacitance at the reference node is multiplied with."""
    return macro.scale**law.node_exponent * _t(macro.supply) ** 2


LAWS = Room(
    AbstractLaw,
    {c.__name__: c for c in (DigitalLaw, ChargeLaw, StaticLaw, CurrentLaw)},
    "laws",
)


@functools.cache
def load_law(principle: Principle) -> AbstractLaw:
    """Return the law of a principle with its fitted constants.

    >>> macro = Macro("digital", 22e-9, 0.72, rows=256, converters=64, weight_bits=4, input_bits=4)
    >>> 0.3e-15 < float(load_law("digital").energy_per_operation(macro)) < 1.5e-15
    True
    """
    return Loader((LAWS,)).load(AbstractLaw, principle)
