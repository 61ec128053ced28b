"""mho scenario: feasible chips first, the best of them named, and the same as JSON."""

import json
from pathlib import Path
from typing import Any

from mho.systems import designs, load_medium, load_scenario, media, pareto, scenarios


def test_a_scenario(cli: Any, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    code, out, err = cli("scenario", "camera", "--picture", str(picture))
    assert (code, err) == (0, "")
    found = designs(load_scenario("camera"), {name: load_medium(name) for name in media()})
    lines = [text.split() for text in out.splitlines() if text.split()[:1] and text.split()[0] in media()]
    good = {d.name for d in found if d.feasible}
    assert {words[0] for words in lines[: len(good)]} == good
    assert {words[0] for words in lines if words[-1] == "best"} == {
        d.name for d in pareto(d for d in found if d.feasible)
    }
    assert picture.exists()
    for d in found:
        words = next(w for w in lines if w[0] == d.name)
        assert f"{d.junction - 273.15:.0f}" in words


def test_json_with_a_chip(cli: Any) -> None:
    code, out, _ = cli("scenario", "wearable", "-t", "pcm-3d", "--chip", "hermes", "--json")
    assert code == 0
    found = {d["name"]: d for d in json.loads(out)}
    assert set(found) == {"pcm-3d", "hermes"}
    assert found["pcm-3d"]["best"]
    assert found["hermes"]["tiles"] == 64
    assert not found["hermes"]["feasible"]


def test_lists_and_mistakes(cli: Any) -> None:
    code, out, _ = cli("scenario")
    assert code == 0
    assert [text.split(":")[0] for text in out.splitlines()] == scenarios()
    code, _, err = cli("scenario", "weareable")
    assert code == 2
    assert "did you mean 'wearable'?" in err


def test_other_limits(cli: Any) -> None:
    code, out, _ = cli("scenario", "wearable", "-t", "sram-5nm", "--power", "20 mW", "--area", "3 mm2", "--json")
    assert code == 0
    (d,) = json.loads(out)
    assert d["misses"] == ["area"]
    code, _, err = cli("scenario", "wearable", "--power", "20 kg")
    assert code == 2
    assert err == "mho: --power: expected a number in W such as '2 mW', not '20 kg'\n"
    code, _, err = cli("scenario", "wearable", "--area", "0 mm2")
    assert (code, err) == (2, "mho: --area must be above zero, not '0 mm2'\n")


def test_stacks_and_banks(cli: Any) -> None:
    code, out, _ = cli(
        "scenario", "wearable", "-t", "rram-22nm", "--tiers", "4", "--banks", "2", "--stack", "tsv", "--json"
    )
    assert code == 0
    planar, tall = json.loads(out)
    assert (planar["name"], tall["name"]) == ("rram-22nm", "rram-22nm 2 banks x4 tsv")
    assert tall["sweep_s"] == 8 * planar["sweep_s"]
    assert planar["area_m2"] / 5 < tall["area_m2"] < planar["area_m2"] / 2
    code, _, err = cli("scenario", "wearable", "--logic-node", "7 nm")
    assert (code, err) == (2, "mho: --logic-node goes with tiers; say how many with --tiers\n")
    code, out, err = cli("scenario", "wearable", "-t", "rram-22nm", "-t", "mram-22nm", "--banks", "4", "--json")
    assert [d["name"] for d in json.loads(out)] == ["rram-22nm", "mram-22nm", "rram-22nm 4 banks"]
    assert err.startswith("note: no banks or tiers of mram-22nm: MRAM 1T1R, digital, 22 nm adds digitally")
