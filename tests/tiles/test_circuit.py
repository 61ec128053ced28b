"""Cells that are not ohmic on wires: what a tile computes when each input is solved by Newton's method."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import mho
from mho.arrays import ChargeRedistribution, Sinh, Wires, newton
from mho.core import Seed, SpecError
from mho.devices import load_cell
from mho.tiles import (
    AbstractLayout,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSliced,
    Circuit,
    Condition,
    ConvLayout,
    Differential,
    LinearLayout,
    OffsetColumn,
    Realisation,
    load_tile,
)

ENCODINGS = [Differential(8), Differential(8, 2), Differential(8, 1, separate=True), BitSliced(8, 2), OffsetColumn(8)]
WIRES = [
    Wires(3.0, 2.0, 5.0, 4.0, ir_drop="newton"),
    Wires(3.0, 2.0, 5.0, 4.0, "right", "top", "word lines", ir_drop="newton"),
    Wires(3.0, 2.0, 5.0, 4.0, "both", "both", ir_drop="newton"),
]
CHIPS = [Seed(0).child("chip", i) for i in range(2)]
OHMIC = 1e4
"""V0 in V: sinh(V / V0) is V / V0 to 1e-10 at 0.2 V."""


def _tile(encoding: AbstractWeightEncoding = Differential(8), **changes: Any) -> AnalogTile:  # noqa: B008
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    levels = BitParallel(8, "differential", hold=128e-9)
    return replace(
        tile, rows=18, cols=8, inputs=levels, weights=encoding, **({"cell": load_cell("rram-cmo")} | changes)
    )


def _weight(tile: AnalogTile, *shape: int) -> torch.Tensor:
    return (Seed(0).child("w").normal(shape) * 40).round().clamp(*tile.weight_range)


def _pulses(*shape: int) -> torch.Tensor:
    return (Seed(0).child("x").normal(shape) * 50).round().clamp(-127, 127)


def _real(tile: AnalogTile, layout: AbstractLayout, weight: torch.Tensor, *conditions: Condition) -> Realisation:
    scale = torch.full((layout.row_tiles, len(tile.weights.significance)), 1e4)
    return tile.realise(layout, weight, scale, CHIPS, conditions or (Condition(None),), True)


def _linear(tile: AnalogTile) -> tuple[LinearLayout, torch.Tensor, torch.Tensor]:
    """Two row tiles, and more columns than a tile has."""
    layout = LinearLayout(30, 11, tile.rows)
    return layout, _weight(tile, 11, 30), _pulses(1, 5, 30)


def _vectors(layout: AbstractLayout, x: torch.Tensor) -> torch.Tensor:
    return layout.gather(x[0]).unsqueeze(0)


def _circuit(real: Realisation) -> Circuit:
    assert real.circuit is not None
    return real.circuit


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("wires", WIRES, ids=["left bottom", "word lines", "both"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_ohmic_cells_are_the_exact_matrix(encoding: AbstractWeightEncoding, wires: Wires, ordered: bool) -> None:
    """A law without curvature: both ways solve the same circuit; float32 cells, ten digits less in the law."""
    tile = _tile(encoding, wires=wires, current_law=Sinh(OHMIC), sorted_lines=ordered)
    layout, weight, x = _linear(tile)
    real = _real(tile, layout, weight, Condition(None), Condition(3600.0))
    exact = _real(replace(tile, current_law=None, wires=replace(wires, ir_drop="exact")), layout, weight,
                  Condition(None), Condition(3600.0))  # fmt: skip
    assert exact.circuit is None
    ours = _circuit(real).sums(_vectors(layout, x))
    truth = torch.matmul(_vectors(layout, x)[:, :, :, None], exact.digits)
    assert ours.shape == truth.shape
    assert float((ours - truth).abs().max() / truth.abs().max()) < 1e-5


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_without_resistance_only_the_law_is_left(encoding: AbstractWeightEncoding) -> None:
    """Every cell sees its input: the sum is that of levels as the law drives them."""
    tile = _tile(encoding, wires=Wires(0.0, 0.0, ir_drop="newton"), current_law=Sinh(0.1))
    layout, weight, x = _linear(tile)
    real = _real(tile, layout, weight)
    ours = _circuit(real).sums(_vectors(layout, x))
    truth = torch.matmul(tile.driven(_vectors(layout, x))[:, :, :, None], real.digits)
    # Terminals keep a billionth of an ohm, and a segment of none is one of the same.
    assert float((ours - truth).abs().max() / truth.abs().max()) < 1e-4


def test_a_pair_is_what_newton_gives_for_its_lines() -> None:
    """Placed by hand: the two sides of each column on neighbouring bit lines, the block in the corner of the tile."""
    law, wires = Sinh(0.12), Wires(4.0, 2.0, 10.0, 6.0, ir_drop="newton")
    tile = _tile(wires=wires, current_law=law)
    layout, weight, x = LinearLayout(7, 3, tile.rows), _weight(tile, 3, 7), _pulses(1, 4, 7)
    circuit = _circuit(_real(tile, layout, weight))
    ours = circuit.sums(_vectors(layout, x))[:, 0, 0, 0]  # [chips, vectors, columns]
    v = tile.read_voltage
    low, high = tile.cell.range
    for chip in range(2):
        g = circuit.conductance[chip, :, 0, 0, 0]  # [sides, rows, columns]
        lines = torch.stack([g[0, :, 0], g[1, :, 0], g[0, :, 1], g[1, :, 1], g[0, :, 2], g[1, :, 2]], -1).double()
        at_zero = lines * (v / law.v0) / math.sinh(v / law.v0)
        unused = (tile.rows - 7, 2 * (tile.cols - 3))
        current = newton(at_zero, law, wires.network(unused), x[0].T.double() * v / 127)
        difference = (current[0::2] - current[1::2]).T / (v / 127) / (high - low) * tile.weights.full_digits[0]
        torch.testing.assert_close(ours[chip].double(), difference, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("law", [Sinh(OHMIC), Sinh(0.1)], ids=["ohmic", "curved"])
def test_a_convolution_is_solved_pixel_by_pixel(law: Sinh) -> None:
    """In the order that the rest of the tile expects: the outputs of an ohmic law are those of the matrix."""
    tile = _tile(BitSliced(8, 2), wires=WIRES[0], current_law=law)
    layout = ConvLayout(4, 6, (2, 2), (1, 1), (0, 0), (1, 1), 2, tile.rows)
    weight, x = _weight(tile, 6, 2, 2, 2), _pulses(1, 2, 4, 3, 3).abs()
    scale = torch.full((layout.row_tiles, len(tile.weights.significance)), 3e3)
    outputs = []
    for wires, own in ((WIRES[0], law), (replace(WIRES[0], ir_drop="exact"), None)):
        changed = replace(tile, wires=wires, current_law=own)
        state = changed.program(layout, weight, scale, CHIPS, [Condition(None)], False)
        outputs.append(changed.multiply(layout, state, x, False, None))
    assert outputs[0].shape == outputs[1].shape == (2, 2, 6, 2, 2)
    wrong = (outputs[0] - outputs[1]).abs()
    if law.v0 == OHMIC:
        assert float((wrong > 1e-3 * outputs[1].abs().max()).double().mean()) < 0.05  # a border code may tip
    else:
        assert float(wrong.max()) > 0.05 * float(outputs[1].abs().max())


def test_chips_and_times_do_not_touch_each_other() -> None:
    tile = _tile(wires=WIRES[0], current_law=Sinh(0.1))
    layout, weight, x = _linear(tile)
    both = _circuit(_real(tile, layout, weight, Condition(None), Condition(3600.0)))
    own = _circuit(_real(tile, layout, weight, Condition(3600.0)))
    sums = both.sums(_vectors(layout, x))
    assert sums.shape[0] == 4
    torch.testing.assert_close(sums[2:], own.sums(_vectors(layout, x)), rtol=1e-6, atol=1e-3)
    assert not torch.allclose(sums[0], sums[1], rtol=1e-3)


def test_law_and_wires_act_on_each_other() -> None:
    """Cells at low levels conduct less, so less is lost on the wires: not the law on the matrix of ohmic cells."""
    tile = _tile(wires=Wires(20.0, 20.0, ir_drop="newton"), current_law=Sinh(0.1))
    layout, weight, x = _linear(tile)
    real = _real(tile, layout, weight)
    solved = _circuit(real).sums(_vectors(layout, x))
    apart = torch.matmul(tile.driven(_vectors(layout, x))[:, :, :, None], real.digits)
    assert float((solved - apart).norm() / apart.norm()) > 0.01


def test_effects() -> None:
    tile = _tile(wires=WIRES[0], current_law=Sinh(0.1))
    ohmic = tile.effects["I-V non-linearity"]
    assert isinstance(ohmic, AnalogTile)
    assert (ohmic.current_law, ohmic.wires) == (None, replace(WIRES[0], ir_drop="exact"))
    ideal = tile.effects["IR drop"]
    assert isinstance(ideal, AnalogTile)
    assert (ideal.current_law, ideal.wires) == (tile.current_law, replace(WIRES[0], ir_drop="off"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, 'wires with ir_drop = "newton" need a current_law and inputs that are levels'),
        (
            {"current_law": Sinh(0.1), "inputs": BitParallel(8, lsb_time=1e-9)},
            'wires with ir_drop = "newton" need a current_law and inputs that are levels',
        ),
        (
            {"current_law": Sinh(0.1), "principle": ChargeRedistribution(1e-15, 0.9)},
            'wires with ir_drop = "newton" solve for currents; leave the principle out',
        ),
    ],
)
def test_what_does_not_go_together(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(_tile(), wires=WIRES[0], **changes)


def test_from_a_file(tmp_path: Path) -> None:
    preset = Path(mho.__file__).parent / "data" / "tiles" / "tile2.toml"
    content = preset.read_text(encoding="utf-8").replace('ir_drop = "off"', 'ir_drop = "newton"')
    file = tmp_path / "tile.toml"
    file.write_text(content + '\n[current_law]\nv0 = "0.25 V"\n')
    tile = load_tile(str(file))
    assert isinstance(tile, AnalogTile)
    assert tile.current_law == Sinh(0.25)
    file.write_text(content)
    with pytest.raises(SpecError, match="need a current_law and inputs that are levels"):
        load_tile(str(file))
