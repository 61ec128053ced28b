"""Chips: presets load, round trips, and what a wrong file is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import mho.chip
from mho.arrays import AbstractPrinciple, CurrentDomain, Wires, load_principle
from mho.chip import Chip
from mho.converters import load_converter
from mho.core import FileError, SpecError, dump_spec
from mho.digital import load_network_on_chip, load_technology
from mho.tiles import AnalogTile, DigitalTile, load_tile

PRESETS = Chip.presets()
DATA = Path(mho.chip.__file__).parents[1] / "data"


FLASH = {"hexa01": 32, "membrain": 50, "mythic-m1076": 76, "wtm2101": 2}
OTHERS = {"corsair": 8, "ndp120": 16, "neurram": 48}


def test_presets() -> None:
    assert PRESETS == [
        "corsair", "dimc-sram", "hermes", "hermes-4phase", "hexa01", "houmo-h30", "membrain", "mythic-m1076",
        "ndp120", "neurram", "tile2-rram", "wtm2101",
    ]  # fmt: skip
    for name in PRESETS:
        chip = Chip.load(name)
        assert chip.name == name
        assert chip.tiles == (FLASH | OTHERS).get(name, 64)
        large = (1024, 1024) if name in FLASH else (256, 256)
        assert chip.tile.shape == ((128, 256) if name == "neurram" else large)


def test_hermes_is_the_published_chip() -> None:
    one, four = Chip.load("hermes"), Chip.load("hermes-4phase")
    assert isinstance(one.tile, AnalogTile)
    assert isinstance(four.tile, AnalogTile)
    assert (one.tile.supply, one.digital.clock) == (0.8, 1e9)
    assert one.tile.inputs.pulse_time == pytest.approx(128e-9)
    assert one.compensation == four.compensation == "global"
    assert one.digital == four.digital
    assert replace(four.tile, weights=one.tile.weights, inputs=one.tile.inputs, columns_per_converter=1) == one.tile
    assert isinstance(Chip.load("dimc-sram").tile, DigitalTile)


@pytest.mark.parametrize("name", PRESETS)
def test_round_trip(name: str) -> None:
    chip = Chip.load(name)
    again = Chip.from_dict(json.loads(json.dumps(dump_spec(chip))))
    assert again == chip
    assert again.fingerprint() == chip.fingerprint()
    assert replace(chip, tiles=65).fingerprint() != chip.fingerprint()


@pytest.mark.parametrize("principle", [load_principle("charge-domain"), CurrentDomain(40e-6, 0.2)], ids=repr)
def test_round_trip_of_a_tile_with_a_principle(principle: AbstractPrinciple) -> None:
    """Also with an on/off ratio that is infinite."""
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    chip = replace(Chip.load("hermes"), tile=replace(tile, principle=principle, wires=Wires(0.35, 0.35)))
    again = Chip.from_dict(json.loads(json.dumps(dump_spec(chip))))
    assert again == chip
    assert again.fingerprint() == chip.fingerprint()
    assert replace(chip, tile=tile).fingerprint() != chip.fingerprint()


def test_fingerprints_differ() -> None:
    assert len({Chip.load(name).fingerprint() for name in PRESETS}) == len(PRESETS)


FILE = """\
schema = 1
name = "mine"
title = "a chip of mine"
tiles = 4
tile = "tile2"
compensation = "column"

