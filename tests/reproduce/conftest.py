"""Each published result, recomputed once."""

import functools
from collections.abc import Callable

import pytest

from mho.reproduce import Row, reproduce


@functools.cache
def _rows(name: str) -> dict[str, Row]:
    rows = reproduce(name)
    table = {r.quantity: r for r in reversed(rows)} | {f"{r.quantity} ({r.source})": r for r in rows}
    assert len({(r.quantity, r.source) for r in rows}) == len(rows)
    return table


@pytest.fixture(scope="session")
def rows() -> Callable[[str], dict[str, Row]]:
    """Return a function from the name of a result to its rows by quantity, and by quantity with source."""
    return _rows
