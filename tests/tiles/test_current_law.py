"""Cells whose current is not in proportion to the voltage: levels are distorted, pulses of full height are not."""

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mho.arrays import AbstractIV, Exponential, Ohmic, Sinh, Wires
from mho.converters import load_converter
from mho.core import Loader, Seed, SpecError, dump_spec, fingerprint
from mho.devices import load_cell
from mho.tiles import (
    ROOMS,
    AbstractInputEncoding,
    AbstractTile,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Condition,
    Differential,
    LinearLayout,
    OffsetColumn,
    Split,
    characterise,
    load_tile,
)
from mho.tiles._realise import _calibration_inputs

LEVELS: list[AbstractInputEncoding] = [
    BitParallel(8, "differential", hold=1e-9),
    BitParallel(5, "phases", hold=1e-9),
    Split(8, 3, 1e-9, "differential"),
    Split(8, 4, 1e-9, "phases"),
]
PULSES: list[AbstractInputEncoding] = [
    BitParallel(8, "differential", lsb_time=1e-9),
    BitParallel(8, "phases", lsb_time=1e-9),
    BitSerial(8, 1e-9),
]
LAW = Sinh(0.1)
"""Half the read voltage: sinh(2 x) / sinh(2), 1.2 / 3.6 in place of a half at half the voltage."""
LAYOUT = LinearLayout(40, 7, 20)
CHIPS = [Seed(0).child("chip", i) for i in range(2)]
SINGLE = 2.0**-24
"""Rounding of a number in single precision, relative."""


def _tile(**changes: object) -> AnalogTile:
    """Return a tile in which only the converter's 16 bits keep a product from being exact."""
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), bits=16, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    tile = replace(
        tile, rows=20, cell=load_cell("sram"), weights=Differential(8), inputs=LEVELS[0], converter=converter,
        wires=None, current_law=LAW,
    )  # fmt: skip
    return replace(tile, **changes)


