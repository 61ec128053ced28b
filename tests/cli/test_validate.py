"""mho validate silicon: tables, files, own chips, bad input."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mho.cost import read_silicon

OWN = "name,device,domain,mac_principle,node_nm,vdd_v,rows,cols,weight_bits,input_bits,peak_tops_per_w\nmine,SRAM,digital,tree,7,0.7,128,64,8,8,30\n"  # noqa: E501


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only digital chips: a few fits instead of seventy."""
    import mho.cost

    def read(file: str | Path = "uiuc") -> list[mho.cost.Measured]:
        return [p for p in read_silicon(file) if p.macro.principle == "digital"][:8]

    monkeypatch.setattr(mho.cost, "read_silicon", read)


@pytest.mark.usefixtures("few")
def test_tables_and_files(cli: Any, tmp_path: Path) -> None:
    own = tmp_path / "mine.csv"
    own.write_text(OWN)
    table, picture, trend = tmp_path / "all.csv", tmp_path / "silicon.svg", tmp_path / "trend.svg"
    code, out, _ = cli(
        "validate", "silicon", "--chips", str(own), "--each", "--csv", str(table), "--picture", str(picture),
        "--trend", str(trend),
    )  # fmt: skip
    assert code == 0
    assert "digital" in out
    assert "mine" in out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 8 + 8 + 1
    mine = rows[-1]
    assert mine["chip"] == "mine"
    ratio = float(mine["energy_j_per_1b_operation"]) / float(mine["predicted_energy_j"])
    assert float(mine["energy_measured_over_predicted"]) == pytest.approx(ratio)
    assert "<svg" in picture.read_text()
    assert "figures against the year" in out
    assert "a year (" in trend.read_text()


@pytest.mark.usefixtures("few")
def test_json(cli: Any) -> None:
    code, out, _ = cli("validate", "--json")
    assert code == 0
    assert len(json.loads(out)) == 16


def test_bad_input(cli: Any, tmp_path: Path) -> None:
    code, _, err = cli("validate", "gold")
    assert code == 2
    assert "only silicon can be validated" in err
    code, _, err = cli("validate", "silicon", "--chips", str(tmp_path / "no.csv"))
    assert code == 2
    assert "does not exist" in err
    code, _, err = cli("validate", "silicon", "--trend", str(tmp_path / "x.bmp"))
    assert code == 2
    assert ".svg" in err
    code, _, err = cli("validate", "silicon", "--picture", str(tmp_path / "x.bmp"))
    assert code == 2
    assert ".svg" in err
