"""`AbstractNetworkOnChip`: what carries activations between the tiles and the digital unit, as H-tree or mesh."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from mho.core import Cost, Hertz, Metre, NotNegative, Positive, Ratio, Second, Source, SpecError, SquareMetre, Unit

from ._link import RISING, htree_length, mesh_hops
from ._logic import Logic
from ._technology import load_technology

_LUMPED, _SPREAD = math.log(2), 0.38
"""Time to half the swing over R C: of a capacitance behind a resistance, and of a line that has both along it."""


@dataclass(frozen=True)
class RepeatedWire:
    """A wire cut by repeaters of the size and at the distance that make it fastest.

    With a gate of resistance R0 and capacitance C0, and r and c a metre of wire, a repeater is
    sqrt(R0 c / (r C0)) gates large, one every sqrt(ln 2 R0 C0 / (0.38 r c)). Source: [bakoglu1985].
    """

    capacitance: Annotated[float, Unit("F/m")]
    """Of the wire and its repeaters."""
    delay: Annotated[float, Unit("s/m")]
    gates: Annotated[float, Unit("1/m")]
    """NAND2 equivalents of the repeaters."""

    @classmethod
    def of(cls, logic: Logic, resistance: float, capacitance: float) -> RepeatedWire:
        """Choose the repeaters of a wire of some resistance and capacitance a metre, in a logic."""
        gate = logic.nand2_delay / _LUMPED  # R0 C0
        shares = math.sqrt(_SPREAD / _LUMPED)
        return cls(
            capacitance * (1 + shares),
            2 * _LUMPED * (1 + shares) * math.sqrt(gate * resistance * capacitance),
            capacitance * shares / logic.nand2_capacitance,
        )


@dataclass(frozen=True)
class AbstractNetworkOnChip(ABC):
    """The network between the tiles of a chip and its digital unit.

    It runs at the digital unit's clock in its logic; wires lie above the tiles, repeaters and nodes beside them. Each
    link has wires of its own for both directions.
    """

    width: Annotated[int, Positive] = field(kw_only=True)
    """Bits a cycle between a tile and the network, each way."""
    pitches: Annotated[Ratio, Positive] = field(kw_only=True)
    """Pitch of a wire, in pitches of the node's densest metal layer."""
    aspect: Annotated[Ratio, Positive] = field(kw_only=True)
    """Height of a wire over its width, which is half a pitch."""
    resistivity: Annotated[float, Unit("Ohm*m"), Positive] = field(kw_only=True)
    """Of the metal with its liner, in Ohm m."""
    sources: tuple[Source, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def core_width(self, tiles: int) -> float:
        """Return how many bits a cycle the middle of the network passes at most, of what counts there."""

    @abstractmethod
    def core_bits(self, incoming: float, outgoing: float) -> float:
        """Return how many of the bits to and from all tiles count for the middle of the network."""

    @abstractmethod
    def wire_length(self, tiles: int, side: Metre) -> Metre:
        """Return the length of all single wires together on a square chip."""

    @abstractmethod
    def way(self, tiles: int, side: Metre) -> tuple[Metre, float]:
        """Return how much wire a bit passes on its way, and how many nodes, in the mean."""

    @abstractmethod
    def node_costs(self, logic: Logic) -> Cost:
        """Return the energy of a bit that passes a node."""

    @abstractmethod
    def node_gates(self, tiles: int) -> float:
        """Return the NAND2 equivalents of area of all nodes."""

    @property
    @abstractmethod
    def node_cycles(self) -> float:
        """Cycles that a bit takes through a node."""

    def wire(self, logic: Logic) -> RepeatedWire:
        """Return the wires in the node of a logic, by the shipped technology table.

        Raises:
            SpecError: if the logic does not say its node.
        """
        if logic.node == 0:
            raise SpecError(["node: a network on chip takes its wires from the node of the logic; set it, as `28 nm`"])
        table = load_technology()
        width = self.pitches * float(table.metal_pitch(logic.node)) / 2
        return RepeatedWire.of(logic, self.resistivity / (self.aspect * width**2), table.wire_capacitance)

    def costs(self, logic: Logic, clock: Hertz, tiles: int, area: SquareMetre) -> Mapping[str, Cost]:
        """Return the energy of a `bit` from or to a tile, the time of its `way`, and the `part`.

        Args:
            logic: of the digital unit.
            clock: of the digital unit.
            tiles: of the chip.
            area: of tiles and digital unit, a square.
        """
        side, wire = math.sqrt(area), self.wire(logic)
        metres, nodes = self.way(tiles, side)
        gates = self.node_gates(tiles) + self.wire_length(tiles, side) * wire.gates
        part = logic.gates(0, gates)
        return {
            "bit": Cost(
                energy=RISING * wire.capacitance * metres * logic.supply**2 + nodes * self.node_costs(logic).energy
            ),
            "way": Cost(latency=metres * wire.delay + nodes * self.node_cycles / clock),
            "part": Cost(area=part.area, leakage=part.leakage),
        }

    def transfer_time(self, incoming: Sequence[float], outgoing: Sequence[float], tiles: int, clock: Hertz) -> Second:
        """Return how long it takes to move bits to and from tiles at once: the busiest port, or the middle.

        Args:
            incoming: bits to each tile.
            outgoing: bits from each tile.
            tiles: of the chip.
            clock: of the network.
        """
        port = max(*incoming, *outgoing) / self.width
        return max(port, self.core_bits(sum(incoming), sum(outgoing)) / self.core_width(tiles)) / clock


@dataclass(frozen=True)
class HTree(AbstractNetworkOnChip):
    """A tree from the digital unit in the middle to the tiles, four branches at each node, with registers in them.

    >>> from mho.digital import load_network_on_chip
    >>> load_network_on_chip("h-tree").core_width(64)
    1024.0
    """

    growth: Annotated[Ratio, Positive]
    """How much wider a branch is than the four that it splits into: 1 all the same, 4 enough for all tiles at once."""

    def __post_init__(self) -> None:
        if not 1 <= self.growth <= 4:
            raise ValueError(f"growth must be from 1 (branches alike) to 4 (room for every tile), not {self.growth:g}")

    def core_width(self, tiles: int) -> float:
        """The four branches at the middle, one direction."""
        return 4.0 * self.width * self.growth ** (_levels(tiles) - 1) if tiles > 1 else float(self.width)

    def core_bits(self, incoming: float, outgoing: float) -> float:
        """Each direction has wires of its own."""
        return max(incoming, outgoing)

    def wire_length(self, tiles: int, side: Metre) -> Metre:
        """At each level four times as many branches, each half as long."""
        return 2 * side * sum(2**n * self._branch(n, tiles) for n in range(1, _levels(tiles) + 1))

    def way(self, tiles: int, side: Metre) -> tuple[Metre, float]:
        """From the middle to a tile."""
        return htree_length(side, tiles), float(_levels(tiles))

    def node_costs(self, logic: Logic) -> Cost:
        """A register."""
        return Cost(energy=logic.register(1).energy)

    def node_gates(self, tiles: int) -> float:
        """Registers of both directions in every branch."""
        return 2 * Logic.DFF_AREA * sum(4**n * self._branch(n, tiles) for n in range(1, _levels(tiles) + 1))

    @property
    def node_cycles(self) -> float:
        """One."""
        return 1.0

    def _branch(self, level: int, tiles: int) -> float:
        """Return the bits a cycle of a branch, levels counted from the middle."""
        return self.width * self.growth ** (_levels(tiles) - level)


@dataclass(frozen=True)
class Mesh(AbstractNetworkOnChip):
    """A square mesh of routers, one at each tile with its share of the digital unit, between which activations go.

    Half of what random pairs exchange crosses the middle, over as many links as the mesh has rows.
    """

    router_capacitance: Annotated[Ratio, NotNegative]
    """Of a bit that passes a router, in NAND2 equivalents that switch."""
    router_area: Annotated[Ratio, NotNegative]
    """Of a router for each bit of its width, in NAND2 equivalents."""
    router_cycles: Annotated[Ratio, NotNegative]

    def core_width(self, tiles: int) -> float:
        """Both directions of the links across the middle, and as much again that stays on its side."""
        return min(4.0 * math.sqrt(tiles), 2.0 * tiles) * self.width

    def core_bits(self, incoming: float, outgoing: float) -> float:
        """Between tiles and shares of the digital unit anywhere, so that either kind crosses in both directions."""
        return incoming + outgoing

    def wire_length(self, tiles: int, side: Metre) -> Metre:
        """2 k (k - 1) links of a k-th of the side, for k x k tiles."""
        return 4 * (math.sqrt(tiles) - 1) * side * self.width

    def way(self, tiles: int, side: Metre) -> tuple[Metre, float]:
        """Between two tiles drawn at random; the router of the first one counts too."""
        hops = mesh_hops(tiles)
        return hops * side / math.sqrt(tiles), hops + 1

    def node_costs(self, logic: Logic) -> Cost:
        """Of a router."""
        return Cost(energy=self.router_capacitance * logic.nand2_capacitance * logic.supply**2)

    def node_gates(self, tiles: int) -> float:
        """Of all routers."""
        return tiles * self.router_area * self.width

    @property
    def node_cycles(self) -> float:
        """Of a router."""
        return self.router_cycles


def _levels(tiles: int) -> int:
    return math.ceil(math.log(max(tiles, 1), 4) - 1e-9)
