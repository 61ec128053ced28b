"""mho run: the main job, on few images."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mho import Chip, Program

PLAN = ["plain on hermes", "noise-tuned on hermes", "noise-tuned on tile2-rram", "plain on dimc-sram"]


def test_the_main_job(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("run", "--images", 20, "--instances", 1, "--out", "out", "--json", "sub/numbers.json")
    assert (code, out) == (0, "")
    assert sorted(os.listdir()) == ["out", "sub"]
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*") if p.is_file()) == [
        "accuracy.csv", "cost.csv", "index.html", "placement.csv",
        "programs/noise-tuned-on-hermes.mho", "programs/noise-tuned-on-tile2-rram.mho",
        "programs/plain-on-dimc-sram.mho", "programs/plain-on-hermes.mho", "references.bib", "report.json",
    ]  # fmt: skip
    text = Path("sub/numbers.json").read_text()
    assert text == Path("out/report.json").read_text()
    numbers = json.loads(text)
    assert [e["name"] for e in numbers["evaluations"]] == PLAN
    assert {e["images"] for e in numbers["evaluations"]} == {20}
    assert [len(e["accuracy"]) for e in numbers["evaluations"]] == [5, 5, 3, 3]
    for e in numbers["evaluations"]:
        assert e["chip_sha256"] == Chip.load(e["chip"]).fingerprint()
        assert e["float_accuracy"] >= 0.8
        assert e["accuracy"][0]["mean"] >= 0.7
        assert 0 < e["energy_j"] < 1e-3
        assert 0 < e["latency_s"] < 0.1
        assert len(e["layer_errors"]) == 20
    plain, tuned, _, dimc = numbers["evaluations"]
    assert plain["accuracy"][2]["mean"] < plain["accuracy"][4]["mean"]  # a year: bare, and compensated
    assert tuned["accuracy"][2]["mean"] < tuned["accuracy"][4]["mean"]
    assert len({row["mean"] for row in dimc["accuracy"]}) == 1
    with open("out/accuracy.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5 + 5 + 3 + 3
    assert Program.load("out/programs/plain-on-hermes.mho").placement.tiles_used == plain["tiles_used"]
    # the table on stderr fits 80 columns, with every number whole
    lines = err.splitlines()
    table = [line for line in lines if line.startswith(("│", "┃"))]
    assert table
    assert all(len(line) <= 80 for line in table)
    assert "…" not in "".join(table)
    for e in numbers["evaluations"]:
        first = e["accuracy"][0]
        assert any("right away" in line and f"{100 * first['mean']:.1f} ±" in line for line in table)
        assert any("float32" in line and f"{100 * e['float_accuracy']:.1f} %" in line for line in table)
    assert (tmp_path / "out" / "index.html").as_uri() in err


@pytest.mark.parametrize("kind", ["grey", "classes"])
def test_images_that_do_not_fit(cli: Any, desk: Path, kind: str) -> None:
    shape, label = ((8, 8), 0) if kind == "grey" else ((8, 8, 3), 10)
    out = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(out, "png")
    pq.write_table(pa.table({"img": [{"bytes": out.getvalue()}], "label": [label]}), desk / "own.parquet")
    before = sorted(os.listdir(desk))
    code, printed, err = cli("run", "--data", "own.parquet", "--instances", 1)
    assert (code, printed) == (2, "")
    assert err.splitlines()[-1].startswith(
        "mho: own.parquet has 1 channels, but 3 means and 3 deviations are given; "
        if kind == "grey"
        else "mho: labels must be 0 to 9 for a network with 10 outputs, not 10 to 10; give the data it was trained for"
    )
    assert "Traceback" not in err
    assert sorted(os.listdir(desk)) == before


def test_a_place_that_cannot_be(cli: Any, desk: Path) -> None:
    code, out, err = cli("run", "--out", "mine.toml")
    assert (code, out) == (2, "")
    assert (
        err == f"mho: cannot write mine.toml: {desk / 'mine.toml'} is no folder; choose a folder that can be written\n"
    )
