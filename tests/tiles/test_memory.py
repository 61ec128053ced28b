"""Memory of a product: what is alive at once does not grow with chips or images, but for inputs and outputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mho import Condition, Seed
from mho.tiles import AbstractLayout, AnalogTile, ConvLayout, LinearLayout, load_tile

CHUNK = 1 << 13


class _Peak(TorchDispatchMode):
    """Counts the bytes of all tensors that are made and alive, after every operator."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for t in tree_leaves(out):
            storage = t.untyped_storage() if isinstance(t, Tensor) else None
            if storage is not None and storage._cdata not in given:
                self.alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.alive = {k: v for k, v in self.alive.items() if not v[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.alive.values()))
        return out


def _peak(tile: AnalogTile, layout: AbstractLayout, weight: Tensor, x: Tensor, chips: int) -> tuple[int, int]:
    """Return bytes at most alive within a product, and those of its output."""
    full_scale = tile.full_scale(layout, weight, x[:2], True)
    state = tile.program(
        layout, weight, full_scale, [Seed(0).child("chip", i) for i in range(chips)], [Condition()], True
    )
    shape = tile.noise_shape(layout, layout.positions(x[None]), True)
    assert shape is not None
    noise = Seed(0).child("z").normal((chips, len(x), *shape))
    with _Peak() as peak:
        y = tile.multiply(layout, state, x[None], True, noise)
    return peak.most, y.numel() * 4


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_partial_sums_are_held_in_chunks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All partial sums of 32 chips or of 16 times the images are many times larger than what is alive."""
    monkeypatch.setattr("mho.tiles._multiply._CHUNK", CHUNK)
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    layout: AbstractLayout
    if kind == "linear":
        layout, weight_shape, size = LinearLayout(512, 16, 64), (16, 512), (512,)
    else:
        layout = ConvLayout(16, 4, (3, 3), (1, 1), (1, 1), (1, 1), 1, 40)
        weight_shape, size = (4, 16, 3, 3), (16, 8, 8)
    low, high = tile.weight_range
    weight = (Seed(0).child("w").normal(weight_shape) * 40).round().clamp(low, high)
    x = (Seed(0).child("x").normal((64, *size)) * 40).round().clamp(*tile.input_range(True))
    images = 4
    few, few_out = _peak(tile, layout, weight, x[:images], 2)
    many, many_out = _peak(tile, layout, weight, x[:images], 32)
    long, long_out = _peak(tile, layout, weight, x, 2)
    conversions = torch.Size(tile.noise_shape(layout, layout.positions(x[None]), True) or ()).numel()
    assert 4 * conversions * images * 32 > 8 * 4 * CHUNK  # there is something to chunk
    bound = 10 * 4 * CHUNK  # partial sums, encoded inputs and what the passes make of them
    # Outputs of the parts and of the whole are alive for a moment; the inputs of all chips are encoded once.
    for most, out in ((few, few_out), (many, many_out), (long, long_out)):
        assert most < bound + 2.5 * out
    assert many - 2.5 * many_out < 1.3 * few + 4 * CHUNK
    assert long - 2.5 * long_out < 1.3 * few + 4 * CHUNK
