"""Which memory goes with which principle: every legal pair multiplies in a tile, no other can be built."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mho.arrays import (
    AbstractPrinciple,
    ChargeRedistribution,
    excluded,
    legal_pairs,
    load_principle,
    memories,
    principles,
)
from mho.chip import Chip
from mho.converters import load_converter
from mho.core import Loader, Seed, SpecError
from mho.devices import ROOMS, AbstractCell, Faulty, Ideal, Levels, load_cell
from mho.tiles import ROOMS as TILE_ROOMS
from mho.tiles import (
    AbstractTile,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Condition,
    Differential,
    LinearLayout,
    load_tile,
)

CELLS = {
    "RRAM": "rram",
    "PCM": "pcm",
    "NOR flash": "nor-flash",
    "SRAM": "sram",
    "MRAM": "mram",
    "DRAM": "dram",
    "FeFET": "fefet",
}
PRESETS = {
    "CurrentDomain": "current-domain",
    "ChargeDomain": "charge-domain",
    "ChargeRedistribution": "charge-redistribution",
    "CapacitiveDivision": "capacitive-division",
    "ResistiveDivision": "resistive-division",
    "ResistanceSum": "resistance-sum",
    "DelayChain": "delay-chain",
    "RampCrossing": "ramp-crossing",
}
STATES = {"SRAM": 2, "MRAM": 2, "DRAM": 2, "FeFET": 4}
"""How many states cells have that do not hold any conductance of their range."""
ROWS, COLS = 32, 8
LAYOUT = LinearLayout(ROWS, COLS, ROWS)
CHIPS = [Seed(0).child("chip", i) for i in range(2)]
HOUR = Condition(3600.0)
PAIRS = [(p, m) for p in principles() for m in memories()]
EXCLUDED = [pair for pair in PAIRS if pair not in legal_pairs()]


def _weights(memory: str) -> AbstractWeightEncoding:
    """Return what cells of so many states can hold: bits, two bits each, or a difference of any two conductances."""
    states = STATES.get(memory, 0)
    return BitSliced(5, {2: 1, 4: 2}[states]) if states else Differential(4)


def _tile(principle: str, memory: str, **changes: Any) -> AnalogTile:
    """Return a tile of a principle and a memory, whose converters tell apart sixteenths of all sums of integers."""
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), bits=16, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    inputs = BitSerial(4, 1e-6) if STATES.get(memory) == 2 else BitParallel(4, "phases", hold=1e-6)
    parts = {"cell": load_cell(CELLS[memory]), "inputs": inputs, "principle": load_principle(PRESETS[principle])}
    tile = replace(tile, rows=ROWS, cols=COLS, converter=converter, column_calibration=False, principle=None)
    return replace(tile, weights=_weights(memory), **(parts | changes))


def _without_effects(tile: AnalogTile) -> AnalogTile:
    """Take effects away, one after the other, until there is none."""
    while tile.effects:
        less = next(iter(tile.effects.values()))
        assert isinstance(less, AnalogTile)
        assert len(less.effects) < len(tile.effects)
        tile = less
    return tile


def _integers(name: str, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator()).float()


def _product(tile: AnalogTile, condition: Condition = HOUR) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a test product as the chips have it, with all noise, and as integers have it."""
    weight = _integers("w", *tile.weight_range, COLS, ROWS)
    x = _integers("x", *tile.input_range(True), 1, 16, ROWS)
    high = tile.converter.codes(tile.bipolar(True))[1]
    scale = torch.full((1, len(tile.weights.significance)), high / 16)
    state = tile.program(LAYOUT, weight, scale, CHIPS, [condition], True)
    shape = tile.noise_shape(LAYOUT, 1, True)
    noise = None if shape is None else torch.stack([c.child("noise").normal((16, *shape)) for c in CHIPS])
    y = tile.multiply(LAYOUT, state, x.expand(len(CHIPS), -1, -1), True, noise)
    return y.double(), (x.double() @ weight.double().T).expand(len(CHIPS), -1, -1)


