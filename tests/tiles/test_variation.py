"""Process variation: what cells, lines and chips have in common, exactly, and what a tile makes of it."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mho.arrays import Wires
from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.converters import load_converter
from mho.core import Seed, SpecError, dump_spec
from mho.devices import AbstractCell, Faulty, Ideal, load_cell
from mho.runtime import run
from mho.tiles import (
    AbstractWeightEncoding,
    AnalogTile,
    ArrayState,
    BitParallel,
    BitSliced,
    Condition,
    Differential,
    LinearLayout,
    OffsetColumn,
    Variation,
    characterise,
    load_tile,
)

ENCODINGS: list[AbstractWeightEncoding] = [
    Differential(4),
    Differential(4, 2),
    Differential(4, 2, separate=True),
    BitSliced(4),
    OffsetColumn(4),
]
CHIPS = [Seed(0).child("chip", i, "conv") for i in range(5)]
MANY = [Seed(1).child("chip", i, "conv") for i in range(400)]
SHAPE = (4, 2, 3, 2, 6, 5)
"""Cells, G, R, S, K, N: two devices on each of two sides."""
ALL = Variation(cell=0.03, line=0.05, chip=0.04, corner=-0.06)
WINDOW = Ideal(2e-6, 20e-6, 0.0, 0.0, 0.0)
"""A cell that is exact, and conducts in its lowest state."""


def _full(variation: Variation, chips: Sequence[Seed], shape: Sequence[int] = SHAPE, sides: int = 2) -> Tensor:
    """Return the factors, one for each cell."""
    return variation.factors(chips, shape, sides).expand(len(chips), *shape)


def _near_zero(samples: Tensor, most: float = 4.0) -> bool:
    """Whether the mean of independent samples is 0 within so many of its own standard errors."""
    error = float(samples.std()) / math.sqrt(len(samples))
    return abs(float(samples.mean())) < most * error


# The factors ----------------------------------------------------------------------------------------------------


def _literal(v: Variation, chip: Seed, shape: Sequence[int], sides: int) -> Tensor:
    """Cell after cell, in double precision."""
    cells, groups, row_tiles, slices, _, columns = shape
    own = chip.child("variation")
    a = float(Seed(chip.root, chip.path[:2]).child("variation", "chip").normal((1,)))
    b = own.child("line").normal((sides, groups, row_tiles, slices, columns))
    c = own.child("cell").normal(tuple(shape))
    out = torch.empty(tuple(shape), dtype=torch.float64)
    for d, g, r, s, k, n in itertools.product(*map(range, shape)):
        side = d * sides // cells
        sum_ = 1 + v.corner + v.chip * a + v.line * float(b[side, g, r, s, n]) + v.cell * float(c[d, g, r, s, k, n])
        out[d, g, r, s, k, n] = max(0.0, sum_)
    return out


_spread = st.sampled_from([0.0, 0.01, 0.2, 1.0])
_sizes = st.tuples(_spread, _spread, _spread, st.floats(-1.5, 1.5))
"""Of cells, lines, chips and the corner."""


@given(_sizes, st.tuples(*[st.integers(1, 3)] * 6), st.sampled_from([1, 2]))
def test_a_loop_over_the_cells_finds_the_same(
    sizes: tuple[float, float, float, float], shape: tuple[int, ...], sides: int
) -> None:
    v, shape = Variation(*sizes), (shape[0] * sides, *shape[1:])
    expected = torch.stack([_literal(v, c, shape, sides) for c in CHIPS[:2]])
    torch.testing.assert_close(_full(v, CHIPS[:2], shape, sides).double(), expected, rtol=1e-6, atol=1e-6)


@given(_sizes, st.permutations(range(5)), st.integers(1, 5))
def test_a_chip_is_the_same_in_any_company(
    sizes: tuple[float, float, float, float], order: list[int], count: int
) -> None:
    """Byte by byte, whatever others there are, in whichever order."""
    v = Variation(*sizes)
    whole, some = _full(v, CHIPS), order[:count]
    assert torch.equal(_full(v, [CHIPS[i] for i in some]), whole[some])
    assert torch.equal(_full(v, CHIPS), whole)


@given(_sizes, st.floats(0, 1))
def test_no_conductance_is_negative_and_a_faster_corner_never_lowers_one(
    sizes: tuple[float, float, float, float], faster: float
) -> None:
    v = Variation(*sizes)
    slow, fast = _full(v, CHIPS), _full(replace(v, corner=v.corner + faster), CHIPS)
    assert float(slow.min()) >= 0
    assert bool((fast >= slow).all())


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_corner_is_exact(corner: float, other: float) -> None:
    """All of a chip's cells, and all chips, by as much, also beside other variation; sources do not matter."""
    alone = Variation(corner=corner).factors(CHIPS, SHAPE, 2)
    assert torch.equal(alone, torch.full_like(alone, 1 + corner))
    assert alone.numel() == 1
    spread = Variation(0.01, 0.01, 0.01, 3.0)
    shift = _full(replace(spread, corner=3 + corner), CHIPS) - _full(replace(spread, corner=3 + other), CHIPS)
    torch.testing.assert_close(shift, torch.full_like(shift, corner - other), rtol=0, atol=2e-6)


