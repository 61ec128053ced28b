"""`Control`: what fetches instructions and steps tiles and digital unit through their work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mho.core import Cost, Hertz, NotNegative, Positive, Ratio, Source, Watt

from ._logic import Logic


@dataclass(frozen=True)
class Control:
    """The controllers of a chip: a sequencer that is clocked while its tiles work, and a memory of instructions."""

    count: Annotated[int, Positive]
    """Controllers on the chip."""
    gates: Annotated[Ratio, NotNegative]
    """Of one, in NAND2 equivalents without its memory."""
    activity: Annotated[Ratio, NotNegative]
    """Share of the gates that switch in a cycle."""
    instructions: Annotated[Ratio, NotNegative]
    """Fetched for one product of a tile."""
    instruction_bits: Annotated[int, NotNegative]
    memory_bits: Annotated[int, NotNegative]
    """Instructions that one controller holds."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.activity > 1:
            raise ValueError(f"activity must be a share of the gates, at most 1, not {self.activity:g}")

    def fetch(self, logic: Logic) -> Cost:
        """Return the energy of fetching the instructions of one product."""
        return logic.buffer_access(self.instructions * self.instruction_bits)

    def power(self, logic: Logic, clock: Hertz) -> Watt:
        """Return the power of one controller at work, without fetching."""
        return self.gates * self.activity * logic.nand2_capacitance * logic.supply**2 * clock

    def part(self, logic: Logic) -> Cost:
        """Return area and leakage of all controllers."""
        gates = logic.gates(0, self.gates)
        bits = self.memory_bits
        return self.count * Cost(
            area=gates.area + bits * logic.sram_bit_area, leakage=gates.leakage + bits * logic.sram_bit_leakage
        )
