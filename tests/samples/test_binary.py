"""The shipped binary perceptron and digits: their bits, their accuracy, and how training folds into thresholds."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional

import mho
from mho.core import read_tensors
from mho.samples import BinaryPerceptron, binary_perceptron, mnist_sample
from mho.samples._binary import _signs

DATA = Path(mho.__file__).parent / "data"
NETWORK = DATA / "networks" / "mnist-binary-perceptron.safetensors"
SAMPLE = DATA / "samples" / "mnist-test-2000.safetensors"
SCRIPT = Path(__file__).parents[2] / "examples" / "train_binary_mlp.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_binary_mlp", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Bits -----------------------------------------------------------------------------------------------------------


def _bit(packed: Tensor, row: int, index: int) -> float:
    """Return a sign by shifts alone: the first of eight is the highest bit."""
    return 1.0 if int(packed[row, index // 8]) >> (7 - index % 8) & 1 else -1.0


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 999))
def test_signs_come_back_in_their_order(count: int, rows: int, seed: int) -> None:
    """Also where the last byte is not full: what pads it does not come out."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(2, (rows, count), generator=generator).float() * 2 - 1
    packed = torch.from_numpy(np.packbits((signs > 0).numpy(), axis=-1))
    assert packed.shape == (rows, -(-count // 8))
    assert torch.equal(_signs(packed, count), signs)
    assert [[_bit(packed, r, i) for i in range(count)] for r in range(rows)] == signs.tolist()


def test_the_first_pixel_is_the_highest_bit() -> None:
    assert _signs(torch.tensor([[0b10000001, 0b01000000]], dtype=torch.uint8), 10).tolist() == [
        [1, -1, -1, -1, -1, -1, -1, 1, -1, 1]
    ]


def test_training_packs_what_the_package_unpacks(script: ModuleType) -> None:
    signs = torch.randint(2, (7, 784), generator=torch.Generator().manual_seed(0)).float() * 2 - 1
    assert torch.equal(_signs(script.bits(signs), 784), signs)


@pytest.mark.parametrize(("file", "name", "count"), [(NETWORK, "first", 784), (NETWORK, "second", 128)])
def test_shipped_weights_are_the_bits_of_the_file(file: Path, name: str, count: int) -> None:
    packed, weight = read_tensors(file)[name], getattr(binary_perceptron(), name)
    rng = np.random.default_rng(0)
    for row, index in zip(rng.integers(len(packed), size=300), rng.integers(count, size=300), strict=True):
        assert float(weight[row, index]) == _bit(packed, int(row), int(index))


# Images ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    return mnist_sample()


def test_two_thousand_digits(digits: tuple[Tensor, Tensor]) -> None:
    x, y = digits
    assert (tuple(x.shape), x.dtype, tuple(y.shape), y.dtype) == ((2000, 784), torch.float32, (2000,), torch.int64)
    assert x.unique().tolist() == [-1, 1]
    assert y.unique().tolist() == list(range(10))
    assert len({image.numpy().tobytes() for image in x}) == 2000
    assert int(torch.bincount(y).min()) > 100  # of 200 at even shares


def test_strokes_run_on_across_bytes(digits: tuple[Tensor, Tensor]) -> None:
    """A digit is made of strokes, so neighbours agree as often over the border of two bytes as within them.

    Read with the lowest bit first, pixels 7 and 8 of a pair of bytes would be 15 pixels apart.
    """
    x, _ = digits
    index = torch.arange(783)
    border, same_row = index % 8 == 7, index % 28 != 27

    def agree(image: Tensor) -> tuple[float, float]:
        equal = (image[:, 1:] == image[:, :-1]).double().mean(0)
        return float(equal[border & same_row].mean()), float(equal[~border & same_row].mean())

    over, within = agree(x)
    wrong, _ = agree(x.unflatten(1, (98, 8)).flip(2).flatten(1))
    assert abs(over - within) < abs(wrong - within) / 3
    edge = x.reshape(-1, 28, 28)
    assert float(edge[:, (0, -1)].mean()) < -0.99  # digits lie in the middle, rows under one another
    assert float(edge[:, :, (0, -1)].mean()) < -0.99


# Network --------------------------------------------------------------------------------------------------------


def test_shape_of_the_network() -> None:
    n = binary_perceptron()
    assert [tuple(t.shape) for t in (n.first, n.threshold, n.second, n.scale, n.offset)] == [
        (128, 784), (128,), (10, 128), (10,), (10,),
    ]  # fmt: skip
    for weight in (n.first, n.second):
        assert weight.unique().tolist() == [-1, 1]
    assert torch.equal(n.threshold, n.threshold.round())
    assert float(n.threshold.abs().max()) <= 785  # no sum of 784 signs is larger: a larger one would be an overflow


def test_a_unit_is_one_where_its_sum_reaches_the_threshold() -> None:
    one = torch.ones(1)
    n = BinaryPerceptron(torch.ones(2, 3), torch.tensor([1.0, -3.0]), torch.tensor([[1.0, -1.0]]), 2 * one, 5 * one)
    assert n.hidden(torch.tensor([[0.0, -4.0], [1.0, -3.0], [2.0, 3.0]])).tolist() == [[-1, -1], [1, 1], [1, 1]]
    assert n.scores(torch.tensor([3.0])).tolist() == [11.0]
    x = torch.tensor([[-1.0, -1, 1], [1, 1, -1]])
    assert n(x).tolist() == [[-2 * 2 + 5.0], [0 + 5.0]]
    assert n(x.unsqueeze(0)).shape == (1, 2, 1)


def test_the_shipped_accuracy_is_the_one_of_its_file(digits: tuple[Tensor, Tensor]) -> None:
    """The file tells the accuracy p on all 10,000 images; 2,000 of them are a sample without replacement.

    Its standard deviation is sqrt(p (1 - p) / n (N - n) / (N - 1)), 0.41 points; four of these, and half a digit.
    """
    with safe_open(NETWORK, "pt") as file:
        told = float(file.metadata()["test_accuracy"])
    x, labels = digits
    ours = float((binary_perceptron()(x).argmax(1) == labels).double().mean())
    sigma = math.sqrt(told * (1 - told) / 2000 * 8000 / 9999)
    assert abs(ours - told) <= 4 * sigma + 5e-5


# Folding --------------------------------------------------------------------------------------------------------


def _trained(script: ModuleType, seed: int) -> Any:
    """Return a network with normalisation as training may leave it: both signs of gamma, any mean."""
    torch.manual_seed(seed)
    model = script.Perceptron(32)
    for norm, size in ((model.norm, 20.0), (model.scores, 5.0)):
        n = len(norm.weight)
        norm.weight.data = (0.2 + torch.rand(n)) * torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0)
        norm.bias.data = torch.randn(n)
        norm.running_mean = size * torch.randn(n)
        norm.running_var = size**2 * (0.25 + torch.rand(n))
    return model.eval()


def _loaded(tensors: dict[str, Tensor]) -> BinaryPerceptron:
    t = tensors
    first, second = _signs(t["first"], 784), _signs(t["second"], len(t["threshold"]))
    return BinaryPerceptron(first, t["threshold"].float(), second, t["scale"], t["offset"])


def _inputs() -> Tensor:
    return torch.randint(2, (200, 784), generator=torch.Generator().manual_seed(9)).float() * 2 - 1


@pytest.mark.parametrize("seed", range(4))
def test_folded_thresholds_are_the_normalised_network(script: ModuleType, seed: int) -> None:
    """Every hidden unit and score, but for units within 1e-3 of a tie, which single precision may tip."""
    model, x = _trained(script, seed), _inputs()
    network = _loaded(script.folded(model))
    n = model.norm
    with torch.no_grad():
        sums = (x @ torch.where(model.first >= 0, 1.0, -1.0).T).double()
        z = (sums - n.running_mean) / (n.running_var.double() + n.eps).sqrt() * n.weight + n.bias
    sure = z.abs() > 1e-3
    assert float(sure.double().mean()) > 0.99
    hidden = network.hidden(x @ network.first.T)
    assert torch.equal(hidden[sure], torch.where(z >= 0, 1.0, -1.0)[sure])
    for column in (0, 1):  # gamma of both signs, and units of both kinds in each
        assert len(hidden[:, column::2].unique()) == 2
    with torch.no_grad():
        whole = sure.all(1)
        assert int(whole.sum()) > 100
        # Scores are of order 10, sums of up to 32: their rounding is far below 1e-4.
        torch.testing.assert_close(network(x)[whole], model(x)[whole], rtol=1e-5, atol=1e-4)


def test_thresholds_are_whole_and_met_at_equality(script: ModuleType) -> None:
    """By hand: gamma 1, beta 0, mean 3: the sums 3 and -3 are ties of a unit and of one with gamma -1, both are 1."""
    model = script.Perceptron(2).eval()
    model.first.data.fill_(1.0)
    model.norm.running_mean = torch.tensor([3.0, 3.0])
    model.norm.weight.data = torch.tensor([1.0, -1.0])
    tensors = script.folded(model)
    assert tensors["threshold"].tolist() == [3, -3]
    network = _loaded(tensors)
    assert network.first[:, 0].tolist() == [1, -1]
    for total, expected in ((2, [-1, 1]), (3, [1, 1]), (4, [1, -1])):
        assert network.hidden(torch.tensor([float(total), -float(total)])).tolist() == expected


@pytest.mark.parametrize("bias", [1.0, -1.0])
def test_a_unit_that_hardly_looks_at_its_inputs(script: ModuleType, bias: float) -> None:
    """Its gamma is so small that only the bias counts, so the unit is always 1 or always -1."""
    model, x = _trained(script, 0), _inputs()
    model.norm.weight.data[:] = torch.tensor([5e-4, -5e-4]).repeat(16)
    model.norm.bias.data[:] = bias
    model.norm.running_mean = torch.zeros(32)
    network = _loaded(script.folded(model))
    assert (network.hidden(x @ network.first.T) == bias).all()


@pytest.mark.parametrize("bias", [1.0, -1.0])
def test_a_unit_that_does_not_look_at_its_inputs(script: ModuleType, bias: float) -> None:
    model, x = _trained(script, 0), _inputs()
    model.norm.weight.data.zero_()
    model.norm.bias.data[:] = bias
    network = _loaded(script.folded(model))
    assert (network.hidden(x @ network.first.T) == bias).all()


def test_a_weight_of_exactly_zero(script: ModuleType) -> None:
    """The weight that training used, 1, is the one to be saved, on units of either sign of gamma."""
    model = _trained(script, 0)
    model.first.data.zero_()
    model.second.data.zero_()
    network = _loaded(script.folded(model))
    turn = torch.where(model.norm.weight.detach() >= 0, 1.0, -1.0)
    assert torch.equal(network.first, turn[:, None].expand(-1, 784))
    assert (network.second == 1).all()


def test_the_gradient_of_a_sign_is_a_clipped_identity(script: ModuleType) -> None:
    x = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
    y = script.Sign.apply(x)
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    functional.mse_loss(y, torch.zeros(7), reduction="sum").backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, -2, -2, 2, 2, 2, 0]
