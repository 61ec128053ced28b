"""Figures of systems: what is drawn is what was computed, and the same bytes each time."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from mho.chip import Chip
from mho.reports import architecture_figure, plan_figure, save_figure, scenario_figure
from mho.systems import (
    Medium,
    designs,
    fit,
    load_medium,
    load_scenario,
    load_system,
    load_workload,
    media,
    pareto,
    scenarios,
)

NAMES = ("sram-5nm", "pcm-3d", "nor-40nm")
TOKEN = load_workload("smollm2-135m")


def test_plans(tmp_path: Path) -> None:
    plans = [fit(TOKEN, load_medium(name), name=name, area=1e-4) for name in NAMES]
    figure = plan_figure(plans)
    left, middle, right = figure.axes
    order = sorted(plans, key=lambda p: p.area)
    assert [t.get_text() for t in left.get_yticklabels()] == [p.name for p in order]
    assert [b.get_width() for b in left.patches] == pytest.approx([1e6 * p.area for p in order])
    assert [b.get_width() for b in middle.patches] == pytest.approx([p.dies.price for p in order])
    assert [b.get_width() for b in right.patches] == pytest.approx([p.energy for p in order])
    hollow = [b.get_facecolor()[:3] == (1, 1, 1) for b in left.patches]
    assert hollow == [not p.fits for p in order]
    drawn = {line.get_label(): sorted(line.get_xdata()) for line in right.lines}
    assert drawn["reload"] == pytest.approx(
        sorted(p.cost["reload"].cost.energy for p in plans if p.cost["reload"].cost.energy)
    )
    save_figure(figure, tmp_path / "a.svg")
    save_figure(plan_figure(plans), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_no_bar_where_the_price_is_not_known(tmp_path: Path) -> None:
    chip = replace(Medium.of_chip(Chip.load("hermes")), node=0.0)
    for media_ in ([chip], [chip, load_medium("pcm-3d")]):
        plans = [fit(load_workload("resnet-20"), m) for m in media_]
        figure = plan_figure(plans)
        widths = [b.get_width() for b in figure.axes[1].patches]
        assert sum(math.isnan(w) for w in widths) == 1
        assert len(widths) == len(plans)
        save_figure(figure, tmp_path / "p.png")


def test_labels_are_plain_text(tmp_path: Path) -> None:
    """No mathematics of matplotlib, which our style writes as it stands."""
    choice = {name: load_medium(name) for name in media()}
    for name in scenarios():
        save_figure(scenario_figure(designs(load_scenario(name), choice)), tmp_path / "s.svg")
        save_figure(plan_figure([fit(TOKEN, m, name=n) for n, m in choice.items()]), tmp_path / "p.svg")
        for file in ("s.svg", "p.svg"):
            assert "mathdefault" not in (tmp_path / file).read_text(encoding="utf-8")


def test_scenario() -> None:
    found = designs(load_scenario("camera"), {name: load_medium(name) for name in NAMES})
    (axes,) = scenario_figure(found).axes
    points = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"}
    assert points == {(1e6 * d.area, d.power) for d in found}
    assert {t.get_text() for t in axes.texts} == set(NAMES)
    front = next(line for line in axes.lines if line.get_marker() != "o")
    assert list(front.get_xdata()) == [1e6 * d.area for d in pareto(d for d in found if d.feasible)]


def test_labels_lie_apart() -> None:
    """Of all media, for every use: the text of no chip over that of another, nor over a marker."""
    choice = {name: load_medium(name) for name in media()}
    for name in scenarios():
        figure = scenario_figure(designs(load_scenario(name), choice))
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = [text.get_window_extent().shrunk(0.95, 0.6) for text in axes.texts]
        assert len(boxes) == len(choice)
        for index, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:index]), (name, axes.texts[index].get_text())


def test_architectures() -> None:
    chosen = {name: load_system(name) for name in ("von-neumann", "with-memory")}
    (axes,) = architecture_figure(chosen, TOKEN).axes
    widths = [b.get_width() for b in axes.patches]
    for index, name in enumerate(("von-neumann", "with-memory")):
        cost = chosen[name].cost(TOKEN)
        assert sum(widths[index::2]) == pytest.approx(100)
        assert widths[index] == pytest.approx(100 * cost["memory"].cost.energy / cost.total.energy)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["von-neumann", "with-memory"]
