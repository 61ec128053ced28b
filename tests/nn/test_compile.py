"""Layers on tiles under torch.compile and torch.export."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

import mho.nn
from mho.core import Seed
from mho.tiles import Quantization

pytestmark = [
    pytest.mark.compile,
    # Dynamo's own doing, with any torch.autograd.Function.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
CASES = {
    "linear": (lambda: nn.Linear(600, 16), (8, 600)),
    "conv": (lambda: nn.Conv2d(8, 16, 3, padding=1), (4, 8, 6, 6)),
    "encoder": (lambda: nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True), (3, 6, 16)),
    "gru": (lambda: nn.GRU(5, 7, batch_first=True), (3, 4, 5)),
}


def _case(name: str, chip: str) -> tuple[nn.Module, Tensor]:
    torch.compiler.reset()
    torch.manual_seed(0)
    make, shape = CASES[name]
    x = Seed(0).child(name).normal(shape)
    noise = mho.nn.TrainingNoise(converter=False, cells=False)
    net = mho.nn.convert(make(), chip, noise=noise)
    mho.nn.calibrate(net, x)
    return net, x


def _first(y: object) -> Tensor:
    return y[0] if isinstance(y, tuple) else y  # type: ignore[return-value]


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram", "dimc-sram"])
@pytest.mark.parametrize("name", CASES)
@torch._dynamo.config.patch(allow_rnn=True)  # dynamo takes no recurrent layer else, whatever its forward pass is
def test_compiled_equals_eager(name: str, chip: str) -> None:
    """In evaluation and in training, gradients included; a code at its border may differ by one."""
    net, x = _case(name, chip)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    for training in (False, True):
        net.train(training)
        with torch.set_grad_enabled(training):
            ours, theirs = _first(compiled(x)), _first(net(x))
        assert float((ours - theirs).detach().norm()) <= 2e-3 * float(theirs.detach().norm())
    grads: list[list[Tensor]] = []
    for module in (net, compiled):
        net.zero_grad()
        _first(module(x)).square().sum().backward()
        grads.append([p.grad.clone() for p in net.parameters() if p.grad is not None])
    for a, b in zip(*grads, strict=True):
        assert float((a - b).norm()) <= 1e-2 * float(a.norm()) + 1e-6


@pytest.mark.parametrize("chip", ["hermes", "dimc-sram"])
def test_inductor(chip: str) -> None:
    net, x = _case("linear", chip)
    net.eval()
    compiled = torch.compile(net, fullgraph=True)
    with torch.no_grad():
        assert float((compiled(x) - net(x)).norm()) <= 2e-3 * float(net(x).norm())


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram"])
def test_noise_in_compiled_training(chip: str) -> None:
    torch.compiler.reset()
    x = Seed(0).child("x").normal((8, 64))
    net = mho.nn.convert(nn.Linear(64, 16), chip)
    mho.nn.calibrate(net, x)
    compiled = torch.compile(net.train(), fullgraph=True, backend="aot_eager")
    assert not torch.equal(compiled(x), compiled(x))
    compiled(x).sum().backward()


@pytest.mark.parametrize("chip", ["hermes", "dimc-sram"])
@pytest.mark.parametrize("name", ["linear", "conv"])
def test_export(name: str, chip: str) -> None:
    """With any size of batch; programmed chips as they are."""
    net, x = _case(name, chip)
    net.eval()
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: Dim("batch")},)).module()
    torch.testing.assert_close(exported(x[:3]), net(x[:3]), rtol=2e-3, atol=2e-2)
    chips = mho.nn.program(net, instances=2).quiet()
    both = torch.cat([x, x])
    again = torch.export.export(chips.module, (both,)).module()
    torch.testing.assert_close(again(both).unflatten(0, (2, -1)), chips(x), rtol=2e-3, atol=2e-2)


@pytest.mark.parametrize("options", [Quantization(3, per="tensor"), Quantization(input_bits=3, inputs="lloyd-max")])
def test_few_bits_compile(options: Quantization) -> None:
    """Another scale, and inputs looked up among levels: compiled, the same numbers."""
    torch.compiler.reset()
    torch.manual_seed(0)
    x = Seed(0).child("few").normal((8, 40))
    noise = mho.nn.TrainingNoise(converter=False, cells=False)
    net = mho.nn.convert(nn.Linear(40, 6), "tile2-rram", noise=noise, options=options)
    mho.nn.calibrate(net, x)
    compiled = torch.compile(net, fullgraph=True)
    torch.testing.assert_close(compiled(x), net(x), rtol=1e-4, atol=1e-5)
