"""hermes-chip: both operating points come out of the parts; two rows are known to miss."""

from typing import Any

import pytest

MISSES = {"weight error, one device per sign", "MVM error sigma, as written"}


@pytest.mark.parametrize(
    ("quantity", "published"),
    [
        ("time of a product, 1 phase", 133), ("time of a product, 4 phases", 521),
        ("throughput, 1 phase (from the time)", 63.1), ("throughput, 4 phases (from the time)", 16.1),
        ("chip efficiency, 4 phases", 2.48), ("core efficiency", 10.5),
        ("power, 4 phases (from the two)", 6.49),
    ],
)  # fmt: skip
def test_operating_points_are_predicted_within_ten_percent(rows: Any, quantity: str, published: float) -> None:
    row = rows("hermes-chip")[quantity]
    assert (row.mark, row.published, row.tolerance) == ("prediction", published, 0.1)
    assert row.within


@pytest.mark.parametrize(
    "quantity", ["chip efficiency, 1 phase", "area efficiency, 1 phase", "ADC gain spread after trim"]
)
def test_what_was_fitted_fits(rows: Any, quantity: str) -> None:
    row = rows("hermes-chip")[quantity]
    assert (row.mark, row.within) == ("fitted", True)
    assert row.comment


def test_the_trim_is_what_lowers_the_gain_spread(rows: Any) -> None:
    table = rows("hermes-chip")
    before, after = table["ADC gain spread before trim"], table["ADC gain spread after trim"]
    assert (before.mark, before.ours) == ("definition", pytest.approx(21))
    assert after.ours == pytest.approx(7.09, rel=0.05)


def test_known_misses(rows: Any) -> None:
    """A change here goes to docs/validation.md."""
    table = rows("hermes-chip")
    assert {r.quantity for r in table.values() if not r.within} == MISSES
    assert table["weight error, one device per sign"].ours == pytest.approx(6.03, rel=0.02)
    assert table["MVM error sigma, as written"].ours == pytest.approx(2.92, rel=0.02)
    assert all(table[q].comment for q in MISSES)