[digital]
logic = "logic-28nm"
lanes = 16
clock = "500 MHz"
registers = 0
buffer_bits = 1024
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    chip = Chip.load(path)
    assert chip == Chip.load(str(path))
    assert (chip.tiles, chip.compensation, chip.digital.clock) == (4, "column", 5e8)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("tiles = 4", "tiles = 0", "the file: a chip has at least one tile, not 0"),
        ("tiles = 4", "tiles = 4.5", "line 4, tiles: must be a valid integer, not 4.5"),
        ("tiles = 4", "tile_count = 4", "line 4, tile_count: Chip has no such key; did you mean 'tile'? "
         "(allowed: compensation, digital, name, network, sources, tile, tiles, title)"),
        ('"tile2"', '"tile3"',
         "line 5, tile: no preset 'tile3' in tiles; did you mean 'tile2'? "
         "(allowed: dimc, jung2022, liu2020, neurram, nor-flash-40, prime, tile-capacitive, tile-sw-2t2r, tile1, "
         "tile2, tsmc-dimc-22, tsmc-dimc-5, yan2019, yao2020)"),
        ('"column"', '"columns"',
         "line 6, compensation: must be 'none', 'global', 'column' or 'levels', not 'columns'; "
         "did you mean 'column'? (allowed: column, global, levels, none)"),
        ('"logic-28nm"', '"logic-7nm"', "line 9, digital.logic: no preset 'logic-7nm' in technology; "
         "did you mean 'logic-6nm'? (allowed: logic-12nm, logic-130nm, logic-14nm, logic-22nm, logic-28nm, logic-40nm, "
         "logic-5nm, logic-65nm, logic-6nm)"),
        ("lanes = 16", "lanes = 0", "line 8, digital: lanes and clock must be above zero, not 0 and 500000000.0"),
        ('"500 MHz"', '"500 mS"', "line 11, digital.clock: expected a number in Hz such as '1 GHz', not '500 mS'"),
    ],
)  # fmt: skip
def test_a_wrong_file(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(SpecError) as error:
        Chip.load(path)
    assert problem in error.value.problems
    assert str(error.value).startswith(f"{path}: ")


def test_an_unknown_chip() -> None:
    with pytest.raises(FileError) as error:
        Chip.load("herms")
    assert str(error.value) == (
        "no preset 'herms' in chips; did you mean 'hermes'? "
        "(allowed: corsair, dimc-sram, hermes, hermes-4phase, hexa01, houmo-h30, membrain, mythic-m1076, "
        "ndp120, neurram, tile2-rram, wtm2101)"
    )


def test_a_network_between_the_tiles() -> None:
    chip = Chip.load("hermes")
    wired = chip.with_network("h-tree")
    assert wired.name == "hermes, h-tree"
    assert wired == replace(chip, name=wired.name, network=load_network_on_chip("h-tree"))
    assert wired.fingerprint() != chip.fingerprint()
    assert Chip.from_dict(dump_spec(wired)) == wired
    assert chip.with_network(load_network_on_chip("mesh")).name == "hermes, Mesh"
    bare = replace(chip, digital=replace(chip.digital, logic=replace(chip.digital.logic, node=0.0)))
    with pytest.raises(SpecError) as error:
        bare.with_network("mesh")
    assert str(error.value) == (
        "mesh does not fit hermes: digital.logic.node must be given with a network, whose wires are those of the node"
    )


def test_another_converter() -> None:
    chip = Chip.load("tile2-rram")
    other = chip.with_converter("memristive-5b")
    assert other.name == "tile2-rram, memristive-5b"
    assert other.tile == replace(chip.tile, converter=load_converter("memristive-5b"))
    assert other.fingerprint() != chip.fingerprint()
    assert chip.with_converter(load_converter("sar-5b")).name == "tile2-rram, Sar"
    with pytest.raises(SpecError) as error:
        Chip.load("dimc-sram").with_converter("sar-5b")
    assert str(error.value) == (
        "the tiles of dimc-sram have no analog-to-digital converter to replace; take an analog chip"
    )


def test_a_converter_carried_to_the_node_of_the_chip() -> None:
    """A SAR of 28 nm in a chip of 14 nm: as the table of technologies carries it; one without a node stays."""
    hermes, sar = Chip.load("hermes"), load_converter("sar-5b")
    assert isinstance(hermes.tile, AnalogTile)
    gates = hermes.tile.gates
    found = hermes.with_converter("sar-5b", carry=True)
    assert isinstance(found.tile, AnalogTile)
    to = load_technology().scaling(28e-9, gates.node, gates.supply, 0.9)
    assert found.tile.converter == sar.scaled(to)
    assert found.name == "hermes, sar-5b at 14 nm"
    assert found.tile.converter.node == 14e-9
    assert found.tile.converter.costs(256)["part"].area < sar.costs(256)["part"].area
    assert hermes.with_converter("memristive-5b", carry=True) == hermes.with_converter("memristive-5b")
    logic = replace(gates, node=0.0)
    nowhere = replace(hermes, tile=replace(hermes.tile, post=replace(hermes.tile.post, logic=logic)))
    with pytest.raises(SpecError) as error:
        nowhere.with_converter("sar-5b", carry=True)
    assert str(error.value) == "hermes does not say its node, to which sar-5b is to be carried; leave carry out"


def test_another_node_with_a_converter_of_its_own_node() -> None:
    """To 7 nm from 28 nm, not from the 14 nm of the chip: no difference to one that was carried to the chip before."""
    hermes = Chip.load("hermes")
    own, carried = (hermes.with_converter("sar-8b", carry).at_node("7 nm") for carry in (False, True))
    assert isinstance(own.tile, AnalogTile)
    assert isinstance(carried.tile, AnalogTile)
    own_costs, carried_costs = (tile.converter.costs(256) for tile in (own.tile, carried.tile))
    assert own_costs == carried_costs


def test_pulses_that_another_node_makes_too_short() -> None:
    """References of a slower node take longer than the pulses, which stay: such a chip is refused."""
    chip = Chip.load("tile2-rram").with_converter("sense-current-2b")
    with pytest.raises(
        SpecError, match=r"^tile2-rram, sense-current-2b, 65 nm, 1 V: a converter that reads while the cu"
    ):
        chip.at_node("65 nm")
    chip.at_node("14 nm")


def test_a_kind_with_other_bits_in_a_file(tmp_path: Path) -> None:
    """A chip file names a kind with any bits, as `--adc` does."""
    text = (DATA / "tiles" / "tile2.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace('converter = "sar-8b"', 'converter = "ramp-5b"'), encoding="utf-8")
    tile = load_tile(str(file))
    assert isinstance(tile, AnalogTile)
    assert tile.converter == load_converter("ramp-5b")
    file.write_text(text.replace('converter = "sar-8b"', 'converter = "ramp-15b"'), encoding="utf-8")
    with pytest.raises(SpecError, match=r"converter: ramp-15b: Ramp converters have 1 to 12 bits, not 15; take other"):
        load_tile(str(file))
