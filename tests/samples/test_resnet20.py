"""The ResNet-20: shape, size, and that both trainings fill every weight."""

import torch

from mho.samples import ResNet20, resnet20


def test_shape_and_size() -> None:
    network = ResNet20(num_classes=7).eval()
    assert tuple(network(torch.zeros(2, 3, 32, 32)).shape) == (2, 7)
    assert sum(p.numel() for p in ResNet20().parameters()) == 269_722
    assert sum(isinstance(m, torch.nn.Conv2d | torch.nn.Linear) for m in network.modules()) == 20


def test_every_weight_comes_from_the_file() -> None:
    torch.manual_seed(0)
    first = {k: v.clone() for k, v in resnet20().state_dict().items()}
    torch.manual_seed(1)
    second = resnet20().state_dict()
    assert all(torch.equal(v, second[k]) for k, v in first.items() if not k.endswith("num_batches_tracked"))
    tuned = resnet20("noise").state_dict()
    assert first.keys() == tuned.keys()
    assert not torch.equal(first["conv1.weight"], tuned["conv1.weight"])
