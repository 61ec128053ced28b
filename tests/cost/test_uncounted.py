"""What is left out is said: of each preset, and no longer once a part is there."""

from dataclasses import replace

import pytest

from mho.chip import Chip
from mho.cost import uncounted
from mho.digital import ClockTree, Control
from mho.tiles import AnalogTile, DigitalTile

CONTROL = Control(count=64, gates=1000, activity=0.1, instructions=10, instruction_bits=32, memory_bits=8192)
NEVER = {"pins and external memory", "regulators and references", "reading of calibration"}


@pytest.mark.parametrize("name", Chip.presets())
def test_presets(name: str) -> None:
    chip = Chip.load(name)
    left = set(uncounted(chip))
    assert left >= NEVER | {"clock tree"}
    assert ("control" in left) == ("wires between tiles and digital unit" in left) == (name != "mythic-m1076")
    assert ("leakage of pre-conversion" in left) == isinstance(chip.tile, AnalogTile)
    assert ("leakage of cells" in left) == isinstance(chip.tile, DigitalTile)


def test_a_chip_that_states_everything() -> None:
    chip = Chip.load("hermes").with_network("mesh")
    assert isinstance(chip.tile, AnalogTile)
    pre, converter = replace(chip.tile.pre, leakage=1e-9), replace(chip.tile.converter, leakage=0.0)
    logic = replace(chip.digital.logic, sram_bit_leakage=1e-12)
    full = replace(
        chip,
        tile=replace(chip.tile, pre=pre, converter=converter),
        digital=replace(chip.digital, control=CONTROL, clock_tree=ClockTree(32), logic=logic),
    )
    assert set(uncounted(full)) == NEVER


def test_memory_of_controllers_leaks_as_buffers_do() -> None:
    chip = Chip.load("hermes")
    unit = replace(chip.digital, buffer_bits=0)
    assert "leakage of buffers" not in uncounted(replace(chip, digital=unit))
    assert "leakage of buffers" in uncounted(replace(chip, digital=replace(unit, control=CONTROL)))
