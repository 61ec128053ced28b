"""Sorted lines: what conducts most lies where the current's way is short, and nothing but the wires notices."""

import functools
import itertools
import math
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mho import Chip, capture
from mho.arrays import Wires
from mho.compiler._place import partition
from mho.converters import load_converter
from mho.core import Seed
from mho.devices import load_cell
from mho.ir import Graph
from mho.tiles import (
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSliced,
    Condition,
    ConvLayout,
    Differential,
    LinearLayout,
    OffsetColumn,
    characterise,
    load_tile,
)
from mho.tiles._order import Order, column_tiles
from mho.tiles._wiring import Wiring

DRIVES, READS = (get_args(get_type_hints(Wires)[end]) for end in ("drive", "read"))
ENDS = list(itertools.product(DRIVES, READS))
ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(4),
    Differential(4, 2),
    Differential(4, 2, separate=True),
    BitSliced(4),
    BitSliced(5, 2),
    OffsetColumn(4),
]
ROUGH = Wires(word_line=30.0, bit_line=20.0, driver=100.0, sense=50.0)
CHIPS = [Seed(0).child("chip", i) for i in range(3)]
TOP = 1e-5


def _unequal(encoding: AbstractWeightEncoding, *shape: int) -> torch.Tensor:
    """Draw integer weights `[..., rows, columns]` whose rows and columns are from weak to strong, in random order."""
    seed = Seed(0).child(repr(encoding), *shape)
    strength = [
        torch.rand((*shape[:-2], n), generator=seed.child("strength", d).generator()) ** 3
        for d, n in enumerate(shape[-2:])
    ]
    spread = strength[0].unsqueeze(-1) * strength[1].unsqueeze(-2)
    return (seed.normal(shape).sign() * spread * encoding.weight_range[1]).round()


def _conductances(encoding: AbstractWeightEncoding, *shape: int) -> torch.Tensor:
    return TOP * encoding.targets(_unequal(encoding, *shape).double())


# Places ---------------------------------------------------------------------------------------------------------


@given(
    st.tuples(*[st.integers(1, 3)] * 4, st.integers(1, 6), st.integers(1, 9)),
    st.integers(1, 5),
    st.integers(0, 1),
    st.sampled_from(ENDS),
    st.integers(0, 2),
)
def test_lift_takes_back_what_lay_did(
    shape: tuple[int, ...], most: int, reference: int, ends: tuple[str, str], batch: int
) -> None:
    """For every shape; both only move cells, none across groups, row tiles, slices, devices or chips."""
    targets = torch.randint(0, 3, (*shape[:-1], shape[-1] + reference), generator=torch.Generator().manual_seed(1))
    order = Order(Wires(1.0, 1.0, drive=ends[0], read=ends[1]), targets.float(), most, reference)
    g = torch.arange(float(targets.numel() * 2**batch)).reshape(*[2] * batch, *targets.shape)
    laid = order.lay(g)
    assert torch.equal(order.lift(laid), g)
    assert torch.equal(order.lay(order.lift(g)), g)
    assert torch.equal(laid.flatten(-2).sort(-1).values, g.flatten(-2).sort(-1).values)


def _nearest_first(places: list[int], near_the_end: bool) -> list[int]:
    return places[::-1] if near_the_end else places


def _literal_rows(read: str, weight: list[float]) -> list[int]:
    """Take the rows from the heaviest to the lightest, and give each the free place that is nearest to the read-out.

    Of rows that are equally heavy the upper one stays above the lower one.
    """
    if read == "both":
        return list(range(len(weight)))
    out = [-1] * len(weight)
    for place in _nearest_first(list(range(len(weight))), read == "bottom"):
        left = [k for k in range(len(weight)) if k not in out]
        heaviest = max(weight[k] for k in left)
        equal = [k for k in left if weight[k] == heaviest]
        out[place] = equal[-1] if read == "bottom" else equal[0]
    return out


