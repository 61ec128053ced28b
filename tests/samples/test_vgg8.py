"""The shipped VGG8: its shape, and that it classifies."""

import torch
from torch import nn

from mho.samples import vgg8, vgg8_images, vgg8_network


def test_shape_and_size() -> None:
    net = vgg8_network()
    widths = [m.out_channels for m in net if isinstance(m, nn.Conv2d)]
    assert widths == [128, 128, 256, 256, 512, 512]
    assert sum(p.numel() for p in net.parameters()) == 12_978_058  # 4.6 M in convolutions, 8.4 M in linear layers
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_it_classifies() -> None:
    """90.2 % of all 10,000 test images; a few here."""
    x, labels = vgg8_images(40)
    with torch.no_grad():
        assert float((vgg8()(x).argmax(-1) == labels).float().mean()) > 0.75