@pytest.mark.parametrize("corner", [-1.0, -1.5])
def test_beyond_the_slowest_corner_nothing_conducts(corner: float) -> None:
    assert float(Variation(corner=corner).factors(CHIPS, SHAPE, 2)) == 0


def test_three_sigma_of_a_chip_is_a_corner() -> None:
    """A chip that drew z is where the corner of z standard deviations is."""
    got = Variation(chip=0.1).factors(CHIPS, SHAPE, 2).flatten()
    for chip, factor in zip(CHIPS, got, strict=True):
        z = float(chip.chip.child("variation", "chip").normal((1,)))
        assert float(factor) == pytest.approx(float(Variation(corner=0.1 * z).factors([chip], SHAPE, 2)), rel=1e-6)


def test_lines_and_devices_of_a_side_are_alike() -> None:
    """All rows and devices; columns, slices, row tiles, groups and sides are lines of their own."""
    lines = _full(Variation(line=0.1), CHIPS)
    assert torch.equal(lines, lines[:, :, :, :, :, :1].expand_as(lines))
    assert torch.equal(lines[:, 0], lines[:, 1])
    assert torch.equal(lines[:, 2], lines[:, 3])
    assert lines[:, ::2, :, :, :, 0].unique().numel() == 5 * 2 * 2 * 3 * 2 * 5
    one_side = _full(Variation(line=0.1), CHIPS, sides=1)
    assert torch.equal(one_side, one_side[:, :1].expand_as(one_side))
    assert _full(Variation(cell=0.1), CHIPS[:1]).unique().numel() > 0.99 * math.prod(SHAPE)


# Moments --------------------------------------------------------------------------------------------------------

_PAIRS: dict[str, tuple[Callable[[Tensor], tuple[Tensor, Tensor]], float]] = {
    "itself": (lambda d: (d, d), 0.03**2 + 0.05**2 + 0.04**2),
    "the next row": (lambda d: (d[..., :-1, :], d[..., 1:, :]), 0.05**2 + 0.04**2),
    "another device": (lambda d: (d[:, ::2], d[:, 1::2]), 0.05**2 + 0.04**2),
    "the other side": (lambda d: (d[:, :2], d[:, 2:]), 0.04**2),
    "another group": (lambda d: (d[:, :, :1], d[:, :, 1:]), 0.04**2),
    "another row tile": (lambda d: (d[:, :, :, :-1], d[:, :, :, 1:]), 0.04**2),
    "another slice": (lambda d: (d[:, :, :, :, :1], d[:, :, :, :, 1:]), 0.04**2),
    "the next column": (lambda d: (d[..., :-1], d[..., 1:]), 0.04**2),
    "another chip": (lambda d: (d[:-1], d[1:]), 0.0),
}


