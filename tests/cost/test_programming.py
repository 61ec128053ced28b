"""What writing a network once costs: cell by cell, tiles at the same time, the blocks of a tile in turn."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Cost, Seed
from mho.cost import estimate, programming
from mho.devices import AbstractCell, Faulty, Ideal, Written, load_cell
from mho.ir import Placement, Program
from mho.runtime import run
from mho.tiles import (
    AbstractWeightEncoding,
    AnalogTile,
    BitSliced,
    Differential,
    DigitalTile,
    OffsetColumn,
    Variation,
    load_tile,
)

CHIPS = Chip.presets()
ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(4),
    Differential(4, 3),
    Differential(4, 2, separate=True),
    BitSliced(4),
    BitSliced(7, 3),
    OffsetColumn(4),
]
COUNTER = Ideal(0.0, 1e-6, 0.0, 1.0, 1.0)
"""A cell of which a write costs 1 J and 1 s, so that costs count cells."""
HERMES, DIGITAL = Chip.load("hermes"), Chip.load("dimc-sram")
X = Seed(0).child("x").normal((2, 2, 6, 6))


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.conv(x)).flatten(1))


def _program(chip: str | Chip, network: nn.Module | None = None, x: Tensor = X) -> Program:
    torch.manual_seed(0)
    chip = Chip.load(chip) if isinstance(chip, str) else chip
    return compile(quantize(capture(network or _Net(), x[:1]), chip, x), chip)


def _linear(chip: str | Chip, *widths: int) -> Program:
    """Place linear layers one after the other."""
    layers = [nn.Linear(a, b, bias=False) for a, b in pairwise(widths)]
    return _program(chip, nn.Sequential(*layers), torch.linspace(-1, 1, 2 * widths[0]).reshape(2, -1))


def _analog(chip: Chip) -> AnalogTile:
    assert isinstance(chip.tile, AnalogTile)
    return chip.tile


def _small(weights: AbstractWeightEncoding, tiles: int, **changes: object) -> Chip:
    """Return a chip with tiles of 16 x 8 cells' worth of weights, which count."""
    tile = replace(
        _analog(HERMES), rows=16, cols=8, weights=weights, cell=COUNTER, wires=None, columns_per_converter=1, **changes
    )
    return replace(HERMES, tiles=tiles, tile=tile)


def _near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=0)


# One block ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
def test_an_analog_tile_writes_cell_after_cell(weights: AbstractWeightEncoding) -> None:
    """As many as the targets of such a block have, but for the reference column, which is the tile's."""
    tile = _small(weights, 1).tile
    for rows, columns in ((1, 1), (1, 7), (16, 1), (13, 5), (16, 8)):
        cells = weights.targets(torch.zeros(rows, columns)).numel() - rows * weights.reference_column
        assert tile.write_cost(rows, columns) == Cost(energy=cells, latency=cells)


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_digital_tile_writes_row_after_row(rows: int, columns: int) -> None:
    """All bits of a row at once: columns cost energy, and no time."""
    tile = DIGITAL.tile
    assert isinstance(tile, DigitalTile)
    cost, write = tile.write_cost(rows, columns), tile.cell.costs()["write"]
    assert cost.energy == _near(rows * columns * tile.weight_bits * write.energy)
    assert cost.latency == _near(rows * write.latency)
    assert (cost.area, cost.leakage) == (0, 0)


# A network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "joule", "second"),
    [
        ("hermes", 392 * 2 * 25e-12, 392 * 2 * 1e-6),  # two cells a weight, 25 pJ and 1 us each
        ("hermes-4phase", 392 * 2 * 25e-12, 392 * 2 * 1e-6),
        ("dimc-sram", 392 * 8 * 1e-15, (18 + 64) * 1e-9),  # eight bits a weight, 1 fJ each; 1 ns a row
    ],
)
def test_two_layers_in_numbers(name: str, joule: float, second: float) -> None:
    """18 x 4 and 64 x 5 weights in one tile."""
    program = _program(name)
    assert program.placement.tiles_used == 1
    cost = programming(program)
    assert (cost.energy, cost.latency) == (_near(joule), _near(second))


