"""What the technology table is compared with."""

from collections.abc import Sequence

import pytest

from mho.digital import load_technology
from mho.reproduce import Row, reproduce


@pytest.fixture(scope="module")
def rows() -> Sequence[Row]:
    return reproduce("scaling")


def _of(rows: Sequence[Row], start: str) -> list[Row]:
    found = [r for r in rows if r.quantity.startswith(start)]
    assert found
    return found


@pytest.mark.parametrize("start", [
    "6T SRAM", "bits per area", "density of gates", "energy of gates", "8-bit", "32-bit add", "32-bit mult",
    "128 bits", "a bit of 64 KB of eDRAM", "area of 64 KB of eDRAM", "energy, ", "speed, 22 nm",
])  # fmt: skip
def test_what_agrees(rows: Sequence[Row], start: str) -> None:
    assert all(row.within for row in _of(rows, start))


def test_resistive_cells_of_22_nm_against_static_ones_of_the_newest(rows: Sequence[Row]) -> None:
    """That of 53 F2 is as large as a 6T cell of 3 or 5 nm, a foundry's of 100 F2 2.3 times that, half of one of 22."""
    (row,) = _of(rows, "SRAM cell of 3 nm")
    table, cell = load_technology(), 0.0486e-12
    assert row.ours == pytest.approx(0.021 / 0.0486)
    assert [table.sram_cell_area(node) for node in (5e-9, 3e-9)] == pytest.approx([row.ours * cell] * 2)
    assert 0.5 < cell / table.sram_cell_area(22e-9) < 0.55


def test_analog_tiles_follow_the_node_slowly(rows: Sequence[Row]) -> None:
    """A quarter of a point above the published 1.2 x in area and 1.1 x in power, and well below gates."""
    for start, most in (("area of Tile", 1.25), ("energy of a product of Tile", 1.12)):
        assert all(1 < row.ours < most for row in _of(rows, start))


def test_what_misses_stays_known(rows: Sequence[Row]) -> None:
    """Digital tiles gain more than published, large memories take less than caches do, Aladdin's arithmetic more."""
    assert {r.quantity for r in rows if not r.within and r.mark == "prediction"} == {
        "density of DIMC, per node beyond 22 nm", "energy of a product of DIMC, per node beyond 22 nm",
        "energy of a 32-bit adder", "energy of a 32-bit multiplier", "area of a 32-bit multiplier",
        "energy of a flip-flop", "speed, 65 nm, 1.2 over 0.85 V",
        "area of 64 KB, 32 nm", "area of 64 KB, 22 nm", "area of 64 KB, 16 nm",
        "area of 64 KB, 7 nm", "64 bits of 32 KB", "64 bits of 1024 KB", "a bit of 64 KB, 32 nm",
        "SRAM cell of 3 nm over the 22 nm RRAM cell of a foundry",
    }  # fmt: skip
