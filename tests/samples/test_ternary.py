"""The shipped perceptron of ternary weights."""

import torch

from mho.samples import mnist_sample, ternary_perceptron


def test_weights_are_ternary_and_digits_are_read() -> None:
    """-1, 0 and 1 times the scale of each column, all three in use."""
    network = ternary_perceptron()
    for layer in (network[0], network[2]):  # type: ignore[index]
        weight = layer.weight.detach()
        assert set((weight / weight.abs().amax(1, keepdim=True)).round(decimals=5).unique().tolist()) == {-1, 0, 1}
    x, labels = mnist_sample()
    with torch.no_grad():
        assert float((network((x + 1) / 2).argmax(1) == labels).float().mean()) > 0.94
