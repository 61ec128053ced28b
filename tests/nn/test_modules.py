"""Layers on tiles as ordinary modules of torch: files, several processes, kinds of numbers, copies."""

from __future__ import annotations

import copy
import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import mho.nn
from mho.core import Seed
from mho.nn import TrainingNoise

QUIET = TrainingNoise(converter=False, cells=False)
X = Seed(0).child("x").normal((8, 3, 6, 6))


class _Net(nn.Module):
    """A convolution, attention, a recurrent and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.gru = nn.GRU(8, 6, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores `[batch, 4]`."""
        y = self.conv(x).flatten(2).mT
        y = y + self.attention(y, y, y, need_weights=False)[0]
        return self.head(self.gru(y)[1][0])


@functools.cache
def _calibrated(seed: int, chip: str) -> nn.Module:
    torch.manual_seed(seed)
    tiled = mho.nn.convert(_Net(), chip, noise=QUIET)
    mho.nn.calibrate(tiled, X)
    return tiled.eval()


def _tiled(seed: int = 0, chip: str = "hermes") -> nn.Module:
    return copy.deepcopy(_calibrated(seed, chip))


def _write_torch(state: dict[str, Tensor], file: Path) -> None:
    torch.save(state, file)


def _read_torch(file: Path) -> dict[str, Tensor]:
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(
    ("write", "read"),
    [(safetensors.torch.save_file, safetensors.torch.load_file), (_write_torch, _read_torch)],
    ids=["safetensors", "torch, weights only"],
)
def test_files_carry_weights_both_ways(write: Any, read: Any, tmp_path: Path) -> None:
    """A converted network's file loads into the digital network, and that one's into a converted network."""
    tiled = _tiled(0)
    write(tiled.state_dict(), tmp_path / "tiled")
    digital = _Net().eval()
    digital.load_state_dict(read(tmp_path / "tiled"))
    assert torch.equal(digital(X), mho.nn.to_digital(tiled)(X))
    write(digital.state_dict(), tmp_path / "digital")
    other = _tiled(1)
    assert not torch.equal(other(X), tiled(X))
    other.load_state_dict(read(tmp_path / "digital"))
    mho.nn.set_ranges(other, mho.nn.ranges(tiled))
    assert torch.equal(other(X), tiled(X))


def test_the_file_of_chips_has_the_same_names() -> None:
    tiled = _tiled()
    module = mho.nn.program(tiled).module
    assert list(module.state_dict()) == list(tiled.state_dict()) == list(_Net().state_dict())


@pytest.mark.parametrize("chip", ["dimc-sram", "hermes", "tile2-rram"])
def test_copies_are_alike_and_apart(chip: str) -> None:
    tiled = _tiled(chip=chip)
    before, again = tiled(X), copy.deepcopy(tiled)
    assert torch.equal(again(X), before)
    with torch.no_grad():
        for p in again.parameters():
            p.mul_(2)
    assert torch.equal(tiled(X), before)
    module = mho.nn.program(tiled).module
    for one in (module, copy.deepcopy(module)):
        for matrix in one.modules():
            if isinstance(matrix, mho.nn.TiledMatrix):
                matrix.begin(0)
    assert torch.equal(copy.deepcopy(module)(X), module(X))


@pytest.mark.parametrize("chip", ["dimc-sram", "hermes", "tile2-rram"])
def test_bfloat16(chip: str) -> None:
    """Whole networks, in evaluation, in training and on chips: outputs and gradients have the kind of the inputs."""
    tiled = _tiled(chip=chip)
    truth = tiled(X).detach()
    half, x = copy.deepcopy(tiled).bfloat16(), X.bfloat16()
    y = half(x).detach()
    assert y.dtype == torch.bfloat16
    assert float((y.float() - truth).norm()) < 0.1 * float(truth.norm())
    assert mho.nn.program(half)(x).dtype == torch.bfloat16
    half.train()(x).sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.bfloat16 for p in half.parameters())


def _work(rank: int, size: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=size)
    try:
        tiled = _tiled(chip="dimc-sram").train()
        shared = nn.parallel.DistributedDataParallel(tiled)
        shared(X.chunk(size)[rank]).square().mean().backward()
        torch.save({n: p.grad for n, p in tiled.named_parameters()}, f"{folder}/gradients-{rank}")
        torch.optim.SGD(shared.parameters(), 0.1).step()
        torch.save(tiled.state_dict(), f"{folder}/weights-{rank}")
    finally:
        torch.distributed.destroy_process_group()


def test_data_parallel(tmp_path: Path) -> None:
    """Two processes with half of the batch each: the gradients of the whole batch, and equal weights after a step."""
    processes = [subprocess.Popen([sys.executable, __file__, str(rank), "2", str(tmp_path)]) for rank in (0, 1)]
    assert [p.wait(timeout=120) for p in processes] == [0, 0]
    alone = _tiled(chip="dimc-sram").train()
    alone(X).square().mean().backward()
    gradients = [torch.load(tmp_path / f"gradients-{rank}", weights_only=True) for rank in (0, 1)]
    weights = [torch.load(tmp_path / f"weights-{rank}", weights_only=True) for rank in (0, 1)]
    for name, p in alone.named_parameters():
        assert p.grad is not None
        assert torch.equal(gradients[0][name], gradients[1][name]), name
        assert float((gradients[0][name] - p.grad).norm()) <= 1e-3 * float(p.grad.norm()) + 1e-6, name
        assert torch.equal(weights[0][name], weights[1][name]), name


if __name__ == "__main__":  # one of the processes of `test_data_parallel`
    _work(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
