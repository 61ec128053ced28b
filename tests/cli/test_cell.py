"""mho cell: what a memory cell does, as a table, as JSON and as a picture."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import mho.devices
from mho.devices import LEVELS, load_cell, survey

DEVICES = Path(mho.devices.__file__).parent.parent / "data" / "devices"


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no line is broken."""
    monkeypatch.setattr("mho.cli._show.answers", Console(width=200))


def _rows(out: str) -> list[list[str]]:
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in out.splitlines() if line[:1] in "│┃"]


@pytest.mark.parametrize("name", ["rram", "pcm", "sram", "dram", "rram-15-levels", "rram-written"])
def test_json(cli: Any, name: str) -> None:
    code, out, err = cli("cell", name, "--json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert list(table) == [
        "cell", "range_s", "targets_s", "times_s", "mean_s", "sigma_s", "error", "levels", "overlap", "write",
        "area_m2", "restore", "refresh_w", "area_f2", "bits", "area_m2_per_bit",
    ]  # fmt: skip
    cell = load_cell(name)
    expected = survey(cell)
    costs = cell.costs()
    assert table["cell"] == name
    assert table["range_s"] == list(cell.range)
    assert table["times_s"] == [None, 0.0, 86400.0]
    assert table["targets_s"] == expected.targets.tolist()
    assert table["mean_s"] == expected.mean.tolist()
    assert table["sigma_s"] == expected.sigma.tolist()
    assert table["error"] == expected.error.tolist()
    assert table["levels"] == list(LEVELS)
    assert table["overlap"] == expected.overlap.tolist()
    assert table["write"] == {"energy_j": costs["write"].energy, "latency_s": costs["write"].latency}
    assert table["area_m2"] == costs["part"].area
    forgets = name == "dram"
    assert table["restore"] == (table["write"] if forgets else None)
    assert table["refresh_w"] == (costs["refresh"].leakage if forgets else None)
    assert table["area_f2"] == pytest.approx(table["area_m2"] / cell.within.feature_size**2)
    most = max(n for n, o in zip(LEVELS, table["overlap"][-1], strict=True) if o <= 0.01 and n <= (cell.states or n))
    assert 2 ** table["bits"] == pytest.approx(most)
    assert table["area_m2_per_bit"] == pytest.approx(table["area_m2"] / table["bits"], abs=0)


def test_times_are_sorted_and_writing_comes_first(cli: Any) -> None:
    code, out, err = cli("cell", "rram", "--time", 86400, "--time", 1, "--time", 3600, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["times_s"] == [None, 1.0, 3600.0, 86400.0]


def test_temperature(cli: Any) -> None:
    def of(*arguments: object) -> Any:
        code, out, err = cli("cell", *arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    assert of("rram-thermal", "--kelvin", 300) == of("rram-thermal")
    hot = of("rram-thermal", "--kelvin", 360, "--time", 10)
    expected = survey(load_cell("rram-thermal").at_temperature(360.0), (None, 10.0))
    assert hot["mean_s"] == expected.mean.tolist()
    assert hot["mean_s"] != of("rram-thermal", "--time", 10)["mean_s"]
    assert of("pcm", "--kelvin", 360) == of("pcm")


def test_as_a_table(cli: Any, wide: None) -> None:
    """By hand: an ideal cell without noise errs nowhere; two levels are told by all cells, 64 by few."""
    code, out, err = cli("cell", "rram-telegraph", "--time", 0)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].strip() == "rram-telegraph: 0 S to 40 uS"
    rows = _rows(out)
    assert rows[0] == ["", "just written", "right away"]
    r = survey(load_cell("rram-telegraph"), (None, 0.0))
    assert rows[1] == ["error over all states (rms, of the range)", *(f"{100 * float(e):.2f} %" for e in r.error)]
    for k, (state, i) in enumerate((("lowest", 0), ("middle", 5), ("highest", 10))):
        spread = [f"{1e6 * float(s):.3g} uS" for s in r.sigma[:, i]]
        assert rows[2 + k] == [f"spread between cells, {state} state", *spread]
    for k, count in enumerate((2, 4, 8, 16, 32, 64)):
        shares = [f"{100 * float(o):.2g} %" for o in r.overlap[:, k]]
        assert rows[5 + k] == [f"read as another of {count} levels", *shares]
    assert lines[-1].strip() == (
        "writing one cell: 600 fJ, 1 us; area 2.1 um2 (124 F2); 2 bits a cell (at most 1 % read as another level; "
        "right away), 1.05 um2 a bit; non-idealities: relaxation, read noise, telegraph noise"
    )


def test_a_cell_without_any_error(cli: Any, wide: None) -> None:
    code, out, err = cli("cell", "sram")
    assert (code, err) == (0, "")
    rows = _rows(out)
    assert rows[0] == ["", "just written", "right away", "1 day"]
    assert [set(row[1:]) for row in rows[1:]] == [{"0.00 %"}] + 3 * [{"0 uS"}] + 6 * [{"0 %"}]
    assert out.splitlines()[-1].strip() == (
        "writing one cell: 1 fJ, 1 ns; area 0.127 um2 (162 F2); 1 bit a cell "
        "(at most 1 % read as another level; 1 day), 0.127 um2 a bit; non-idealities: none"
    )


def test_a_file(cli: Any, desk: Path) -> None:
    shutil.copy(DEVICES / "rram-telegraph.toml", desk / "own.toml")
    code, out, err = cli("cell", "own.toml", "--json")
    assert (code, err) == (0, "")
    _, preset, _ = cli("cell", "rram-telegraph", "--json")
    assert json.loads(out) == json.loads(preset) | {"cell": "own.toml"}


def test_a_name_with_brackets(cli: Any, desk: Path, wide: None) -> None:
    shutil.copy(DEVICES / "sram.toml", desk / "my[red]cell.toml")
    code, out, err = cli("cell", "my[red]cell.toml")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].strip().startswith("my[red]cell.toml: ")


MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "SVG"])
def test_a_picture(cli: Any, desk: Path, ending: str) -> None:
    path = Path(f"new/folder/cell.{ending}")
    code, out, err = cli("cell", "sram", "--picture", path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["cell"] == "sram"
    assert path.read_bytes().startswith(MAGIC[ending.lower()])
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing half-written beside it


@pytest.mark.parametrize(
    "ending",
    ["svg", "png", "pdf"],
)
def test_same_picture_same_bytes(cli: Any, desk: Path, ending: str) -> None:
    for name in ("a", "b"):
        assert cli("cell", "sram", "--picture", f"{name}.{ending}")[0] == 0
    assert Path(f"a.{ending}").read_bytes() == Path(f"b.{ending}").read_bytes()


@pytest.mark.parametrize("name", ["cell.jpg", "cell", "cell.svg.gz"])
def test_another_ending(cli: Any, desk: Path, name: str) -> None:
    assert cli("cell", "sram", "--picture", name) == (
        2, "", f"mho: a picture must end with .svg, .png or .pdf, not '{name}'\n",
    )  # fmt: skip
    assert not Path(name).exists()


def test_another_ending_is_refused_before_any_work(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("worked")

    monkeypatch.setattr("mho.devices.survey", work)
    code, _, err = cli("cell", "sram", "--picture", "cell.jpg")
    assert (code, err) == (2, "mho: a picture must end with .svg, .png or .pdf, not 'cell.jpg'\n")


def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("worked")

    monkeypatch.setattr("mho.devices.survey", work)
    (desk / "file").write_text("")
    (desk / "folder.svg").mkdir()
    code, out, err = cli("cell", "sram", "--picture", "file/cell.svg")
    assert (code, out) == (2, "")
    assert err.startswith("mho: cannot write file: ")
    code, out, err = cli("cell", "sram", "--picture", "folder.svg")
    assert (code, out, err) == (2, "", "mho: cannot write folder.svg: it is a folder; give the path of a file\n")


def test_an_unknown_cell(cli: Any, desk: Path) -> None:
    code, out, err = cli("cell", "rrm")
    assert (code, out) == (2, "")
    assert err.startswith("mho: no preset 'rrm' in devices; did you mean 'rram'? (allowed: dram, fefet, ")
    assert err.count("\n") == 1
    assert cli("cell", "gone.toml")[2].startswith("mho: gone.toml does not exist; ")


@pytest.mark.parametrize(("option", "value"), [("--time", -1), ("--time", "nan"), ("--time", "soon"), ("--kelvin", 0)])
def test_wrong_numbers(cli: Any, option: str, value: object) -> None:
    code, out, err = cli("cell", "sram", option, value)
    assert (code, out) == (2, "")
    assert option in err


@pytest.mark.filterwarnings("default::mho.core.RangeWarning")
def test_a_time_beyond_what_is_known(cli: Any) -> None:
    """In words of the user, as `mho evaluate` does."""
    import warnings

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        code, _, err = cli("cell", "rram", "--time", 1e9, "--json")
    assert code == 0
    assert "RRAM relaxation is known up to 2 days" in " ".join(err.split())
    assert not said
