"""ResNet-18 for small images: its size as published for this form, its output, and the shipped weights."""

import torch

from mho.samples import ResNet18, resnet18, vgg8_images


def test_size_and_output() -> None:
    net = ResNet18().eval()
    assert sum(p.numel() for p in net.parameters()) == 11_173_962
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert net.get_submodule("layer4.0.conv1").stride == (2, 2)


def test_it_classifies() -> None:
    """92.2 % of all 10,000 test images; a few here."""
    x, labels = vgg8_images(40)
    with torch.no_grad():
        assert float((resnet18()(x).argmax(-1) == labels).float().mean()) > 0.75
