"""mho quantize: a table of accuracy and energy by bits, the same as CSV, JSON and picture."""

import csv
import json
from pathlib import Path
from typing import Any

ARGUMENTS = ("quantize", "desk_networks:small", "--data", "data.parquet", "--chip", "mine.toml")
NUMBERS = "--weights must be whole numbers with commas between, such as 8,6,4, not 'eight'"
WEIGHTS = "weights must have 2 to 8 bits, as many as the tile holds, not 9; change the bits"


def test_table_csv_and_picture(cli: Any, desk: Path) -> None:
    code, out, _ = cli(
        *ARGUMENTS, "--weights", "8,3", "--inputs", "4", "--adc", "5,8", "--csv", "bits.csv", "--picture", "bits.svg"
    )
    assert code == 0
    rows = list(csv.DictReader((desk / "bits.csv").read_text().splitlines()))
    assert [r["series"] for r in rows] == [
        "weights per column", "weights per column", "weights per tensor", "weights per tensor",
        "inputs in equal steps", "inputs of Lloyd-Max levels", "equal bits", "equal bits", "bits by layer",
    ]  # fmt: skip
    assert [r["adc_bits_by_layer"] for r in rows[-3:-1]] == ["5 5", "8 8"]
    assert float(rows[1]["energy_j"]) < float(rows[0]["energy_j"])
    text = " ".join(out.split())
    assert "desk_networks:small on mine, 10 images" in text
    assert "3-bit weights per tensor" in text
    assert "float32: " in text
    assert max(map(len, out.splitlines())) <= 80
    assert (desk / "bits.svg").read_text().count("Lloyd-Max") == 1


def test_json_and_budgets(cli: Any, desk: Path) -> None:
    code, out, _ = cli(*ARGUMENTS, "--weights", "", "--adc", "4,8", "--budget", "1 mJ", "--clip-sums", "--json")
    assert code == 0
    numbers = json.loads(out)
    assert {p["label"] for p in numbers["points"]} >= {"4-bit ADC of least error", "8-bit ADC of least error"}
    (chosen,) = (p for p in numbers["points"] if p["series"] == "bits by layer")
    assert chosen["budget_j"] == 1e-3
    assert set(chosen["adc_bits"].values()) == {8}  # there is enough of it


def test_another_converter_by_name(cli: Any, desk: Path) -> None:
    code, out, _ = cli(*ARGUMENTS, "--weights", "", "--adc", "4,6", "--converter", "flash-6b", "--json")
    assert code == 0
    assert json.loads(out)["name"] == "mine, flash-6b"


def test_a_chip_without_a_choice_of_converter_bits(cli: Any, desk: Path) -> None:
    code, out, err = cli(
        "quantize", "desk_networks:small", "--data", "data.parquet", "--chip", "dimc-sram", "--weights", "4"
    )
    assert code == 0
    assert "bits by layer" not in out
    assert "note: the converters of dimc-sram always resolve all their bits" in " ".join(err.split())


def test_mistakes(cli: Any, desk: Path) -> None:
    for arguments, sentence in (
        (("quantize", "desk_networks:small"), "a model needs images and labels to count; give --data"),
        ((*ARGUMENTS, "--weights", "eight"), NUMBERS),
        ((*ARGUMENTS, "--weights", "9"), WEIGHTS),
        ((*ARGUMENTS, "--weights", "", "--adc", ""), "there is nothing to compare; give --weights, --inputs or --adc"),
        ((*ARGUMENTS, "--std", "0,1,1"), "--std must be above zero, not '0,1,1'"),
        ((*ARGUMENTS, "--picture", "bits.bmp"), "a picture must end with .svg, .png or .pdf, not 'bits.bmp'"),
    ):  # fmt: skip
        code, _, err = cli(*arguments)
        assert code == 2
        assert " ".join(err.split()).endswith(f"mho: {sentence}")
