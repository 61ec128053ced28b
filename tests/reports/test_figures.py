"""Figures: well-formed SVG that scales, whatever was evaluated and whatever it is called."""

import datetime
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import torch

import mho.reports as reports
from mho import Condition, Evaluation
from mho.converters import load_adc_survey, load_converter
from mho.core import FileError
from mho.devices import Survey, load_cell, survey
from mho.ir import Block, Placement
from mho.reports import _figures as figures
from mho.reports._part_figures import SHOWN_BITS
from mho.reports._style import svg

FIGURES: dict[str, Callable[[Evaluation], Any]] = {
    "accuracy": lambda e: figures.accuracy_over_time([e]),
    "energy by block": lambda e: figures.blocks([e], "energy"),
    "latency by block": lambda e: figures.blocks([e], "latency"),
    "area by block": lambda e: figures.blocks([e], "area"),
    "energy by layer": lambda e: figures.layers(e, "energy"),
    "latency by layer": lambda e: figures.layers(e, "latency"),
    "errors": lambda e: figures.error_growth([e]),
    "placement": figures.placement,
}


def _text(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    assert width > 100
    assert height > 30
    assert root.attrib["role"] == "img"
    return "\n".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_the_smallest_evaluation(name: str, single: Evaluation) -> None:
    _text(svg(FIGURES[name](single), name))


def test_what_accuracy_costs(analog: Evaluation, digital: Evaluation) -> None:
    """Every evaluation is a point in each panel, at its energy, latency and area, as first read."""
    figure = figures.compared([analog, digital] * 7)
    text = _text(svg(figure, "x"))
    for word in ("energy (µJ per image)", "latency (ms per image)", "area (mm²)", "accuracy (%)", "small on dimc"):
        assert word in text
    first = next(r for r in analog.accuracy() if not r.condition.time and r.condition.compensation == "none")
    for axes, value in zip(figure.axes, (1e6 * analog.summary().energy, 1e3 * analog.summary().latency), strict=False):
        (x,), (y,) = axes.lines[0].get_data()
        assert (x, y) == (pytest.approx(value), pytest.approx(100 * first.mean))
        assert len({(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata()) == 1}) >= 14


def test_accuracy_over_time(analog: Evaluation, digital: Evaluation) -> None:
    text = _text(svg(figures.accuracy_over_time([analog, digital]), "x"))
    for line in ("small on hermes with compensation", "small on hermes without compensation", "small on dimc"):
        assert line in text
    assert "small on dimc with" not in text
    assert all(time in text for time in ("right away", "1 day", "1 year", "float32"))


def test_lines_run_forward_in_time(analog: Evaluation) -> None:
    order = [2, 0, 1, 4, 3]
    shuffled = replace(
        analog,
        run=replace(
            analog.run,
            conditions=tuple(analog.run.conditions[i] for i in order),
            outputs=analog.run.outputs[order],
        ),
    )
    axes = figures.accuracy_over_time([shuffled]).axes[0]
    for line in axes.get_lines()[:2]:
        assert list(line.get_xdata()) == [0, 1, 2]
    before = figures.accuracy_over_time([analog]).axes[0]
    for a, b in zip(axes.get_lines(), before.get_lines(), strict=True):
        assert list(a.get_ydata()) == list(b.get_ydata())


def test_only_compensated(analog: Evaluation) -> None:
    run = replace(analog.run, conditions=(Condition(86400.0, "global"),), outputs=analog.run.outputs[3:4])
    text = _text(svg(figures.accuracy_over_time([replace(analog, run=run)]), "x"))
    assert "small on hermes" in text
    assert "without" not in text


def test_bars_add_up(analog: Evaluation, digital: Evaluation) -> None:
    axes = figures.blocks([analog, digital], "energy").axes[0]
    for i, e in enumerate((analog, digital)):
        widths = [patch.get_width() for container in axes.containers for patch in [container[i]]]
        assert sum(widths) == pytest.approx(e.cost.total.energy * 1e6, rel=1e-9)


def test_no_errors_recorded(analog: Evaluation) -> None:
    _text(svg(figures.error_growth([replace(analog, run=replace(analog.run, layer_errors={}))]), "x"))


@pytest.mark.parametrize("tiles", [1, 31, 32, 40])
def test_a_placement_draws_at_most_so_many_tiles(tiles: int, analog: Evaluation) -> None:
    blocks = tuple(Block("fc", 0, i, 0, i, 0, 0, 256, 256) for i in range(tiles))
    placed = replace(analog, program=replace(analog.program, placement=Placement(blocks, (256, 256))))
    text = _text(svg(figures.placement(placed), "x"))
    assert text.count("tile ") == min(tiles, figures.SHOWN_TILES)
    assert (f"tile {figures.SHOWN_TILES}" in text.splitlines()) is False


def test_names_are_text(analog: Evaluation) -> None:
    name = '<script>alert("$x^$")</script> & $\\bad{$'
    drawn = svg(figures.accuracy_over_time([replace(analog, name=name)]), name)
    assert "<script" not in drawn
    assert name + " with compensation" in _text(drawn)
    assert ElementTree.fromstring(drawn).attrib["aria-label"] == name


def test_a_name_that_begins_with_an_underscore(analog: Evaluation) -> None:
    for draw in (figures.accuracy_over_time, figures.error_growth):
        assert "_net" in _text(svg(draw([replace(analog, name="_net")]), "x"))


def test_same_figure_same_bytes_and_no_settings_left_behind(analog: Evaluation) -> None:
    before = dict(matplotlib.rcParams)
    first, second = (svg(figures.layers(analog, "energy"), "x") for _ in range(2))
    assert first == second
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        assert svg(figures.layers(analog, "energy"), "x") == first


# One cell -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def surveyed() -> Survey:
    return survey(load_cell("rram"), (None, 0.0, 86400.0), cells=200)


def test_spread_of_a_cell(surveyed: Survey) -> None:
    """In uS: the targets themselves, then for each time the mean, with a band of two standard deviations."""
    axes = reports.cell_spread(surveyed, "rram").axes[0]
    ideal, *lines = axes.get_lines()
    targets = [g * 1e6 for g in surveyed.targets.tolist()]
    assert list(ideal.get_xdata()) == pytest.approx(targets, rel=1e-6)
    assert list(ideal.get_ydata()) == list(ideal.get_xdata())
    assert [line.get_label() for line in lines] == ["just written", "right away", "after 1 day"]
    for line, band, mean, sigma in zip(lines, axes.collections, surveyed.mean, surveyed.sigma, strict=True):
        assert list(line.get_xdata()) == pytest.approx(targets, rel=1e-6)
        assert list(line.get_ydata()) == pytest.approx([g * 1e6 for g in mean.tolist()], rel=1e-6)
        ys: Any = band.get_paths()[0].vertices
        edges = torch.cat([mean - 2 * sigma, mean + 2 * sigma]) * 1e6
        assert (ys[:, 1].min(), ys[:, 1].max()) == pytest.approx((float(edges.min()), float(edges.max())), rel=1e-6)
    text = _text(svg(reports.cell_spread(surveyed, "rram"), "rram"))
    assert all(words in text for words in ("rram", "target (µS)", "2 standard deviations", "after 1 day"))


def test_spread_at_one_time_and_more_times_than_colours() -> None:
    for times in ([1.0], [None], [float(t) for t in range(9)]):
        _text(svg(reports.cell_spread(survey(load_cell("sram"), times, 3, 10), "x"), "x"))


def test_names_of_cells_are_text(surveyed: Survey) -> None:
    for name in ("<b>$x^$ & \\bad{$", "_cell"):
        assert name in _text(svg(reports.cell_spread(surveyed, name), "x"))


@pytest.mark.parametrize(
    ("ending", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-"), ("PNG", b"\x89PNG")]
)
def test_save_figure(surveyed: Survey, tmp_path: Path, ending: str, magic: bytes) -> None:
    path = tmp_path / f"cell.{ending}"
    path.write_bytes(b"an older picture")
    reports.save_figure(reports.cell_spread(surveyed, "rram"), path)
    assert path.read_bytes().startswith(magic)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_saved_twice_is_the_same_file(surveyed: Survey, tmp_path: Path, ending: str) -> None:
    """No date, no random names."""
    for name in ("a", "b"):
        reports.save_figure(reports.cell_spread(surveyed, "rram"), tmp_path / f"{name}.{ending}")
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("a", "b"))
    assert first == second
    assert str(datetime.date.today().year).encode() not in first or ending != "svg"


def test_text_of_a_saved_svg_is_text(surveyed: Survey, tmp_path: Path) -> None:
    reports.save_figure(reports.cell_spread(surveyed, "rram"), tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    text = "\n".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "target (µS)" in text


@pytest.mark.parametrize("name", ["cell.jpg", "cell", "cell.svgz", ".svg"])
def test_other_endings_are_refused(surveyed: Survey, tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=rf"^a picture must end with .svg, .png or .pdf, not '{name}'$"):
        reports.save_figure(reports.cell_spread(surveyed, "x"), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_converters_among_the_published() -> None:
    parts = {name: load_converter(name) for name in ("sar-4b", "sar-8b", "cco-hermes")}
    figure = reports.converter_survey(load_adc_survey(), parts)
    energy, area = figure.axes
    text = _text(svg(figure, "x"))
    for line in ("published, above 1 GS/s", "least, 1 GS/s", "Cco, nominal bits", "Sar, nominal bits", "SAR of 2019"):
        assert line in text
    assert "mathdefault" not in text
    drawn = {line.get_label(): line for axes in (area, energy) for line in axes.lines}
    costs = [parts[name].costs(256)["convert"].energy for name in ("sar-4b", "sar-8b")]
    assert list(drawn["Sar, nominal bits"].get_xdata()) == [4, 8]
    assert list(drawn["Sar, nominal bits"].get_ydata()) == pytest.approx([1e12 * c for c in costs])
    published = [line for line in energy.lines if str(line.get_label()).startswith("published")]
    shown = [e for e in load_adc_survey().entries if e.enob < SHOWN_BITS[1]]
    assert sum(len(line.get_xdata()) for line in published) == len(shown) > 190