def _integers(name: str, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


def _weight(tile: AnalogTile) -> torch.Tensor:
    return _integers("w", *tile.weight_range, 7, 40)


def _all_levels(tile: AnalogTile) -> torch.Tensor:
    steps = tile.inputs.pulse_steps
    return torch.arange(-steps, steps + 1, dtype=torch.float64)


# The law --------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.floats(0.02, 10.0), st.floats(0.05, 0.9), st.sampled_from(LEVELS))
def test_a_level_counts_for_what_the_law_says(v0: float, read: float, inputs: AbstractInputEncoding) -> None:
    """sinh(x V / (n v0)) n / sinh(V / v0), level by level; in single precision within its rounding.

    An error e in the argument a is one of a coth(a) e <= (1 + a) e in the sinh; a few roundings come on top.
    """
    tile = _tile(current_law=Sinh(v0), read_voltage=read, inputs=inputs)
    levels, n = _all_levels(tile), inputs.pulse_steps
    expected = [n * math.sinh(x * read / (n * v0)) / math.sinh(read / v0) for x in levels.tolist()]
    assert tile.driven(levels).tolist() == pytest.approx(expected, rel=1e-13 * (1 + read / v0), abs=0)
    single = tile.driven(levels.float())
    assert single.dtype == torch.float32
    assert single.tolist() == pytest.approx(expected, rel=(1 + read / v0 + 6) * 2 * SINGLE, abs=0)


@settings(max_examples=40)
@given(st.floats(0.02, 10.0), st.sampled_from(LEVELS))
def test_levels_keep_their_order_and_their_ends(v0: float, inputs: AbstractInputEncoding) -> None:
    """The law is odd, rises, keeps nothing, 0 and the largest level, and takes from all between, from small ones more.

    It is that of one cell, so it is the ratio of two currents.
    """
    tile = _tile(current_law=Sinh(v0), inputs=inputs)
    levels = _all_levels(tile)
    out, n = tile.driven(levels), inputs.pulse_steps
    torch.testing.assert_close(out, -out.flip(0), rtol=1e-14, atol=0)
    assert bool((out.diff() > 0).all())
    assert float(out[n]) == 0
    assert float(out[-1]) == pytest.approx(n, rel=1e-13, abs=0)
    inner = slice(n + 1, -1)
    assert bool((out[inner] < levels[inner]).all())
    assert bool(((out / levels)[n + 1 :].diff() > 0).all())
    voltage = levels / n * tile.read_voltage
    current = Sinh(v0).current(torch.full_like(voltage, 1e-5), voltage)
    torch.testing.assert_close(out, n * current / current[-1], rtol=1e-12, atol=0)


@settings(max_examples=40)
@given(st.floats(0.02, 10.0), st.floats(0.05, 0.9), st.sampled_from(LEVELS))
def test_a_level_counts_for_what_any_law_says(v0: float, read: float, inputs: AbstractInputEncoding) -> None:
    """Level by level: expm1(x V / (n v0)) n / expm1(V / v0), odd; and of an ohmic law itself."""
    tile = _tile(current_law=Exponential(v0), read_voltage=read, inputs=inputs)
    levels, n = _all_levels(tile), inputs.pulse_steps
    top = math.expm1(read / v0)
    expected = [math.copysign(n * math.expm1(abs(x) * read / (n * v0)) / top, x) for x in levels.tolist()]
    assert tile.driven(levels).tolist() == pytest.approx(expected, rel=1e-13 * (1 + read / v0), abs=0)
    single = tile.driven(levels.float())
    assert single.dtype == torch.float32
    assert single.tolist() == pytest.approx(expected, rel=(1 + read / v0 + 6) * 2 * SINGLE, abs=0)
    ohmic = replace(tile, current_law=Ohmic())
    torch.testing.assert_close(ohmic.driven(levels), levels, rtol=1e-14, atol=0)


@pytest.mark.parametrize("inputs", LEVELS, ids=repr)
def test_far_below_v0_cells_are_ohmic(inputs: AbstractInputEncoding) -> None:
    """sinh(x v) / (x sinh v) - 1 = (x^2 - 1) v^2 / 6 (1 - c v^2 ...), c = 1/6 - (1 + x^2) / 20, at most 0.12.

    So twice the v0 leaves a quarter, to within 0.75 c v^2, and less than 0.1 v^2.
    """
    steps = inputs.pulse_steps
    x = torch.arange(1, steps, dtype=torch.float64)
    off = []
    for v0 in (0.8, 1.6, 3.2):
        v = 0.2 / v0
        tile = _tile(current_law=Sinh(v0), inputs=inputs, read_voltage=0.2)
        off.append(tile.driven(x) / x - 1)
        first = ((x / steps) ** 2 - 1) * v * v / 6
        torch.testing.assert_close(off[-1], first, rtol=0.12 * v * v, atol=0)
    for one, two, v0 in zip(off, off[1:], (0.8, 1.6), strict=False):
        torch.testing.assert_close(one / two, torch.full_like(one, 4.0), rtol=0.1 * (0.2 / v0) ** 2, atol=0)


def test_a_very_large_v0_is_no_law() -> None:
    tile = _tile(current_law=Sinh(1e6))
    levels = _all_levels(tile).float()
    torch.testing.assert_close(tile.driven(levels), levels, rtol=6 * SINGLE, atol=0)


@pytest.mark.parametrize("law", [Sinh, Exponential])
@pytest.mark.parametrize("v0", [2e-3, 5e-4, 1e-4])
def test_a_very_small_v0_leaves_the_largest_level_alone(v0: float, law: type[Sinh] | type[Exponential]) -> None:
    """Numbers, however steep the law: sinh(x v) / sinh(v) is at most 1, and both laws are then powers of e."""
    levels = torch.tensor([0.0, 1.0, 64.0, 126.0, 127.0, -127.0])
    out = _tile(current_law=law(v0)).driven(levels)
    assert bool(out.isfinite().all())
    assert out.abs().tolist() == pytest.approx([0, 0, 0, 127 * math.exp(-0.2 / v0 / 127), 127, 127], rel=1e-4, abs=1e-9)


def test_what_is_driven_is_not_changed() -> None:
    levels = _all_levels(_tile()).float()
    before = levels.clone()
    _tile().driven(levels)
    assert torch.equal(levels, before)


# In the tile ----------------------------------------------------------------------------------------------------


def _outputs(tile: AnalogTile, x: torch.Tensor, scale: float = 2e5) -> torch.Tensor:
    full = torch.full((2, len(tile.weights.significance)), scale)
    state = tile.program(LAYOUT, _weight(tile), full, CHIPS[:1], [Condition()], True)
    return tile.multiply(LAYOUT, state, x, True, None)


@pytest.mark.parametrize("weights", [Differential(8), BitSliced(8, 2), OffsetColumn(8)], ids=repr)
@pytest.mark.parametrize("inputs", LEVELS, ids=repr)
def test_a_product_is_that_of_distorted_inputs(inputs: AbstractInputEncoding, weights: AbstractWeightEncoding) -> None:
    """Phase by phase, to half a code for each conversion."""
    tile = _tile(inputs=inputs, weights=weights)
    x = _integers("x", *inputs.input_range(True), 1, 9, 40)
    n, v = inputs.pulse_steps, tile.read_voltage / LAW.v0
    phases = inputs.significance(True)
    driven = sum(
        w * n * torch.sinh(p.double() / n * v) / math.sinh(v)
        for w, p in zip(phases, inputs.encode(x, True), strict=True)
    )
    expected = driven @ _weight(tile).double().T
    high = tile.converter.codes(tile.bipolar(True))[1]
    y = _outputs(tile, x, scale=1e6).double()
    step = 1e6 / high
    conversions = 2 * sum(map(abs, weights.significance)) * sum(map(abs, phases)) * (1 + weights.reference_column)
    # Single precision in the sums: 20 products of at most full digit x n.
    rounding = 40 * SINGLE * 20 * max(weights.full_digits) * n / step
    assert float((y - expected).abs().max()) < (0.5 + rounding) * step * conversions
    assert float((y - x.double() @ _weight(tile).double().T).norm()) > 0.1 * float(expected.norm())


@pytest.mark.parametrize("weights", [Differential(8), BitSliced(8, 2)], ids=repr)
def test_a_product_is_that_of_inputs_distorted_exponentially(weights: AbstractWeightEncoding) -> None:
    """To half a code for each conversion, as above."""
    tile = _tile(weights=weights, current_law=Exponential(0.1))
    x = _integers("x", -127, 127, 1, 9, 40)
    driven = 127 * x.double().sign() * torch.expm1(x.double().abs() / 127 * 2) / math.expm1(2.0)
    expected = driven @ _weight(tile).double().T
    step = 1e6 / tile.converter.codes(tile.bipolar(True))[1]
    rounding = 40 * SINGLE * 20 * max(weights.full_digits) * 127 / step
    conversions = 2 * sum(map(abs, weights.significance))
    assert float((_outputs(tile, x, scale=1e6).double() - expected).abs().max()) < (0.5 + rounding) * step * conversions
    assert float((expected - x.double() @ _weight(tile).double().T).norm()) > 0.1 * float(expected.norm())


@pytest.mark.parametrize("law", [LAW, Exponential(0.1)], ids=repr)
@pytest.mark.parametrize("inputs", PULSES, ids=repr)
def test_pulses_of_full_height_are_not_distorted(inputs: AbstractInputEncoding, law: AbstractIV) -> None:
    """Byte by byte: the conductance of a cell is that at the read voltage."""
    tile = _tile(inputs=inputs, column_calibration=True, current_law=law)
    plain = replace(tile, current_law=None)
    x = _integers("x", *inputs.input_range(True), 1, 9, 40)
    pulses = inputs.encode(x, True)
    assert tile.driven(pulses) is pulses
    assert torch.equal(_outputs(tile, x), _outputs(plain, x))
    assert "I-V non-linearity" not in tile.effects
    assert list(tile.effects) == list(plain.effects)


@pytest.mark.parametrize("name", ["tile1", "tile2"])
def test_the_error_of_a_tile_grows_with_the_bend_of_the_law(name: str) -> None:
    """From none; a tile of pulses does not notice."""
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=32, cols=16)
    laws = (None, Sinh(0.2), Sinh(0.1), Sinh(0.05))
    errors = [characterise(replace(tile, current_law=law), instances=1, vectors=16).error for law in laws]
    if name == "tile1":
        assert len(set(errors)) == 1
    else:
        assert errors == sorted(errors)
        assert errors[-1] > 0.2


