"""Citations: the bibliography of the package, and the entries that a part rests on."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ._source import walk_sources

_FILE = Path(__file__).parent.parent / "data" / "references.bib"


@cache
def bibliography() -> dict[str, str]:
    """Return every BibTeX entry of `references.bib` by key."""
    text = _FILE.read_text(encoding="utf-8")
    chunks = re.split(r"(?m)^(?=@)", text)
    return {m[1]: c.strip() for c in chunks if (m := re.match(r"@\w+\{([^,\s]+),", c))}


def entry_fields(key: str) -> dict[str, str]:
    """Return the fields (author, title, year, doi, ...) of one entry."""
    return {k.lower(): v for k, v in re.findall(r"(?m)^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", bibliography()[key])}


def cited_keys(*parts: object) -> list[str]:
    """Return the sorted keys that the sources of some parts name."""
    return sorted({s.source.key for part in parts for s in walk_sources(part) if s.source.key})


def cite(*parts: object) -> str:
    """Return the BibTeX of all that the given parts (a chip, a cell, an ADC, ...) rest on."""
    entries = bibliography()
    return "\n\n".join(entries[k] for k in cited_keys(*parts)) + "\n"
