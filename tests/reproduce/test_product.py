"""One product of a full tile: evenly spread integers, blocks that add up, the tile's own costs."""

import pytest

from mho.reproduce._product import product
from mho.tiles import characterise, load_tile


def test_blocks_add_up() -> None:
    p = product(load_tile("tile2"), True)
    assert p.operations == 2 * 256 * 256
    assert p.energy() == pytest.approx(sum(c.energy for c in p.blocks.values()))
    assert p.energy("digital") == pytest.approx(p.energy() - p.blocks["digital"].energy)
    assert p.tops_per_watt("digital") * p.energy("digital") == pytest.approx(p.operations / 1e12)


def test_what_does_not_depend_on_the_data_is_that_of_a_characterised_tile() -> None:
    tile = load_tile("tile2")
    p, report = product(tile, True), characterise(tile, instances=1, vectors=2)
    assert p.blocks["digital"] == report.blocks["digital"]
    assert p.latency == pytest.approx(report.total.latency)


def test_half_of_the_bits_are_on() -> None:
    """Ternary weights: a third of the pairs is +1, a third -1, and half of the rows drive them."""
    tile = load_tile("liu2020")
    cells = product(tile, False).blocks["cells"].energy
    on, off = 16.7e-6, 0.05e-6
    mean = 784 * 100 * (2 / 3 * (on + off) + 1 / 3 * 2 * off)
    assert cells == pytest.approx(0.2**2 * 10e-9 * mean / 2, rel=0.01)
