"""mram-resistance-sum: exact where the parts are, errors that grow with their cause, and one row that misses."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mho.arrays import ResistanceSum, load_principle
from mho.core import Seed
from mho.reproduce._mram_resistance_sum import accuracy, crossbar
from mho.samples import binary_perceptron, mnist_sample


def _principle(spread: float = 0.0, jitter: float = 0.0) -> ResistanceSum:
    principle = load_principle("resistance-sum")
    assert isinstance(principle, ResistanceSum)
    return replace(principle, spread=spread, jitter=jitter, temperature=0.0)


def _signs(seed: int, *shape: int) -> Tensor:
    return torch.randint(2, shape, generator=torch.Generator().manual_seed(seed)).float() * 2 - 1


IDEAL = _principle()


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 4), st.integers(0, 99))
def test_ideal_crossbars_give_the_integer_product(inputs: int, outputs: int, images: int, seed: int) -> None:
    """Of any shape: arrays that are not full add nothing."""
    weight, x = _signs(seed, outputs, inputs), _signs(seed + 1, images, inputs)
    sums = crossbar(IDEAL, weight, x, Seed(seed))
    assert sums.shape == (images, outputs)
    assert torch.equal(sums.long(), x.long() @ weight.long().T)
    assert torch.equal(sums, sums.round())


@pytest.mark.parametrize("inputs", [1, 63, 64, 65, 128, 784])
@pytest.mark.parametrize(("w", "x"), [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_extremes(inputs: int, w: int, x: int) -> None:
    """All products alike: the largest sums that there are."""
    sums = crossbar(IDEAL, torch.full((3, inputs), float(w)), torch.full((2, inputs), float(x)), Seed(0))
    assert torch.equal(sums, torch.full((2, 3), float(w * x * inputs)))


@pytest.mark.parametrize("cause", ["spread", "jitter"])
def test_errors_grow_with_their_cause(cause: str) -> None:
    """With one array and the same draws the error before rounding is in proportion to its cause.

    A reading is whole, so rounding takes nothing from that: no column of any image may come nearer to the truth.
    """
    weight, x = _signs(0, 50, 64), _signs(1, 40, 64)
    truth = x @ weight.T
    typical = {"spread": 0.05, "jitter": 100e-12}[cause]
    errors = [
        (crossbar(_principle(**{cause: typical * k}), weight, x, Seed(3)) - truth).abs() for k in (0.25, 1.0, 4.0)
    ]
    for small, large in pairwise(errors):
        assert bool((small <= large).all())
        assert float(large.sum()) > float(small.sum())
    assert bool((errors[-1] % 4 == 0).all())  # an array is wrong by whole products, each 4 in the sum of signs


@pytest.mark.parametrize("cause", ["spread", "jitter"])
def test_how_often_a_reading_is_wrong(cause: str) -> None:
    """As often as a normal error of the right size is beyond a half.

    Spread: an active cell of weight w errs by half of (1/TMR + w) z1 - (1/TMR + 1 - w) z2, times the spread; all 64
    are active here. Jitter: over 2 R TMR C ln 2. Readings are independent: 5 standard deviations of a binomial count.
    """
    p = _principle(**{"spread": {"spread": 0.04}, "jitter": {"jitter": 60e-12}}[cause])
    if cause == "spread":
        sigma = 0.04 * (64 * ((1 / p.tmr + 1) ** 2 + (1 / p.tmr) ** 2) / 4) ** 0.5
    else:
        sigma = 60e-12 / (2 * p.r_low * p.tmr * p.capacitance * 0.6931471805599453)
    count = 4000
    weight, x = _signs(0, count, 64), torch.ones(1, 64)
    wrong = float((crossbar(p, weight, x, Seed(5)) != x @ weight.T).double().mean())
    expected = 2 * float(torch.special.ndtr(torch.tensor(-0.5 / sigma, dtype=torch.float64)))
    assert 0.01 < expected < 0.5
    assert abs(wrong - expected) < 5 * (expected * (1 - expected) / count) ** 0.5


def test_arrays_of_a_layer_have_errors_of_their_own() -> None:
    """The same weights and inputs in two arrays: equal errors would always be multiples of 8."""
    weight, x = _signs(0, 100, 64).repeat(1, 2), torch.ones(1, 128)
    error = crossbar(_principle(spread=0.1), weight, x, Seed(0)) - x @ weight.T
    assert bool((error % 8 != 0).any())


def test_same_seed_same_sums_and_other_chips_other_ones() -> None:
    weight, x = _signs(0, 20, 100), _signs(1, 30, 100)
    p = _principle(0.05, 50e-12)
    a, b, c = (crossbar(p, weight, x, Seed(s)) for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_junctions_stay_as_they_are_and_jitter_does_not() -> None:
    """Two images alike read the same sums through junctions of any spread, and others with jitter."""
    weight, x = _signs(0, 200, 64), _signs(1, 1, 64).repeat(2, 1)
    fixed = crossbar(_principle(spread=0.1), weight, x, Seed(0))
    assert torch.equal(fixed[0], fixed[1])
    noisy = crossbar(_principle(jitter=200e-12), weight, x, Seed(0))
    assert not torch.equal(noisy[0], noisy[1])


def test_chips() -> None:
    """Each is what its number says, however many are asked for."""
    p = _principle(0.06, 50e-12)
    two = accuracy(p, 2)
    assert accuracy(p, 1) == two[:1]
    assert two[0] != two[1]


def test_rows(rows: Any) -> None:
    table = rows("mram-resistance-sum")
    network, (x, labels) = binary_perceptron(), mnist_sample()
    software = 100 * float((network(x).argmax(1) == labels).double().mean())
    row = table["accuracy in software"]
    assert (row.mark, row.published, row.tolerance) == ("fitted", 95.24, 0.01)
    assert row.ours == pytest.approx(software, abs=0, rel=1e-12)
    assert row.comment
    on_chip, lost = table["accuracy on 64 x 64 crossbars"], table["points lost on the crossbars"]
    assert (on_chip.mark, on_chip.published, on_chip.tolerance) == ("prediction", 93.23, 0.02)
    assert (lost.mark, lost.published) == ("prediction", pytest.approx(95.24 - 93.23, abs=0, rel=1e-9))
    assert lost.ours == pytest.approx(software - on_chip.ours, abs=1e-9)
    exact = table["ideal crossbars over software"]
    assert (exact.mark, exact.ours, exact.tolerance) == ("definition", 1.0, 0.0)


def test_known_misses(rows: Any) -> None:
    """Less is lost than on the published chip, whose junctions are not known. A change goes to docs/validation.md."""
    table = rows("mram-resistance-sum")
    assert {r.quantity for r in table.values() if not r.within} == {"points lost on the crossbars"}
    assert 0 < table["points lost on the crossbars"].ours < 2.01
