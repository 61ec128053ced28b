"""Lines against the year: a made-up growth is found, outliers and many points of one chip do not bend it."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import Seed
from mho.cost import Macro, Measured, figure_of, read_silicon, trends

MACRO = Macro("digital", 28e-9, 0.9, rows=64, converters=64, weight_bits=4, input_bits=4)


def _points(growth: float, scatter: float = 0.0, chips: int = 30) -> list[Measured]:
    """Chips of 2018 to 2023, whose energy falls by a factor a year, and whose density is a hundred times 1e18."""
    noise = (scatter * Seed(1).child("scatter").normal((chips,))).tolist()
    return [
        Measured(
            str(i), f"chip {i}", replace(MACRO, year=2018.0 + i % 6), 1e-15 / growth ** (i % 6) * math.exp(z), 1e20
        )
        for i, z in enumerate(noise)
    ]


def test_a_growth_that_is_there() -> None:
    efficiency, density = trends(_points(1.3))
    assert (efficiency.family, efficiency.figure, efficiency.points) == ("digital", "tops_per_watt", 30)
    assert (efficiency.years, efficiency.middle) == ((2018.0, 2023.0), 2020.5)
    assert efficiency.growth == pytest.approx(1.3, rel=1e-5)
    assert efficiency.growth_range == pytest.approx((1.3, 1.3), rel=1e-4)
    assert efficiency.value == pytest.approx(1000 * 1.3**2.5, rel=1e-4)
    assert efficiency.at(2018) == pytest.approx(1000, rel=1e-4)
    assert efficiency.scatter == pytest.approx(1, abs=1e-4)
    assert density.growth == pytest.approx(1, abs=1e-6)
    assert density.value == pytest.approx(100)


def test_scatter_is_not_a_trend() -> None:
    """Half a natural logarithm of normal scatter: the range holds the truth, and the median factor is exp(0.67 sd)."""
    (found, _) = trends(_points(1.3, 0.5, chips=120))
    low, high = found.growth_range
    assert low < found.growth < high
    assert low / 1.05 < 1.3 < high * 1.05
    assert found.scatter == pytest.approx(math.exp(0.6745 * 0.5), rel=0.15)


def test_an_outlier_pulls_little() -> None:
    points = _points(1.3, 0.05)
    wild = replace(points[5], chip="wild", energy=1e-9)  # a million times worse, in 2023
    assert trends([*points, wild])[0].growth == pytest.approx(trends(points)[0].growth, rel=0.02)


def test_few_points_have_no_trend() -> None:
    assert trends(_points(1.3)[:4]) == []
    nothing = [replace(p, density=None) for p in _points(1.3)]
    assert [t.figure for t in trends(nothing)] == ["tops_per_watt"]


def test_the_same_each_time_and_figures() -> None:
    points = _points(1.3, 0.5)
    assert trends(points) == trends(points)
    assert figure_of(points[0], "tops_per_mm2") == pytest.approx(100)
    assert figure_of(replace(points[0], energy=None), "tops_per_watt") is None


def test_the_shipped_table() -> None:
    """What docs/concepts/silicon.md says: analog SRAM grows for sure, digital macros span three years."""
    found = {(t.family, t.figure): t for t in trends(read_silicon())}
    sram = found["analog SRAM", "tops_per_watt"]
    assert sram.growth == pytest.approx(1.51, abs=0.01)
    assert sram.growth_range[0] > 1.3
    assert found["digital", "tops_per_watt"].years == (2021.0, 2023.0)
    low, high = found["non-volatile", "tops_per_watt"].growth_range
    assert low < 1 < high
    years = torch.tensor([p.macro.year for p in read_silicon()])
    assert years.min() == 2018
