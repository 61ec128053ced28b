"""The fastest float32 matrix product that the machine has, and what it may round.

PyTorch multiplies float32 matrices with one library and reaches another (oneDNN) only if it may use matrix units of
reduced precision (`torch.backends.mkldnn.matmul.fp32_precision`). On some processors the second is twice as fast and
rounds nothing; where it rounds, its operands are bfloat16 with 8 significant bits, and sums are float32. `rounds` says
which, by trying.
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

_allowed = False


@functools.cache
def rounds() -> bool | None:
    """Return whether products on the matrix units round their operands to bfloat16; None if there is no such switch."""
    switch = _switch()
    if switch is None:
        return None
    # A number of 9 bits is no bfloat16; the product is large enough to take the kernel of large products.
    x = torch.full((256, 256), 1.0 + 2.0**-8)
    with _reduced(switch):
        return float((torch.mm(x, x) / 256 - x[0, 0] ** 2).abs().max()) > 1e-4


@contextmanager
def matrix_units(allowed: bool = True) -> Generator[None]:
    """Let the products of tiles use matrix units that round, within this block.

    Inputs of up to 8 bits are exact in bfloat16; conductances are split in two parts, which keeps 16 bits. So a partial
    sum errs by at most 2^-17 of the sum of its products' magnitudes, half a thousandth of an LSB in tiles of real
    cells, and a code may differ by one where a sum lies that near to its border.
    """
    global _allowed
    before, _allowed = _allowed, allowed
    try:
        yield
    finally:
        _allowed = before


def product(
    x: Float[Tensor, "tiles M K"],
    matrix: Float[Tensor, "tiles K N"],
    integers: Literal["x", "matrix"] = "x",
) -> Float[Tensor, "tiles M N"]:
    """Multiply as fast as the machine can, without rounding more than float32, or than `matrix_units` allows.

    `integers` says which operand holds integers of up to 8 bits, which matrix units take exactly; the other one is
    split into two parts for them.
    """
    # The batched kernels copy a transposed matrix, at many times the cost of reading it; the plain ones read it.
    multiply = (
        torch.bmm if x.shape[0] > 1 and (matrix.stride(-1) == 1 or torch.compiler.is_compiling()) else _one_by_one
    )
    switch = None if torch.compiler.is_compiling() else _switch()
    # One vector takes as long as reading the matrix, and torch's own library reads it fastest.
    if switch is None or x.shape[1] == 1 or (rounds() and not _allowed):
        return multiply(x, matrix)
    with _reduced(switch):
        if not rounds():
            return multiply(x, matrix)
        if integers == "x":
            high = matrix.bfloat16().float()
            return multiply(x, high).add_(multiply(x, (matrix - high).bfloat16().float()))
        high = x.bfloat16().float()
        return multiply(high, matrix).add_(multiply((x - high).bfloat16().float(), matrix))


def _one_by_one(x: Tensor, matrix: Tensor) -> Tensor:
    if x.shape[0] == 1:
        return torch.mm(x[0], matrix[0]).unsqueeze(0)
    return torch.stack([torch.mm(a, b) for a, b in zip(x, matrix, strict=True)])


def _switch() -> Any:
    backend = getattr(torch.backends, "mkldnn", None)
    if backend is None or not torch.backends.mkldnn.is_available():
        return None
    matmul = getattr(backend, "matmul", None)
    return matmul if hasattr(matmul, "fp32_precision") else None


@contextmanager
def _reduced(switch: Any) -> Generator[None]:
    before = switch.fp32_precision
    switch.fp32_precision = "bf16"
    try:
        yield
    finally:
        switch.fp32_precision = before
