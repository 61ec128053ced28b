"""The shipped perceptrons of one-bit and of ternary weights, and black-and-white digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mho.core import read_tensors

from ._compact import load_compact

_DATA = Path(__file__).parent.parent / "data"
PIXELS = 784


@dataclass(frozen=True)
class BinaryPerceptron:
    """A network of two layers of weights +-1 whose hidden units are +-1: 1 where their sum reaches a threshold."""

    first: Float[Tensor, "hidden pixels"]
    threshold: Float[Tensor, "hidden"]
    second: Float[Tensor, "classes hidden"]
    scale: Float[Tensor, "classes"]
    offset: Float[Tensor, "classes"]

    def hidden(self, sums: Float[Tensor, "*b hidden"]) -> Float[Tensor, "*b hidden"]:
        """Return the hidden units, +-1, for the sums of their inputs."""
        return torch.where(sums >= self.threshold, 1.0, -1.0)

    def scores(self, sums: Float[Tensor, "*b classes"]) -> Float[Tensor, "*b classes"]:
        """Return the scores for the sums of the hidden units."""
        return sums * self.scale + self.offset

    def __call__(self, x: Float[Tensor, "*b pixels"]) -> Float[Tensor, "*b classes"]:
        """Return the scores for pixels of +-1, in software."""
        return self.scores(self.hidden(x @ self.first.T) @ self.second.T)


def binary_perceptron() -> BinaryPerceptron:
    """Load the shipped perceptron for MNIST (784-128-10), made by `examples/train_binary_mlp.py`."""
    t = read_tensors(_DATA / "networks" / "mnist-binary-perceptron.safetensors")
    hidden = len(t["threshold"])
    return BinaryPerceptron(
        _signs(t["first"], PIXELS), t["threshold"].float(), _signs(t["second"], hidden), t["scale"], t["offset"]
    )


def ternary_perceptron() -> nn.Module:
    """Load the shipped perceptron for MNIST (784-100-10) of weights -1, 0 and 1 times the scale of a column.

    Pixels are 0 or 1; hidden units are to be counts of 0 to 3. Made by `examples/train_ternary_mlp.py`.
    """
    network = nn.Sequential(nn.Linear(PIXELS, 100), nn.ReLU(), nn.Linear(100, 10))
    return load_compact(network, _DATA / "networks" / "mnist-ternary-perceptron.safetensors")


def mnist_sample() -> tuple[Float[Tensor, "images pixels"], Int[Tensor, "images"]]:
    """Load the shipped 2,000 test images of MNIST as pixels of +-1, and labels."""
    t = read_tensors(_DATA / "samples" / "mnist-test-2000.safetensors")
    return _signs(t["images"], PIXELS), t["labels"].long()


def _signs(packed: Tensor, count: int) -> Tensor:
    bits = np.unpackbits(packed.numpy(), axis=-1, count=count)
    return torch.from_numpy(bits).float() * 2 - 1
