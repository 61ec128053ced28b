"""Whole outputs through converters: what is captured, what comes out, gradients, and levels that learn."""

import copy

import pytest
import torch
from torch import nn

from mho.converters import Codebook, lloyd_max, uniform
from mho.core import MhoError, Seed
from mho.nn import (
    OutputConverter,
    OutputConverters,
    capture_outputs,
    fit_outputs,
    fold_batchnorm,
    learn_levels,
    matrix_layers,
)


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 5)
    )


X = Seed(0).child("x").normal((40, 2, 6, 6))


def test_folding_changes_no_answer() -> None:
    net = _net()
    net(X)  # statistics
    net.eval()
    folded = fold_batchnorm(net)
    torch.testing.assert_close(folded(X), net(X), rtol=1e-4, atol=1e-5)
    assert isinstance(folded[1], nn.Identity)
    assert isinstance(net[1], nn.BatchNorm2d)
    assert list(matrix_layers(folded)) == ["0", "4"]


def test_captured_outputs_are_those_of_the_layers() -> None:
    net = fold_batchnorm(_net())
    outputs = capture_outputs(net, X.split(20))
    assert torch.equal(outputs["4"].sort().values, net(X).detach().flatten().sort().values)
    columns = capture_outputs(net, [X], by_column=True)
    assert columns["0"].shape == (6, 40 * 16)
    torch.testing.assert_close(columns["0"][3], net[0](X)[:, 3].detach().flatten())


@pytest.mark.parametrize("by_column", [False, True])
def test_outputs_become_levels(by_column: bool) -> None:
    net = fold_batchnorm(_net())
    books = fit_outputs(capture_outputs(net, [X], by_column), {"0": 3, "4": 5})
    converted = OutputConverters(net, books)
    y = converted(X)
    wanted = net[4]
    hidden = net[0](X)
    first = books["0"].quantise(hidden.transpose(0, 1).flatten(1)) if by_column else books["0"].quantise(hidden)
    hidden = first.reshape(6, 40, 4, 4).transpose(0, 1) if by_column else first
    literal = wanted(torch.relu(hidden).flatten(1))
    literal = books["4"].quantise(literal.T).T if by_column else books["4"].quantise(literal)
    torch.testing.assert_close(y, literal, rtol=1e-5, atol=1e-5)
    assert torch.equal(net(X), fold_batchnorm(_net())(X))  # the network given is as it was


def test_many_bits_change_little() -> None:
    net = fold_batchnorm(_net())
    converted = OutputConverters(net, fit_outputs(capture_outputs(net, [X]), 8))
    with torch.no_grad():
        assert float((converted(X) - net(X)).square().mean() / net(X).square().mean()) < 2e-3


def test_variation_and_copies() -> None:
    converter = OutputConverter(uniform(-1.0, 1.0, 4))
    y = Seed(1).normal((50, 3, 4))
    plain = converter(y)
    converter.vary(0.03, Seed(2))
    assert not torch.equal(converter(y), plain)
    one = converter(y)
    converter.vary(0.03, Seed(2))
    assert torch.equal(converter(y), one)
    converter.vary(0.03, Seed(2), copies=2)
    errors = [(out - y.clamp(-1, 1)).square().mean() for out in (one, converter(y))]
    assert errors[1] < errors[0]
    converter.vary(0.03, Seed(2), copies=5, rule="vote")
    assert set(converter(y).unique().tolist()) <= set(converter.levels.tolist())
    converter.vary(0.0, Seed(2), copies=2)
    assert torch.equal(converter(y), plain)


def test_gradients() -> None:
    """Of levels exactly; of transitions as a finite difference over many outputs; straight through for outputs."""
    torch.manual_seed(0)
    converter = OutputConverter(Codebook(torch.tensor([-0.5, 0.2, 0.9]), torch.tensor([-1.0, -0.2, 0.6, 1.4])))
    y = (torch.rand(200_000, 1) * 3 - 1.5).requires_grad_()
    target = 0.9 * torch.sin(3 * y.detach())
    loss = (converter(y) - target).square().mean()
    loss.backward()
    assert y.grad is not None
    assert converter.levels.grad is not None
    assert converter.transitions.grad is not None
    assert ((y.grad == 0) == ((y < -1.0) | (y > 1.4))).all()

    def value(kind: str, index: int, step: float) -> float:
        other = copy.deepcopy(converter)
        with torch.no_grad():
            getattr(other, kind)[index] += step
            return float((other(y) - target).square().mean())

    for kind, count, rough in (("levels", 4, 1e-2), ("transitions", 3, 0.35)):
        for i in range(count):
            slope = (value(kind, i, 0.02) - value(kind, i, -0.02)) / 0.04
            found = float(getattr(converter, kind).grad[i])
            assert found == pytest.approx(slope, rel=rough, abs=0.02), (kind, i)


def test_learning_brings_the_answers_nearer() -> None:
    net = fold_batchnorm(_net())
    converted = OutputConverters(net, fit_outputs(capture_outputs(net, [X]), 2))

    def distance() -> float:
        with torch.no_grad():
            p = net(X).softmax(-1)
            return float(nn.functional.kl_div(converted(X).log_softmax(-1), p, reduction="batchmean"))

    before = distance()
    weight = converted.network.get_submodule("0").layer.weight.detach().clone()
    losses = learn_levels(converted, net, X.split(20), epochs=25, rate=0.05)
    assert distance() < 0.8 * before
    assert losses[-1] < losses[0]
    assert torch.equal(converted.network.get_submodule("0").layer.weight, weight)
    book = converted.of("0").codebook
    assert (book.levels.diff() >= 0).all()
    assert (book.transitions.diff() >= 0).all()


def test_levels_err_in_training_as_on_chips() -> None:
    """Anew for each batch, as far as those of chips; not in evaluation."""
    net = fold_batchnorm(_net())
    books = fit_outputs(capture_outputs(net, [X]), 3)
    plain, tried = OutputConverters(net, books), OutputConverters(net, books, variation=0.03)
    with torch.no_grad():
        assert torch.equal(tried(X), plain(X))
        torch.manual_seed(0)
        steps = torch.stack([tried.train()(X) for _ in range(40)])
        chips = []
        for i in range(40):
            plain.vary(0.03, Seed(i))
            chips.append(plain(X))
    ours, truth = float(steps.var(0).mean()), float(torch.stack(chips).var(0).mean())
    assert truth > 0
    assert ours / truth == pytest.approx(1.0, rel=0.2)


def test_levels_learned_with_variation_suit_converters_as_they_come_out() -> None:
    """On converters never seen they answer better than those learned for ideal ones."""
    net = fold_batchnorm(_net())
    books = fit_outputs(capture_outputs(net, [X]), 3)
    distances: list[float] = []
    for variation in (0.0, 0.12):
        torch.manual_seed(0)
        converted = OutputConverters(net, books, variation)
        learn_levels(converted, net, X.split(10), epochs=30, rate=0.05)
        assert not converted.of("0").training
        total = 0.0
        with torch.no_grad():
            for i in range(60):
                converted.vary(0.12, Seed(i))
                p = net(X).softmax(-1)
                total += float(nn.functional.kl_div(converted(X).log_softmax(-1), p, reduction="batchmean"))
        distances.append(total)
    assert distances[1] < 0.9 * distances[0]


def test_a_layer_that_is_not_there() -> None:
    book = lloyd_max(Seed(0).normal((100,)), 2)
    with pytest.raises(MhoError, match=r"^codebooks must be for layers of the network; it has no 7$"):
        OutputConverters(_net(), {"7": book})
