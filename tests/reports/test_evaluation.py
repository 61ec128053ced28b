"""Evaluations: the tables that are drawn from a run."""

import json
import math
from dataclasses import replace

import pytest
import torch

from mho import Condition, Evaluation
from mho.core import walk_sources
from mho.reports import time_name


@pytest.mark.parametrize(
    ("time", "name"),
    [
        (None, "as written"), (0.0, "right away"), (0.5, "0.5 seconds"), (1.0, "1 second"), (90.0, "1.5 minutes"),
        (3600.0, "1 hour"), (86400.0, "1 day"), (30 * 86400.0, "30 days"), (365 * 86400.0, "1 year"),
        (730 * 86400.0, "2 years"),
    ],
)  # fmt: skip
def test_time_name(time: float | None, name: str) -> None:
    assert time_name(time) == name


def test_accuracy_is_mean_and_spread_over_chips(analog: Evaluation) -> None:
    rows = analog.accuracy()
    assert [r.condition for r in rows] == list(analog.run.conditions)
    right = (analog.run.outputs.argmax(-1) == analog.labels).double().mean(-1)
    for row, chips in zip(rows, right, strict=True):
        assert row.mean == pytest.approx(float(chips.mean()))
        assert row.spread == pytest.approx(float(chips.std()))
        assert (row.low, row.high) == (float(chips.min()), float(chips.max()))
        assert row.half_width == pytest.approx(1.96 * row.spread / math.sqrt(3))


def test_one_chip_has_no_spread(single: Evaluation) -> None:
    (row,) = single.accuracy()
    assert (row.spread, row.half_width) == (0.0, 0.0)
    assert row.low == row.mean == row.high
    assert row.condition == Condition(3600.0)


@pytest.mark.parametrize("name", ["analog", "digital"])
def test_what_is_assumed_and_fitted_is_told(name: str, request: pytest.FixtureRequest) -> None:
    e: Evaluation = request.getfixturevalue(name)
    sources = list(walk_sources(e.program.chip))
    for how, rows in (("assumed", e.assumed()), ("fitted", e.fitted())):
        assert len(rows) == sum(s.source.how == how for s in sources)
        assert all(path and fields and reason for path, fields, reason in rows)
    assert e.assumed()


def test_as_plain_values(analog: Evaluation) -> None:
    table = json.loads(json.dumps(analog.to_dict(), allow_nan=False))
    assert list(table) == [
        "name", "chip", "chip_sha256", "network_sha256", "seed", "instances", "images", "float_accuracy", "accuracy",
        "programming_energy_j", "programming_latency_s",
        "energy_j", "energy_range_j", "latency_s", "area_m2", "operations", "tops_per_watt", "tiles_used", "tiles",
        "utilisation",
        "energy_by_block_j", "cost", "layer_errors", "assumed", "fitted", "warnings",
    ]  # fmt: skip
    assert (table["name"], table["chip"], table["seed"], table["instances"]) == ("small on hermes", "hermes", 7, 3)
    assert table["chip_sha256"] == analog.program.chip.fingerprint()
    assert table["network_sha256"] == analog.program.quant.graph.fingerprint()
    assert [row["time_s"] for row in table["accuracy"]] == [0.0, 86400.0, 31536000.0, 86400.0, 31536000.0]
    assert [row["compensation"] for row in table["accuracy"]] == ["none"] * 3 + ["global"] * 2
    for row in table["accuracy"]:
        assert row["mean"] == pytest.approx(sum(row["per_instance"]) / 3)
    assert sum(table["energy_by_block_j"].values()) == pytest.approx(table["energy_j"], rel=1e-12)
    assert table["cost"]["energy_j"] == table["energy_j"]
    assert table["operations"] == 2 * (64 * 4 * 27 + 16 * 5)
    assert table["layer_errors"].keys() == {"0", "4"}


def test_accuracy_in_floating_point_that_is_not_known(analog: Evaluation) -> None:
    table = replace(analog, float_accuracy=math.nan).to_dict()
    assert table["float_accuracy"] is None
    json.dumps(table, allow_nan=False)


def test_an_exact_tile_is_the_same_in_every_chip_at_every_time(digital: Evaluation) -> None:
    assert digital.run.outputs.shape[:2] == (3, 2)
    assert bool(torch.all(digital.run.outputs == digital.run.outputs[:1, :1]))
    assert all(row.spread == 0 for row in digital.accuracy())


# Temperature ----------------------------------------------------------------------------------------------------


def test_temperature_is_null_unless_named(analog: Evaluation) -> None:
    assert [row["temperature_k"] for row in analog.to_dict()["accuracy"]] == [None] * 5


def test_temperature_of_each_condition(analog: Evaluation) -> None:
    """Beside the time and the compensation, in the order of the run, with the accuracies that were there."""
    kelvin = [300.0, 350.5, None, 350.5, 1e3]
    conditions = tuple(replace(c, temperature=k) for c, k in zip(analog.run.conditions, kelvin, strict=True))
    warm = replace(analog, run=replace(analog.run, conditions=conditions)).to_dict()
    rows = json.loads(json.dumps(warm, allow_nan=False))["accuracy"]
    assert [row["temperature_k"] for row in rows] == kelvin
    keys = ["time_s", "compensation", "temperature_k", "mean", "spread", "half_width_95", "per_instance"]
    assert all(list(row) == keys for row in rows)
    for row, before in zip(rows, analog.to_dict()["accuracy"], strict=True):
        assert row | {"temperature_k": None} == before
