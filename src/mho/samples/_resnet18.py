"""The ResNet-18 of He et al. (2016) in its form for 32 x 32 images: a 3 x 3 stem and no maximum behind it."""

import itertools
from pathlib import Path

import torch
from torch import Tensor, nn

from ._compact import load_compact

_FILE = Path(__file__).parent.parent / "data" / "networks" / "resnet18-cifar10-jpeg.safetensors"


class ResNet18(nn.Module):
    """ResNet-18 for small images: four stages of two residual blocks (64 to 512 channels), and a classifier.

    Args:
        num_classes: Number of outputs.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        widths = (64, 64, 128, 256, 512)
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
            stage = nn.Sequential(_Block(inputs, outputs, 1 if i == 1 else 2), _Block(outputs, outputs, 1))
            self.add_module(f"layer{i}", stage)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute class scores `[batch, num_classes]` of normalised images `[batch, 3, height, width]`."""
        x = self.relu(self.bn1(self.conv1(x)))
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        return self.linear(torch.flatten(self.pool(x), 1))


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which is a 1 x 1 convolution where shapes change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features `[batch, channels, height, width]`."""
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18() -> nn.Module:
    """Load the shipped ResNet-18 for CIFAR-10 (JPEG): weights of 8 bits, BatchNorm folded into the convolutions.

    It takes the images of `vgg8_images`.
    """
    return load_compact(ResNet18(), _FILE)
