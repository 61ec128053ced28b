"""Files are written whole or not at all, and read without running code."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as _load_tensors
from safetensors.torch import load_file
from torch import Tensor

from ._errors import FileError


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a file through a temporary neighbour and a rename, so that no reader ever sees half of it."""
    data = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise FileError(f"cannot write {path}: {error.strerror}; free space or choose another folder") from None
        raise


def read_tensors(source: Path | bytes, name: str = "") -> dict[str, Tensor]:
    """Read a safetensors file or its bytes; a damaged one is a `FileError`."""
    try:
        return load_file(source) if isinstance(source, Path) else _load_tensors(source)
    except FileNotFoundError:
        raise FileError(f"{source} does not exist; give the path of a safetensors file") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise FileError(f"{name or source} is not a sound safetensors file ({error}); write it anew") from None


def sha256(data: bytes) -> str:
    """Return the hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 over names, types, shapes and bytes of tensors, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
