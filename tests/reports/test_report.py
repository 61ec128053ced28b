"""Reports: one page with everything in it, the same numbers as JSON and CSV, written whole or not at all."""

import csv
import html
import io
import json
import math
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch import nn

from mho import Condition, Evaluation, FileError, Program, evaluate, report
from mho.core import bibliography, cited_keys, format_quantity
from mho.reports import _figures as figures
from mho.reports import provenance

FILES = ["accuracy.csv", "cost.csv", "index.html", "placement.csv", "programs", "references.bib", "report.json"]
VOID = {"meta", "br", "img", "hr", "input", "link"}


class Page(HTMLParser):
    """Reads a page, checks that its elements are balanced, and keeps text and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "data", "poster", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def all_three(analog: Evaluation, digital: Evaluation, single: Evaluation) -> tuple[Evaluation, ...]:
    return analog, digital, single


@pytest.fixture(scope="module")
def page(all_three: tuple[Evaluation, ...]) -> str:
    return report(all_three, "three <small> ones", ["a note & more"]).to_html()


def test_the_page_needs_nothing_else(page: str) -> None:
    read = Page(page)
    assert page.startswith("<!doctype html>")
    assert not read.tags & {"script", "link", "iframe", "object", "embed", "img", "form"}
    assert "@import" not in page
    assert not re.search(r"url\(\s*['\"]?(?!#)", page)
    outside = {link for link in read.links if not link.startswith("#")}
    fields = "\n".join(bibliography().values())
    assert outside
    for link in outside:
        assert link.startswith("https://")
        assert link.removeprefix("https://doi.org/") in fields
    assert {link[1:] for link in read.links if link.startswith("#ref-")} <= set(read.ids)


def test_the_page_says_everything(page: str, all_three: tuple[Evaluation, ...]) -> None:
    text = Page(page).text
    assert "three <small> ones" in text
    assert "a note & more" in text
    for e in all_three:
        assert e.name in text
        assert e.program.chip.title in text
        assert e.program.chip.fingerprint() in text
        assert e.program.quant.graph.fingerprint() in text
        assert f"seed {e.run.seed}, chips 0 to {e.run.instances - 1}" in text
        for _, fields, reason in e.assumed() + e.fitted():
            assert fields in text
            assert " ".join(reason.split()) in text
        for warning in e.warnings:
            assert warning in text
        for key in cited_keys(e.program.chip):
            assert f"[{key}]" in text
        for row in e.accuracy():
            assert f"{100 * row.mean:.2f} %" in text
    for name, version in provenance()["versions"].items():
        assert f"{name} {version}" in text
    assert "Undefined" not in page
    assert not re.search(r"\bnan\b", text)


def test_blocks_that_one_of_the_evaluations_has_not(
    page: str, single: Evaluation, analog: Evaluation, all_three: tuple[Evaluation, ...]
) -> None:
    text = Page(page).text
    assert "digital operators" not in {p.name for p in single.cost.parts}
    turned = Page(report([single, analog]).to_html()).text
    for words in (text, turned):
        table = words.partition("Energy by block")[2]
        assert "digital operators" in table


def test_an_error_bar_and_what_is_not_counted(page: str, all_three: tuple[Evaluation, ...]) -> None:
    text = " ".join(Page(page).text.split())
    for e in all_three:
        limits = e.summary().energy_range
        assert limits is not None
        low, high = (format_quantity(v, "J") for v in limits)
        assert f"({low} to {high})" in text
        assert f"Not counted in {e.program.chip.name}: wires between tiles and digital unit, clock tree" in text


def test_one_evaluation(single: Evaluation) -> None:
    one = report(single)
    assert one.title == "one layer on tile2-rram"
    text = Page(one.to_html()).text
    assert text.startswith("one layer on tile2-rram")
    assert "1 evaluation on 6 images" in text
    assert "1 hour" in text
    assert "right away" not in text.partition("How accurate")[0]


def test_at_least_one() -> None:
    with pytest.raises(ValueError, match=r"^a report needs at least one evaluation$"):
        report([])


def test_only_compensated_or_nothing_known(analog: Evaluation) -> None:
    run = replace(analog.run, conditions=analog.run.conditions[3:4], outputs=analog.run.outputs[3:4], layer_errors={})
    one = report(replace(analog, run=run, float_accuracy=math.nan))
    assert not re.search(r"\bnan\b", Page(one.to_html()).text)
    assert json.loads(one.to_json())["evaluations"][0]["float_accuracy"] is None


def test_what_users_wrote_is_text() -> None:
    bad = '<script>alert("x")</script>'
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module(bad, nn.Linear(20, 3))
    e = evaluate(network, "dimc-sram", (torch.randn(4, 20), torch.zeros(4, dtype=torch.long)), instances=1)
    chip = replace(e.program.chip, name=bad, title=bad + "[/]")
    e = replace(e, name=bad, program=replace(e.program, chip=chip), warnings=(bad,))
    page = report(e, bad, [bad]).to_html()
    assert bad in {n.name for n in e.program.quant.graph.nodes}
    assert "<script" not in page
    assert html.escape(bad, quote=False) in page.replace("&#34;", '"')
    assert "script" not in Page(page).tags


def test_chips_of_one_name_are_kept_apart(digital: Evaluation) -> None:
    other = replace(digital.program.chip, title="the same with more tiles", tiles=99)
    second = replace(digital, program=replace(digital.program, chip=other))
    page = report([digital, second]).to_html()
    assert "<h2>the same with more tiles</h2>" in page
    assert f"<h2>{digital.program.chip.title}</h2>" in page
    assert report([digital, replace(digital, name="again")]).to_html().count("Where the layers sit") == 1


def test_json(all_three: tuple[Evaluation, ...]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    table = json.loads(report(all_three, "t", ["n"]).to_json(), parse_constant=refuse)
    assert list(table) == ["schema", "title", "notes", "versions", "threads", "evaluations", "ablations", "references"]
    assert (table["schema"], table["title"], table["notes"], table["threads"]) == (1, "t", ["n"], 1)
    assert [e["name"] for e in table["evaluations"]] == [e.name for e in all_three]
    assert "numpy" in table["versions"]


def test_tables_add_up(all_three: tuple[Evaluation, ...]) -> None:
    whole = report(all_three)
    rows = list(csv.DictReader(io.StringIO(whole.cost_csv())))
    accuracies = list(csv.DictReader(io.StringIO(whole.accuracy_csv())))
    places = list(csv.DictReader(io.StringIO(whole.placement_csv())))
    for e in all_three:
        total = e.cost.total
        own = [r for r in rows if r["evaluation"] == e.name]
        for column, value in (("energy_j", total.energy), ("latency_s", total.latency), ("area_m2", total.area)):
            assert math.fsum(float(r[column]) for r in own) == pytest.approx(value, rel=1e-12)
        mine = [r for r in accuracies if r["evaluation"] == e.name]
        assert len(mine) == len(e.run.conditions) * e.run.instances
        table = e.run.accuracy(e.labels).flatten().tolist()
        assert [float(r["accuracy"]) for r in mine] == table
        blocks = e.program.placement.blocks
        assert [(r["layer"], int(r["tile"])) for r in places if r["evaluation"] == e.name] == [
            (b.layer, b.tile) for b in blocks
        ]


def _warm(e: Evaluation, *conditions: Condition) -> Evaluation:
    """Return an evaluation with the same outputs under other conditions."""
    return replace(e, run=replace(e.run, conditions=conditions, outputs=e.run.outputs[: len(conditions)]))


def test_temperature_in_the_table_of_accuracies(analog: Evaluation) -> None:
    """A column of its own; empty if the chip is read as warm as it was written."""
    warm = _warm(analog, Condition(0.0), Condition(0.0, "global", 350.5), Condition(60.0, "none", 300.0))
    text = report(warm).accuracy_csv()
    assert text.splitlines()[0] == "evaluation,chip,time_s,compensation,temperature_k,instance,accuracy"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["time_s"], r["compensation"], r["temperature_k"], r["instance"]) for r in rows] == [
        (time, compensation, kelvin, str(i))
        for time, compensation, kelvin in (("0.0", "none", ""), ("0.0", "global", "350.5"), ("60.0", "none", "300.0"))
        for i in range(3)
    ]
    assert [float(r["accuracy"]) for r in rows] == warm.run.accuracy(warm.labels).flatten().tolist()
    told = json.loads(report(warm).to_json())["evaluations"][0]["accuracy"]
    assert [r["temperature_k"] for r in told] == [None, 350.5, 300.0]


def test_one_picture_of_a_chip_at_several_temperatures(analog: Evaluation) -> None:
    """Cost and placement are the same, so they are shown once."""
    pages = [replace(_warm(analog, Condition(0.0, "none", k)), name=f"at {k:g} K") for k in (300.0, 360.0)]
    page = report(pages).to_html()
    assert page.count("Where the layers sit") == 1
    assert "at 300 K" in page
    assert "at 360 K" in page


def test_the_page_says_which_temperature(analog: Evaluation) -> None:
    """`Condition(temperature=...)` for one evaluation at several of them."""
    warm = _warm(analog, Condition(3600.0, "none", 300.0), Condition(3600.0, "none", 360.0))
    text = Page(report(warm).to_html()).text.partition("All accuracies")[2]
    assert "300 K" in text
    assert "360 K" in text


def test_the_figure_at_a_temperature(analog: Evaluation) -> None:
    """One point at each time: where time 0 is compensated too, that is the point of the line with compensation."""
    warm = _warm(
        analog,
        Condition(0.0, "none", 360.0), Condition(60.0, "none", 360.0),
        Condition(0.0, "global", 360.0), Condition(60.0, "global", 360.0),
    )  # fmt: skip
    axes = figures.accuracy_over_time([warm]).axes[0]
    lines = {str(line.get_label()): line for line in axes.lines if "compensation" in str(line.get_label())}
    means = [100 * r.mean for r in warm.accuracy()]
    for words, expected in (("without compensation", means[:2]), ("with compensation", means[2:])):
        (line,) = [v for k, v in lines.items() if k.endswith(words)]
        assert list(line.get_xdata()) == [0, 1]
        assert list(line.get_ydata()) == pytest.approx(expected)


def test_names_with_commas_and_quotes(digital: Evaluation) -> None:
    name = 'a, "b"\nc'
    rows = list(csv.DictReader(io.StringIO(report(replace(digital, name=name)).cost_csv())))
    assert {r["evaluation"] for r in rows} == {name}


def test_bibliography(all_three: tuple[Evaluation, ...]) -> None:
    text = report(all_three).bibliography()
    keys = cited_keys(*(e.program.chip for e in all_three))
    assert re.findall(r"(?m)^@\w+\{([^,]+),", text) == keys


def test_same_run_same_bytes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, x, y = nn.Linear(20, 3), torch.randn(6, 20), torch.arange(6) % 3
    saved: list[dict[str, bytes]] = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        page = report(evaluate(network, "hermes", (x, y), instances=2, seed=3), "same").save(folder)
        assert page == folder / "index.html"
        assert sorted(os.listdir(folder)) == FILES
        assert os.listdir(folder / "programs") == ["hermes.mho"]
        saved.append({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert saved[0] == saved[1]
    assert Program.load(tmp_path / "a" / "programs" / "hermes.mho").chip.name == "hermes"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the drawing of figures where a test is about files."""
    monkeypatch.setattr("mho.reports.Report.to_html", lambda self: f"<p>{self.title}</p>")


