"""Everything cited is in the bibliography, and everything in the bibliography is cited."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import mho.core
from mho.chip import Chip
from mho.core import bibliography, cite, cited_keys, entry_fields
from mho.devices import load_cell

SOURCE = Path(mho.core.__file__).parent.parent
KEY = re.compile(r"\[([a-z]+(?:19|20)\d\d[a-z]?|wikichip\d+)\]")


def _keys_in(pattern: str, expression: re.Pattern[str]) -> set[str]:
    return {k for p in SOURCE.rglob(pattern) for k in expression.findall(p.read_text(encoding="utf-8"))}


def _cited() -> dict[str, set[str]]:
    keys = {"docstrings": _keys_in("*.py", KEY), "data": _keys_in("*.toml", re.compile(r'(?m)^key = "(.*)"$'))}
    return keys | {"data, in words": _keys_in("*.toml", KEY)}


def test_every_cited_key_exists() -> None:
    assert {where: keys - bibliography().keys() for where, keys in _cited().items()} == {k: set() for k in _cited()}


def test_every_entry_is_cited() -> None:
    assert bibliography().keys() - set().union(*_cited().values()) == set()


@pytest.mark.parametrize("key", sorted(bibliography()))
def test_every_entry_can_be_found(key: str) -> None:
    fields = entry_fields(key)
    assert {"title", "year"} <= fields.keys()
    assert fields.keys() & {"author", "organization"}
    assert fields.keys() & {"doi", "url", "eprint", "journal", "booktitle"}
    assert bibliography()[key].count("{") == bibliography()[key].count("}")


def test_no_key_twice() -> None:
    text = (SOURCE / "data" / "references.bib").read_text(encoding="utf-8")
    assert len(re.findall(r"(?m)^@", text)) == len(bibliography())


def test_cite_prints_what_a_part_rests_on() -> None:
    cell = load_cell("rram")
    assert cited_keys(cell) == ["aihwkit2021", "cimloop2024", "nvmexplorer2022", "wan2022"]
    assert cite(cell) == "\n\n".join(bibliography()[k] for k in cited_keys(cell)) + "\n"
    assert cited_keys(replace(cell, sources=())) == []
    assert set(cited_keys(cell)) < set(cited_keys(cell, Chip.load("hermes")))