@functools.cache
def _graph(most: int) -> Graph:
    """Return layers of 1, 2, ... `most` columns."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList(nn.Linear(2, n) for n in range(1, most + 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([head(x) for head in self.heads], 1)

    return capture(Heads(), torch.zeros(2, 2))


@functools.cache
def _cut(most: int, reference: int) -> dict[int, list[int]]:
    """Return, for layers of 1 to 30 columns, how wide the blocks are that the compiler cuts for tiles of `most`."""
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    weights = OffsetColumn(4) if reference else Differential(4)
    chip = replace(chip, tile=replace(chip.tile, cols=most + reference, weights=weights))
    sizes: dict[str, list[int]] = {}
    for block in partition(_graph(30), chip):
        sizes.setdefault(block.layer, []).append(block.columns)
    return {sum(s): s for s in sizes.values()}


@pytest.mark.parametrize("reference", [0, 1])
@pytest.mark.parametrize("most", range(1, 12))
def test_column_tiles_are_those_of_the_compiler(most: int, reference: int) -> None:
    """For all counts; none is empty. With a reference column, `most` is what a tile has beside it."""
    for columns, sizes in _cut(most, reference).items():
        cuts, width = column_tiles(columns, most)
        assert [min(width, columns - t * width) for t in range(cuts)] == sizes
        assert min(sizes) > 0
    assert len(_cut(most, reference)) == 30


@pytest.mark.parametrize("ends", ENDS, ids=str)
@pytest.mark.parametrize("ties", [False, True])
def test_rows_are_where_a_loop_would_put_them(ends: tuple[str, str], ties: bool) -> None:
    """The heaviest next to the read-out, summed over all that is on a row, the reference column's cells included."""
    shape = (2, 2, 3, 2, 7, 6)
    targets = torch.randint(0, 2 if ties else 10**6, shape, generator=Seed(0).child("rows").generator()).double()
    if ties:
        targets[..., 2:] = 0  # at most 8 different sums for 7 rows, and equal ones
        targets[:, :, :, :, 3:5] = 1
    order = Order(Wires(1.0, 1.0, drive=ends[0], read=ends[1]), targets, 3, 1)
    row = torch.arange(7.0).reshape(7, 1).expand(shape)
    for g, r in itertools.product(range(2), range(3)):
        weight = [float(targets[:, g, r, :, k].sum()) for k in range(7)]
        assert order.lay(row)[0, g, r, 0, :, 0].tolist() == _literal_rows(ends[1], weight)


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize(("columns", "most", "reference"), [(8, 4, 0), (7, 3, 0), (11, 4, 1), (5, 5, 1), (9, 2, 0)])
def test_columns_are_where_a_loop_would_put_them(drive: str, columns: int, most: int, reference: int) -> None:
    """In each tile from heavy to light, away from the driver; a reference column stays behind all others."""
    targets = torch.randint(
        0, 10**6, (2, 2, 3, 2, 5, columns + reference), generator=Seed(0).child("columns").generator()
    ).double()
    order = Order(Wires(1.0, 1.0, drive=drive), targets, most, reference)
    sizes = _cut(most, reference)[columns]
    name = torch.arange(float(columns + reference)).expand(targets.shape)
    for g, r in itertools.product(range(2), range(3)):
        names = order.lay(name)[0, g, r, 0, 0].int().tolist()
        assert names[columns:] == list(range(columns, columns + reference))
        if drive == "both":
            assert names == list(range(columns + reference))
            continue
        weight = [float(targets[:, g, r, :, :, n].sum()) for n in range(columns)]
        left = sorted(range(columns), key=lambda n: -weight[n])
        if drive == "left":
            # One after the other, the heaviest first, to the free place that is nearest to a driver, of any tile.
            tiles: list[list[int]] = [[] for _ in sizes]
            for depth, (tile, size) in itertools.product(range(max(sizes)), enumerate(sizes)):
                if depth < size:
                    tiles[tile].append(left.pop(0))
            assert names[:columns] == [n for tile in tiles for n in tile]
        start = 0
        for size in sizes:
            heavy = [weight[n] for n in names[start : start + size]]
            assert heavy == sorted(heavy, reverse=drive == "left")
            start += size