def test_the_full_scale_is_that_of_ideal_cells() -> None:
    """Ranges are chosen before the law is known; a level is never larger by it, so that none is exceeded."""
    tile = _tile()
    x, weight = _integers("x", -127, 127, 16, 40), _weight(tile)
    assert torch.equal(
        tile.full_scale(LAYOUT, weight, x, True), replace(tile, current_law=None).full_scale(LAYOUT, weight, x, True)
    )


def test_calibration_sees_the_distorted_inputs() -> None:
    """Each column's gain is set to make up, in the mean, for what the law takes from its calibration inputs.

    The 16 bits of the converter are 2^15 steps for 64 vectors: they move a slope by far less than 1e-3.
    """
    tile = _tile(column_calibration=True, current_law=Sinh(0.05))
    full = torch.full((2, 1), 2e5)
    real = tile.realise(LAYOUT, _weight(tile), full, CHIPS[:1], [Condition(None)], True)
    ideal = LAYOUT.split_weight(_weight(tile)).unsqueeze(2)  # [G, R, S, K, N]
    high = tile.converter.codes(True)[1]
    x = _calibration_inputs(ideal / (2e5 / high), 127, high)
    for r, n in itertools.product(range(2), range(7)):
        column = ideal[0, r, 0, :, n].double()
        wanted = x.double() @ column
        got = (127 * torch.sinh(x.double() / 127 * 4) / math.sinh(4.0)) @ column
        wanted, got = wanted - wanted.mean(), got - got.mean()
        slope = float(got @ wanted / (wanted @ wanted))
        assert slope < 0.95
        assert float(real.drift_factor[0, 0, r, n]) == pytest.approx(1 / slope, rel=1e-3, abs=0)
    # The law alone is no reason to correct for drift.
    for compensation in ("global", "column"):
        plain = replace(tile, column_calibration=False)
        now = plain.realise(LAYOUT, _weight(tile), full, CHIPS, [Condition(60.0, compensation)], True).drift_factor
        assert torch.equal(now, torch.ones_like(now))


