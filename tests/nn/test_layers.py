"""Every layer on tiles against torch's own, on an exact tile and on analog ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import mho.nn
from mho import Chip, MhoError
from mho.core import Seed, UnsupportedOpError
from mho.nn import TrainingNoise

pytestmark = [  # of torch's own layers, about their speed
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported"),
]


def _normal(name: str, *shape: int) -> Tensor:
    return Seed(0).child(name).normal(shape)


class _SelfAttention(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, **options)

    def forward(self, x: Tensor) -> Tensor:
        """Attend to itself, no one to what comes later."""
        size = x.shape[1 if self.attention.batch_first else 0]
        mask = torch.ones(size, size, dtype=torch.bool).triu(1)
        y, share = self.attention(x, x, x, attn_mask=mask, need_weights=True)
        return y + share.sum()


class _First(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs and, added up, the last states."""
        y, last = self.layer(x)
        return y + sum(s.sum() for s in (last if isinstance(last, tuple) else (last,)))


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(20, 7), (5, 20)),
    "linear, tokens": (lambda: nn.Linear(20, 7, bias=False), (2, 3, 20)),
    "linear, one vector": (lambda: nn.Linear(20, 7), (20,)),
    "linear, row tiles": (lambda: nn.Linear(600, 7), (5, 600)),
    "conv1d": (lambda: nn.Conv1d(6, 8, 5, padding=2, stride=2, dilation=2), (4, 6, 20)),
    "conv2d": (lambda: nn.Conv2d(6, 8, (3, 2), stride=(1, 2), padding=(0, 1), groups=2), (2, 6, 7, 8)),
    "conv2d, depthwise": (lambda: nn.Conv2d(6, 12, 3, groups=6, bias=False), (2, 6, 7, 8)),
    "conv2d, one image": (lambda: nn.Conv2d(3, 4, 3), (3, 6, 6)),
    "conv2d, circular": (lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="circular"), (2, 4, 6, 7)),
    "conv2d, reflect": (lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect"), (2, 4, 6, 7)),
    "conv2d, same": (lambda: nn.Conv2d(4, 8, (3, 4), padding="same"), (2, 4, 6, 7)),
    "conv2d, valid": (lambda: nn.Conv2d(4, 8, (3, 4), padding="valid"), (2, 4, 6, 7)),
    "conv2d, unfolded": (lambda: nn.Conv2d(2, 4, 21, padding=10, groups=2), (2, 2, 25, 24)),
    "conv3d": (lambda: nn.Conv3d(4, 8, 3, padding=1, groups=2), (2, 4, 5, 6, 7)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 6, 5, stride=3, padding=2, output_padding=1), (2, 4, 9)),
    "transposed 2d": (lambda: nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2), (2, 4, 5, 6)),
    "transposed 3d": (lambda: nn.ConvTranspose3d(2, 3, 3, stride=2, dilation=2), (2, 2, 3, 4, 3)),
    "lstm": (lambda: _First(nn.LSTM(5, 7, 2, bidirectional=True)), (6, 3, 5)),
    "lstm, projected": (lambda: _First(nn.LSTM(5, 7, 2, proj_size=3, batch_first=True)), (3, 6, 5)),
    "lstm, one sequence": (lambda: _First(nn.LSTM(5, 7)), (6, 5)),
    "gru": (lambda: _First(nn.GRU(5, 7, 2, batch_first=True)), (3, 6, 5)),
    "rnn": (lambda: _First(nn.RNN(5, 7, bias=False)), (6, 3, 5)),
    "rnn, relu": (lambda: _First(nn.RNN(5, 7, nonlinearity="relu")), (6, 3, 5)),
    "attention": (lambda: _SelfAttention(), (6, 3, 16)),
    "attention, batch first": (lambda: _SelfAttention(batch_first=True, bias=False), (3, 6, 16)),
    "encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True), 2), (3, 6, 16)
    ),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    make, shape = CASES[request.param]
    torch.manual_seed(0)
    return make(), _normal(request.param, *shape)


def _tiled(net: nn.Module, x: Tensor, chip: str = "dimc-sram", **options: Any) -> nn.Module:
    converted = mho.nn.convert(net, chip, **options)
    mho.nn.calibrate(converted, x)
    return converted


def _error(y: Tensor, truth: Tensor) -> float:
    return float((y - truth).detach().norm() / truth.detach().norm())


def test_an_exact_tile_errs_by_eight_bits(case: tuple[nn.Module, Tensor]) -> None:
    net, x = case
    tiled = _tiled(net, x)
    for training in (True, False):
        y, truth = tiled.train(training)(x), net.train(training)(x)
        assert y.shape == truth.shape
        assert _error(y, truth) < 0.03


