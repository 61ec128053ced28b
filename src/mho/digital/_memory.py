"""`Memory`: a memory beside the chip as a path from its cells to the pins, with a price a bit for every stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mho.core import Byte, BytePerSecond, JoulePerBit, NotNegative, Positive, Ratio, Second, Source, SpecError, nearest

Page = Literal["open", "closed"]


@dataclass(frozen=True)
class Stage:
    """A stretch of the path of a bit: what gets it this far from the stage before."""

    name: str
    energy: Annotated[JoulePerBit, NotNegative]
    bandwidth: Annotated[BytePerSecond, Positive]
    """Of everything at this stage together."""


@dataclass(frozen=True)
class Memory:
    """A dynamic memory: opening a row costs energy for each of its bits, each stage of the path for each bit moved.

    A unit that computes at a stage pays for the path up to there. Refreshing opens every row once an interval.
    """

    title: str
    capacity: Annotated[Byte, Positive]
    stages: tuple[Stage, ...]
    """From the cells outwards; the last one is where a processor sits."""
    activation: Annotated[JoulePerBit, NotNegative]
    """Opening and closing a row, for each bit of the row."""
    row: Annotated[Byte, Positive]
    burst: Annotated[Byte, Positive]
    """What one access moves at least."""
    retention: Annotated[Second, Positive]
    """Every row is refreshed once in this time."""
    page: Page = "open"
    """`closed`: each access opens a row for itself; `open`: a row stays open while it is read."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        names = [s.name for s in self.stages]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"stages must have names that differ, and at least one, not {names}")
        if self.burst > self.row:
            raise ValueError(f"a burst of {self.burst:g} B must fit into a row of {self.row:g} B")

    def at(self, stage: str = "") -> Stage:
        """Return the whole path up to a stage as one stage; the last one if no name is given.

        Raises:
            SpecError: if there is no such stage.
        """
        names = [s.name for s in self.stages]
        stage = stage or names[-1]
        if stage not in names:
            raise SpecError([f"{self.title} has no stage {stage!r} in its path; {nearest(stage, names)}"])
        path = self.stages[: names.index(stage) + 1]
        return Stage(stage, sum(s.energy for s in path), path[-1].bandwidth)

    def energy(self, stage: str = "", locality: Ratio = 1.0) -> float:
        """Return the energy in J of moving one bit from its cell to a stage.

        `locality` is the share of an open row that is used before it is closed; a closed page uses one burst.
        """
        used = max(locality, self.burst / self.row) if self.page == "open" else self.burst / self.row
        return self.activation / min(used, 1.0) + self.at(stage).energy

    def gain(self, stage: str, within_power: bool = False) -> float:
        """Return the bandwidth at a stage over that of the last one.

        Within the power that reading takes at the last stage, the energy of a bit limits it as well.
        """
        wide = self.at(stage).bandwidth / self.at().bandwidth
        return min(wide, self.energy() / self.energy(stage)) if within_power else wide

    def refresh(self) -> float:
        """Return the power in W of refreshing."""
        return 8 * self.capacity * self.activation / self.retention
