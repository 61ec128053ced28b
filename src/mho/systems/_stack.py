"""`Stack`: how tiers of memory cells lie over logic: what joins them, how heat gets through, what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mho.core import Loader, Metre, NotNegative, Positive, Ratio, Room, Source, Unit
from mho.cost import load_foundry
from mho.digital import ROOMS as _DIGITAL
from mho.digital import Link

from ._cooling import tier_rises

Assembly = Literal["die to wafer", "wafer to wafer", "monolithic"]
"""Tested dies on a wafer; wafers on one another, good dies under bad ones; tiers grown on one wafer."""


@dataclass(frozen=True)
class Stack:
    """Equal tiers over one tier of logic, of which one tier works at a time.

    Each word and bit line of a tier goes down to the logic; lines of all tiers that lie over one another share a
    pillar of vias, one via a tier.
    """

    title: str
    link: Link
    """A via from one tier to the next: its area, and its energy for each bit that a line carries."""
    assembly: Assembly
    cooled: Literal["logic", "tiers"]
    """Which side the sink is on: of the logic, or of the tiers, so that heat of the logic passes all of them."""
    heat: Annotated[Ratio, NotNegative]
    """Share of a product's heat that arises in the cells; the rest in the logic."""
    joint: Annotated[float, Unit("W/m2/K"), Positive]
    """Thermal conductance of what joins two tiers."""
    silicon: Annotated[Metre, NotNegative]
    """Thickness of the silicon of a tier."""
    silicon_conductivity: Annotated[float, Unit("W/m/K"), Positive]
    wiring: Annotated[Metre, NotNegative]
    """Thickness of the wires of a tier and the oxide around them."""
    wiring_conductivity: Annotated[float, Unit("W/m/K"), Positive]
    wafer_cost: Annotated[float, NotNegative] = 0.0
    """US dollars to make a wafer of a tier ready for bonding: vias, thinning, and bonding of whole wafers."""
    joint_cost: Annotated[float, NotNegative] = 0.0
    """US dollars to place and bond one die."""
    joint_yield: Annotated[Ratio, Positive] = 1.0
    """Share of the joints of a die with the next that are good."""
    layer_price: Annotated[Ratio, NotNegative] = 0.0
    """What a grown tier adds to the price of the wafer."""
    layer_defects: Annotated[Ratio, NotNegative] = 0.0
    """What a grown tier adds to the defects of the wafer."""
    bump: Link | None = None
    """What joins each via to the next tier, where the via alone does not."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if max(self.heat, self.joint_yield) > 1:
            raise ValueError(
                f"heat and joint_yield are shares of at most 1, not {self.heat:g} and {self.joint_yield:g}"
            )

    @property
    def line_area(self) -> float:
        """m2 that a line takes from each tier: its via, and its bump where there is one."""
        return self.link.lane_area + (self.bump.lane_area if self.bump else 0.0)

    @property
    def passage(self) -> float:
        """J for a bit through a tier: via and bump."""
        return self.link.passage + (self.bump.passage if self.bump else 0.0)

    @property
    def tier_resistance(self) -> float:
        """m2 K/W through a tier and its joint."""
        return 1 / self.joint + self.silicon / self.silicon_conductivity + self.wiring / self.wiring_conductivity

    def rise(self, logic: float, cells: float, tiers: int) -> float:
        """Return the K by which the hottest tier is above the coldest face of the stack.

        Heat of the cells arises in the tier that lies worst, as far from the sink as there is one.

        Args:
            logic: W/m2 of the logic.
            cells: W/m2 of the tier that works.
            tiers: of cells.
        """
        through = [self.tier_resistance] * tiers
        if self.cooled == "logic":
            return max(tier_rises([logic] + [0.0] * (tiers - 1) + [cells], [0.0, *through]))
        return max(tier_rises([0.0] * (tiers - 1) + [cells, logic], [0.0, *through]))

    def price(self, area: float, tiers: int, cells: float, logic: float) -> float:
        """Return the US dollars of a stack of an area in m2 that works, before packaging and testing.

        Logic and tiers are dies of one size. Joints fail one by one; a stack with a bad one is lost.

        Args:
            area: of a die.
            tiers: of cells.
            cells: node of the tiers, in m.
            logic: node of the logic, in m. Tiers that are grown are of one wafer with it, which has the price of the
                finer node.
        """
        foundry = load_foundry()
        base = foundry.die(area, logic)
        if self.assembly == "monolithic":
            node = min(cells, logic)
            wafer = foundry.wafer_price(node) * (1 + self.layer_price * tiers)
            working = foundry.die(area * (1 + self.layer_defects * tiers), node).working  # as if of so much more area
            return wafer / (base.gross * working) / self.joint_yield**tiers
        tier = foundry.die(area, cells)
        ready = self.wafer_cost / tier.gross
        if self.assembly == "die to wafer":
            cost = base.cost + tiers * (tier.cost + ready / tier.working + self.joint_cost)
            return cost / self.joint_yield**tiers
        cost = base.cost * base.working + tiers * (tier.cost * tier.working + ready)
        return cost / (base.working * (tier.working * self.joint_yield) ** tiers)


ROOMS = (Room(Stack, {"Stack": Stack}, "stacks"), *_DIGITAL)


def stacks() -> list[str]:
    """Return the names of the presets."""
    return sorted(Loader(ROOMS).presets(Stack))


def load_stack(name_or_path: str) -> Stack:
    """Load a way to stack: a preset name such as `"hybrid-bond"`, or a TOML file."""
    return Loader(ROOMS).load(Stack, name_or_path)
