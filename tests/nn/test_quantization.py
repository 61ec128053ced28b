"""Layers of few bits: the same on chips of `mho.nn` and of `mho.run`, and training takes back what bits cost."""

import pytest
import torch
from torch import Tensor, nn

import mho
import mho.nn
from mho import Chip, Condition, Quantization
from mho.core import Seed, SpecError
from mho.samples import mnist_sample

X = Seed(0).child("x").normal((6, 3, 8, 8))
OPTIONS = [
    Quantization(4, adc_bits=5),
    Quantization(3, per="tensor", clip="least squares"),
    Quantization(input_bits=3, inputs="lloyd-max"),
    Quantization(5, input_bits=4),
]


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5))


@pytest.mark.parametrize("name", ["tile2-rram", "dimc-sram"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_chips_as_those_of_run(name: str, options: Quantization) -> None:
    if name == "dimc-sram" and options.adc_bits:
        return
    chip, day = Chip.load(name), Condition(86400.0)
    layers = {"3": Quantization(6)}
    quant = mho.quantize(mho.capture(_net().eval(), X[:1]), chip, X, options, layers=layers)
    run = mho.run(mho.compile(quant, chip), X, seed=4, instances=2, conditions=[day])
    net = mho.nn.convert(_net(), chip, options=options, layers=layers)
    ranges = mho.nn.calibrate(net, X)
    for key, own in ranges.items():
        kept = quant.layers[key].levels
        assert (own.levels is None) == (kept is None)
        assert kept is None or torch.equal(own.levels, kept)  # pyright: ignore[reportArgumentType]
    chips = mho.nn.program(net, seed=4, instances=2).at(86400.0)
    torch.testing.assert_close(chips(X), run.outputs[0], rtol=1e-4, atol=1e-4)
    other = mho.nn.convert(_net(), chip, options=options, layers=layers)
    mho.nn.set_ranges(other, ranges)
    assert torch.equal(other.eval()(X), net.eval()(X))


def test_gradients_stop_beyond_the_outermost_levels() -> None:
    net = mho.nn.convert(nn.Sequential(nn.Linear(4, 2)), "dimc-sram", options=OPTIONS[2])
    mho.nn.calibrate(net, torch.linspace(0, 1, 400).reshape(100, 4))
    x = torch.tensor([[0.2, 0.5, 1.4, -0.6]], requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).tolist() == [[True, True, False, False]]


def test_names_must_be_those_of_layers() -> None:
    with pytest.raises(SpecError, match=r"^the network has no layer 'four' on tiles; "):
        mho.nn.convert(_net(), "hermes", layers={"four": Quantization(4)})
    assert "4-bit weights per column" in repr(mho.nn.convert(_net(), "hermes", options=Quantization(4)))


@pytest.mark.parametrize(
    ("chip", "options"), [("dimc-sram", Quantization(2, per="tensor")), ("tile2-rram", Quantization(2, adc_bits=5))]
)
def test_fine_tuning_takes_back_what_few_bits_cost(chip: str, options: Quantization) -> None:
    """More than half of it, on digits that training does not see, in the cells of a chip that training does not see."""
    x, y = mnist_sample()
    train, test = slice(0, 1000), slice(1000, 1400)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=2),
        nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    _fit(net, x[train], y[train], 6, 3e-3)
    tiled = mho.nn.convert(net, chip, options=options)

    def accuracy() -> float:
        mho.nn.calibrate(tiled, x[:200])
        return 100 * _right(mho.nn.program(tiled).at(0.0)(x[test])[0], y[test])

    digital, before = 100 * _right(net(x[test]), y[test]), accuracy()
    _fit(tiled, x[train], y[train], 2, 3e-3)
    after = accuracy()
    assert digital - before > 10, (digital, before, after)
    assert digital - after < 0.5 * (digital - before), (digital, before, after)


def _fit(net: nn.Module, x: Tensor, y: Tensor, epochs: int, rate: float) -> None:
    optimiser = torch.optim.Adam(net.train().parameters(), rate)
    for _ in range(epochs):
        for i in torch.randperm(len(x), generator=Seed(0).generator()).split(50):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[i]), y[i]).backward()
            optimiser.step()
    net.eval()


def _right(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(-1) == labels).double().mean())
