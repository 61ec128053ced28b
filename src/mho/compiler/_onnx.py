"""read_onnx: an ONNX file becomes the `Graph` that capture makes of the same network in PyTorch."""

from __future__ import annotations

from pathlib import Path

from mho.core import FileError
from mho.ir import Graph

from ._onnx_ops import FOLDED_ONLY, HANDLERS
from ._onnx_reader import Reader, first_line


def read_onnx(path: Path) -> Graph:
    """Read an ONNX file. The first dimension of its one input is the batch, whether free or fixed in the file.

    Raises:
        FileError: if the file is missing, damaged or foreign, or the package `onnx` is not installed.
        UnsupportedOpError: if it holds what neither tile nor digital unit can run; names all of it.
    """
    if not path.is_file():
        raise FileError(f"{path} does not exist; give an .onnx file")
    try:
        import onnx
        import onnx.inliner
    except ImportError:
        raise FileError(
            f'reading {path} needs the package onnx, which is not installed; run pip install "mho[onnx]"'
        ) from None
    try:
        onnx.checker.check_model(str(path))  # also refuses external data outside the folder of the file
        model = onnx.load(str(path))
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        reader = Reader(model, HANDLERS, FOLDED_ONLY)
    except Exception as error:  # protobuf, the checker and the file system raise many kinds
        raise FileError(
            f"{path} is not a sound ONNX model ({first_line(error)}); export it anew, with its external data beside it"
        ) from None
    return reader.read()