def test_every_memory_and_every_principle_has_a_preset() -> None:
    assert (tuple(CELLS), tuple(PRESETS)) == (memories(), principles())
    assert len(EXCLUDED) == 22
    for memory, name in CELLS.items():
        assert load_cell(name).memory == memory
    for principle, name in PRESETS.items():
        assert type(load_principle(name)).__name__ == principle


@pytest.mark.parametrize(("principle", "memory"), legal_pairs())
def test_a_legal_pair_multiplies(principle: str, memory: str) -> None:
    """Without any effect as integers do, but for rounding; with all of them, after an hour, somewhat worse.

    Parasitic capacitances take a quarter of the signal, and so does the drift of phase-change cells.
    """
    tile = _tile(principle, memory)
    ideal = _without_effects(tile)
    assert (type(ideal.cell), type(ideal.principle)) == (type(tile.cell), type(tile.principle))
    y, true = _product(ideal)
    torch.testing.assert_close(y, true, rtol=0, atol=1e-3)
    whole, _ = _product(tile)
    assert bool(whole.isfinite().all())
    assert 0.01 < float((whole - true).norm() / true.norm()) < 0.3
    assert 0.7 < float((whole * true).sum() / true.square().sum()) < 1.05


@pytest.mark.parametrize(("principle", "memory"), legal_pairs())
def test_a_legal_pair_can_be_calibrated(principle: str, memory: str) -> None:
    """Just after writing: what is lost of the gain comes back, and the mean product is right."""
    y, true = _product(_tile(principle, memory, column_calibration=True), Condition(None))
    assert 0.005 < float((y - true).norm() / true.norm()) < 0.3
    assert float((y * true).sum() / true.square().sum()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("principle", "memory"), EXCLUDED)
def test_an_excluded_pair_is_refused(principle: str, memory: str) -> None:
    with pytest.raises(ValueError, match="cannot be built") as error:
        _tile(principle, memory)
    reason = excluded(principle, memory)
    assert str(error.value) == (f"{principle} cannot be built of {memory}: {reason}; take another cell or principle")
    # Nor of a cell around such a cell; but of any that does not say what it is.
    with pytest.raises(ValueError, match="cannot be built"):
        _tile(principle, memory, cell=Faulty(Levels(load_cell(CELLS[memory]), 4), 0.01, 0.01))
    cell = load_cell(CELLS[memory])
    nameless = _tile(principle, memory, cell=Ideal(*cell.range, 0.0, 0.0, 0.0))
    assert type(nameless.principle).__name__ == principle


def test_the_reason_is_told_before_anything_else_is_wrong_with_the_principle() -> None:
    """A principle that is also too slow for the phases: what cannot be mended comes first."""
    with pytest.raises(ValueError, match=r"^ChargeRedistribution cannot be built of RRAM: a resistive cell leaks"):
        _tile("ChargeRedistribution", "RRAM", inputs=BitSerial(4, 1e-15))


class _Mine(ChargeRedistribution):
    """A principle of one's own."""


class _Memristor(Ideal):
    """A memory of one's own."""

    @property
    def memory(self) -> str:
        return "memristor"


def test_what_the_table_does_not_know_may_be_built() -> None:
    tile, mine = _tile("CurrentDomain", "RRAM"), _Mine(1e-15, 0.9)
    assert replace(tile, principle=mine).principle is mine
    cell = _Memristor(0.0, 1e-5, 0.0, 0.0, 0.0)
    assert _tile("ChargeRedistribution", "RRAM", cell=cell).cell is cell


@pytest.mark.parametrize(
    "name",
    Loader(ROOMS).presets(AbstractCell),
)
def test_a_preset_is_of_the_memory_that_it_is_called_after(name: str) -> None:
    """Also if it is a cell around another."""
    (expected,) = (memory for memory, preset in CELLS.items() if preset.split("-")[0] == name.split("-")[0])
    assert load_cell(name).memory == expected


