"""Rows: ratio, tolerance, and how they are printed."""

import json
import math

import pytest

from mho.core import FileError
from mho.reproduce import RESULTS, Row, reproduce


@pytest.mark.parametrize(
    ("published", "ours", "tolerance", "ratio", "within"),
    [
        (100.0, 110.0, 0.1, 1.1, True),
        (100.0, 111.0, 0.1, 1.11, False),
        (100.0, 90.0, 0.1, 0.9, True),
        (100.0, 89.0, 0.1, 0.89, False),
        ((2.0, 4.0), 2.0, 0.0, 2 / 3, True),
        ((2.0, 4.0), 4.0, 0.0, 4 / 3, True),
        ((2.0, 4.0), 4.1, 0.0, 4.1 / 3, False),
        ((2.0, 4.0), 4.1, 0.05, 4.1 / 3, True),
        (-10.0, -10.5, 0.1, 1.05, True),
        (-10.0, -11.5, 0.1, 1.15, False),
        (0.0, 0.0, 0.1, math.nan, True),
        (0.0, 0.1, 0.1, math.nan, False),
    ],
)
def test_ratio_and_tolerance(
    published: float | tuple[float, float], ours: float, tolerance: float, ratio: float, within: bool
) -> None:
    row = Row("q", "u", published, ours, tolerance, "s")
    assert row.ratio == pytest.approx(ratio, nan_ok=True)
    assert row.within is within
    table = json.loads(json.dumps(row.to_dict(), allow_nan=False))
    assert table["within"] is within
    assert (table["ratio"] is None) is math.isnan(ratio)
    assert table["mark"] == "prediction"


def test_as_text() -> None:
    row = Row("error", "%", (9.0, 10.0), 9.157, 0.05, "[singh2025]", "fitted", "why")
    assert row.cells() == (
        "error", "%", "9-10", "9.157", "0.964", "5 %", "yes", "fitted", "[singh2025]; why",
    )  # fmt: skip
    assert row.markdown() == "| error | % | [singh2025]; why | 9-10 | 9.157 | 0.964 | yes (± 5 %) | fitted |"


def test_an_unknown_result() -> None:
    with pytest.raises(FileError) as error:
        reproduce("pcm-statistic")
    assert str(error.value) == (
        f"no result is called 'pcm-statistic'; did you mean 'pcm-statistics'? (allowed: {', '.join(sorted(RESULTS))})"
    )


def test_results() -> None:
    assert list(RESULTS)[:3] == ["ibm-tiles", "hermes-chip", "pcm-statistics"]