@pytest.mark.parametrize("pair", _PAIRS)
def test_covariances_are_those_of_what_cells_have_in_common(pair: str) -> None:
    """Within four standard errors, each chip a sample."""
    pick, expected = _PAIRS[pair]
    a, b = pick(_full(ALL, MANY).double() - 0.94)
    assert _near_zero((a * b - expected).flatten(1).mean(1))


def test_the_mean_is_the_corner() -> None:
    assert _near_zero((_full(ALL, MANY).double() - 0.94).flatten(1).mean(1))


@pytest.mark.parametrize("name", ["cell", "line", "chip"])
def test_each_part_is_normal(name: str) -> None:
    """The first four moments of a standard normal number."""
    d = _full(replace(Variation(), **{name: 0.05}), MANY)[:, 0, 0, 0, 0, 0, 0].double().sub(1).div(0.05)
    for power, moment in enumerate((0.0, 1.0, 0.0, 3.0), 1):
        assert _near_zero(d**power - moment)


def test_what_would_be_negative_is_zero() -> None:
    """A standard deviation of 1: Phi(-1) of the cells are off, and the mean rises to Phi(1) + phi(1)."""
    f = _full(Variation(cell=1.0), MANY).double().flatten(1)
    below = 0.5 * math.erfc(1 / math.sqrt(2))
    assert _near_zero((f == 0).double().mean(1) - below)
    assert _near_zero(f.mean(1) - (1 - below + math.exp(-0.5) / math.sqrt(2 * math.pi)))


# Chips and their layers -----------------------------------------------------------------------------------------


def _layer(chips: Sequence[Seed], name: str) -> list[Seed]:
    return [c.chip.child(name) for c in chips]


def test_all_layers_of_a_chip_share_its_part_and_nothing_else() -> None:
    other = (2, 1, 1, 1, 7, 3)
    part = Variation(chip=0.1)
    here, there = part.factors(CHIPS, SHAPE, 2), part.factors(_layer(CHIPS, "fc"), other, 1)
    assert torch.equal(here, there)
    assert here.unique().numel() == 5
    assert not torch.equal(here, part.factors([Seed(9, c.path) for c in CHIPS], SHAPE, 2))
    for v in (Variation(cell=0.1), Variation(line=0.1)):
        a, b = _full(v, CHIPS), _full(v, _layer(CHIPS, "fc"))
        assert not bool((a == b).any(-1).any())


@pytest.mark.parametrize("name", ["chip", "variation", "conv1"])
def test_a_layer_may_be_called_like_a_part_of_the_path(name: str) -> None:
    part = Variation(chip=0.1)
    assert torch.equal(part.factors(_layer(CHIPS, name), SHAPE, 2), part.factors(CHIPS, SHAPE, 2))
    a, b = (_full(Variation(cell=0.1), _layer(CHIPS, n)) for n in (name, "fc"))
    assert not bool((a == b).all(-1).any())


def test_layers_covary_as_much_as_their_chip_varies() -> None:
    a, b = (_full(ALL, _layer(MANY, n), (2, 1, 1, 1, 4, 3)).double() - 0.94 for n in ("conv", "fc"))
    assert _near_zero((a * b).flatten(1).mean(1) - 0.04**2)


@given(st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["a", "b", "program"])), max_size=3), st.integers(0, 9))
def test_the_stream_of_a_chip(below: list[str | int], i: int) -> None:
    chip = Seed(3).child("run", "chip", i)
    assert chip.child(*below).chip == chip == chip.chip
    assert Seed(3).child(*below).chip == Seed(3).child(*below)  # part of none


# The tile -------------------------------------------------------------------------------------------------------

