"""mho systems: architectures by energy, roofs, JSON with the same numbers."""

import json
from pathlib import Path
from typing import Any

from mho.systems import assumed, load_system, load_workload

EQUALS = ("von-neumann", "near-memory", "in-memory", "with-memory")


def _chosen(*names: str) -> list[str]:
    return [word for name in names for word in ("-s", name)]


def test_in_the_order_of_energy(cli: Any) -> None:
    code, out, err = cli("systems", "resnet-50", *_chosen(*reversed(EQUALS)))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [text.split()[0] for text in lines if text.split()[:1] and text.split()[0] in EQUALS] == list(EQUALS)


def test_json_and_picture(cli: Any, tmp_path: Path) -> None:
    picture = tmp_path / "p.svg"
    code, out, _ = cli(
        "systems", "--batch", "2", "--context", "10", "--json", "--picture", str(picture), *_chosen("hbm-pim")
    )
    assert code == 0
    (found,) = json.loads(out)
    system, work = load_system("hbm-pim"), load_workload("llama-3.2-1b", 10)
    assert found["energy_j"] == system.cost(work, 2).total.energy
    assert found["movement"] == system.movement(work, 2)
    assert [r["name"] for r in found["roofline"]] == [r.name for r in system.roofline(work, 2)]
    assert picture.exists()


def test_roofs_and_what_does_not_fit(cli: Any) -> None:
    code, out, _ = cli("systems", "llama-3-8b", "--roofline", *_chosen("gddr6-aim"))
    assert code == 0
    assert "gddr6-aim: peak 1.02 TOP/s, 1.02 TB/s" in out
    assert "bound by" in out
    assert "do not fit the memory of gddr6-aim" in " ".join(out.split())


def test_wrong_requests(cli: Any) -> None:
    code, _, err = cli("systems", "resnet-50", "-s", "pim")
    assert code == 2
    assert "no preset 'pim' in systems" in err


def test_guesses_are_listed(cli: Any) -> None:
    wanted = assumed(load_system("npu"))
    arguments = ("systems", "resnet-50", "-s", "npu")
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "groups of assumed numbers; --assumed lists them." in " ".join(out.split())
    code, out, _ = cli(*arguments, "--assumed")
    assert code == 0
    assert all(" ".join(text.split()) in " ".join(out.split()) for text in wanted)
