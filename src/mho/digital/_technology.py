"""The technology table: what gates, SRAM and wires of each node are, between 180 and 3 nm, at any supply."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Annotated

import torch
from torch import Tensor

from mho.core import (
    Cost,
    Farad,
    Hertz,
    Joule,
    Loader,
    Metre,
    NotNegative,
    Number,
    Positive,
    Ratio,
    Room,
    Scaling,
    Second,
    Source,
    SpecError,
    SquareMetre,
    Unit,
    Volt,
    Watt,
    interpolate,
)

from ._logic import Logic


@dataclass(frozen=True)
class Node:
    """One technology node: a NAND2 gate, a static memory cell and wires, at the node's nominal supply."""

    node: Annotated[Metre, Positive]
    supply: Annotated[Volt, Positive]
    threshold: Annotated[Volt, Positive]
    """Threshold voltage of the delay's law, alpha-power, for other supplies than the nominal one."""
    nand2_area: Annotated[SquareMetre, Positive]
    """With its share of routing and filling."""
    nand2_capacitance: Annotated[Farad, Positive]
    """All that a switching gate charges, its share of wires included."""
    nand2_delay: Annotated[Second, Positive]
    nand2_leakage: Annotated[Watt, Positive]
    sram_cell_area: Annotated[SquareMetre, Positive]
    """Of the densest six-transistor cell."""
    metal_pitch: Annotated[Metre, Positive]
    """Of the densest metal layer."""
    analog_length: Annotated[Metre, Positive]
    """What analog circuits shrink with; below 22 nm the names of nodes are no lengths."""


@dataclass(frozen=True)
class Spread:
    """Relative uncertainty of each quantity: about two values of three lie within 1 / (1 + u) and 1 + u of ours."""

    nand2_area: Annotated[Ratio, Positive]
    nand2_capacitance: Annotated[Ratio, Positive]
    nand2_delay: Annotated[Ratio, Positive]
    nand2_leakage: Annotated[Ratio, Positive]
    sram_cell_area: Annotated[Ratio, Positive]
    metal_pitch: Annotated[Ratio, Positive]
    sram_area: Annotated[Ratio, Positive]
    """Of a macro's area."""
    sram_energy: Annotated[Ratio, Positive]
    """Of a macro's energy of an access."""
    wire_capacitance: Annotated[Ratio, Positive]


@dataclass(frozen=True)
class SramMacro:
    """What a memory macro is beside its cells, told by one macro of known size.

    Area: cells / efficiency, times 1 + sqrt(b0 / bits) for the periphery along the edges; b0 follows from `bit_area`.
    Energy of a bit: C V^2 of a wire as long as the macro's side, and of lines within a bank in proportion to the side
    of a cell, which takes the rest of `bit_energy`.
    """

    bits: Annotated[int, Positive]
    node: Annotated[Metre, Positive]
    bit_area: Annotated[SquareMetre, Positive]
    bit_energy: Annotated[Joule, Positive]
    """Of reading or writing one bit, at the nominal supply of the node."""
    efficiency: Annotated[Ratio, Positive]
    """Share of a large macro that is cells."""
    leakage: Annotated[Ratio, NotNegative]
    """Of a bit with its periphery, in NAND2 gates."""


@dataclass(frozen=True)
class AnalogLaw:
    """How analog circuits follow the node: by these exponents of their length, and no further than noise lets."""

    energy_exponent: Annotated[Ratio, NotNegative]
    """Of the capacitance that noise and matching do not set."""
    area_exponent: Annotated[Ratio, NotNegative]
    rate_corner: Annotated[Hertz, Positive]
    """Conversions a second above which the noise-limited part of a conversion's energy rises with the rate."""
    access_floor: Annotated[SquareMetre, NotNegative]
    """The least area of a memory cell whose access transistor carries the current of writing."""


