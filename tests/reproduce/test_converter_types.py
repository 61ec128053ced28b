"""converter-types: each kind keeps the law that it is known by."""

import pytest

from mho.reproduce import reproduce


def test_laws() -> None:
    """All rows but those of cyclic and pipelined converters, whose gain errors make some columns fall."""
    rows = {r.quantity: r for r in reproduce("converter-types")}
    assert len([name for name in rows if "a sine's signal over noise" in name]) == 12
    missed = {name.partition(":")[0] for name, r in rows.items() if not r.within}
    assert missed == {"pipeline-8b", "cyclic-8b"}
    assert rows["super-resolution, 6 bits: error of one converter over that of two"].ours > 1.5
    assert rows["flash, energy of one bit more"].ours > 2
    assert rows["inputs in two digits of widths: time of all pulses"].ours == pytest.approx(32)
    assert 13 < rows["bits above which gates take less energy than a line and a converter, 28 nm"].ours < 14
