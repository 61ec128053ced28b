"""Spare columns: the worst columns of each tile are moved, the others, and what is paid for them, stay as they are."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import Wires
from mho.converters import load_converter
from mho.core import Seed, normal_per_instance
from mho.devices import AbstractCell, Faulty, load_cell
from mho.tiles import (
    OUTPUT_STAGES,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSliced,
    Condition,
    Differential,
    LinearLayout,
    OffsetColumn,
    characterise,
    load_tile,
)
from mho.tiles._order import Order
from mho.tiles._repair import assign, repaired
from mho.tiles._wiring import Wiring

ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(4),
    Differential(4, 2),
    Differential(4, 2, separate=True),
    BitSliced(4),
    OffsetColumn(4),
]
CHIPS = [Seed(0).child("chip", i) for i in range(4)]
STUCK = Faulty(load_cell("sram"), 0.02, 0.02)
"""A cell that is right but where it is stuck."""
REAL = Faulty(load_cell("rram"), 0.03, 0.01)
"""One that also misses its target, and fluctuates."""
MOST, COLUMNS, SPARES = 4, 10, 2


# Who moves where ------------------------------------------------------------------------------------------------


def _greedy(gains: list[list[float]]) -> list[int]:
    """Look through all pairs of columns and spares that are left, time and again, for the largest gain."""
    choice = [-1] * len(gains)
    while True:
        left = [
            (gain, n, s)
            for n, row in enumerate(gains)
            for s, gain in enumerate(row)
            if gain > 0 and choice[n] < 0 and s not in choice
        ]
        if not left:
            return choice
        _, n, s = max(left)
        choice[n] = s


@st.composite
def _gains(draw: st.DrawFn, different: bool) -> torch.Tensor:
    columns, spares = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    tiles = draw(st.integers(1, 3))
    count = tiles * columns * spares
    values = st.integers(-9, 9) if not different else st.integers(-(2**20), 2**20)
    numbers = draw(st.lists(values, min_size=count, max_size=count, unique=different))
    return torch.tensor(numbers, dtype=torch.float32).reshape(tiles, columns, spares)


@given(_gains(different=True))
def test_a_loop_assigns_the_same(gains: torch.Tensor) -> None:
    """Whatever other tiles there are, in whichever leading dimensions."""
    before = gains.clone()
    expected = [_greedy(tile.tolist()) for tile in gains]
    assert assign(gains).tolist() == expected
    assert assign(gains.unsqueeze(1)).tolist() == [[tile] for tile in expected]
    assert assign(gains[0]).tolist() == expected[0]
    assert torch.equal(gains, before)


@given(_gains(different=False))
def test_every_assignment_is_a_sound_one(gains: torch.Tensor) -> None:
    """Also of equal gains: no spare twice, none for nothing, and none left where a column would still gain."""
    for tile, choice in zip(gains, assign(gains), strict=True):
        taken = [s for s in choice.tolist() if s >= 0]
        assert len(set(taken)) == len(taken)
        for n, s in enumerate(choice.tolist()):
            assert -1 <= s < tile.shape[1]
            if s >= 0:
                assert tile[n, s] > 0
            else:
                assert all(tile[n, t] <= 0 for t in range(tile.shape[1]) if t not in taken)


@given(_gains(different=True))
def test_with_one_more_spare_no_column_gains_less(gains: torch.Tensor) -> None:
    """Column by column: who loses a spare to another one has found a better one before."""
    padded = torch.cat([gains, torch.zeros_like(gains[..., :1])], -1)  # 0 for -1, the last
    won = [
        torch.take_along_dim(padded, assign(gains[..., :count]).unsqueeze(-1) % padded.shape[-1], -1)
        for count in range(gains.shape[-1] + 1)
    ]
    assert bool((won[0] == 0).all())
    for fewer, more in itertools.pairwise(won):
        assert bool((more >= fewer).all())


# What is written ------------------------------------------------------------------------------------------------


def _targets(encoding: AbstractWeightEncoding, cell: AbstractCell, *shape: int) -> torch.Tensor:
    low, high = cell.range
    weights = Seed(0).child("w").normal(shape).mul(3).round().clamp(*encoding.weight_range)
    return low + encoding.targets(weights) * (high - low)


def _draws(cell: AbstractCell, targets: torch.Tensor, chips: list[Seed]) -> dict[str, torch.Tensor]:
    return {n: normal_per_instance([c.child(n) for c in chips], targets.shape) for n in cell.draws}


def _repaired(
    encoding: AbstractWeightEncoding, cell: AbstractCell, targets: torch.Tensor, chips: list[Seed], spares: int
) -> Mapping[str, torch.Tensor]:
    reference, alike = int(encoding.reference_column), torch.ones(targets.shape[3])
    return repaired(cell, targets, _draws(cell, targets, chips), chips, MOST, reference, spares, alike)


def _worth(encoding: AbstractWeightEncoding) -> torch.Tensor:
    """Return what an error in each slice does to the weight."""
    return torch.tensor(encoding.significance) * torch.tensor(encoding.full_digits)


def _error(cell: AbstractCell, targets: torch.Tensor, draws: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the squared error of each column, `[I, G, R, N]`, in squared full ranges."""
    low, high = cell.range
    off = cell.conductance(targets.expand(next(iter(draws.values())).shape), draws, None).double() - targets
    return (off / (high - low)).square().sum((1, 4, 5))


