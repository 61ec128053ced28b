"""`mho run --adc` and `mho evaluate --adc`: another converter in the same chips, and what it changes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mho.cli._main import app, register
from mho.core import MhoError

register()
RUN = CliRunner()


def test_run_with_another_converter(tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    args = ["run", "--images", "4", "--instances", "1", "--adc", "memristive-5b", "--out", str(tmp_path / "report")]
    done = RUN.invoke(app, [*args, "--json", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text(encoding="utf-8"))
    names = [e["name"] for e in report["evaluations"]]
    assert names[-2:] == ["noise-tuned on hermes, memristive-5b", "noise-tuned on tile2-rram, memristive-5b"]
    notes = " ".join(report["notes"])
    assert "noise-tuned on tile2-rram, memristive-5b: " in notes
    assert "times those before." in notes


def test_carried_and_clipped(desk: Path, cli: Any) -> None:
    """The converter comes at the chip's node, and sums are clipped; both change the numbers."""
    ask = ("evaluate", "desk_networks:small", "--data", "data.parquet", "--adc", "sar-4b", "--times", "0 s")
    found: list[dict[str, Any]] = []
    for more in ((), ("--carry-adc",), ("--clip-sums",)):
        code, _, _ = cli(*ask, "--instances", "1", *more, "--json", "numbers.json")
        assert code == 0
        found.append(json.loads((desk / "numbers.json").read_text())["evaluations"][1])
    plain, carried, clipped = found
    assert carried["area_m2"] < plain["area_m2"]
    assert carried["accuracy"] == plain["accuracy"]
    assert clipped["area_m2"] == plain["area_m2"]
    assert clipped["layer_errors"] != plain["layer_errors"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("memristif-5b", "no preset 'memristif-5b' in converters; did you mean 'memristive-5b'"),
        ("memristive-9b", "memristive-9b: Memristive converters have 2 to 8 bits, not 9; take other bits"),
        (
            "cco-hermes",
            "a converter that reads while the current flows needs pulses of 1.28e-07 s, not 1e-08 s; take one",
        ),
    ],
)
def test_converters_that_do_not_go(name: str, message: str, tmp_path: Path) -> None:
    args = ["run", "--images", "4", "--instances", "1", "--adc", name, "--out", str(tmp_path / "report")]
    with pytest.raises(MhoError) as error:
        RUN.invoke(app, args, catch_exceptions=False)
    assert message in str(error.value)
    assert not (tmp_path / "report").exists()
