"""`mho adc`: presets, numbers, pictures and wrong input."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mho.cli import _adc as _registered  # noqa: F401  # the command registers itself
from mho.cli._main import app
from mho.converters import ROOMS, AbstractConverter
from mho.core import Loader, MhoError

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
    assert "input pulses of at least 128 ns" in " ".join(_ask("cco").split())


def test_another_node_supply_and_rate() -> None:
    """Less energy and area in a smaller node and with a lower supply; as many conversions a second as asked."""
    here, there = (json.loads(_ask("flash-5b", "--json", *more)) for more in ((), ("--node", "7 nm")))
    low = json.loads(_ask("flash-5b", "--json", "--node", "7 nm", "--supply", "0.6 V", "--rate", "5 MHz"))
    assert low["energy_j"] < there["energy_j"] < here["energy_j"]
    assert low["converter"] == "flash-5b, at 7 nm, for 5 MHz"
    assert there["area_m2"] < here["area_m2"]
    assert (here["node_m"], there["node_m"]) == (28e-9, 7e-9)
    assert low["rate_hz"] == pytest.approx(5e6)
    assert low["inl_lsb"] == here["inl_lsb"]
    text = " ".join(_ask("cco", "--bits", "6", "--rate", "50 MHz").split())
    assert "cco-hermes, changed, for 50 MHz: 6 bits" in text
    assert "input pulses of at least 20 ns" in text


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
        (("sar", "--supply", "0.7 V"), "--supply needs the --node whose gates it feeds; give both"),
        (("sar", "--node", "seven"), "expected a number in m such as '14 nm'"),
        (("sar", "--rate", "0 Hz"), "rate and corner must be above 0 Hz, not 0"),
        (("memristive-5b", "--node", "7 nm"), "node: a Memristive converter must say at which node its costs are"),
        (("saar-8b",), "no preset 'saar-8b' in converters; did you mean 'sar-8b'?"),
    ],
)
def test_wrong_input(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(MhoError) as error:
        RUN.invoke(app, ["adc", *args], catch_exceptions=False)
    assert str(error.value).startswith(message[:40])
