"""Targets raised by what the wires take: what comes through is the matrix that was wanted, on a smaller scale."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mho.arrays import Wires
from mho.core import Seed
from mho.reproduce._ibm_tiles import ideal
from mho.tiles import AnalogTile, BitSliced, Differential, OffsetColumn, characterise, load_tile
from mho.tiles._wiring import Wiring

HIGH = 40e-6


@pytest.mark.parametrize("ir_drop", ["closed", "exact"])
@pytest.mark.parametrize(
    "encoding", [Differential(4, 2), Differential(4, separate=True), BitSliced(4, 2), OffsetColumn(4)], ids=str
)
def test_what_comes_through_is_what_was_wanted(encoding: object, ir_drop: str) -> None:
    assert isinstance(encoding, Differential | BitSliced | OffsetColumn)
    wires = Wires(3.0, 3.0, ir_drop=ir_drop)
    weights = Seed(0).child("w").normal((1, 1, 24, 10)).mul(3).round().clamp(*encoding.weight_range)
    g = HIGH * encoding.targets(weights.double())
    written, factor = Wiring(wires, encoding, 32, 16).converted(g, (0.0, HIGH), 8)
    assert 0.5 < factor < 1
    assert float(written.min()) >= 0
    assert float(written.max()) <= HIGH * (1 + 1e-6)
    seen = Wiring(wires, encoding, 32, 16).through(written.unsqueeze(0))[0]
    bare = Wiring(wires, encoding, 32, 16).through(g.unsqueeze(0))[0]
    # Devices in parallel share a line, so it is the mean of a side that has to be right.
    wrong = [float((encoding.digits(x) - encoding.digits(g)).norm()) for x in (seen / factor, bare)]
    # A cell of 0 S cannot be lowered by the little that comes to it through its neighbours.
    assert wrong[0] < (1e-3 if ir_drop == "closed" else 1e-2) * wrong[1]


def test_without_rounds_nothing_changes() -> None:
    g = torch.full((1, 1, 1, 1, 4, 4), 1e-5)
    out, factor = Wiring(Wires(1.0, 1.0), OffsetColumn(4), 4, 4).converted(g, (0.0, HIGH), 0)
    assert out is g
    assert factor == 1


@pytest.mark.parametrize("devices", [1, 8])
def test_a_tile_with_converted_targets_errs_less(devices: int) -> None:
    """The published aim of the conversion: with it the error is smaller than without."""
    tile1 = load_tile("tile1")
    assert isinstance(tile1, AnalogTile)
    assert tile1.wires is not None
    tile = ideal(replace(tile1, weights=Differential(8, devices), wires=replace(tile1.wires, ir_drop="closed")))
    off = replace(tile, wires=None)
    errors = [characterise(t, instances=1, vectors=32).error for t in (tile, replace(tile, conversion_rounds=4), off)]
    assert errors[1] == pytest.approx(errors[2], rel=0.05)
    assert errors[1] < 0.6 * errors[0]
