"""mho fit: a table of technologies, JSON and CSV with the same numbers, a picture, one sentence for each mistake."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mho.chip import Chip
from mho.cost import die_cost, silicon
from mho.systems import assumed, coolings, fit, load_medium, load_stack, load_workload, media, shapes, stacks


def test_technologies(cli: Any) -> None:
    code, out, err = cli("fit", "resnet-50", "-t", "sram-5nm", "-t", "pcm-3d", "--area", "20 mm2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    for name, answer in (("pcm-3d", "yes"), ("sram-5nm", "no")):
        plan = fit(load_workload("resnet-50"), load_medium(name), area=2e-5)
        words = next(text for text in lines if text.split()[:1] == [name]).split()
        assert words[1:4] == [answer, f"{plan.tiles:,}", str(plan.medium.arrays)]
        assert f"{100 * plan.mapping.utilisation:.0f}" in words
    text = " ".join(out.split())
    assert "sram-5nm: " in text
    assert "of the weights do not fit" in text


def test_dies(cli: Any) -> None:
    """The second table: dies, vias, heat, temperature, price; a hot one is told with its limit."""
    code, out, _ = cli("fit", "resnet-50", "-t", "sram-5nm", "-t", "pcm-3d", "--cooling", "fanless")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    rows = [text.split() for text in out.split("dies, each with no sink, no fan")[1].splitlines()]
    for name in ("pcm-3d", "sram-5nm"):
        plan = fit(load_workload("resnet-50"), load_medium(name), cooling="fanless")
        words = next(w for w in rows if w[:1] == [name])
        assert words[1:4] == ["1", f"{plan.dies.each * 1e6:.3g}", f"{plan.tiles * plan.medium.vias:,.3g}"]
        assert words[-3:] == [f"{plan.junction() - 273.15:.0f}", "°C", f"{plan.dies.price:.2f}"]


def test_what_is_too_hot(cli: Any, tmp_path: Path) -> None:
    air = tmp_path / "air.toml"
    air.write_text(
        'title = "wool"\nambient = "300 K"\nlimit = "320 K"\nsink = "20 K/W"\nspreader = "400 W/m/K"\n'
        'interface = "200 kW/m2/K"\ndie = "667 kW/m2/K"\n',
        encoding="utf-8",
    )
    code, out, _ = cli("fit", "resnet-50", "-t", "sram-5nm", "--cooling", str(air))
    assert code == 0
    assert "above the limit of 47 °C with wool, which lets it do" in " ".join(out.split())


def test_planar_media_in_tiers(cli: Any) -> None:
    code, out, err = cli(
        "fit", "resnet-50", "-t", "rram-22nm", "-t", "pcm-3d", "--tiers", "8", "--stack", "hybrid-bond",
        "--logic-node", "7 nm", "--json",
    )  # fmt: skip
    assert code == 0
    assert err == "note: no banks or tiers of pcm-3d: 3D analog tiers, as simulated has 16 tiers already\n"
    plans = {p["name"]: p for p in json.loads(out)}
    assert set(plans) == {"rram-22nm", "pcm-3d", "rram-22nm x8 hybrid-bond on 7 nm"}
    tall = load_medium("rram-22nm").stacked(8, load_stack("hybrid-bond"), 7e-9)
    plan = fit(load_workload("resnet-50"), tall)
    found = plans["rram-22nm x8 hybrid-bond on 7 nm"]
    assert (found["area_m2"], found["price_dollars"]) == (plan.area, plan.dies.price)
    assert found["vias"] == plan.tiles * 8 * (256 + 8 * 256)


def test_banks_without_tiers(cli: Any) -> None:
    code, out, _ = cli("fit", "resnet-50", "-t", "rram-22nm", "-t", "nand-3d", "--banks", "8", "--json")
    assert code == 0
    plans = {p["name"]: p for p in json.loads(out)}
    assert set(plans) == {"rram-22nm", "nand-3d", "rram-22nm 8 banks"}
    plan = fit(load_workload("resnet-50"), load_medium("rram-22nm").shared(8))
    assert plans["rram-22nm 8 banks"]["area_m2"] == plan.area
    assert plans["rram-22nm 8 banks"]["arrays_a_tile"] == 8


def test_what_has_no_tiers_is_told(cli: Any) -> None:
    """Of all technologies: those with digital sums and those that are stacks are left out of the new rows."""
    code, out, err = cli("fit", "resnet-20", "--tiers", "4", "--json")
    assert code == 0
    more = {p["name"] for p in json.loads(out)} - set(media())
    kept = {name for name in media() if not load_medium(name).digital and load_medium(name).tiers == 1}
    assert more == {f"{name} x4 monolithic" for name in kept}
    told = {line.split(": ")[1].removeprefix("no banks or tiers of ") for line in err.splitlines()}
    assert told == set(media()) - kept


def test_a_chip_in_tiers(cli: Any) -> None:
    """Its tile says the node, so that it has a price and its periphery can be of another node."""
    code, out, err = cli("fit", "resnet-50", "hermes", "--tiers", "4", "--logic-node", "7 nm", "--json")
    assert (code, err) == (0, "")
    flat, tall = json.loads(out)
    assert (flat["name"], tall["name"]) == ("hermes", "hermes x4 monolithic on 7 nm")
    chip = Chip.load("hermes")
    area = silicon(replace(chip, network=None)).total.area
    assert flat["price_dollars"] == pytest.approx(die_cost(area, 14e-9))
    assert tall["area_m2"] < flat["area_m2"]


def test_a_chip_and_a_network_of_ones_own(cli: Any, desk: Path) -> None:
    code, out, _ = cli("fit", "desk_networks:small", "mine.toml", "--input-shape", "3,8,8", "--json")
    assert code == 0
    (plan,) = json.loads(out)
    assert plan["name"] == "mine.toml"
    assert plan["fits"]
    assert plan["weights"] == 27 * 4 + 16 * 5
    assert plan["tiles"] == 2


def test_files(cli: Any, tmp_path: Path) -> None:
    table, picture = tmp_path / "t.csv", tmp_path / "p.svg"
    code, out, _ = cli(
        "fit", "smollm2-135m", "--context", "100", "--batch", "4", "--alone", "--memory", "hbm2", "--json",
        "--csv", str(table), "--picture", str(picture),
    )  # fmt: skip
    assert code == 0
    plans = json.loads(out)
    assert [p["name"] for p in plans] == media()
    with table.open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [float(r["energy_j"]) for r in read] == [p["energy_j"] for p in plans]
    assert {r["workload"] for r in read} == {"SmolLM2-135M, 100 tokens before"}
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_lists(cli: Any) -> None:
    code, out, _ = cli("fit")
    assert code == 0
    words = out.replace(",", " ").split()
    assert set(words) >= {*shapes(), *media(), *coolings(), *stacks()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("llama",), "no shape is called 'llama'; did you mean 'llama-3-8b'?"),
        (("resnet-20", "--area", "20 kg"), "--area: expected a number in m2 such as '0.5 um2', not '20 kg'"),
        (("resnet-20", "--area", "1 um2"), "must hold at least one tile of"),
        (("resnet-20", "-t", "sram5"), "no preset 'sram5' in media; did you mean 'sram-5nm'?"),
        (("resnet-20", "--memory", "hbm9"), "no preset 'hbm9' in memories"),
        (("resnet-20", "--cooling", "fan"), "no preset 'fan' in coolings; did you mean 'fanless'?"),
        (("resnet-20", "nochip"), "no preset 'nochip' in chips"),
        (("resnet-20", "--tiers", "8", "--stack", "glue"), "no preset 'glue' in stacks"),
        (("resnet-20", "--logic-node", "7 nm"), "--logic-node goes with tiers; say how many with --tiers"),
        (("resnet-20", "--banks", "2", "--stack", "tsv"), "--stack goes with tiers; say how many with --tiers"),
        (("resnet-20", "--tiers", "2", "--logic-node", "7"), "--logic-node: '7' has no unit; say '7 nm'"),
        (("resnet-20", "-t", "sram-5nm", "--tiers", "8"), "sram-5nm: SRAM, digital, 5 nm adds digitally, the bits of"),
        (("resnet-20", "-t", "sram-5nm", "--banks", "8"), "which is modelled for analog sums only"),
        (("resnet-20", "-t", "pcm-3d", "--tiers", "8", "--stack", "tsv"), "as simulated has 16 tiers already"),
        (("resnet-20", "--tiers", "2", "--logic-node", "7 kg"), "--logic-node: expected a number in m"),
        (("resnet-20", "--tiers", "2", "--logic-node", "1 nm"), "node: must lie from 3 to 180 nm"),
        (("desk_networks:small",), "say its shape, such as --input-shape 3,32,32"),
        (("resnet-20", "--picture", "p.gif"), "a picture must end with .svg, .png or .pdf"),
    ],
)
def test_wrong_requests(cli: Any, desk: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = cli("fit", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("mho: ")
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--tiers", "--banks"])
def test_there_is_at_least_one(cli: Any, option: str) -> None:
    code, out, err = cli("fit", "resnet-20", "-t", "rram-22nm", option, "0")
    assert (code, out) == (2, "")
    assert "greater than or equal to 1" in " ".join(err.split())


def test_guesses_are_listed(cli: Any) -> None:
    wanted = assumed(load_medium("pcm-3d"))
    arguments = ("fit", "resnet-20", "-t", "pcm-3d")
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "groups of assumed numbers; --assumed lists them." in " ".join(out.split())
    code, out, _ = cli(*arguments, "--assumed")
    assert code == 0
    assert all(" ".join(text.split()) in " ".join(out.split()) for text in wanted)
