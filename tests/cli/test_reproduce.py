"""mho reproduce: the list, the table, JSON and Markdown."""

import json
import re
from collections.abc import Callable
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


# Notes below the table ------------------------------------------------------------------------------------------


@pytest.fixture
def shown(cli: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], list[str]]]:
    """Return a function from rows and a width to the lines of the table and those below it."""

    def show(rows: list[Row], width: int) -> tuple[list[str], list[str]]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setitem(RESULTS, "ibm-tiles", replace(RESULTS["ibm-tiles"], compute=lambda: rows))
        code, out, err = cli("reproduce", "ibm-tiles")
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert max(map(len, lines)) <= width
        end = next(i for i, line in enumerate(lines) if line.startswith(" 1  "))
        return lines[:end], lines[end:]

    return show


def _body(table: list[str]) -> list[list[str]]:
    return [[c.strip() for c in line.split("│")[1:-1]] for line in table if line.startswith("│")]


def _row(source: str, comment: str = "", quantity: str = "a") -> Row:
    return Row(quantity, "V", 1.0, 1.0, 0.1, source, "prediction", comment)


def test_notes_are_numbered_as_they_come_and_told_once(shown: Any) -> None:
    """Equal notes share a number; those that differ in the comment alone do not."""
    rows = [_row("[b]"), _row("[a]"), _row("[b]"), _row("[b]", "but"), _row("[a]"), _row("[b]", "but")]
    table, below = shown(rows, 200)
    assert [cells[-1] for cells in _body(table)] == ["1", "2", "1", "3", "2", "3"]
    assert below[:-1] == [" 1  [b]", " 2  [a]", " 3  [b]; but"]
    assert below[-1].startswith("Marks: ")


def test_more_than_nine_notes(shown: Any) -> None:
    table, below = shown([_row(f"source {i}") for i in range(12)], 120)
    assert [cells[-1] for cells in _body(table)] == [str(i + 1) for i in range(12)]
    assert below[:12] == [f"{i + 1:2}  source {i}" for i in range(12)]


def test_the_cells_of_a_row_on_a_wide_terminal(shown: Any) -> None:
    """Square brackets are text, a miss is a `no`, and each row is one line."""
    table, below = shown(ROWS, 200)
    assert _body(table) == [
        ["a time", "ns", "100", "101", "1.010", "yes (± 5 %)", "prediction", "1"],
        ["a [share]", "%", "60-70", "75", "1.154", "no (± 0 %)", "fitted", "2"],
        ["an offset", "V", "0", "0.1", "nan", "no (± 10 %)", "definition", "1"],
    ]
    assert below[:-1] == [" 1  [singh2025]", " 2  [khaddam2022]; on [what]"]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_long_notes_are_wrapped_and_whole(shown: Any, width: int) -> None:
    words = " ".join(f"word{i}" for i in range(60))
    _, below = shown([_row("[b]", words), _row("[a]")], width)
    assert " ".join(" ".join(below).split()).startswith(f"1 [b]; {words} 2 [a] Marks: prediction")


LONG = [
    Row("threshold for a decade of compensated current", "mV", 127.0, 126.9, 0.05, "[a]"),
    Row("points", "% of the largest weight", (4.8, 5.3), 6.033, 0.1, "[b]", "definition"),
]


def _columns(table: list[str]) -> str:
    """Return the quantities, with all lines of a cell together."""
    return " ".join(" ".join(cells[0] for cells in _body(table)).split())


def test_quantities_are_whole_on_a_wide_terminal(shown: Any) -> None:
    assert _columns(shown(LONG, 120)[0]) == f"{LONG[0].quantity} {LONG[1].quantity}"


def test_quantities_are_whole_on_eighty_columns(shown: Any) -> None:
    """A terminal's usual width: words are wrapped, not cut, and numbers stand beside them."""
    table = shown(LONG, 80)[0]
    head = next(i for i, line in enumerate(table) if "quantity" in line)
    width = table[head].index("unit")
    assert " ".join(" ".join(line[:width] for line in table[head + 2 :]).split()) == " ".join(r.quantity for r in LONG)
    assert "…" not in "".join(table)


def test_numbers_are_whole_on_eighty_columns(shown: Any) -> None:
    text = "\n".join(shown(LONG, 80)[0])
    for numbers in ("127 +126.9 +0.999 +yes", "4.8-5.3 +6.033 +1.195 +no"):
        assert re.search(numbers, text)


def test_numbers_are_whole_on_forty_columns(shown: Any) -> None:
    """What a table cannot do without on a narrow terminal is the number."""
    text = "\n".join(shown(LONG, 40)[0])
    for number in ("126.9", "6.033"):
        assert number in text


def test_titles_of_the_list_are_aligned(cli: Any) -> None:
    _, out, _ = cli("reproduce", "--list")
    titles = [result.title for result in RESULTS.values()]
    assert len({line.index(t) for line, t in zip(out.splitlines(), titles, strict=True)}) == 1


def test_json_and_markdown_have_no_notes(cli: Any) -> None:
    """They tell the source with each row."""
    for option in ("--json", "--markdown"):
        _, out, _ = cli("reproduce", "ibm-tiles", option)
        assert "Marks:" not in out
        assert len(re.findall(r"\[singh2025\]", out)) == 2
