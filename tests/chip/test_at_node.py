"""Chips at other nodes."""

import pytest

from mho.chip import Chip
from mho.core import SpecError
from mho.cost import rate


@pytest.mark.parametrize("name", Chip.presets())
def test_where_it_is_nothing_changes(name: str) -> None:
    chip = Chip.load(name)
    logic = chip.digital.logic
    same = chip.at_node(logic.node, logic.supply)
    assert (same.tile, same.digital) == (chip.tile, chip.digital)


@pytest.mark.parametrize("name", Chip.presets())
def test_smaller_nodes_are_denser_and_take_less(name: str) -> None:
    chip = Chip.load(name)
    before, after = rate(chip), rate(chip.at_node("5 nm"))
    assert after.tops_per_watt > before.tops_per_watt
    assert after.tops_per_mm2 > before.tops_per_mm2
    assert after.tops >= before.tops * (1 - 1e-6)


def test_node_and_supply() -> None:
    chip = Chip.load("dimc-sram")
    assert chip.at_node("7 nm", "0.6 V") == chip.at_node(7e-9, 0.6)
    assert chip.at_node("7 nm", "0.6 V").name == "dimc-sram, 7 nm, 600 mV"
    low, high = rate(chip.at_node("7 nm", 0.6)), rate(chip.at_node("7 nm"))
    assert low.tops_per_watt > high.tops_per_watt
    assert low.tops < high.tops


@pytest.mark.parametrize(
    ("node", "supply", "message"),
    [
        ("2 nm", None, r"^node: must lie from 3 to 180 nm, where the table ends, not 2 nm$"),
        ("7 V", None, r"^node and supply: expected a number in m such as '14 nm', not '7 V'$"),
        ("7 nm", "0.2 V", r"^supply: must be above the threshold voltage, 0.28 V at this node, not 0.2 V"),
    ],
)
def test_errors(node: str, supply: str | None, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Chip.load("dimc-sram").at_node(node, supply)
