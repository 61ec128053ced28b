"""relaxation: largest spreads of the RRAM cell, against the moments of a normal that is cut at 0 S."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mho.devices import RramRelaxation, load_cell
from mho.reproduce import Row

SIGMA = {
    "1 s": (0.348, 16.030, -43.853, 45.393, -16.815),
    "1 day": (0.701, 22.086, -50.773, 47.095, -16.458),
    "2 days": (0.782, 20.274, -43.507, 37.062, -11.934),
}
"""In uS, polynomials in g / g_max, constant first: facts of the open model, by time."""
NOTES = {"1 s": 2.3, "1 day": 3.9}
"""The largest spread in uS that the notes on the publication give, "near 0.3" of the range; a figure read by eye."""


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("relaxation").values()}


def _spread(x: float, coefficients: tuple[float, ...]) -> float:
    """Return the deviation of max(g, 0) in uS, g normal about 40 x with the polynomial's deviation."""
    mean, sigma = 40 * x, sum(c * x**n for n, c in enumerate(coefficients))
    z = mean / sigma
    above, density = 0.5 * math.erfc(-z / math.sqrt(2)), math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    first = mean * above + sigma * density
    return math.sqrt((mean**2 + sigma**2) * above + mean * sigma * density - first**2)


def test_the_cells_own_data() -> None:
    """The file holds the polynomials, in siemens."""
    cell = load_cell("rram")
    assert isinstance(cell, RramRelaxation)
    assert cell.g_max == pytest.approx(40e-6, abs=0, rel=1e-12)
    assert [p.time for p in cell.relaxation] == [1.0, 86400.0, 172800.0]
    for point, coefficients in zip(cell.relaxation, SIGMA.values(), strict=True):
        assert point.sigma == pytest.approx([1e-6 * c for c in coefficients], abs=0, rel=1e-9)


@pytest.mark.parametrize("time", SIGMA)
def test_spreads_recomputed(table: dict[str, Row], time: str) -> None:
    """From the polynomials, without draws; the rows draw 200,000, which leaves 0.16 % in each deviation."""
    steps = [n / 20 for n in range(21)]
    spreads = [_spread(x, SIGMA[time]) for x in steps]
    assert table[f"largest spread after {time}"].ours == pytest.approx(max(spreads), abs=0, rel=0.005)
    state = table[f"state of the largest spread after {time}"].ours
    assert max(spreads) / spreads[round(20 * state)] < 1.005
    assert state in steps


def test_the_curve_is_flat_at_its_top() -> None:
    """So the place of the largest says little: from 0.3 to 0.45 of the range it changes by less than 4 % in a day."""
    spreads = [_spread(x, SIGMA["1 day"]) for x in np.linspace(0.3, 0.45, 31).tolist()]
    assert max(spreads) / min(spreads) < 1.04


def test_published_values(table: dict[str, Row]) -> None:
    """The highest points of the polynomials, where their derivative vanishes; near those that the notes give."""
    for time, coefficients in SIGMA.items():
        curve = np.polynomial.Polynomial(coefficients)
        tops = [float(r.real) for r in curve.deriv().roots() if abs(r.imag) < 1e-12 and 0 < r.real < 1]
        place = max(tops, key=lambda x: float(curve(x)))
        row, state = table[f"largest spread after {time}"], table[f"state of the largest spread after {time}"]
        assert row.published == pytest.approx(float(curve(place)), abs=0.0006)
        assert state.published == pytest.approx(place, abs=0.0006)
        assert (row.unit, row.tolerance, state.unit, state.tolerance) == ("uS", 0.1, "g / g_max", 0.1)
        assert row.source == state.source == "[wan2022], polynomials by the authors of [aihwkit2021]"
        if time in NOTES:
            assert row.published == pytest.approx(NOTES[time], abs=0, rel=0.03)
    assert len(table) == 2 * len(SIGMA)


def test_marks(table: dict[str, Row]) -> None:
    assert {r.mark for r in table.values()} == {"definition"}


def test_nothing_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == set()


def test_the_page(table: dict[str, Row]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- relaxation -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    assert set(printed) == set(table)
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[:4], here[6:]) == (there[:4], there[6:])
        assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
