"""`assumed`: the guesses that a plan or a system rests on."""

from __future__ import annotations

from mho.core import walk_sources


def assumed(*parts: object) -> list[str]:
    """Return the assumed numbers of some parts, each group once: its place, its fields and the reason.

    >>> from mho.systems import load_system
    >>> assumed(load_system("hbm-pim"))
    []
    """
    found = {
        f"{s.path}: {', '.join(s.source.fields)}: {s.source.reason}": None
        for part in parts
        for s in walk_sources(part)
        if s.source.how == "assumed"
    }
    return list(found)
