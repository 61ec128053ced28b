"""Options that commands share mean the same in each."""

import re

import pytest
from typer.testing import CliRunner

from mho.cli._main import app, register

register()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("run", ("--carry-adc", "--clip-sums")),
        ("evaluate", ("--carry-adc", "--clip-sums")),
        ("quantize", ("--clip-sums",)),
    ],
)
def test_shared_options(command: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command has them, off by default, with one text."""
    monkeypatch.setenv("COLUMNS", "200")
    out = re.sub(r"\x1b\[[0-9;]*m", "", CliRunner().invoke(app, [command, "--help"]).output)
    for option in options:
        assert f"{option} " in out
        assert f"--no-{option[2:]}" not in out
    assert "Let converters of equal steps clip sums for the least squared error." in " ".join(out.split())
