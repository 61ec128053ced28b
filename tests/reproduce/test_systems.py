"""systems: the rows that decide, recomputed from their files; what misses is known and told on the page."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mho.core
from mho.reproduce import Row

DATA = Path(mho.core.__file__).parent.parent / "data"
MISSES = {
    "networks whose energy falls from the processor over PNM and PIM to PWM",
    "reading 32 bits from DDR3 over multiplying and adding them",
    "reading 32 bits from LPDDR4 over multiplying and adding them",
    "share of energy that moves data, mobile processor, Llama-3.2-1B",
    "share of energy that moves data, mobile processor, ResNet-50",
    "share of energy that moves data, graphics processor, ResNet-50",
    "moving a bit at 7 nm, HBM2E and two caches",
    "HBM-PIM, energy saved",
    "HBM, bandwidth at a bank within the power of reading at the pins",
    "HBM, bandwidth at a bank group within the power of reading at the pins",
    "Neural Cache, 8-bit products with sums of 24 bits",
    "throughput, 3D tiers over A100, Mixtral, 32 sequences",
    "speed of one sequence, 3D tiers over A100, SmolLM2",
    "3D NAND, GPT-2 of 355 million parameters",
    "connections a mm2, hybrid bond over micro bump",
}


@pytest.fixture(scope="module")
def table(rows: Any) -> dict[str, Row]:
    return {r.quantity: r for r in rows("systems").values()}


def _file(kind: str, name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / kind / f"{name}.toml").read_text(encoding="utf-8"))


def _number(text: str) -> float:
    return float(text.split()[0])


def test_peaks_from_the_files(table: dict[str, Row]) -> None:
    for name, row in (("hbm-pim", "HBM-PIM, peak"), ("gddr6-aim", "GDDR6-AiM, peak")):
        part = _file("systems", name)
        hertz = _number(part["clock"]) * (1e9 if "GHz" in part["clock"] else 1e6)
        assert table[row].ours == pytest.approx(2 * part["units"] * part["lanes"] * hertz / 1e12)


def test_energy_of_the_first_token_in_memory(table: dict[str, Row]) -> None:
    """One number read and one multiply-accumulate for each weight: path and arithmetic, with and without the pins.

    The processor has two caches on the way besides; activations and refresh are small.
    """
    bits, mac = 16, 2 * 0.32
    inside = bits * 0.55 + mac
    outside = bits * 3.59 + mac + 0.14 + 2 * bits / 64 * 0.46
    assert table["HBM-PIM, energy saved"].ours == pytest.approx(100 * (1 - inside / outside), abs=2)


def test_reading_over_computing(table: dict[str, Row]) -> None:
    """650 pJ of DDR3 over 32 x 32 bits of a multiplier: 992 full adders of 1.70 fJ, 1,024 gates, an adder."""
    full_adder = 6 * 0.7e-15 * 0.81 * 0.5
    gates = 32 * 32 * 0.7e-15 * 0.81 * 0.5
    mac = (32 * 31 + 32) * full_adder + gates
    assert table["reading 32 bits from DDR3 over multiplying and adding them"].ours == pytest.approx(
        32 * 20.31e-12 / mac, rel=1e-3
    )


def test_cycles(table: dict[str, Row]) -> None:
    assert table["Neural Cache, cycles of an 8-bit product"].ours == 8**2 + 5 * 8 - 2
    assert table["Neural Cache, 8-bit products"].ours == pytest.approx(1_146_880 * 2.5e9 / 102 / 1e12)


def test_training_of_gpt_3(table: dict[str, Row]) -> None:
    """Six operations a weight and token."""
    matrices = 96 * 12 * 12288**2 + 12288 * 50257
    assert table["operations to train GPT-3 on 300 billion tokens"].ours == pytest.approx(6 * matrices * 3e11 / 1e23)


def test_steps_of_stacked_flash(table: dict[str, Row]) -> None:
    """Four products in turn a layer and one of the head, a millisecond each; 12 and 24 layers."""
    for millions, layers in ((124, 12), (355, 24)):
        assert table[f"3D NAND, GPT-2 of {millions} million parameters"].ours == pytest.approx(
            1000 / (4 * layers + 1), rel=0.01
        )


def test_known_misses(table: dict[str, Row]) -> None:
    """A change here goes to docs/validation.md."""
    assert {q for q, r in table.items() if not r.within} == MISSES
    assert {q for q, r in table.items() if r.mark == "fitted"} == {"3D NAND, GPT-2 of 124 million parameters"}


def test_the_page(table: dict[str, Row]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = page.split("<!-- systems -->")[1].split("<!-- end -->")[0].splitlines()
    printed = {c[0]: c for c in (x.strip("| ").split(" | ") for x in lines if x.startswith("|")) if " " in c[0]}
    assert set(printed) == set(table)
    for quantity, row in table.items():
        here, there = row.markdown().strip("| ").split(" | "), printed[quantity]
        assert (here[:4], here[6:]) == (there[:4], there[6:])
        assert row.ours == pytest.approx(float(there[4]), abs=0, rel=1e-3)
    told = re.search(r"What misses of the systems: (\d+) of (\d+) rows", page)
    assert told is not None
    assert (int(told[1]), int(told[2])) == (len(MISSES), len(table))
