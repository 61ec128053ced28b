"""The shipped network and images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import Tensor

from mho.core import read_tensors

from ._data import load_images
from ._resnet20 import ResNet20

_DATA = Path(__file__).parent.parent / "data"


def resnet20(training: Literal["plain", "noise"] = "plain") -> ResNet20:
    """Load the shipped ResNet-20 for CIFAR-10 (JPEG), trained plainly or fine-tuned with weight noise."""
    suffix = "-noise" if training == "noise" else ""
    state = read_tensors(_DATA / "networks" / f"resnet20-cifar10-jpeg{suffix}.safetensors")
    network = ResNet20()
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)
    return network.eval()


def cifar10_sample(limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Load the shipped 1,000 test images of CIFAR-10 (JPEG), 100 a class, as normalised `[n, 3, 32, 32]`, and labels.

    With a `limit`, images spread evenly over the sample.
    """
    x, y = load_images(_DATA / "samples" / "cifar10-jpeg-test-1000.parquet")
    if limit is None or limit >= len(x):
        return x, y
    index = [i * len(x) // limit for i in range(limit)]
    return x[index], y[index]
