"""Quoted figures of macros and chips beside ours, and what is known to miss."""

import math

from mho.chip import Chip
from mho.reproduce import RESULTS
from mho.tiles import DigitalTile, load_tile


def test_rows() -> None:
    rows = {(r.quantity, r.unit): r for r in RESULTS["chips"].compute()}
    assert all(math.isfinite(r.ours) and r.ours > 0 for r in rows.values())
    assert rows["22 nm digital macro, 0.72 V", "TOPS/W"].within
    assert rows["5 nm digital macro, 0.9 V", "TOPS/mm2"].within
    assert (
        rows["RRAM macro, from its published energy", "GOPS/W"].ratio == 1
        or abs(rows["RRAM macro, from its published energy", "GOPS/W"].ratio - 1) < 1e-3
    )
    # Told as misses: a product whose circuits are not published does better here than its maker says.
    assert rows["flash processor, 76 tiles", "TOPS/W"].ratio > 2


def test_architecture() -> None:
    """What the publications state of size: 64 kb in 22 nm, 32 conversions a bit and 50 ns, 80 million weights."""
    macro = load_tile("tsmc-dimc-22")
    assert isinstance(macro, DigitalTile)
    assert macro.rows * macro.cols * macro.weight_bits == 64 * 1024
    chip = Chip.load("mythic-m1076")
    rows, columns = chip.tile.shape
    assert abs(chip.tiles * rows * columns / 80e6 - 1) < 0.01