def test_the_current_that_flows_is_that_of_the_law() -> None:
    """Cells take V I t: level x what the law makes of it; and from the supply they draw what the law makes of it."""
    tile = _tile()
    x = _integers("x", -127, 127, 1, 5, 40)
    state = tile.program(LAYOUT, _weight(tile), torch.full((2, 1), 2e5), CHIPS[:1], [Condition()], True)
    level = LAYOUT.gather(x[0]).double().abs() / 127  # [G, R, vectors, K]
    current = torch.sinh(level * 2) / math.sinh(2.0)
    drawn = float((current.sum(2) * state.row_conductance[0]).sum()) / 5 * tile.inputs.pulse_time
    energy = float(((level * current).sum(2) * state.row_conductance[0]).sum()) / 5 * tile.inputs.pulse_time
    activity = tile.activity(LAYOUT, state, x, True)
    assert activity.drawn == pytest.approx(drawn, rel=1e-5, abs=0)
    assert activity.siemens_seconds == pytest.approx(energy, rel=1e-5, abs=0)


# As an effect ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inputs", LEVELS, ids=repr)
def test_of_levels_it_is_an_effect(inputs: AbstractInputEncoding) -> None:
    tile = _tile(inputs=inputs, cell=load_cell("rram"), wires=Wires(1.0, 1.0))
    plain = replace(tile, current_law=None)
    assert tile.effects["I-V non-linearity"] == plain
    assert set(tile.effects) == {"I-V non-linearity", *plain.effects}
    assert list(tile.effects).index("I-V non-linearity") == len(tile.cell.effects)  # the last of the device
    for name, without in tile.effects.items():
        assert isinstance(without, AnalogTile)
        assert (without.current_law is None) == (name == "I-V non-linearity")


