"""`Medium`: what holds weights on a chip and multiplies there, as tiles of cells with their periphery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated

from mho.chip import Chip
from mho.core import (
    Cost,
    Joule,
    Loader,
    Metre,
    NotNegative,
    Positive,
    Room,
    Second,
    Source,
    SpecError,
    SquareMetre,
    Watt,
)
from mho.cost import rate, silicon
from mho.digital import DigitalUnit, load_technology

from ._stack import ROOMS as _STACKS
from ._stack import Stack


@dataclass(frozen=True)
class Medium:
    """Equal tiles: arrays of `rows` x `columns` weights that share drivers, converters and adders.

    Arrays lie over one another in tiers, and beside one another in banks; one of a tile works at a time. A product is
    that of one full array; part of it is charged by its columns, and where sums are digital, by its rows as well.
    """

    title: str
    node: Annotated[Metre, NotNegative]
    """Of the cells; 0 if not known."""
    cells: Annotated[int, Positive]
    """Cells of a weight."""
    weight_bits: Annotated[int, Positive]
    tiers: Annotated[int, Positive]
    rows: Annotated[int, Positive]
    columns: Annotated[int, Positive]
    """Weights, whatever number of cells each takes."""
    periphery: Annotated[SquareMetre, Positive]
    """Area of a tile beside its cells."""
    over: bool
    """Whether the cells lie over the periphery; the larger of the two is the area of a tile then, else their sum."""
    digital: bool
    product: Annotated[Joule, Positive]
    period: Annotated[Second, Positive]
    """Of one product."""
    write: Annotated[Joule, NotNegative]
    """Of one weight, with its verifying reads."""
    write_time: Annotated[Second, NotNegative]
    """Of one row."""
    endurance: Annotated[float, Positive]
    """Writes that a cell outlives."""
    leakage: Annotated[Watt, NotNegative]
    """Of a tile that is on, at work or at rest; 0 for cells that keep their weights in a tile that is off."""
    unit: DigitalUnit
    """The share of the chip's digital unit that comes with a tile."""
    tiles: int | None = None
    """Tiles of a chip that exists; None if there may be any number."""
    cell: Annotated[SquareMetre, Positive] | None = None
    """Footprint of one cell; None for the densest static one of the node, as the technology table has it."""
    stack: Stack | None = None
    """What tiers are joined by; None for one tier beside its periphery."""
    logic_node: Annotated[Metre, NotNegative] = 0.0
    """Of the periphery; 0 if it is that of the cells."""
    banks: Annotated[int, Positive] = 1
    """Arrays of a tier beside one another; switches between them and longer lines are not counted."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.stack is not None and not self.over:
            raise ValueError("tiers of a stack lie over their periphery; set over to true, or leave the stack out")
        if self.cell is None and not self.node:
            raise ValueError("cell: say its area, or the node of which it is the densest static cell")

    @property
    def arrays(self) -> int:
        """Arrays of a tile, which take turns."""
        return self.tiers * self.banks

    @property
    def array_weights(self) -> int:
        """Weights of an array."""
        return self.rows * self.columns

    @property
    def footprint(self) -> float:
        """Area of one cell in m2; cells of the tiers lie over one another."""
        return _densest(self.node) if self.cell is None else self.cell

    @property
    def cell_area(self) -> float:
        """Footprint of the cells of a tile, in m2: those of one tier."""
        return self.banks * self.array_weights * self.cells * self.footprint

    @property
    def array_area(self) -> float:
        """Area of a tile without its share of the digital unit, in m2."""
        tier = self.cell_area + self.via_area
        return max(tier, self.periphery) if self.over else tier + self.periphery

    @property
    def periphery_node(self) -> float:
        """Node of the periphery, in m; 0 if not known."""
        return self.logic_node or self.node

    @property
    def lines(self) -> int:
        """Word and bit lines of a tier: one for each row of weights and each column of cells, shared by its banks."""
        return self.rows + self.columns * self.cells

    @property
    def vias(self) -> int:
        """Vias of a tile, one a line through each tier."""
        return self.lines * self.tiers if self.stack else 0

    @property
    def via_area(self) -> float:
        """Area in m2 that vias, and bumps where there are any, take from each tier of a tile."""
        return self.lines * self.stack.line_area if self.stack else 0.0

    @property
    def tile_area(self) -> float:
        """Area of a tile with its share of the digital unit, in m2."""
        return self.array_area + self.unit.costs()["part"].area

    @property
    def via_energy(self) -> float:
        """Energy in J that vias take for a product: each line charges its pillar for each bit of a weight.

        An upper bound: analog lines swing less than logic. Media that are given as stacks have it in their product.
        """
        return self.vias * self.weight_bits * self.stack.passage if self.stack else 0.0

    @property
    def weights_per_area(self) -> float:
        """Weights a m2."""
        return self.arrays * self.array_weights / self.tile_area

    @property
    def peak(self) -> float:
        """Operations a second of a tile."""
        return 2 * self.array_weights / self.period

    @property
    def operations_per_joule(self) -> float:
        """Operations a joule of full products; times 1e-12, TOPS/W."""
        return 2 * self.array_weights / self.product

    def shared(self, banks: int) -> Medium:
        """Return this medium with so many arrays beside one another for each that was there, over one periphery.

        What tiers save by sharing, without tiers: converters are used in turn. Cells of all arrays leak.

        Raises:
            SpecError: if there would be none, or its sums are digital.
        """
        self._check_analog()
        if banks < 1:
            raise SpecError([f"banks: a periphery has at least one array, not {banks}"])
        title = f"{self.title}, {banks} banks"
        return replace(self, title=title, banks=self.banks * banks, leakage=self._leaking(banks))

    def stacked(self, tiers: int, stack: Stack, logic_node: float | None = None) -> Medium:
        """Return this planar medium as tiers of its cells over one periphery, which may be of another node.

        Cells stay as they are and wait for one another; their lines get vias, and cells of all tiers leak. The
        periphery and its share of a product follow analog circuits, its leakage gates (`Technology.scaling`), at
        nominal supplies.

        Args:
            tiers: of cells over the periphery.
            stack: what joins them.
            logic_node: node of the periphery in m; its own if left out.

        Raises:
            SpecError: if it has tiers already, its sums are digital, or nobody knows the node that it would be carried
                from.
        """
        self._check_analog()
        if self.stack is not None or self.tiers > 1:
            raise SpecError([f"{self.title} has {self.tiers} tiers already; stack a planar medium"])
        if tiers < 1:
            raise SpecError([f"tiers: a stack has at least one over its logic, not {tiers}"])
        medium = replace(self, leakage=self._leaking(tiers))
        if logic_node is not None:
            medium = self._with_periphery(logic_node, 1 - stack.heat, tiers)
        found = replace(
            medium, title=f"{self.title}, {tiers} {stack.title}", tiers=tiers, stack=stack, over=True,
            logic_node=medium.periphery_node,
        )  # fmt: skip
        return replace(found, product=found.product + found.via_energy)

    def _check_analog(self) -> None:
        """Refuse to share what every cell is wired to."""
        if self.digital:
            what = "tiers and banks share a periphery over word and bit lines, which is modelled for analog sums only"
            raise SpecError([f"{self.title} adds digitally, the bits of every cell; {what}"])

    def _leaking(self, arrays: int, scale: float = 1.0) -> float:
        """Return the leakage in W with so many times the cells, and another of the rest; split by area."""
        rest = self.periphery + self.unit.costs()["part"].area
        cells = self.leakage * self.cell_area / (self.cell_area + rest)
        return cells * arrays + (self.leakage - cells) * scale

    def _with_periphery(self, node: float, share: float, tiers: int) -> Medium:
        """Carry the periphery below so many tiers to another node; `share` of a product's energy is its own."""
        if not self.periphery_node:
            raise SpecError([f"logic_node: the node of {self.title} is not known, so its periphery stays where it is"])
        technology = load_technology()
        to = technology.scaling(self.periphery_node, node)
        return replace(
            self, logic_node=node, periphery=self.periphery * to.analog_area,
            product=self.product * (1 - share + share * to.analog_energy), leakage=self._leaking(tiers, to.leakage),
            unit=self.unit.scaled(technology.scaling_from(self.unit.logic, node)),
        )  # fmt: skip

    @classmethod
    def of_chip(cls, chip: Chip) -> Medium:
        """Take the numbers of a chip, as `mho.cost.rate` finds them; its cells are charged by full Gaussian tiles.

        Writing is as its cells say; the node is that of the tile's logic. Not taken over: wear of the cells.
        """
        tile, whole = chip.tile, rate(replace(chip, network=None))  # a plan has links of its own
        parts = tile.parts()
        rows, columns = tile.shape
        cells = parts["cells"].area
        write = tile.write_cost(rows, columns)
        keeps = sum(c.leakage for c in tile.upkeep().values())
        share = replace(
            chip.digital,
            lanes=max(1, chip.digital.lanes // chip.tiles),
            buffer_bits=chip.digital.buffer_bits // chip.tiles,
            buffer=None,
            clock_tree=None,
            table=None,
            control=None,
        )
        own, all_ = share.costs()["part"], silicon(replace(chip, network=None)).total
        known = sum(parts.values(), own)
        # Controllers, clock trees, buffers of another kind.
        more = Cost(area=all_.area / chip.tiles - known.area, leakage=all_.leakage / chip.tiles - known.leakage)
        kept = sum(c.leakage for c in chip.digital.upkeep().values()) / chip.tiles
        low, high = tile.weight_range
        try:
            node = tile.gates.node
        except SpecError:  # a tile of one's own that does not say its logic
            node = 0.0
        return cls(
            title=chip.title,
            node=node,
            cell=cells / (rows * columns),
            cells=1,
            weight_bits=(high - low).bit_length(),
            tiers=1,
            rows=rows,
            columns=columns,
            periphery=sum(c.area for name, c in parts.items() if name != "cells") + more.area,
            over=False,
            digital=tile.exact,
            product=whole.mvm_joule,
            period=whole.mvm_seconds,
            write=write.energy / (rows * columns),
            write_time=write.latency / rows,
            endurance=float("inf"),
            leakage=keeps + kept + more.leakage + known.leakage,
            unit=share,
            tiles=chip.tiles,
            sources=chip.sources,
        )


@cache
def _densest(node: float) -> float:
    """Return the area of a node's densest static cell; asked for once an operation of a network."""
    return float(load_technology().sram_cell_area(node))


ROOMS = (Room(Medium, {"Medium": Medium}, "media"), *_STACKS)


def media() -> list[str]:
    """Return the names of the presets."""
    return sorted(Loader(ROOMS).presets(Medium))


def load_medium(name_or_path: str) -> Medium:
    """Load a medium: a preset name such as `"sram-5nm"`, or a TOML file."""
    return Loader(ROOMS).load(Medium, name_or_path)
