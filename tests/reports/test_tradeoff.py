"""A trade-off as a table, a file, a front and a figure."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import torch

from mho import Quantization, Tradeoff
from mho.reports import TradeoffPoint, tradeoff_front
from mho.reports._style import svg


def _point(series: str, bits: tuple[int | None, int | None], accuracy: list[float], energy: float) -> TradeoffPoint:
    layers = {name: Quantization(adc_bits=b) for name, b in zip(("a", "b"), bits, strict=True)}
    return TradeoffPoint(series, layers, torch.tensor(accuracy), energy, 1e-3, 2 * energy)


_FIRST = (_point("equal", (8, 8), [0.9, 0.8], 2e-5), _point("equal", (4, 4), [0.5, 0.3], 1e-5))
_THEN = (_point("by layer", (8, 4), [0.8, 0.8], 1.5e-5), _point("by layer", (4, 8), [0.2, 0.2], 1.6e-5))
BOTH = Tradeoff("mine", 20, 0.9, _FIRST) + Tradeoff("mine", 20, 0.9, _THEN, {"a": {4: 0.5}})


def test_labels() -> None:
    assert [p.label for p in BOTH.points] == ["8-bit ADC", "4-bit ADC", "ADC bits 8 4", "ADC bits 4 8"]
    assert _point("x", (None, 4), [1.0], 1.0).label == "ADC bits - 4"
    layers = {"a": Quantization(5, adc_bits=6), "b": Quantization(5, adc_bits=4)}
    point = TradeoffPoint("x", layers, torch.tensor([1.0]), 1.0, 1.0)
    assert point.label == "5-bit weights per column, ADC bits 6 4"


def test_the_front_is_what_no_other_point_beats() -> None:
    front = BOTH.front
    assert [p.label for p in front] == ["4-bit ADC", "ADC bits 8 4", "8-bit ADC"]
    for p in front:
        assert not any(
            q.energy <= p.energy and float(q.accuracy.mean()) > float(p.accuracy.mean()) for q in BOTH.points
        )


def test_the_table_says_all(tmp_path: Path) -> None:
    BOTH.save(tmp_path / "front.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "front.csv").read_text())))
    assert len(rows) == 4
    for row, p in zip(rows, BOTH.points, strict=True):
        assert row["series"] == p.series
        assert float(row["accuracy_mean"]) == float(p.accuracy.mean())
        assert float(row["accuracy_std"]) == float(p.accuracy.std())
        assert (float(row["energy_j"]), float(row["latency_s"]), float(row["budget_j"])) == (p.energy, 1e-3, p.budget)
        assert row["adc_bits_by_layer"] == " ".join(str(q.adc_bits) for q in p.layers.values())
    plain = json.loads(json.dumps(BOTH.to_dict()))
    assert plain["losses"] == {"a": {"4": 0.5}}
    assert plain["points"][2]["adc_bits"] == {"a": 8, "b": 4}


def test_the_figure_has_a_line_for_each_series() -> None:
    figure = tradeoff_front(BOTH)
    (axes,) = figure.axes
    assert axes.get_legend_handles_labels()[1] == ["equal", "by layer"]
    line = axes.containers[0].lines[0]  # pyright: ignore[reportAttributeAccessIssue]
    assert line.get_xdata().tolist() == [10.0, 20.0]
    assert [round(v, 4) for v in line.get_ydata().tolist()] == [40.0, 85.0]
    ElementTree.fromstring(svg(figure, "front"))
