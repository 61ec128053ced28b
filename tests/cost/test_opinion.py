"""A chip as a macro, and what published silicon says of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mho import Chip
from mho.cost import PRINCIPLES, error_bar, load_law, macro_of, rate, second_opinion
from mho.tiles import AnalogTile, load_tile


def _at(chip: Chip, node: float) -> Chip:
    tile: Any = chip.tile
    if isinstance(tile, AnalogTile):
        return replace(chip, tile=replace(tile, post=replace(tile.post, logic=replace(tile.post.logic, node=node))))
    return replace(chip, tile=replace(tile, logic=replace(tile.logic, node=node)))


@pytest.mark.parametrize("name", ["hermes", "hermes-4phase", "tile2-rram", "dimc-sram", "mythic-m1076"])
def test_operations_are_those_of_a_product(name: str) -> None:
    """All turns and phases are as many 1-bit operations as weights and inputs have bits, those for signs included."""
    chip = Chip.load(name)
    macro = macro_of(chip)
    assert macro is not None
    assert macro.principle == ("digital" if name == "dimc-sram" else "current")
    rows, columns = chip.tile.shape
    tile: Any = chip.tile
    analog = isinstance(tile, AnalogTile)
    phases = len(tile.inputs.significance(True)) if analog else tile.inputs.bits
    turns = tile.columns_per_converter if analog else 1
    weight = tile.weights.resolution if analog else tile.weight_bits
    bits = phases * (max(1, tile.inputs.bits_per_phase) if analog else 1)
    assert float(macro.operations) * phases * turns == pytest.approx(2 * rows * columns * weight * bits)
    latency = sum(c.latency for c in tile.mvm_cost(rows, columns, True).values())
    assert float(macro.cycle or 0) * phases * turns == pytest.approx(latency)
    assert float(macro.bits) == pytest.approx(chip.tiles * rows * columns * weight)


def test_signs_are_no_operations() -> None:
    """The law's energy of a whole product over the operations that the product is worth."""
    chip = Chip.load("hermes-4phase")
    macro, opinion = macro_of(chip), second_opinion(chip)
    assert macro is not None
    assert opinion is not None
    law = load_law("current")
    tile: Any = chip.tile
    phases = len(tile.inputs.significance(True))
    product = float(law.energy_per_operation(macro)) * float(macro.operations) * phases * tile.columns_per_converter
    operations = 2 * tile.shape[0] * tile.shape[1]
    assert opinion.tops_per_watt == pytest.approx(1e-12 * operations / product)


def test_beyond_all_published_chips() -> None:
    opinion = second_opinion(Chip.load("mythic-m1076"))
    assert opinion is not None
    assert "rows" in opinion.beyond
    inside = second_opinion(Chip.load("hermes"))
    assert inside is not None
    assert inside.beyond == ()


def test_principles_of_sram() -> None:
    macro = macro_of(replace(Chip.load("tile2-rram"), tile=load_tile("tile-capacitive")))
    assert macro is not None
    assert macro.principle == "charge"


def test_opinion_of_a_digital_chip() -> None:
    """Our digital tile lies where such silicon lies."""
    chip = _at(Chip.load("dimc-sram"), 28e-9)
    opinion = second_opinion(chip)
    assert opinion is not None
    low, high = opinion.energy_range
    assert low < opinion.tops_per_watt < high
    assert low < rate(chip).tops_per_watt < high
    assert second_opinion(_at(chip, 0.0)) is None


@pytest.mark.parametrize("name", Chip.presets())
def test_error_bars_of_peak_figures(name: str) -> None:
    """As wide as the law's own: a high energy is a low efficiency."""
    chip = Chip.load(name)
    bar, opinion, r = error_bar(chip), second_opinion(chip), rate(chip)
    assert bar is not None
    assert opinion is not None
    assert r.tops_per_watt_range is not None
    assert r.tops_per_mm2_range is not None
    assert bar.energy == load_law(opinion.principle).energy_range
    for ours, figure, its, value in (
        (r.tops_per_watt_range, r.tops_per_watt, opinion.energy_range, opinion.tops_per_watt),
        (r.tops_per_mm2_range, r.tops_per_mm2, opinion.density_range, opinion.tops_per_mm2),
    ):
        assert [v / figure for v in ours] == pytest.approx([v / value for v in its])
        assert ours[0] < figure < ours[1]


def test_an_error_bar_needs_no_node() -> None:
    assert error_bar(_at(Chip.load("dimc-sram"), 0.0)) == error_bar(Chip.load("dimc-sram"))
    charge = error_bar(replace(Chip.load("tile2-rram"), tile=load_tile("tile-capacitive")))
    assert charge is not None
    assert charge.principle == "charge"


def test_the_page_has_the_error_bars_of_the_laws() -> None:
    text = (Path(__file__).parents[2] / "docs" / "concepts" / "cost.md").read_text(encoding="utf-8")
    for principle in PRINCIPLES:
        low, high = load_law(principle).energy_range
        assert f"{low:.2f} to {high:.2f}" in text, principle


def test_static_cells_without_a_principle_draw_current_while_they_are_read() -> None:
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    chip = replace(Chip.load("tile2-rram"), tile=tile)
    plain = replace(chip, tile=replace(tile, principle=None))
    bars = [error_bar(c) for c in (chip, plain)]
    assert [b.principle for b in bars if b is not None] == ["charge", "static"]
