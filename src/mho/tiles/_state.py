"""What a layer has become once it sits in cells and converters: `Realisation`, and `ArrayState`, folded for speed."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Realisation:
    """The cells and converters of one layer in I chip instances (conditions x chips), each effect by itself."""

    digits: Float[Tensor, "I G R S K N"]
    """What the columns sum, in units of the slice's digit."""
    gain: Float[Tensor, "I G R S N"]
    offset: Float[Tensor, "I G R S N"]
    bit_weights: Tensor | None
    """`[I, G, R, S, N, bits]` for a converter with capacitor mismatch."""
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


@dataclass(frozen=True)
class ArrayState:
    """The state of one layer in the tiles of I chip instances (conditions x chips); see `docs/concepts/shapes.md`.

    A code is convert(pulses @ matrix + offset); the product that it stands for is the sum over phases, row tiles and
    slices of code x coefficient, less `constant` per unit of phase significance.
    """

    matrix: Tensor
    """Effective matrix with converter gain, in LSB per input step, arranged by the layout."""
    offset: Float[Tensor, "I G R S N"]
    """Converter offsets in LSB."""
    coefficient: Float[Tensor, "I G R S N"]
    """Value of one LSB in units of the integer product: correction, drift compensation, slice significance."""
    constant: Float[Tensor, "I G N"]
    low: float
    high: float
    bit_weights: Tensor | None
    """`[I, G, R, S, N, bits]` for a converter with capacitor mismatch."""
    row_conductance: Float[Tensor, "I G R K"]
    """Conductance of all cells that a word line drives, in S."""
    chips: int
    """How many chips are in I; the rest of I is conditions (times after programming)."""
