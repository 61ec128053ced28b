"""What a layer has become once it sits in cells and converters: `Realisation`, and `ArrayState`, folded for speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from ._circuit import Circuit


@dataclass(frozen=True)
class Realisation:
    """The cells and converters of one layer in I chip instances (conditions x chips), each effect by itself."""

    digits: Float[Tensor, "I G R S K N"]
    """What the columns sum, in units of the slice's digit."""
    gain: Float[Tensor, "I G R S N"]
    offset: Float[Tensor, "I G R S N"]
    profile: Tensor | None
    """`[I, G, R, S, N, any]`, what the converter's `profile` says of each column; None where it rounds. I, and
    G to N, are 1 where all are alike.
    """
    gain_correction: Float[Tensor, "I G R S N"]
    offset_correction: Float[Tensor, "I G R S N"]
    lsb: Float[Tensor, "R S"]
    """One LSB in units of digit x step."""
    drift_factor: Float[Tensor, "I G R N"]
    low: float
    high: float
    row_conductance: Float[Tensor, "I G R K"]
    """Conductance of all cells that a word line drives, in S."""
    chips: int
    """How many chips are in I; the rest of I is conditions (times after programming)."""
    noise: Float[Tensor, "R S"]
    """Standard deviation of one conversion in LSB, all sources together."""
    unit: Float[Tensor, "R S"]
    """A cell in its highest state under a full pulse, in LSB."""
    states: Float[Tensor, "cells G R S K N"] | None = None
    """States of the cells of the first chip and condition, where a MAC principle needs them for its energy."""
    circuit: Circuit | None = None
    """What takes the place of `digits` in a product, where no matrix is exact."""
    read_variance: Float[Tensor, "I G R S K N"] | None = None
    """Variance of the digits from one read to the next, where read noise is drawn anew."""
    slope: Float[Tensor, "I G R S K N"] | None = None
    """How `digits` change with the share of a column's conductance that is on, where inputs are on gates."""
    share: Float[Tensor, "I G R S K N"] | None = None
    """Each row's part of that conductance."""
    load: float = 0.0
    """The share at which `digits` hold."""


@dataclass(frozen=True)
class ArrayState:
    """The state of one layer in the tiles of I chip instances (conditions x chips); see `docs/concepts/shapes.md`.

    A code is convert(transfer(pulses @ matrix) + noise + offset), the transfer that of the tile's MAC principle. The
    product that codes stand for is the sum over phases, row tiles and slices of code x coefficient, less `constant` per
    unit of phase significance.
    """

    matrix: Tensor
    """Effective matrix with converter gain, in LSB per input step, arranged by the layout."""
    offset: Float[Tensor, "I G R S N"]
    """Converter offsets in LSB."""
    biased: bool
    """Whether any offset is not zero."""
    coefficient: Float[Tensor, "I G R S N"]
    """Value of one LSB in units of the integer product: correction, drift compensation, slice significance."""
    constant: Float[Tensor, "I G N"]
    low: float
    high: float
    profile: Tensor | None
    """`[I, G, R, S, N, any]`, what the converter's `profile` says of each column; None where it rounds. I, and
    G to N, are 1 where all are alike.
    """
    row_conductance: Float[Tensor, "I G R K"]
    """Conductance of all cells that a word line drives, in S."""
    chips: int
    """How many chips are in I; the rest of I is conditions (times after programming)."""
    noise: Float[Tensor, "R S"]
    """Standard deviation of one conversion in LSB, all sources together."""
    unit: Float[Tensor, "I G R S N"]
    """A cell in its highest state under a full pulse, in LSB, with the converter's gain."""
    states: Float[Tensor, "cells G R S K N"] | None = None
    """States of the cells of the first chip and condition, where a MAC principle needs them for its energy."""
    circuit: Circuit | None = None
    """What takes the place of `matrix` in a product, where no matrix is exact."""
    scale: Float[Tensor, "I G R S N"] | None = None
    """Converter gain in LSB per digit and step, beside a circuit."""
    read_variance: Tensor | None = None
    """As the matrix, in LSB^2 per step^2, bfloat16: a variance needs no more than its 8 bits."""
    slope: Tensor | None = None
    """What is added for each unit of the share of a column's conductance that is on, with inputs on gates;
    `matrix` is at none.
    """
    share: Tensor | None = None
    """Beside `slope`, the matrix that tells that share."""
    integers: Tensor | None = None
    """Where every code is the partial sum itself: the integer matrix of all slices, arranged as if there were one."""

    @property
    def instances(self) -> int:
        """I."""
        return self.offset.shape[0]

    def alone(self, i: int) -> ArrayState:
        """Return the state of one instance, a view of this one."""

        def one(x: Tensor) -> Tensor:
            return x.unflatten(0, (self.instances, -1))[i]

        def maybe(x: Tensor | None) -> Tensor | None:
            return None if x is None else one(x)

        return replace(
            self,
            matrix=one(self.matrix),
            offset=one(self.offset),
            coefficient=one(self.coefficient),
            constant=one(self.constant),
            profile=self.profile if self.profile is None or len(self.profile) == 1 else one(self.profile),
            row_conductance=one(self.row_conductance),
            chips=1,
            unit=one(self.unit),
            read_variance=maybe(self.read_variance),
            slope=maybe(self.slope),
            share=maybe(self.share),
            integers=maybe(self.integers),
        )
