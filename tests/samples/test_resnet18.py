"""ResNet-18 for small images: its size as published for this form, and its output."""

import torch

from mho.samples import ResNet18


def test_size_and_output() -> None:
    net = ResNet18().eval()
    assert sum(p.numel() for p in net.parameters()) == 11_173_962
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert net.get_submodule("layer4.0.conv1").stride == (2, 2)
