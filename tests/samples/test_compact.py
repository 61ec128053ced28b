"""Networks stored with weights of 8 bits come back as they were written."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mho.core import FileError
from mho.nn import fold_batchnorm
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
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fold_batchnorm(_network()).modules())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        load_compact(_network(), tmp_path / "none.safetensors")
