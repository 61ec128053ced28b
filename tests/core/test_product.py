"""The product of tiles: as exact as float32, whatever library computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import mho.nn
from mho import Chip, Condition
from mho.core import Seed, matrix_units, product, rounds
from mho.core import _product as module
from mho.tiles import AnalogTile, LinearLayout, load_tile


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


@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arithmetic of matrix units, by hand: operands rounded to bfloat16, exact products of them, sums in float32."""
    bmm, mm = torch.bmm, torch.mm
    monkeypatch.setattr(module, "rounds", lambda: True)
    monkeypatch.setattr(module, "_switch", lambda: torch.backends.mkldnn.matmul)

    def rounded(multiply: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda a, b: multiply(*(t.bfloat16().float() for t in (a, b))) if module._allowed else multiply(a, b)

    monkeypatch.setattr(torch, "bmm", rounded(bmm))
    monkeypatch.setattr(torch, "mm", rounded(mm))


@pytest.mark.usefixtures("rounding")
def test_rounding_units_would_show() -> None:
    """The emulation rounds: one product of plain numbers errs by some 2^-9; split, one operand exact, by 2^-17."""
    x = Seed(0).child("x").normal((1, 64, 300)).mul(40).round().clamp(-127, 127)
    w = Seed(0).child("w").normal((1, 300, 32))
    with matrix_units():
        bad = torch.mm(x[0], w[0])
        good = product(x, w)
        turned = product(w.mT, x.mT, "matrix")
        wrong = product(w.mT, x.mT)  # the wrong operand is taken to be exact
    truth, size = x.double() @ w.double(), x.double().abs() @ w.double().abs()
    assert float(((bad - truth).abs() / size).max()) > 2.0**-13
    assert float(((good - truth).abs() / size).max()) < 2.0**-17
    assert float(((turned.mT - truth).abs() / size).max()) < 2.0**-17
    assert float(((wrong.mT - truth).abs() / size).max()) > 2.0**-13


@pytest.mark.usefixtures("rounding")
@pytest.mark.parametrize("rows", [64, 256, 512])
@pytest.mark.parametrize("name", ["tile1", "hermes"])
def test_partial_sums_of_real_tiles_err_by_less_than_a_thousandth_of_a_code(name: str, rows: int) -> None:
    """Over random weights and inputs in tiles of real cells: bounded for each sum, and codes that differ are rare."""
    tile = load_tile("tile1") if name == "tile1" else Chip.load("hermes").tile
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=rows, cols=32, wires=None)
    layout = LinearLayout(2 * rows, 32, rows)
    weight = (Seed(1).child("w").normal((32, 2 * rows)) * 40).round().clamp(-127, 127)
    x = (Seed(1).child("x").normal((64, 2 * rows)) * 40).round().clamp(-127, 127)
    full_scale = tile.full_scale(layout, weight, x, True)
    state = tile.program(layout, weight, full_scale, [Seed(i).child("chip") for i in range(4)], [Condition()], True)
    assert state.read_variance is None
    pulses = tile.inputs.encode(x[None].expand(4, *x.shape), True)
    exact = layout.partials(state.matrix, pulses)
    with matrix_units():
        units = layout.partials(state.matrix, pulses)
    size = layout.partials(state.matrix.abs(), pulses.abs())
    error = (units - exact).abs()
    assert 0 < float((error / size).max()) < 2.0**-17
    assert float(error.max()) < 1e-3  # LSB
    low, high = state.low, state.high
    codes = [tile.converter.quantise_(p.clone(), low, high, None) for p in (exact, units)]
    assert float((codes[0] - codes[1]).abs().max()) <= 1
    assert float((codes[0] != codes[1]).float().mean()) < 5e-4


@pytest.mark.usefixtures("rounding")
def test_gradients_keep_sixteen_bits() -> None:
    torch.manual_seed(0)
    net = mho.nn.convert(nn.Sequential(nn.Linear(300, 40)), "hermes", noise=mho.nn.TrainingNoise(False, False))
    x = Seed(0).child("x").normal((32, 300)).requires_grad_()
    mho.nn.calibrate(net, x.detach())
    found: list[list[Tensor]] = []
    for allowed in (False, True):
        net.zero_grad()
        x.grad = None
        with matrix_units(allowed):
            (net.train()(x) * torch.linspace(-1, 1, 40)).sum().backward()
        found.append([p.grad.clone() for p in (x, *net.parameters()) if p.grad is not None])
    assert len(found[0]) == 3
    for exact, units in zip(*found, strict=True):
        assert float((exact - units).norm() / exact.norm()) < 2.0**-16


def test_the_switch_is_put_back() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    with matrix_units():
        product(torch.ones(1, 2, 3), torch.ones(1, 3, 5))
        assert module._allowed
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert not module._allowed
