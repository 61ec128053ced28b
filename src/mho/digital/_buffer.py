"""`AbstractBuffer`: a memory for activations on the chip, in banks of cells with decoders and sense amplifiers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from mho.core import Cost, Farad, Metre, Positive, Ratio, Second, Source, SpecError, SquareMetre, Watt

from ._link import RISING, htree_length
from ._logic import Logic
from ._technology import Technology, load_technology


@dataclass(frozen=True)
class AbstractBuffer(ABC):
    """Equal banks of rows and columns, joined by a tree of wires, in the node of a logic.

    Each row has a decoder and a driver, each column a sense amplifier and what precharges and writes it, as large as in
    the memory macro of the technology table; a bank is larger than its cells by that macro's efficiency besides.
    """

    rows: Annotated[int, Positive] = field(kw_only=True)
    """Of a bank."""
    columns: Annotated[int, Positive] = field(kw_only=True)
    banks: Annotated[int, Positive] = field(kw_only=True)
    sources: tuple[Source, ...] = field(default=(), kw_only=True)

    @property
    def bits(self) -> int:
        """The capacity."""
        return self.rows * self.columns * self.banks

    @abstractmethod
    def cell_area(self, node: Metre) -> SquareMetre:
        """Return the area of a cell."""

    @abstractmethod
    def access(self, logic: Logic) -> Cost:
        """Return energy and time of reading or writing a bit within a bank."""

    @abstractmethod
    def leakage(self, logic: Logic) -> Watt:
        """Return the power of all banks at rest."""

    def refresh(self, logic: Logic) -> Watt:
        """Return the power of keeping what the cells hold."""
        return 0.0

    def parts(self, logic: Logic) -> Mapping[str, Cost]:
        """Return area and leakage of `cells` and `periphery`; static power is counted with the periphery.

        Raises:
            SpecError: if the logic does not say its node.
        """
        table, node = _table(logic), logic.node
        cells = self.bits * self.cell_area(node)
        edges = self.banks * (self.rows + self.columns) * table.sram_edge_area(node)
        spacing = cells * (1 / table.sram_macro.efficiency - 1)
        return {"cells": Cost(area=cells), "periphery": Cost(area=edges + spacing, leakage=self.leakage(logic))}

    def efficiency(self, logic: Logic) -> float:
        """Return the share of the area that is cells."""
        parts = self.parts(logic)
        return parts["cells"].area / sum(p.area for p in parts.values())

    def bit(self, logic: Logic) -> Cost:
        """Return energy and time of moving one bit into or out of the buffer: its bank, and the wires to it."""
        table = _table(logic)
        side = math.sqrt(sum(p.area for p in self.parts(logic).values()))
        wires = RISING * table.wire_energy(htree_length(side, self.banks), logic.node, logic.supply)
        return self.access(logic) + Cost(energy=wires)


@dataclass(frozen=True)
class SramBuffer(AbstractBuffer):
    """A buffer of static cells. One square bank is the memory macro of the technology table."""

    def cell_area(self, node: Metre) -> SquareMetre:
        """Of the densest six-transistor cell."""
        return load_technology().sram_cell_area(node)

    def access(self, logic: Logic) -> Cost:
        """Return that of the macro."""
        return _table(logic).sram(self.rows * self.columns, logic.node, logic.supply)["bit"]

    def leakage(self, logic: Logic) -> Watt:
        """Return that of the macro."""
        table = _table(logic)
        return self.banks * table.sram(self.rows * self.columns, logic.node, logic.supply)["part"].leakage


@dataclass(frozen=True)
class EdramBuffer(AbstractBuffer):
    """A buffer of one transistor and capacitor a cell: small cells, whose charge a read destroys and time leaks away.

    Opening a row takes C V^2 / 2 of every cell on it to restore; lines are shorter than those of static cells by the
    side of the cell. Cells leak into refreshing, the periphery as gates of its area.
    """

    cell: Annotated[Ratio, Positive]
    """Area of a cell over that of the node's six-transistor cell."""
    capacitance: Annotated[Farad, Positive]
    """Of a cell."""
    word: Annotated[int, Positive]
    """Bits of an open row that are used."""
    retention: Annotated[Second, Positive]
    """Every row is refreshed once in this time."""

    def __post_init__(self) -> None:
        if self.word > self.columns:
            raise ValueError(f"a word of {self.word} bits must fit into a row of {self.columns}")

    def cell_area(self, node: Metre) -> SquareMetre:
        """Smaller than a six-transistor cell by `cell`."""
        return self.cell * load_technology().sram_cell_area(node)

    def access(self, logic: Logic) -> Cost:
        """Return lines, and the bit's share of restoring its row; the row is written back in the same time again."""
        lines = self._lines(logic)
        restored = self.columns / self.word * self._charge(logic)
        return Cost(energy=lines.energy + restored, latency=2 * lines.latency)

    def leakage(self, logic: Logic) -> Watt:
        """Return that of as many gates as decoders and sense amplifiers have room for."""
        edges = self.banks * (self.rows + self.columns) * _table(logic).sram_edge_area(logic.node)
        return edges / logic.nand2_area * logic.nand2_leakage

    def refresh(self, logic: Logic) -> Watt:
        """Return lines and charge of every cell once in the retention time."""
        once = self._lines(logic).energy + self._charge(logic)
        return self.bits * once / self.retention

    def _lines(self, logic: Logic) -> Cost:
        area = self.cell_area(logic.node)
        return _table(logic).sram(self.rows * self.columns, logic.node, logic.supply, area)["bit"]

    def _charge(self, logic: Logic) -> float:
        return self.capacitance * logic.supply**2 / 2


def _table(logic: Logic) -> Technology:
    if logic.node == 0:
        raise SpecError(["node: a buffer of its own takes its cells from the node of the logic; set it, as `28 nm`"])
    return load_technology()
