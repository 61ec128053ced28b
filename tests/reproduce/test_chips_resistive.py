"""Chips of RRAM and MRAM: their published architecture, what the presets compute, and what is known to miss."""

from typing import Any

import pytest
import torch

from mho.chip import Chip
from mho.core import Seed
from mho.reproduce import Row
from mho.reproduce._chips_resistive import neurram, rows, spiking
from mho.tiles import AnalogTile, Condition, LinearLayout, load_tile


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], Row]:
    return {(r.quantity, r.unit): r for r in rows()}


def _tile(name: str) -> AnalogTile:
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    return tile


def test_architecture() -> None:
    """Three million cells in 48 cores; 158,800 cells of a perceptron less those of its second layer; 64 kb; 64 x 64."""
    chip = Chip.load("neurram")
    assert isinstance(chip.tile, AnalogTile)
    assert chip.tiles * chip.tile.rows * chip.tile.row_cells == 48 * 256 * 256
    assert chip.tile == load_tile("neurram") == neurram(4, 6)
    liu = _tile("liu2020")
    assert liu.rows * liu.row_cells == 158_800 - 2 * 100 * 10
    spikes, prime, mram = _tile("yan2019"), _tile("prime"), _tile("jung2022")
    assert spikes.rows * spikes.row_cells == 64 * 1024
    assert mram.rows * mram.row_cells == 2 * 64 * 64  # two junctions a cell
    assert (prime.rows, prime.weights.resolution, prime.inputs.resolution - 1) == (256, 8, 6)


def test_neurram_energy_without_anything_fitted(table: Any) -> None:
    """All six points within 36 %; of its parts two within 10 %, one is twice."""
    points = [r for (q, unit), r in table.items() if q.startswith("NeuRRAM, ") and unit == "TOPS/W"]
    assert len(points) == 6
    assert all(0.64 < r.ratio < 1 and r.mark == "prediction" for r in points)
    part = {q.rpartition(", ")[2]: r.ratio for (q, unit), r in table.items() if unit == "fJ an operation"}
    assert 1.9 < part["input pulses"] < 2.2
    assert all(0.9 < part[name] < 1 for name in ("switching word lines", "neurons"))


def test_what_neurram_s_word_lines_take() -> None:
    """48 fF a driver, 2.1 fF a cell, 0.9 to 2.2 V, once for each of three bits, charged from 2.2 V: by hand."""
    tile = neurram(4, 6)
    assert tile.select is not None
    by_hand = 3 * 256 * (48e-15 + 256 * 2.1e-15) * 1.3 * 2.2
    assert tile.select.energy(tile.rows * tile.row_cells) == pytest.approx(by_hand, rel=1e-3)


def test_neurram_s_times_are_no_prediction(table: Any) -> None:
    speeds = [r for (q, unit), r in table.items() if q.startswith("NeuRRAM, ") and unit == "TOPS"]
    assert len(speeds) == 6
    assert all(r.mark == "fitted" and r.within for r in speeds)


def test_misses_are_told(table: Any) -> None:
    """The parallel chip, PRIME and the spiking engine: none of them within what was asked for."""
    layer = table["fully parallel RRAM chip, first layer", "TOPS/W"]
    assert not layer.within
    assert layer.ratio < 0.5
    assert table["fully parallel RRAM chip, a product", "ns"].ratio == pytest.approx(55 / 51.1)
    assert table["PRIME, arithmetic alone", "TOPS/W"].ratio < 0.1
    one, eight = (table[f"spiking RRAM engine, {n} out", "TOPS/W"] for n in ("1 bit", "8 bits"))
    assert one.ratio > 1 > 0.1 > eight.ratio
    assert table["MRAM crossbar, 64 x 64", "TOPS/W"].within


@pytest.mark.parametrize(
    ("tile", "signed"), [(neurram(4, 6), True), (_tile("jung2022"), True), (_tile("prime"), False)],
    ids=["neurram", "jung2022", "prime"],
)  # fmt: skip
def test_they_compute(tile: AnalogTile, signed: bool) -> None:
    """Products of random integers of the whole ranges, one chip as made, against the exact ones."""
    rows_, cols = tile.shape
    layout = LinearLayout(rows_, cols, rows_)
    draw = Seed(0).child("integers")
    w = (draw.child("w").normal((cols, rows_)) * tile.weight_range[1]).round().clamp(*tile.weight_range)
    low, high = tile.input_range(signed)
    x = (draw.child("x").normal((1, 16, rows_)) * high).round().clamp(low, high)
    if tile.weight_range == (-1, 1):  # a cell holds one of two states, and no zero
        w, x = (torch.where(v > 0, 1.0, -1.0) for v in (w, x))
    state = tile.program(
        layout, w, tile.full_scale(layout, w, x[0], signed), [Seed(0).child("chip", 0)], [Condition()], signed
    )
    shape = tile.noise_shape(layout, 1, signed)
    noise = None if shape is None else Seed(0).child("noise").normal((1, 16, *shape))
    y = tile.multiply(layout, state, x, signed, noise)
    exact = x @ w.T
    assert float(torch.corrcoef(torch.stack([y.flatten(), exact.flatten()]))[0, 1]) > 0.99


def test_spikes_take_as_long_as_they_are_many() -> None:
    """256 spikes at 99.24 MHz; half as many for a bit less."""
    assert spiking(8).inputs.pulse_time == pytest.approx(2580e-9, rel=1e-3)
    assert spiking(7).inputs.pulse_time == pytest.approx(spiking(8).inputs.pulse_time / 2)
