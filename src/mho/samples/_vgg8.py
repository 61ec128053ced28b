"""VGG8 for 32 x 32 images: the network of the studies of converters in compute-in-memory."""

from pathlib import Path

from torch import Tensor, nn

from ._compact import load_compact
from ._data import load_images

_DATA = Path(__file__).parent.parent / "data"
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""Normalisation of its inputs, per channel, of images scaled to 0..1."""
_CHANNELS = (128, 128, 256, 256, 512, 512)


def vgg8_network(num_classes: int = 10) -> nn.Sequential:
    """Return a VGG8 that is not trained.

    Six 3 x 3 convolutions without bias (128, 128, 256, 256, 512, 512 channels), each with BatchNorm and ReLU, a 2 x 2
    maximum after every other one, and linear layers 8192-1024-10. Takes normalised images `[batch, 3, 32, 32]`.

    Source: the VGG8 of [peng2021], with BatchNorm and a dropout in training.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for i, outputs in enumerate(_CHANNELS):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if i % 2 else []
        inputs = outputs
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(8192, 1024), nn.ReLU(), nn.Dropout(), nn.Linear(1024, num_classes)
    )


def vgg8() -> nn.Module:
    """Load the shipped VGG8 for CIFAR-10 (JPEG): weights of 8 bits, BatchNorm folded into the convolutions."""
    return load_compact(vgg8_network(), _DATA / "networks" / "vgg8-cifar10-jpeg.safetensors")


def vgg8_images(limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Load the shipped test images of CIFAR-10 (JPEG), and labels; with a limit, evenly spread.

    They are normalised as `vgg8` and `resnet18` take them.
    """
    x, y = load_images(_DATA / "samples" / "cifar10-jpeg-test-1000.parquet", MEAN, STD)
    if limit is None or limit >= len(x):
        return x, y
    index = [i * len(x) // limit for i in range(limit)]
    return x[index], y[index]
