"""ir-drop: what the wires take, against scipy's sparse solution of every node, and the closed form line by line."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from mho.eda import ngspice_version
from mho.reproduce import Row, _ir_drop

PUBLISHED = {
    (16, 1.0): (1.4, 0.004),
    (16, 2.5): (3.4, 0.025),
    (64, 1.0): (18.0, 0.60),
    (64, 2.5): (40.0, 2.7),
    (128, 1.0): (56.0, 4.8),
    (128, 2.5): (113.0, 12.0),
}
"""Largest error of the ideal product and of the closed form in %, of our own earlier study."""
JUDGE = "ngspice, operating point"


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("ir-drop").values()}


def _currents(g: np.ndarray, v: np.ndarray, ohm: float) -> np.ndarray:
    """Return the current into each read-out: word lines driven at the left, bit lines at 0 V below the last row."""
    rows, cols = g.shape
    word = np.arange(rows * cols).reshape(rows, cols)
    bit = word + rows * cols
    joined = [
        (word, bit, g),
        (word[:, :-1], word[:, 1:], np.full((rows, cols - 1), 1 / ohm)),
        (bit[:-1], bit[1:], np.full((rows - 1, cols), 1 / ohm)),
    ]
    a, b, siemens = (np.concatenate([j[k].ravel() for j in joined]) for k in range(3))
    ends = np.concatenate([word[:, 0], bit[-1]])
    at = np.concatenate([a, b, a, b, ends])
    to = np.concatenate([a, b, b, a, ends])
    entries = np.concatenate([siemens, siemens, -siemens, -siemens, np.full(rows + cols, 1 / ohm)])
    fed = np.zeros(2 * rows * cols)
    fed[word[:, 0]] = v / ohm
    voltage = splu(coo_array((entries, (at, to))).tocsc()).solve(fed)
    return (g * (voltage[word] - voltage[bit])).sum(0)  # a sum of cell currents: nothing cancels


def _attenuation(g: np.ndarray, ohm: float) -> np.ndarray:
    """Return the voltage of each cell of each row, per volt at its left, if all cells led to ground."""
    out = np.zeros_like(g)
    for cells, volts in zip(g, out, strict=True):
        seen, left = [0.0] * len(cells), 0.0
        for n in reversed(range(len(cells))):  # what a cell and all behind it conduct to ground
            seen[n] = float(cells[n]) + (left / (1 + ohm * left))
            left = seen[n]
        volt = 1.0
        for n in range(len(cells)):
            volt /= 1 + ohm * seen[n]
            volts[n] = volt
    return out


@pytest.mark.parametrize(("size", "ohm"), PUBLISHED)
def test_errors_recomputed(table: dict[str, Row], size: int, ohm: float) -> None:
    """Of the same array, with other methods for the truth and for the closed form."""
    g, v = (t.numpy() for t in _ir_drop.array(size))
    exact = _currents(g, v, ohm)

    def error(y: np.ndarray) -> float:
        return 100 * float(np.abs(y - exact).max() / exact.max())

    closed = g * _attenuation(g, ohm) * _attenuation(g.T[:, ::-1], ohm)[:, ::-1].T
    name = f"{size} x {size}, {ohm:g} ohm"
    ideal_row, closed_row = (table[f"largest error of the {what}, {name}"] for what in ("ideal product", "closed form"))
    assert ideal_row.ours == pytest.approx(error(v @ g), abs=0, rel=1e-6)
    assert closed_row.ours == pytest.approx(error(v @ closed), abs=0, rel=1e-4)


@pytest.mark.parametrize("size", [16, 64])
def test_the_arrays_are_as_told(size: int) -> None:
    """Evenly spread from 1 to 100 uS and from 0 to 0.2 V; five standard deviations of the mean at 16 x 16."""
    g, v = _ir_drop.array(size)
    assert (g.shape, v.shape, g.dtype, v.dtype) == ((size, size), (size,), torch.float64, torch.float64)
    assert 1e-6 <= float(g.min()) < 5e-6
    assert 96e-6 < float(g.max()) <= 100e-6
    assert 0 <= float(v.min()) < float(v.max()) <= 0.2
    assert float(g.mean()) == pytest.approx(50.5e-6, abs=9e-6)
    assert torch.equal(g, _ir_drop.array(size)[0])


def test_published_values(table: dict[str, Row]) -> None:
    for (size, ohm), errors in PUBLISHED.items():
        for what, published in zip(("ideal product", "closed form"), errors, strict=True):
            row = table[f"largest error of the {what}, {size} x {size}, {ohm:g} ohm"]
            assert (row.published, row.unit, row.tolerance) == (published, "%", 0.25)
            assert row.source.startswith("own earlier study")
            assert row.mark == "prediction"
            assert "the study's norm is not told" in row.comment
            assert row.within
    assert sum(q.startswith("largest error of") for q in table) == 2 * len(PUBLISHED)


def test_conjugate_gradients(table: dict[str, Row]) -> None:
    found = {q: r for q, r in table.items() if q.startswith("conjugate gradients")}
    assert len(found) == 4
    assert all(r.published == (0, 1e-7) and r.tolerance == 0 and r.within for r in found.values())


def test_converted_targets(table: dict[str, Row]) -> None:
    """The errors that the ratio is of are told; they are those of the tables of docs/concepts/wires.md."""
    row = table["error with converted targets over that without, 8 exact devices a side"]
    converted, bare = (float(n) for n in re.findall(r"\d+\.\d+", row.comment))
    assert (converted, bare) == (pytest.approx(1.50, abs=0.011), pytest.approx(22.32, abs=0.011))
    assert row.ours == pytest.approx(converted / bare, abs=0, rel=0.005)
    assert row.published == (0.0, 1.0)
    assert row.source.startswith("[hu2016]")
    full = table["the same, over that with ideal wires"]
    assert (full.published, full.tolerance) == (1.0, 0.05)
    assert row.within
    assert full.within


@pytest.mark.skipif(ngspice_version() is None, reason="ngspice is not installed (apt-get install ngspice)")
def test_against_spice(table: dict[str, Row]) -> None:
    judged = {q: r for q, r in table.items() if r.source == JUDGE}
    assert len(judged) == 4
    assert all(r.within and r.tolerance == 0 for r in judged.values())
    assert max(r.ours for q, r in judged.items() if q.startswith("linear")) < 1e-12
    assert [r.published for q, r in judged.items() if q.startswith("linear")] == [(0.0, 1e-9)] * 2
    assert [r.published for q, r in judged.items() if not q.startswith("linear")] == [(0.0, 1e-6)] * 2


def test_without_spice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows against it are left out; the others stay."""
    monkeypatch.setattr(_ir_drop, "ngspice_version", lambda: None)
    monkeypatch.setattr(_ir_drop, "_ERRORS", {(16, 1.0): (1.4, 0.004)})
    monkeypatch.setattr(_ir_drop, "_conversion", list)
    found = _ir_drop.RESULT.compute()
    assert len(found) == 3
    assert all(r.source != JUDGE for r in found)


def test_nothing_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == set()


def test_the_page(table: dict[str, Row]) -> None:
    """What it prints is what comes out; differences that are rounding only are not compared."""
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- ir-drop -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    judged = {q for q, c in printed.items() if c[2] == JUDGE}
    assert set(printed) - judged == {q for q, r in table.items() if r.source != JUDGE}
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[:4], here[6:]) == (there[:4], there[6:])
        if row.published not in ((0, 1e-7), (0, 1e-9), (0, 1e-6)):
            assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
