"""Data of the user's own: Parquet files and Hugging Face sets, normalised to a network's input."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mho.core import FileError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Normalisation of the inputs of `resnet20`, per channel."""
_IMAGES, _LABELS = ("img", "image", "images"), ("label", "labels", "fine_label", "target")


def load_images(
    name_or_path: str | Path,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    limit: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Load images `[n, channels, height, width]`, scaled to 0..1 and normalised per channel, and labels `[n]`.

    A path is a Parquet file in the Hugging Face layout (a column of encoded images and one of labels); another name is
    a set of the Hugging Face hub, of which the test split is read with the package `datasets`.

    Raises:
        FileError: if there is no such file or set, or it has not those columns.
    """
    path = Path(name_or_path)
    rows = _parquet(path, limit) if path.is_file() or path.suffix == ".parquet" else _hub(str(name_or_path), limit)
    images, labels = rows
    if not images:
        raise FileError(f"{name_or_path} holds no images; give a set with at least one")
    arrays = [_decode(i, name_or_path) for i in images]
    if len({a.shape for a in arrays}) > 1:
        raise FileError(
            f"{name_or_path} holds images of several sizes ({_sizes(arrays)}); resize them to the network's input first"
        )
    x = torch.stack(arrays).float().div_(255)
    if x.shape[1] != len(mean) or len(mean) != len(std):
        raise FileError(
            f"{name_or_path} has {x.shape[1]} channels, but {len(mean)} means and {len(std)} deviations are given; "
            "give one of each per channel (--mean, --std)"
        )
    m, s = torch.tensor(mean).reshape(-1, 1, 1), torch.tensor(std).reshape(-1, 1, 1)
    return ((x - m) / s).contiguous(), torch.tensor(labels)


def _sizes(arrays: list[Tensor]) -> str:
    return ", ".join(sorted({str(tuple(a.shape)) for a in arrays})[:3])


def _parquet(path: Path, limit: int | None) -> tuple[list[Any], list[int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise FileError(f"{path} does not exist; give a Parquet file or the name of a Hugging Face set")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise FileError(
            f"{path} is not a sound Parquet file ({str(error).splitlines()[0]}); download or write it anew"
        ) from None
    image = _column(table.column_names, _IMAGES, path)
    label = _column(table.column_names, _LABELS, path)
    table = table.slice(0, limit)
    return table[image].to_pylist(), [_label(v, path) for v in table[label].to_pylist()]


def _hub(name: str, limit: int | None) -> tuple[list[Any], list[int]]:
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise FileError(
            f"{name} is no file, and reading it from the Hugging Face hub needs the package datasets; "
            "give the path of a Parquet file, or: pip install datasets"
        ) from None
    try:
        table = datasets.load_dataset(name, split="test" if limit is None else f"test[:{limit}]")
    except Exception as error:  # the hub raises many kinds
        raise FileError(
            f"{name} cannot be loaded from the Hugging Face hub ({type(error).__name__}); give a file"
        ) from None
    image, label = _column(table.column_names, _IMAGES, name), _column(table.column_names, _LABELS, name)
    return list(table[image]), [_label(v, name) for v in table[label]]


def _label(value: Any, where: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FileError(f"{where} holds a label that is no whole number ({value!r}); number the classes from 0")
    return value


def _column(names: Sequence[str], wanted: Sequence[str], where: object) -> str:
    for name in wanted:
        if name in names:
            return name
    raise FileError(f"{where} needs a column called {' or '.join(wanted)}, but has {', '.join(names)}; rename it")


def _decode(image: Any, where: object) -> Tensor:
    import numpy as np
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(image["bytes"])) if isinstance(image, dict) else image
        if picture.mode in ("1", "LA"):
            picture = picture.convert("L")
        elif picture.mode == "P":  # what the palette stands for, not its indices
            picture = picture.convert()
        array = torch.from_numpy(np.array(picture))
    except Exception as error:  # pillow raises many kinds for a damaged image
        raise FileError(
            f"{where} holds an image that cannot be read ({type(error).__name__}: {error}); "
            "its column must hold encoded images"
        ) from None
    if array.dtype != torch.uint8:
        raise FileError(f"{where} holds an image of mode {picture.mode}; convert the images to 8 bits per channel")
    return array.unsqueeze(0) if array.dim() == 2 else array.permute(2, 0, 1)
