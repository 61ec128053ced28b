"""nonidealities: each alone adds to the floor, squares add up, and the write error is that of the published cell."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mho.chip import nonidealities
from mho.reproduce import Row

FLOOR = "error with none: rounding of inputs, weights and codes"
SUM = "error with all, against the root of the sum of squares of each alone"
PRESENT = (
    "programming error",
    "drift",
    "read noise",
    "IR drop",
    "converter gain",
    "converter offset",
    "converter noise",
)


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("nonidealities").values()}


@pytest.fixture(scope="module")
def told(table: dict[str, Row]) -> dict[str, tuple[float, float, float]]:
    """By non-ideality what the row's comment says: error with it alone, without it, and with all, in %."""
    out: dict[str, tuple[float, float, float]] = {}
    for name in PRESENT:
        found = re.fullmatch(
            r"alone ([\d.]+) %, without it ([\d.]+) % of ([\d.]+) %",
            table[f"{name} alone: error over that of none"].comment,
        )
        assert found is not None
        out[name] = (float(found[1]), float(found[2]), float(found[3]))
    return out


def test_one_row_for_each_that_is_present(table: dict[str, Row]) -> None:
    assert set(PRESENT) == {n.name for n in nonidealities("hermes") if n.present}
    assert set(table) == {FLOOR, SUM, *(f"{n} alone: error over that of none" for n in PRESENT)}


def test_ratios_are_of_the_errors_told(table: dict[str, Row], told: dict[str, tuple[float, float, float]]) -> None:
    """Printed to a hundredth of a point, in 1.5."""
    floor = table[FLOOR].ours
    for name, (alone, _, whole) in told.items():
        assert table[f"{name} alone: error over that of none"].ours == pytest.approx(alone / floor, abs=0.005)
        assert table[SUM].ours == pytest.approx(whole, abs=0.006)


def test_root_of_the_sum_of_squares(table: dict[str, Row], told: dict[str, tuple[float, float, float]]) -> None:
    """Each cause adds its own square to that of the floor. The floor counts once, in the sum as in the whole."""
    floor, ratios = table[FLOOR].ours, [table[f"{n} alone: error over that of none"].ours for n in told]
    literal = floor * math.sqrt(1 + sum(max(r**2 - 1, 0) for r in ratios))
    assert table[SUM].published == pytest.approx(literal, abs=0, rel=1e-9)


def test_the_worst_alone_helps_most_when_gone(told: dict[str, tuple[float, float, float]]) -> None:
    """Device-induced errors, in the same order both ways; what the converter adds hardly shows in the whole."""
    device = list(PRESENT[:3])
    assert sorted(device, key=lambda n: -told[n][0]) == device
    assert sorted(device, key=lambda n: told[n][1]) == device
    for name in PRESENT[4:]:
        alone, less, whole = told[name]
        assert alone < 2
        assert less == pytest.approx(whole, abs=0.1)


def test_programming_error_recomputed(told: dict[str, tuple[float, float, float]]) -> None:
    """Gaussian matrix, scaled by column, written into pairs of the published statistics of two devices as one.

    Without converters: what rounding adds is the floor, and 1.5 % beside 12 % is less than a hundredth of it. Other
    draws of as many weights; the matrix's largest value of a column differs from draw to draw, so 4 % are allowed.
    """
    rng = np.random.default_rng(0)
    w = rng.standard_normal((256, 256))
    w /= np.abs(w).max(0)

    def side(x: np.ndarray) -> np.ndarray:
        sigma = 0.16603222 + 4.71806468 * x - 8.48101252 * x**2 + 4.68961419 * x**3
        return np.maximum(20.7 * x + sigma * rng.standard_normal(x.shape), 0) / 20.7

    written = side(np.maximum(w, 0)) - side(np.maximum(-w, 0))
    x = rng.standard_normal((64, 256))
    y, true = x @ written, x @ w
    error = 100 * float((np.linalg.norm(y - true, axis=1) / np.linalg.norm(true, axis=1)).mean())
    assert told["programming error"][0] == pytest.approx(error, abs=0, rel=0.04)


def test_published_values(table: dict[str, Row]) -> None:
    floor = table[FLOOR]
    assert (floor.published, floor.source, floor.mark) == ((0.0, 2.0), "a converter of 8 bits", "prediction")
    for name in PRESENT:
        row = table[f"{name} alone: error over that of none"]
        assert (row.published, row.tolerance, row.unit, row.mark) == ((0.95, 100.0), 0.0, "ratio", "definition")
        assert row.source == "an effect can only add"
    total = table[SUM]
    assert (total.tolerance, total.source, total.mark) == (0.1, "independent causes", "prediction")


def test_nothing_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == set()


def test_the_page(table: dict[str, Row]) -> None:
    """Every number to a unit of the last digit that is printed; of the sum of squares, too."""
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- nonidealities -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    assert set(printed) == set(table)
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[1], here[6:]) == (there[1], there[6:])
        source, page_source = (re.split(r"(\d+\.\d+)", cells[2]) for cells in (here, there))
        assert source[::2] == page_source[::2]
        assert [float(n) for n in source[1::2]] == pytest.approx([float(n) for n in page_source[1::2]], abs=0.011)
        assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
    assert table[SUM].published == pytest.approx(float(printed[SUM][3]), abs=0, rel=1e-3)
