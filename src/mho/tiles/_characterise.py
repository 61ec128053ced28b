"""The Monte-Carlo characterisation of one tile: matrix-vector error and cost by block, as designers compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Seed

from ._base import AbstractTile, Condition
from ._layout import LinearLayout

_COVERED = 0.9999


@dataclass(frozen=True)
class TileReport:
    """What `characterise` found."""

    errors: Float[Tensor, "instances vectors"]
    """Relative L2 error of each output vector against the product in floating point."""
    relative_sigma: float
    """Standard deviation of the output error as a fraction of the largest output."""
    blocks: Mapping[str, Cost]
    """Energy and latency of one matrix-vector product, by block."""
    parts: Mapping[str, Cost]
    """Area and leakage, by block."""
    operations: int
    """Two per weight."""

    @property
    def error(self) -> float:
        """Mean relative L2 error."""
        return float(self.errors.mean())

    @property
    def total(self) -> Cost:
        """Sum of the blocks and of the parts; leakage power over the product's latency is in the energy."""
        dynamic = sum(self.blocks.values(), Cost())
        static = sum(self.parts.values(), Cost())
        return Cost(dynamic.energy + static.leakage * dynamic.latency, dynamic.latency, static.area, static.leakage)

    def share(self, *blocks: str) -> float:
        """Return the share of the energy that blocks have together; `"leakage"` is a block of its own."""
        total = self.total
        joule = {k: c.energy for k, c in self.blocks.items()} | {"leakage": total.leakage * total.latency}
        return sum(joule[block] for block in blocks) / total.energy

    @property
    def tops(self) -> float:
        """Operations per second, in 1e12."""
        return self.operations / self.total.latency / 1e12

    @property
    def tops_per_watt(self) -> float:
        """Operations per joule, in 1e12."""
        return self.operations / self.total.energy / 1e12


def characterise(
    tile: AbstractTile,
    seed: Seed = Seed(0),  # noqa: B008  (a frozen value)
    instances: int = 8,
    vectors: int = 64,
    condition: Condition = Condition(),  # noqa: B008
) -> TileReport:
    """Multiply Gaussian vectors with a Gaussian matrix that fills the tile, on some chip instances.

    Weights are quantised per column to their largest value; inputs, and the outputs of an exact tile, over a range
    that covers all but 1 in 10,000 values. The same matrix and vectors serve every instance.
    """
    tile = tile.unrectified()  # there is no ReLU behind these products
    rows, cols = tile.shape
    layout = LinearLayout(rows, cols, rows)
    weight = seed.child("weight").normal((cols, rows))
    x = seed.child("input").normal((1, vectors, rows))
    low, high = tile.weight_range
    weight_scale = weight.abs().amax(1) / min(high, -low)
    weights = (weight / weight_scale[:, None]).round()
    bottom, top = tile.input_range(True)
    input_scale = _covered(x) / top
    inputs = (x / input_scale).round().clamp(bottom, top)
    chips = [seed.child("chip", i) for i in range(instances)]
    full_scale = tile.full_scale(layout, weights, inputs[0], True)
    state = tile.program(layout, weights, full_scale, chips, [condition], True)
    shape = tile.noise_shape(layout, 1, True)
    noise = None
    if shape is not None:
        noise = torch.stack([c.child("noise").normal((vectors, *shape)) for c in chips])
    y = tile.multiply(layout, state, inputs, True, noise) * input_scale * weight_scale
    if tile.exact:
        step = _covered(y) / 127
        y = (y / step).round().clamp(-128, 127) * step
    true = x.double() @ weight.double().T
    difference = y.double() - true
    activity = tile.activity(layout, state, inputs.expand(instances, -1, -1), True)
    blocks = dict(tile.mvm_cost(rows, cols, True))
    for name, cost in tile.cell_cost(activity, rows * cols).items():
        blocks[name] = blocks.get(name, Cost()) + cost
    latency = sum(blocks.values(), Cost()).latency
    for name, cost in tile.upkeep().items():
        blocks[name] = Cost(energy=cost.leakage * latency)
    return TileReport(
        errors=(difference.norm(dim=-1) / true.norm(dim=-1)).float(),
        relative_sigma=float(difference.std() / true.abs().max()),
        blocks=blocks,
        parts=tile.parts(),
        operations=2 * rows * cols,
    )


def _covered(x: Tensor) -> float:
    values = x.abs().flatten()
    return float(values.kthvalue(max(1, round(_COVERED * values.numel()))).values)