@pytest.mark.parametrize("cell", [STUCK, REAL], ids=["stuck", "real"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_columns_are_moved_as_a_loop_would(encoding: AbstractWeightEncoding, cell: AbstractCell) -> None:
    """Column by column, with the spares of its own tile; the draws are the spare's exactly where a column moved."""
    targets = _targets(encoding, cell, 2, 2, 9, COLUMNS)
    before, after = _draws(cell, targets, CHIPS), _repaired(encoding, cell, targets, CHIPS, SPARES)
    assert set(after) == set(before) == set(cell.draws)
    moved = 0
    cuts = [range(4), range(4, 8), range(8, 10)]  # ten columns in three tiles of at most four
    for i, (chip, g, r) in enumerate(itertools.product(CHIPS, range(2), range(2))):
        own = {n: d[i // 4, :, g, r] for n, d in before.items()}
        new = {n: d[i // 4, :, g, r] for n, d in after.items()}
        spare = [
            {n: chip.child("spare", n, s).normal((*targets.shape[:-1], 3))[:, g, r] for n in cell.draws}
            for s in range(SPARES)
        ]
        wanted = targets[:, g, r]

        def error(n: int, draws: dict[str, torch.Tensor], place: int, wanted: torch.Tensor = wanted) -> float:
            column = wanted[..., n]
            written = cell.conductance(column, {name: d[..., place] for name, d in draws.items()}, None)
            return float((written - column).double().square().sum()) * 1e12

        choice: dict[int, tuple[int, int]] = {}
        for t, cut in enumerate(cuts):
            gains = [[error(n, own, n) - error(n, spare[s], t) for s in range(SPARES)] for n in cut]
            # Equal gains, but for rounding, may go to either.
            scale = max(map(abs, itertools.chain(*gains)))
            gains = [[gain if gain > 1e-5 * scale else 0.0 for gain in row] for row in gains]
            distinct = sorted(gain for row in gains for gain in row if gain)
            if any(b - a < 1e-5 * scale for a, b in itertools.pairwise(distinct)):
                continue
            choice |= {n: (t, s) for n, s in zip(cut, _greedy(gains), strict=True)}
        for n, (t, s) in choice.items():
            moved += s >= 0
            for name in cell.draws:
                expected = own[name][..., n] if s < 0 else spare[s][name][..., t]
                assert torch.equal(new[name][..., n], expected)
        for name in cell.draws:  # a reference column
            assert torch.equal(new[name][..., COLUMNS:], own[name][..., COLUMNS:])
    assert moved >= (16 if cell is REAL else 4)


@pytest.mark.parametrize("cell", [STUCK, REAL], ids=["stuck", "real"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_no_column_is_ever_worse_and_more_spares_are_never_worse(
    encoding: AbstractWeightEncoding, cell: AbstractCell
) -> None:
    targets = _targets(encoding, cell, 1, 2, 30, COLUMNS)
    errors = [_error(cell, targets, _repaired(encoding, cell, targets, CHIPS, s)) for s in range(5)]
    for fewer, more in itertools.pairwise(errors):
        assert bool((more <= fewer * (1 + 1e-6)).all())  # gains are differences in single precision
    assert float(errors[-1].sum()) < 0.8 * float(errors[0].sum())


def test_each_tile_has_spares_of_its_own() -> None:
    """One spare each: in every tile with a bad column one moves, and no tile sees what another one has."""
    encoding, cell = Differential(4), STUCK
    targets = _targets(encoding, cell, 1, 1, 40, COLUMNS)
    before, after = _draws(cell, targets, CHIPS)["fault"], _repaired(encoding, cell, targets, CHIPS, 1)["fault"]
    moved = (before != after).flatten(1, -2).any(1)
    counts = [moved[:, a:b].sum(1) for a, b in ((0, 4), (4, 8), (8, 10))]
    assert all(int(c.max()) == 1 for c in counts)
    assert int(moved.sum()) > 6  # a column has about three stuck cells: nearly all tiles have something to move
    other = targets.clone()
    other[..., :4] = 0.0
    again = _repaired(encoding, cell, other, CHIPS, 1)["fault"]
    assert torch.equal(again[..., 4:], after[..., 4:])
    taken = [after[i, ..., n] for i in range(4) for n in range(COLUMNS) if moved[i, n]]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(taken, 2))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_a_reference_column_stays(encoding: AbstractWeightEncoding) -> None:
    """However bad it is, and however many spares there are."""
    cell = Faulty(load_cell("rram"), 0.3, 0.3)
    targets = _targets(encoding, cell, 1, 2, 20, COLUMNS)
    before, after = _draws(cell, targets, CHIPS), _repaired(encoding, cell, targets, CHIPS, 8)
    for name in cell.draws:
        assert torch.equal(after[name][..., COLUMNS:], before[name][..., COLUMNS:])
        assert not torch.equal(after[name], before[name])


@pytest.mark.parametrize("cell", [STUCK, REAL], ids=["stuck", "real"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_a_repaired_chip_is_the_same_in_any_chunk(encoding: AbstractWeightEncoding, cell: AbstractCell) -> None:
    targets = _targets(encoding, cell, 2, 2, 9, COLUMNS)
    whole = _repaired(encoding, cell, targets, CHIPS, SPARES)
    for some in ([0], [1], [2], [3], [3, 1], [2, 0, 1]):
        part = _repaired(encoding, cell, targets, [CHIPS[i] for i in some], SPARES)
        assert all(torch.equal(part[n], whole[n][some]) for n in cell.draws)


def test_without_spares_or_without_luck_to_draw_nothing_moves() -> None:
    targets = _targets(Differential(4), REAL, 1, 1, 9, COLUMNS)
    draws = _draws(REAL, targets, CHIPS)
    assert repaired(REAL, targets, draws, CHIPS, MOST, 0, 0, torch.ones(targets.shape[3])) is draws
    assert repaired(load_cell("sram"), targets, {}, CHIPS, MOST, 0, 3, torch.ones(targets.shape[3])) == {}
    right = Faulty(load_cell("sram"))  # draws which cells are stuck, and none is
    draws = _draws(right, targets, CHIPS)
    alike = torch.ones(targets.shape[3])
    assert torch.equal(repaired(right, targets, draws, CHIPS, MOST, 0, 3, alike)["fault"], draws["fault"])


# The tile -------------------------------------------------------------------------------------------------------


def _tile(encoding: AbstractWeightEncoding = Differential(4), **changes: object) -> AnalogTile:  # noqa: B008
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), bits=14, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    tile = replace(
        tile, rows=16, cols=8, cell=STUCK, weights=encoding, inputs=BitParallel(8, hold=1e-9), converter=converter,
        columns_per_converter=1, wires=None,
    )  # fmt: skip
    return replace(tile, **changes)


LAYOUT = LinearLayout(30, 13, 16)


def _weight(encoding: AbstractWeightEncoding) -> torch.Tensor:
    return Seed(0).child("weight").normal((13, 30)).mul(3).round().clamp(*encoding.weight_range)


def _realised(tile: AnalogTile, *conditions: Condition) -> torch.Tensor:
    """Return the digits, `[conditions, chips, G, R, S, K, N]`."""
    full = torch.full((2, len(tile.weights.significance)), 1e4)
    real = tile.realise(LAYOUT, _weight(tile.weights), full, CHIPS, conditions or (Condition(None),), True)
    return real.digits.unflatten(0, (-1, len(CHIPS)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_a_moved_column_is_the_spare_from_then_on(encoding: AbstractWeightEncoding) -> None:
    """What is read later, too, is what the cells of the spare do with time."""
    tile = _tile(encoding, cell=REAL, spare_columns=3)
    reference = int(encoding.reference_column)
    low, high = REAL.range
    targets = low + encoding.targets(LAYOUT.split_weight(_weight(encoding))) * (high - low)
    draws = repaired(REAL, targets, _draws(REAL, targets, CHIPS), CHIPS, 8 - reference, reference, 3, _worth(encoding))
    times = (None, 0.0, 86400.0)
    for digits, time in zip(_realised(tile, *map(Condition, times)), times, strict=True):
        g = REAL.conductance(targets.expand(4, *targets.shape), draws, time)
        expected = encoding.digits(((g - low) / (high - low)).transpose(0, 1))
        torch.testing.assert_close(digits, expected, rtol=1e-5, atol=1e-4)
    assert not torch.equal(_realised(tile), _realised(replace(tile, spare_columns=0)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_spares_of_cells_without_draws_change_nothing(encoding: AbstractWeightEncoding) -> None:
    tile = _tile(encoding, cell=load_cell("sram"))
    assert torch.equal(_realised(replace(tile, spare_columns=5)), _realised(tile))


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if not e.reference_column], ids=repr)
def test_with_enough_spares_a_tile_is_as_good_as_new(encoding: AbstractWeightEncoding) -> None:
    """Some 40 cells a column, one in 400 stuck: each of a few bad columns finds a spare with none, byte by byte."""
    cell = Faulty(load_cell("sram"), 0.0025, 0.0)
    right = _realised(_tile(encoding, cell=load_cell("sram")))
    wrong = [float((_realised(_tile(encoding, cell=cell, spare_columns=s)) - right).norm()) for s in (0, 1, 30)]
    assert wrong[0] > wrong[1] > wrong[2] == 0


@pytest.mark.parametrize("name", ["tile1", "tile2"])
def test_a_tile_with_stuck_cells_gets_better(name: str) -> None:
    """Measured as a designer would: the error falls from none to many spares, those of other causes included."""
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=32, cols=16, cell=Faulty(tile.cell, 0.002, 0.002))
    none, few, many, faultless = (
        characterise(t, instances=4, vectors=32).error
        for t in (
            tile,
            replace(tile, spare_columns=4),
            replace(tile, spare_columns=16),
            replace(tile, cell=tile.cell.cell if isinstance(tile.cell, Faulty) else tile.cell),
        )
    )
    assert faultless < few < none
    assert many < few


def test_stuck_cells_are_no_effect_of_spares() -> None:
    """Without stuck cells a tile keeps its spares, for what else its cells miss."""
    tile = _tile(cell=REAL, spare_columns=2)
    assert "stuck cells" in tile.effects
    assert tile.effects["stuck cells"] == replace(tile, cell=REAL.cell)


def test_a_wrong_sign_is_worse_than_two_wrong_last_bits() -> None:
    """One spare: a column with a stuck cell in its sign slice goes before one with two of them in the last slice."""
    encoding, cell = BitSliced(4), Faulty(load_cell("sram"), 0.01, 0.0)
    low, high = cell.range
    targets = low + encoding.targets(torch.full((1, 1, 6, 2), -1.0)) * (high - low)  # all bits are set
    fault = torch.zeros((1, *targets.shape))
    fault[0, 0, 0, 0, -1, 0, 0] = -5.0  # counts 8
    fault[0, 0, 0, 0, 0, :2, 1] = -5.0  # count 1 each
    spares = {c: c.child("spare", "fault", 0).normal((*targets.shape[:-1], 1)) for c in map(Seed, range(20))}
    chip, spare = next((c, z) for c, z in spares.items() if float(z.min()) > -2.3)  # no cell of it is stuck
    after = repaired(cell, targets, {"fault": fault}, [chip], 2, 0, 1, _worth(encoding))["fault"]
    assert torch.equal(after[..., 1], fault[..., 1])
    assert torch.equal(after[0, ..., 0], spare[..., 0])


# With wires -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drive", ["left", "right", "both"])
@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_word_lines_pass_the_spares(encoding: AbstractWeightEncoding, pairs: str, drive: str) -> None:
    """Beyond the other columns they conduct nothing: each column tile is one of a tile that is wider by them."""
    wires, reference = Wires(30.0, 20.0, 100.0, 50.0, drive=drive, pairs=pairs), int(encoding.reference_column)
    g = 1e-6 + 1e-5 * torch.rand(
        2, *encoding.targets(torch.zeros(1, 2, 5, 7)).shape, generator=Seed(0).generator(), dtype=torch.float64
    )
    cols = 4 + reference
    seen = Wiring(wires, encoding, 6, cols, spare=3).through(g)
    last = list(range(7, 7 + reference))
    for cut in ([0, 1, 2, 3], [4, 5, 6]):
        own = Wiring(wires, encoding, 6, cols + 3).through(g[..., cut + last])
        alone = Wiring(wires, encoding, 6, cols, spare=3).through(g[..., cut + last])
        # A reference column is behind four columns in both tiles of the layer, and behind three in one by itself.
        torch.testing.assert_close(alone, own, rtol=1e-12, atol=0)
        if len(cut) == 4 or not reference:
            torch.testing.assert_close(seen[..., cut], own[..., : len(cut)], rtol=1e-12, atol=0)
    without = Wiring(wires, encoding, 6, cols).through(g)
    same = torch.allclose(seen, without, rtol=1e-12, atol=0)
    assert same == (drive == "left")  # a line that is open at its end does not feel how far it goes on


def test_spares_of_sorted_lines_are_those_of_the_tile_a_column_is_in() -> None:
    """One spare a tile: of the columns that lie in one tile at most one is moved."""
    wires = Wires(0.1, 0.1, ir_drop="closed")
    tile = _tile(cell=STUCK, wires=wires, sorted_lines=True, spare_columns=1, cols=2)
    layout, weight = LinearLayout(16, 8, 16), _weight(tile.weights)[:8, :16]
    targets = tile.weights.targets(layout.split_weight(weight)) * STUCK.range[1]
    order = Order(wires, targets, 2, 0)
    place = order.lay(torch.arange(8.0).expand(targets.shape))[0, 0, 0, 0, 0].argsort()
    full = torch.full((1, 1), 1e4)
    one, other = (
        t.realise(layout, weight, full, CHIPS, [Condition(None)], True).digits
        for t in (tile, replace(tile, spare_columns=0))
    )
    # Cells that are far from what they were: what else the wires change beside a moved column is less than 1 %.
    moved = ((one - other).abs() > 0.5).any(-2)[:, 0, 0, 0]
    counts = torch.zeros(len(CHIPS), 4).index_add_(1, place // 2, moved.float())
    assert float(counts.max()) == 1


# What they cost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spares", [1, 3, 8])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
@pytest.mark.parametrize("name", ["tile1", "tile2"])
def test_spares_take_cells_lines_and_converters(name: str, encoding: AbstractWeightEncoding, spares: int) -> None:
    """In proportion; drivers and registers serve the spares as they are, and only what is used is converted."""
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=32, cols=16, weights=encoding, columns_per_converter=len(encoding.significance))
    wide = replace(tile, spare_columns=spares)
    ratio = (16 + spares) / 16
    assert wide.shape == tile.shape
    before, after = tile.parts(), wide.parts()
    for block in ("cells", *OUTPUT_STAGES):
        assert after[block].area == pytest.approx(ratio * before[block].area, rel=1e-12, abs=0)
        assert after[block].leakage == pytest.approx(ratio * before[block].leakage, rel=1e-12, abs=0)
    for block in ("input encoding", "digital"):
        assert after[block] == before[block]
    for signed in (True, False):
        few, more = tile.mvm_cost(20, 10, signed), wide.mvm_cost(20, 10, signed)
        lines = (
            few["input encoding"].energy
            - replace(tile, line_capacitance=0.0).mvm_cost(20, 10, signed)["input encoding"].energy
        )
        bare = replace(wide, line_capacitance=0.0).mvm_cost(20, 10, signed)["input encoding"].energy
        assert more["input encoding"].energy - bare == pytest.approx(ratio * lines, rel=1e-9, abs=0)
        assert more["input encoding"].latency == few["input encoding"].latency
        assert all(more[block] == few[block] for block in (*OUTPUT_STAGES, "digital"))


def test_a_spare_is_counted_from_zero() -> None:
    with pytest.raises(ValueError, match="must be at least 0") as error:
        _tile(spare_columns=-1)
    assert str(error.value) == "spare_columns and conversion_rounds must be at least 0, not -1 and 0"
    assert _tile(spare_columns=0) == _tile()
