"""mho evaluate: networks, chips and images of the user's own; every wrong input is one sentence."""

import csv
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import mho
from mho import Chip, ablate, default_conditions, evaluate
from mho.core import FileError
from mho.reports import Evaluation
from mho.samples import load_images

FILES = ["accuracy.csv", "cost.csv", "index.html", "placement.csv", "programs", "references.bib", "report.json"]


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the drawing of figures where a test is about something else."""
    monkeypatch.setattr("mho.reports.Report.to_html", lambda self: f"<p>{self.title}</p>")


def test_a_factory_on_two_chips(cli: Any, desk: Path) -> None:
    code, out, err = cli(
        "evaluate", "desk_networks:small", "--data", "data.parquet", "--chip", "mine.toml", "--chip", "dimc-sram",
        "--instances", 2, "--times", "30 d,0 s, 1 h,0 s", "--out", "here/out", "--json", "numbers.json", "--seed", 5,
        "--images", 6,
    )  # fmt: skip
    assert (code, out) == (0, "")
    text = " ".join(err.split())
    assert "small on mine" in text
    assert "a [small] chip [/]" in text
    assert (desk / "here" / "out" / "index.html").as_uri() in err
    assert "relaxation" in text  # 30 days are outside the known range
    assert sorted(os.listdir("here/out")) == FILES
    assert sorted(os.listdir("here/out/programs")) == ["small-on-dimc-sram.mho", "small-on-mine.mho"]
    numbers = json.loads(Path("numbers.json").read_text())
    assert Path("numbers.json").read_text() == Path("here/out/report.json").read_text()
    assert numbers["title"] == "desk_networks:small on mine, dimc-sram"
    for e, chip in zip(numbers["evaluations"], ("mine", "dimc-sram"), strict=True):
        assert (e["chip"], e["seed"], e["images"], e["instances"]) == (chip, 5, 6, 2)
        assert [a["time_s"] for a in e["accuracy"]] == [0.0, 3600.0, 30 * 86400.0]


def test_what_each_nonideality_costs(cli: Any, desk: Path) -> None:
    """For each chip that has some, with half of the instances; a digital one has none."""
    code, _, err = cli(
        "evaluate", "desk_networks:small", "--data", "data.parquet", "--chip", "mine.toml", "--chip", "dimc-sram",
        "--instances", 3, "--times", "0 s", "--seed", 5, "--images", 6, "--ablate",
    )  # fmt: skip
    assert code == 0, err
    assert "non-idealities of mine" in err
    assert "non-idealities of dimc-sram" not in err
    report = json.loads(Path("mho-report/report.json").read_text())
    assert len(report["evaluations"]) == 2
    network = importlib.import_module("desk_networks").small()
    data = load_images("data.parquet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 6)
    expected = ablate(network, Path("mine.toml"), data, name="small on mine", seed=5, instances=1)
    assert report["ablations"] == [expected.to_dict()]
    page = Path("mho-report/index.html").read_text()
    assert page.count("Which imperfection costs what: small on mine") == 1
    assert len(expected.effects) == 5
    for effect in expected.effects:
        assert f"<td>{effect.name}<div" in page


@pytest.mark.usefixtures("light")
def test_nothing_of_it_unless_asked_for(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mho.ablate", None)
    code, _, err = cli("evaluate", "desk_networks:small", "--data", "data.parquet", "--instances", 1, "--times", "0 s")
    assert code == 0, err
    assert json.loads(Path("mho-report/report.json").read_text())["ablations"] == []


@pytest.mark.usefixtures("light")
def test_an_exported_program(cli: Any, desk: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5)).eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(network, (torch.randn(2, 3, 8, 8),), dynamic_shapes=({0: batch},))
    torch.export.save(exported, desk / "net.pt2")
    code, _, err = cli("evaluate", desk / "net.pt2", "--data", "data.parquet", "--instances", 1, "--json", "n.json")
    assert code == 0, err
    numbers = json.loads(Path("n.json").read_text())
    assert [e["name"] for e in numbers["evaluations"]] == ["net on hermes"]
    assert len(numbers["evaluations"][0]["accuracy"]) == 5
    assert sorted(os.listdir("mho-report")) == FILES


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("0 s", [0.0]), ("100", [100.0]), ("1 m,2 min", [60.0, 120.0]), ("1h", [3600.0]), ("0.5 d", [43200.0]),
        ("2 y", [63072000.0]), ("20 ms", [0.02]), ("1 us", [1e-6]), ("1e3 s", [1000.0]),
    ],
)  # fmt: skip
def test_times(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch, times: str, expected: list[float]) -> None:
    seen: list[float] = []

    def stop(*_: object, conditions: Any, **__: object) -> Evaluation:
        seen.extend(c.time for c in conditions if c.compensation == "none")
        raise FileError("enough")

    monkeypatch.setattr("mho.evaluate", stop)
    assert cli("evaluate", "desk_networks:small", "--data", "data.parquet", "--times", times)[0] == 2
    assert seen == pytest.approx(expected)


OWN = {
    "a unit": ('"500 MHz"', '"500 mV"'),
    "a key": ("lanes", "lames"),
    "a range": ("lanes = 16", "lanes = -1"),
    "a preset": ('"tile2"', '"tile9"'),
    "TOML": ("[digital]", "[digital"),
}
WRONG_CHIPS = {
    "a unit": "own.toml: line 10, digital.clock: expected a number in Hz such as '1 GHz', not '500 mV'",
    "a key": "line 9, digital.lames: DigitalUnit has no such key; did you mean 'lanes'?",
    "a range": "own.toml: ",
    "a preset": "own.toml: line 5, tile: no preset 'tile9' in tiles; did you mean",
    "TOML": "own.toml: not valid TOML: ",
}


def _refused(cli: Any, desk: Path, *arguments: object) -> str:
    before = sorted(os.listdir(desk))
    code, out, err = cli("evaluate", *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert sorted(os.listdir(desk)) == before
    last = err.rstrip().splitlines()
    sentence = next(line for line in last if line.startswith("mho: "))
    assert "\n".join(last).endswith(sentence) or "\n  - " in err
    return err


@pytest.mark.parametrize("kind", OWN)
def test_a_wrong_chip(cli: Any, desk: Path, kind: str) -> None:
    (desk / "own.toml").write_text((desk / "mine.toml").read_text().replace(*OWN[kind]))
    err = _refused(cli, desk, "desk_networks:small", "--data", "data.parquet", "--chip", "own.toml")
    assert WRONG_CHIPS[kind] in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("desk_networks:small --chip herms", "mho: no preset 'herms' in chips; did you mean 'hermes'?"),
        ("desk_networks:small --chip gone.toml", "mho: gone.toml does not exist; give a TOML file or a preset"),
        ("gone.pt2", "mho: gone.pt2 does not exist; give a .pt2 or .onnx file"),
        ("mine.toml", "mho: mine.toml must end in .pt2 (torch.export.save) or .onnx"),
        ("data.pt2", "mho: data.pt2 cannot be read by torch.export.load ("),
        ("desk_networks:large", "mho: 'desk_networks' has no 'large'; give package.module:factory"),
        ("desk_networs:small", "mho: 'desk_networs:small' cannot be imported (No module named 'desk_networs'); "),
        (":small", "mho: ':small' cannot be imported (Empty module name); run mho where"),
        ("desk_broken:small", "mho: importing 'desk_broken' failed (SyntaxError: invalid syntax"),
        ("desk_networks:picky", "mho: 'desk_networks:picky' cannot be called without arguments (TypeError: picky() "
         "missing 1 required positional argument: 'argument'); give a function that returns the network"),
        ("desk_networks:failing", "mho: 'desk_networks:failing' cannot be called without arguments (RuntimeError: no "
         "weights here); give a function that returns the network"),
        ("desk_networks:number", "mho: 'desk_networks:number' cannot be called without arguments (TypeError: 'int'"),
        ("desk_networks:text", "mho: 'desk_networks:text' must return a torch nn.Module, not str"),
        ("desk_networks:Sorted", "mho: the network holds what this chip cannot run: aten.cumsum.default at "),
        ("desk_networks:image", "mho: a network must return one score per class, [images, classes], for labels "
         "[images]; it returns [images, 4, 6, 6] for labels of shape [10]"),
        ("desk_networks:nothing", "mho: the network has no convolution or linear layer, so a chip's tiles have "),
        ("desk_networks:wide --chip mine.toml", "mho: the network needs 3 tiles of 256 x 256 (115,200 weights) and "
         "chip 'mine' has 2; take a chip with more tiles or a smaller network"),
        ("desk_networks:small --times 1d,soon", "mho: --times must be times such as '0 s', '1 h' or '30 d', not"),
        ("desk_networks:small --times ,", "mho: --times must be times such as '0 s', '1 h' or '30 d', not ''"),
        ("desk_networks:small --times nand", "mho: --times must be times such as '0 s', '1 h' or '30 d', not 'nand'"),
        ("desk_networks:small --times 1e999d", "mho: --times must be times such as '0 s', '1 h' or '30 d', not"),
        ("desk_networks:small --times=-1d", "mho: --times must not be negative, not '-1d'"),
        ("desk_networks:small --times 3V", "mho: --times must be times such as '0 s', '1 h' or '30 d', not '3V'"),
        ("desk_networks:small --mean 0.5", "mho: data.parquet has 3 channels, but 1 means and 3 deviations are given; "
         "give one of each per channel (--mean, --std)"),
        ("desk_networks:small --mean a,b,c", "mho: --mean must be numbers with commas between, such as 0.5,0.5,0.5, "
         "not 'a,b,c'"),
        ("desk_networks:small --mean nan,0,0", "mho: --mean must be numbers with commas between"),
        ("desk_networks:small --std 1,1,0", "mho: --std must be above zero, not '1,1,0'"),
        ("desk_networks:small --out mine.toml", "mho: cannot write mine.toml: "),
        ("desk_networks:small --out mine.toml/report", "mho: cannot write mine.toml/report: "),
        ("desk_networks:small --json .", "mho: cannot write .: it is a folder; give the path of a file"),
        ("desk_networks:small --json mine.toml/x.json", "mho: cannot write mine.toml/x.json: "),
    ],
)  # fmt: skip
def test_wrong_input(cli: Any, desk: Path, arguments: str, sentence: str) -> None:
    (desk / "data.pt2").write_bytes(b"not a program")
    err = _refused(cli, desk, *arguments.split(), "--data", "data.parquet", "--instances", "1")
    assert any(line.startswith(sentence) for line in err.splitlines()), err


def test_wrong_place_is_told_before_the_work(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    err = _refused(cli, desk, "desk_networks:small", "--data", "data.parquet", "--out", "a/b")
    assert err == f"mho: cannot write a/b: {desk} is read-only; choose a folder that can be written\n"


WRONG_DATA: dict[str, tuple[Any, str]] = {
    "missing": (None, "own.parquet does not exist; give a Parquet file or the name of a Hugging Face set"),
    "damaged": (b"PAR1" + bytes(50) + b"PAR1", "own.parquet is not a sound Parquet file ("),
    "text": (b"a,b\n1,2\n", "own.parquet is not a sound Parquet file ("),
    "cut": (-1, "own.parquet is not a sound Parquet file ("),
    "no images": ({"label": [1]}, "own.parquet needs a column called img or image or images, but has label; rename it"),
    "no labels": ({"img": [{"bytes": b""}]}, "own.parquet needs a column called label or labels or fine_label or"),
    "empty": ({"img": [], "label": []}, "own.parquet holds no images; give a set with at least one"),
    "no pictures": ({"img": [{"bytes": b"x"}], "label": [1]}, "own.parquet holds an image that cannot be read ("),
    "numbers": ({"img": [[1, 2]], "label": [1]}, "own.parquet holds an image that cannot be read ("),
}


@pytest.mark.parametrize("kind", WRONG_DATA)
def test_wrong_data(cli: Any, desk: Path, kind: str) -> None:
    content, sentence = WRONG_DATA[kind]
    path = desk / "own.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        pq.write_table(pa.table(content), path)
    elif content == -1:
        path.write_bytes((desk / "data.parquet").read_bytes()[:-9])
    err = _refused(cli, desk, "desk_networks:small", "--data", "own.parquet")
    assert err.startswith(f"mho: {sentence}")
    assert err.count("\n") == 1


def test_images_of_another_size_than_the_network(cli: Any, desk: Path) -> None:
    from mho import capture

    torch.manual_seed(0)
    graph = capture(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(27, 5)), torch.randn(2, 3, 3, 3))
    assert graph.input.shape == (3, 3, 3)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(27, 5)).eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(network, (torch.randn(2, 3, 3, 3),), dynamic_shapes=({0: batch},))
    torch.export.save(exported, desk / "net.pt2")
    err = _refused(cli, desk, "net.pt2", "--data", "data.parquet")
    assert "mho: the calibration batch must have shape [images, 3, 3, 3], not [10, 3, 8, 8]" in err


def test_a_name_of_a_set_without_the_package(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    err = _refused(cli, desk, "desk_networks:small", "--data", "cifar10")
    assert err == (
        "mho: cifar10 is no file, and reading it from the Hugging Face hub needs the package datasets; "
        "give the path of a Parquet file, or: pip install datasets\n"
    )


# Temperature ----------------------------------------------------------------------------------------------------

PRESETS = Path(mho.__file__).parent / "data" / "chips"


@pytest.fixture
def warm(desk: Path) -> Path:
    """The desk with `hermes` of two cells that say what heat does."""
    text = (PRESETS / "hermes.toml").read_text(encoding="utf-8")
    for name, cell in (("hot", "rram-thermal"), ("flash", "nor-flash")):
        own = text.replace('name = "hermes"', f'name = "{name}"').replace('"pcm-hermes-2"', f'"{cell}"')
        (desk / f"{name}.toml").write_text(own, encoding="utf-8")
    return desk


def _numbers(cli: Any, *arguments: object) -> dict[str, Any]:
    code, out, err = cli(
        "evaluate", "desk_networks:small", "--data", "data.parquet", "--instances", 2, "--images", 6, *arguments
    )
    assert (code, out) == (0, ""), err
    return json.loads(Path("mho-report/report.json").read_text())


@pytest.mark.usefixtures("light")
def test_one_evaluation_for_each_temperature(cli: Any, warm: Path) -> None:
    """Of each chip, in the order given, with the temperature in its name and in each condition."""
    table = _numbers(
        cli, "--chip", "hot.toml", "--chip", "flash.toml", "--kelvin", 360, "--kelvin", 300.5, "--times", "0 s,1 h"
    )
    assert [e["name"] for e in table["evaluations"]] == [
        f"small on {chip}, {kelvin} K" for chip in ("hot", "flash") for kelvin in ("360", "300.5")
    ]
    for e, kelvin in zip(table["evaluations"], (360.0, 300.5) * 2, strict=True):
        assert [(a["time_s"], a["compensation"], a["temperature_k"]) for a in e["accuracy"]] == [
            (0.0, "none", kelvin), (3600.0, "none", kelvin), (0.0, "global", kelvin), (3600.0, "global", kelvin),
        ]  # fmt: skip
    assert table["title"] == "desk_networks:small on hot, flash"
    assert table["ablations"] == []
    with Path("mho-report/accuracy.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 4 * 2
    for row in rows:
        assert row["evaluation"] == f"small on {row['chip']}, {float(row['temperature_k']):g} K"
    assert sorted(os.listdir("mho-report/programs")) == sorted(
        f"small-on-{chip}--{kelvin}-K.mho".lower() for chip in ("hot", "flash") for kelvin in ("360", "300-5")
    )


@pytest.mark.usefixtures("light")
def test_the_same_as_in_python_at_a_temperature(cli: Any, warm: Path) -> None:
    """Every number, layer errors too; and it is another one than without heat."""
    (told,) = _numbers(cli, "--chip", "hot.toml", "--kelvin", 360, "--times", "0 s,1 s", "--seed", 3)["evaluations"]
    chip = Chip.load("hot.toml")
    network = importlib.import_module("desk_networks").small()
    data = load_images("data.parquet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 6)
    errors = []
    for kelvin in (360.0, None):
        conditions = default_conditions(chip, (0.0, 1.0), kelvin)
        e = evaluate(network, chip, data, name="small on hot, 360 K", seed=3, instances=2, conditions=conditions)
        errors.append(json.loads(json.dumps(e.to_dict()))["layer_errors"])
        if kelvin is not None:
            assert json.loads(json.dumps(e.to_dict())) == told
    assert errors[0] != errors[1]


@pytest.mark.usefixtures("light")
def test_no_temperature_unless_asked_for(cli: Any, warm: Path) -> None:
    """As written: nothing is compensated right away, and the name says no temperature."""
    (e,) = _numbers(cli, "--chip", "hot.toml", "--times", "0 s,1 s")["evaluations"]
    assert e["name"] == "small on hot"
    assert [(a["time_s"], a["compensation"], a["temperature_k"]) for a in e["accuracy"]] == [
        (0.0, "none", None), (1.0, "none", None), (1.0, "global", None),
    ]  # fmt: skip


def test_temperatures_in_the_printed_table(cli: Any, warm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And in the page, whose figures are drawn."""
    monkeypatch.setenv("COLUMNS", "150")
    code, _, err = cli(
        "evaluate", "desk_networks:small", "--data", "data.parquet", "--instances", 1, "--images", 4,
        "--chip", "hot.toml", "--kelvin", 300, "--kelvin", 360, "--times", "0 s",
    )  # fmt: skip
    assert code == 0, err
    page = Path("mho-report/index.html").read_text()
    for kelvin in (300, 360):
        (line,) = [line for line in err.splitlines() if f"│ small on hot, {kelvin} K" in line]
        assert "float32" in line
        assert f"small on hot, {kelvin} K" in page
    (right_away, _) = [line for line in err.splitlines() if "right away" in line]
    assert right_away.count("±") == 2  # without compensation and with


