"""Small evaluations that the tests of reports share."""

import pytest
import torch
from torch import Tensor, nn

from mho import Condition, Evaluation, evaluate


def network(classes: int = 5) -> nn.Module:
    """Return a network of two layers for 8 x 8 images."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, classes)
    )


def data(images: int = 12) -> tuple[Tensor, Tensor]:
    """Return noise as images, with labels."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn((images, 3, 8, 8), generator=generator), torch.randint(5, (images,), generator=generator)


@pytest.fixture(scope="session")
def analog() -> Evaluation:
    """A network on `hermes`: three chips, three times, with and without compensation."""
    return evaluate(network(), "hermes", data(), name="small on hermes", instances=3, seed=7)


@pytest.fixture(scope="session")
def digital() -> Evaluation:
    """The same on `dimc-sram`, a chip without compensation."""
    return evaluate(network(), "dimc-sram", data(), name="small on dimc", instances=2, seed=7)


@pytest.fixture(scope="session")
def single() -> Evaluation:
    """A layer without digital operators on one chip at one time."""
    torch.manual_seed(2)
    flat = torch.randn(6, 20), torch.arange(6) % 3
    return evaluate(nn.Linear(20, 3), "tile2-rram", flat, name="one layer", instances=1, conditions=[Condition(3600.0)])
