"""What keeps a chip from computing exactly: named, classed, and switched off one by one or all together."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from mho import Chip, Condition, SpecError, capture, compile, nonidealities, quantize, run
from mho.arrays import ROOMS as ARRAYS
from mho.arrays import AbstractPrinciple, Sinh, Wires, load_principle
from mho.chip import Nonideality
from mho.chip._nonidealities import _CATALOGUE
from mho.converters import ROOMS as CONVERTERS
from mho.converters import AbstractConverter, load_converter
from mho.core import Loader, Seed
from mho.devices import ROOMS as DEVICES
from mho.devices import AbstractCell, RramRelaxation, Sram, load_cell
from mho.ir import Program
from mho.tiles import AnalogTile, BitParallel, Differential, load_tile

PRESETS = Chip.presets()
HERMES = [
    "programming error", "drift", "read noise", "IR drop", "converter gain", "converter offset", "converter noise",
]  # fmt: skip
DEVICE = {
    "programming error", "drift", "relaxation", "read noise", "retention", "device variation", "stuck cells",
    "temperature", "finite on/off ratio", "junction spread", "endurance", "finite levels", "read disturb",
    "telegraph noise", "I-V non-linearity", "process variation",
}  # fmt: skip
X = Seed(0).child("x").normal((12, 2, 4, 4))


def _tile(chip: Chip) -> AnalogTile:
    assert isinstance(chip.tile, AnalogTile)
    return chip.tile


def _capacitive(mismatch: float = 0.0) -> Chip:
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    converter = replace(load_converter("sar-8b"), mismatch=mismatch)
    return replace(Chip.load("hermes"), name="capacitive", tile=replace(tile, converter=converter))


# Names and classes ----------------------------------------------------------------------------------------------


def test_hermes() -> None:
    found = nonidealities("hermes")
    assert found == nonidealities(Chip.load("hermes"))
    assert [n.name for n in found if n.present] == HERMES
    assert [n.name for n in found if n.present and n.kind == "device"] == HERMES[:3]
    assert [n.name for n in found if n.present and n.kind == "circuit"] == HERMES[3:]


@pytest.mark.parametrize("name", PRESETS)
def test_the_whole_catalogue_is_told_of_every_chip(name: str) -> None:
    chip = Chip.load(name)
    found = nonidealities(chip)
    assert {n.name for n in found} == set(_CATALOGUE)
    assert len(found) == len(_CATALOGUE)
    assert {n.name for n in found if n.present} == set(chip.effects)
    assert {n.name for n in found if n.kind == "device"} == DEVICE
    kinds = [n.kind for n in found]
    assert kinds == sorted(kinds, reverse=True)  # device-induced ones first
    assert all(n.what for n in found)


def test_a_digital_chip_has_none() -> None:
    chip = Chip.load("dimc-sram")
    assert chip.effects == {}
    assert not any(n.present for n in nonidealities(chip))
    assert chip.only() == chip.without() == chip


@pytest.mark.parametrize(
    ("rooms", "base"),
    [(DEVICES, AbstractCell), (ARRAYS, AbstractPrinciple), (CONVERTERS, AbstractConverter)],
    ids=["cells", "principles", "converters"],
)
def test_the_effects_of_every_part_are_in_the_catalogue(rooms: tuple, base: type) -> None:
    loader = Loader(rooms)
    for name in loader.presets(base):
        assert set(loader.load(base, name).effects) <= set(_CATALOGUE), name


class _Unnamed(RramRelaxation):
    """A cell that does not say of which memory it is, so that every principle goes with it."""

    @property
    def memory(self) -> str:
        return ""


def test_the_effects_of_a_tile_with_everything_are_in_the_catalogue() -> None:
    tile = _tile(Chip.load("tile2-rram"))
    tile = replace(tile, cell=_Unnamed(**vars(tile.cell)))
    pre = replace(tile.pre, noise=0.01)
    for principle in ("charge-redistribution", "current-domain", "charge-domain"):
        whole = replace(tile, pre=pre, wires=Wires(1.0, 1.0), principle=load_principle(principle))
        assert set(whole.effects) <= set(_CATALOGUE)
        assert {"IR drop", "read-out noise", "relaxation", "thermal noise", "converter gain"} <= set(whole.effects)


@dataclass(frozen=True)
class _Moody(Sram):
    """A cell of one's own, of which the catalogue does not know."""

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        return {"moods": Sram(self.g_max, self.area, self.write_energy, self.write_time)}


