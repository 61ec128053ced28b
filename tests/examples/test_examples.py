"""Every numbered example runs in its small form and draws its figure; the training script does one short epoch."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mho

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLE = Path(mho.__file__).parent / "data" / "samples" / "cifar10-jpeg-test-1000.parquet"


def _run(*args: object) -> str:
    environment = {**os.environ, "MHO_SMOKE": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error::mho.RangeWarning", *map(str, args)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
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
    script = EXAMPLES / "train_resnet20.py"
    common = ("--data", data, "--smoke", "--threads", 1)
    assert "epoch 1/1" in _run(script, *common, "--noise", 0.06, "--clip", 2.5, "--no-bf16", "--out", weights)
    assert "noise 0.05" in _run(script, *common, "--evaluate", weights, "--levels", 0.05)
