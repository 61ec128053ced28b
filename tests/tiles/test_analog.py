"""The analog tile: exact where it can be, reproducible, with errors and costs that follow from its parts."""

import itertools
import math
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F

from mho.arrays import (
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeDomain,
    ChargeRedistribution,
    CurrentDomain,
    DelayChain,
    Wires,
    load_principle,
)
from mho.converters import Dac, load_converter
from mho.core import Cost, Seed
from mho.devices import Ideal, Pcm, load_cell
from mho.tiles import (
    OUTPUT_STAGES,
    AbstractInputEncoding,
    AbstractLayout,
    AbstractWeightEncoding,
    Activity,
    AnalogTile,
    ArrayState,
    BitParallel,
    BitSerial,
    BitSliced,
    Condition,
    ConvLayout,
    Differential,
    LinearLayout,
    OffsetColumn,
    Split,
    _multiply,
    characterise,
    load_tile,
)
from mho.tiles._wiring import Wiring

SERIAL = BitSerial(8, 1e-9)
LEVEL = BitParallel(8, "differential", hold=1e-9)
PHASES = BitParallel(8, "phases", lsb_time=1e-9)
HYBRID = Split(8, 3, 1e-9, "phases")
ENCODINGS = [
    Differential(8),
    Differential(8, 8),
    Differential(8, 2, True),
    BitSliced(8),
    BitSliced(8, 3),
    OffsetColumn(8),
]
INPUTS = [SERIAL, LEVEL, PHASES, HYBRID]
CHIPS = [Seed(0).child("chip", i) for i in range(6)]
MONTH = 30 * 86400.0
EXACT = Ideal(*load_cell("sram").range, 0.0, 0.0, 0.0)
"""Of no kind of memory, so that every principle goes with it."""
SMALL = LinearLayout(48, 7, 20)
CONV = ConvLayout(6, 4, (3, 3), (1, 1), (1, 1), (1, 1), 2, 18)


def _tile(name: str = "tile1", **changes: object) -> AnalogTile:
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    return replace(tile, **changes)


