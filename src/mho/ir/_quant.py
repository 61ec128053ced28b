"""`QuantGraph`: a graph with integer weights and the scales that lead in and out of every tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.tiles import AbstractTile, input_integers

from ._graph import Graph


@dataclass(frozen=True)
class QuantLayer:
    """The integers of one matrix node: real output = product x weight_scale x input_scale + bias, in float32.

    The product is that of integer weights and integer inputs round(x / input_scale), clipped to `input_range`;
    where there are `levels`, the nearest of them.
    """

    weight: Tensor
    """int8 (int16 for more than 8 bits), of the node's weight shape."""
    weight_scale: Float[Tensor, "outputs"]
    bias: Float[Tensor, "outputs"]
    input_scale: float
    input_range: tuple[int, int]
    signed: bool
    full_scale: Float[Tensor, "R S"]
    """The converter's full scale per row tile and slice, in units of digit x step."""
    codebook: Float[Tensor, "G_ R S_ N_ 2 levels"] | None = None
    """Transition levels and levels of adaptive converters, in LSB from the lowest code; G, S and N may be 1."""
    levels: Float[Tensor, "n"] | None = None
    """The integers that inputs are limited to, rising; None for all of `input_range`."""
    weight_bits: int | None = None
    """Bits that the tile works with on this layer, this and the next two; None for as many as it has."""
    input_bits: int | None = None
    adc_bits: int | None = None
    activated: bool = False
    """Whether converters that rectify are the ReLU behind this layer; elsewhere they read sums of both signs."""

    def tile(self, tile: AbstractTile) -> AbstractTile:
        """Return a tile as it works on this layer."""
        tile = tile.at_bits(self.weight_bits, self.input_bits, self.adc_bits)
        return tile if self.activated else tile.unrectified()

    def integers(self, x: Tensor) -> Tensor:
        """Return inputs as integers, held as floats."""
        return input_integers(x, self.input_scale, self.input_range, self.levels)


@dataclass(frozen=True)
class QuantGraph:
    """A quantised network for one kind of tile."""

    graph: Graph
    layers: Mapping[str, QuantLayer]
    """By node name."""
    tile_fingerprint: str
    """Of the tile it was quantised for; another one needs other ranges."""
