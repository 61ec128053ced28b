"""Quantisation options: what they refuse, and what a tile does with fewer bits."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed, SpecError
from mho.tiles import (
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Combined,
    Condition,
    Differential,
    DigitalTile,
    LinearLayout,
    OffsetColumn,
    Quantization,
    Split,
    load_tile,
)

ENCODINGS = [Differential(8, 2), BitSliced(8, 1), BitSliced(8, 3), OffsetColumn(8), Combined(BitSliced(8, 2))]
INPUTS = [BitParallel(8, lsb_time=1e-9), BitParallel(8, hold=1e-9), Split(8, 3, 1e-9), BitSerial(8, 1e-9)]


def test_says_what_it_is() -> None:
    assert str(Quantization()) == "as the tile"
    assert str(Quantization(3, clip="least squares")) == "3-bit weights per column of least error"
    assert str(Quantization(input_bits=4, inputs="lloyd-max", adc_bits=5)) == "4-bit Lloyd-Max inputs, 5-bit ADC"
    assert str(Quantization(adc_bits=5, adc_range="least squares")) == "5-bit ADC of least error"
    assert str(Quantization(adc_range="least squares")) == "ADC of least error"
    assert len({Quantization(4), Quantization(4), Quantization(5)}) == 2  # a value


def test_refuses_nonsense_all_at_once() -> None:
    with pytest.raises(SpecError) as error:
        Quantization(1, inputs="lloyd-max", adc_bits=0)
    assert error.value.problems == (
        "weight_bits must be at least 2, not 1; take more bits, or None for as many as the tile has",
        "adc_bits must be at least 1, not 0; take more bits, or None for as many as the tile has",
        "inputs = 'lloyd-max' needs input_bits, which say how many levels there are; give some",
    )


WEIGHTS = "weights must have 2 to 8 bits, as many as the tile holds, not 9; change the bits"
LEVELS = "levels of inputs must be fewer than the 255 integers that the tile takes, not 2^8; give fewer input_bits"
REFUSED = [
    ("tile2", Quantization(9), WEIGHTS),
    ("dimc", Quantization(9), WEIGHTS),
    ("tile2", Quantization(input_bits=9), WEIGHTS.replace("weights", "inputs").replace("holds", "takes")),
    ("tile2", Quantization(adc_bits=9), "a converter of 8 bits resolves 1 to 8, not 9; give fewer bits"),
    ("dimc", Quantization(adc_bits=4), "a digital tile has no converter whose bits could be 4; leave them out"),
    ("tile2", Quantization(input_bits=8, inputs="lloyd-max"), LEVELS),
]


@pytest.mark.parametrize(("tile", "options", "sentence"), REFUSED)
def test_more_bits_than_the_tile_has(tile: str, options: Quantization, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        options.tile(load_tile(tile))
    assert str(error.value) == sentence


def test_nothing_asked_is_the_tile_itself() -> None:
    for name in ("tile1", "tile2", "dimc"):
        tile = load_tile(name)
        assert Quantization().tile(tile) == tile
        assert Quantization(8).tile(tile) == tile


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_of_fewer_bits_use_all_of_a_cell(encoding: BitSliced, bits: int) -> None:
    """Every integer comes back from its cells, and the largest one drives some cell to its highest state."""
    narrow = encoding.at_bits(bits)
    assert narrow.resolution == bits
    low, high = narrow.weight_range
    assert high == 2 ** (bits - 1) - 1
    w = torch.arange(low, high + 1.0)[:, None]
    targets = narrow.targets(w)
    assert float(targets.max()) == pytest.approx(1)
    digits = narrow.digits(targets)
    value = (digits * torch.tensor(narrow.significance)[:, None, None]).sum(0)
    value = value[:, :-1] - value[:, -1:] if narrow.reference_column else value
    torch.testing.assert_close(value, w, rtol=0, atol=1e-4)


@pytest.mark.parametrize("encoding", INPUTS, ids=lambda e: type(e).__name__)
@given(bits=st.integers(2, 8), signed=st.booleans())
def test_inputs_of_fewer_bits(encoding: BitSerial, bits: int, signed: bool) -> None:
    narrow = encoding.at_bits(bits)
    low, high = narrow.input_range(signed)
    x = torch.arange(low, high + 1.0)
    weights = torch.tensor(narrow.significance(signed))[:, None]
    assert torch.equal((narrow.encode(x, signed) * weights).sum(0), x)
    assert len(narrow.significance(signed)) <= len(encoding.significance(signed))
    if isinstance(encoding, BitParallel):  # the pulse lasts as long, so that a converter that counts sees as much
        assert narrow.pulse_time == pytest.approx(encoding.pulse_time)


@pytest.mark.parametrize(("share", "bits", "turns"), [(8, 4, 4), (1, 4, 1), (2, 3, 2), (16, 3, 6), (5, 2, 2)])
def test_a_converter_skips_lines_that_are_not_read(share: int, bits: int, turns: int) -> None:
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    part = replace(tile, columns_per_converter=share).at_bits(weights=bits)
    assert part.columns_per_converter == turns
    assert part.word_capacitance * part.row_cells == pytest.approx(tile.word_capacitance * tile.row_cells)


def test_four_bits_in_slices_take_half_the_conversions() -> None:
    """And half the time, with eight lines a converter; the word lines cost what they cost."""
    tile = load_tile("tile2")
    full, half = tile.mvm_cost(256, 256, True), tile.at_bits(weights=4).mvm_cost(256, 256, True)
    assert half["input encoding"] == full["input encoding"]
    assert isinstance(tile, AnalogTile)
    assert half["pre-conversion"].latency == full["pre-conversion"].latency
    assert half["ADC"].latency == pytest.approx(full["ADC"].latency / 2)
    assert half["ADC"].energy == pytest.approx(full["ADC"].energy / 2)


def test_idle_bits_of_a_digital_tile() -> None:
    """Integers are fewer; the clock, what is built and what is clocked stay; gates of zeros do not switch."""
    tile = load_tile("dimc")
    assert isinstance(tile, DigitalTile)
    part = tile.at_bits(weights=4)
    assert part.weight_range == (-8, 7)
    assert part.parts() == tile.parts()
    assert part.mvm_cost(256, 256, False)["adder trees"] == tile.mvm_cost(256, 256, False)["adder trees"]
    fewer = tile.at_bits(inputs=4)
    whole = tile.mvm_cost(256, 256, False)["adder trees"].latency
    assert fewer.mvm_cost(256, 256, False)["adder trees"].latency < 0.7 * whole
    with pytest.raises(ValueError, match=r"^idle_bits must leave at most 8 bits with those in use, not 1$"):
        replace(tile, idle_bits=1)


def test_a_product_of_few_bits_on_an_ideal_chip_is_exact() -> None:
    tile = load_tile("dimc").at_bits(weights=3, inputs=4)
    layout = LinearLayout(20, 5, 256)
    w = torch.randint(-3, 4, (5, 20), generator=Seed(0).generator()).float()
    x = torch.randint(0, 16, (1, 7, 20), generator=Seed(1).generator()).float()
    state = tile.program(layout, w, torch.ones(1, 1), [Seed(0)], [Condition()], False)
    assert torch.equal(tile.multiply(layout, state, x, False, None)[0], x[0] @ w.T)