def test_a_pair_that_is_refused_is_no_effect_of_another() -> None:
    """Taking effects away leaves memory and principle as they are, so that no tile on the way is refused."""
    for principle, memory in legal_pairs():
        tile = _tile(principle, memory)
        for name, less in tile.effects.items():
            assert isinstance(less, AnalogTile)
            assert less.cell.memory == memory, name
            assert isinstance(less.principle, AbstractPrinciple)
            assert type(less.principle).__name__ == principle


# Numbers that a principle has in common with its tile ----------------------------------------------------------------

FILE = """
schema = 1
type = "AnalogTile"
rows = 64
cols = 8
cell = "rram"
converter = "sar-8b"
read_voltage = "0.2 V"
supply = "0.9 V"
line_capacitance = 0.0
dac = { capacitance = 0.0 }
weights = { type = "Differential", bits = 4 }
inputs = { type = "BitParallel", bits = 4, hold = "10 ns" }
pre = { bias_power = 0.0, settling = "5 ns", area = 0.0 }
post = { logic = "logic-28nm", accumulator_bits = 20, factor_bits = 8 }
"""


def test_a_file_that_agrees_is_loaded(tmp_path: Path) -> None:
    """The preset's 40 uS, 0.2 V and 10 ns are those of the tile."""
    file = tmp_path / "tile.toml"
    file.write_text(FILE + 'principle = "current-domain"\n')
    tile = load_tile(str(file))
    assert tile.contradictions == ()
    assert isinstance(tile, AnalogTile)
    near = replace(tile, read_voltage=0.2 * 1.009)
    assert near.contradictions == ()
    assert replace(tile, principle=None).contradictions == load_tile("dimc").contradictions == ()
    assert replace(tile, principle=load_principle("charge-domain")).contradictions == ()


@pytest.mark.parametrize("principle", ["current-domain", "resistive-division"])
def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, principle: str) -> None:
    """With all its contradictions; and what is put together in Python says them when asked."""
    file = tmp_path / "tile.toml"
    file.write_text(
        FILE.replace('"rram"', '"pcm"').replace('"0.2 V"', '"0.3 V"').replace("10 ns", "20 ns")
        + f'principle = "{principle}"\n'
    )
    with pytest.raises(SpecError) as error:
        load_tile(str(file))
    name = {"current-domain": "CurrentDomain", "resistive-division": "ResistiveDivision"}[principle]
    assert error.value.problems == (
        f"g_max of {name} and the cell's highest conductance must be the same, not 4e-05 and 2.5e-05 S; "
        "change one of them",
        f"read_voltage of {name} and read_voltage of the tile must be the same, not 0.2 and 0.3 V; change one of them",
        f"pulse of {name} and a phase of the inputs must be the same, not 1e-08 and 2e-08 s; change one of them",
    )
    file.write_text(FILE + f'principle = "{principle}"\n')
    tile = load_tile(str(file))
    assert isinstance(tile, AnalogTile)
    other = replace(tile, cell=load_cell("pcm"), read_voltage=0.3, inputs=replace(tile.inputs, hold=20e-9))
    assert other.contradictions == error.value.problems


def test_a_chip_of_capacitors_at_another_voltage_is_refused(tmp_path: Path) -> None:
    text = find("tile-capacitive").read_text()
    tile, chip = tmp_path / "tile.toml", tmp_path / "chip.toml"
    tile.write_text(text.replace('read_voltage = "0.9 V"', 'read_voltage = "0.8 V"'))
    chip.write_text(find_chip("tile2-rram").read_text().replace('tile = "tile2"', 'tile = "./tile.toml"'))
    with pytest.raises(SpecError, match="read_voltage of ChargeRedistribution and read_voltage of the tile"):
        Chip.load(chip)
    tile.write_text(text)
    assert Chip.load(chip).tile == load_tile("tile-capacitive")


def find(name: str) -> Path:
    return Loader(TILE_ROOMS).find(AbstractTile, name)


def find_chip(name: str) -> Path:
    return find("tile1").parents[1] / "chips" / f"{name}.toml"
