"""Files are written whole or not at all, and damaged ones are refused in one sentence."""

import os
import pickle
import stat
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from mho.core import FileError, read_tensors, sha256, tensors_digest, write_atomically


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_atomically(path, "first")
    write_atomically(path, "größer".encode())
    assert path.read_text(encoding="utf-8") == "größer"
    assert os.listdir(path.parent) == ["b.txt"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("failing", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failing_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, failing, fail)
    expected = FileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as raised:
        write_atomically(path, "new")
    monkeypatch.undo()
    if expected is FileError:
        assert str(raised.value) == f"cannot write {path}: No space left on device; free space or choose another folder"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["b.txt"]


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"^cannot write .*/file/b\.txt: .*; choose a folder that can be written$"):
        write_atomically(tmp_path / "file" / "b.txt", "x")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(FileError, match=r"^cannot write .*/folder: .*; free space or choose another folder$"):
        write_atomically(tmp_path / "folder", "x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_read_back(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2], dtype=torch.int8)}
    save_file(tensors, tmp_path / "x.safetensors")
    for source in (tmp_path / "x.safetensors", save(tensors)):
        back = read_tensors(source)
        assert back.keys() == tensors.keys()
        assert all(torch.equal(back[k], tensors[k]) for k in tensors)


def _damaged() -> dict[str, bytes]:
    sound = save({"a": torch.arange(100.0)})
    return {
        "empty": b"",
        "short": sound[:50],
        "cut": sound[:-1],
        "header": sound[:8] + b"!" + sound[9:],
        "huge header": struct.pack("<Q", 2**60) + sound[8:],
        "pickle": pickle.dumps({"a": 1}),
        "text": b"this is not a tensor file at all",
    }


@pytest.mark.parametrize("kind", _damaged())
def test_a_damaged_file_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(_damaged()[kind])
    with pytest.raises(FileError, match=r"^.*x\.safetensors is not a sound safetensors file \(.*\); write it anew$"):
        read_tensors(path)
    with pytest.raises(FileError, match=r"^the program is not a sound safetensors file \(.*\); write it anew$"):
        read_tensors(path.read_bytes(), "the program")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"^.*gone\.safetensors does not exist; give the path of a safetensors file$"):
        read_tensors(tmp_path / "gone.safetensors")
    with pytest.raises(FileError, match="is not a sound safetensors file"):
        read_tensors(tmp_path)


def test_digest_sees_name_type_shape_and_bytes_but_not_order() -> None:
    base = {"a": torch.arange(6.0), "b": torch.zeros(2)}
    digest = tensors_digest(base)
    assert digest == tensors_digest(dict(reversed(base.items())))
    assert digest == tensors_digest({k: v.clone().requires_grad_() for k, v in base.items()})
    assert digest == tensors_digest(
        {"a": torch.arange(6.0).reshape(2, 3).t().contiguous().t().reshape(6), "b": base["b"]}
    )
    others = [
        {"c": base["a"], "b": base["b"]},
        {"a": base["a"].reshape(2, 3), "b": base["b"]},
        {"a": base["a"].int(), "b": base["b"]},
        {"a": base["a"] + 1e-6, "b": base["b"]},
        {"a": base["a"]},
        {"a": base["b"], "b": base["a"]},
    ]
    assert len({digest, *(tensors_digest(o) for o in others)}) == 1 + len(others)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.bool, torch.int64])
def test_digest_takes_every_type(dtype: torch.dtype) -> None:
    one, zero = torch.ones((), dtype=dtype), torch.zeros((), dtype=dtype)
    assert tensors_digest({"x": one}) != tensors_digest({"x": zero})


def test_sha256_is_the_standard_one() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
