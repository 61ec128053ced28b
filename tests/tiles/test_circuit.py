"""Cells that are not ohmic on wires: what a tile computes when each input is solved by Newton's method."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import mho
from mho import Chip
from mho.arrays import AbstractIV, ChargeRedistribution, Exponential, Ohmic, Sinh, Transistor, Wires, newton
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
    Variation,
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
SERIES = Transistor(1e-3, 0.2)
"""Conducts 100 uS at 0.2 V, when it just saturates; the best cell 88 uS."""
LAWS: list[AbstractIV] = [Ohmic(), Sinh(0.1), Exponential(0.1), SERIES, Transistor(4e-4, 0.4)]


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


def _current(law: AbstractIV, g: float, volts: float, read: float) -> float:
    """Return the current of a cell that conducts `g` when it is read: the law itself, with plain numbers.

    Beside a transistor, the search halves the voltages across it until both parts carry the same current.
    """
    if isinstance(law, Ohmic):
        return g * volts
    if isinstance(law, Sinh):
        return g * read * math.sinh(volts / law.v0) / math.sinh(read / law.v0)
    if isinstance(law, Exponential):
        return g * read * math.copysign(math.expm1(abs(volts) / law.v0) / math.expm1(read / law.v0), volts)
    assert isinstance(law, Transistor)

    def channel(t: float) -> float:
        t = min(t, law.overdrive)
        return law.k * (law.overdrive * t - t * t / 2)

    def across(most: float, carries: Callable[[float], float]) -> float:
        low, high = 0.0, most
        for _ in range(60):
            t = (low + high) / 2
            low, high = (t, high) if channel(t) < carries(t) else (low, t)
        return low

    alone = g * read / (read - across(read, lambda t: g * read))
    return math.copysign(channel(across(abs(volts), lambda t: alone * (abs(volts) - t))), volts)


@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("encoding", [Differential(8), BitSliced(8, 2), OffsetColumn(8)], ids=repr)
@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_on_ideal_wires_each_cell_follows_the_law(
    law: AbstractIV, encoding: AbstractWeightEncoding, pairs: Any
) -> None:
    """Cell by cell: what it takes more than one in the lowest state, which is known and taken off."""
    tile = _tile(encoding, wires=Wires(0.0, 0.0, pairs=pairs, ir_drop="newton"), current_law=law)
    layout, weight, x = LinearLayout(6, 2, tile.rows), _weight(tile, 2, 6), _pulses(1, 3, 6)
    x[0, 0] = 127 * x[0, 0].sign()  # one vector of full levels
    circuit = _circuit(_real(tile, layout, weight, Condition(3600.0)))
    low, high = tile.cell.range
    step = tile.read_voltage / 127
    g = circuit.conductance[0, :, 0, 0]  # [cells, S, K, N]
    cells, slices, rows, columns = g.shape
    states = torch.zeros(cells, slices, 3, columns, dtype=torch.float64)
    for c, s, m, n, k in itertools.product(*map(range, (cells, slices, 3, columns, rows))):
        volts = float(x[0, m, k]) * step
        one, lowest = (_current(law, conducts, volts, tile.read_voltage) for conducts in (float(g[c, s, k, n]), low))
        states[c, s, m, n] += (one - lowest) / step / (high - low)
    ours = circuit.sums(_vectors(layout, x))[0, 0, 0]  # [S, M, N]
    expected = encoding.digits(states)
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=3e-6 * float(expected.abs().max()))
    # Full levels are what conductances are told for, whatever the law.
    linear = encoding.digits((g.double() - low) / (high - low)).transpose(-1, -2) @ x[0].double().T
    full, others = (expected - linear.transpose(-1, -2)).split([1, 2], -2)
    assert float(full.abs().max()) < 1e-5 * float(linear.abs().max())
    assert isinstance(law, Ohmic) or float(others.abs().max()) > 0.003 * float(linear.abs().max())


@pytest.mark.parametrize("law", [Exponential(0.1), SERIES], ids=repr)
def test_any_law_is_what_newton_gives_for_its_lines(law: AbstractIV) -> None:
    """As in the next one: cells in the corner of the tile, on wires that take a good part of the voltage."""
    wires = Wires(20.0, 10.0, 50.0, 30.0, "both", "top", ir_drop="newton")
    tile = _tile(OffsetColumn(8), wires=wires, current_law=law)
    layout, weight, x = LinearLayout(7, 3, tile.rows), _weight(tile, 3, 7), _pulses(1, 4, 7)
    circuit = _circuit(_real(tile, layout, weight))
    v, (low, high) = tile.read_voltage, tile.cell.range
    g = circuit.conductance[0, 0, 0, 0, 0].double()  # [rows, columns]
    volts = x[0].double() * v / 127
    current = newton(law.at_zero(g, v), law, wires.network((tile.rows - 7, tile.cols - 4)), volts.T).T
    lowest = law.current(law.at_zero(torch.full_like(volts, low), v), volts).sum(-1, keepdim=True)
    expected = (current - lowest) / (v / 127) / (high - low) * 255
    ours = circuit.sums(_vectors(layout, x))[0, 0, 0, 0]
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=3e-6 * float(expected.abs().max()))


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


def test_effects_of_a_law_that_only_the_circuit_knows() -> None:
    """Without IR drop the circuit stays, on wires of no resistance."""
    wires = replace(WIRES[1], word_capacitance=1e-16, bit_capacitance=2e-16)
    tile = _tile(wires=wires, current_law=SERIES, line_capacitance=0.0)
    assert {"IR drop", "I-V non-linearity"} <= set(tile.effects)
    ideal = tile.effects["IR drop"]
    assert isinstance(ideal, AnalogTile)
    assert ideal == replace(tile, wires=replace(wires, word_line=0.0, bit_line=0.0, driver=0.0, sense=0.0))
    assert set(ideal.effects) == set(tile.effects) - {"IR drop"}
    ohmic = tile.effects["I-V non-linearity"]
    assert ohmic == replace(tile, current_law=None, wires=replace(wires, ir_drop="exact"))
    layout, weight, x = _linear(tile)
    solved, less = (_circuit(_real(t, layout, weight)).sums(_vectors(layout, x)) for t in (tile, ideal))
    assert float((solved - less).norm() / less.norm()) > 0.002


def _effects_of_chip(law: AbstractIV) -> Chip:
    return replace(Chip.load("hermes"), tile=_tile(wires=WIRES[0], current_law=law))


@pytest.mark.parametrize(
    "law",
    [
        Sinh(0.1),
        Exponential(0.1),
        SERIES,
    ],
    ids=repr,
)
def test_law_and_wires_are_switched_off_in_any_order(law: AbstractIV) -> None:
    chip = _effects_of_chip(law)
    one, other = chip.without("IR drop", "I-V non-linearity"), chip.without("I-V non-linearity", "IR drop")
    assert {"IR drop", "I-V non-linearity"}.isdisjoint(one.effects)
    if law.separable:  # the other one keeps its circuit without IR drop, on wires that then have no resistance
        assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("law", [Sinh(0.1), Exponential(0.1), SERIES], ids=repr)
def test_nothing_is_left_when_all_is_switched_off(law: AbstractIV) -> None:
    assert _effects_of_chip(law).only().effects == {}


def test_an_ohmic_law_is_no_effect() -> None:
    assert "I-V non-linearity" not in _tile(current_law=Ohmic()).effects


@pytest.mark.parametrize(
    "wires", [None, *(Wires(3.0, 2.0, ir_drop=m) for m in ("off", "closed", "sweeps(2)", "exact"))]
)
def test_a_law_that_only_the_circuit_knows_needs_the_circuit(wires: Wires | None) -> None:
    with pytest.raises(ValueError, match="law") as error:
        _tile(wires=wires, current_law=SERIES)
    assert str(error.value) == (
        'cells of the law Transistor bend each in its own way, so they need wires with ir_drop = "newton"'
    )
    assert _tile(wires=wires, current_law=Exponential(0.1)).wires == wires


@pytest.mark.parametrize(
    ("law", "read_voltage", "most"),
    [
        (Transistor(2e-4, 0.5), 0.2, "8e-05"),  # 200 uA/V^2 x (0.5 - 0.1) V
        (Transistor(2e-4, 0.1), 0.2, "5e-06"),  # 1 uA in saturation
        (Transistor(2.205e-4, 0.5), 0.2, "8.82e-05"),  # just what the best cell does
        (Transistor(1.6e-4, 0.5), 0.8, "2.5e-05"),  # 20 uA
    ],
)  # fmt: skip
def test_cells_that_their_transistors_cannot_serve(law: Transistor, read_voltage: float, most: str) -> None:
    with pytest.raises(ValueError, match="transistor") as error:
        _tile(wires=WIRES[0], current_law=law, read_voltage=read_voltage)
    assert str(error.value) == (
        f"cells of up to 8.82e-05 S at {read_voltage:g} V need a transistor that conducts more, not {most} S; "
        "raise its k or overdrive"
    )
    better = replace(law, k=law.k * 8.83e-5 / float(most))
    assert _tile(wires=WIRES[0], current_law=better, read_voltage=read_voltage).current_law == better


def test_a_cell_that_varies_beyond_its_transistor_is_held_below_it() -> None:
    """A chip in which all cells conduct by half more than they should: the best ones would need more than there is."""
    tile = _tile(wires=WIRES[0], current_law=SERIES, variation=Variation(corner=0.5))
    layout, weight, x = _linear(tile)
    circuit = _circuit(_real(tile, layout, weight))
    most = SERIES.largest(tile.read_voltage)
    assert float(circuit.conductance.max()) > 1.1 * most
    held = replace(circuit, conductance=circuit.conductance.clamp(max=0.999 * most))
    torch.testing.assert_close(circuit.sums(_vectors(layout, x)), held.sums(_vectors(layout, x)), rtol=1e-6, atol=1e-2)


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
    for text, law in (
        ('type = "Sinh"\nv0 = "0.25 V"', Sinh(0.25)),
        ('type = "Exponential"\nv0 = "0.25 V"', Exponential(0.25)),
        ('type = "Transistor"\nk = 1e-3\noverdrive = "0.2 V"', SERIES),
    ):
        file.write_text(f"{content}\n[current_law]\n{text}\n")
        tile = load_tile(str(file))
        assert isinstance(tile, AnalogTile)
        assert tile.current_law == law
    file.write_text(content)
    with pytest.raises(SpecError, match="need a current_law and inputs that are levels"):
        load_tile(str(file))