def test_heavy_columns_are_dealt_out() -> None:
    """Of as many heaviest columns as there are tiles each tile gets one, and of the next as many again."""
    for drive in ("left", "right"):
        targets = torch.rand((1, 1, 1, 1, 4, 12), generator=Seed(0).child("dealt").generator())
        order = Order(Wires(1.0, 1.0, drive=drive), targets, 4, 0)
        rank = targets.sum((0, 3, 4)).argsort(-1).argsort(-1).reshape(1, 1, 1, 1, 1, 12).expand(targets.shape)
        tiles = order.lay(rank.double())[0, 0, 0, 0, 0].int().reshape(3, 4)
        assert (tiles // 3).sort(-1).values.tolist() == [[0, 1, 2, 3]] * 3


def test_the_side_of_the_drivers_does_not_decide_who_shares_a_tile() -> None:
    """Seven columns in tiles of 3, 3 and 1: the last one carries one of the three heaviest, whichever side."""
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).expand(1, 1, 1, 1, 2, 7)
    last = [float(Order(Wires(1.0, 1.0, drive=d), weight, 3, 0).lay(weight)[..., 6].max()) for d in ("left", "right")]
    assert last[0] == 5
    assert last[1] == 5


# What the wires make of it --------------------------------------------------------------------------------------


def _swapped(order: Order, g: torch.Tensor) -> tuple[torch.Tensor, list[list[list[int]]], list[list[list[int]]]]:
    """Move the cells of `[I, cells, G, R, S, K, N]` one row and one column at a time; return who lies where, too."""
    groups, row_tiles, _, rows, columns = g.shape[2:]
    shape = (1, groups, row_tiles, 1, rows, columns)
    row = order.lay(torch.arange(float(rows)).reshape(rows, 1).expand(shape))[0, :, :, 0, :, 0].int().tolist()
    column = order.lay(torch.arange(float(columns)).expand(shape))[0, :, :, 0, 0].int().tolist()
    out = torch.empty_like(g)
    for a, r, k, n in itertools.product(*(range(s) for s in (groups, row_tiles, rows, columns))):
        out[:, :, a, r, :, k, n] = g[:, :, a, r, :, row[a][r][k], column[a][r][n]]
    return out, row, column


@pytest.mark.parametrize("ends", [*zip(DRIVES, READS, strict=True), ("left", "top"), ("both", "top")], ids=str)
@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_sorted_lines_are_lines_with_other_cells(
    encoding: AbstractWeightEncoding, pairs: str, ends: tuple[str, str]
) -> None:
    """What is read of a cell is what is read at its place, whichever cells are around it; in two column tiles."""
    wires = replace(ROUGH, pairs=pairs, drive=ends[0], read=ends[1])
    g = _conductances(encoding, 1, 2, 5, 6).expand(2, *[-1] * 6).clone()
    g[1] *= 0.7  # the order is that of the targets, whatever a chip made of them
    g[1, ..., 0, 0] += 5e-6
    cols = 4 + encoding.reference_column
    order = Order(wires, g[0], 4, int(encoding.reference_column))
    seen = Wiring(wires, encoding, 7, cols, order=order).through(g)
    moved, row, column = _swapped(order, g)
    expected = Wiring(wires, encoding, 7, cols).through(moved)
    for r, k, n in itertools.product(range(2), range(5), range(g.shape[-1])):
        torch.testing.assert_close(
            seen[:, :, 0, r, :, row[0][r][k], column[0][r][n]], expected[:, :, 0, r, :, k, n], rtol=1e-12, atol=0
        )
    if ends != ("both", "both"):
        assert not torch.allclose(seen, Wiring(wires, encoding, 7, cols).through(g), rtol=1e-4, atol=0)


def _ideal(encoding: AbstractWeightEncoding, **changes: object) -> AnalogTile:
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), bits=16, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    tile = replace(
        tile, rows=10, cols=8, cell=load_cell("sram"), weights=encoding, inputs=BitParallel(8, hold=1e-9),
        converter=converter, columns_per_converter=1,
    )  # fmt: skip
    return replace(tile, **changes)


