"""mho tile, chips, check, show, cite: looking at parts, chips and programs."""

import dataclasses
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from mho import Chip, Program, capture, cite, compile, nonidealities, quantize
from mho.core import Seed
from mho.tiles import characterise, load_tile


@pytest.mark.parametrize("name", ["tile1", "tile2", "tile-capacitive", "dimc"])
def test_tile(cli: Any, name: str) -> None:
    code, out, err = cli("tile", name, "--instances", 2, "--json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert list(table) == [
        "tile", "error", "error_spread", "relative_sigma", "energy_j", "latency_s", "area_m2", "tops",
        "tops_per_watt", "blocks", "area_by_block_m2",
    ]  # fmt: skip
    expected = characterise(load_tile(name), Seed(0), instances=2)
    assert table["tile"] == name
    assert table["error"] == expected.error
    assert table["energy_j"] == expected.total.energy
    assert sum(b["energy_j"] for b in table["blocks"].values()) == pytest.approx(table["energy_j"], rel=1e-9)
    assert sum(b["share"] for b in table["blocks"].values()) == pytest.approx(1)
    assert sum(b["latency_s"] for b in table["blocks"].values()) == pytest.approx(table["latency_s"], rel=1e-9)
    assert sum(table["area_by_block_m2"].values()) == pytest.approx(table["area_m2"], rel=1e-9)


def test_tile_as_a_table(cli: Any) -> None:
    code, out, err = cli("tile", "dimc", "--instances", 2, "--time", 86400)
    assert (code, err) == (0, "")
    for words in ("dimc: one product of 256 x 256 weights", "adder trees", "leakage", "total", "TOPS/W", "median"):
        assert words in " ".join(out.split())


def test_the_tile_of_a_chip(cli: Any) -> None:
    code, out, err = cli("tile", "hermes", "--instances", 1, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["error"] == characterise(Chip.load("hermes").tile, Seed(0), instances=1).error


def test_an_unknown_tile(cli: Any) -> None:
    assert cli("tile", "tile3") == (
        2, "",
        "mho: no preset 'tile3' in tiles; did you mean 'tile2'? "
        "(allowed: dimc, jung2022, liu2020, neurram, nor-flash-40, prime, tile-capacitive, tile-sw-2t2r, tile1, tile2, "
        "tsmc-dimc-22, tsmc-dimc-5, yan2019, yao2020)\n",
    )  # fmt: skip


def test_nonidealities(cli: Any) -> None:
    code, out, err = cli("nonidealities", "hermes", "--json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert table == [dataclasses.asdict(n) for n in nonidealities("hermes")]
    assert all(list(n) == ["name", "kind", "what", "present"] for n in table)
    assert {n["name"]: n["kind"] for n in table if n["present"]} == {
        "programming error": "device", "drift": "device", "read noise": "device", "IR drop": "circuit",
        "converter gain": "circuit", "converter offset": "circuit", "converter noise": "circuit",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["hermes", "dimc-sram", "mine.toml"])
def test_nonidealities_as_a_table(cli: Any, desk: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("mho.cli._show.answers", Console(width=200))
    code, out, err = cli("nonidealities", name)
    assert (code, err) == (0, "")
    chip = Chip.load(name)
    assert out.splitlines()[0].rstrip() == f"{chip.name}: {chip.title}"
    rows = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in out.splitlines() if "│" in line]
    assert rows == [[n.kind, n.name, "yes" if n.present else "no", n.what] for n in nonidealities(chip)]


def test_nonidealities_of_no_chip(cli: Any, desk: Path) -> None:
    code, out, err = cli("nonidealities", "herms", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("mho: no preset 'herms' in chips; did you mean 'hermes'?")
    assert cli("nonidealities", "gone.toml")[2].startswith("mho: gone.toml does not exist; ")


def test_chips(cli: Any) -> None:
    code, out, err = cli("chips")
    assert (code, err) == (0, "")
    for name in Chip.presets():
        assert name in " ".join(out.split())


@pytest.mark.parametrize("name", ["hermes", "mine.toml", "./mine.toml"])
def test_check_a_sound_chip(cli: Any, desk: Path, name: str) -> None:
    chip = Chip.load(name)
    assert cli("check", name) == (
        0,
        f"{Path(name)}: a sound chip, {chip.name!r} with {chip.tiles} tiles, fingerprint {chip.fingerprint()[:12]}\n",
        "",
    )


def test_check_lists_all_that_is_wrong(cli: Any, desk: Path) -> None:
    text = (desk / "mine.toml").read_text().replace("tiles = 2", "tiels = 2").replace("500 MHz", "500 mm")
    (desk / "own.toml").write_text(text)
    assert cli("check", "own.toml") == (
        2, "",
        "mho: own.toml: \n"
        "  - line 4, tiels: Chip has no such key; did you mean 'tiles'? "
        "(allowed: compensation, digital, name, network, sources, tile, tiles, title)\n"
        "  - line 10, digital.clock: expected a number in Hz such as '1 GHz', not '500 mm'\n"
        "  - tiles: is missing; Chip needs it\n",
    )  # fmt: skip


def test_check_nothing(cli: Any, desk: Path) -> None:
    code, out, err = cli("check", "gone.toml")
    assert (code, out) == (2, "")
    assert err.startswith("mho: gone.toml does not exist; ")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    x = torch.randn(4, 20)
    chip = Chip.load("dimc-sram")
    path = tmp_path / "net.mho"
    compile(quantize(capture(torch.nn.Linear(20, 3), x), chip, x), chip).save(path)
    return path


def test_show(cli: Any, program: Path) -> None:
    code, out, err = cli("show", program)
    assert (code, err) == (0, "")
    assert out == f"{Program.load(program)}\n"
    assert out.startswith("program for dimc-sram: 1 of 64 tiles\n  multiply %")


def _zip(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"a program, perhaps",
    "another zip": _zip(readme_md="hello"),
    "a list": _zip(program_json="[]", chip_json="{}"),
    "another format": _zip(program_json='{"format": "x"}', chip_json="{}") + b"",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_show_a_foreign_file(cli: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.mho"
    path.write_bytes(FOREIGN[kind])
    code, out, err = cli("show", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"mho: {path} is not a program file of mho")
    assert err.count("\n") == 1


def test_show_a_damaged_or_missing_file(cli: Any, program: Path) -> None:
    sound = program.read_bytes()
    for damaged in (sound[:-40], sound[: len(sound) // 2], sound[:300] + bytes([sound[300] ^ 4]) + sound[301:]):
        program.write_bytes(damaged)
        code, out, err = cli("show", program)
        assert (code, out) == (2, "")
        assert err.startswith(f"mho: {program} ")
        assert err.endswith("compile it anew\n")
        assert err.count("\n") == 1
    program.unlink()
    assert cli("show", program) == (2, "", f"mho: {program} does not exist; give a program file written by mho\n")


def test_cite(cli: Any, desk: Path) -> None:
    assert cli("cite") == (0, cite(Chip.load("hermes")), "")
    assert cli("cite", "tile2-rram") == (0, cite(Chip.load("tile2-rram")), "")
    assert cli("cite", "mine.toml") == (0, cite(Chip.load("mine.toml")), "")
    code, out, err = cli("cite", "herms")
    assert (code, out) == (2, "")
    assert err.startswith("mho: no preset 'herms' in chips; did you mean 'hermes'?")
