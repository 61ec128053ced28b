"""`mho adc`: presets, numbers, pictures and wrong input."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mho.cli import _adc as _registered  # noqa: F401  # the command registers itself
from mho.cli._main import app
from mho.converters import ROOMS, AbstractConverter
from mho.core import FileError, Loader

RUN = CliRunner()


def _ask(*args: str) -> str:
    done = RUN.invoke(app, ["adc", *args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_without_a_name_it_lists_the_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    text = _ask("--columns", "2")
    for name in Loader(ROOMS).presets(AbstractConverter):
        assert name in text


def test_numbers_of_a_story(tmp_path: Path) -> None:
    """`mho adc sar --bits 6 --mismatch 0.5%` as a circuit designer asks."""
    picture = tmp_path / "sar.svg"
    out = json.loads(_ask("sar", "--bits", "6", "--mismatch", "0.5 %", "--json", "--picture", str(picture)))
    assert out["bits"] == 6
    assert len(out["inl_lsb"]) == 64
    assert len(out["inl_lsb"][0]) == 63
    assert out["missing"] == [0] * 64
    assert 5.6 < sum(out["enob"]) / 64 < 5.8
    assert out["latency_s"] == pytest.approx(6 * (0.00653e-9 * 256 + 0.640e-9))
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_the_table_says_what_it_costs() -> None:
    text = " ".join(_ask("memristive-5b").split())
    assert "12.6 fJ" in text
    assert "24.29 um2" in text
    assert "level variation" in text
    assert "as long as the input pulse" in " ".join(_ask("cco").split())


def test_absolute_and_own_line_differ() -> None:
    ends, absolute = (json.loads(_ask("sar-4b", "--json", *more)) for more in ((), ("--absolute",)))
    assert (ends["reference"], absolute["reference"]) == ("ends", "absolute")
    assert max(map(abs, absolute["inl_lsb"][0])) > max(map(abs, ends["inl_lsb"][0]))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("sar", "--bits", "40"), "Sar converters have 1 to 16 bits, not 40"),
        (("cco-hermes", "--mismatch", "1 %"), "a Cco has no parts that --mismatch could spread; leave it out"),
        (("sar", "--mismatch", "1 V"), "expected a ratio such as '5 %' or 0.05, not '1 V'"),
        (("sar", "--mismatch", "150 %"), "--mismatch must be from 0 to below 1, not '150 %'"),
        (("saar-8b",), "no preset 'saar-8b' in converters; did you mean 'sar-8b'?"),
    ],
)
def test_wrong_input(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(FileError) as error:
        RUN.invoke(app, ["adc", *args], catch_exceptions=False)
    assert str(error.value).startswith(message[:40])
