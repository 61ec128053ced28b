"""Levels for partial sums: drawn anew in training, with gradients, learned for the answers on chips."""

import pytest
import torch
from torch import Tensor, nn

import mho.nn
from mho import Chip, MhoError
from mho.core import Seed
from mho.nn import TiledMatrix, TrainingNoise, learn_levels

QUIET = TrainingNoise(converter=False, cells=False, levels=False)
X = Seed(0).child("x").normal((240, 3, 8, 8))


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 6)).eval()
    with torch.no_grad():
        net.get_parameter("4.weight").mul_(10)  # so that answers are not all alike
    return net


def _tiled(
    adc: str = "memristive-3b", chip: str = "hermes", noise: TrainingNoise = QUIET, net: nn.Module | None = None
) -> nn.Module:
    tiled = mho.nn.convert(_net() if net is None else net, Chip.load(chip).with_converter(adc), noise=noise).eval()
    mho.nn.calibrate(tiled, X.split(60))
    return tiled


def _matrix(tiled: nn.Module) -> TiledMatrix:
    return next(m for m in tiled.modules() if isinstance(m, TiledMatrix))


def test_levels_err_in_training_as_on_chips() -> None:
    """The spread between steps is that between chips in which nothing but levels errs."""
    net, x = nn.Linear(40, 4), Seed(1).normal((50, 40))
    chip = Chip.load("tile2-rram").with_converter("memristive-5b").only("level variation")
    tiled = mho.nn.convert(net, chip, noise=TrainingNoise(converter=False, cells=False))
    mho.nn.calibrate(tiled, Seed(2).normal((400, 40)))
    with torch.no_grad():
        chips = mho.nn.program(tiled, instances=30).at(None)(x)
        steps = torch.stack([tiled.train()(x) for _ in range(30)])
    ours, truth = float(steps.var(0).mean()), float(chips.var(0).mean())
    assert truth > 0
    assert ours / truth == pytest.approx(1.0, rel=0.2)
    off = float((steps.mean(0) - chips.mean(0)).square().mean())
    assert off / (2 * truth / 30) == pytest.approx(1.0, abs=0.6)


def test_without_levels_training_is_still() -> None:
    tiled = _tiled()
    _matrix(tiled).training = True  # and no BatchNorm
    assert torch.equal(tiled(X[:9]), _tiled()(X[:9]))


@pytest.mark.parametrize("adc", ["memristive-3b", "memristive-4b-pair"])
@pytest.mark.parametrize("chip", ["hermes", "tile2-rram"])
def test_gradients_of_levels_are_exact(adc: str, chip: str) -> None:
    """Of output levels within the range of codes, against finite differences: no code changes with them."""
    tiled = _tiled(adc, chip)
    matrix = _matrix(tiled)
    assert matrix.codebook is not None
    book = matrix.codebook.requires_grad_()

    def value() -> Tensor:
        return (tiled.get_submodule("0")(X[:60]) * Seed(3).normal((60, 8, 6, 6))).sum()

    value().backward()
    assert book.grad is not None
    assert bool((book.grad[..., 0, -1] == 0).all())  # no transition there
    for k in range(1, book.shape[-1] - 1):
        with torch.no_grad():
            found = []
            for step in (0.05, -0.05):
                book[..., 1, k] += step
                found.append(float(value()))
                book[..., 1, k] -= step
        assert float(book.grad[..., 1, k].sum()) == pytest.approx((found[0] - found[1]) / 0.1, rel=0.02, abs=0.5), k


def test_other_gradients_stay_as_they_are() -> None:
    """Weights and inputs have those of the exact product, whether levels have any or not."""
    grads: list[list[Tensor | None]] = []
    x = X[:, 0].flatten(1)
    tiled = mho.nn.convert(nn.Sequential(nn.Linear(64, 5)), Chip.load("hermes").with_converter("memristive-4b"))
    mho.nn.calibrate(tiled, x)
    for learns in (False, True):
        matrix = _matrix(tiled.eval())
        assert matrix.codebook is not None
        matrix.codebook.requires_grad_(learns)
        some = x[:20].clone().requires_grad_()
        tiled.zero_grad()
        tiled(some).square().sum().backward()
        grads.append([some.grad, *[p.grad for p in tiled.parameters()]])
    for one, other in zip(*grads, strict=True):
        assert one is not None
        assert torch.equal(one, other)