@pytest.mark.parametrize("ends", [("left", "bottom"), ("right", "top")], ids=str)
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_a_sorted_tile_is_a_permuted_matrix(encoding: AbstractWeightEncoding, ends: tuple[str, str]) -> None:
    """Inputs and outputs in the order of the lines, and an unsorted tile of the matrix in that order, say the same."""
    tile = _ideal(encoding, wires=replace(ROUGH, drive=ends[0], read=ends[1]))
    layout = LinearLayout(8, 11, 10)
    weight = _unequal(encoding, 11, 8)
    x = Seed(0).child("x").normal((1, 9, 8)).mul(50).round().clamp(-127, 127)
    full = torch.full((1, len(encoding.significance)), 1e4)
    reference = int(encoding.reference_column)
    bottom, top = tile.cell.range
    # In the tile's own single precision: sums of thirds are equal only before rounding.
    targets = bottom + encoding.targets(layout.split_weight(weight)) * (top - bottom)
    order = Order(tile.wires, targets, 8 - reference, reference)
    places = torch.arange(8.0).unsqueeze(-1), torch.arange(11.0 + reference)
    row = order.lay(places[0].expand(targets.shape))[0, 0, 0, 0, :, 0].long()
    column = order.lay(places[1].expand(targets.shape))[0, 0, 0, 0, 0, :11].long()

    def outputs(tile: AnalogTile, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        state = tile.program(layout, weight, full, CHIPS[:1], [Condition()], True)
        return tile.multiply(layout, state, x, True, None)

    ours = outputs(replace(tile, sorted_lines=True), weight, x)
    literal = outputs(tile, weight[column][:, row], x[..., row])
    step = 1e4 / tile.converter.codes(tile.bipolar(True))[1]
    # A sum on the border of two codes may fall to either side in single precision.
    most = step * sum(abs(s) for s in encoding.significance) * (1 + reference)
    torch.testing.assert_close(ours[..., column], literal, rtol=0, atol=1.001 * most)
    assert not torch.equal(row, torch.arange(8))
    assert float((ours - outputs(tile, weight, x)).abs().max()) > 3 * most


@pytest.mark.parametrize("wires", [None, replace(ROUGH, ir_drop="off")], ids=["none", "off"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_ideal_lines_need_no_order(encoding: AbstractWeightEncoding, wires: Wires | None) -> None:
    """Byte by byte, with real cells and converters, in layers of several groups, row tiles and column tiles."""
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=18, cols=4, weights=encoding, wires=wires, column_calibration=True)
    layout = ConvLayout(6, 10, (3, 3), (1, 1), (1, 1), (1, 1), 2, 18)
    weight = _unequal(encoding, 10, 3, 3, 3)
    full = torch.full((2, len(encoding.significance)), 1e3)
    conditions = [Condition(None), Condition(86400.0, "column")]
    one, other = (
        replace(tile, sorted_lines=s).program(layout, weight, full, CHIPS, conditions, True) for s in (False, True)
    )
    for field in ("matrix", "offset", "coefficient", "constant", "row_conductance"):
        assert torch.equal(getattr(one, field), getattr(other, field)), field


@pytest.mark.parametrize("mode", ["closed", "sweeps(2)", "exact"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_lines_of_no_resistance_need_no_order(encoding: AbstractWeightEncoding, mode: str) -> None:
    """Within rounding, and what terminals of 1e-9 ohm, in place of none, lead to a neighbour, for lines of 64 cells."""
    g, wires = _conductances(encoding, 2, 2, 6, 7), Wires(0.0, 0.0, ir_drop=mode)
    reference = int(encoding.reference_column)
    order = Order(wires, g, 3, reference)
    one, other = (Wiring(wires, encoding, 8, 3 + reference, order=o).through(g[None]) for o in (None, order))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-9 * 64 * TOP * TOP)


@pytest.mark.parametrize("mode", ["closed", "exact"])
@pytest.mark.parametrize("read", ["bottom", "top"])
def test_sorted_rows_save_what_a_sum_says(read: str, mode: str) -> None:
    """On a bit line alone, the current lost is r sum g_i g_j min(d_i, d_j), in the first order of r.

    d counts the segments to the read-out. The next order is smaller by at most m = r max_i sum_j g_j min(d_i, d_j), so
    the ratio of what is lost with and without sorting is that of the sums to within 2 m.
    """
    r, rows = 0.5, 24
    wires = Wires(0.0, r, read=read, ir_drop=mode)
    encoding = OffsetColumn(4)
    row = torch.arange(rows)
    distance = (rows - row if read == "bottom" else row + 1).double()
    near = torch.minimum(distance[:, None], distance)
    g = _conductances(encoding, 1, 1, rows, 1)
    g[..., 0] = 2 * TOP * torch.rand(rows, generator=Seed(0).child("rows").generator(), dtype=torch.float64) ** 4
    g[..., 1] = 0.0  # nothing on the reference
    own = g[0, 0, 0, 0, :, 0]
    in_order = own.sort(descending=read == "top").values
    sums = [float(line @ near @ line) for line in (in_order, own)]
    small = r * float((near @ own).max() + (near @ in_order).max()) / 2
    assert 1e-4 < small < 1e-2
    lost = []
    for order in (Order(wires, g, 1, 1), None):
        seen = Wiring(wires, encoding, rows, 2, order=order).through(g[None])
        lost.append(float((g - seen[0]).sum()))
    assert sums[0] < 0.6 * sums[1]
    assert lost[0] / lost[1] == pytest.approx(sums[0] / sums[1], rel=4 * small, abs=0)
    assert lost[1] == pytest.approx(r * sums[1], rel=2 * small, abs=0)


@pytest.mark.parametrize("drive", ["left", "right"])
def test_sorted_columns_save_what_a_sum_says(drive: str) -> None:
    """As above, on a word line of one tile as wide as the layer."""
    r, columns = 0.5, 24
    wires = Wires(r, 0.0, drive=drive)
    g = TOP * torch.rand((1, 1, 1, 1, 1, columns), generator=Seed(0).child("c").generator(), dtype=torch.float64) ** 4
    place = torch.arange(columns)
    distance = (place + 1 if drive == "left" else columns - place).double()
    near = torch.minimum(distance[:, None], distance)
    own = g.flatten()
    in_order = own.sort(descending=drive == "left").values
    small = r * float((near @ own).max() + (near @ in_order).max()) / 2
    order = Order(wires, g, columns, 0)
    lost = [float((g - Wiring(wires, BitSliced(2), 1, columns, order=o).through(g[None])).sum()) for o in (order, None)]
    expected = float(in_order @ near @ in_order) / float(own @ near @ own)
    assert expected < 0.6
    assert lost[0] / lost[1] == pytest.approx(expected, rel=4 * small, abs=0)


@pytest.mark.parametrize("ends", [("left", "bottom"), ("right", "top"), ("left", "both"), ("both", "top")], ids=str)
@pytest.mark.parametrize("mode", ["closed", "exact"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_sorting_lowers_the_error(encoding: AbstractWeightEncoding, mode: str, ends: tuple[str, str]) -> None:
    """For rows and columns from weak to strong, in every cell's own group and row tile, and over column tiles."""
    wires = Wires(5.0, 5.0, 10.0, 10.0, drive=ends[0], read=ends[1], ir_drop=mode)
    g = _conductances(encoding, 1, 2, 24, 20)
    reference = int(encoding.reference_column)
    order, cols = Order(wires, g, 10, reference), 10 + reference
    lost = [
        (g - Wiring(wires, encoding, 24, cols, order=o).through(g[None])[0]).sum((0, 3, 4, 5)) for o in (order, None)
    ]
    assert bool((lost[0] < lost[1]).all())
    assert float(lost[0].min()) > 0


@pytest.mark.parametrize("mode", ["closed", "exact"])
def test_a_tile_with_sorted_lines_errs_less(mode: str) -> None:
    """Measured as a designer would, with a Gaussian matrix, whose columns are filled to their largest weight."""
    wires = Wires(10.0, 10.0, ir_drop=mode)
    tile = _ideal(Differential(8), rows=48, cols=24, wires=wires)
    errors = [characterise(replace(tile, sorted_lines=s), instances=1, vectors=16).error for s in (True, False)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(("mode", "ends"), [("closed", ("left", "bottom")), ("exact", ("right", "top"))], ids=str)
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_conversion_follows_the_order(encoding: AbstractWeightEncoding, mode: str, ends: tuple[str, str]) -> None:
    """Rounds of conversion of sorted cells are those of a tile whose cells lie so by themselves."""
    wires = Wires(3.0, 3.0, drive=ends[0], read=ends[1], ir_drop=mode)
    reference = int(encoding.reference_column)
    g, cols = _conductances(encoding, 1, 1, 12, 10), 6 + reference
    order = Order(wires, g, 6, reference)
    ours, factor = Wiring(wires, encoding, 16, cols, order=order).converted(g, (0.0, TOP), 4)
    moved, row, column = _swapped(order, g[None])
    literal, expected = Wiring(wires, encoding, 16, cols).converted(moved[0], (0.0, TOP), 4)
    assert factor == pytest.approx(expected, rel=1e-12, abs=0)
    for k, n in itertools.product(range(12), range(g.shape[-1])):
        torch.testing.assert_close(
            ours[:, 0, 0, :, row[0][0][k], column[0][0][n]], literal[:, 0, 0, :, k, n], rtol=1e-9, atol=1e-18
        )


@pytest.mark.parametrize("mode", ["closed", "exact"])
@pytest.mark.parametrize("encoding", [Differential(4, 2), BitSliced(4, 2), OffsetColumn(4)], ids=repr)
def test_a_sorted_tile_needs_less_room_for_conversion(encoding: AbstractWeightEncoding, mode: str) -> None:
    """The far corner sets the scale; with little current that has a long way, it loses less."""
    wires = Wires(3.0, 3.0, ir_drop=mode)
    g, reference = _conductances(encoding, 1, 1, 24, 10), int(encoding.reference_column)
    g = g * (TOP / g.max())
    factors = []
    for order in (Order(wires, g, 10, reference), None):
        wiring = Wiring(wires, encoding, 32, 10 + reference, order=order)
        written, factor = wiring.converted(g, (0.0, TOP), 8)
        factors.append(factor)
        seen = wiring.through(written[None])[0] / factor
        bare = wiring.through(g[None])[0]
        wrong = [float((encoding.digits(x) - encoding.digits(g)).norm()) for x in (seen, bare)]
        # A cell of 0 S cannot be lowered by the little that comes to it through its neighbours.
        assert wrong[0] < (1e-3 if mode == "closed" else 1e-2) * wrong[1]
    assert factors[1] < factors[0] < 1


@pytest.mark.parametrize("mode", ["closed", "sweeps(2)"])
def test_a_sorted_chip_is_the_same_in_any_chunk(mode: str) -> None:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=12, cols=4, wires=replace(ROUGH, ir_drop=mode), sorted_lines=True, conversion_rounds=1)
    layout, full = LinearLayout(20, 6, 12), torch.full((2, 1), 1e4)
    weight = _unequal(tile.weights, 6, 20)
    whole = tile.program(layout, weight, full, CHIPS, [Condition()], True).matrix.unflatten(0, (3, -1))
    for some in ([0], [2, 1]):
        part = tile.program(layout, weight, full, [CHIPS[i] for i in some], [Condition()], True)
        assert torch.equal(part.matrix, whole[some].flatten(0, 1))


def test_where_a_row_lies_does_not_change_what_it_draws() -> None:
    """The conductance on a word line is counted by the row's own name, so that a cost is the same."""
    tile = _ideal(Differential(4), wires=ROUGH)
    layout, weight = LinearLayout(8, 11, 10), _unequal(Differential(4), 11, 8)
    one, other = (
        replace(tile, sorted_lines=s).program(layout, weight, torch.full((1, 1), 1e4), CHIPS, [Condition()], True)
        for s in (False, True)
    )
    assert torch.equal(one.row_conductance, other.row_conductance)
    assert not torch.equal(one.matrix, other.matrix)
    assert tile.parts() == replace(tile, sorted_lines=True).parts()
    for rows, columns in ((8, 8), (3, 2)):
        assert tile.mvm_cost(rows, columns, True) == replace(tile, sorted_lines=True).mvm_cost(rows, columns, True)


def test_rounds_of_conversion_are_counted_from_zero() -> None:
    with pytest.raises(ValueError, match="must be at least 0") as error:
        _ideal(Differential(4), conversion_rounds=-2)
    assert str(error.value) == "spare_columns and conversion_rounds must be at least 0, not 0 and -2"
    assert math.isfinite(_ideal(Differential(4), conversion_rounds=0).noise_lsb)
