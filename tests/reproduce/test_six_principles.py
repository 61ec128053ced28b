"""six-principles: the laws of the causes, from capacitors, edges and dividers written out one by one."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import constants

from mho.arrays import legal_pairs, memories, principles
from mho.core import Seed
from mho.reproduce import Row
from mho.tiles import AnalogTile, characterise, load_tile

MISMATCH = "charge redistribution: error of capacitors four times as large"
NOISE = "charge redistribution: noise of a line of 256 fF at 300 K"
GAIN = "capacitive division: gain with half as much parasitic as cell capacitance"
JITTER = "delay chain: jitter of four times as many cells"
BARE, CORRECTED = (f"resistive division: error {w} the column's own total conductance" for w in ("without", "with"))
ROWS_AT_ONCE, ENERGY = (
    "SRAM, rows read at once: error of 512 over that of 32",
    "the same: energy of an operation",
)
PAIRS = "legal pairs of principle and memory that run the test product"


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("six-principles").values()}


def _bits() -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs and weights that the rows of both dividers multiply."""
    x, w = (Seed(0).child(n).normal(s) > 0 for n, s in (("x", (64, 128)), ("w", (128, 8))))
    return x.double().numpy(), w.double().numpy()


def test_ideal_parts(table: dict[str, Row]) -> None:
    """A row for each principle there is, each exact."""
    for name in principles():
        row = table[f"{name}: error against the integer product, ideal parts"]
        assert (row.published, row.tolerance, row.mark) == ((0.0, 1e-9), 0.0, "definition")
        assert row.ours <= 1e-9
    assert sum(q.endswith("ideal parts") for q in table) == len(principles()) == 8


def test_legal_pairs(table: dict[str, Row]) -> None:
    """22 of 56 pairs are excluded with a reason, see compatibility.toml."""
    row = table[PAIRS]
    assert len(legal_pairs()) == len(principles()) * len(memories()) - 22 == 34
    assert (row.published, row.ours, row.mark) == (34.0, 34.0, "definition")


def test_mismatch_recomputed(table: dict[str, Row]) -> None:
    """V = sum(C w x) / sum(C), 1 % at 1 fF and half of that at 4 fF; gain and offset of each column fitted.

    With draws of our own for each size, 64 columns: each deviation is known to about 1 %.
    """
    rng = np.random.default_rng(0)
    x, w = rng.integers(2, size=(128, 256)).astype(float), rng.integers(2, size=(256, 64)).astype(float)
    errors = []
    for femtofarad in (1.0, 4.0):
        c = femtofarad * (1 + 0.01 / math.sqrt(femtofarad) * rng.standard_normal(w.shape))
        volts = x @ (w * c) / c.sum(0)
        true = x @ w
        rest = 0.0
        for n in range(w.shape[1]):
            fit = np.polyval(np.polyfit(volts[:, n], true[:, n], 1), volts[:, n])
            rest += float(((fit - true[:, n]) ** 2).sum())
        errors.append(math.sqrt(rest))
    row = table[MISMATCH]
    assert row.ours == pytest.approx(errors[1] / errors[0], abs=0, rel=0.03)
    assert (row.published, row.tolerance) == (0.5, 0.02)
    assert row.source.startswith("[pelgrom1989]")


def test_thermal_noise_recomputed(table: dict[str, Row]) -> None:
    """From scipy's constants; 20,000 readings know a deviation to 0.5 %."""
    row = table[NOISE]
    expected = 1e6 * math.sqrt(constants.k * 300 / 256e-15)
    assert 127 < expected < 128
    assert row.published == pytest.approx(expected, abs=0, rel=1e-9)
    assert row.ours == pytest.approx(expected, abs=0, rel=0.02)
    assert row.source.startswith("[sarpeshkar1993]")
    drawn = float(Seed(0).child("noise").normal((20000, 1)).double().std())
    assert row.ours == pytest.approx(expected * drawn, abs=0, rel=1e-9)