def test_learning_on_chips() -> None:
    """Levels that are off go where answers of chips that were never seen are nearest; weights and statistics stay."""
    net = _net()
    tiled = _tiled(noise=TrainingNoise(), net=net)
    for matrix in (m for m in tiled.modules() if isinstance(m, TiledMatrix)):
        assert matrix.codebook is not None
        matrix.codebook[..., 1, :].sub_(3).mul_(0.6).add_(3)  # nearer to zero
    before = {k: v.clone() for k, v in tiled.state_dict().items()}

    def distance() -> float:
        with torch.no_grad():
            answers = mho.nn.program(tiled, seed=7, instances=4).at(0.0)(X[:60]).log_softmax(-1)
            wanted = net(X[:60]).softmax(-1).expand_as(answers)
            return float(nn.functional.kl_div(answers.flatten(0, 1), wanted.flatten(0, 1), reduction="batchmean"))

    start, first = distance(), mho.nn.ranges(tiled)
    torch.manual_seed(1)
    done: list[tuple[int, int]] = []
    losses = learn_levels(tiled, net, X[80:].split(40), epochs=8, rate=0.05, progress=lambda *n: done.append(n))
    assert distance() < 0.8 * start
    assert losses[-1] < losses[0]
    assert done[-1] == (32, 32)
    assert all(torch.equal(v, before[k]) for k, v in tiled.state_dict().items())
    assert not any(m.training for m in tiled.modules())
    assert all(p.requires_grad for p in tiled.parameters())
    after = mho.nn.ranges(tiled)
    for name, ranges in after.items():
        book, old = ranges.codebook, first[name].codebook
        assert book is not None
        assert old is not None
        assert not torch.equal(book, old)
        assert (book[..., 1, :].diff(dim=-1) >= 0).all()
        assert (book[..., 0, :].diff(dim=-1) >= 0).all()
        assert book[..., 0, -1].isinf().all()
    other = _tiled(net=net)
    mho.nn.set_ranges(other, after)  # levels go where ranges go
    torch.testing.assert_close(other(X[:9]), tiled(X[:9]))


@pytest.mark.parametrize("whole", [False, True])
def test_transitions_may_stay(whole: bool) -> None:
    """Of partial sums, and of whole outputs."""
    net = _net()
    outputs = mho.nn.capture_outputs(net, [X])
    tiled = mho.nn.OutputConverters(net, mho.nn.fit_outputs(outputs, 3)) if whole else _tiled(net=net)

    def books() -> list[Tensor]:
        """Transition levels, then levels."""
        if isinstance(tiled, mho.nn.OutputConverters):
            return [t for name in tiled.names for t in (tiled.of(name).codebook.transitions, tiled.of(name).levels)]
        found = [m.codebook for m in tiled.modules() if isinstance(m, TiledMatrix)]
        return [t for b in found if b is not None for t in (b[..., 0, :], b[..., 1, :])]

    before = [b.detach().clone() for b in books()]
    learn_levels(tiled, net, X.split(120), epochs=1, transitions=False)
    same = [torch.equal(a, b) for a, b in zip(before, books(), strict=True)]
    assert same == [True, False] * (len(same) // 2)


def test_levels_that_are_not_there() -> None:
    tiled = mho.nn.convert(_net(), "hermes")
    mho.nn.calibrate(tiled, X)
    with pytest.raises(
        MhoError, match=r"^no layer has levels that can be learned; convert the network for a chip with"
    ):
        learn_levels(tiled, _net(), [X])
    with pytest.raises(MhoError, match=r"at least one epoch and one batch, not 0 and 1$"):
        learn_levels(tiled, _net(), [X], epochs=0)
