"""`Ablation`: what each non-ideality of a chip costs in accuracy, alone and among the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from mho.tiles import Condition

from ._evaluation import time_name


@dataclass(frozen=True)
class Effect:
    """One non-ideality: accuracies of the same chip instances with it alone, and with all others but not it."""

    name: str
    kind: Literal["device", "circuit"]
    alone: Float[Tensor, " instances"]
    without: Float[Tensor, " instances"]


@dataclass(frozen=True)
class Ablation:
    """The accuracies of a chip with all its non-idealities, with none, with each alone, and without each."""

    name: str
    condition: Condition
    images: int
    all: Float[Tensor, " instances"]
    none: Float[Tensor, " instances"]
    """Quantisation remains."""
    effects: tuple[Effect, ...]

    def loss_alone(self, effect: Effect) -> tuple[float, float]:
        """Return mean and standard deviation over chips of what the effect alone takes from the accuracy."""
        return _paired(self.none - effect.alone)

    def gain_without(self, effect: Effect) -> tuple[float, float]:
        """Return mean and standard deviation over chips of what the accuracy gains if only this effect is removed."""
        return _paired(effect.without - self.all)

    @property
    def when(self) -> str:
        """The time of reading, the compensation, and the temperature if one was named."""
        compensation, kelvin = self.condition.compensation, self.condition.temperature
        made_up = f", {compensation} compensation" if compensation != "none" else ""
        return time_name(self.condition.time) + made_up + ("" if kelvin is None else f", {kelvin:g} K")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "time_s": self.condition.time,
            "compensation": self.condition.compensation,
            "temperature_k": self.condition.temperature,
            "images": self.images,
            "all": self.all.tolist(),
            "none": self.none.tolist(),
            "effects": [
                {"name": e.name, "kind": e.kind, "alone": e.alone.tolist(), "without": e.without.tolist()}
                for e in self.effects
            ],
        }


def _paired(difference: Tensor) -> tuple[float, float]:
    return float(difference.mean()), float(difference.std()) if len(difference) > 1 else 0.0
