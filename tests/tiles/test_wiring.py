"""Where cells sit on the lines: ideal wires change nothing, real ones what a matrix put together cell by cell says."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from mho import Chip, capture
from mho.arrays import ChargeRedistribution, Wires
from mho.compiler._place import partition
from mho.core import Seed
from mho.tiles import (
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSliced,
    Differential,
    OffsetColumn,
    load_tile,
)
from mho.tiles._wiring import Wiring

ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(4),
    Differential(4, 2),
    Differential(4, separate=True),
    Differential(4, 2, separate=True),
    BitSliced(4),
    BitSliced(5, 2),
    OffsetColumn(4),
]
IDEAL = Wires(0.0, 0.0)
ROUGH = Wires(word_line=30.0, bit_line=20.0, driver=100.0, sense=50.0)
G, R = 2, 2


def _conductances(encoding: AbstractWeightEncoding, rows: int, columns: int) -> torch.Tensor:
    """Draw cells of two chips, 1 to 100 uS, in the shape in which an encoding wants them."""
    shape = encoding.targets(torch.zeros(G, R, rows, columns)).shape
    u = torch.rand(2, *shape, generator=Seed(0).child(repr(encoding)).generator(), dtype=torch.float64)
    return 10 ** (-6 + 2 * u)


def _literal(wires: Wires, encoding: AbstractWeightEncoding, shape: tuple[int, int], g: torch.Tensor) -> torch.Tensor:
    """Put every cell onto its lines, one by one; solve the array with the unused lines in it; take the cells back.

    `[cells, S, K, N]` of one chip, group and row tile. Devices of a side share their crossing. A reference column is in
    every column tile, at the same place behind the others; that of the last one is what is taken back.
    """
    cells, slices, rows, columns = g.shape
    sides = 1 if getattr(encoding, "separate", True) else 2
    on_word_lines = isinstance(encoding, Differential) and wires.pairs == "word lines"
    weights = columns - encoding.reference_column
    tiles = next(t for t in range(1, weights + 1) if -(-weights // t) + encoding.reference_column <= shape[1])
    width = -(-weights // tiles)
    out = torch.zeros_like(g)
    for tile in range(tiles):
        place = {n: n - tile * width for n in range(tile * width, min((tile + 1) * width, weights))}
        place |= {weights: width} if encoding.reference_column else {}
        # What is driven at once: on word lines, sides that are slices of their own are driven one after the other.
        for group in [[s] for s in range(slices)] if on_word_lines else [list(range(slices))]:

            def crossing(c: int, s: int, k: int, m: int, group: list[int] = group) -> tuple[int, int]:
                side = c * sides // cells
                if on_word_lines:
                    return k * sides + side, m
                return k, (m * sides + side) * len(group) + group.index(s)

            per_row, per_column = (sides, 1) if on_word_lines else (1, sides * len(group))
            physical = torch.zeros(shape[0] * per_row, shape[1] * per_column, dtype=g.dtype)
            for c, s, k, (n, m) in itertools.product(range(cells), group, range(rows), place.items()):
                physical[crossing(c, s, k, m)] += g[c, s, k, n]
            seen = wires.effective(physical)
            for c, s, k, (n, m) in itertools.product(range(cells), group, range(rows), place.items()):
                out[c, s, k, n] = seen[crossing(c, s, k, m)] / (cells // sides)
    return out


@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("columns", [3, 7])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_ideal_wires_leave_a_cell_what_it_is(encoding: AbstractWeightEncoding, columns: int, pairs: str) -> None:
    """But devices of one side are in parallel: each is taken for their mean, which is all that digits know of them."""
    g = _conductances(encoding, 5, columns)
    for mode in ("off", "closed", "sweeps(2)", "exact"):
        seen = Wiring(replace(IDEAL, pairs=pairs, ir_drop=mode), encoding, 8, 3).through(g)
        assert seen.shape == g.shape
        states = [encoding.digits(c.transpose(0, 1)) for c in (seen, g)]
        torch.testing.assert_close(*states, rtol=1e-7, atol=1e-12)
        if g.shape[1] == encoding.sides:
            torch.testing.assert_close(seen, g, rtol=1e-7, atol=0)


def test_ideal_wires_in_single_precision() -> None:
    for encoding in ENCODINGS:
        g = _conductances(encoding, 5, 4).float()
        digits = encoding.digits(Wiring(IDEAL, encoding, 8, 4).through(g).transpose(0, 1))
        torch.testing.assert_close(digits, encoding.digits(g.transpose(0, 1)), rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize(
    ("shape", "columns"), [((4, 3), 3), ((7, 5), 3), ((4, 2), 4), ((5, 3), 7), ((5, 3), 5)],
    ids=["full", "in a corner", "two column tiles", "three column tiles", "the last one not full"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_cells_are_where_a_drawing_would_put_them(
    encoding: AbstractWeightEncoding, shape: tuple[int, int], columns: int, pairs: str
) -> None:
    wires = replace(ROUGH, pairs=pairs)
    g = _conductances(encoding, 4, columns)
    seen = Wiring(wires, encoding, *shape).through(g)
    for i, group, r in [(0, 0, 0), (0, 1, 0), (1, 0, 1)]:
        expected = _literal(wires, encoding, shape, g[i, :, group, r])
        torch.testing.assert_close(seen[i, :, group, r], expected, rtol=1e-9, atol=0)
    lost = 1 - encoding.digits(seen.transpose(0, 1)).abs().sum() / encoding.digits(g.transpose(0, 1)).abs().sum()
    assert 0.005 < float(lost) < 0.5


@pytest.mark.parametrize("drive", ["left", "right", "both"])
@pytest.mark.parametrize("read", ["bottom", "top", "both"])
def test_any_ends(drive: str, read: str) -> None:
    """The lines go on beyond the cells in the corner, to wherever drivers and read-outs are."""
    wires, encoding = replace(ROUGH, drive=drive, read=read), Differential(4)
    g = _conductances(encoding, 3, 4)
    seen = Wiring(wires, encoding, 6, 3).through(g)
    torch.testing.assert_close(seen[1, :, 0, 1], _literal(wires, encoding, (6, 3), g[1, :, 0, 1]), rtol=1e-9, atol=0)


@pytest.mark.parametrize("mode", ["closed", "sweeps(3)"])
@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
def test_cheaper_ways_see_the_same_arrangement(mode: str, pairs: str) -> None:
    wires, encoding = replace(ROUGH, pairs=pairs, ir_drop=mode), Differential(4)
    g = _conductances(encoding, 3, 4)
    seen = Wiring(wires, encoding, 6, 4).through(g)
    torch.testing.assert_close(seen[0, :, 1, 0], _literal(wires, encoding, (6, 4), g[0, :, 1, 0]), rtol=1e-9, atol=0)


def _reach(wires: Wires, encoding: AbstractWeightEncoding, shape: tuple[int, int], columns: int) -> list[set[int]]:
    """For each column of weights, say which columns see it change."""
    g = _conductances(encoding, 4, columns)
    columns = g.shape[-1]
    before = Wiring(wires, encoding, *shape).through(g)
    out: list[set[int]] = []
    for n in range(columns):
        changed = g.clone()
        changed[..., n] *= 3
        after = Wiring(wires, encoding, *shape).through(changed)
        out.append({m for m in range(columns) if not torch.equal(after[..., m], before[..., m])})
    return out


@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_column_tiles_do_not_know_of_one_another(encoding: AbstractWeightEncoding, pairs: str) -> None:
    """But for a reference column, which is in each of them and is read in the last."""
    columns = 7 - encoding.reference_column  # with a reference column seven as well
    reach = _reach(replace(ROUGH, pairs=pairs), encoding, (4, 3), columns)
    if encoding.reference_column:
        assert reach == [{0, 1}] * 2 + [{2, 3}] * 2 + [{4, 5, 6}] * 2 + [set(range(7))]
    else:
        assert reach == [{0, 1, 2}] * 3 + [{3, 4, 5}] * 3 + [{6}]


def test_chips_groups_and_row_tiles_do_not_know_of_one_another() -> None:
    encoding = Differential(4)
    g = _conductances(encoding, 4, 3)
    whole = Wiring(ROUGH, encoding, 4, 3).through(g)
    for i, a, r in itertools.product(range(2), range(G), range(R)):
        own = Wiring(ROUGH, encoding, 4, 3).through(g[i : i + 1, :, a : a + 1, r : r + 1])
        torch.testing.assert_close(own[0, :, 0, 0], whole[i, :, a, r], rtol=1e-12, atol=0)


def _blocks(columns: int, shape: tuple[int, int], weights: AbstractWeightEncoding) -> list[int]:
    """Return how many columns each column tile of a linear layer gets from the compiler."""
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    chip = replace(chip, tile=replace(chip.tile, rows=shape[0], cols=shape[1], weights=weights))
    graph = capture(torch.nn.Linear(4, columns), torch.zeros(2, 4))
    return [b.columns for b in partition(graph, chip)]


@pytest.mark.parametrize("columns", [2, 3, 4, 7, 8])
def test_column_tiles_are_those_of_the_compiler(columns: int) -> None:
    reach = _reach(ROUGH, Differential(4), (4, 3), columns)
    sizes = [len(set_) for set_, _ in itertools.groupby(reach)]
    assert sizes == _blocks(columns, (4, 3), Differential(4))


@pytest.mark.parametrize("columns", [2, 4, 5, 6])
def test_column_tiles_with_a_reference_column_are_those_of_the_compiler(columns: int) -> None:
    """Of three columns of a tile the reference takes one, so that at most two are left for each column tile."""
    reach = _reach(ROUGH, OffsetColumn(4), (4, 3), columns)
    sizes = [len(set_ - {columns}) for set_, _ in itertools.groupby(reach[:columns])]
    assert sizes == _blocks(columns, (4, 3), OffsetColumn(4))


def test_two_devices_draw_twice_the_current() -> None:
    """Devices of a side are in parallel: through the same wires they lose what one cell of twice as much would."""
    one, two = Differential(4), Differential(4, 2)
    g = _conductances(one, 4, 3)
    doubled = Wiring(ROUGH, two, 4, 3).through(g.repeat_interleave(2, 1))
    expected = Wiring(ROUGH, one, 4, 3).through(2 * g) / 2
    torch.testing.assert_close(doubled[:, ::2], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(doubled[:, 1::2], expected, rtol=1e-12, atol=0)


# Capacitance and time ---------------------------------------------------------------------------------------------

LOADED = Wires(30.0, 20.0, 1000.0, 500.0, word_capacitance=2e-16, bit_capacitance=3e-16)


def _tile(**changes: Any) -> AnalogTile:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    return replace(tile, **({"line_capacitance": 0.0, "wires": LOADED} | changes))


def _needs(wires: Wires, rows: int, cols: int, bits: int) -> float:
    """Return the sum of two Elmore delays, segment by segment from the far end, times ln 2^(bits + 1)."""
    delay = 0.0
    for n, segment, end, capacitance in (
        (cols, wires.word_line, wires.driver, wires.word_capacitance),
        (rows, wires.bit_line, wires.sense, wires.bit_capacitance),
    ):
        delay += end * n * capacitance + sum(segment * (n - i) * capacitance for i in range(n))
    return delay * (bits + 1) * math.log(2)


@pytest.mark.parametrize(
    ("weights", "pairs", "lines"),
    [
        (Differential(8), "bit lines", (64, 2 * 13)),
        (Differential(8), "word lines", (2 * 64, 13)),
        (Differential(8, 2), "bit lines", (64, 2 * 13)),  # two devices share a crossing
        (Differential(8, separate=True), "bit lines", (64, 2 * 13)),
        (Differential(8, separate=True), "word lines", (64, 13)),
        (BitSliced(8, 2), "bit lines", (64, 5 * 13)),
        (BitSliced(8, 2), "word lines", (64, 5 * 13)),
        (OffsetColumn(8), "bit lines", (64, 13)),
    ],
    ids=repr,
)
def test_a_phase_is_as_long_as_the_lines_need(
    weights: AbstractWeightEncoding, pairs: Any, lines: tuple[int, int]
) -> None:
    """Of 10 columns and 3 spare ones, with all their slices and sides; and the time before the converter counts."""
    wires = replace(LOADED, pairs=pairs)
    needed = _needs(wires, *lines, 8)
    assert wires.settling(*lines, 8) == pytest.approx(needed, rel=1e-9, abs=0)
    size = {"rows": 64, "cols": 10, "spare_columns": 3, "weights": weights, "wires": wires}
    pre = replace(_tile().pre, settling=0.3 * needed)
    enough, short = (BitParallel(8, hold=part * needed) for part in (0.7001, 0.6999))
    assert _tile(**size, pre=pre, inputs=enough).wires == wires
    with pytest.raises(ValueError, match="settle") as error:
        _tile(**size, pre=pre, inputs=short)
    assert str(error.value) == (
        f"a phase must last as long as its wires need to settle, {needed:.3g} s, not {0.9999 * needed:.3g} s; "
        "lengthen inputs.hold, inputs.lsb_time or pre.settling"
    )


def test_wires_that_are_off_or_have_no_capacitance_settle_at_once() -> None:
    fast = {"pre": replace(_tile().pre, settling=0.0), "inputs": BitParallel(8, hold=1e-13)}
    for mode in ("closed", "sweeps(2)", "exact"):
        with pytest.raises(ValueError, match="as its wires need to settle"):
            _tile(wires=replace(LOADED, ir_drop=mode), **fast)
    for wires in (
        None,
        replace(LOADED, ir_drop="off"),
        replace(LOADED, word_capacitance=0.0, bit_capacitance=0.0),
        replace(LOADED, word_line=0.0, bit_line=0.0, driver=0.0, sense=0.0),
    ):
        assert _tile(wires=wires, **fast).wires == wires


def test_columns_and_wires_each_have_their_time() -> None:
    """The principle's own message comes first where both need longer."""
    slow = ChargeRedistribution(1e-15, 0.9, switch=1e9)
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, line_capacitance=0.0)
    with pytest.raises(ValueError, match="as long as the columns need to settle"):
        replace(tile, principle=slow, wires=replace(LOADED, driver=1e6))
    with pytest.raises(ValueError, match="as long as its wires need to settle"):
        replace(tile, wires=replace(LOADED, driver=1e6))


