"""Running a graph in floating point: what is kept, and that nothing is written to."""

import torch
from torch import nn

from mho.compiler import capture, float_values
from mho.core import Seed

NETWORK = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
X = Seed(0).child("x").normal((5, 2, 4, 4))


def test_keeps_what_is_asked_for() -> None:
    graph = capture(NETWORK, X[:1])
    everything = float_values(graph, X)
    assert set(everything) == {n.name for n in graph.nodes}
    some = float_values(graph, X, keep={"relu"})
    assert set(some) == {"relu", graph.output}
    assert set(float_values(graph, X, keep=())) == {graph.output}
    assert all(torch.equal(v, everything[k]) for k, v in some.items())


def test_leaves_the_images_alone() -> None:
    graph = capture(nn.ReLU(inplace=True), X[:1])
    x = X.clone()
    values = float_values(graph, x)
    assert torch.equal(x, X)
    assert torch.equal(values["x"] if "x" in values else values["input"], X)
    assert torch.equal(values[graph.output], X.relu())


def test_integers_are_images_too() -> None:
    graph = capture(NETWORK, X[:1])
    x = torch.arange(32).reshape(1, 2, 4, 4)
    assert torch.equal(float_values(graph, x)[graph.output], float_values(graph, x.float())[graph.output])
