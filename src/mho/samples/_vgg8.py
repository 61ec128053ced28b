"""VGG8 for 32 x 32 images: the network of the studies of converters in compute-in-memory."""

from torch import nn

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
