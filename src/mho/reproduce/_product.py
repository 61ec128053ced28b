"""`product`: what one matrix-vector product of a full tile costs for evenly spread weights and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mho.core import Cost, Seed
from mho.tiles import AbstractTile, LinearLayout


@dataclass(frozen=True)
class Product:
    """One product of a full tile."""

    blocks: Mapping[str, Cost]
    operations: int

    @property
    def latency(self) -> float:
        """In s."""
        return sum(cost.latency for cost in self.blocks.values())

    def energy(self, *without: str) -> float:
        """In J, of all blocks but some."""
        return sum(cost.energy for name, cost in self.blocks.items() if name not in without)

    def tops_per_watt(self, *without: str) -> float:
        """Operations per joule, in 1e12, of all blocks but some."""
        return self.operations / self.energy(*without) / 1e12


def product(tile: AbstractTile, signed: bool) -> Product:
    """Return the cost of a product with all integers of the tile's ranges equally often, cells at their targets.

    For inputs of one bit, where Gaussian vectors say nothing, half of them are on. Leakage is left out.
    """
    rows, cols = tile.shape
    weights = _even(Seed(0).child("weight"), (cols, rows), tile.weight_range)
    values = _even(Seed(0).child("input"), (64 * rows,), tile.input_range(signed))
    activity = tile.expected_activity(LinearLayout(rows, cols, rows), weights, values, (rows,), signed)
    blocks = dict(tile.mvm_cost(rows, cols, signed))
    for name, cost in tile.cell_cost(activity, rows * cols).items():
        blocks[name] = blocks.get(name, Cost()) + cost
    return Product(blocks, 2 * rows * cols)


def _even(seed: Seed, shape: tuple[int, ...], limits: tuple[int, int]) -> Tensor:
    """Return integers of a range, all equally likely."""
    low, high = limits
    share = torch.special.ndtr(seed.normal(shape).double())
    return (low + (share * (high - low + 1)).floor()).clamp(low, high).float()
