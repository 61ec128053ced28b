"""`AbstractPrinciple`: how a column of cells multiplies and adds, whatever its physical quantity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.core import Farad, Scaling, Second, SquareMetre

BOLTZMANN = 1.380649e-23
"""J / K, exact by definition of the kelvin."""
ELECTRON = 1.602176634e-19
"""C, exact by definition of the ampere."""


@dataclass(frozen=True)
class AbstractPrinciple(ABC):
    """The physics of one multiply-accumulate: inputs x, cell states w, and the sum of their products.

    Everything is told in *cell units*: a cell in its highest state (w = 1) under a full pulse (x = 1) contributes 1.
    What a column gives is

        transfer(sum over rows of x * weights(w, draws), rows) + noise(rows) * N(0, 1)

    and with ideal numbers it is the sum of x w. `signal` turns cell units into the quantity that the converter reads.
    The draws are standard normal, one number for each cell and name.
    """

    @property
    @abstractmethod
    def quantity(self) -> str:
        """The unit of what the converter reads: `A`, `V`, `s` or `Ohm`."""

    @property
    @abstractmethod
    def draws(self) -> tuple[str, ...]:
        """The names of the draws that `weights` needs."""

    @property
    def linear(self) -> bool:
        """Whether `transfer` is the identity."""
        return True

    @abstractmethod
    def weights(self, w: Float[Tensor, "*d rows cols"], draws: Mapping[str, Tensor]) -> Float[Tensor, "*d rows cols"]:
        """Return what the cells of a column weigh in its sum: states with mismatch and the column's own loading.

        What the design knows (the value of an off cell, a stored column sum) is already corrected for.
        """

    def transfer(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """Return the sum as the column gives it: odd, monotone, with slope 1 at 0 unless a gain is lost."""
        return s

    @abstractmethod
    def noise(self, rows: int) -> float:
        """Return the standard deviation of one reading, in cell units, at worst over the states."""

    @abstractmethod
    def signal(self, s: Float[Tensor, "*s"], rows: int) -> Float[Tensor, "*s"]:
        """Return the physical quantity for a sum in cell units."""

    @abstractmethod
    def settling(self, rows: int, bits: int) -> Second:
        """Return how long one reading takes to be right to half an LSB of `bits` bits of full scale."""

    @abstractmethod
    def energy(self, x: Float[Tensor, "*d rows"], w: Float[Tensor, "rows cols"]) -> Float[Tensor, "*d cols"]:
        """Return the energy that each column takes from its supply for one product, from the data, in J."""

    @property
    @abstractmethod
    def cell_capacitance(self) -> Farad:
        """Capacitance that each cell needs beside the memory, in F: it is most of what the principle costs in area."""

    @property
    def cell_area(self) -> SquareMetre:
        """Area of what each cell needs beside the memory; it lies above the memory, so the larger of both counts."""
        return 0.0

    def scaled(self, to: Scaling) -> AbstractPrinciple:
        """Return this principle at another node and supply; the same one where noise and matching set its parts."""
        return self

    @property
    def effects(self) -> Mapping[str, AbstractPrinciple]:
        """This principle without one of its non-idealities, by the name of what is missing; see `mho.nonidealities`."""
        return {}

    @property
    def shared(self) -> Mapping[str, float]:
        """Numbers that are those of the cell or the tile around it as well, by field: files must agree in them.

        Known are `g_max` (the cell's highest conductance), `read_voltage` and `pulse` (how long a phase lasts).
        """
        return {}

    def read(
        self,
        x: Float[Tensor, "*d rows"],
        w: Float[Tensor, "rows cols"],
        draws: Mapping[str, Tensor],
        noise: Float[Tensor, "*d cols"] | None = None,
    ) -> Float[Tensor, "*d cols"]:
        """Return the sum that each column gives for inputs x in [-1, 1] and states w in [0, 1], in cell units."""
        rows = x.shape[-1]
        s = self.transfer(x @ self.weights(w, draws), rows)
        return s if noise is None else s + self.noise(rows) * noise
