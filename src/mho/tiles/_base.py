"""`AbstractTile`: what the compiler, the runtime and the cost model ask of a tile, analog or digital."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Metre, Scaling, Second, Seed, SpecError, Volt
from mho.digital import Logic, Technology, load_technology

from ._layout import AbstractLayout

Compensation = Literal["none", "global", "column", "levels"]


@dataclass(frozen=True)
class Condition:
    """When the chip is read, and what makes up for drift: nothing, one factor a row tile (`"global"`), one a column, or
    the programmed levels of adaptive converters, which follow the sums of their row tile.
    """

    time: Second | None = 0.0
    """Seconds after programming; None for cells just written, without drift, relaxation or read noise."""
    compensation: Compensation = "none"
    temperature: float | None = None
    """In K, while it ages and is read; None for the temperature at which it was written, that of the cell's data."""


@dataclass(frozen=True)
class DesignPoint:
    """What a tile knows of a layer before it is trained: found once, so that a step of training is cheap."""

    trim: tuple[float, float] = (1.0, 0.0)
    """Gain and offset that the digital correction of a converter without errors has."""
    losses: Float[Tensor, "G R S K N"] | None = None
    """What wires leave of each cell's current, with the weights at hand when it was found; None without wires."""
    moments: Float[Tensor, "2 S weights"] | None = None
    """Mean and standard deviation of each slice's digit, for every integer weight; None for exact cells."""


@dataclass(frozen=True)
class Activity:
    """What the cells of one layer did for one image, from the run's own data (mean over images and chips, in the first
    condition).
    """

    positions: float
    """Matrix-vector products per image."""
    siemens_seconds: float
    """Sum over cells and pulses of conductance x time x (pulse / largest pulse)^e, in S s; e is 2 for levels and 1 for
    widths. Times V^2 it is the energy in the cells.
    """
    drawn: float
    """The same with e = 1, in S s; times V it is the charge that flows."""
    density: float
    """Mean drive of the word lines: pulse energy as a fraction of full pulses; for bits the share of ones."""
    column_energy: float = 0.0
    """Energy of the columns of a tile with a MAC principle of its own, in J, in place of that of conductances."""