def test_effects_of_ones_own_parts_count_as_those_of_devices() -> None:
    sram = load_cell("sram")
    assert isinstance(sram, Sram)
    chip = Chip.load("hermes")
    moody = _Moody(sram.g_max, sram.area, sram.write_energy, sram.write_time)
    chip = replace(chip, tile=replace(_tile(chip), cell=moody))
    found = nonidealities(chip)
    assert Nonideality("moods", "device", "", True) in found
    assert len(found) == len(_CATALOGUE) + 1
    assert _tile(chip.without("moods")).cell == Sram(sram.g_max, sram.area, sram.write_energy, sram.write_time)


def _with(effect: str) -> Chip:
    """Return a chip of resistive cells with 127 states, wires and inputs of levels, that has one effect more."""
    chip = Chip.load("tile2-rram")
    wires = Wires(0.5, 0.5, ir_drop="closed")
    tile = replace(_tile(chip), cell=load_cell("rram"), weights=Differential(8), wires=wires)
    if effect == "I-V non-linearity":
        return replace(chip, name="bent", tile=replace(tile, current_law=Sinh(0.2)))
    return replace(chip, name="special", tile=replace(tile, cell=load_cell(SPECIAL[effect])))


SPECIAL = {
    "endurance": "rram-worn",
    "finite levels": "rram-16-levels",
    "read disturb": "rram-disturbed",
    "telegraph noise": "rram-telegraph",
}
NEW = [*SPECIAL, "I-V non-linearity"]


@pytest.mark.parametrize("name", NEW)
def test_effects_of_cells_around_cells_and_of_the_law(name: str) -> None:
    """Listed as those of a device, switched off by themselves, and gone then; all else stays."""
    chip = _with(name)
    assert {n.name: n.kind for n in nonidealities(chip) if n.present}[name] == "device"
    assert [n for n in NEW if n in chip.effects] == [name]
    less = chip.without(name)
    assert set(less.effects) == set(chip.effects) - {name}
    assert not next(n for n in nonidealities(less) if n.name == name).present
    assert less.fingerprint() != chip.fingerprint()
    assert set(chip.only(name).effects) == {name}
    assert chip.only().effects == {}
    if name == "I-V non-linearity":
        assert _tile(less) == replace(_tile(chip), current_law=None)
    else:
        assert _tile(less) == replace(_tile(chip), cell=_tile(chip).cell.cell)


def test_a_law_is_no_effect_of_pulses() -> None:
    """Levels only: a pulse has the full read voltage, whatever its width."""
    chip = Chip.load("hermes")
    law = replace(chip, tile=replace(_tile(chip), current_law=Sinh(0.1)))
    assert law.effects.keys() == chip.effects.keys()
    levels = replace(law, tile=replace(_tile(law), inputs=BitParallel(8, hold=128e-9)))
    assert levels.effects.keys() == {*chip.effects, "I-V non-linearity"}
    with pytest.raises(SpecError, match=r"^hermes has no non-ideality 'I-V non-linearity' to switch off; "):
        law.without("I-V non-linearity")


def test_spares_and_sorted_lines_are_no_effects() -> None:
    """They are what is done about some; what is done stays when there is nothing left to do."""
    chip = _with("endurance")
    done = replace(chip, tile=replace(_tile(chip), spare_columns=4, sorted_lines=True))
    assert done.effects.keys() == chip.effects.keys()
    for effect in done.effects:
        less = _tile(done.without(effect))
        assert (less.spare_columns, less.sorted_lines) == (4, True)
        assert replace(less, spare_columns=0, sorted_lines=False) == _tile(chip.without(effect))


# Switching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hermes", "tile2-rram"])
def test_without_one_all_else_stays(name: str) -> None:
    chip = Chip.load(name)
    for effect in chip.effects:
        less = chip.without(effect)
        assert less == replace(chip, tile=chip.tile.effects[effect])
        assert less != chip
        assert less.fingerprint() != chip.fingerprint()
        assert {n for n in chip.effects if n != effect} <= set(less.effects)
        assert less.without(*(n for n in chip.effects if n != effect)) == chip.only()
        assert chip.only(effect) == chip.without(*(n for n in chip.effects if n != effect))


def test_the_order_does_not_matter() -> None:
    chip = Chip.load("hermes")
    several = ["drift", "IR drop", "converter gain"]
    assert len({chip.without(*order).fingerprint() for order in itertools.permutations(several)}) == 1
    assert len({chip.only(*order).fingerprint() for order in itertools.permutations(several)}) == 1
    assert chip.without() == chip.only(*chip.effects) == chip


@pytest.mark.parametrize("name", ["IR drop", "converter gain", "converter noise"])
def test_what_is_switched_off_is_there_no_more(name: str) -> None:
    less = Chip.load("hermes").without(name)
    assert name not in less.effects
    assert not next(n for n in nonidealities(less) if n.name == name).present


