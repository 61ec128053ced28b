"""Inputs on gates: 1T1R and SW-2T2R columns in a tile, against the rails of each column and against ngspice."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

import mho
from mho import Chip
from mho.arrays import Rail, Sinh, Wires, load_principle, one_transistor_column, rail_currents, signed_column
from mho.converters import Dac
from mho.core import Seed
from mho.devices import load_cell
from mho.eda import ngspice, ngspice_version, rail_netlist
from mho.tiles import (
    AbstractWeightEncoding,
    Activity,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Circuit,
    Condition,
    Differential,
    LinearLayout,
    OffsetColumn,
    Realisation,
    load_tile,
)

judge = pytest.mark.skipif(
    ngspice_version() is None and "CI" not in os.environ, reason="ngspice is not installed (apt-get install ngspice)"
)
SINGLE = Wires(0.0, 30.0, 50.0, 20.0, gates=True, source_line=40.0)
PAIRED = replace(SINGLE, pairs="source line")
ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(8), Differential(8, 2), Differential(8, 1, separate=True), BitSliced(8, 2), OffsetColumn(8),
]  # fmt: skip
CASES = [(e, w) for e, w in itertools.product(ENCODINGS, (SINGLE, PAIRED)) if w is SINGLE or e.sides == 2]
CHIPS = [Seed(0).child("chip", i) for i in range(2)]
LAYOUT = LinearLayout(30, 4, 18)


def _tile(encoding: AbstractWeightEncoding, wires: Wires | None, **changes: Any) -> AnalogTile:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=18, cols=16, inputs=BitSerial(8, 128e-9), cell=load_cell("rram-cmo"), weights=encoding)
    return replace(tile, wires=wires, **changes)


def _real(tile: AnalogTile) -> Realisation:
    scale = torch.full((LAYOUT.row_tiles, len(tile.weights.significance)), 1e4)
    weight = (Seed(0).child("w").normal((4, 30)) * 40).round().clamp(*tile.weight_range)
    return tile.realise(LAYOUT, weight, scale, CHIPS, [Condition(None)], True)


def _on(*shape: int) -> torch.Tensor:
    return (torch.rand(shape, generator=Seed(1).generator()) < 0.4).float()


def _rails(wires: Wires, unused: int) -> tuple[Sequence[Rail], list[tuple[int, int]]]:
    """Put a column together by hand: 30 ohm and 40 ohm a segment, a driver of 50 ohm, a read-out of 20 ohm."""
    source = Rail(0.0, 40.0, False, True, 20.0 + 40.0 * unused)
    driven = [Rail(v, 30.0, True, False, 50.0) for v in (1.0, -1.0)]
    if wires.pairs == "source line":
        return (driven[0], driven[1], source), [(0, 2), (1, 2)]
    return (driven[0], source), [(0, 1)]


def _literal(circuit: Circuit, on: torch.Tensor) -> torch.Tensor:
    """Return the digits that the columns sum, column by column and pattern by pattern."""
    wires, encoding = circuit.wiring.wires, circuit.wiring.encoding
    g = circuit.conductance.double()
    instances, cells, groups, row_tiles, slices, rows, columns = g.shape
    devices = cells // encoding.sides
    rails, between = _rails(wires, circuit.wiring.rows - rows)
    low, high = circuit.limits
    seen = torch.zeros(instances, cells, groups, row_tiles, slices, on.shape[3], columns, dtype=torch.float64)
    for i, r, s, m, n in itertools.product(*(range(k) for k in (instances, row_tiles, slices, on.shape[3], columns))):
        pattern = on[0, 0, r, m].double()
        sides = [g[i, k * devices : (k + 1) * devices, 0, r, s, :, n].sum(0) * pattern for k in range(encoding.sides)]
        ideal = low * pattern.sum()
        if len(between) == 2:
            taken = float(rail_currents(torch.stack(sides, -1), rails, between)[2])
            seen[i, :devices, 0, r, s, m, n] = taken / devices
        else:
            for k, side in enumerate(sides):
                taken = float(rail_currents(side[:, None], rails, between)[1])
                seen[i, k * devices : (k + 1) * devices, 0, r, s, m, n] = taken / devices - ideal
    return encoding.digits((seen / (high - low)).transpose(0, 1))


@pytest.mark.parametrize(("encoding", "wires"), CASES, ids=repr)
def test_a_tile_sums_what_each_column_gives(encoding: AbstractWeightEncoding, wires: Wires) -> None:
    """Two chips, two row tiles of which rows are not all used, two patterns of open gates."""
    real = _real(_tile(encoding, wires))
    assert real.circuit is not None
    on = _on(1, 1, 2, 2, LAYOUT.rows)
    torch.testing.assert_close(real.circuit.sums(on).double(), _literal(real.circuit, on), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("encoding", "wires"), CASES, ids=repr)
def test_both_backends_agree(encoding: AbstractWeightEncoding, wires: Wires) -> None:
    """`exact`, input by input; and `closed`, a matrix."""
    network = torch.nn.Linear(30, 3, bias=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.nn.init.normal_(network.weight)
    x = Seed(3).normal((2, 30))
    for ir_drop in ("exact", "closed"):
        mild = replace(wires, bit_line=1.0, source_line=1.0, ir_drop=ir_drop)
        chip = replace(Chip.load("hermes"), tile=_tile(encoding, mild), tiles=64)
        program = mho.compile(mho.quantize(mho.capture(network, x), chip, x), chip)
        fast, slow = (mho.run(program, x[:1], backend=b).outputs for b in ("torch", "reference"))
        step = float((fast - slow).abs().max() / fast.abs().max())
        assert step < 0.02, ir_drop  # a code more or less, where a sum lies between two


@pytest.mark.parametrize(("encoding", "wires"), CASES, ids=repr)
def test_without_resistance_nothing_is_lost(encoding: AbstractWeightEncoding, wires: Wires) -> None:
    """Whatever the mode, the sums are those of a tile without wires."""
    none = replace(wires, bit_line=0.0, source_line=0.0, driver=0.0, sense=0.0)
    plain = _real(_tile(encoding, None)).digits
    on = _on(1, 1, 2, 2, LAYOUT.rows)
    expected = torch.einsum("igrmk,igrskn->igrsmn", on.expand(2, -1, -1, -1, -1), plain)
    scale = float(expected.abs().max())
    circuit = _real(_tile(encoding, none)).circuit
    assert circuit is not None
    torch.testing.assert_close(circuit.sums(on), expected, rtol=0, atol=1e-4 * scale)
    for ir_drop in ("closed", "off"):
        real = _real(_tile(encoding, replace(none, ir_drop=ir_drop)))
        assert real.circuit is None
        torch.testing.assert_close(real.digits, plain, rtol=1e-4, atol=1e-4)


@judge
@pytest.mark.parametrize("wires", [SINGLE, PAIRED], ids=["1T1R", "SW-2T2R"])
def test_ngspice_gives_the_same_currents(wires: Wires) -> None:
    """To a millionth of the largest: it is asked for what source lines take, with its default tolerance."""
    cells = 2 if wires.pairs == "source line" else 1
    g = 1e-5 * (1 + 9 * torch.rand((6, 24, cells), generator=Seed(4).generator(), dtype=torch.float64))
    g = g * (torch.rand((6, 24, 1), generator=Seed(5).generator()) < 0.5)
    ours = wires.gated_currents(g, unused=3)
    rails, between = _rails(wires, 3)
    raw = ngspice(rail_netlist(g, rails, between))
    source = len(rails) - 1
    theirs = torch.tensor([float(raw[f"i(vrail{j}_{source})"].item()) for j in range(6)]).double()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 * float(ours.abs().max()))


@pytest.mark.parametrize("read", ["bottom", "top"])
@pytest.mark.parametrize("cells", [1, 2])
def test_shares_are_exact_where_all_conduct_alike(cells: int, read: Any) -> None:
    """With every row on and a load of 1, shares times conductances add up to what the column gives."""
    pairs: Any = "source line" if cells == 2 else "bit lines"
    wires = Wires(0.0, 2.0, gates=True, source_line=3.0, read=read, load=1.0, pairs=pairs)
    g = 1e-5 * (1 + torch.rand((5, 40, cells), generator=Seed(6).generator(), dtype=torch.float64))
    sign = torch.tensor([1.0, -1.0][:cells], dtype=torch.float64)
    total = (g * wires.gated_shares(g) * sign).sum((-1, -2))
    torch.testing.assert_close(total, wires.gated_currents(g), rtol=0, atol=1e-12 * float(g.sum(-2).max()))
    rails = (signed_column if cells == 2 else one_transistor_column)(2.0, 1.0, opposite=read == "bottom")
    one_segment = replace(wires, source_line=2.0).gated_currents(g)
    between = [(0, 1), (1, 2)][:cells]
    torch.testing.assert_close(one_segment, rail_currents(g, rails, between)[..., 1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("pairs", ["bit lines", "source line"])
def test_closed_is_much_nearer_than_ideal_wires(pairs: Any) -> None:
    """For patterns of the load it takes: less than half the error, binary cells of 40 uS on 128 rows of 0.35 ohm."""
    cells = 2 if pairs == "source line" else 1
    g = 40e-6 * (Seed(0).child("g").normal((8, 128, cells)) > 0).double()
    if cells == 2:
        g[..., 1] *= g[..., 0] == 0
    on = (torch.rand((16, 1, 128, 1), generator=Seed(1).generator()) < 0.25).double()
    wires = Wires(0.0, 0.35, gates=True, source_line=0.35, pairs=pairs, load=0.25)
    sign = torch.tensor([1.0, -1.0][:cells], dtype=torch.float64)
    exact = wires.gated_currents(g * on)
    ideal, closed = ((g * a * on * sign).sum((-1, -2)) for a in (torch.ones_like(g), wires.gated_shares(g)))
    errors = [float((y - exact).norm() / exact.norm()) for y in (ideal, closed)]
    assert 0.01 < errors[0] < 0.05
    assert errors[1] < errors[0] / 2
    column = wires.effective(g[..., 0].mT)
    if cells == 1:
        torch.testing.assert_close(column, (g * wires.gated_shares(g))[..., 0].mT)


@pytest.mark.parametrize("wires", [SINGLE, PAIRED], ids=["1T1R", "SW-2T2R"])
@pytest.mark.parametrize("density", [0.1, 0.5, 0.8])
def test_closed_follows_the_pattern(wires: Wires, density: float) -> None:
    """A tile takes the more from a column, the more of it is on: nearer to the truth than ideal wires."""
    layout = LinearLayout(128, 8, 128)
    weight = (Seed(0).child("w").normal((8, 128)) * 35).round().clamp(-127, 127)
    on = (torch.rand((1, 1, 1, 8, 128), generator=Seed(2).generator()) < density).float()

    def real(ir_drop: str) -> Realisation:
        own = replace(wires, bit_line=0.5, source_line=0.5, driver=0.0, sense=0.0, ir_drop=ir_drop)
        tile = _tile(Differential(8), own, rows=128)
        return tile.realise(layout, weight, torch.full((1, 1), 1e4), CHIPS[:1], [Condition(None)], True)

    circuit, closed = real("exact").circuit, real("closed")
    assert circuit is not None
    assert closed.slope is not None
    assert closed.share is not None
    torch.testing.assert_close(closed.share.sum(-2), torch.ones(1, 1, 1, 1, 8))
    exact, ideal = circuit.sums(on), on @ real("off").digits
    load = on @ closed.share
    ours = on @ closed.digits + (load - closed.load) * (on @ closed.slope)
    errors = [float((y - exact).norm() / exact.norm()) for y in (ideal, ours)]
    assert errors[0] > 0.01
    assert errors[1] < (0.8 if density < 0.2 else 0.6) * errors[0]


def test_effects_and_gates_in_the_cost() -> None:
    """IR drop is an effect like any; a gate swings by the supply, a word line by the read voltage."""
    tile = _tile(Differential(8), replace(SINGLE, ir_drop="closed"), line_capacitance=1e-15, dac=Dac(0.0))
    ideal = tile.effects["IR drop"]
    assert isinstance(ideal, AnalogTile)
    assert ideal.wires is not None
    assert (ideal.wires.ir_drop, ideal.gated) == ("off", True)
    assert "IR drop" not in ideal.effects
    gates, lines = (t.mvm_cost(18, 8, False)["input encoding"] for t in (ideal, replace(ideal, wires=None)))
    cells = tile.cols * 2
    swing = tile.supply**2 - tile.read_voltage**2
    assert gates.energy - lines.energy == pytest.approx(18 * 8 * cells * 1e-15 * swing, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"inputs": BitParallel(8, "differential", hold=128e-9)}, "inputs on gates must be bits, one a phase"),
        ({"current_law": Sinh(0.1)}, "take no current_law, principle, select or sorted_lines"),
        ({"principle": load_principle("charge-domain")}, "take no current_law, principle, select or sorted_lines"),
        ({"sorted_lines": True}, "take no current_law, principle, select or sorted_lines"),
    ],
)
def test_what_gates_do_not_go_with(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        _tile(Differential(8), SINGLE, **changes)


@pytest.mark.parametrize(
    ("wires", "text"),
    [
        ({"gates": True, "ir_drop": "newton"}, 'with gates ir_drop must be "off", "closed" or "exact"'),
        ({"gates": True, "read": "both"}, 'with gates ir_drop must be "off", "closed" or "exact" and read'),
        ({"gates": True, "pairs": "word lines"}, 'pairs on "word lines" need gates = false'),
        ({"pairs": "source line"}, 'pairs on "source line" need gates = true'),
        ({"load": 0.0}, "load must be above 0 and at most 1, not 0.0"),
    ],
)
def test_wires_that_contradict_themselves(wires: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Wires(1.0, 1.0, **wires)


def test_training_sees_what_is_lost() -> None:
    """The chip as designed has the losses of `closed` in both modes."""
    for ir_drop in ("closed", "exact"):
        tile = _tile(BitSliced(8, 2), replace(SINGLE, ir_drop=ir_drop))
        weight = (Seed(0).child("w").normal((4, 30)) * 40).round().clamp(*tile.weight_range)
        losses = tile.design_point(LAYOUT, weight, True).losses
        assert losses is not None
        assert 0.3 < float(losses.min()) < float(losses.max()) < 1


def test_cells_around_a_source_line_draw_their_charge_once_for_both() -> None:
    """Q from the supply passes two cells, from the upper bit line to the lower: half of what two columns draw."""
    activity = Activity(1.0, 2e-9, 2e-9, 0.5)
    pairs, columns = (_tile(Differential(8), wires).cell_cost(activity, 1) for wires in (PAIRED, SINGLE))
    tile = _tile(Differential(8), PAIRED)
    assert pairs["cells"] == columns["cells"]
    taken, both = (
        c["input encoding"].energy + c["pre-conversion"].energy + c["cells"].energy for c in (pairs, columns)
    )
    assert both == pytest.approx(tile.supply * tile.read_voltage * 2e-9)
    assert taken == pytest.approx(both / 2)
    apart = _tile(Differential(8, separate=True), SINGLE)
    assert apart.cell_cost(activity, 1) == columns
