"""redundancy: the error of several devices a sign, against a literal drawing of the cell's published statistics."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mho.reproduce import Row

DEVICES = (2, 4, 8)


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("redundancy").values()}


def _side(x: np.ndarray, devices: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mean of some PCM cells of 25 uS right after the reference time, as fractions of 25 uS."""
    sigma = (0.26348 + 1.9650 * x - 1.1731 * x**2) / 25
    total = np.zeros_like(x)
    for _ in range(devices):
        g = np.maximum(x + sigma * rng.standard_normal(x.shape), 0)
        q = np.minimum(0.0088 / np.maximum(g**0.65, 1e-3), 0.2)
        read = q * math.sqrt(math.log((20 + 250e-9) / (2 * 250e-9))) * rng.standard_normal(x.shape)
        total += np.maximum(g * (1 + read), 0)
    return total / devices


def _error(devices: int) -> float:
    """Return the standard deviation of the error of Gaussian weights of 40 in 127, in units of the largest."""
    rng = np.random.default_rng(devices)
    w = np.clip(np.round(40 * rng.standard_normal((256, 256))), -127, 127) / 127
    return float((_side(np.maximum(w, 0), devices, rng) - _side(np.maximum(-w, 0), devices, rng) - w).std())


def test_ratios_recomputed(table: dict[str, Row]) -> None:
    """Other draws of as many weights: the deviation of each error is known to 0.4 %, so a ratio to 0.6 %."""
    single = _error(1)
    for devices in DEVICES:
        ours = table[f"weight error of {devices} devices a sign"].ours
        assert ours == pytest.approx(_error(devices) / single, abs=0, rel=0.02)


def test_slope(table: dict[str, Row]) -> None:
    """A straight line through all four on logarithmic axes: one over the root, and a little less.

    A cell that is off cannot be written below 0 S, so each has a mean error of its own that does not average.
    """
    errors = [1.0, *(table[f"weight error of {d} devices a sign"].ours for d in DEVICES)]
    slope = float(np.polyfit(np.log([1, *DEVICES]), np.log(errors), 1)[0])
    assert -0.5 < slope < -0.46
    # With a share b of the squared error that stays: e^2 = (1 - b) / k + b, b from the mean of max(s N, 0).
    share = (0.26348 / 25 / math.sqrt(2 * math.pi) / _error(1)) ** 2
    assert 0 < share < 0.03
    for devices, error in zip(DEVICES, errors[1:], strict=True):
        expected = math.sqrt((1 - share) / devices + share)
        assert error == pytest.approx(expected, abs=0, rel=0.02)


def test_published_values(table: dict[str, Row]) -> None:
    for devices, published in zip(DEVICES, (0.70710678, 0.5, 0.35355339), strict=True):
        row = table[f"weight error of {devices} devices a sign"]
        assert row.published == pytest.approx(published, abs=0, rel=1e-7)
        assert (row.unit, row.source, row.mark, row.tolerance) == ("of one", "independent devices", "prediction", 0.05)
        assert row.within
    exact = table["exact devices give exact weights"]
    assert (exact.published, exact.ours, exact.tolerance, exact.mark) == (1.0, 1.0, 0.0, "definition")


def test_nothing_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == set()
    assert len(table) == len(DEVICES) + 1


def test_the_page(table: dict[str, Row]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- redundancy -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    assert set(printed) == set(table)
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[:4], here[6:]) == (there[:4], there[6:])
        assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
