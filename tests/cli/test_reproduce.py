"""mho reproduce: the list, the table, JSON and Markdown."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mho.reproduce import RESULTS, Row

ROWS = [
    Row("a time", "ns", 100.0, 101.0, 0.05, "[singh2025]"),
    Row("a [share]", "%", (60, 70), 75.0, 0.0, "[khaddam2022]", "fitted", "on [what]"),
    Row("an offset", "V", 0.0, 0.1, 0.1, "[singh2025]", "definition"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, result in RESULTS.items():
        monkeypatch.setitem(RESULTS, name, replace(result, compute=lambda: ROWS))


def test_the_list(cli: Any) -> None:
    code, out, err = cli("reproduce", "--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(RESULTS)
    assert all(result.title in out for result in RESULTS.values())
    assert cli("reproduce") == (0, out, "")


@pytest.mark.parametrize("name", RESULTS)
def test_json(cli: Any, name: str) -> None:
    code, out, err = cli("reproduce", name, "--json")
    assert (code, err) == (0, "")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    rows = json.loads(out, parse_constant=refuse)
    assert len(rows) == 3
    for row in rows:
        assert list(row) == [
            "quantity", "unit", "published", "ours", "ratio", "tolerance", "within", "source", "mark", "comment",
        ]  # fmt: skip
    assert rows[1]["published"] == [60, 70]
    assert rows[2]["ratio"] is None


@pytest.mark.parametrize("name", RESULTS)
def test_table(cli: Any, name: str) -> None:
    code, out, err = cli("reproduce", name)
    assert (code, err) == (0, "")
    assert " ".join(out.split()).startswith(RESULTS[name].title)
    assert "Marks: prediction (nothing fitted on it)" in " ".join(out.split())


def test_markdown(cli: Any) -> None:
    code, out, err = cli("reproduce", "ibm-tiles", "--markdown")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2 + len(ROWS)
    assert len({line.count("|") for line in out.splitlines()}) == 1


def test_an_unknown_result(cli: Any) -> None:
    assert cli("reproduce", "hermes") == (
        2, "",
        "mho: no result is called 'hermes'; did you mean 'hermes-chip'? "
        f"(allowed: {', '.join(sorted(RESULTS))})\n",
    )  # fmt: skip
