"""`System`: a processor, a memory, and where between them the arithmetic sits: four rules of traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from mho.core import (
    Byte,
    Cost,
    CostTree,
    Hertz,
    Joule,
    JoulePerBit,
    Loader,
    NotNegative,
    Positive,
    Room,
    Source,
    Watt,
)
from mho.digital import ROOMS as _DIGITAL
from mho.digital import Memory

from ._workload import Workload

Architecture = Literal["von Neumann", "near memory", "in memory", "with memory"]
"""Where weights meet inputs: in a processor behind the pins; in a processor at the memory (PNM); in units beside the
banks of the memory (PIM); in the cells themselves (PWM)."""
MOVEMENT = ("memory", "activations", "buffer")
"""The parts of an item's energy that are movement of data."""


@dataclass(frozen=True)
class Roof:
    """One operation under the roofs of a system."""

    name: str
    operations: float
    intensity: float
    """Operations for each byte from the memory; infinite if nothing comes from there."""
    attained: float
    """Operations a second: the lower of the peak and intensity x bandwidth."""
    bound: Literal["arithmetic", "memory"]


@dataclass(frozen=True)
class System:
    """Units that multiply and the memory that feeds them.

    Weights and cache are read for a batch of items; what fits the buffer is read once and for all. Rules of traffic:

    - `von Neumann`: weights, cache, and activations that do not fit the buffer, cross the whole path of the memory.
    - `near memory`: the same, up to the stage at which the units sit.
    - `in memory`: weights and cache go up to the stage of the units; activations of every matrix go from the host to
      the units and back, over the rest of the path.
    - `with memory`: weights do not move; activations go over links between tiles; the cache is read from the memory.
    """

    title: str
    architecture: Architecture
    units: Annotated[int, Positive]
    lanes: Annotated[int, Positive]
    """Multiply-accumulates of a unit in a cycle."""
    clock: Annotated[Hertz, Positive]
    port: Annotated[Byte, NotNegative]
    """What a unit takes from the memory in a cycle; 0 if only the memory limits it."""
    bits: Annotated[int, Positive]
    """Of all numbers."""
    mac: Annotated[Joule, NotNegative]
    """Arithmetic of a multiply-accumulate; with memory, all that a product costs, for each of them."""
    control: Annotated[Joule, NotNegative]
    """Instructions and scheduling, for each multiply-accumulate."""
    memory: Memory
    devices: Annotated[int, Positive]
    """Memories side by side."""
    stage: str
    """Stage of the memory's path at which the units sit."""
    buffer: Annotated[Byte, NotNegative]
    """On the chip of the units; with memory, the weights that their cells hold."""
    buffer_energy: Annotated[JoulePerBit, NotNegative]
    reuse: Annotated[float, Positive]
    """Multiply-accumulates for each operand read from the buffer."""
    link: Annotated[JoulePerBit, NotNegative] = 0.0
    """Moving an activation between tiles; only with memory."""
    static: Annotated[Watt, NotNegative] = 0.0
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        self.memory.at(self.stage)

    @property
    def peak(self) -> float:
        """Operations a second with all lanes busy."""
        return 2 * self.units * self.lanes * self.clock

    @property
    def bandwidth(self) -> float:
        """B/s that the units take from the memory: the less of what it gives at their stage and their own ports."""
        given = self.devices * self.memory.at(self.stage).bandwidth
        return min(given, self.units * self.port * self.clock) if self.port else given

    def fits(self, workload: Workload) -> bool:
        """Whether weights and cache have room in the memories; cells that multiply are taken to hold all weights."""
        held = 0 if self.architecture == "with memory" else workload.parameters
        return (held + workload.cache) * self.bits / 8 <= self.devices * self.memory.capacity

    def _holds(self, workload: Workload) -> bool:
        """Whether all weights stay in the buffer; cells that multiply are taken to hold them, see `fit` for that."""
        return self.architecture == "with memory" or workload.weights * self.bits / 8 <= self.buffer

    def _spills(self, workload: Workload) -> float:
        """Return the activations that do not fit the buffer and go to the memory and back."""
        if self.architecture in ("in memory", "with memory"):
            return 0.0
        room = self.buffer * 8 / self.bits
        each = ((op.inputs + op.outputs, op.repeats) for op in workload.ops)
        return sum(numbers for numbers, repeats in each if numbers / repeats > room)

    def moved(self, workload: Workload, batch: float = 1.0) -> float:
        """Return the bytes that the units take from the memory for an item."""
        weights = 0.0 if self._holds(workload) else workload.touched / batch
        cache = workload.cache_reads + workload.cache_writes
        return (weights + cache + self._spills(workload)) * self.bits / 8

    def cost(self, workload: Workload, batch: float = 1.0) -> CostTree:
        """Return energy and time of an item: operation after operation, each as long as its roof says.

        The time of `memory` is what arithmetic waits for it; writing and reading activations that spill is all waiting.
        """
        macs, bits = workload.macs + workload.dynamic_macs, self.bits
        moved = 8 * self.moved(workload, batch)
        near, far = self.memory.energy(self.stage), self.memory.energy()
        if self.architecture == "with memory":
            activations, buffer = workload.activations * bits * self.link, workload.dynamic_macs
        elif self.architecture == "in memory":
            activations, buffer = workload.activations * bits * (far - near), macs
        else:
            activations, buffer = 0.0, macs
        busy = 2 * macs / self.peak
        latency = math.fsum(r.operations / r.attained for r in self.roofline(workload, batch))
        latency += self._spills(workload) * bits / 8 / self.bandwidth
        return CostTree.of(
            self.title,
            {
                "memory": Cost(energy=moved * near, latency=latency - busy),
                "activations": Cost(energy=activations),
                "buffer": Cost(energy=2 * buffer * bits / self.reuse * self.buffer_energy),
                "arithmetic": Cost(energy=macs * self.mac, latency=busy),
                "control": Cost(energy=macs * self.control),
                "static": Cost(energy=(self.static + self.devices * self.memory.refresh()) * latency),
            },
        )

    def movement(self, workload: Workload, batch: float = 1.0) -> float:
        """Return the share of an item's energy that goes into moving data."""
        cost = self.cost(workload, batch)
        return math.fsum(cost[name].cost.energy for name in MOVEMENT) / cost.total.energy

    def effective(self, workload: Workload, batch: float = 1.0) -> float:
        """Return the operations a second in matrices; at most the peak."""
        return 2 * (workload.macs + workload.dynamic_macs) / self.cost(workload, batch).total.latency

    def roofline(self, workload: Workload, batch: float = 1.0) -> list[Roof]:
        """Return each operation with weights, and the dynamic ones, under the roofs of peak and bandwidth."""
        held = self._holds(workload)
        roofs: list[Roof] = []
        for op in workload.ops:
            moved = 0.0 if held else op.weights * op.share / batch
            roofs.append(self._roof(op.name, 2 * op.macs, moved * self.bits / 8))
        for op in workload.dynamic:
            roofs.append(self._roof(op.name, 2 * op.macs, op.reads * self.bits / 8))
        return roofs

    def _roof(self, name: str, operations: float, moved: float) -> Roof:
        intensity = operations / moved if moved else math.inf
        attained = min(self.peak, intensity * self.bandwidth)
        return Roof(name, operations, intensity, attained, "arithmetic" if attained == self.peak else "memory")