def test_gradients_are_those_of_the_exact_product(case: tuple[nn.Module, Tensor]) -> None:
    """Up to the rounding of what is multiplied: within a few per cent of those of the digital layer."""
    net, x = case
    tiled = _tiled(net, x)
    leaves = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    for module, leaf in zip((net, tiled), leaves, strict=True):
        module.train()(leaf).square().sum().backward()
    for (name, ours), (_, theirs) in zip(tiled.named_parameters(), net.named_parameters(), strict=True):
        assert ours.grad is not None, name
        assert theirs.grad is not None, name
        scale = max(float(theirs.grad.norm()), 1e-3)
        assert float((ours.grad - theirs.grad).norm()) < 0.15 * scale, name
    # Inputs that are clipped have none; few are.
    both = torch.stack([leaf.grad.flatten() for leaf in leaves if leaf.grad is not None])
    assert float(torch.corrcoef(both)[0, 1]) > 0.95


def test_there_and_back(case: tuple[nn.Module, Tensor], tmp_path: Any) -> None:
    net, x = case
    tiled = _tiled(net, x)
    assert list(tiled.state_dict()) == list(net.state_dict())
    digital = mho.nn.to_digital(tiled).eval()
    assert [type(m) for m in digital.modules()] == [type(m) for m in net.modules()]
    torch.testing.assert_close(digital(x), net.eval()(x), rtol=1e-5, atol=1e-5)
    torch.save(tiled.state_dict(), tmp_path / "weights.pt")
    other = copy.deepcopy(net)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    changed = copy.deepcopy(tiled)
    changed.load_state_dict({k: v + 1 for k, v in net.state_dict().items()})
    first = next(iter(net.state_dict()))
    assert torch.equal(changed.state_dict()[first], net.state_dict()[first] + 1)
    assert torch.equal(tiled.eval()(x), copy.deepcopy(tiled)(x))


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram"])
def test_on_analog_tiles(case: tuple[nn.Module, Tensor], chip: str) -> None:
    """Noise in training only; every parameter learns; chips err more than the chip as designed."""
    net, x = case
    tiled = _tiled(net, x, chip)
    net.eval(), tiled.eval()
    truth, still = net(x), tiled(x)
    assert torch.equal(still, tiled(x))
    assert _error(still, truth) < 0.35
    tiled.train()
    assert not torch.equal(tiled(x), tiled(x))
    tiled(x).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in tiled.parameters())


@pytest.mark.parametrize("switch", [{"converter": False, "cells": False}, {"converter": False}, {"cells": False}])
def test_switches_of_training_noise(switch: dict[str, bool]) -> None:
    net, x = nn.Linear(30, 4), _normal("x", 6, 30)
    tiled = _tiled(net, x, "hermes", noise=TrainingNoise(**switch)).train()
    silent = len(switch) == 2
    assert torch.equal(tiled(x), tiled(x)) == silent
    if silent:
        assert torch.equal(tiled(x), tiled.eval()(x))


def test_what_is_refused() -> None:
    x = _normal("x", 4, 20)
    with pytest.raises(MhoError, match="call mho.nn.calibrate"):
        mho.nn.convert(nn.Linear(20, 3), "hermes")(x)
    with pytest.raises(UnsupportedOpError, match="the network has no layer that can sit on tiles"):
        mho.nn.convert(nn.Sequential(nn.ReLU()), "hermes")
    with pytest.raises(UnsupportedOpError, match="the filter took none"):
        mho.nn.convert(nn.Sequential(nn.Linear(3, 2)), "hermes", filter=lambda name, layer: name == "1")
    with pytest.raises(MhoError, match="convert it first"):
        mho.nn.calibrate(nn.Linear(20, 3), x)
    lstm = mho.nn.convert(nn.LSTM(20, 3), "dimc-sram")
    with pytest.raises(UnsupportedOpError, match="pad them"):
        lstm(pack_sequence([x]))
    branch = mho.nn.convert(nn.ModuleDict({"a": nn.Linear(20, 3), "b": nn.Linear(3, 3)}), "hermes")
    branch.forward = lambda x: branch["a"](x)  # type: ignore[method-assign]
    with pytest.raises(MhoError, match="calibration gave no input to b"):
        mho.nn.calibrate(branch, x)


def test_the_filter_sees_names() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)))
    seen: list[str] = []
    tiled = mho.nn.convert(net, "hermes", filter=lambda name, layer: seen.append(name) or name != "1.0")  # type: ignore[func-returns-value]
    assert seen == ["0", "1.0", "1.1"]
    assert type(tiled[1][0]) is nn.Linear
    assert type(tiled[0]) is type(tiled[1][1]) is mho.nn.Linear
    assert type(net[0]) is nn.Linear


def test_bfloat16_and_autocast() -> None:
    net, x = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4)), _normal("x", 16, 64)
    tiled = _tiled(net, x).eval()
    truth = tiled(x)
    half = copy.deepcopy(tiled).bfloat16()
    y = half(x.bfloat16())
    assert y.dtype == torch.bfloat16
    assert _error(y.float(), truth) < 0.03
    with torch.autocast("cpu", torch.bfloat16):
        assert _error(tiled(x).float(), truth) < 0.03
    half.train()(x.bfloat16()).float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.bfloat16 for p in half.parameters())


def test_a_chip_by_its_file_or_tile() -> None:
    x = _normal("x", 4, 20)
    net = nn.Linear(20, 3)
    one, other = (_tiled(net, x, chip).eval()(x) for chip in ("dimc-sram", Chip.load("dimc-sram").tile))
    assert torch.equal(one, other)