@pytest.mark.parametrize("chip", CHIPS)
def test_it_is_an_energy_and_a_time_of_writing_only(chip: str) -> None:
    """No silicon; and beside the estimate of an image, in which nothing is written."""
    program = _program(chip)
    cost = programming(program)
    assert cost.energy > 0
    assert cost.latency > 0
    assert (cost.area, cost.leakage) == (0, 0)
    before = estimate(program, run(program, X).counts).total
    dear = replace(program, chip=_with_write(program.chip, 10.0))
    assert estimate(dear, run(dear, X).counts).total == before
    assert programming(dear).energy == _near(10 * cost.energy)
    assert programming(dear).latency == _near(10 * cost.latency)


def _with_write(chip: Chip, times: float) -> Chip:
    tile = chip.tile
    assert isinstance(tile, AnalogTile | DigitalTile)
    old = tile.cell
    dear = {name: times * getattr(old, name) for name in ("write_energy", "write_time")}
    return replace(chip, tile=replace(tile, cell=replace(old, **dear)))


@pytest.mark.parametrize("name", ["hermes", "dimc-sram", "tile2-rram"])
def test_tiles_are_written_at_the_same_time(name: str) -> None:
    """Eight full tiles take as long as one."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1024, 512))
    program = _program(name, network, torch.linspace(0, 1, 2048).reshape(2, 1024))
    assert program.placement.tiles_used == 8
    one = program.chip.tile.write_cost(256, 256)
    cost = programming(program)
    assert cost.latency == _near(one.latency)
    assert cost.energy == _near(8 * one.energy)


@pytest.mark.parametrize("name", ["hermes", "dimc-sram", "tile2-rram"])
def test_blocks_of_a_tile_are_written_in_turn(name: str) -> None:
    """Four groups side by side or apart: the same energy, and four times the time in one tile."""
    network, x = nn.Conv2d(8, 8, 3, groups=4), torch.rand(2, 8, 6, 6, generator=Seed(0).generator())
    apart = _program(name, network, x)
    together = _program(replace(Chip.load(name), tiles=1), network, x)
    assert (apart.placement.tiles_used, together.placement.tiles_used) == (4, 1)
    a, b = programming(apart), programming(together)
    assert b.energy == _near(a.energy)
    assert b.latency == _near(4 * a.latency)


_widths = st.lists(st.integers(1, 40), min_size=2, max_size=4)


@settings(max_examples=15)
@given(_widths, st.integers(0, len(ENCODINGS) - 1), st.booleans())
def test_a_loop_over_the_blocks_finds_the_same(widths: list[int], index: int, packed: bool) -> None:
    """Layer after layer, tile of rows after tile of rows; and time lies between that of one tile and of all in turn."""
    weights = ENCODINGS[index]
    program = _linear(_small(weights, 200), *widths)
    if packed:
        program = _linear(replace(program.chip, tiles=program.placement.tiles_used), *widths)
    usable = 8 - weights.reference_column
    cells = 0
    for a, b in pairwise(widths):
        row_tiles = -(-a // 16)
        rows = row_tiles * -(-a // row_tiles)  # row tiles are equal, the last may have rows that are not used
        references = row_tiles * -(-a // row_tiles) * -(-b // usable) * weights.reference_column
        cells += (rows * b + references) * weights.cells_per_weight
    cost, used = programming(program), program.placement.tiles_used
    assert cost.energy == cells
    busy: Counter[int] = Counter()
    for block in program.placement.blocks:
        busy[block.tile] += weights.targets(torch.zeros(block.rows, block.columns)).numel()
    assert cost.latency == max(busy.values())
    assert cells / used <= cost.latency <= cells
    assert len(busy) == used


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if not e.reference_column], ids=repr)
def test_no_tile_is_written_longer_than_it_has_cells(encoding: AbstractWeightEncoding) -> None:
    program = _linear(_small(encoding, 1), 16, 4, 4)
    assert programming(program).latency <= 16 * 8 * encoding.cells_per_weight
    full = _linear(_small(encoding, 1), 16, 8)
    assert programming(full).latency == 16 * 8 * encoding.cells_per_weight


def test_a_reference_column_is_written_once_in_a_tile() -> None:
    """Two layers, of 16 x 4 and 16 x 3, in a tile of 16 x 8 cells, of which a column is the reference of both."""
    program = _program(_small(OffsetColumn(4), 1), _Fork(), torch.linspace(-1, 1, 32).reshape(2, 16))
    assert [(b.rows, b.columns, b.row) for b in program.placement.blocks] == [(16, 4, 0), (16, 3, 0)]
    assert programming(program).latency <= 16 * 8


class _Fork(nn.Module):
    """Two layers of the same inputs, which together fill a tile with a reference column."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(16, 4, bias=False)
        self.b = nn.Linear(16, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), self.b(x)], 1)


