"""Images of the user's own: Parquet files of encoded pictures, and what a wrong one is told."""

import io
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from mho.core import FileError
from mho.samples import MEAN, STD, load_images

RANDOM = np.random.default_rng(0)
COLOUR = [RANDOM.integers(0, 256, (6, 7, 3), dtype=np.uint8) for _ in range(4)]
GREY = [RANDOM.integers(0, 256, (6, 7), dtype=np.uint8) for _ in range(4)]


def _encoded(picture: Image.Image, kind: str = "png") -> dict[str, Any]:
    out = io.BytesIO()
    picture.save(out, kind)
    return {"bytes": out.getvalue(), "path": None}


def _file(folder: Path, images: list[Any], labels: list[Any], names: tuple[str, str] = ("img", "label")) -> Path:
    path = folder / "own.parquet"
    pq.write_table(pa.table(dict(zip(names, (images, labels), strict=True))), path)
    return path


@pytest.mark.parametrize("image", ["img", "image", "images"])
@pytest.mark.parametrize("label", ["label", "labels", "fine_label", "target"])
def test_names_of_columns(tmp_path: Path, image: str, label: str) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(COLOUR[0]))], [3], (image, label))
    x, y = load_images(path)
    assert (tuple(x.shape), y.tolist()) == ((1, 3, 6, 7), [3])


def test_values_are_scaled_and_normalised_per_channel(tmp_path: Path) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(c)) for c in COLOUR], [0, 1, 2, 3])
    x, y = load_images(path)
    expected = (np.stack(COLOUR) / 255 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(x.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-5)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert x.is_contiguous()
    raw, _ = load_images(str(path), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert float(raw.min()) >= 0
    assert float(raw.max()) <= 1


def test_grey_pictures(tmp_path: Path) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(g)) for g in GREY], [0] * 4)
    x, _ = load_images(path, [0.5], [0.25])
    np.testing.assert_allclose(x[:, 0].numpy(), (np.stack(GREY) / 255 - 0.5) / 0.25, atol=1e-5)


def test_jpeg(tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8)[:, None, None], (16, 16, 3))
    path = _file(tmp_path, [_encoded(Image.fromarray(smooth.copy()), "jpeg")], [1])
    x, _ = load_images(path, (0.0,) * 3, (1.0,) * 3)
    np.testing.assert_allclose(255 * x[0].numpy(), smooth.transpose(2, 0, 1), atol=6)


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("1", 1), ("LA", 1), ("RGBA", 4)])
def test_other_kinds_of_pictures(tmp_path: Path, mode: str, channels: int) -> None:
    square = Image.fromarray(np.repeat(np.array([[[0] * 3, [255] * 3]], np.uint8), 2, 0))
    path = _file(tmp_path, [_encoded(square.convert(mode))], [0])
    x, _ = load_images(path, (0.0,) * channels, (1.0,) * channels)
    assert x[0, 0].tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("limit", [1, 3, 4, 100, None])
def test_limit(tmp_path: Path, limit: int | None) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(c)) for c in COLOUR], [5, 6, 7, 8])
    x, y = load_images(path, limit=limit)
    assert len(x) == len(y)
    assert y.tolist() == [5, 6, 7, 8][:limit]


def _refused(path: object, *arguments: Any) -> str:
    with pytest.raises(FileError) as error:
        load_images(path, *arguments)  # type: ignore[arg-type]
    return str(error.value)


def test_pictures_of_several_sizes(tmp_path: Path) -> None:
    pictures = [_encoded(Image.fromarray(COLOUR[0])), _encoded(Image.fromarray(COLOUR[0][:5]))]
    path = _file(tmp_path, pictures, [0, 1])
    assert _refused(path) == (
        f"{path} holds images of several sizes ((3, 5, 7), (3, 6, 7)); resize them to the network's input first"
    )
    assert len(load_images(path, limit=1)[0]) == 1


@pytest.mark.parametrize(
    ("mean", "std", "numbers"), [([0.5], [0.5], (1, 1)), ([0.5] * 3, [0.5], (3, 1)), ([0.5] * 4, [0.5] * 4, (4, 4))]
)
def test_one_mean_per_channel(tmp_path: Path, mean: list[float], std: list[float], numbers: tuple[int, int]) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(COLOUR[0]))], [0])
    assert _refused(path, mean, std) == (
        f"{path} has 3 channels, but {numbers[0]} means and {numbers[1]} deviations are given; "
        "give one of each per channel (--mean, --std)"
    )


@pytest.mark.parametrize("label", [None, "cat", 1.5, True])
def test_labels_are_whole_numbers(tmp_path: Path, label: object) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(COLOUR[0]))], [label])
    assert _refused(path) == (f"{path} holds a label that is no whole number ({label!r}); number the classes from 0")


@pytest.mark.parametrize("image", [None, b"raw", "text", [1, 2, 3], [[[1]]], 7, {"bytes": None}, {"path": "x.png"}])
def test_what_is_no_picture(tmp_path: Path, image: object) -> None:
    path = _file(tmp_path, [image], [0])
    assert _refused(path).startswith(f"{path} holds an image that cannot be read (")


@pytest.mark.parametrize("cut", [30, 60, 100])
def test_a_picture_that_is_cut(tmp_path: Path, cut: int) -> None:
    sound = _encoded(Image.fromarray(COLOUR[0]))["bytes"]
    path = _file(tmp_path, [{"bytes": sound[:-cut]}], [0])
    assert _refused(path).endswith("; its column must hold encoded images")


def test_sixteen_bits(tmp_path: Path) -> None:
    path = _file(tmp_path, [_encoded(Image.fromarray(np.full((2, 2), 40000, np.uint16)))], [0])
    assert _refused(path) == f"{path} holds an image of mode I;16; convert the images to 8 bits per channel"


def test_missing_empty_and_damaged(tmp_path: Path) -> None:
    gone = tmp_path / "gone.parquet"
    assert _refused(gone) == f"{gone} does not exist; give a Parquet file or the name of a Hugging Face set"
    empty = _file(tmp_path, [], [])
    assert _refused(empty) == f"{empty} holds no images; give a set with at least one"
    empty.write_bytes(b"PAR1")
    assert _refused(empty).startswith(f"{empty} is not a sound Parquet file (")
    other = _file(tmp_path, [1], [2], ("a", "b"))
    assert _refused(other) == f"{other} needs a column called img or image or images, but has a, b; rename it"


def test_a_set_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    class Table:
        column_names = ("image", "label")

        def __getitem__(self, name: str) -> list[Any]:
            return [Image.fromarray(COLOUR[0]), Image.fromarray(COLOUR[1])] if name == "image" else [4, 2]

    def load_dataset(name: str, split: str) -> Table:
        asked.append((name, split))
        if name == "someone/gone":
            raise RuntimeError("offline")
        return Table()

    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    x, y = load_images("someone/set", limit=2)
    assert (tuple(x.shape), y.tolist()) == ((2, 3, 6, 7), [4, 2])
    load_images("someone/set")
    assert asked == [("someone/set", "test[:2]"), ("someone/set", "test")]
    assert _refused("someone/gone") == (
        "someone/gone cannot be loaded from the Hugging Face hub (RuntimeError); give a file"
    )


def test_a_set_of_the_hub_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert _refused("cifar10").startswith("cifar10 is no file, and reading it from the Hugging Face hub needs the")
