"""A cell that keeps what is written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Second, Siemens, Source, SquareMetre

from ._base import AbstractCell, cell_costs


@dataclass(frozen=True)
class Ideal(AbstractCell):
    """A resistor between two conductances: exactly as written, for ever; at most it fluctuates while it is read."""

    g_min: Annotated[Siemens, NotNegative]
    g_max: Annotated[Siemens, Positive]
    area: Annotated[SquareMetre, NotNegative]
    write_energy: Annotated[Joule, NotNegative]
    write_time: Annotated[Second, NotNegative]
    read_sigma: Annotated[Ratio, NotNegative] = 0.0
    kind: str = ""
    """The memory that it stands for, as in `memory`."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not self.g_max > self.g_min:
            raise ValueError(f"g_max must be above g_min = {self.g_min} S, not {self.g_max} S")

    @property
    def memory(self) -> str:
        """What it stands for."""
        return self.kind

    @property
    def draws(self) -> tuple[str, ...]:
        """Read noise."""
        return ("read",)

    @property
    def range(self) -> tuple[Siemens, Siemens]:
        """Both ends."""
        return (self.g_min, self.g_max)

    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the target, as read."""
        return target if time is None else (target * (1 + self.read_sigma * draws["read"])).clamp(min=0)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """Read noise."""
        return {"read noise": replace(self, read_sigma=0.0)} if self.read_sigma else {}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of one write and the cell's area."""
        return cell_costs(self.area, Cost(energy=self.write_energy, latency=self.write_time))
