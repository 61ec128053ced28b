"""A chip as a macro, and what published silicon says of it."""

from dataclasses import replace
from typing import Any

import pytest

from mho import Chip
from mho.cost import macro_of, second_opinion
from mho.tiles import AnalogTile, load_tile


def _at(chip: Chip, node: float) -> Chip:
    tile: Any = chip.tile
    if isinstance(tile, AnalogTile):
        return replace(chip, tile=replace(tile, post=replace(tile.post, logic=replace(tile.post.logic, node=node))))
    return replace(chip, tile=replace(tile, logic=replace(tile.logic, node=node)))


@pytest.mark.parametrize(
    ("name", "node", "principle"),
    [("hermes", 14e-9, "current"), ("tile2-rram", 28e-9, "current"), ("dimc-sram", 28e-9, "digital")],
)
def test_operations_are_those_of_a_product(name: str, node: float, principle: str) -> None:
    chip = _at(Chip.load(name), node)
    macro = macro_of(chip)
    assert macro is not None
    assert macro.principle == principle
    rows, columns = chip.tile.shape
    # All phases of a product are as many 1-bit operations as its weights and inputs have bits.
    tile: Any = chip.tile
    phases = len(tile.inputs.significance(True)) if isinstance(tile, AnalogTile) else tile.inputs.bits
    weight = tile.weights.resolution if isinstance(tile, AnalogTile) else tile.weight_bits
    product = 2 * rows * columns * weight * tile.inputs.resolution
    assert float(macro.operations) * phases == pytest.approx(product, rel=0.3)  # signs take phases as well


def test_principles_of_sram() -> None:
    chip = replace(Chip.load("tile2-rram"), tile=load_tile("tile-capacitive"))
    macro = macro_of(_at(chip, 28e-9))
    assert macro is not None
    assert macro.principle in ("charge", "discharge")


def test_opinion_of_a_digital_chip() -> None:
    """Our digital tile lies where such silicon lies."""
    from mho.cost import rate

    chip = _at(Chip.load("dimc-sram"), 28e-9)
    opinion = second_opinion(chip)
    assert opinion is not None
    low, high = opinion.energy_range
    assert low < opinion.tops_per_watt < high
    assert low < rate(chip).tops_per_watt < high
    assert second_opinion(_at(chip, 0.0)) is None
