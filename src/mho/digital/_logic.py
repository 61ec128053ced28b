"""Standard logic in NAND2 equivalents: what gates, adders and registers cost at one node and supply."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Cost, NotNegative, Number, Positive, Scaling, Source, Unit


@dataclass(frozen=True)
class Logic:
    """The digital technology: one NAND2 gate, and everything else in units of it.

    XOR2 is 1.5 x in capacitance and 2.4 x in area and delay, a D flip-flop 3 x in capacitance and 6 x in area; a full
    adder is 3 NAND2 and 2 XOR2. Numbers may be tensors, for many nodes and supplies at once; see `Technology`.

    Source: [zigzagimc2023], fitted there on four digital chips at 28 nm, 0.9 V.
    """

    supply: Annotated[Number, Unit("V"), Positive]
    nand2_capacitance: Annotated[Number, Unit("F"), Positive]
    nand2_area: Annotated[Number, Unit("m2"), Positive]
    nand2_delay: Annotated[Number, Unit("s"), Positive]
    nand2_leakage: Annotated[Number, Unit("W"), NotNegative]
    activity: Annotated[Number, Unit(""), NotNegative]
    """Share of the gates that switch in an operation."""
    sram_bit_energy: Annotated[Number, Unit("J"), NotNegative]
    """Energy to read or write one bit of a local buffer."""
    sram_bit_area: Annotated[Number, Unit("m2"), NotNegative]
    """Area of a buffer bit with its share of the periphery."""
    sram_bit_leakage: Annotated[Number, Unit("W"), NotNegative] = 0.0
    """Leakage of a buffer bit with its share of the periphery; the preset files count none."""
    node: Annotated[Number, Unit("m"), NotNegative] = 0.0
    """The technology node; 0 where it is not known."""
    sources: tuple[Source, ...] = ()

    XOR2_CAPACITANCE = 1.5
    XOR2_AREA = XOR2_DELAY = 2.4
    DFF_CAPACITANCE = 3.0
    DFF_AREA = 6.0

    def gates(self, capacitance: Number, area: Number, delay: Number = 0.0) -> Cost:
        """Return the cost of a block given in NAND2 equivalents of capacitance, area and delay."""
        return Cost(
            energy=capacitance * self.nand2_capacitance * self.supply**2 * self.activity,
            latency=delay * self.nand2_delay,
            area=area * self.nand2_area,
            leakage=area * self.nand2_leakage,
        )

    def full_adder(self) -> Cost:
        """Return the cost of one full adder."""
        return self.gates(3 + 2 * self.XOR2_CAPACITANCE, 3 + 2 * self.XOR2_AREA, 2 * self.XOR2_DELAY)

    def adder(self, bits: Number) -> Cost:
        """Return the cost of a ripple adder of that width."""
        fa = self.full_adder()
        carry = 2 * self.nand2_delay * (bits - 1)
        return Cost(fa.energy * bits, fa.latency + carry, fa.area * bits, fa.leakage * bits)

    def register(self, bits: Number) -> Cost:
        """Return the cost of clocking a register of that width once."""
        return self.gates(self.DFF_CAPACITANCE * bits, self.DFF_AREA * bits)

    def multiplier(self, a: Number, b: Number) -> Cost:
        """Return the cost of an a x b bit array multiplier: a b AND gates and a (b - 1) full adders."""
        fa, n = self.full_adder(), a * (b - 1)
        gates = self.gates(a * b, a * b)
        return Cost(
            gates.energy + n * fa.energy,
            (a + b) * fa.latency,
            gates.area + n * fa.area,
            gates.leakage + n * fa.leakage,
        )

    def adder_tree(self, inputs: Number, bits: Number) -> Cost:
        """Return the cost of a ripple-carry tree that sums `inputs` numbers of `bits` bits.

        N (w + 1) - (w + log2 N + 1) full adders. Source: [zigzagimc2023].
        """
        levels = _levels(inputs)
        count = _at_least(inputs * (bits + 1) - (bits + levels + 1), 0)
        fa = self.full_adder()
        sum_delay = (levels - 1) * 2 * self.XOR2_DELAY + self.XOR2_DELAY + 2 + (bits + levels - 2) * 2
        return Cost(fa.energy * count, sum_delay * self.nand2_delay, fa.area * count, fa.leakage * count)

    def carry_save_tree(self, inputs: Number, bits: Number) -> Cost:
        """Return the cost of a carry-save (Wallace) tree that sums `inputs` numbers of `bits` bits.

        Each full adder turns three bits into two, so N w - (w + log2 N) of them are needed, N - 1 fewer than in a tree
        of ripple adders. Every layer leaves n - floor(n / 3) numbers of n; the last two meet in a ripple adder.
        Source: [wallace1964].
        """
        levels = _levels(inputs)
        count = _at_least(inputs * bits - (bits + levels), 0)
        fa = self.full_adder()
        layers = _layers(inputs)
        delay = layers * fa.latency + fa.latency + 2 * self.nand2_delay * (bits + levels - 1)
        return Cost(fa.energy * count, delay * _more_than_one(inputs), fa.area * count, fa.leakage * count)

    def buffer_access(self, bits: Number) -> Cost:
        """Return the cost of moving bits into or out of a local SRAM buffer."""
        return Cost(energy=bits * self.sram_bit_energy)

    def scaled(self, to: Scaling) -> Logic:
        """Return this logic at another node and supply: its own numbers, times what the technology table says."""
        return replace(
            self,
            supply=to.supply,
            nand2_capacitance=self.nand2_capacitance * to.capacitance,
            nand2_area=self.nand2_area * to.area,
            nand2_delay=self.nand2_delay * to.delay,
            nand2_leakage=self.nand2_leakage * to.leakage,
            sram_bit_energy=self.sram_bit_energy * to.sram_energy,
            sram_bit_area=self.sram_bit_area * to.sram_area,
            sram_bit_leakage=self.sram_bit_leakage * to.leakage,
            node=to.new,
        )


def _levels(inputs: Number) -> Number:
    """Return the levels of a binary tree over so many inputs, at least one."""
    if isinstance(inputs, Tensor):
        return inputs.double().clamp(min=2).log2().ceil()
    return max(math.ceil(inputs) - 1, 1).bit_length()


def _layers(inputs: Number) -> Number:
    """Return the layers of full adders that leave two of so many numbers."""
    left = inputs.double() if isinstance(inputs, Tensor) else torch.tensor(float(inputs), dtype=torch.float64)
    layers = torch.zeros_like(left)
    while bool((left > 2).any()):
        layers = layers + (left > 2)
        left = left - (left / 3).floor()
    return layers if isinstance(inputs, Tensor) else float(layers)


def _at_least(x: Number, least: float) -> Number:
    return x.clamp(min=least) if isinstance(x, Tensor) else max(x, least)


def _more_than_one(inputs: Number) -> Number:
    return (inputs > 1).double() if isinstance(inputs, Tensor) else float(inputs > 1)
