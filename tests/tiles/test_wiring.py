"""Where cells sit on the lines: ideal wires change nothing, real ones what a matrix put together cell by cell says."""

import itertools
from dataclasses import replace

import pytest
import torch

from mho import Chip, capture
from mho.arrays import Wires
from mho.compiler._place import partition
from mho.core import Seed
from mho.tiles import AbstractWeightEncoding, AnalogTile, BitSliced, Differential, OffsetColumn
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
