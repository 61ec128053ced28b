"""mho summary: a table that says all of it, the same as JSON, and what does not fit in a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import mho
from mho.samples import resnet20


def test_the_shipped_network(cli: Any) -> None:
    code, out, err = cli("summary")
    assert (code, err) == (0, "")
    assert "ResNet-20 on hermes" in out
    found = mho.summary(resnet20(), "hermes", torch.zeros(1, 3, 32, 32))
    lines = out.splitlines()
    for layer in found.layers:
        line = next(text for text in lines if text.split()[:1] == [layer.name])
        assert line.split()[-1] == f"{layer.macs:,}"
        assert f"{layer.rows} x {layer.columns}" in line
        assert f"{layer.row_tiles} x {layer.column_tiles}" in line
    total = next(text for text in lines if text.split()[:1] == ["total"])
    assert total.split() == ["total", "7", "of", "64", "60", "%", f"{found.parameters:,}", f"{found.macs:,}"]
    assert f"{found.digital_parameters:,} of {found.parameters:,} parameters" in " ".join(out.split())
    assert max(map(len, lines)) <= 80


def test_json_has_the_same_numbers(cli: Any, desk: Path) -> None:
    """By the shape of an input, and by data."""
    code, out, _ = cli("summary", "desk_networks:small", "--input-shape", "3,8,8", "--chip", "mine.toml", "--json")
    assert code == 0
    numbers = json.loads(out)
    assert numbers["chip"] == "mine"
    assert [layer["macs"] for layer in numbers["layers"]] == [64 * 27 * 4, 16 * 5]
    assert numbers["total"]["macs"] == 64 * 27 * 4 + 16 * 5
    assert numbers["total"]["digital_parameters"] == 4 + 5
    assert (
        json.loads(cli("summary", "desk_networks:small", "--data", "data.parquet", "--chip", "mine.toml", "--json")[1])
        == numbers
    )


def test_what_does_not_fit(cli: Any, desk: Path) -> None:
    code, out, _ = cli("summary", "desk_networks:wide", "--input-shape", "3x8x8", "--chip", "mine.toml")
    text = " ".join(out.split())
    assert code == 0
    assert "> 2" in text
    assert "Does not fit: the network needs" in text
    assert "take a chip with more tiles or a smaller network." in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("desk_networks:small",), "say its shape, such as --input-shape 3,32,32"),
        (("desk_networks:small", "--input-shape", "3,8,8", "--data", "data.parquet"), "not both"),
        (("desk_networks:small", "--input-shape", "3,a"), "must be whole numbers above zero"),
        (("desk_networks:small", "--input-shape", "0"), "must be whole numbers above zero"),
        (("desk_networks:none",), "has no 'none'"),
        (("missing.onnx",), "does not exist"),
    ],
)
def test_wrong_inputs(cli: Any, desk: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = cli("summary", *arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