def test_gain_recomputed(table: dict[str, Row]) -> None:
    """The charge on the floating line stays 0: bisect for its voltage, in one column for one input."""
    x, w = _bits()
    stepped = x[0] * w[:, 0]
    low, high = 0.0, 1.0
    for _ in range(60):
        v = (low + high) / 2
        charge = sum(1e-15 * (v - s) for s in stepped.tolist()) + 128 * 0.5e-15 * v
        low, high = (low, v) if charge > 0 else (v, high)
    row = table[GAIN]
    assert row.ours == pytest.approx(128 * low / float(stepped.sum()), abs=0, rel=1e-9)
    assert row.published == pytest.approx(2 / 3, abs=0, rel=1e-12)


def test_jitter_recomputed(table: dict[str, Row]) -> None:
    """Edges through 64 and 256 cells, one delay after the other: 20,000 of each, known to 0.7 % in ratio."""
    rng = np.random.default_rng(0)
    spread = []
    for cells in (64, 256):
        time = np.zeros(20000)
        for _ in range(cells):
            time += rng.standard_normal(20000)
        spread.append(float(time.std()))
    assert table[JITTER].ours == pytest.approx(spread[1] / spread[0], abs=0, rel=0.03)
    assert table[JITTER].published == 2.0


def test_dividers_recomputed(table: dict[str, Row]) -> None:
    """The open bit line takes the voltage at which no current flows; half of the range is taken for what it holds."""
    x, w = _bits()
    g = 4e-5 * np.where(w > 0, 1.0, 1 / 20)
    volts = (0.2 * x) @ g / g.sum(0)
    assert np.abs(np.einsum("ij,ijk->ik", np.ones_like(x), g * (0.2 * x[:, :, None] - volts[:, None, :]))).max() < 1e-17
    true = x @ w

    def error(total: np.ndarray | float) -> float:
        """Turn the voltage into a current, take off that of cells that are off, divide by that of one that is on."""
        off = 4e-5 / 20
        sums = (volts / 0.2 * total - off * x.sum(1, keepdims=True)) / (4e-5 - off)
        return float(np.linalg.norm(sums - true) / np.linalg.norm(true))

    assert table[BARE].ours == pytest.approx(error(128 * 4e-5 * (1 + 1 / 20) / 2), abs=0, rel=1e-9)
    assert error(g.sum(0)) < 1e-12
    assert table[CORRECTED].ours < 1e-12
    assert (table[BARE].published, table[CORRECTED].published) == ((0.01, 1.0), (0.0, 1e-9))


def test_rows_read_at_once_recomputed(table: dict[str, Row]) -> None:
    """A conversion costs the same for 16 times as many rows; driving a row costs the same for each."""
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    few, middle, many = (characterise(replace(tile, rows=n), instances=4) for n in (32, 128, 512))
    assert few.error < middle.error < many.error
    row = table[ROWS_AT_ONCE]
    assert row.ours == pytest.approx(many.error / few.error, abs=0, rel=1e-6)
    told = [float(n) / 100 for n in re.findall(r"\d+\.\d+", row.comment)]
    assert told == pytest.approx([few.error, many.error], abs=6e-4)
    convert, drive = (many.blocks[b].energy / few.blocks[b].energy for b in ("ADC", "input encoding"))
    assert (convert, drive) == (pytest.approx(1.0, abs=1e-9), pytest.approx(16.0, abs=1e-9))
    each = [
        (sum(c.energy for c in r.blocks.values()) + sum(c.leakage for c in r.parts.values()) * r.total.latency) / n
        for r, n in ((few, 32), (many, 512))
    ]
    assert table[ENERGY].ours == pytest.approx(each[1] / each[0], abs=0, rel=1e-9)
    assert 1 / 16 < table[ENERGY].ours < 0.1  # mostly conversions
    assert (row.published, table[ENERGY].published) == ((1.0, 4.0), (1 / 16, 1.0))


def test_nothing_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == set()
    assert len(table) == 17


def test_the_page(table: dict[str, Row]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- six-principles -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    assert set(printed) == set(table)
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[:4], here[6:]) == (there[:4], there[6:])
        if row.published != (0.0, 1e-9):  # rounding
            assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
