"""Sense amplifiers as converters: one comparator that meets one reference after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Second, Source, SquareMetre, Watt

from ._threshold import AbstractThresholdConverter


@dataclass(frozen=True)
class SenseAmplifier(AbstractThresholdConverter):
    """A sense amplifier with 2^b - 1 references in turn; with one bit it is the read-out of a memory.

    A voltage sense amplifier compares the voltage that a line was left at and draws energy at each decision. A current
    sense amplifier compares the line's current with a reference current that flows as long as it decides: so it decides
    while the input pulse lasts, which must be long enough for all references.
    """

    kind: Literal["voltage", "current"]
    decision_energy: Annotated[Joule, NotNegative]
    decision_time: Annotated[Second, Positive]
    reference_power: Annotated[Watt, NotNegative]
    """Of the reference while it is compared with; the current of a current sense amplifier."""
    area: Annotated[SquareMetre, NotNegative]
    """Of the amplifier."""
    bit_area: Annotated[SquareMetre, NotNegative]
    """Of the register of the code, for each bit."""
    sources: tuple[Source, ...] = ()

    @property
    def bent(self) -> bool:
        """No."""
        return False

    def transitions(self, nominal: Float[Tensor, "levels"], z: Tensor | None) -> Float[Tensor, "*columns levels"]:
        """Each reference has an error of its own, `mismatch` LSB; the amplifier's offset is that of the column."""
        return nominal if z is None else nominal + self.mismatch * z

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Noise, and errors of the references."""
        return {"converter noise": "conversion_noise", "reference mismatch": "mismatch"}

    @property
    def scales(self) -> Mapping[str, str]:
        """All of it is analog."""
        return {
            "decision_energy": "analog_energy",
            "decision_time": "delay",
            "reference_power": "analog_power",
            "area": "analog_area",
            "bit_area": "area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """Decisions, and the reference that has to settle as fast."""
        return {"decision_time": -1, "reference_power": 1}

    @property
    def concurrent(self) -> bool:
        """Where it compares currents."""
        return self.kind == "current"

    @property
    def counting_time(self) -> Second:
        """All references in turn."""
        return self._decisions * self.decision_time if self.concurrent else 0.0

    @property
    def _decisions(self) -> int:
        return 2**self.bits - 1

    def at_bits(self, bits: int) -> SenseAmplifier:
        """Leave the references between out."""
        return self._reduced(bits, {"conversion_noise": 1, "mismatch": 1})

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion, all references tried, and the area of one converter.

        One that compares currents takes no time beside the input pulse.
        """
        seconds = self._decisions * self.decision_time
        energy = self._decisions * self.decision_energy + self.reference_power * seconds
        return {
            "convert": Cost(energy, 0.0 if self.concurrent else seconds),
            "part": Cost(area=self.area + self.bits * self.bit_area),
        }