LAYOUT = LinearLayout(30, 13, 16)


def _tile(encoding: AbstractWeightEncoding = ENCODINGS[0], **changes: object) -> AnalogTile:
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), bits=14, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    tile = replace(
        tile, rows=16, cols=8, cell=WINDOW, weights=encoding, inputs=BitParallel(8, hold=1e-9), converter=converter,
        columns_per_converter=1, wires=None, variation=ALL,
    )  # fmt: skip
    return replace(tile, **changes)


def _targets(encoding: AbstractWeightEncoding, cell: AbstractCell) -> Tensor:
    low, high = cell.range
    return low + encoding.targets(LAYOUT.split_weight(_weight(encoding))) * (high - low)


def _weight(encoding: AbstractWeightEncoding) -> Tensor:
    return Seed(0).child("weight").normal((13, 30)).mul(3).round().clamp(*encoding.weight_range)


def _full_scale(tile: AnalogTile) -> Tensor:
    return torch.full((2, len(tile.weights.significance)), 1e4)


def _programmed(tile: AnalogTile, chips: Sequence[Seed], *conditions: Condition) -> ArrayState:
    return tile.program(LAYOUT, _weight(tile.weights), _full_scale(tile), chips, conditions or (Condition(None),), True)


def _digits(tile: AnalogTile, *conditions: Condition) -> Tensor:
    """Return the digits, `[conditions, chips, G, R, S, K, N]`."""
    real = tile.realise(LAYOUT, _weight(tile.weights), _full_scale(tile), CHIPS, conditions, True)
    return real.digits.unflatten(0, (-1, len(CHIPS)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_every_conductance_of_a_tile_is_multiplied(encoding: AbstractWeightEncoding) -> None:
    """All of it, so that cells in their lowest state vary as well; and rows draw the current of what there is."""
    tile = _tile(encoding)
    low, high = WINDOW.range
    targets = _targets(encoding, WINDOW)
    g = targets * ALL.factors(CHIPS, targets.shape, encoding.sides)
    expected = encoding.digits(((g - low) / (high - low)).transpose(0, 1))
    real = tile.realise(LAYOUT, _weight(encoding), _full_scale(tile), CHIPS, [Condition(None)], True)
    torch.testing.assert_close(real.digits, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(real.row_conductance, g.sum((1, 4, 6)), rtol=1e-5, atol=0)


@pytest.mark.filterwarnings("ignore:neither the cell")
def test_variation_is_frozen_with_the_chip() -> None:
    """The same factor at any time and temperature, whatever the cell did meanwhile."""
    cell, encoding = load_cell("pcm"), OffsetColumn(4)
    assert cell.range[0] == 0
    conditions = (Condition(None), Condition(0.0), Condition(86400.0), Condition(1e6, temperature=350.0))
    plain, varied = (_digits(_tile(encoding, cell=cell, variation=v), *conditions) for v in (None, ALL))
    assert not torch.equal(plain[0], plain[2])
    factors = ALL.factors(CHIPS, _targets(encoding, cell).shape, 1)[:, 0]
    torch.testing.assert_close(varied, plain * factors, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_nothing_else_is_drawn_differently(encoding: AbstractWeightEncoding) -> None:
    """Variation of no size is none, byte by byte; and of any size it leaves converters alone."""
    real = load_converter("sar-8b")
    tile = _tile(encoding, converter=real, cell=load_cell("rram"), column_calibration=False)
    none, zero, some = (_programmed(replace(tile, variation=v), CHIPS) for v in (None, Variation(), ALL))
    for f in fields(ArrayState):
        a, b = getattr(none, f.name), getattr(zero, f.name)
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b
    assert not torch.equal(some.matrix, none.matrix)
    assert torch.equal(some.offset, none.offset)
    assert torch.equal(some.coefficient, none.coefficient)


def test_a_varied_chip_is_the_same_in_any_company() -> None:
    """With spares, wires and an order of the lines, which are chosen from what the chips drew and hold."""
    tile = _tile(
        cell=Faulty(load_cell("rram"), 0.03, 0.01), wires=Wires(1.0, 1.0, ir_drop="closed"), spare_columns=2,
        sorted_lines=True, column_calibration=True, conversion_rounds=1,
    )  # fmt: skip
    whole = _programmed(tile, CHIPS)
    assert not torch.equal(whole.matrix, _programmed(replace(tile, variation=None), CHIPS).matrix)
    for i, chip in enumerate(CHIPS):
        alone = _programmed(tile, [chip])
        assert torch.equal(alone.matrix, whole.matrix.unflatten(0, (5, -1))[i].reshape(alone.matrix.shape))
        assert torch.equal(alone.coefficient[0], whole.coefficient[i])
        assert torch.equal(alone.row_conductance[0], whole.row_conductance[i])


def test_pairs_on_word_lines_share_their_bit_line() -> None:
    """Both signs on one bit line, driven in opposition: what is common to its cells scales the whole column."""
    wires = Wires(1e-6, 1e-6, ir_drop="closed", pairs="word lines")
    line = Variation(line=0.1)
    plain, varied = (_digits(_tile(wires=wires, variation=v), Condition(None))[0] for v in (None, line))
    factor = varied / plain
    spread = torch.where(plain == 0, factor.new_tensor(math.nan), factor)
    middle = spread.nanmedian(-2, keepdim=True).values
    torch.testing.assert_close(varied, plain * middle, rtol=1e-3, atol=1e-3)


# What it does ---------------------------------------------------------------------------------------------------


def _errors(variation: Variation | None, instances: int = 32) -> Tensor:
    """Return the squared relative error of each chip."""
    sram = load_cell("sram")
    tile = _tile(Differential(8), rows=32, cols=128, cell=sram, variation=variation)
    return characterise(tile, instances=instances, vectors=16).errors.double().square().mean(1)


@pytest.mark.parametrize("name", ["cell", "line"])
def test_the_error_of_a_product_is_the_spread_of_the_conductances(name: str) -> None:
    """Inputs have no mean, so errors of the weights add up in squares, as the products do: 10 % make 10 %."""
    got = _errors(replace(Variation(), **{name: 0.1})) - _errors(None)
    assert float(got.mean()) == pytest.approx(0.1**2, rel=0.06)


def test_the_error_of_a_slow_chip_is_its_slowness() -> None:
    none = _errors(None, 8)
    assert float(none.max()) < 0.012**2
    assert _errors(Variation(corner=-0.1), 8).tolist() == pytest.approx([0.1**2] * 8, rel=0.02)
    factors = Variation(chip=0.1).factors([Seed(0).child("chip", i) for i in range(8)], (2, 1, 1, 1, 32, 16), 2)
    off = factors.flatten().double() - 1
    slow = off < 0  # converters clip what is faster
    assert int(slow.sum()) > 2
    got = _errors(Variation(chip=0.1), 8)
    torch.testing.assert_close(got[slow], off[slow].square() + none[slow], rtol=0.05, atol=0)


@pytest.mark.parametrize("variation", [Variation(corner=0.25), Variation(chip=0.1), Variation(line=0.1)], ids=repr)
def test_calibrated_columns_have_the_gain_of_their_line(variation: Variation) -> None:
    """What a whole column has in common is taken away, of the reference column as well."""
    encoding = OffsetColumn(4)
    tile = _tile(encoding, cell=load_cell("sram"), column_calibration=True, variation=variation)
    wide = torch.full((2, 1), 1e5)  # so that no line clips
    real = tile.realise(LAYOUT, _weight(encoding), wide, CHIPS, [Condition(None)], True)
    shape = _targets(encoding, tile.cell).shape
    lines = _full(variation, CHIPS, shape, 1)[:, 0, :, :, 0, 0]
    torch.testing.assert_close(real.drift_factor, 1 / lines, rtol=2e-3, atol=0)


def test_compensation_of_drift_does_not_undo_variation() -> None:
    """It compares a chip with itself when it was new."""
    conditions = (Condition(0.0, "global"), Condition(0.0, "column"))
    tile = _tile(cell=load_cell("sram"), variation=Variation(0.05, 0.05, 0.05, -0.2))
    real = tile.realise(LAYOUT, _weight(tile.weights), _full_scale(tile), CHIPS, conditions, True)
    assert torch.equal(real.drift_factor, torch.ones_like(real.drift_factor))


# Chips ----------------------------------------------------------------------------------------------------------


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.conv(x)).flatten(1))


def _chip(variation: Variation | None, name: str = "hermes") -> Chip:
    chip = Chip.load(name)
    assert isinstance(chip.tile, AnalogTile)
    return replace(chip, tile=replace(chip.tile, variation=variation))


def test_a_run_of_varied_chips_by_both_engines() -> None:
    torch.manual_seed(0)
    network, x = _Net(), Seed(0).child("x").normal((2, 2, 6, 6))
    chip = _chip(Variation(0.05, 0.05, 0.1))
    program = compile(quantize(capture(network, x[:1]), chip, x), chip)
    whole = run(program, x, instances=3).outputs
    assert torch.equal(run(program, x, instances=[2, 0]).outputs, whole[:, [2, 0]])
    assert torch.equal(run(program, x, instances=3).outputs, whole)
    literal = run(program, x, instances=[1], backend="reference").outputs
    assert float((literal - whole[:, [1]]).norm() / whole.norm()) < 1e-2
    plain = compile(quantize(capture(network, x[:1]), _chip(None), x), _chip(None))
    assert not torch.equal(run(plain, x, instances=3).outputs, whole)


def test_variation_is_one_effect_that_can_be_switched_off() -> None:
    plain, varied = _chip(None), _chip(ALL)
    assert varied.effects.keys() == {*plain.effects, "process variation"}
    assert varied.without("process variation") == plain
    assert set(varied.only("process variation").effects) == {"process variation"}
    for part in ("cell", "line", "chip", "corner"):
        assert "process variation" in _chip(replace(Variation(), **{part: 0.01})).effects
    assert _chip(Variation()).effects.keys() == plain.effects.keys()
    assert varied.fingerprint() != plain.fingerprint() != _chip(replace(ALL, chip=0.041)).fingerprint()


def _table(variation: object) -> dict[str, object]:
    table = dump_spec(_chip(ALL))
    table["tile"]["variation"] = variation
    return table


def test_variation_in_a_file() -> None:
    assert Chip.from_dict(dump_spec(_chip(ALL))) == _chip(ALL)
    read = Chip.from_dict(_table({"cell": "3 %", "line": 0.05, "chip": "4 %", "corner": "-6 %"}))
    assert read == _chip(ALL)
    assert Chip.from_dict(_table({})) == _chip(Variation())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"cell": -0.1}, "tile.variation.cell: must be greater than or equal to 0, not -0.1"),
        ({"line": "-1 %"}, "tile.variation.line: must be greater than or equal to 0, not '-1 %'"),
        ({"chip": -1}, "tile.variation.chip: must be greater than or equal to 0, not -1"),
        ({"corner": "5 V"}, "tile.variation.corner: expected a ratio such as '5 %' or 0.05, not '5 V'"),
        ({"corner": math.nan}, "tile.variation.corner: expected a ratio such as '5 %' or 0.05, not nan"),
        (
            {"cells": 0.1},
            "tile.variation.cells: Variation has no such key; did you mean 'cell'? "
            "(allowed: cell, chip, corner, line, sources)",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(table: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as error:
        Chip.from_dict(_table(table))
    assert str(error.value) == message
