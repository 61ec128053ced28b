"""Networks stored with weights of 8 bits come back as they were written."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mho.core import FileError
from mho.nn import matrix_layers
from mho.samples import resnet18, vgg8
from mho.samples._compact import load_compact


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2)).eval()


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    codes, scale = torch.randint(-127, 128, (3, 2, 3, 3), dtype=torch.int8), torch.tensor([0.1, 0.2, 0.3])
    state = {
        "0.weight": codes, "0.scale": scale, "0.bias": torch.tensor([1.0, 2.0, 3.0]),
        "3.weight": torch.tensor([[1, 2, 3], [-4, 5, 6]], dtype=torch.int8), "3.scale": torch.tensor([0.5, 2.0]),
        "3.bias": torch.zeros(2),
    }  # fmt: skip
    file = tmp_path / "weights.safetensors"
    save_file(state, file)
    loaded = load_compact(_network(), file)
    x = torch.randn(4, 2, 3, 3)
    hidden = nn.functional.conv2d(x, codes * scale.reshape(3, 1, 1, 1), state["0.bias"]).flatten(1)
    wanted = hidden @ torch.tensor([[0.5, 1.0, 1.5], [-8.0, 10.0, 12.0]]).T
    torch.testing.assert_close(loaded(x), wanted)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in loaded.modules())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        load_compact(_network(), tmp_path / "none.safetensors")


@pytest.mark.parametrize(("network", "layers"), [(vgg8, 8), (resnet18, 21)])
def test_shipped_weights_are_eight_bits_a_column(network: Callable[[], nn.Module], layers: int) -> None:
    found = matrix_layers(network())
    assert len(found) == layers
    for layer in found.values():
        weight = layer.weight.detach().flatten(1)
        scale = weight.abs().amax(1, keepdim=True) / 127
        assert float((weight / scale - (weight / scale).round()).abs().max()) < 1e-3
