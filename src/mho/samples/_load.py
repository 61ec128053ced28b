"""Loading the shipped network and images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from mho.core import read_tensors

from ._resnet20 import ResNet20

_DATA = Path(__file__).parent.parent / "data"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Normalisation of the inputs of `resnet20`, per channel."""
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def resnet20(training: Literal["plain", "noise"] = "plain") -> ResNet20:
    """Load the shipped ResNet-20 for CIFAR-10 (JPEG), trained plainly or fine-tuned with weight noise."""
    suffix = "-noise" if training == "noise" else ""
    state = read_tensors(_DATA / "networks" / f"resnet20-cifar10-jpeg{suffix}.safetensors")
    network = ResNet20()
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False)
    return network.eval()


def cifar10_sample() -> tuple[Tensor, Tensor]:
    """Load 1,000 test images of CIFAR-10 (JPEG), 100 a class, as normalised `[1000, 3, 32, 32]`, and their labels."""
    return load_images(_DATA / "samples" / "cifar10-jpeg-test-1000.parquet")


def load_images(path: Path, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD) -> tuple[Tensor, Tensor]:
    """Load a Parquet file in the Hugging Face layout: an image column and `label`; normalised per channel."""
    import numpy as np
    import pyarrow.parquet as pq
    from PIL import Image

    table = pq.read_table(path)
    column = next(n for n in ("img", "image") if n in table.column_names)
    images = [np.asarray(Image.open(io.BytesIO(x["bytes"]))) for x in table[column].to_pylist()]
    x = torch.from_numpy(np.stack(images)).float().div_(255)
    x = x.unsqueeze(1) if x.dim() == 3 else x.permute(0, 3, 1, 2)
    scale = torch.tensor([mean, std]).reshape(2, 1, -1, 1, 1)
    return ((x - scale[0]) / scale[1]).contiguous(), torch.tensor(table["label"].to_pylist())