@pytest.mark.parametrize(
    "mode",
    [
        "exact",
        "closed",
        "off",
    ],
)
def test_the_capacitance_of_word_lines_is_said_once(mode: str) -> None:
    wires = replace(LOADED, ir_drop=mode)
    for same in (0.0, 2e-16):
        assert _tile(wires=wires, line_capacitance=same).line_capacitance == same
    assert _tile(wires=replace(wires, word_capacitance=0.0), line_capacitance=5e-16).wires is not None
    with pytest.raises(ValueError, match="line_capacitance") as error:
        _tile(wires=wires, line_capacitance=3.5e-16)
    assert str(error.value) == (
        "line_capacitance, 3.5e-16 F, and wires.word_capacitance, 2e-16 F, are the same thing; "
        "make them equal or leave one at 0 F"
    )


@pytest.mark.parametrize("mode", ["exact", "off"])
@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
def test_word_lines_take_c_v_squared_wherever_their_capacitance_is_said(
    weights: AbstractWeightEncoding, mode: str
) -> None:
    """Byte by byte, for every block; and it is C V^2 of all cells of a line for each row and phase."""
    bare = replace(LOADED, word_capacitance=0.0, ir_drop=mode)
    small = {"rows": 32, "cols": 16, "spare_columns": 2, "weights": weights}
    none = _tile(**small, wires=bare)
    own = _tile(**small, wires=bare, line_capacitance=2e-16)
    of_wires = _tile(**small, wires=replace(bare, word_capacitance=2e-16))
    both = _tile(**small, wires=replace(bare, word_capacitance=2e-16), line_capacitance=2e-16)
    without_wires = _tile(**small, wires=None, line_capacitance=2e-16)
    for signed in (True, False):
        expected = own.mvm_cost(30, 12, signed)
        assert [t.mvm_cost(30, 12, signed) for t in (of_wires, both, without_wires)] == [expected] * 3
        more = expected["input encoding"].energy - none.mvm_cost(30, 12, signed)["input encoding"].energy
        phases = len(own.inputs.significance(signed))
        line = 18 * weights.cells_per_weight * 2e-16 * own.read_voltage**2
        assert more == pytest.approx(30 * phases * line, rel=1e-9, abs=0)
    for name, block in none.mvm_cost(30, 12, True).items():
        assert (block == own.mvm_cost(30, 12, True)[name]) == (name != "input encoding")


def test_word_lines_settle_as_slowly_wherever_their_capacitance_is_said() -> None:
    slow = replace(LOADED, driver=1e6, bit_capacitance=0.0)
    messages = []
    for wires, own in ((slow, 0.0), (replace(slow, word_capacitance=0.0), slow.word_capacitance)):
        with pytest.raises(ValueError, match="as its wires need to settle") as error:
            _tile(wires=wires, line_capacitance=own)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_without_ir_drop_as_an_effect_the_rest_stays() -> None:
    tile = _tile(line_capacitance=2e-16)
    less = tile.effects["IR drop"]
    assert isinstance(less, AnalogTile)
    assert less == replace(tile, wires=replace(LOADED, ir_drop="off"))
    assert less.mvm_cost(256, 256, True) == tile.mvm_cost(256, 256, True)
