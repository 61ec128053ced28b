"""The digital unit: everything of a network that no tile does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mho.core import Cost, Hertz, Scaling, Source

from ._buffer import AbstractBuffer
from ._clock_tree import ClockTree
from ._control import Control
from ._logic import Logic
from ._table import LookUpTable

WORD = 16
"""Bits of the digital unit's arithmetic, for cost; the simulation computes in float32."""


@dataclass(frozen=True)
class DigitalUnit:
    """Lanes of fixed-point arithmetic beside the tiles: scale, bias, ReLU, addition, pooling, and buffers.

    Cost in NAND2 equivalents: an operation is an adder and a register; a scale has a multiplier as well; a
    look-up reads a table. Source:
    [zigzagimc2023].
    """

    logic: Logic
    lanes: int
    """Operations at once."""
    clock: Hertz
    registers: int
    """Flip-flops per tile that are clocked while it works (its own and those of its share of the unit)."""
    buffer_bits: int
    """Capacity of the activation buffer of the chip, for its area."""
    buffer: AbstractBuffer | None = None
    """The activation buffer, if it is told by its banks; None for one as the logic has it, a bit like another."""
    table: LookUpTable | None = None
    """Tables of functions of one number; None where they lie in the buffer, a lane reading a word of it."""
    clock_tree: ClockTree | None = None
    """What brings the clock to the registers of a tile; None where it is not counted."""
    control: Control | None = None
    """What fetches instructions and steps the tiles; None where it is not counted."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if min(self.lanes, self.clock) <= 0:
            raise ValueError(f"lanes and clock must be above zero, not {self.lanes} and {self.clock}")
        if self.buffer is not None and self.buffer_bits != self.buffer.bits:
            raise ValueError(f"buffer_bits must be the {self.buffer.bits} of the buffer, not {self.buffer_bits}")
        if (self.buffer or self.table or self.clock_tree) and self.logic.node == 0:
            raise ValueError("logic.node must be given with a buffer, a table or a clock tree, which follow the node")

    def scaled(self, to: Scaling) -> DigitalUnit:
        """Return this unit at another node and supply; its clock follows the gates."""
        return replace(self, logic=self.logic.scaled(to), clock=self.clock / to.delay)

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one `operation`, `scale` and `lookup`, of moving one buffer `bit`, and of the `part`."""
        cycle = 1 / (self.lanes * self.clock)
        add = self.logic.adder(WORD) + self.logic.register(WORD)
        multiply = self.logic.multiplier(WORD, 8)
        bit = self.logic.buffer_access(1).energy if self.buffer is None else self._own_bit.energy
        return {
            "operation": Cost(energy=add.energy, latency=cycle),
            "scale": Cost(energy=add.energy + multiply.energy, latency=cycle),
            "lookup": Cost(bit * WORD, cycle) if self.table is None else self.table.read(self.logic, self.clock),
            "bit": Cost(energy=bit),
            "part": sum(self.parts().values(), Cost()),
        }

    @cached_property
    def _own_bit(self) -> Cost:
        """A bit of the buffer that is told by its banks."""
        return Cost() if self.buffer is None else self.buffer.bit(self.logic)

    def parts(self) -> Mapping[str, Cost]:
        """Return area and leakage by part: lanes and their buffer, or the buffer apart if it is told by its banks."""
        lane = self.logic.adder(WORD) + self.logic.register(WORD) + self.logic.multiplier(WORD, 8)
        bits = self.buffer_bits if self.buffer is None else 0
        out = {
            "digital unit": Cost(
                area=lane.area * self.lanes + bits * self.logic.sram_bit_area,
                leakage=lane.leakage * self.lanes + bits * self.logic.sram_bit_leakage,
            )
        }
        if self.buffer is not None:
            out |= {f"buffer {name}": cost for name, cost in self.buffer.parts(self.logic).items()}
        if self.table is not None:
            out["tables"] = self.table.part(self.logic)
        if self.control is not None:
            out["control"] = self.control.part(self.logic)
        return out

    def upkeep(self) -> Mapping[str, Cost]:
        """Return the power of refreshing the buffer, where it forgets."""
        power = 0.0 if self.buffer is None else self.buffer.refresh(self.logic)
        return {"buffer refresh": Cost(leakage=power)} if power else {}

    def control_power(self) -> float:
        """Return the power in W of all controllers at work, without fetching."""
        return 0.0 if self.control is None else self.control.count * self.control.power(self.logic, self.clock)

    def fetch(self) -> Cost:
        """Return the energy of fetching the instructions of one product."""
        return Cost() if self.control is None else self.control.fetch(self.logic)

    def clock_power(self) -> float:
        """Return the power in W of clocking the registers of one busy tile (the clock switches every cycle)."""
        energy = self.logic.DFF_CAPACITANCE * self.logic.nand2_capacitance * self.logic.supply**2
        return self.registers * energy * self.clock
