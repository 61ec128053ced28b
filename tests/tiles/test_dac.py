"""Input converters in a tile: gains of rows and noise of pulses, against rows scaled and pulses drawn one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from mho.arrays import Wires
from mho.converters import Dac, Sar, load_converter
from mho.core import Seed
from mho.devices import Ideal
from mho.tiles import (
    AbstractInputEncoding,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Condition,
    Differential,
    LinearLayout,
    OffsetColumn,
    Split,
    load_tile,
)

ENCODINGS = [
    (Differential(8), BitParallel(8, hold=1e-9)),
    (Differential(4), BitParallel(6, "phases", lsb_time=1e-9)),
    (BitSliced(4, 2), BitSerial(4, 1e-9)),
    (OffsetColumn(4), Split(6, 3, lsb_time=1e-9)),
]
LAYOUT = LinearLayout(30, 4, 16)


def _tile(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, dac: Dac) -> AnalogTile:
    """A tile that errs in nothing but its inputs."""
    tile, converter = load_tile("tile2"), load_converter("sar-8b")
    assert isinstance(tile, AnalogTile)
    assert isinstance(converter, Sar)
    quiet = replace(converter, bits=14, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0, mismatch=0.0)
    return replace(
        tile, rows=16, cols=16, cell=Ideal(1e-9, 1e-4, 0.0, 0.0, 0.0), wires=None, weights=weights, inputs=inputs,
        converter=quiet, pre=replace(tile.pre, noise=0.0), dac=dac,
    )  # fmt: skip


def _integers(name: str, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


def _product(tile: AnalogTile, weight: Tensor, x: Tensor, chips: int = 1) -> Tensor:
    """The product of `[vectors, 30]` on some chips, with noise."""
    sums = tile.ideal_digits(LAYOUT.split_weight(weight)).abs().sum(3).amax((0, 3))  # [R, S]
    scale = 2 * sums * tile.inputs.pulse_steps  # all sums, so finely that rounding does not matter
    seeds = [Seed(0).child("chip", i) for i in range(chips)]
    state = tile.program(LAYOUT, weight, scale, seeds, [Condition(None)], True)
    shape = tile.noise_shape(LAYOUT, 1, True)
    noise = None if shape is None else Seed(1).normal((chips, len(x), *shape))
    return tile.multiply(LAYOUT, state, x[None], True, noise)


@pytest.mark.parametrize(("weights", "inputs"), ENCODINGS, ids=repr)
def test_a_row_drives_all_its_cells_harder(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding) -> None:
    """The product is that of rows scaled by the gains of their converters, the same for all columns of a chip."""
    dac = Dac(0.0, mismatch=0.1)
    tile = _tile(weights, inputs, dac)
    low, high = tile.weight_range
    weight = _integers("weight", low, high, 4, 30)
    x = _integers("x", *tile.input_range(True), 6, 30)
    gains = dac.gains([Seed(0).child("chip", i) for i in range(3)], (1, 1, 2, 1, 15, 1)).reshape(3, 30)
    wanted = torch.einsum("bk,nk,ik->ibn", x, weight, gains)
    got = _product(tile, weight, x, 3)
    largest = float(wanted.abs().max())
    assert float((got - wanted).abs().max()) < 5e-3 * largest
    assert float((wanted - x @ weight.T).abs().max()) > 5e-2 * largest
    assert set(tile.effects) == {"DAC mismatch"}
    bare = tile.effects["DAC mismatch"]
    assert isinstance(bare, AnalogTile)
    assert float((_product(bare, weight, x) - x @ weight.T).abs().max()) < 5e-3 * largest


@pytest.mark.parametrize(("weights", "inputs"), ENCODINGS, ids=repr)
def test_noise_of_pulses(weights: AbstractWeightEncoding, inputs: AbstractInputEncoding) -> None:
    """Mean and spread are those of pulses drawn one by one; none comes from rows that are not driven."""
    tile = _tile(weights, inputs, Dac(0.0, noise=0.2))
    low, high = tile.weight_range
    weight = _integers("weight", low, high, 4, 30)
    x = _integers("x", *tile.input_range(True), 1, 30)
    x[0, ::3] = 0
    many = 4000
    got = _product(tile, weight, x.expand(many, -1))[0]
    pulses = tile.inputs.encode(x, True)[:, 0]
    kinds = torch.tensor(tile.inputs.significance(True))
    digits = tile.ideal_digits(LAYOUT.split_weight(weight))[0]  # [R, S, K, N]
    reference = int(tile.weights.reference_column)
    each = torch.einsum("s,rskn->rkn", torch.tensor(tile.weights.significance).square(), digits.square())
    each = each.reshape(30, -1)
    driven = ((pulses != 0).float() * kinds.square()[:, None]).sum(0)
    variance = 0.2**2 * (driven[:, None] * each).sum(0)
    if reference:
        variance = variance[:-1] + variance[-1]
    assert got.std(0).tolist() == pytest.approx(variance.sqrt().tolist(), rel=0.06)
    assert float((got.mean(0) - (x @ weight.T)[0]).abs().max()) < 5 * float(variance.max()) ** 0.5 / many**0.5 + 1
    still = _product(tile, weight, torch.zeros(50, 30))
    assert float(still.abs().max()) < 1e-3 * float((x @ weight.T).abs().max())


@pytest.mark.parametrize("separate", [False, True])
def test_sides_on_word_lines_of_their_own_have_converters_of_their_own(separate: bool) -> None:
    """A weight of zero stays zero where one converter drives both cells of the pair, and errs where two do."""
    weight, encoding = torch.zeros(4, 30), Differential(8, separate=separate)

    def digits(pairs: Literal["bit lines", "word lines"]) -> Tensor:
        wires = Wires(1e-3, 1e-3, 1e-3, 1e-3, ir_drop="off", pairs=pairs)
        tile = replace(_tile(encoding, BitParallel(8, hold=1e-9), Dac(0.0, mismatch=0.1)), wires=wires)
        tile = replace(tile, cell=Ideal(5e-5, 1e-4, 0.0, 0.0, 0.0))
        scale = torch.full((2, len(encoding.significance)), 1e4)
        found = tile.realise(LAYOUT, weight, scale, [Seed(0)], [Condition(None)], True).digits
        return found[:, :, :, 0] - found[:, :, :, 1] if separate else found

    assert float(digits("bit lines").abs().max()) < 1e-3
    assert float(digits("word lines").abs().max()) > 5


def test_columns_of_another_tile_have_other_rows() -> None:
    """Word lines end with their tile."""
    layout, dac = LinearLayout(15, 40, 16), Dac(0.0, mismatch=0.1)
    tile = _tile(Differential(8), BitParallel(8, hold=1e-9), dac)
    scale = torch.full((1, 1), 1e4)
    weight = torch.full((40, 15), 100.0)
    (found,) = tile.realise(layout, weight, scale, [Seed(0)], [Condition(None)], True).digits[0, 0, 0] / 100
    assert tile.cols == 16
    assert torch.equal(found[:, 0], found[:, 13])  # three tiles of 14, 14 and 12 columns
    assert float((found[:, 13] - found[:, 14]).abs().min()) > 1e-3
    assert torch.equal(found[:, 14], found[:, 27])
