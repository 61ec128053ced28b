"""`Quantization`: how the numbers of a layer become integers, and with how many bits a tile works on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mho.core import SpecError

from ._base import AbstractTile


@dataclass(frozen=True)
class Quantization:
    """How a layer becomes integers: bits, scales, and the resolution at which converters read its partial sums.

    Bits that are left out are those of the tile; fewer make it do less (`AbstractTile.at_bits`), more are an error.

    >>> str(Quantization(4, per="tensor", adc_bits=6))
    '4-bit weights per tensor, 6-bit ADC'
    """

    weight_bits: int | None = None
    per: Literal["column", "tensor"] = "column"
    """What has one scale: each column (output) of a weight, or all of it."""
    clip: Literal["largest", "least squares"] = "largest"
    """Whether the largest weight becomes the largest integer, or weights are clipped for the least squared error."""
    input_bits: int | None = None
    inputs: Literal["uniform", "lloyd-max"] = "uniform"
    """Equal steps, or 2^input_bits levels of least squared error among the integers that the tile takes."""
    adc_bits: int | None = None
    adc_range: Literal["covering", "least squares"] = "covering"
    """Whether converters cover all but 1 in 10,000 of the partial sums, or clip them for the least squared error."""

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be at least {least}, not {bits}; take more bits, or None for as many as the tile has"
            for name, bits, least in (
                ("weight_bits", self.weight_bits, 2),
                ("input_bits", self.input_bits, 1 if self.inputs == "lloyd-max" else 2),
                ("adc_bits", self.adc_bits, 1),
            )
            if bits is not None and bits < least
        ]
        problems += [
            f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}"
            for name, value, allowed in (
                ("per", self.per, ("column", "tensor")),
                ("clip", self.clip, ("largest", "least squares")),
                ("inputs", self.inputs, ("uniform", "lloyd-max")),
                ("adc_range", self.adc_range, ("covering", "least squares")),
            )
            if value not in allowed
        ]
        if self.inputs == "lloyd-max" and self.input_bits is None:
            problems.append("inputs = 'lloyd-max' needs input_bits, which say how many levels there are; give some")
        if problems:
            raise SpecError(problems)

    def tile(self, tile: AbstractTile) -> AbstractTile:
        """Return a tile as it works with these bits; levels of inputs need all the bits that the tile takes.

        Raises:
            SpecError: if it has not so many.
        """
        if self.inputs == "lloyd-max" and self.input_bits is not None:
            low, high = tile.input_range(True)
            if 2**self.input_bits > high - low + 1:
                raise SpecError(
                    [
                        f"levels of inputs must be fewer than the {high - low + 1} integers that the tile takes, "
                        f"not 2^{self.input_bits}; give fewer input_bits"
                    ]
                )
        return tile.at_bits(self.weight_bits, self._line_bits, self.adc_bits)

    @property
    def _line_bits(self) -> int | None:
        return None if self.inputs == "lloyd-max" else self.input_bits

    def __str__(self) -> str:
        weights = "" if self.weight_bits is None else f"{self.weight_bits}-bit "
        parts: list[str] = []
        if weights or self.per != "column" or self.clip != "largest":
            parts.append(f"{weights}weights per {self.per}" + (" of least error" if self.clip != "largest" else ""))
        if self.input_bits is not None:
            kind = " Lloyd-Max" if self.inputs == "lloyd-max" else ""
            parts.append(f"{self.input_bits}-bit{kind} inputs")
        if self.adc_bits is not None or self.adc_range != "covering":
            adc = "ADC" if self.adc_bits is None else f"{self.adc_bits}-bit ADC"
            parts.append(adc + (" of least error" if self.adc_range != "covering" else ""))
        return ", ".join(parts) or "as the tile"