def _ideal(bits: int, weights: AbstractWeightEncoding, inputs: AbstractInputEncoding) -> AnalogTile:
    converter = replace(load_converter("sar-8b"), bits=bits, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    return _tile("tile2", cell=EXACT, converter=converter, weights=weights, inputs=inputs)


def _integers(name: str, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


def _weight(tile: AnalogTile, layout: AbstractLayout) -> torch.Tensor:
    if isinstance(layout, LinearLayout):
        return _integers("w", *tile.weight_range, layout.outputs, layout.features)
    return _integers("w", *tile.weight_range, layout.out_channels, layout.in_channels // layout.groups, *layout.kernel)


def _input(tile: AnalogTile, layout: AbstractLayout, batch: int, signed: bool = True) -> torch.Tensor:
    shape = (layout.features,) if isinstance(layout, LinearLayout) else (layout.in_channels, 6, 5)
    return _integers("x", *tile.input_range(signed), 1, batch, *shape)


def _true(layout: AbstractLayout, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    if isinstance(layout, LinearLayout):
        return F.linear(x.double(), weight.double())
    arguments = (None, layout.stride, layout.padding, layout.dilation, layout.groups)
    return F.conv2d(x[0].double(), weight.double(), *arguments)[None]


def _program(
    tile: AnalogTile,
    layout: AbstractLayout,
    chips: list[Seed],
    conditions: list[Condition] | None = None,
    signed: bool = True,
) -> ArrayState:
    weight = _weight(tile, layout)
    scale = tile.full_scale(layout, weight, _input(tile, layout, 16, signed)[0], signed)
    return tile.program(layout, weight, scale, chips, conditions or [Condition()], signed)


# Exactness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("layout", [SMALL, CONV, LinearLayout(63, 5, 63)])
@pytest.mark.parametrize(
    ("weights", "inputs", "bits"),
    [
        (BitSliced(8), SERIAL, 6),  # at most 63 ones in a column of 63 rows
        (BitSliced(8, 2), SERIAL, 8),
        (BitSliced(8), Split(8, 2, 1e-9, "phases"), 8),
        (Differential(8, separate=True), SERIAL, 13),
        (Differential(8), SERIAL, 14),
        (OffsetColumn(8), SERIAL, 15),
        (Differential(4), Split(4, 2, 1e-9), 12),
    ],
)
def test_a_converter_that_resolves_every_sum_gives_the_integer_product(
    weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, bits: int, layout: AbstractLayout, signed: bool
) -> None:
    tile = _ideal(bits, weights, inputs)
    x, weight = _input(tile, layout, 5, signed), _weight(tile, layout)
    high = tile.converter.codes(tile.bipolar(signed))[1]
    slices = len(weights.significance)
    state = tile.program(layout, weight, torch.full((layout.row_tiles, slices), high), CHIPS[:1], [Condition()], signed)
    y = tile.multiply(layout, state, x, signed, None)
    assert torch.equal(y.double().round(), _true(layout, weight, x))
    torch.testing.assert_close(y.double(), _true(layout, weight, x), rtol=1e-5, atol=0.02)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("weights", "inputs"), [*itertools.product(ENCODINGS, INPUTS)], ids=repr)
def test_every_encoding_approaches_the_product_with_a_fine_converter(
    weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, signed: bool
) -> None:
    tile = _ideal(16, weights, inputs)
    for layout in (SMALL, CONV):
        x, weight = _input(tile, layout, 16, signed), _weight(tile, layout)
        scale = tile.full_scale(layout, weight, x[0], signed)
        y = tile.multiply(
            layout, tile.program(layout, weight, scale, CHIPS[:1], [Condition()], signed), x, signed, None
        )
        true = _true(layout, weight, x)
        assert float((y - true).norm() / true.norm()) < 1e-3


def test_more_bits_less_error() -> None:
    errors = []
    for bits in range(4, 13):
        tile = _ideal(bits, Differential(8), LEVEL)
        y = tile.multiply(SMALL, _program(tile, SMALL, CHIPS[:1]), _input(tile, SMALL, 64), True, None)
        errors.append(float((y - _true(SMALL, _weight(tile, SMALL), _input(tile, SMALL, 64))).norm()))
    assert errors == sorted(errors, reverse=True)


def test_permuting_columns_permutes_outputs() -> None:
    tile = _ideal(8, BitSliced(8), LEVEL)
    weight, x = _weight(tile, SMALL), _input(tile, SMALL, 4)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    scale = tile.full_scale(SMALL, weight, x[0], True)
    one = tile.multiply(SMALL, tile.program(SMALL, weight, scale, CHIPS[:1], [Condition()], True), x, True, None)
    two = tile.multiply(SMALL, tile.program(SMALL, weight[order], scale, CHIPS[:1], [Condition()], True), x, True, None)
    torch.testing.assert_close(two, one[..., order])


# Full scale -----------------------------------------------------------------------------------------------------


def test_full_scale_covers_all_but_one_in_ten_thousand_sums() -> None:
    tile = _tile("tile1")
    layout = LinearLayout(256, 64, 128)
    weight, x = _weight(tile, layout), _input(tile, layout, 400)
    scale = tile.full_scale(layout, weight, x[0], True)
    assert scale.shape == (2, 1)
    sums = torch.einsum("grmk,grkn->rgmn", layout.gather(x[0]), layout.split_weight(weight)).abs().flatten(1)
    beyond = (sums > scale).double().mean(1)
    assert (beyond <= 1e-4).all()
    assert (beyond > 0.2e-4).all()


def test_full_scale_never_makes_an_lsb_smaller_than_a_step() -> None:
    tile = _tile("tile1")
    weight, x = torch.zeros(7, 48), torch.zeros(3, 48)
    assert torch.equal(tile.full_scale(SMALL, weight, x, True), torch.full((3, 1), 127.0))
    sliced = _tile("tile2", inputs=SERIAL)
    assert torch.equal(sliced.full_scale(SMALL, weight, x, True), torch.full((3, 8), 255.0))


# Reproducibility ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [SMALL, CONV])
@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
@pytest.mark.parametrize("name", ["pcm", "pcm-hermes-2", "rram", "rram-cmo"])
def test_a_chip_is_the_same_in_any_chunk(name: str, weights: AbstractWeightEncoding, layout: AbstractLayout) -> None:
    """Bit by bit, whatever other chips are programmed with it."""
    converter = replace(load_converter("sar-8b"), mismatch=0.01, gain_sigma=0.05)
    tile = _tile("tile1", cell=load_cell(name), weights=weights, converter=converter, columns_per_converter=3)
    conditions = [Condition(None), Condition(3600.0, "global"), Condition(86400.0, "column")]
    whole = _program(tile, layout, CHIPS, conditions)
    for some in ([0], [1, 2], [5, 3, 4]):
        part = _program(tile, layout, [CHIPS[i] for i in some], conditions)
        instances = [c * len(CHIPS) + i for c in range(3) for i in some]
        for field in ("offset", "coefficient", "constant", "profile", "row_conductance"):
            expected = getattr(whole, field)[instances]
            assert torch.equal(getattr(part, field).expand_as(expected), expected), field  # one profile may serve all
        cut = whole.matrix.unflatten(0, (3 * len(CHIPS), -1))[instances]
        assert torch.equal(part.matrix, cut.flatten(0, 1))
        assert part.chips == len(some)


@pytest.mark.parametrize(
    ("layout", "weights"), [(SMALL, Differential(8)), (CONV, BitSliced(8)), (SMALL, OffsetColumn(8))]
)
def test_images_do_not_depend_on_the_chunks(
    layout: AbstractLayout, weights: AbstractWeightEncoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = _tile("tile1", weights=weights)
    state = _program(tile, layout, CHIPS[:3], [Condition(), Condition(60.0)])
    x = _input(tile, layout, 13)
    positions = layout.positions(x)
    noise = Seed(0).child("noise").normal((3, 13, *tile.noise_shape(layout, positions, True)))
    whole = tile.multiply(layout, state, x, True, noise)
    for size in (1, 5000):
        monkeypatch.setattr(_multiply, "_CHUNK", size)
        cut = tile.multiply(layout, state, x, True, noise)
        # The order of summing within a product is up to the BLAS, so a sum on the border of two codes may fall.
        assert (cut == whole).double().mean() > 0.999


def test_chips_differ_and_conditions_do_not_redraw() -> None:
    tile = _tile("tile1")
    state = _program(tile, SMALL, CHIPS, [Condition(None), Condition(None)])
    cut = state.matrix.unflatten(0, (12, -1))
    assert torch.equal(cut[:6], cut[6:])
    assert len({tuple(m.flatten().tolist()) for m in cut[:6]}) == 6


def test_lines_that_share_a_converter_share_its_errors() -> None:
    tile = _tile("tile2")  # eight slices of a column share one converter
    real = tile.realise(SMALL, _weight(tile, SMALL), torch.full((3, 8), 1e4), CHIPS[:2], [Condition()], True)
    assert torch.equal(real.gain, real.gain[:, :, :, :1].expand_as(real.gain))
    assert real.gain[0, 0, 0, 0].unique().numel() == 7
    alone = replace(tile, columns_per_converter=1).realise(
        SMALL, _weight(tile, SMALL), torch.full((3, 8), 1e4), CHIPS[:2], [Condition()], True
    )
    assert alone.gain[0, 0, 0].unique().numel() == 56


# Drift ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compensation", ["global", "column"])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("weights", "inputs"),
    [
        (Differential(8), LEVEL),
        (Differential(8, 1, True), PHASES),
        (Differential(8), SERIAL),
        (BitSliced(8), LEVEL),
        (BitSliced(8), SERIAL),
        (OffsetColumn(8), LEVEL),
    ],
    ids=repr,
)
def test_compensation_recovers_the_mean(
    compensation: str, weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, signed: bool
) -> None:
    """Without it a month takes 40 % of the signal; the calibration must not drive the converters into saturation."""
    tile = _tile("tile1", weights=weights, inputs=inputs)
    layout = LinearLayout(128, 32, 256)
    x, weight = _input(tile, layout, 64, signed), _weight(tile, layout)
    scale = 1.2 * tile.full_scale(layout, weight, x[0], signed)
    true = _true(layout, weight, x)
    slopes = []
    for condition in (Condition(MONTH), Condition(MONTH, compensation)):
        state = tile.program(layout, weight, scale, CHIPS[:4], [condition], signed)
        y = tile.multiply(layout, state, x, signed, None)
        slopes.append(float((y * true).sum() / (4 * true * true).sum()))
    assert 0.5 < slopes[0] < 0.65
    assert slopes[1] == pytest.approx(1.0, abs=0.07)


def test_compensation_just_after_programming_changes_nothing() -> None:
    tile = _tile("tile1")
    for compensation in ("global", "column"):
        real = tile.realise(
            SMALL, _weight(tile, SMALL), torch.full((3, 1), 5e4), CHIPS, [Condition(0.0, compensation)], True
        )
        assert torch.equal(real.drift_factor, torch.ones_like(real.drift_factor))


def test_a_global_factor_is_one_for_all_columns() -> None:
    tile = _tile("tile1")
    scale = torch.full((3, 1), 5e4)
    one = tile.realise(SMALL, _weight(tile, SMALL), scale, CHIPS, [Condition(MONTH, "global")], True).drift_factor
    many = tile.realise(SMALL, _weight(tile, SMALL), scale, CHIPS, [Condition(MONTH, "column")], True).drift_factor
    assert torch.equal(one, one[..., :1].expand_as(one))
    assert float(many.std(-1).min()) > 0
    assert float(one.min()) > 1.3


# Noise ----------------------------------------------------------------------------------------------------------


def test_noise_is_that_of_converter_and_read_out() -> None:
    tile = _tile("tile1", pre=replace(load_tile("tile1").pre, noise=0.01))
    assert tile.noise_lsb == pytest.approx((0.3**2 + 1.27**2) ** 0.5)
    quiet = replace(tile, converter=replace(tile.converter, jitter=0.0), pre=replace(tile.pre, noise=0.0))
    assert quiet.noise_lsb == 0
    assert quiet.noise_shape(SMALL, 1, True) is None


@pytest.mark.parametrize(("layout", "shape"), [(SMALL, (1, 1, 3, 1, 7, 1)), (CONV, (1, 2, 2, 1, 2, 30))])
def test_noise_has_one_number_a_conversion(layout: AbstractLayout, shape: tuple[int, ...]) -> None:
    tile = _tile("tile1")
    assert tile.noise_shape(layout, shape[-1], True) == shape
    assert _tile("tile1", inputs=SERIAL).noise_shape(layout, shape[-1], True) == (8, *shape[1:])
    assert _tile("tile1", weights=OffsetColumn(8)).noise_shape(layout, shape[-1], True)[4] == shape[4] + 1
    assert _tile("tile2").noise_shape(layout, shape[-1], True)[3] == 8


def test_noise_moves_outputs_by_its_size() -> None:
    converter = replace(load_converter("sar-8b"), bits=14, comparator_noise=2.0, gain_sigma=0.0, offset_sigma=0.0)
    tile = _tile("tile2", cell=load_cell("sram"), weights=Differential(8), converter=converter)
    layout = LinearLayout(48, 200, 48)
    state = _program(tile, layout, CHIPS[:1])
    x = _input(tile, layout, 100)
    noise = Seed(0).child("noise").normal((1, 100, *tile.noise_shape(layout, 1, True)))
    difference = tile.multiply(layout, state, x, True, noise) - tile.multiply(
        layout, state, x, True, torch.zeros_like(noise)
    )
    lsb = float(state.coefficient.mean())
    assert float(difference.std()) / lsb == pytest.approx((2.0**2 + 1 / 6) ** 0.5, rel=0.03)


# Activity and cost ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inputs", INPUTS, ids=repr)
@pytest.mark.parametrize("layout", [SMALL, CONV])
@pytest.mark.parametrize("name", ["tile1", "tile2"])
def test_activity_is_the_literal_sum(name: str, layout: AbstractLayout, inputs: AbstractInputEncoding) -> None:
    """Sum conductance x pulse time over every cell, vector and phase, with the conductances of that very chip."""
    tile = _tile(name, inputs=inputs)
    x, weight = _input(tile, layout, 3), _weight(tile, layout)
    scale = tile.full_scale(layout, weight, x[0], True)
    state = tile.program(layout, weight, scale, CHIPS[:2], [Condition(60.0)], True)
    activity = tile.activity(layout, state, x.expand(2, *x.shape[1:]), True)
    vectors = torch.stack([layout.gather(p) for p in inputs.encode(x[0], True)])  # [P, G, R, B L, K]
    drive = vectors.abs().double() / inputs.pulse_steps
    energy = drive**inputs.energy_exponent
    total = drawn = 0.0
    for chip in range(2):
        for g, r in itertools.product(range(layout.groups), range(layout.row_tiles)):
            total += float((energy[:, g, r].sum((0, 1)) * state.row_conductance[chip, g, r]).sum()) / 2
            drawn += float((drive[:, g, r].sum((0, 1)) * state.row_conductance[chip, g, r]).sum()) / 2
    assert activity.siemens_seconds == pytest.approx(total / 3 * inputs.pulse_time, rel=1e-5)
    assert activity.drawn == pytest.approx(drawn / 3 * inputs.pulse_time, rel=1e-5)
    assert activity.positions == layout.positions(x)
    assert activity.density == pytest.approx(float(drive.mean()), rel=1e-5)


def test_row_conductance_is_that_of_all_cells_of_the_row() -> None:
    tile = _tile("tile1", cell=load_cell("sram"), weights=Differential(8, 4))
    state = _program(tile, SMALL, CHIPS[:1])
    magnitude = F.pad(_weight(tile, SMALL).abs(), (0, 0)).sum(0).reshape(1, 1, 3, 16)
    torch.testing.assert_close(state.row_conductance, magnitude / 127 * 1e-4 * 4)


def _energy(costs: dict[str, Cost]) -> float:
    return sum(c.energy for c in costs.values())


@pytest.mark.parametrize("name", ["tile1", "tile2"])
@pytest.mark.parametrize("inputs", INPUTS, ids=repr)
@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
def test_costs_are_not_negative_and_grow(
    name: str, weights: AbstractWeightEncoding, inputs: AbstractInputEncoding
) -> None:
    tile = _tile(name, weights=weights, inputs=inputs)
    for signed in (True, False):
        base = tile.mvm_cost(100, 100, signed)
        for cost in (*base.values(), *tile.parts().values()):
            assert min(cost.energy, cost.latency, cost.area, cost.leakage) >= 0
        for rows, columns in ((101, 100), (100, 101), (256, 256)):
            more = tile.mvm_cost(rows, columns, signed)
            assert all(more[k].energy >= base[k].energy for k in base)
            assert _energy(more) > _energy(base)
            assert sum(c.latency for c in more.values()) == pytest.approx(sum(c.latency for c in base.values()))


def test_a_driver_converts_the_bits_of_its_phase() -> None:
    """A bit is only switched on or off: no DAC. Source: [zigzagimc2023]."""
    for inputs, bits, phases in (
        (BitParallel(8, hold=1e-9), 8, 1),
        (Split(8, 4, 1e-9), 4, 2),
        (BitSerial(8, 1e-9), 0, 8),
    ):
        on = _tile("tile2", inputs=inputs).mvm_cost(256, 256, False)["input encoding"].energy
        off = _tile("tile2", inputs=inputs, dac=Dac(0.0)).mvm_cost(256, 256, False)["input encoding"].energy
        assert on - off == pytest.approx(256 * phases * bits * 50e-15 * 0.9**2)


def test_more_bits_cost_more() -> None:
    for changes, more in (
        ({"inputs": BitSerial(4, 1e-9)}, {"inputs": BitSerial(8, 1e-9)}),
        ({"weights": BitSliced(4)}, {"weights": BitSliced(8)}),
        ({"converter": load_converter("sar-6b")}, {"converter": load_converter("sar-8b")}),
        ({"columns_per_converter": 1}, {"columns_per_converter": 8}),
    ):
        low, high = _tile("tile2", **changes), _tile("tile2", **more)
        few, many = low.mvm_cost(256, 256, True), high.mvm_cost(256, 256, True)
        if "columns_per_converter" in more:  # the same energy, but in turns; and less area
            assert many["ADC"].latency > few["ADC"].latency
            assert high.parts()["ADC"].area < low.parts()["ADC"].area
        else:
            assert _energy(many) > _energy(few)


@pytest.mark.parametrize(("energy", "drawn"), [(2e-9, 2e-9), (0.7e-9, 2e-9)], ids=["widths", "levels"])
def test_the_supply_gives_the_current_once(energy: float, drawn: float) -> None:
    """Cells take V^2 G t; all together is supply x charge; the read-out sinks from half the supply."""
    tile = _tile("tile1")
    cost = tile.cell_cost(Activity(1.0, energy, drawn, 0.5), 256 * 256)
    assert cost["cells"].energy == pytest.approx(0.2**2 * energy)
    assert cost["pre-conversion"].energy == pytest.approx(0.4 * 0.2 * drawn)
    assert sum(c.energy for c in cost.values()) == pytest.approx(0.8 * 0.2 * drawn)


def test_levels_draw_more_than_they_leave_in_the_cells() -> None:
    tile, layout = _tile("tile2"), SMALL
    x, weight = _input(tile, layout, 3), _weight(tile, layout)
    state = tile.program(layout, weight, tile.full_scale(layout, weight, x[0], True), CHIPS[:1], [Condition()], True)
    activity = tile.activity(layout, state, x, True)
    assert activity.siemens_seconds < 0.8 * activity.drawn


def test_a_reference_column_is_converted_too() -> None:
    post = replace(load_tile("tile1").post, factor_bits=0)
    ten = _tile("tile1", weights=OffsetColumn(8), post=post).mvm_cost(100, 10, False)
    eleven = _tile("tile1", weights=Differential(8), post=post).mvm_cost(100, 11, False)
    for stage in OUTPUT_STAGES:
        assert ten[stage].energy == pytest.approx(eleven[stage].energy, rel=1e-12)


def test_area_counts_every_cell_and_converter() -> None:
    tile = _tile("tile1", weights=Differential(8, 4))
    assert tile.parts()["cells"].area == pytest.approx(256 * 256 * 8 * load_cell("pcm").area)
    shared, own = _tile("tile2"), _tile("tile2", columns_per_converter=1)
    for stage in ("ADC", "post-conversion"):
        areas = [t.parts()[stage].area for t in (own, shared)]
        assert areas[0] / areas[1] == pytest.approx(8)
    for tile in (own, shared):  # every line is held, however many share a converter
        assert tile.parts()["pre-conversion"].area == pytest.approx(256 * 8 * tile.pre.area)
    for stage in OUTPUT_STAGES:
        counting = [_tile("tile1", columns_per_converter=n).parts()[stage].area for n in (1, 8)]
        assert counting[0] / counting[1] == pytest.approx(8)


def test_one_product_of_hermes_takes_130_ns() -> None:
    blocks = _tile("tile1").mvm_cost(256, 256, True)
    assert sum(c.latency for c in blocks.values()) == pytest.approx(130e-9, rel=0.01)


# Wires ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", ["bit lines", "word lines"])
@pytest.mark.parametrize("weights", ENCODINGS, ids=repr)
def test_columns_sum_what_wires_leave_of_the_cells(weights: AbstractWeightEncoding, pairs: str) -> None:
    wires = Wires(20.0, 20.0, 100.0, 100.0, pairs=pairs)
    tile = _tile("tile1", weights=weights, wires=wires, cols=5)
    plain = replace(tile, wires=None)
    weight, slices = _weight(tile, SMALL), len(weights.significance)
    one, other = (
        t.realise(SMALL, weight, torch.full((3, slices), 5e4), CHIPS[:2], [Condition(None)], True)
        for t in (tile, plain)
    )
    bottom, top = tile.cell.range
    draws = {n: torch.stack([c.child(n).normal(_targets(tile).shape) for c in CHIPS[:2]]) for n in tile.cell.draws}
    cells = tile.cell.conductance(
        (bottom + _targets(tile) * (top - bottom)).expand(2, *_targets(tile).shape), draws, None
    )
    seen = (Wiring(wires, weights, 256, 5).through(cells) - bottom) / (top - bottom)
    torch.testing.assert_close(one.digits, weights.digits(seen.transpose(0, 1)))
    assert float(one.digits.norm()) < 0.99 * float(other.digits.norm())
    assert torch.equal(one.row_conductance, other.row_conductance)  # what is driven is driven


def _targets(tile: AnalogTile) -> torch.Tensor:
    return tile.weights.targets(SMALL.split_weight(_weight(tile, SMALL)))


def test_ideal_wires_are_no_wires() -> None:
    full = torch.full((3, 1), 5e4)
    for wires in (Wires(0.0, 0.0), Wires(20.0, 20.0, ir_drop="off")):
        one, other = (
            _tile("tile1", wires=w).realise(SMALL, _weight(_tile(), SMALL), full, CHIPS[:2], [Condition()], True)
            for w in (wires, None)
        )
        torch.testing.assert_close(one.digits, other.digits, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("mode", ["closed", "sweeps(2)"])
def test_a_chip_with_wires_is_the_same_in_any_chunk(mode: str) -> None:
    tile = _tile("tile1", wires=Wires(20.0, 20.0, ir_drop=mode))
    whole = _program(tile, SMALL, CHIPS).matrix.unflatten(0, (6, -1))
    for some in ([0], [1, 2], [5, 3, 4]):
        part = _program(tile, SMALL, [CHIPS[i] for i in some])
        assert torch.equal(part.matrix, whole[some].flatten(0, 1))


# Principles -----------------------------------------------------------------------------------------------------

PRINCIPLES = (
    "capacitive-division", "charge-domain", "charge-redistribution", "current-domain", "delay-chain", "ramp-crossing",
    "resistance-sum", "resistive-division",
)  # fmt: skip
SLOW = BitParallel(8, "phases", hold=1e-6)
"""Long enough for every principle."""


def _without_effects(name: str) -> AbstractPrinciple:
    principle = load_principle(name)
    while principle.effects:
        principle = next(iter(principle.effects.values()))
    return principle


@pytest.mark.parametrize("weights", [BitSliced(8), Differential(8), OffsetColumn(8)], ids=repr)
@pytest.mark.parametrize("name", PRINCIPLES)
def test_an_ideal_principle_changes_nothing(name: str, weights: AbstractWeightEncoding) -> None:
    plain = _ideal(12, weights, SLOW)
    tile = replace(plain, principle=_without_effects(name))
    for layout in (SMALL, CONV):
        x = _input(tile, layout, 4)
        y, expected = (t.multiply(layout, _program(t, layout, CHIPS[:1]), x, True, None) for t in (tile, plain))
        step = float(_program(plain, layout, CHIPS[:1]).coefficient.abs().min())
        # In the resistive ones rounding may move a sum from one side of a step to the other.
        assert ((y - expected).abs() < 0.5 * step).double().mean() > 0.99


class _Unnamed(Pcm):
    """A phase-change cell that does not say that it is one."""

    @property
    def memory(self) -> str:
        return ""


@pytest.mark.parametrize("layout", [SMALL, CONV])
@pytest.mark.parametrize("name", PRINCIPLES)
def test_a_chip_with_a_principle_is_the_same_in_any_chunk(name: str, layout: AbstractLayout) -> None:
    cell = _Unnamed(**vars(load_cell("pcm")))
    tile = _tile("tile2", principle=load_principle(name), column_calibration=True, inputs=SLOW, cell=cell)
    conditions = [Condition(None), Condition(3600.0, "column")]
    whole = _program(tile, layout, CHIPS, conditions)
    for some in ([0], [5, 3, 4]):
        part = _program(tile, layout, [CHIPS[i] for i in some], conditions)
        instances = [c * len(CHIPS) + i for c in range(2) for i in some]
        for field in ("offset", "coefficient", "constant", "unit"):
            expected = getattr(whole, field)[instances]
            assert torch.equal(getattr(part, field).expand_as(expected), expected), field  # one profile may serve all
        assert torch.equal(part.matrix, whole.matrix.unflatten(0, (12, -1))[instances].flatten(0, 1))
        assert torch.equal(part.noise, whole.noise)


def test_cells_that_differ_are_drawn_once_for_each_chip() -> None:
    tile = _tile("tile2", cell=load_cell("sram"), principle=ChargeRedistribution(1e-15, 0.9, mismatch=0.05))
    state = _program(tile, SMALL, CHIPS[:2], [Condition(None), Condition(60.0)])
    first, second, later, _ = state.matrix.unflatten(0, (4, -1))
    assert torch.equal(first, later)
    assert not torch.equal(first, second)
    ideal = _program(replace(tile, principle=None), SMALL, CHIPS[:1]).matrix
    held = ideal > 0
    spread = (first[held] / ideal[held]).std()
    assert float(spread) == pytest.approx(0.05, rel=0.1)


def test_each_kind_of_draw_is_its_own() -> None:
    principle = load_principle("resistance-sum")
    tile = replace(_ideal(8, BitSliced(8), SLOW), principle=principle)
    real = tile.realise(SMALL, _weight(tile, SMALL), torch.full((3, 8), 1e3), CHIPS[:2], [Condition()], True)
    states = _targets(tile)
    for digits, chip in zip(real.digits, CHIPS, strict=False):
        draws = {name: chip.child("array", name).normal(states.shape) for name in ("junction", "complement")}
        torch.testing.assert_close(digits, tile.weights.digits(principle.weights(states, draws)))


def test_a_column_compresses_what_all_its_cells_sum() -> None:
    """Literally, for one column of bits: V_A (1 - exp(-u / V_A)) of the sum, not of its parts."""
    principle = ChargeDomain(1e-6, 1e-9, 1e-13, 0.9, early_voltage=0.2)
    tile = replace(_ideal(14, BitSliced(2), BitSerial(2, 1e-6)), principle=principle)
    layout = LinearLayout(40, 1, 40)
    weight, x = torch.ones(1, 40), (torch.arange(40) < torch.tensor([[0], [1], [10], [40]])).float().unsqueeze(0)
    state = tile.program(layout, weight, torch.full((1, 2), 40.0), CHIPS[:1], [Condition()], False)
    y = tile.multiply(layout, state, x, False, None)[0, :, 0]
    expected = [0.2 / 0.01 * (1 - math.exp(-n * 0.01 / 0.2)) for n in (0, 1, 10, 40)]
    assert y.tolist() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("parasitic", [0.0, 0.5e-15])
@pytest.mark.parametrize("kind", [ChargeRedistribution, CapacitiveDivision])
def test_column_calibration_recovers_a_lost_gain(
    kind: type[ChargeRedistribution] | type[CapacitiveDivision], parasitic: float
) -> None:
    """0.3 fF beside 0.7 fF take 30 %; calibrated, each column is right to 2 %, whatever its capacitors."""
    principle = kind(0.7e-15, 0.9, 0.3e-15 + parasitic, mismatch=0.01)
    left = 0.7 / (1 + parasitic / 1e-15)
    tile = replace(_ideal(12, BitSliced(8), LEVEL), principle=principle)
    layout = LinearLayout(128, 32, 256)
    x, weight = _input(tile, layout, 64), _weight(tile, layout)
    scale, true = tile.full_scale(layout, weight, x[0], True), _true(layout, weight, x)[0]
    slopes = []
    for calibrated in (False, True):
        own = replace(tile, column_calibration=calibrated)
        state = own.program(layout, weight, scale, CHIPS[:2], [Condition()], True)
        y = own.multiply(layout, state, x, True, None)
        slopes.append((y * true).sum(1) / true.square().sum(0))
    assert slopes[0].flatten().tolist() == pytest.approx([left] * 64, rel=0.02)
    assert slopes[1].flatten().tolist() == pytest.approx([1.0] * 64, rel=0.02)


def test_column_calibration_leaves_what_is_right() -> None:
    tile = _ideal(12, Differential(8), LEVEL)
    full = torch.full((3, 1), 6e4)
    real = replace(tile, column_calibration=True).realise(
        SMALL, _weight(tile, SMALL), full, CHIPS[:1], [Condition()], True
    )
    torch.testing.assert_close(real.drift_factor, torch.ones(1, 1, 3, 7), rtol=2e-3, atol=0)


@pytest.mark.parametrize("name", ["tile1", "tile-capacitive"])
def test_column_calibration_leaves_a_column_that_hardly_answers(name: str) -> None:
    """All its weights are zero, or but one: what comes of it is rounding and errors, and says nothing of its gain.

    It takes the mean gain of the others.
    """
    tile = _tile(name, column_calibration=True)
    layout = LinearLayout(48, 7, 48)
    weight = _weight(tile, layout)
    weight[3:5] = 0
    weight[4, 5] = 1
    scale = tile.full_scale(layout, weight, _input(tile, layout, 16)[0], True)
    factor = tile.realise(layout, weight, scale, CHIPS[:2], [Condition(None)], True).drift_factor[:, 0, 0]
    others = factor[:, [0, 1, 2, 5, 6]]
    assert float(factor.max()) < 1.5 * float(others.mean())
    assert torch.equal(factor[:, 3], factor[:, 4])
    assert bool((others.min(1).values < factor[:, 3]).all())
    assert bool((factor[:, 3] < others.max(1).values).all())


@pytest.mark.parametrize(("left", "expected"), [(0.2, 5.0), (0.05, 10.0)])
def test_column_calibration_makes_up_for_at_most_nine_tenths(left: float, expected: float) -> None:
    principle = ChargeRedistribution(1e-15, 0.9, parasitic=1e-15 * (1 / left - 1))
    tile = replace(_ideal(14, Differential(8), LEVEL), principle=principle, column_calibration=True)
    full = torch.full((3, 1), 6e4)
    real = tile.realise(SMALL, _weight(tile, SMALL), full, CHIPS[:1], [Condition()], True)
    torch.testing.assert_close(real.drift_factor, torch.full((1, 1, 3, 7), expected), rtol=5e-3, atol=0)


def test_column_calibration_is_of_the_moment_of_writing() -> None:
    """Drift comes after it, and is made up for, or not, as without it."""
    tile = _tile("tile1", column_calibration=True)
    full, weight = torch.full((3, 1), 5e4), _weight(tile, SMALL)
    conditions = [Condition(None), Condition(MONTH), Condition(MONTH, "global")]
    fresh, later, global_ = tile.realise(SMALL, weight, full, CHIPS[:1], conditions, True).drift_factor
    plain = (
        replace(tile, column_calibration=False).realise(SMALL, weight, full, CHIPS[:1], conditions, True).drift_factor
    )
    assert torch.equal(fresh, later)
    assert not torch.equal(fresh, torch.ones_like(fresh))
    assert float(fresh.mean()) == pytest.approx(1, abs=0.1)  # a month takes 40 %
    torch.testing.assert_close(global_ / fresh, plain[2])


def test_a_reading_has_the_noise_of_its_principle() -> None:
    """Slices that count 1 and -2, in phases that count 1 and 2: each reading adds its own, sqrt(5) x sqrt(5) in all.

    The layer has 48 rows, but the capacitors of all 256 rows of the tile are on the line.
    """
    principle = ChargeRedistribution(1e-15, 0.9, temperature=3e4)
    noise_of_line = 256 * math.sqrt(1.380649e-23 * 3e4 / 256e-15) / 0.9
    assert principle.noise(256) == pytest.approx(noise_of_line)
    tile = replace(_ideal(14, BitSliced(2), BitSerial(2, 1e-6)), principle=principle)
    assert tile.rows == 256
    layout = LinearLayout(48, 100, 48)
    state = tile.program(layout, _weight(tile, layout), torch.full((1, 2), 48.0), CHIPS[:1], [Condition()], False)
    x = torch.full((1, 400, 48), 3.0) * (torch.arange(48) % 2)  # two phases, no sum near 0, where codes end
    shape = tile.noise_shape(layout, 1, False)
    assert shape == (2, 1, 1, 2, 100, 1)
    noise = Seed(0).child("noise").normal((1, 400, *shape))
    y = tile.multiply(layout, state, x, False, noise) - tile.multiply(layout, state, x, False, torch.zeros_like(noise))
    assert float(y.std()) == pytest.approx(noise_of_line * math.sqrt((1 + 4) * (1 + 4)), rel=0.05)
    assert replace(tile, principle=replace(principle, temperature=0.0)).noise_shape(layout, 1, False) is None


def test_noise_of_principle_and_converter_add_as_squares() -> None:
    tile = _tile("tile2", cell=EXACT, principle=ChargeRedistribution(1e-15, 0.9, temperature=3e4))
    assert tile.noise_lsb == pytest.approx(0.2)
    real = tile.realise(SMALL, _weight(tile, SMALL), torch.full((3, 8), 1016.0), CHIPS[:1], [Condition()], True)
    # A sum of eight cells under full pulses of 127 steps is 127 codes.
    torch.testing.assert_close(real.unit, torch.full((3, 8), 127 / 8))
    # The line has the capacitors of all 256 rows of the tile, whatever the layer needs.
    assert (tile.rows, SMALL.rows) == (256, 16)
    expected = math.hypot(0.2, 256 * math.sqrt(1.380649e-23 * 3e4 / 256e-15) / 0.9 * 127 / 8)
    torch.testing.assert_close(real.noise, torch.full((3, 8), expected))


@pytest.mark.parametrize(
    ("changes", "needed", "given"),
    [
        ({"principle": DelayChain(20e-12, 10e-12)}, "7.68e-09", "3e-09"),
        ({"principle": ChargeDomain(1e-6, 5e-9, 1e-12, 0.9)}, "5e-09", "3e-09"),
        ({"principle": load_principle("ramp-crossing"), "inputs": BitSerial(8, 10e-9)}, "2e-08", "1.1e-08"),
    ],
)
def test_a_principle_that_needs_longer_than_a_phase(changes: dict[str, object], needed: str, given: str) -> None:
    with pytest.raises(ValueError, match="settle") as error:
        _tile("tile-capacitive", **changes)
    assert str(error.value) == (
        f"a phase must last as long as the columns need to settle, {needed} s, not {given} s; "
        "lengthen inputs.hold, inputs.lsb_time or pre.settling"
    )
    patient = replace(load_tile("tile-capacitive").pre, settling=20e-9)
    assert _tile("tile-capacitive", pre=patient, **changes).principle == changes["principle"]


def _column_energy(tile: AnalogTile, x: torch.Tensor) -> tuple[float, float]:
    """Return what the tile says its columns take for one vector, and the literal sum over phases, tiles and lines."""
    weight = _weight(tile, SMALL)
    state = tile.program(SMALL, weight, tile.full_scale(SMALL, weight, x[0], True), CHIPS[:1], [Condition()], True)
    cells = tile.weights.targets(SMALL.split_weight(weight)).double()  # [cells, G, R, S, K, N]
    total = 0.0
    for phase in tile.inputs.encode(x[0], True):
        for r, vectors in enumerate(SMALL.gather(phase.abs())[0].double() / tile.inputs.pulse_steps):
            for c, s in itertools.product(range(cells.shape[0]), range(cells.shape[3])):
                total += float(tile.principle.energy(vectors, cells[c, 0, r, s]).sum()) / len(vectors)
    return tile.activity(SMALL, state, x, True).column_energy, total


@pytest.mark.parametrize("weights", [BitSliced(8), Differential(8), OffsetColumn(8)], ids=repr)
@pytest.mark.parametrize("name", PRINCIPLES)
def test_energy_of_columns_is_the_literal_sum(name: str, weights: AbstractWeightEncoding) -> None:
    tile = _tile(
        "tile-capacitive", cell=EXACT, principle=_without_effects(name), weights=weights, inputs=SLOW,
        column_calibration=False,
    )  # fmt: skip
    ours, literal = _column_energy(tile, _input(tile, SMALL, 3))
    assert ours == pytest.approx(literal, rel=1e-4, abs=0)
    cost = tile.cell_cost(Activity(1.0, 5e-9, 5e-9, 0.5, ours), 48 * 7)
    assert {k: c.energy for k, c in cost.items()} == {"cells": ours}
    assert replace(tile, principle=None).activity(
        SMALL, _program(replace(tile, principle=None), SMALL, CHIPS[:1]), _input(tile, SMALL, 3), True
    ).column_energy == 0  # fmt: skip


@pytest.mark.parametrize(
    "principle",
    [
        ChargeRedistribution(1.2e-15, 0.9, parasitic=0.35e-15),
        CurrentDomain(40e-6, 0.2, on_off=5.0, read_out=1e3, pulse=1e-8),
    ],
    ids=repr,
)
def test_energy_is_that_of_the_cells_as_written(principle: AbstractPrinciple) -> None:
    """What the line loses to parasitics or to its read-out is not taken from the states of the cells."""
    tile = _tile("tile-capacitive", principle=principle, inputs=SLOW, column_calibration=False)
    ours, literal = _column_energy(tile, _input(tile, SMALL, 3))
    assert ours == pytest.approx(literal, rel=1e-4, abs=0)


def test_the_tile_of_capacitors() -> None:
    tile = _tile("tile-capacitive")
    assert isinstance(tile.principle, ChargeRedistribution)
    assert tile.shape == (256, 256)
    report = characterise(tile, instances=2)
    assert 0.02 < report.error < 0.1
    assert report.blocks["cells"].energy > 0
    assert report.total.latency > tile.principle.settling(256, 8)
    better = characterise(replace(tile, column_calibration=False), instances=2)
    assert better.error > 2 * report.error  # without calibration a fifth of the signal is lost


# Effects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("tile1", {}, "programming error, drift, read noise, converter gain, converter offset, converter noise"),
        (
            "tile1", {"wires": Wires(1.0, 1.0), "pre": replace(load_tile("tile1").pre, noise=0.01)},
            "programming error, drift, read noise, IR drop, read-out noise, converter gain, converter offset, "
            "converter noise",
        ),
        ("tile2", {"wires": Wires(1.0, 1.0, ir_drop="off")},
         "relaxation, read noise, converter gain, converter offset, converter noise"),
        ("tile-capacitive", {}, "capacitor mismatch, parasitic capacitance, thermal noise, converter gain, "
         "converter offset, converter noise"),
        ("tile-capacitive", {"principle": load_principle("charge-domain")}, "line voltage, jitter, thermal noise, "
         "shot noise, converter gain, converter offset, converter noise"),
    ],
)  # fmt: skip
def test_effects_are_those_of_the_parts(name: str, changes: dict[str, object], expected: str) -> None:
    tile = _tile(name, **changes)
    assert ", ".join(tile.effects) == expected
    parts = {"IR drop": "wires", "read-out noise": "pre"} | {
        f"converter {n}": "converter" for n in ("gain", "offset", "noise")
    }
    parts |= dict.fromkeys(tile.cell.effects, "cell")
    parts |= dict.fromkeys(() if tile.principle is None else tile.principle.effects, "principle")
    for effect, without in tile.effects.items():
        assert isinstance(without, AnalogTile)
        changed = [f.name for f in fields(tile) if getattr(without, f.name) != getattr(tile, f.name)]
        assert changed == [parts[effect]]


def test_without_ir_drop_wires_are_ideal() -> None:
    tile = _tile("tile1", wires=Wires(20.0, 20.0))
    without, plain = tile.effects["IR drop"], replace(tile, wires=None)
    assert isinstance(without, AnalogTile)
    one, other = (_program(t, SMALL, CHIPS[:2]).matrix for t in (without, plain))
    assert torch.equal(one, other)
    assert not torch.equal(one, _program(tile, SMALL, CHIPS[:2]).matrix)
    assert "IR drop" not in without.effects
    assert without.wires == Wires(20.0, 20.0, ir_drop="off")  # what they hold and how long they settle stays


def test_capacitors_of_array_and_converter_are_taken_away_together() -> None:
    tile = _tile("tile-capacitive")
    assert tile.principle.mismatch > 0
    tile = replace(tile, converter=replace(tile.converter, mismatch=0.02))
    principle, converter = replace(tile.principle, mismatch=0.0), replace(tile.converter, mismatch=0.0)
    assert tile.effects["capacitor mismatch"] == replace(tile, principle=principle, converter=converter)
    while tile.effects:
        before, tile = len(tile.effects), next(iter(tile.effects.values()))
        assert isinstance(tile, AnalogTile)
        assert len(tile.effects) < before
    assert tile.converter.effects == {}
    assert tile.principle.effects == {}


# Shape of the tile ----------------------------------------------------------------------------------------------


def test_a_reference_column_takes_a_column() -> None:
    assert _tile("tile1").shape == (256, 256)
    assert _tile("tile1", weights=OffsetColumn(8)).shape == (256, 255)
    assert _tile("tile1").exact is False


@pytest.mark.parametrize(
    ("weights", "inputs", "bipolar"),
    [
        (Differential(8), SERIAL, (True, True)),
        (BitSliced(8), LEVEL, (True, False)),
        (BitSliced(8), SERIAL, (False, False)),
        (OffsetColumn(8), PHASES, (False, False)),
        (Differential(8, 1, True), LEVEL, (True, False)),
    ],
)
def test_when_sums_have_a_sign(
    weights: AbstractWeightEncoding, inputs: AbstractInputEncoding, bipolar: tuple[bool, bool]
) -> None:
    tile = _tile("tile1", weights=weights, inputs=inputs)
    assert (tile.bipolar(True), tile.bipolar(False)) == bipolar


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, "rows, cols and columns_per_converter must be at least 1, not 0, 256, 1"),
        ({"columns_per_converter": 0}, "rows, cols and columns_per_converter must be at least 1, not 256, 256, 0"),
        ({"read_voltage": 0.0}, "read_voltage must be above 0 V and at most the supply of 0.8 V, not 0.0 V"),
        ({"read_voltage": 1.0}, "read_voltage must be above 0 V and at most the supply of 0.8 V, not 1.0 V"),
    ],
)
def test_wrong_values(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match="must be") as error:
        _tile("tile1", **changes)
    assert str(error.value) == message
