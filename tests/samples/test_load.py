"""The shipped sample and networks."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from mho.samples import cifar10_sample, resnet20


@pytest.fixture(scope="module")
def sample() -> tuple[Tensor, Tensor]:
    return cifar10_sample()


def test_a_hundred_images_of_each_class(sample: tuple[Tensor, Tensor]) -> None:
    x, y = sample
    assert tuple(x.shape) == (1000, 3, 32, 32)
    assert torch.bincount(y, minlength=10).tolist() == [100] * 10
    assert x.isfinite().all()
    assert x.mean().abs() < 0.5
    assert 0.5 < x.std() < 2
    assert len({image.numpy().tobytes() for image in x}) == 1000


def test_few_images_are_spread_over_the_sample(sample: tuple[Tensor, Tensor]) -> None:
    x, y = cifar10_sample(20)
    assert torch.equal(x, sample[0][::50])
    assert torch.equal(y, sample[1][::50])
    assert len(y.unique()) >= 7
    assert len(cifar10_sample(5000)[0]) == 1000


@pytest.mark.parametrize("training", ["plain", "noise"])
def test_the_networks_know_their_images(training: Literal["plain", "noise"], sample: tuple[Tensor, Tensor]) -> None:
    network = resnet20(training)
    assert not network.training
    x, y = sample
    with torch.inference_mode():
        scores = torch.cat([network(part) for part in x.split(100)])
    assert float((scores.argmax(1) == y).double().mean()) > 0.85