@pytest.mark.parametrize("inputs", [Split(8, 1, 1e-9), BitParallel(2, hold=1e-9)], ids=repr)
def test_a_single_level_is_not_distorted(inputs: AbstractInputEncoding) -> None:
    """What is only on or off is read at the read voltage: there is nothing to switch off."""
    assert inputs.pulse_steps == 1
    assert "I-V non-linearity" not in _tile(inputs=inputs).effects


# In a file ------------------------------------------------------------------------------------------------------


def _file(tmp_path: Path, law: str) -> str:
    text = Loader(ROOMS).find(AbstractTile, "tile2").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("[pre]", f"[current_law]\n{law}\n\n[pre]"))
    return str(path)


@pytest.mark.parametrize("number", ['"0.25 V"', "0.25", '"250 mV"'])
@pytest.mark.parametrize("law", [Sinh(0.25), Exponential(0.25)], ids=repr)
def test_a_law_in_a_file(tmp_path: Path, law: Sinh | Exponential, number: str) -> None:
    tile = load_tile(_file(tmp_path, f'type = "{type(law).__name__}"\nv0 = {number}'))
    assert tile == replace(load_tile("tile2"), current_law=law)
    again = Loader(ROOMS).build(AbstractTile, json.loads(json.dumps(dump_spec(tile))))
    assert again == tile
    assert fingerprint(again) == fingerprint(tile)
    laws = (None, Ohmic(), Sinh(0.25), Sinh(0.26), Exponential(0.25))
    assert len({fingerprint(replace(tile, current_law=law)) for law in laws}) == 5


SINH = 'type = "Sinh"\n'


@pytest.mark.parametrize(
    ("law", "problems"),
    [
        (SINH + 'v0 = "0 V"', ["line 32, current_law.v0: must be greater than 0, not '0 V'"]),
        (SINH + 'v0 = "-0.25 V"', ["line 32, current_law.v0: must be greater than 0, not '-0.25 V'"]),
        (SINH + 'v0 = "0.25 S"', ["line 32, current_law.v0: expected a number in V such as '0.2 V', not '0.25 S'"]),
        (SINH + 'v0 = "inf V"', ["line 32, current_law.v0: expected a number in V such as '0.2 V', not 'inf V'"]),
        (SINH + "v0 = true", ["line 32, current_law.v0: expected a number in V such as '0.2 V', not True"]),
        (SINH, ["line 30, current_law.v0: is missing; Sinh needs it"]),
        (
            SINH + 'v0 = "0.25 V"\nvo = "0.25 V"',
            ["line 33, current_law.vo: Sinh has no such key; did you mean 'v0'? (allowed: v0)"],
        ),
        (
            'v0 = "0.25 V"',
            ["line 30, current_law.type: is missing; say which AbstractIV this is "
             "(allowed: Exponential, Ohmic, Sinh, Transistor)"],
        ),
        (
            'type = "Sin"\nv0 = "0.25 V"',
            ["line 31, current_law.type: no AbstractIV is called 'Sin'; did you mean 'Sinh'? "
             "(allowed: Exponential, Ohmic, Sinh, Transistor)"],
        ),
    ],
)  # fmt: skip
def test_a_wrong_law_in_a_file(tmp_path: Path, law: str, problems: list[str]) -> None:
    path = _file(tmp_path, law)
    with pytest.raises(SpecError) as error:
        load_tile(path)
    assert error.value.problems == tuple(problems)
    assert str(error.value) == f"{path}: {problems[0]}"
