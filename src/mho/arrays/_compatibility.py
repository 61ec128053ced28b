"""Which MAC principle can be built of which memory: data, with the reason for each excluded pair."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mho.core import SpecError, nearest

_FILE = Path(__file__).parent.parent / "data" / "compatibility.toml"


@functools.cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def memories() -> tuple[str, ...]:
    """Return the kinds of memory that principles are told of."""
    return tuple(_table()["memories"])


def principles() -> tuple[str, ...]:
    """Return the names of the principles, as classes of `mho.arrays`."""
    return tuple(_table()["principles"])


def excluded(principle: str, memory: str) -> str:
    """Return why a principle cannot be built of a memory; empty where it can.

    Raises:
        SpecError: if there is no such principle or memory.

    >>> excluded("CurrentDomain", "RRAM")
    ''
    """
    for name, known in ((principle, principles()), (memory, memories())):
        if name not in known:
            raise SpecError([f"no principle or memory is called {name!r}; {nearest(name, known)}"])
    return next(
        (e["reason"] for e in _table()["excluded"] if e["memory"] == memory and principle in e["principles"]), ""
    )


def legal_pairs() -> tuple[tuple[str, str], ...]:
    """Return all pairs of principle and memory that can be built."""
    return tuple((p, m) for p in principles() for m in memories() if not excluded(p, m))
