"""`mho dac`: the inputs of a tile, numbers, picture and wrong input."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mho.cli._main import app, register
from mho.core import MhoError

register()
RUN = CliRunner()


def _ask(*args: str) -> str:
    done = RUN.invoke(app, ["dac", *args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_levels_widths_and_bits(tmp_path: Path) -> None:
    level = json.loads(_ask("tile2", "--mismatch", "1 %", "--inl", "0.5", "--json"))
    assert (level["pulses"], level["steps"], level["phases_signed"]) == ("levels", 127, 1)
    assert max(level["inl_steps"][0]) == pytest.approx(0.5, rel=1e-3)
    assert len(set(level["gain"])) == 64
    width = json.loads(_ask("tile1", "--json", "--rows", "2"))
    assert (width["pulses"], width["phase_s"]) == ("widths", pytest.approx(128e-9))
    assert json.loads(_ask("jung2022", "--json"))["pulses"] == "on or off"
    picture = tmp_path / "dac.svg"
    text = " ".join(_ask("tile2", "--noise", "0.3", "--picture", str(picture)).split())
    assert "phases of a product: 1 (1 for signed inputs), 10 ns each, 127 steps, levels" in text
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("dimc",), "the inputs of dimc are bits of gates, which nothing converts; take an analog tile"),
        (("tile2", "--mismatch", "-1 %"), "--mismatch and --trim must be at least 0; give other ones"),
        (("tile2", "--trim", "1 V"), "expected a ratio such as '5 %' or 0.05, not '1 V'"),
        (("tile1", "--inl", "2"), "--inl bends levels, and the inputs of tile1 are widths or on and off; leave it out"),
        (("tile9",), "no preset 'tile9' in tiles"),
    ],
)
def test_wrong_input(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(MhoError) as error:
        RUN.invoke(app, ["dac", *args], catch_exceptions=False)
    assert str(error.value).startswith(message)