def test_what_does_not_matter() -> None:
    """What is written in the same cells costs the same, whatever its values, spares, variation or read-out."""
    chip = _small(Differential(4), 9)
    program = _linear(chip, 30, 20, 7)
    expected = programming(program)
    changed = replace(_analog(chip), variation=Variation(0.1), columns_per_converter=4, column_calibration=True)
    assert programming(_linear(replace(chip, tile=changed), 30, 20, 7)) == expected
    torch.manual_seed(1)
    empty = nn.Linear(20, 7, bias=False)
    torch.nn.init.zeros_(empty.weight)
    zeros = nn.Sequential(nn.Linear(30, 20, bias=False), empty)
    assert programming(_program(chip, zeros, torch.linspace(-1, 1, 60).reshape(2, -1))) == expected


def test_without_weights_nothing_is_written() -> None:
    program = _program("hermes")
    assert programming(replace(program, placement=Placement((), program.chip.tile.shape))) == Cost()


# Cells ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["rram-worn", "rram-faulty", "rram-telegraph", "rram-disturbed", "rram-16-levels", "rram-thermal"]
)
def test_cells_around_others_are_written_like_them(name: str) -> None:
    outer = load_cell(name)
    inner = getattr(outer, "cell")  # noqa: B009  (of all cells that are around another)
    assert isinstance(inner, AbstractCell)
    write = inner.costs()["write"]
    assert write.energy > 0
    program = _linear(_small(Differential(4), 9), 30, 20)
    cells = (inner, outer, Faulty(outer, 0.1, 0.1))
    costs = [programming(replace(program, chip=_celled(program.chip, c))) for c in cells]
    assert costs[0] == costs[1] == costs[2]
    assert costs[0].energy == _near(30 * 20 * 2 * write.energy)


def _celled(chip: Chip, cell: AbstractCell) -> Chip:
    return replace(chip, tile=replace(_analog(chip), cell=cell))


def test_a_cell_that_knows_its_loop_is_charged_for_it() -> None:
    """The mean over states from lowest to highest: at least a read a cell, at most all pulses, and no less energy."""
    cell = load_cell("rram-written")
    assert isinstance(cell, Written)
    cell = replace(cell, loop=replace(cell.loop, max_pulses=15))
    assert cell.cell.costs()["write"] == Cost()
    write, loop = cell.costs()["write"], cell.loop
    most = loop.max_pulses * loop.width + (loop.max_pulses + 1) * loop.read_time
    assert loop.read_time <= write.latency <= most
    low, high = cell.range
    targets = torch.linspace(low, high, 20, dtype=torch.float64)[:, None].expand(20, 60)
    done = loop.write(cell.dynamics, targets, Seed(5))
    assert write.latency == pytest.approx(float(done.time.mean()), rel=0.05)
    assert write.energy == pytest.approx(float(done.energy.mean()), rel=0.05)
    cost = programming(_linear(_celled(_small(Differential(4), 9), cell), 16, 8))
    assert cost.energy == _near(16 * 8 * 2 * write.energy)
    assert cost.latency == _near(16 * 8 * 2 * write.latency)


def test_levels_of_converters_are_written_after_the_cells() -> None:
    """A device for each level of each converter; those of a tile at the same time, one level after another."""
    chip = Chip.load("hermes").with_converter("memristive-5b")
    assert isinstance(chip.tile, AnalogTile)
    free = replace(chip.tile.converter, write_energy=0.0, write_time=0.0)
    net, x = nn.Sequential(nn.Linear(300, 20), nn.ReLU(), nn.Linear(20, 7)), torch.randn(400, 300)
    program = compile(quantize(capture(net, x[:1]), chip, x), chip)
    bare = replace(program, chip=replace(chip, tile=replace(chip.tile, converter=free)))
    more, cells = programming(program), programming(bare)
    converters = sum(b.columns for b in program.placement.blocks)
    assert converters == 2 * 20 + 7
    assert more.energy - cells.energy == _near(converters * 31 * 83e-12)
    assert more.latency - cells.latency == _near(31 * 10.8e-6)
    assert load_tile("tile2").level_cost(20) == Cost()
