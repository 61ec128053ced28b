"""The fast backend: every layer as one batched product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mho.core import Seed
from mho.ir import QuantLayer
from mho.tiles import AbstractLayout, Activity, Condition

from ._backend import AbstractBackend


@dataclass(frozen=True)
class TorchBackend(AbstractBackend):
    """Runs a program with the tile's own batched product."""

    def prepare_layer(
        self,
        layout: AbstractLayout,
        layer: QuantLayer,
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
    ) -> Any:
        """Program the tile."""
        tile = layer.tile(self.program.chip.tile)
        return tile.program(
            layout, layer.weight.float(), layer.full_scale, chips, conditions, layer.signed, layer.codebook
        )

    def multiply(
        self, layout: AbstractLayout, layer: QuantLayer, state: Any, x: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Activity | None]:
        """Multiply, and measure the activity."""
        tile = layer.tile(self.program.chip.tile)
        return tile.multiply(layout, state, x, layer.signed, noise), tile.activity(layout, state, x, layer.signed)