@dataclass(frozen=True)
class AbstractTile(ABC):
    """One matrix-vector multiplier: integers in, (estimates of) the integer product out."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Rows (inputs) and columns (weights, whatever number of cells each takes)."""

    @property
    @abstractmethod
    def weight_range(self) -> tuple[int, int]:
        """The smallest and largest weight."""

    @abstractmethod
    def input_range(self, signed: bool) -> tuple[int, int]:
        """The smallest and largest input."""

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether it returns the integer product itself."""

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What two of its parts say of the same thing that cannot both be so; a file that says so is refused."""
        return ()

    def refuse_contradictions(self, where: str) -> None:
        """Raise if a file, whose name is `where`, contradicts itself; tiles that are put together in Python may.

        Raises:
            SpecError: with every contradiction.
        """
        if self.contradictions:
            raise SpecError(list(self.contradictions), where=where)

    def level_cost(self, columns: int) -> Cost:
        """Return the cost of writing the levels of the converters of so many columns; none where they are fixed."""
        return Cost()

    @property
    def feels_heat(self) -> bool:
        """Whether a temperature changes anything."""
        return False

    def at_bits(
        self, weights: int | None = None, inputs: int | None = None, converter: int | None = None
    ) -> AbstractTile:
        """Return this tile as it works on a layer of fewer bits: the same part, doing less; None for as many as it has.

        Raises:
            SpecError: if it has not so many, or no such bits.
        """
        if (weights, inputs, converter) == (None, None, None):
            return self
        raise SpecError([f"the bits of a {type(self).__name__} cannot be chosen; leave them out"])

    def unrectified(self) -> AbstractTile:
        """Return this tile with converters that read sums of both signs: itself, unless they rectify."""
        return self

    @property
    def effects(self) -> Mapping[str, AbstractTile]:
        """This tile without one of its non-idealities, by the name of what is missing; see `mho.nonidealities`."""
        return {}

    @property
    def gates(self) -> Logic:
        """The logic in it, which says in which node and at which supply the tile is.

        Raises:
            SpecError: if the class does not say.
        """
        raise SpecError([f"{type(self).__name__} does not say in which node it is; give it `gates` and `scaled`"])

    def scaled(self, to: Scaling) -> AbstractTile:
        """Return this tile at another node and supply, each part by its own rule.

        Raises:
            SpecError: if the class, or that of a part, does not say how it scales.
        """
        raise SpecError([f"{type(self).__name__} does not say how it follows the technology; give it `scaled`"])

    def at_node(self, node: Metre, supply: Volt | None = None, technology: Technology | None = None) -> AbstractTile:
        """Return this tile at another node in m, and supply in V (the nominal one if left out).

        Raises:
            SpecError: if the tile cannot be scaled, or node or supply are outside the table of technologies.
        """
        return self.scaled((technology or load_technology()).scaling_from(self.gates, node, supply))

    @abstractmethod
    def full_scale(
        self, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool, clip: bool = False
    ) -> Float[Tensor, "R S"]:
        """Choose the converter's full scale per row tile and slice from some inputs, in units of digit x step.

        `weights` and `x` (a few images) hold integers as floats. With `clip` sums are clipped for the least error.
        """

    def codebook(
        self, layout: AbstractLayout, weights: Tensor, full_scale: Float[Tensor, "R S"], x: Tensor, signed: bool
    ) -> Float[Tensor, "G_ R S_ N_ 2 levels"] | None:
        """Fit transition levels and levels of adaptive converters to some inputs, in LSB from the lowest code.

        None for converters that have none of their own.
        """
        return None

    @abstractmethod
    def program(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
        signed: bool,
        codebook: Tensor | None = None,
    ) -> Any:
        """Write a layer into the cells of some chips and let time pass; returns the tile's own state."""

    def design_point(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        signed: bool,
        time: Second | None = 0.0,
        moments: Float[Tensor, "2 S weights"] | None = None,
    ) -> DesignPoint:
        """Find what `design` needs.

        Args:
            layout: of the layer.
            weights: integers.
            signed: whether inputs have a sign.
            time: of reading the cells, in s after writing.
            moments: those that another layer on the same tile and at the same time has; surveyed if left out.
        """
        return DesignPoint()

    @abstractmethod
    def design(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        signed: bool,
        point: DesignPoint,
        z: Float[Tensor, "S *weights"] | None = None,
        codebook: Tensor | None = None,
        spread: Float[Tensor, "G R converters levels"] | None = None,
    ) -> Any:
        """Return the state of one chip as designed, for training: converters alike, and cells at their targets.

        With standard normal `z` each digit errs as its cells do, by their mean and standard deviation, and with
        `spread`, of `spread_shape`, each programmed level. Plain torch, on the device of the weights; a codebook that
        requires gradients has them.
        """

    def spread_shape(self, layout: AbstractLayout) -> tuple[int, ...] | None:
        """Return the shape of what `design` takes as `spread`; None where no levels are programmed."""
        return None

    @abstractmethod
    def noise_shape(self, layout: AbstractLayout, positions: int, signed: bool) -> tuple[int, ...] | None:
        """Return the shape `[P, G, R, S, N, L]` of the noise of one image, or None for a noiseless tile."""

    @abstractmethod
    def multiply(self, layout: AbstractLayout, state: Any, x: Tensor, signed: bool, noise: Tensor | None) -> Tensor:
        """Multiply inputs `[I, B, ...]` (integers as floats); returns `[I, B, ...]` in units of the integer product.

        `noise` is standard normal, `[chips, B, *noise_shape]`.
        """

    @abstractmethod
    def activity(self, layout: AbstractLayout, state: Any, x: Tensor, signed: bool) -> Activity:
        """Measure what the cells do for the inputs `[I, B, ...]`."""

    @abstractmethod
    def expected_activity(
        self, layout: AbstractLayout, weights: Tensor, values: Tensor, shape: Sequence[int], signed: bool
    ) -> Activity:
        """Estimate the activity from distributions: as if inputs and weights of a layer were drawn independently.

        Nothing is programmed or multiplied; cells are at their targets.

        Args:
            layout: of the layer.
            weights: its integers.
            values: a sample of its integer inputs, `[n]`, in any order.
            shape: of its input for one image.
            signed: whether inputs have a sign.
        """

    def product_bits(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the bits that a product of a block brings in, and those of its sums.

        Raises:
            SpecError: if the class does not say.
        """
        raise SpecError([f"{type(self).__name__} does not say how many bits a product moves; give it `product_bits`"])

    @abstractmethod
    def mvm_cost(self, rows: int, columns: int, signed: bool) -> Mapping[str, Cost]:
        """Return the cost by block of one matrix-vector product that uses so many rows and columns, cells apart."""

    @abstractmethod
    def cell_cost(self, activity: Activity, weights: int) -> Mapping[str, Cost]:
        """Return the cost by block that depends on the data, for one image and a layer of that many weights."""

    @property
    def common_columns(self) -> int:
        """Columns of cells that all blocks in a tile have in common."""
        return 0

    @abstractmethod
    def write_cost(self, rows: int, columns: int) -> Cost:
        """Return what writing so many rows and columns once costs, as the cell's `write` says."""

    def upkeep(self) -> Mapping[str, Cost]:
        """Return the power, as `leakage`, that keeps what the cells hold while the tile is on, by block."""
        return {}

    @abstractmethod
    def parts(self) -> Mapping[str, Cost]:
        """Return area and leakage by block."""