@dataclass(frozen=True)
class Technology:
    """The technology table. Between nodes the logarithm of each quantity is linear in the logarithm of the node.

    A node in m and a supply in V may be numbers or tensors that broadcast; results then are tensors of float64,
    differentiable in both. Without a supply the node's nominal one is taken. Energy goes with C V^2, delay with
    V / (V - threshold)^alpha [sakurai1990], leakage power with V.

    >>> technology = load_technology()
    >>> f"{1e12 * technology.logic(28e-9).nand2_area:.3f} um2"
    '0.614 um2'
    """

    nodes: tuple[Node, ...]
    alpha: Annotated[Ratio, Positive]
    """Exponent of the delay's law."""
    activity: Annotated[Ratio, NotNegative]
    """Share of the gates that switch in an operation, for `Logic`."""
    wire_capacitance: Annotated[float, Unit("F/m"), Positive]
    """Of a wire of minimum pitch and its neighbours, about the same at all nodes."""
    sram_macro: SramMacro
    analog: AnalogLaw
    uncertainty: Spread
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        sizes = [n.node for n in self.nodes]
        if len(sizes) < 2 or sizes != sorted(set(sizes), reverse=True):
            raise ValueError(f"nodes must be two or more, from the largest to the smallest, not {sizes}")
        for n in self.nodes:
            if n.threshold >= n.supply:
                raise ValueError(f"the threshold of a node must be below its supply {n.supply}, not {n.threshold}")

    @property
    def range(self) -> tuple[Metre, Metre]:
        """The smallest and the largest node."""
        return (self.nodes[-1].node, self.nodes[0].node)

    def nominal_supply(self, node: Number) -> Number:
        """Return the nominal supply in V."""
        return _plain(self._at("supply", node), node)

    def logic(self, node: Number, supply: Number | None = None, buffer_bits: Number | None = None) -> Logic:
        """Return the logic of a node at a supply, with buffers of the given capacity (8 KB if left out).

        Raises:
            SpecError: if the node is outside the table, or the supply not above the node's threshold voltage.
        """
        given = (node, supply, buffer_bits)
        size, volt = self._size(node), self._supply(node, supply)
        bits = self.sram_macro.bits if buffer_bits is None else buffer_bits
        macro, nominal = self._sram(bits, node, volt), self._at("supply", node)
        return Logic(
            supply=_plain(volt, *given),
            nand2_capacitance=_plain(self._at("nand2_capacitance", node), *given),
            nand2_area=_plain(self._at("nand2_area", node), *given),
            nand2_delay=_plain(self._delay(node, volt), *given),
            nand2_leakage=_plain(self._at("nand2_leakage", node) * volt / nominal, *given),
            activity=self.activity,
            sram_bit_energy=_plain(macro.energy, *given),
            sram_bit_area=_plain(macro.area / bits, *given),
            sram_bit_leakage=_plain(macro.leakage / bits, *given),
            node=_plain(size, *given),
            sources=self.sources,
        )

    def sram_cell_area(self, node: Number) -> Number:
        """Return the area of a six-transistor cell in m2; a table, since F2 says nothing below 22 nm."""
        return _plain(self._at("sram_cell_area", node), node)

    def sram_edge_area(self, node: Number) -> Number:
        """Return the area in m2 that one row, or one column, of a memory macro takes beside its cells."""
        macro = self.sram_macro
        own = self._at("sram_cell_area", macro.node)
        edge = (macro.bit_area * macro.efficiency / own - 1) * math.sqrt(macro.bits)
        return _plain(self._at("sram_cell_area", node) / macro.efficiency * edge / 2, node)

    def sram(
        self, bits: Number, node: Number, supply: Number | None = None, cell_area: Number | None = None
    ) -> Mapping[str, Cost]:
        """Return the cost of moving one `bit` into or out of a memory of so many bits, and of the whole `part`.

        The time of an access is a gate delay for each bit of the address. Cells are the densest of six transistors,
        unless their area in m2 is given.
        """
        given = (bits, node, supply)
        volt = self._supply(node, supply)
        macro = self._sram(bits, node, volt, cell_area)
        latency = self._delay(node, volt) * torch.as_tensor(bits, dtype=torch.float64).log2().clamp(min=1)
        return {
            "bit": Cost(energy=_plain(macro.energy, *given), latency=_plain(latency, *given)),
            "part": Cost(area=_plain(macro.area, *given), leakage=_plain(macro.leakage, *given)),
        }

    def wire_energy(self, length: Number, node: Number, supply: Number | None = None) -> Number:
        """Return the energy in J that one rising edge takes on a wire of that length in m, C V^2.

        Of random bits in a row every fourth begins with a rising edge.
        """
        given = (length, node, supply)
        return _plain(self.wire_capacitance * length * self._supply(node, supply) ** 2, *given)

    def metal_pitch(self, node: Number) -> Number:
        """Return the pitch of the densest metal layer in m."""
        return _plain(self._at("metal_pitch", node), node)

    def relative_delay(self, node: Number, supply: Number) -> Number:
        """Return the delay at a supply over that at the nominal one."""
        given = (node, supply)
        return _plain(self._delay(node, self._supply(node, supply)) / self._at("nand2_delay", node), *given)

    def scaling(self, old: Metre, new: Metre, supply: Volt | None = None, old_supply: Volt | None = None) -> Scaling:
        """Return what changes from an old node to a new one; without a supply, each node has its nominal one.

        Raises:
            SpecError: if a node is outside the table, or a supply not above the node's threshold voltage.
        """
        before, after = self.logic(old, old_supply), self.logic(new, supply)
        step = float(self._at("analog_length", new) / self._at("analog_length", old))
        return Scaling(
            old=old,
            new=new,
            supply=after.supply,
            voltage=after.supply / before.supply,
            capacitance=after.nand2_capacitance / before.nand2_capacitance,
            delay=after.nand2_delay / before.nand2_delay,
            area=after.nand2_area / before.nand2_area,
            leakage=after.nand2_leakage / before.nand2_leakage,
            sram_cell=self.sram_cell_area(new) / self.sram_cell_area(old),
            sram_energy=after.sram_bit_energy / before.sram_bit_energy,
            sram_area=after.sram_bit_area / before.sram_bit_area,
            metal_pitch=self.metal_pitch(new) / self.metal_pitch(old),
            analog_capacitance=step**self.analog.energy_exponent,
            analog_area=step**self.analog.area_exponent,
            access_floor=self.analog.access_floor,
        )

    def scaling_from(self, logic: Logic, node: Metre, supply: Volt | None = None) -> Scaling:
        """Return what changes from the node and supply of some logic to others.

        Raises:
            SpecError: if the logic does not say its node, or a node or supply is outside the table.
        """
        if logic.node == 0:
            raise SpecError(["node: logic must say in which node it is to be scaled to another; set it, as `28 nm`"])
        return self.scaling(logic.node, node, supply, logic.supply)

    @cached_property
    def _table(self) -> Mapping[str, Tensor]:
        """Logarithms of all quantities, from the smallest node to the largest."""
        rows = self.nodes[::-1]
        return {
            f.name: torch.tensor([getattr(n, f.name) for n in rows], dtype=torch.float64).log() for f in fields(Node)
        }

    def _size(self, node: Number) -> Tensor:
        size = torch.as_tensor(node, dtype=torch.float64)
        low, high = self.range
        inside = (size >= low * (1 - 1e-9)) & (size <= high * (1 + 1e-9))
        if not bool(inside.all()):
            worst = float(size[~inside].reshape(-1)[0]) * 1e9
            raise SpecError(
                [f"node: must lie from {1e9 * low:g} to {1e9 * high:g} nm, where the table ends, not {worst:g} nm"]
            )
        return size

    def _at(self, name: str, node: Number) -> Tensor:
        x = self._size(node).log()
        knots, values = self._table["node"].to(x.device), self._table[name].to(x.device)
        return interpolate(x, knots, values).exp()

    def _supply(self, node: Number, supply: Number | None) -> Tensor:
        if supply is None:
            return self._at("supply", node)
        volt, threshold = torch.as_tensor(supply, dtype=torch.float64), self._at("threshold", node)
        if not bool((volt > threshold).all()):
            volt, threshold = torch.broadcast_tensors(volt, threshold)
            first = int((volt <= threshold).reshape(-1).nonzero()[0])
            raise SpecError(
                [
                    f"supply: must be above the threshold voltage, {float(threshold.reshape(-1)[first]):.2f} V at this "
                    f"node, not {float(volt.reshape(-1)[first]):g} V; the delay's law ends there"
                ]
            )
        return volt

    def _delay(self, node: Number, volt: Tensor) -> Tensor:
        nominal, threshold = self._at("supply", node), self._at("threshold", node)

        def law(v: Tensor) -> Tensor:
            return v / (v - threshold) ** self.alpha

        return self._at("nand2_delay", node) * law(volt) / law(nominal)

    def _sram(self, bits: Number, node: Number, volt: Tensor, cell_area: Number | None = None) -> Cost:
        """Energy of a bit; area and leakage of the macro."""
        macro, cell = self.sram_macro, self._at("sram_cell_area", node)
        if cell_area is not None:
            cell = torch.as_tensor(cell_area, dtype=torch.float64)
        count = torch.as_tensor(bits, dtype=torch.float64)
        if not bool((count > 0).all()):
            raise SpecError([f"bits: a memory has more than 0, not {float(count.min()):g}"])
        area = self._sram_area(count, cell)
        own = self._at("sram_cell_area", macro.node)
        side = self._sram_area(torch.tensor(float(macro.bits), dtype=torch.float64), own).sqrt()
        lines = (macro.bit_energy / self._at("supply", macro.node) ** 2 - self.wire_capacitance * side) / own.sqrt()
        energy = (lines * cell.sqrt() + self.wire_capacitance * area.sqrt()) * volt**2
        leak = self._at("nand2_leakage", node) * volt / self._at("supply", node)
        return Cost(energy=energy, area=area, leakage=macro.leakage * leak * count)

    def _sram_area(self, bits: Tensor, cell: Tensor) -> Tensor:
        macro = self.sram_macro
        own = self._at("sram_cell_area", macro.node)
        edge = (macro.bit_area * macro.efficiency / own - 1) * math.sqrt(macro.bits)
        return cell / macro.efficiency * (bits + edge * bits.sqrt())


def _plain(value: Number, *given: object) -> Number:
    """Return a tensor where one was given, else a number."""
    if any(isinstance(x, Tensor) for x in given):
        return value
    return float(value)


@cache
def load_technology(name_or_path: str = "cmos") -> Technology:
    """Load a technology table: `"cmos"`, or a TOML file of your own."""
    return Loader((Room(Technology, {}, "nodes"),)).load(Technology, name_or_path)
