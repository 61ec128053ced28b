"""mho cost: a chip, a network on chips, files, bad input."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mho.cost import load_law


def test_a_chip(cli: Any) -> None:
    code, out, _ = cli("cost", "dimc-sram", "--vs", "hermes", "--assumed")
    assert code == 0
    assert "TOPS/W" in out
    assert "Assumed in dimc-sram" in out
    assert "Not counted: wires between tiles and digital unit, clock tree, control," in " ".join(out.split())
    code, out, _ = cli("cost", "hermes", "--json")
    (row,) = json.loads(out)
    assert row["tops_per_watt"] == pytest.approx(9.76, rel=0.01)
    cheap, dear = load_law("current").energy_range
    assert row["tops_per_watt_range"] == pytest.approx([row["tops_per_watt"] / dear, row["tops_per_watt"] / cheap])
    area = sum(row["area_m2"].values())
    assert row["tops"] / (area * 1e6) == pytest.approx(row["tops_per_mm2"])


def test_with_a_network(cli: Any) -> None:
    code, out, _ = cli("cost", "hermes", "--network", "h-tree")
    assert code == 0
    assert "area, network" in out
    assert "HTree of 64 bits a tile" in " ".join(out.split())
    (bare,) = json.loads(cli("cost", "hermes", "--json")[1])
    (wired,) = json.loads(cli("cost", "hermes", "--network", "h-tree", "--json")[1])
    assert wired["chip"] == "hermes, h-tree"
    assert wired["tops"] < 0.6 * bare["tops"]
    assert sum(wired["area_m2"].values()) - sum(bare["area_m2"].values()) == pytest.approx(wired["area_m2"]["network"])
    code, _, err = cli("cost", "hermes", "--network", "h-treee")
    assert code == 2
    assert "did you mean 'h-tree'?" in err


def test_another_node(cli: Any) -> None:
    code, out, _ = cli("cost", "dimc-sram", "--node", "7 nm", "--supply", "0.7 V", "--json")
    assert code == 0
    (small,) = json.loads(out)
    (large,) = json.loads(cli("cost", "dimc-sram", "--json")[1])
    assert small["tops_per_watt"] > 2 * large["tops_per_watt"]
    assert 0 < small["die_dollars"] < large["die_dollars"]
    code, _, err = cli("cost", "dimc-sram", "--supply", "0.7 V")
    assert code == 2
    assert "goes with --node" in err


def test_a_network(cli: Any, tmp_path: Path) -> None:
    table, picture = tmp_path / "cost.csv", tmp_path / "cost.svg"
    code, out, _ = cli("cost", "resnet20", "dimc-sram", "--csv", str(table), "--picture", str(picture))
    assert code == 0
    assert "layer1.0.conv1" in out
    assert "TOPS/W of the network's own" in out
    assert "Error bar: 13 uJ to 30 uJ for two of three chips" in " ".join(out.split())
    rows = list(csv.DictReader(table.read_text().splitlines()))
    code, out, _ = cli("cost", "resnet20", "dimc-sram", "--json")
    (tree,) = json.loads(out)
    total = sum(float(r["energy_j"]) for r in rows)
    assert total == pytest.approx(tree["cost"]["energy_j"])
    assert "control" in tree["uncounted"]
    low, high = load_law("digital").energy_range
    assert tree["energy_range_j"] == pytest.approx([low * total, high * total])
    assert {(float(r["energy_times_low"]), float(r["energy_times_high"])) for r in rows} == {(low, high)}
    assert "<svg" in picture.read_text()


def test_a_network_of_ones_own(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_cost.py").write_text(
        "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 4))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code, out, _ = cli("cost", "mine_cost:net", "dimc-sram", "--shape", "3,2,2", "--exact")
    assert code == 0
    assert "normal noise" in out
    code, _, err = cli("cost", "mine_cost:net", "dimc-sram", "--shape", "3,x")
    assert code == 2
    assert "--shape must be whole numbers" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b", "c"), "a chip, or a network and a chip"),
        (("hermes", "--exact"), "need a network before the chip"),
        (("m:f", "hermes"), "needs either --data"),
        (("resnet20", "hermes", "--shape", "3,32,32"), "comes with its images"),
        (("resnet20", "hermes", "--picture", "x.bmp"), ".svg"),
    ],
)
def test_bad_input(cli: Any, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = cli("cost", *arguments)
    assert code == 2
    assert message in err
