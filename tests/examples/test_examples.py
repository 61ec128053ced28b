"""Every numbered example runs in its small form and draws its figure; training scripts do one short epoch."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

import mho
from mho.core import read_tensors
from mho.samples import BinaryPerceptron, mnist_sample
from mho.samples._binary import _signs

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLE = Path(mho.__file__).parent / "data" / "samples" / "cifar10-jpeg-test-1000.parquet"


def _done(*args: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MHO_SMOKE": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error::mho.RangeWarning", *map(str, args)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _run(*args: object) -> str:
    done = _done(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("[0-9]*.py")), ids=lambda p: p.stem)
def test_example_draws_its_figure(script: Path, tmp_path: Path) -> None:
    out = _run(script, tmp_path / "figures")
    figures = list((tmp_path / "figures").iterdir())
    assert [f.name for f in figures] == [f"{script.stem}.png"]
    assert figures[0].stat().st_size > 10_000
    assert str(figures[0]) in out
    assert script.read_text(encoding="utf-8").count("\n# %%") >= 4


def test_training_script_trains_and_evaluates(tmp_path: Path) -> None:
    data = tmp_path / "cifar10"
    data.mkdir()
    table = pq.read_table(SAMPLE)
    pq.write_table(table.slice(0, 250), data / "train.parquet")
    pq.write_table(table.slice(250, 50), data / "test.parquet")
    weights = tmp_path / "weights.safetensors"
    script = EXAMPLES / "train_cifar10.py"
    common = ("--data", data, "--smoke", "--threads", 1)
    assert "epoch 1/1" in _run(script, *common, "--noise", 0.06, "--clip", 2.5, "--no-bf16", "--out", weights)
    evaluated = _run(script, *common, "--evaluate", weights, "--levels", 0.05)
    assert "noise 0.05" in evaluated
    small = tmp_path / "int8.safetensors"
    stored = _run(script, *common, "--init", weights, "--int8", small)
    assert small.stat().st_size < 0.7 * weights.stat().st_size
    clean, eight = (float(re.search(r"(?:clean|test) ([\d.]+)", out)[1]) for out in (evaluated, stored))  # pyright: ignore[reportOptionalSubscript]
    assert abs(clean - eight) <= 0.04  # two of fifty images
    mean = tmp_path / "mean.safetensors"
    assert "test 0." in _run(script, *common, "--average", weights, weights, "--out", mean)
    one, two = load_file(weights), load_file(mean)
    assert all(torch.equal(value, two[name]) for name, value in one.items() if "running" not in name)
    assert any(not torch.equal(value, two[name]) for name, value in one.items() if "running_var" in name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "the weights need a file: give --out"),
        (("--average", "a.safetensors"), "the weights need a file: give --out"),
        (("--average", "a", "--int8", "b", "--init", "a"), "the weights need a file: give --out"),
        (("--int8", "small.safetensors"), "--int8 needs --init, the weights to store"),
    ],
)
def test_training_script_asks_for_files(given: tuple[str, ...], said: str) -> None:
    """Before it reads data, let alone trains for hours."""
    done = _done(EXAMPLES / "train_cifar10.py", "--data", "nowhere", *given)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"train_cifar10.py: error: {said}")


def test_tuning_for_few_bits(tmp_path: Path) -> None:
    """Two steps on a small share of the test images; the weights come back as a ResNet-20."""
    pq.write_table(pq.read_table(SAMPLE).slice(0, 40), tmp_path / "train.parquet")
    weights = tmp_path / "tuned.safetensors"
    common = ("--data", tmp_path / "train.parquet", "--steps", 2, "--images", 20)
    out = _run(EXAMPLES / "tune_few_bits.py", *common, "--out", weights)
    assert "3-bit weights per column on dimc-sram: " in out
    assert "% tuned for 2 steps" in out
    with safe_open(weights, "pt") as file:
        assert "layer3.2.conv2.weight" in set(file.keys())


def _digits(path: Path, x: Tensor, y: Tensor) -> None:
    """Write signs as PNG digits in the layout of Hugging Face; the greys are those next to half the range."""
    images = []
    for image in torch.where(x > 0, 128, 127).to(torch.uint8).reshape(-1, 28, 28).numpy():
        out = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(out, "png")
        images.append({"bytes": out.getvalue(), "path": None})
    pq.write_table(pa.table({"image": images, "label": y.tolist()}), path)


def test_binary_training_script(tmp_path: Path) -> None:
    """What it saves is the network that it tested, and every fifth test image to the last pixel."""
    x, y = mnist_sample()
    data = tmp_path / "mnist"
    data.mkdir()
    _digits(data / "train-00000-of-00001.parquet", x[:750], y[:750])
    _digits(data / "test-00000-of-00001.parquet", x[1000:1103], y[1000:1103])
    weights, sample = tmp_path / "network.safetensors", tmp_path / "sample.safetensors"
    out = _run(
        EXAMPLES / "train_binary_mlp.py", "--data", data, "--out", weights, "--sample", sample,
        "--hidden", 37, "--smoke",
    )  # fmt: skip
    assert "epoch 1/1" in out
    t = read_tensors(weights)
    assert t["second"].shape == (10, 5)  # 37 bits
    network = BinaryPerceptron(
        _signs(t["first"], 784), t["threshold"].float(), _signs(t["second"], 37), t["scale"], t["offset"]
    )
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
    assert metadata["architecture"] == "binary perceptron 784-37-10"
    assert metadata["arguments"] == "hidden=37, epochs=1, seed=0"
    assert f"test {metadata['test_accuracy']}" in out
    right = int((network(x[1000:1103]).argmax(1) == y[1000:1103]).sum())
    told = float(metadata["test_accuracy"]) * 103
    assert abs(right - told) <= 1 + 0.01  # at most one image on a tie of single precision; four digits are told
    assert right > 25  # two steps of training are more than chance, 10 of 103 with a deviation of 3
    s = read_tensors(sample)
    assert torch.equal(_signs(s["images"], 784), x[1000:1103:5])
    assert s["labels"].tolist() == y[1000:1103:5].tolist()


def test_ternary_training_script(tmp_path: Path) -> None:
    """What it saves are integers -1, 0 and 1, which answer as the network that it tested."""
    x, y = mnist_sample()
    data = tmp_path / "mnist"
    data.mkdir()
    _digits(data / "train-00000-of-00001.parquet", x[:500], y[:500])
    _digits(data / "test-00000-of-00001.parquet", x[1000:1100], y[1000:1100])
    weights = tmp_path / "network.safetensors"
    out = _run(EXAMPLES / "train_ternary_mlp.py", "--data", data, "--out", weights, "--smoke")
    assert "floats: " in out
    t = read_tensors(weights)
    assert {int(v) for n in ("0", "2") for v in t[f"{n}.weight"].unique()} == {-1, 0, 1}
    assert (t["0.weight"].shape, t["2.weight"].shape) == ((100, 784), (10, 100))
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
    assert f"on tiles: {metadata['test_accuracy']}" in out
    assert metadata["arguments"] == "epochs=1, seed=0"


def test_binary_training_script_without_its_data(tmp_path: Path) -> None:
    """One sentence, and nothing written."""
    (tmp_path / "mnist").mkdir()
    done = subprocess.run(
        [sys.executable, EXAMPLES / "train_binary_mlp.py", "--data", tmp_path / "mnist", "--out", tmp_path / "out"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "--data must hold Parquet files with mnist in their path and 'train' in their names\n"
    assert [p.name for p in tmp_path.iterdir()] == ["mnist"]
