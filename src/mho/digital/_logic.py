"""Standard logic in NAND2 equivalents: what gates, adders and registers cost at one node and supply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mho.core import Cost, Farad, Joule, NotNegative, Positive, Ratio, Second, Source, SquareMetre, Volt, Watt


@dataclass(frozen=True)
class Logic:
    """The digital technology: one NAND2 gate, and everything else in units of it.

    XOR2 is 1.5 x in capacitance and 2.4 x in area and delay, a D flip-flop 3 x in capacitance and 6 x in area; a full
    adder is 3 NAND2 and 2 XOR2.

    Source: [zigzagimc2023], fitted there on four digital chips at 28 nm, 0.9 V.
    """

    supply: Annotated[Volt, Positive]
    nand2_capacitance: Annotated[Farad, Positive]
    nand2_area: Annotated[SquareMetre, Positive]
    nand2_delay: Annotated[Second, Positive]
    nand2_leakage: Annotated[Watt, NotNegative]
    activity: Annotated[Ratio, NotNegative]
    """Share of the gates that switch in an operation."""
    sram_bit_energy: Annotated[Joule, NotNegative]
    """Energy to read or write one bit of a local buffer."""
    sram_bit_area: Annotated[SquareMetre, NotNegative]
    """Area of a buffer bit with its share of the periphery."""
    sources: tuple[Source, ...] = ()

    XOR2_CAPACITANCE = 1.5
    XOR2_AREA = XOR2_DELAY = 2.4
    DFF_CAPACITANCE = 3.0
    DFF_AREA = 6.0

    def gates(self, capacitance: float, area: float, delay: float = 0.0) -> Cost:
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

    def adder(self, bits: int) -> Cost:
        """Return the cost of a ripple adder of that width."""
        fa = self.full_adder()
        carry = 2 * self.nand2_delay * (bits - 1)
        return Cost(fa.energy * bits, fa.latency + carry, fa.area * bits, fa.leakage * bits)

    def register(self, bits: int) -> Cost:
        """Return the cost of clocking a register of that width once."""
        return self.gates(self.DFF_CAPACITANCE * bits, self.DFF_AREA * bits)

    def multiplier(self, a: int, b: int) -> Cost:
        """Return the cost of an a x b bit array multiplier: a b AND gates and a (b - 1) full adders."""
        fa, n = self.full_adder(), a * (b - 1)
        gates = self.gates(a * b, a * b)
        return Cost(
            gates.energy + n * fa.energy,
            (a + b) * fa.latency,
            gates.area + n * fa.area,
            gates.leakage + n * fa.leakage,
        )

    def adder_tree(self, inputs: int, bits: int) -> Cost:
        """Return the cost of a ripple-carry tree that sums `inputs` numbers of `bits` bits.

        N (w + 1) - (w + log2 N + 1) full adders. Source: [zigzagimc2023].
        """
        levels = max(inputs - 1, 1).bit_length()
        count = max(inputs * (bits + 1) - (bits + levels + 1), 0)
        fa = self.full_adder()
        sum_delay = (levels - 1) * 2 * self.XOR2_DELAY + self.XOR2_DELAY + 2 + (bits + levels - 2) * 2
        return Cost(fa.energy * count, sum_delay * self.nand2_delay, fa.area * count, fa.leakage * count)

    def buffer_access(self, bits: float) -> Cost:
        """Return the cost of moving bits into or out of a local SRAM buffer."""
        return Cost(energy=bits * self.sram_bit_energy)
