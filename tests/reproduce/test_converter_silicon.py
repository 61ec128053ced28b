"""Converters inside chips, uncalibrated."""

import math
import statistics

from mho.reproduce import reproduce


def test_typical_factor() -> None:
    """Off by less than two in the middle, and by less than four everywhere but for the time-to-digital converter."""
    rows = reproduce("converter-silicon")
    assert all(row.mark == "prediction" for row in rows)
    for kind in ("energy", "area"):
        factors = sorted(math.exp(abs(math.log(r.ratio))) for r in rows if r.quantity.endswith(kind))
        assert statistics.median(factors) < 2
    worst = max(rows, key=lambda r: abs(math.log(r.ratio)))
    assert worst.quantity == "TIMELY: energy"
    assert all(1 / 4 < r.ratio < 4 for r in rows if r is not worst)