@dataclass(frozen=True)
class BitSerial:
    """Arithmetic bit by bit on the bit lines of a memory: each column is a lane, each step a cycle of the array.

    A full adder and its carry take `steps` cycles a bit: 1 where a latch and gates at the bit line do it, 9 where the
    array only knows NOR.

    Source of the laws: [eckert2018], n + 1 cycles to add and n^2 + 5 n - 2 to multiply numbers of n bits.
    """

    title: str
    capacity: Annotated[Byte, Positive]
    rows: Annotated[int, Positive]
    """Of an array; its cells over its rows are its bit lines."""
    clock: Annotated[Hertz, Positive]
    steps: Annotated[int, Positive]
    active: Annotated[float, Positive]
    """Share of the arrays that work at once."""
    sources: tuple[Source, ...] = ()

    @property
    def lanes(self) -> int:
        """Bit lines that work at once."""
        return int(8 * self.capacity / self.rows * self.active)

    def add_cycles(self, bits: int) -> int:
        """Return the cycles of an addition, n + 1 steps."""
        return self.steps * (bits + 1)

    def multiply_cycles(self, bits: int) -> int:
        """Return the cycles of a product, n^2 + 5 n - 2 steps."""
        return self.steps * (bits**2 + 5 * bits - 2)

    def rate(self, bits: int, sum_bits: int = 0) -> float:
        """Return the products a second on all lanes, each added to a sum of `sum_bits` if that is not 0."""
        cycles = self.multiply_cycles(bits) + (self.add_cycles(sum_bits) if sum_bits else 0)
        return self.lanes * self.clock / cycles


ROOMS = (
    Room(System, {"System": System}, "systems"),
    Room(BitSerial, {"BitSerial": BitSerial}, "bit-serial"),
    *_DIGITAL,
)


def systems() -> list[str]:
    """Return the names of the presets of systems."""
    return sorted(Loader(ROOMS).presets(System))


def load_system(name_or_path: str) -> System:
    """Load a system: a preset name such as `"hbm-pim"`, or a TOML file."""
    return Loader(ROOMS).load(System, name_or_path)


def load_bit_serial(name_or_path: str) -> BitSerial:
    """Load an engine of bit-serial arithmetic in memory: a preset name such as `"neural-cache"`, or a TOML file."""
    return Loader(ROOMS).load(BitSerial, name_or_path)
