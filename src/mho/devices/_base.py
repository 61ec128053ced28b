"""`AbstractCell`: what every memory cell can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Metre, NotNegative, Scaling, Siemens, SquareMetre, Watt

BOLTZMANN_EV = 8.617333262e-5
"""k in eV / K, and k / q in V / K."""


@dataclass(frozen=True)
class AbstractCell(ABC):
    """The memory cell: a conductance that is programmed once and then drifts, relaxes and fluctuates.

    A cell holds numbers only. Its state is the tensors that are passed in: the target conductance and standard
    normal draws, one per name in `draws`, of the target's shape. All methods are pure, differentiable in the
    target and broadcast over leading dimensions.
    """

    feature_size: Annotated[Metre, NotNegative] = field(default=0.0, kw_only=True)
    """F of the process, for an area in F^2; 0 where it is not known."""

    @property
    def within(self) -> AbstractCell:
        """The innermost cell, where some are around others."""
        return self

    @property
    def memory(self) -> str:
        """The kind of memory, as `arrays.memories` names them; empty for a cell of no kind."""
        return ""

    @property
    def states(self) -> int | None:
        """How many states it can hold; None for any conductance in its range."""
        return None

    @property
    @abstractmethod
    def draws(self) -> tuple[str, ...]:
        """The names of the standard normal tensors that `conductance` needs."""

    @property
    @abstractmethod
    def range(self) -> tuple[Siemens, Siemens]:
        """The lowest and the highest conductance that can be asked for, in S."""

    @abstractmethod
    def conductance(
        self, target: Float[Tensor, "*shape"], draws: Mapping[str, Tensor], time: float | None
    ) -> Float[Tensor, "*shape"]:
        """Return the conductance in S as read `time` seconds after programming.

        `None` stands for the conductance just written, before drift and read noise, as near to the end of writing as
        the source's data reach.
        """

    def at_temperature(self, kelvin: float) -> AbstractCell:
        """Return the cell as it is read and ages at another temperature; a cell that does not say how is the same."""
        return self

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """This cell without one of its non-idealities, by the name of what is missing; see `mho.nonidealities`."""
        return {}

    def scaled(self, to: Scaling) -> AbstractCell:
        """Return the cell at another node: the same device, and an access transistor that shrinks with it.

        The area goes with the square of the node, down to `access_floor`; what the device is and how it is written
        stays.
        """
        if not any(f.name == "area" for f in fields(self)):
            return self
        area: float = getattr(self, "area")  # noqa: B009  (subclasses have one)
        step = to.new / to.old
        changes: dict[str, Any] = {"area": max(area * step**2, min(area, to.access_floor))}
        changes["feature_size"] = self.feature_size * step
        return replace(self, **changes)

    @abstractmethod
    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of the actions `write` and of the `part` itself (area of one cell).

        A cell whose reading destroys what it holds has `restore` as well, the cost of writing it back after one read;
        one that forgets has `refresh`, whose `leakage` is the mean power, in W, of keeping it.
        """


def cell_costs(area: SquareMetre, write: Cost, leakage: Watt = 0.0, **more: Cost) -> Mapping[str, Cost]:
    """Put together the cost table of a cell; actions that cost nothing are left out of `more`."""
    return {"write": write, "part": Cost(area=area, leakage=leakage)} | {
        name: cost for name, cost in more.items() if cost != Cost()
    }
