"""Ablations: differences of the same chips, their figure, and their place in a report."""

import html
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
import torch

from mho import Ablation, Condition, Evaluation, report
from mho.reports import Effect, _report
from mho.reports import _figures as figures
from mho.reports._style import svg

DRIFT = Effect("drift", "device", torch.tensor([0.5, 0.7]), torch.tensor([0.6, 0.6]))
GAIN = Effect("converter gain", "circuit", torch.tensor([0.9, 0.8]), torch.tensor([0.3, 0.5]))
ABLATION = Ablation(
    "mine", Condition(86400.0, "global"), 200, torch.tensor([0.4, 0.5]), torch.tensor([0.9, 0.9]), (GAIN, DRIFT)
)


def _text(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return "\n".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


def _words(page: str) -> str:
    """Return the text of a page without its tags and pictures."""
    page = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


# Numbers --------------------------------------------------------------------------------------------------------


def test_losses_are_differences_of_the_same_chips() -> None:
    """By hand: 0.9 - 0.5 and 0.9 - 0.7; their mean, and their standard deviation sqrt(2) x 0.1."""
    assert ABLATION.loss_alone(DRIFT) == pytest.approx((0.3, 0.02**0.5))
    assert ABLATION.loss_alone(GAIN) == pytest.approx((0.05, 0.005**0.5), abs=1e-6)
    assert ABLATION.gain_without(DRIFT) == pytest.approx((0.15, 0.005**0.5), abs=1e-6)
    assert ABLATION.gain_without(GAIN) == pytest.approx((-0.05, 0.005**0.5), abs=1e-6)


def test_equal_chips_do_not_hide_in_the_spread() -> None:
    """What all chips lose alike has no spread, however different the chips are."""
    chips = torch.tensor([0.2, 0.5, 0.9])
    a = replace(ABLATION, none=chips, all=chips - 0.125)
    assert a.loss_alone(replace(DRIFT, alone=chips - 0.0625, without=chips)) == pytest.approx((0.0625, 0), abs=1e-7)
    assert a.gain_without(replace(DRIFT, alone=chips, without=chips)) == pytest.approx((0.125, 0), abs=1e-7)


def test_one_chip_has_no_spread() -> None:
    one = replace(ABLATION, all=torch.tensor([0.4]), none=torch.tensor([0.9]))
    effect = replace(DRIFT, alone=torch.tensor([0.5]), without=torch.tensor([0.6]))
    assert one.loss_alone(effect) == pytest.approx((0.4, 0.0))
    assert one.gain_without(effect)[1] == 0


@pytest.mark.parametrize(
    ("condition", "when"),
    [
        (Condition(86400.0, "global"), "1 day, global compensation"),
        (Condition(3600.0, "column"), "1 hour, column compensation"),
        (Condition(0.0), "right away"),
        (Condition(None), "as written"),
        (Condition(3600.0, "none", 360.0), "1 hour, 360 K"),
        (Condition(86400.0, "global", 300.5), "1 day, global compensation, 300.5 K"),
        (Condition(None, "none", 77.0), "as written, 77 K"),
    ],
)
def test_when(condition: Condition, when: str) -> None:
    assert replace(ABLATION, condition=condition).when == when


def test_plain_values() -> None:
    table = ABLATION.to_dict()
    assert json.loads(json.dumps(table)) == table
    assert (table["name"], table["images"], table["compensation"], table["time_s"]) == ("mine", 200, "global", 86400.0)
    assert table["temperature_k"] is None
    assert table["all"] == pytest.approx([0.4, 0.5])
    assert table["none"] == pytest.approx([0.9, 0.9])
    assert [(e["name"], e["kind"]) for e in table["effects"]] == [("converter gain", "circuit"), ("drift", "device")]
    assert table["effects"][1]["alone"] == pytest.approx([0.5, 0.7])
    assert table["effects"][1]["without"] == pytest.approx([0.6, 0.6])


# Figure ---------------------------------------------------------------------------------------------------------


def test_the_figure_shows_the_largest_loss_first() -> None:
    figure = figures.ablation(ABLATION)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["drift (device)", "converter gain (circuit)"]
    lost, won = axes.containers[1], axes.containers[3]  # each behind its own whiskers
    assert [bar.get_width() for bar in lost] == pytest.approx([30, 5], abs=1e-4)
    assert [bar.get_width() for bar in won] == pytest.approx([15, -5], abs=1e-4)
    text = _text(svg(figures.ablation(ABLATION), "x"))
    for words in ("drift (device)", "lost by it alone", "won back by removing it", "accuracy (percentage points)"):
        assert words in text


def test_the_figure_grows_with_the_effects() -> None:
    many = tuple(replace(DRIFT, name=f"effect {i}") for i in range(12))
    heights = [
        float(ElementTree.fromstring(svg(figures.ablation(replace(ABLATION, effects=e)), "x")).attrib["viewBox"]
              .split()[3])
        for e in ((DRIFT,), many)
    ]  # fmt: skip
    assert heights[1] > 2 * heights[0]
    text = _text(svg(figures.ablation(replace(ABLATION, effects=many)), "x"))
    assert all(f"effect {i} (device)" in text for i in range(12))


def test_a_figure_of_nothing() -> None:
    svg(figures.ablation(replace(ABLATION, effects=())), "x")


# Report ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare all figures but that of the ablation."""
    for name in ("accuracy_over_time", "blocks", "error_growth", "layers", "placement"):
        monkeypatch.setattr(figures, name, lambda *_: None)
    monkeypatch.setattr(_report, "svg", lambda figure, title: svg(figure, title) if figure else "<svg></svg>")


@pytest.mark.usefixtures("plain")
def test_the_table_of_a_report(digital: Evaluation) -> None:
    text = _words(report(digital, ablations=[ABLATION]).to_html())
    assert "Which imperfection costs what: mine" in text
    assert (
        "200 images, 2 chips, read 1 day, global compensation: 45.0 % with all non-idealities, 90.0 % with none" in text
    )
    table = text.partition("In numbers")[2]
    assert "drift device 60.0 % 30.0 ± 14.1 60.0 % 15.0 ± 7.1" in table
    assert "converter gain circuit 85.0 % 5.0 ± 7.1 40.0 % -5.0 ± 7.1" in table


@pytest.mark.usefixtures("plain")
def test_the_temperature_of_an_ablation(digital: Evaluation) -> None:
    """In the page and in the plain values."""
    warm = replace(ABLATION, condition=Condition(3600.0, "column", 360.0))
    whole = report(digital, ablations=[ABLATION, warm])
    assert "2 chips, read 1 hour, column compensation, 360 K: 45.0 %" in _words(whole.to_html())
    assert [a["temperature_k"] for a in json.loads(whole.to_json())["ablations"]] == [None, 360.0]


@pytest.mark.usefixtures("plain")
def test_a_report_without_says_nothing_of_it(digital: Evaluation) -> None:
    whole = report(digital)
    assert "imperfection" not in whole.to_html()
    assert json.loads(whole.to_json())["ablations"] == []


@pytest.mark.usefixtures("plain")
def test_several_and_strange_names(digital: Evaluation) -> None:
    bad = '<script>alert("x")</script>'
    other = replace(ABLATION, name=bad, effects=(replace(DRIFT, name=bad),))
    whole = report(digital, ablations=[ABLATION, other])
    page = whole.to_html()
    assert page.count("<h2>Which imperfection costs what") == 2
    assert "<script" not in page
    assert [a["name"] for a in json.loads(whole.to_json())["ablations"]] == ["mine", bad]
    assert json.loads(whole.to_json())["ablations"][0] == ABLATION.to_dict()