@pytest.mark.usefixtures("light")
def test_programs_of_equal_names_are_numbered(tmp_path: Path, digital: Evaluation) -> None:
    names = ["a b", "A-B", "a b", "...", "größe"]
    report([replace(digital, name=n) for n in names]).save(tmp_path)
    assert sorted(os.listdir(tmp_path / "programs")) == [
        "a-b-2.mho",
        "a-b-3.mho",
        "a-b.mho",
        "größe.mho",
        "program.mho",
    ]


@pytest.mark.usefixtures("light")
def test_a_folder_that_cannot_be(tmp_path: Path, digital: Evaluation) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"^cannot write .*; choose a folder that can be written$"):
        report(digital).save(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_midway(
    tmp_path: Path, digital: Evaluation, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    old, new = report(digital, "old"), report(replace(digital, name="other"), "new")
    old.save(tmp_path / "out")
    new.save(tmp_path / "new")
    before, after = _contents(tmp_path / "out"), _contents(tmp_path / "new")
    replace_file, calls = os.replace, 0

    def fail(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileError if isinstance(error, OSError) else KeyboardInterrupt):
        new.save(tmp_path / "out")
    monkeypatch.undo()
    now = _contents(tmp_path / "out")
    assert now.keys() <= before.keys() | after.keys()
    assert all(data in (before.get(name), after.get(name)) for name, data in now.items())
    assert now["index.html"] == before["index.html"]


def test_a_page_that_cannot_be_drawn_leaves_all_as_it_was(
    tmp_path: Path, digital: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> str:
        raise RuntimeError("no picture")

    monkeypatch.setattr("mho.reports.Report.to_html", fail)
    with pytest.raises(RuntimeError, match="no picture"):
        report(digital).save(tmp_path / "out")
    assert os.listdir(tmp_path) == []
