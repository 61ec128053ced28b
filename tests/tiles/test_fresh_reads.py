"""Read noise that is new at each conversion, against cells drawn one by one; the same numbers in any company."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import mho.nn
from mho import Chip, Condition, Seed
from mho.converters import Sar, load_converter
from mho.devices import Ideal
from mho.tiles import (
    AbstractInputEncoding,
    AbstractLayout,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    ConvLayout,
    Differential,
    LinearLayout,
    UnfoldedConvLayout,
    load_tile,
)

READS = 1000
LAYOUTS: dict[str, tuple[AbstractLayout, tuple[int, ...], tuple[int, ...]]] = {
    "linear": (LinearLayout(30, 4, 16), (4, 30), (30,)),
    "convolution": (ConvLayout(4, 4, (3, 3), (1, 1), (0, 0), (1, 1), 2, 9), (4, 2, 3, 3), (4, 4, 3)),
    "unfolded": (UnfoldedConvLayout(2, 3, (3, 3), (1, 1), (0, 0), (1, 1), 1, 8), (3, 2, 3, 3), (2, 4, 3)),
}


def _tile(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding) -> AnalogTile:
    """A tile whose cells have read noise, and nothing else an error."""
    tile, converter = load_tile("tile2"), load_converter("sar-8b")
    assert isinstance(tile, AnalogTile)
    assert isinstance(converter, Sar)
    quiet = replace(converter, bits=12, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0, mismatch=0.0)
    return replace(
        tile, rows=16, cols=16, cell=Ideal(1e-6, 1e-4, 0.0, 0.0, 0.0, read_sigma=0.2), wires=None, weights=weights,
        inputs=inputs, converter=quiet, pre=replace(tile.pre, noise=0.0), fresh_reads=True,
    )  # fmt: skip


def _integers(name: str, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(
    ("weights", "inputs"),
    [
        (Differential(8), BitParallel(8, hold=1e-9)),
        (BitSliced(4, 2), BitSerial(2, 1e-9)),
    ],
    ids=repr,
)
def test_mean_and_variance_of_each_column(
    kind: str, weights: AbstractWeightEncoding, inputs: AbstractInputEncoding
) -> None:
    """Of outputs, against READS chips whose cells are drawn anew, one by one, for each phase of the inputs."""
    layout, weight_shape, size = LAYOUTS[kind]
    fresh = _tile(weights, inputs)
    drawn = replace(fresh, fresh_reads=False)
    weight = _integers("w", *fresh.weight_range, *weight_shape)
    x = _integers("x", *fresh.input_range(False), 1, *size)
    full_scale = 3 * fresh.full_scale(layout, weight, x, False)  # so that nothing is clipped
    literal, count = torch.zeros(()), len(fresh.inputs.significance(False))
    phases = enumerate(zip(fresh.inputs.significance(False), fresh.inputs.encode(x, False), strict=True))
    for p, (significance, plane) in phases:
        chips = [Seed(p + 1).child("chip", i) for i in range(READS)]
        state = drawn.program(layout, weight, full_scale, chips, [Condition(0.0)], False)
        # A pulse of one phase alone is the input whose only phase with pulses is the first.
        literal = literal + significance * drawn.multiply(layout, state, plane[None], False, None)[:, 0]
    state = fresh.program(layout, weight, full_scale, [Seed(0)], [Condition(0.0)], False)
    shape = fresh.noise_shape(layout, layout.positions(x[None]), False)
    assert shape is not None
    assert shape[0] == count
    z = Seed(0).child("z").normal((1, READS, *shape))
    found = fresh.multiply(layout, state, x.expand(READS, *size)[None], False, z)[0]
    variance, expected = found.var(0), literal.var(0)
    assert float(variance.min()) > 0
    # Five standard errors of a variance of normal numbers, and of a mean.
    assert float((variance / expected - 1).abs().max()) < 5 * (4 / READS) ** 0.5
    assert float(((found.mean(0) - literal.mean(0)) / expected.sqrt()).abs().max()) < 5 * (2 / READS) ** 0.5


@pytest.mark.parametrize("layer", [nn.Linear(70, 9), nn.Conv2d(6, 5, 3, padding=1)], ids=["linear", "convolution"])
def test_numbers_depend_on_chip_and_index_only(layer: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    tile = Chip.load("hermes").tile
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=27, cols=16, wires=None, fresh_reads=True)
    size = (70,) if isinstance(layer, nn.Linear) else (6, 7, 6)
    x = Seed(0).child("x").normal((12, *size))
    net = mho.nn.convert(nn.Sequential(layer), tile)
    mho.nn.calibrate(net, x)
    chips = mho.nn.program(net, seed=3, instances=3).at(3600.0)
    whole = chips(x)
    assert torch.equal(whole, chips(x))
    assert torch.equal(whole, mho.nn.program(net, seed=3, instances=3).at(3600.0)(x))
    assert not torch.allclose(whole, mho.nn.program(net, seed=4, instances=3).at(3600.0)(x))
    assert not torch.allclose(whole[:, 1:], chips(x[1:]))  # other indices, other noise
    step = 2 * float(whole.abs().max()) / 255  # a sum on the border of two codes may fall to either side
    for parts in (
        torch.cat([chips(x[:5]), chips(x[5:], first=5)], 1),
        torch.cat([mho.nn.program(net, seed=3, instances=n).at(3600.0)(x)[n - 1 :] for n in (1, 2, 3)]),
    ):
        assert float(((parts - whole).abs() > 1e-4).float().mean()) < 0.02
        torch.testing.assert_close(parts, whole, rtol=0, atol=step)
    monkeypatch.setattr("mho.tiles._multiply._CHUNK", 100)
    torch.testing.assert_close(chips(x), whole, rtol=0, atol=step)
