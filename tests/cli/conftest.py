"""The command line called in this process, and small inputs for it."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import mho.cli._show  # noqa: F401  a console made while a test sets COLUMNS would keep that width
from mho.cli import main

NETWORKS = """\
import torch
from torch import nn


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)
    )


def wide():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 600))


class Sorted(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(192, 5)

    def forward(self, x):
        return torch.cumsum(self.fc(x.flatten(1)), 1)


def image():
    return nn.Conv2d(3, 4, 3)


def nothing():
    return nn.Flatten()


def text():
    return "a network"


def picky(argument):
    return nn.Flatten()


def failing():
    raise RuntimeError("no weights here")


number = 3
"""
CHIP = """\
schema = 1
name = "mine"
title = "a [small] chip [/]"
tiles = 2
tile = "tile2"

[digital]
logic = "logic-28nm"
lanes = 16
clock = "500 MHz"
registers = 0
buffer_bits = 1024
"""
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a function that runs `mho` with some arguments; it returns exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mho", *map(str, arguments)])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def png(array: np.ndarray) -> bytes:
    """Encode an image."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, "png")
    return out.getvalue()


def parquet(path: Path, images: int = 10, **columns: object) -> None:
    """Write noise of 8 x 8 pixels with labels, in the layout of Hugging Face sets."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(images)]
    table = {"img": [{"bytes": png(p), "path": None} for p in pictures], "label": [i % 5 for i in range(images)]}
    pq.write_table(pa.table(columns or table), path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with networks, images and a chip file."""
    (tmp_path / "desk_networks.py").write_text(NETWORKS)
    (tmp_path / "desk_broken.py").write_text("this is no Python")
    (tmp_path / "mine.toml").write_text(CHIP)
    parquet(tmp_path / "data.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("desk_networks", None)
