"""Figures: well-formed SVG that scales, whatever was evaluated and whatever it is called."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib
import pytest

from mho import Condition, Evaluation
from mho.ir import Block, Placement
from mho.reports import _figures as figures

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
    _text(figures.svg(FIGURES[name](single), name))


def test_accuracy_over_time(analog: Evaluation, digital: Evaluation) -> None:
    text = _text(figures.svg(figures.accuracy_over_time([analog, digital]), "x"))
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
    text = _text(figures.svg(figures.accuracy_over_time([replace(analog, run=run)]), "x"))
    assert "small on hermes" in text
    assert "without" not in text


def test_bars_add_up(analog: Evaluation, digital: Evaluation) -> None:
    axes = figures.blocks([analog, digital], "energy").axes[0]
    for i, e in enumerate((analog, digital)):
        widths = [patch.get_width() for container in axes.containers for patch in [container[i]]]
        assert sum(widths) == pytest.approx(e.cost.total.energy * 1e6, rel=1e-9)


def test_no_errors_recorded(analog: Evaluation) -> None:
    _text(figures.svg(figures.error_growth([replace(analog, run=replace(analog.run, layer_errors={}))]), "x"))


@pytest.mark.parametrize("tiles", [1, 31, 32, 40])
def test_a_placement_draws_at_most_so_many_tiles(tiles: int, analog: Evaluation) -> None:
    blocks = tuple(Block("fc", 0, i, 0, i, 0, 0, 256, 256) for i in range(tiles))
    placed = replace(analog, program=replace(analog.program, placement=Placement(blocks, (256, 256))))
    text = _text(figures.svg(figures.placement(placed), "x"))
    assert text.count("tile ") == min(tiles, figures.SHOWN_TILES)
    assert (f"tile {figures.SHOWN_TILES}" in text.splitlines()) is False


def test_names_are_text(analog: Evaluation) -> None:
    name = '<script>alert("$x^$")</script> & $\\bad{$'
    svg = figures.svg(figures.accuracy_over_time([replace(analog, name=name)]), name)
    assert "<script" not in svg
    assert name + " with compensation" in _text(svg)
    assert ElementTree.fromstring(svg).attrib["aria-label"] == name


def test_a_name_that_begins_with_an_underscore(analog: Evaluation) -> None:
    for draw in (figures.accuracy_over_time, figures.error_growth):
        assert "_net" in _text(figures.svg(draw([replace(analog, name="_net")]), "x"))


def test_same_figure_same_bytes_and_no_settings_left_behind(analog: Evaluation) -> None:
    before = dict(matplotlib.rcParams)
    first, second = (figures.svg(figures.layers(analog, "energy"), "x") for _ in range(2))
    assert first == second
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        assert figures.svg(figures.layers(analog, "energy"), "x") == first
