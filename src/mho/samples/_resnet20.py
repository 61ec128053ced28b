"""The ResNet-20 for 32 x 32 images by He et al. (2016), with parameter-free (option A) shortcuts."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResNet20(nn.Module):
    """ResNet-20: a convolution, three stages of three residual blocks (16, 32, 64 channels), a classifier.

    The names of parameters and buffers are those of <https://github.com/akamaster/pytorch_resnet_cifar10>,
    so its checkpoints load.

    Args:
        num_classes: Number of outputs.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = _conv3x3(3, 16)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, stride=1)
        self.layer2 = _stage(16, 32, stride=2)
        self.layer3 = _stage(32, 64, stride=2)
        self.linear = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the class scores.

        Args:
            x: Normalised images, shape (batch, 3, 32, 32).

        Returns:
            Scores before the softmax, shape (batch, num_classes).
        """
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        return self.linear(x)


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which subsamples and zero-pads channels where shapes change."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = _conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self._subsample = stride != 1
        self._padding = (out_channels - in_channels) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features of shape (batch, in_channels, height, width)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self._subsample:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self._padding, self._padding))
        return F.relu(x + y)


def _conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        _Block(in_channels, out_channels, stride),
        _Block(out_channels, out_channels, 1),
        _Block(out_channels, out_channels, 1),
    )
