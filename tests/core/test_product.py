"""The product of tiles: as exact as float32, whatever library computes it."""

from __future__ import annotations

import pytest
import torch

from mho.core import Seed, matrix_units, product, rounds
from mho.core import _product as module


@pytest.mark.parametrize("shape", [(1, 3, 5, 7), (1, 256, 512, 64), (4, 33, 70, 20), (16, 8, 256, 256)])
@pytest.mark.parametrize("transposed", [False, True])
def test_as_exact_as_float32(shape: tuple[int, int, int, int], transposed: bool) -> None:
    tiles, m, k, n = shape
    x = (Seed(0).child("x").normal((tiles, m, k)) * 40).round().clamp(-127, 127)
    w = Seed(0).child("w").normal((tiles, n, k)).mT if transposed else Seed(0).child("w").normal((tiles, k, n))
    truth = x.double() @ w.double()
    for allowed in (False, True):
        with matrix_units(allowed):
            y = product(x, w)
        assert y.dtype == torch.float32
        error = float((y - truth).norm() / truth.norm())
        assert error < (1e-5 if allowed and rounds() else 1e-6)


def test_the_two_parts_keep_sixteen_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of hardware that rounds: made to believe in one, products lose at most 2^-16 of each number."""
    x = Seed(0).child("x").normal((1, 64, 256)).mul(40).round().clamp(-127, 127)
    w = Seed(0).child("w").normal((1, 256, 64))
    truth = x.double() @ w.double()
    monkeypatch.setattr(module, "rounds", lambda: True)
    with matrix_units():
        error = float((product(x, w) - truth).norm() / truth.norm())
    assert 1e-7 < error < 2.0**-16
    assert torch.equal(product(x, w), torch.mm(x[0], w[0])[None])  # not allowed: torch's own


def test_the_switch_is_put_back() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    with matrix_units():
        product(torch.ones(1, 2, 3), torch.ones(1, 3, 5))
        assert module._allowed
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert not module._allowed