COLD = (
    "mho: --kelvin needs cells that say what heat does, not those of {}; put one into an analog tile, such as cell = "
    '"rram-thermal", or type = "Thermal" around its own\n'
)


@pytest.mark.parametrize(
    ("chips", "named"),
    [
        (["hermes"], "hermes"),
        (["dimc-sram"], "dimc-sram"),
        (["mine.toml", "hot.toml"], "mine"),
        (["hot.toml", "tile2-rram", "flash.toml", "hermes"], "tile2-rram, hermes"),
    ],
)
def test_cells_that_do_not_say_what_heat_does(
    cli: Any, warm: Path, monkeypatch: pytest.MonkeyPatch, chips: list[str], named: str
) -> None:
    """Refused before images or the network are touched; only the chips that cannot are named."""
    monkeypatch.setattr("mho.samples.load_images", None)
    monkeypatch.setattr("mho.evaluate", None)
    monkeypatch.setattr("mho.capture", None)
    options = [o for c in chips for o in ("--chip", c)]
    err = _refused(cli, warm, "desk_networks:small", "--data", "data.parquet", "--kelvin", 300, *options)
    assert err == COLD.format(named)


@pytest.mark.parametrize("value", ["0", "0.5", "-300", "nan", "-inf", "inf", "1e300", "warm", "300K", ""])
def test_what_is_no_temperature(cli: Any, warm: Path, value: str) -> None:
    before = sorted(os.listdir(warm))
    code, out, err = cli(
        "evaluate", "desk_networks:small", "--data", "data.parquet", "--chip", "hot.toml", f"--kelvin={value}"
    )
    assert (code, out) == (2, "")
    assert "--kelvin" in err
    assert "Traceback" not in err
    assert sorted(os.listdir(warm)) == before


ABLATED = ("--ablate", "--times", "0 s", "--images", 4)


@pytest.mark.usefixtures("light")
def test_ablations_beside_temperatures(cli: Any, warm: Path) -> None:
    """Every chip's non-idealities are told, temperature among them; a chip alone has no temperature in its name."""
    table = _numbers(cli, "--chip", "hot.toml", "--chip", "flash.toml", "--kelvin", 300, "--kelvin", 360, *ABLATED)
    assert len(table["evaluations"]) == 4
    assert {a["name"].partition(",")[0] for a in table["ablations"]} == {"small on hot", "small on flash"}
    for a in table["ablations"]:
        assert "temperature" in {e["name"] for e in a["effects"]}


@pytest.mark.usefixtures("light")
def test_what_heat_costs_is_told_at_the_temperature_asked_for(cli: Any, warm: Path) -> None:
    """An ablation for each evaluation, or at one of the temperatures: never as written, where heat is switched off."""
    table = _numbers(cli, "--chip", "hot.toml", "--kelvin", 360, *ABLATED)
    assert {a["temperature_k"] for a in table["ablations"]} == {360.0}
