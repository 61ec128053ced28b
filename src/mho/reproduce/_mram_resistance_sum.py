"""The crossbar of magnetic junctions in series [jung2022]: a binary perceptron on 64 x 64 arrays, read as times."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mho.arrays import AbstractPrinciple, ResistanceSum, load_principle
from mho.core import Seed
from mho.samples import binary_perceptron, mnist_sample

from ._row import Result, Row

ROWS = 64
_CHIPS = 8


def crossbar(principle: AbstractPrinciple, weight: Tensor, x: Tensor, seed: Seed) -> Tensor:
    """Return the sums of `x` [images, inputs] with `weight` [outputs, inputs], both of +-1, as arrays of 64 rows give.

    Each array's column is read as a time and rounded to a whole number of products; the sums of arrays are digital.
    What is the same for all columns, or known of a column, is digital as well: sum (2 x - 1)(2 w - 1) = 4 sum x w -
    2 sum x - 2 sum w + n.
    """
    outputs, inputs = weight.shape
    pad = -inputs % ROWS
    w = F.pad((weight.T + 1) / 2, (0, 0, 0, pad)).unflatten(0, (-1, ROWS))  # [arrays, rows, outputs]
    bits = F.pad((x + 1) / 2, (0, pad)).unflatten(-1, (-1, ROWS))  # [images, arrays, rows]
    draws = {name: seed.child(name).normal(tuple(w.shape)) for name in principle.draws}
    noise = seed.child("noise").normal((len(w), len(x), outputs))
    sums = torch.zeros(len(x), outputs)
    for a in range(len(w)):
        own = {name: z[a] for name, z in draws.items()}
        sums += principle.read(bits[:, a], w[a], own, noise[a]).round().clamp(0, ROWS)
    return 4 * sums - 2 * bits.sum((1, 2))[:, None] - 2 * w.sum((0, 1)) + inputs


def accuracy(principle: AbstractPrinciple, chips: int = _CHIPS) -> list[float]:
    """Return the accuracy of the shipped perceptron on the shipped digits, on each chip."""
    network = binary_perceptron()
    x, labels = mnist_sample()
    out: list[float] = []
    for i in range(chips):
        seed = Seed(0).child("crossbar", i)
        hidden = network.hidden(crossbar(principle, network.first, x, seed.child("first")))
        scores = network.scores(crossbar(principle, network.second, hidden, seed.child("second")))
        out.append(float((scores.argmax(-1) == labels).double().mean()))
    return out


def _compute() -> list[Row]:
    network = binary_perceptron()
    x, labels = mnist_sample()
    principle = load_principle("resistance-sum")
    assert isinstance(principle, ResistanceSum)
    exact = replace(principle, spread=0.0, jitter=0.0, temperature=0.0)
    software = float((network(x).argmax(-1) == labels).double().mean())
    on_chip = accuracy(principle)
    mean = sum(on_chip) / len(on_chip)
    ideal = accuracy(exact, 1)[0]
    source = "[jung2022], two-layer perceptron on MNIST"
    sample = "2,000 of the test images"
    rough = sum(accuracy(replace(principle, spread=2 * principle.spread), 4)) / 4
    return [
        Row("accuracy in software", "%", 95.24, 100 * software, 0.01, source, "fitted",
            f"the hidden width was chosen among three for this; {sample}"),
        Row("accuracy on 64 x 64 crossbars", "%", 93.23, 100 * mean, 0.02, source, "prediction",
            f"junctions and converter are assumed, not those of the chip; {min(on_chip):.2%} to {max(on_chip):.2%} on "
            f"{_CHIPS} chips; {rough:.2%} with twice the spread"),
        Row("points lost on the crossbars", "%", 2.01, 100 * (software - mean), 0.5, source),
        Row("ideal crossbars over software", "ratio", 1.0, ideal / software, 0.0, "exact sums", "definition"),
    ]  # fmt: skip


RESULT = Result("Resistance sum: a binary perceptron on crossbars of magnetic junctions", _compute)
