"""The command line as a whole: help, versions, wrong use, and being stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import mho

COMMANDS = ["run", "evaluate", "tile", "chips", "check", "show", "cite", "reproduce"]


def test_help_names_every_command(cli: Any) -> None:
    for flag in ("--help", "-h"):
        code, out, err = cli(flag)
        assert (code, err) == (0, "")
        listed = re.findall(r"(?m)^\W*(\w+)  +\w", out)
        assert sorted(name for name in listed if name in COMMANDS) == sorted(COMMANDS)  # in order of import


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(cli: Any, command: str) -> None:
    code, out, err = cli(command, "--help")
    assert (code, err) == (0, "")
    assert f"mho {command}" in out
    has_example = command in ("run", "evaluate", "tile", "reproduce")
    assert (f"Example: mho {command}" in " ".join(out.replace("│", " ").split())) is has_example


def test_version(cli: Any) -> None:
    assert cli("--version") == (0, f"mho {version('mho')}\n", "")
    assert mho.__version__ == version("mho")


def test_no_command_shows_the_help(cli: Any) -> None:
    code, out, err = cli()
    assert code == 2
    assert "Usage: mho" in out + err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "frobnicate"),
        (["run", "--imagse", "3"], "--imagse"),
        (["run", "--images", "0"], "--images"),
        (["run", "--instances", "many"], "--instances"),
        (["evaluate", "x.pt2"], "--data"),
        (["show"], "program"),
    ],
)
def test_wrong_use(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert says in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


SLOW = """\
from pathlib import Path
from torch import nn


def network():
    Path("started").write_text("")
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
"""


def test_ctrl_c(desk: Path) -> None:
    (desk / "slow_network.py").write_text(SLOW)
    before = set(os.listdir(desk)) | {"started"}
    # A shell starts background jobs with the interrupt ignored, and children inherit that; a terminal does not.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from mho.cli import main; main()", "evaluate", "slow_network:network"]
    command += ["--data", "data.parquet", "--instances", "1000000", "--threads", "1", "--json", "numbers.json"]
    process = subprocess.Popen(
        command, cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not (desk / "started").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.rstrip().endswith("mho: stopped; nothing was half written")
    assert set(os.listdir(desk)) == before


def test_ctrl_c_while_writing(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    monkeypatch.setattr("mho.reports.Report.to_html", lambda self: "")
    code, out, err = cli("evaluate", "desk_networks:small", "--data", "data.parquet", "--instances", 1, "--out", "out")
    assert (code, out) == (130, "")
    assert err.endswith("mho: stopped; nothing was half written\n")
    assert [p for p in (desk / "out").rglob("*") if p.is_file()] == []
