"""The flash converter: one comparator for every transition level, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Second, Source, SquareMetre

from ._threshold import AbstractThresholdConverter


@dataclass(frozen=True)
class Flash(AbstractThresholdConverter):
    """The flash converter: 2^b - 1 comparators against a ladder, whose ones are counted.

    Counting makes bubbles harmless: comparators that swap places give the code of the sorted levels.
    """

    comparator_energy: Annotated[Joule, NotNegative]
    comparator_area: Annotated[SquareMetre, NotNegative]
    comparator_delay: Annotated[Second, Positive]
    decoder_energy: Annotated[Joule, NotNegative]
    """Of the counter of ones, for each comparator."""
    decoder_area: Annotated[SquareMetre, NotNegative]
    """Of the counter of ones, for each comparator."""
    sources: tuple[Source, ...] = ()

    @property
    def bent(self) -> bool:
        """No."""
        return False

    def transitions(self, nominal: Float[Tensor, "levels"], z: Tensor | None) -> Float[Tensor, "*columns levels"]:
        """Each comparator has an offset of its own, `mismatch` LSB."""
        return nominal if z is None else nominal + self.mismatch * z

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Noise, and offsets between comparators."""
        return {"converter noise": "conversion_noise", "comparator mismatch": "mismatch"}

    @property
    def scales(self) -> Mapping[str, str]:
        """Comparators are analog, the counter of ones is gates."""
        return {
            "comparator_energy": "analog_energy",
            "comparator_area": "analog_area",
            "comparator_delay": "delay",
            "decoder_energy": "energy",
            "decoder_area": "area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """Comparators."""
        return {"comparator_delay": -1}

    def at_bits(self, bits: int) -> Flash:
        """Leave the comparators of the levels between off."""
        return self._reduced(bits, {"conversion_noise": 1, "mismatch": 1})

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion and the area of one converter; both double with every bit."""
        count = 2**self.bits - 1
        return {
            "convert": Cost(count * (self.comparator_energy + self.decoder_energy), self.comparator_delay),
            "part": Cost(area=count * (self.comparator_area + self.decoder_area)),
        }