@pytest.mark.parametrize(
    ("chip", "name"), [("hermes", "drift"), ("hermes", "read noise"), ("tile2-rram", "relaxation")]
)
def test_what_is_switched_off_in_a_cell_is_there_no_more(chip: str, name: str) -> None:
    less = Chip.load(chip).without(name)
    assert name not in less.effects
    assert not next(n for n in nonidealities(less) if n.name == name).present


def test_mismatch_in_array_and_converter_is_switched_off() -> None:
    chip = _capacitive(mismatch=0.02)
    assert "capacitor mismatch" not in chip.without("capacitor mismatch").effects
    assert chip.only().effects == {}


def test_an_unknown_name() -> None:
    chip = Chip.load("hermes")
    message = (
        "hermes has no non-ideality 'drfit' to switch off; did you mean 'drift'? (allowed: IR drop, converter gain, "
        "converter noise, converter offset, drift, programming error, read noise)"
    )
    for switch in (chip.without, chip.only):
        for names in (("drfit",), ("drift", "drfit")):
            with pytest.raises(SpecError) as error:
                switch(*names)
            assert str(error.value) == message
    with pytest.raises(SpecError, match=r"^tile2-rram has no non-ideality 'drift' to switch off; "):
        Chip.load("tile2-rram").only("drift")
    with pytest.raises(SpecError, match=r"^dimc-sram has no non-ideality 'drift' to switch off; \(allowed: \)$"):
        Chip.load("dimc-sram").without("drift")


# What is left ---------------------------------------------------------------------------------------------------


def _program(chip: Chip) -> Program:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5))
    return compile(quantize(capture(network, X[:1]), chip, X), chip)


TIMES = [Condition(None), Condition(0.0), Condition(86400.0)]


@pytest.mark.parametrize("name", ["hermes", "tile2-rram"])
def test_with_all_switched_off_only_rounding_is_left(name: str) -> None:
    """The same codes as of a chip put together from parts that are ideal by themselves, at any time, on any chip."""
    chip = Chip.load(name)
    program, tile = _program(chip), _tile(chip)
    noise = {"jitter": 0.0} if name == "hermes" else {"comparator_noise": 0.0}
    converter = replace(tile.converter, gain_sigma=0.0, offset_sigma=0.0, **noise)
    ideal = replace(chip, tile=replace(tile, cell=load_cell("sram"), wires=None, converter=converter))
    left, expected = (
        run(replace(program, chip=c), X, instances=2, conditions=TIMES).outputs for c in (chip.only(), ideal)
    )
    for condition, instance in itertools.product(range(3), range(2)):
        assert torch.equal(left[condition, instance], left[0, 0])
    torch.testing.assert_close(left, expected, rtol=1e-5, atol=1e-5)
    whole = run(program, X, instances=2, conditions=TIMES).outputs
    assert not torch.allclose(whole, expected, rtol=1e-2)


def test_each_alone_does_what_its_name_says() -> None:
    """Drift alone is nothing at first and much later; noise differs from chip to chip but not with time; and so on."""
    chip = Chip.load("hermes")
    program = _program(chip)
    conditions = [Condition(None), Condition(86400.0)]

    def outputs(chip: Chip) -> torch.Tensor:
        return run(replace(program, chip=chip), X, instances=2, conditions=conditions).outputs

    ideal = outputs(chip.only())[0, 0]
    for effect in chip.effects:
        written, later = outputs(chip.only(effect))
        in_time, from_chip = not torch.equal(written, later), not torch.equal(later[0], later[1])
        assert in_time == (effect in ("drift", "read noise"))
        assert from_chip == (effect != "IR drop")
        assert torch.equal(written[0], ideal) == in_time


@pytest.mark.parametrize(
    ("name", "in_time", "from_chip"),
    [
        ("endurance", False, True),
        ("finite levels", False, False),
        ("read disturb", True, False),
        ("telegraph noise", True, True),
        ("I-V non-linearity", False, False),
    ],
)
def test_each_new_one_alone_does_what_its_name_says(name: str, in_time: bool, from_chip: bool) -> None:
    """Wear is there from the start and differs by cell; levels and the law are the same on every chip; and so on."""
    chip = _with(name)
    program = _program(chip)
    conditions = [Condition(None), Condition(86400.0)]
    ideal, alone = (
        run(replace(program, chip=c), X, instances=2, conditions=conditions).outputs
        for c in (chip.only(), chip.only(name))
    )
    written, later = alone
    assert not torch.equal(later, ideal[1])
    assert torch.equal(written, ideal[0]) == in_time
    assert torch.equal(written, later) != in_time
    assert torch.equal(later[0], later[1]) != from_chip
