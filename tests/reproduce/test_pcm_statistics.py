"""pcm-statistics: mean and spread of the phase-change cell at every level and time of the published table."""

from typing import Any


def test_every_row_is_predicted(rows: Any) -> None:
    table = rows("pcm-statistics")
    assert len({r.quantity for r in table.values()}) == 5 * 6 * 2
    assert {r.mark for r in table.values()} == {"prediction"}
    assert max(r.tolerance for r in table.values()) <= 0.02
    assert [q for q, r in table.items() if not r.within] == []


def test_what_the_rows_are_called(rows: Any) -> None:
    row = rows("pcm-statistics")["sigma of g, 25 uS, 1 year"]
    assert (row.unit, row.published, row.source) == ("uS", 1.654, "[aihwkit2021]")
