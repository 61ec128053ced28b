"""Currents for given inputs: like the exact matrix where cells are ohmic, and Kirchhoff's laws where they are not."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from mho.arrays import AbstractIV, Ohmic, Sinh, Transistor, Wires, _solve, currents, newton
from mho.core import ConvergenceError, Seed

Cells = Callable[..., torch.Tensor]

TERMINATIONS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))
WIRES = [Wires(1.0, 1.0), Wires(100.0, 30.0, 1000.0, 500.0), Wires(3000.0, 2000.0)]
NETWORK = Wires(20.0, 15.0, 300.0, 100.0)


def _volts(name: object, *shape: int) -> torch.Tensor:
    """Draw inputs of -0.2 to 0.2 V."""
    u = torch.rand(*shape, generator=Seed(0).child("v", str(name)).generator(), dtype=torch.float64)
    return 0.4 * u - 0.2


def _close(ours: torch.Tensor, truth: torch.Tensor, tolerance: float) -> None:
    error = float((ours - truth).abs().max() / truth.abs().max())
    assert error < tolerance


# Ohmic cells ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (1, 6), (6, 1), (16, 16)], ids=str)
@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_currents_are_those_of_the_exact_matrix(shape: tuple[int, int], drive: str, read: str, cells: Cells) -> None:
    for wires in WIRES:
        array = Wires(wires.word_line, wires.bit_line, wires.driver, wires.sense, drive, read)
        g, v = cells((shape, drive), *shape), _volts(shape, shape[0], 3)
        _close(currents(g, array.network(), v, 1e-12), array.effective(g).mT @ v, 1e-11)
        _close(currents(g, array.network(), v), array.effective(g).mT @ v, 1e-8)


def test_currents_of_many_arrays(cells: Cells) -> None:
    g, v = cells("many", 2, 3, 7, 5), _volts("many", 2, 3, 7, 4)
    network = NETWORK.network((2, 3))
    ours = currents(g, network, v, 1e-12)
    assert ours.shape == (2, 3, 5, 4)
    _close(ours, NETWORK.effective(g, (2, 3)).mT @ v, 1e-11)
    for i, j, q in itertools.product(range(2), range(3), range(4)):
        _close(ours[i, j, :, q], currents(g[i, j], network, v[i, j, :, q : q + 1], 1e-12)[:, 0], 1e-11)


def test_no_input_no_current(cells: Cells) -> None:
    g = cells("dark", 6, 4)
    assert (currents(g, NETWORK.network(), torch.zeros(6, 2, dtype=torch.float64)) == 0).all()
    assert (newton(g, Sinh(0.3), NETWORK.network(), torch.zeros(6, 2, dtype=torch.float64)) == 0).all()


@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "both"), ("right", "top")])
def test_sweeps_come_nearer_each_time(drive: str, read: str, cells: Cells) -> None:
    """By no less than the stated factor: that of the stiffest line's weakest mode, once for each kind of line."""
    r = 300.0
    array = Wires(r, r, drive=drive, read=read)
    g, v = cells("sweeps", 12, 16), _volts("sweeps", 12, 3)
    exact = array.effective(g).mT @ v
    weakest = (math.pi / 2 / 16) ** 2 / r
    rho = (float(g.max()) / (float(g.max()) + weakest)) ** 2
    errors = [
        float((_solve.sweep(g, array.network(), v, k) - exact).abs().max() / exact.abs().max()) for k in range(1, 7)
    ]
    assert errors[0] > 1e-3
    for before, after in itertools.pairwise(errors):
        assert after < max(rho * before, 1e-13)


@pytest.mark.parametrize("wires", WIRES, ids=["1", "100", "3000"])
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "top"), ("right", "both")])
def test_gradient_of_currents_is_that_of_the_exact_matrix(wires: Wires, drive: str, read: str, cells: Cells) -> None:
    array = Wires(wires.word_line, wires.bit_line, wires.driver, wires.sense, drive, read)
    g, v = cells("gradient", 2, 7, 5), _volts("gradient", 2, 7, 3)
    g, v = g.requires_grad_(), v.requires_grad_()
    weights = _volts("weights", 2, 5, 3)
    ours = torch.autograd.grad((currents(g, array.network(), v, 1e-13) * weights).sum(), (g, v))
    exact = torch.autograd.grad((array.effective(g).mT @ v * weights).sum(), (g, v))
    for a, b in zip(ours, exact, strict=True):
        _close(a, b, 1e-10)


def test_gradcheck_of_currents() -> None:
    network = Wires(2e4, 1e4, 1e4, 5e3, "both").network()
    x = torch.linspace(0.2, 2.0, 12, dtype=torch.float64).reshape(2, 3, 2).requires_grad_()
    v = _volts("check", 2, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda y, u: currents(y * 1e-5, network, u, 1e-13) * 1e5, (x, v))


def test_too_many_iterations(cells: Cells) -> None:
    """Wires of 100 Mohm leave nothing of the weak coupling that the method lives on."""
    g, v = cells("hard", 16, 16), _volts("hard", 16, 1)
    message = "^200 iterations did not reach a relative error of 1e-10; use a higher tolerance, float64, or the exact"
    with pytest.raises(ConvergenceError, match=message):
        currents(g, Wires(1e8, 1e8).network(), v)
    network = Wires(1000.0, 1000.0).network()
    with pytest.raises(ConvergenceError, match="^3 iterations did not reach a relative error of 1e-12; use"):
        _solve.solve_nodes(g, network, network.sources(v, 16), None, 1e-12, most=3)


# Other cells ----------------------------------------------------------------------------------------------------

LAWS = [Sinh(0.3), Sinh(0.1), Transistor(2e-4, 0.5), Transistor(2e-5, 0.05)]


def _law(cell: AbstractIV) -> Callable[[float, float], float]:
    """Write the law of a cell once more, in plain numbers."""
    if isinstance(cell, Sinh):
        return lambda g, v: g * cell.v0 * math.sinh(v / cell.v0)
    assert isinstance(cell, Transistor)
    k, over = cell.k, cell.overdrive

    def series(g: float, v: float) -> float:
        low, high = 0.0, abs(v)
        for _ in range(100):
            across = (low + high) / 2
            t = min(across, over)
            low, high = (across, high) if k * (over * t - t * t / 2) < g * (abs(v) - across) else (low, across)
        return math.copysign(g * (abs(v) - low), v)

    return series


@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "top"), ("right", "both")])
def test_newton_is_linear_for_ohmic_cells(drive: str, read: str, cells: Cells) -> None:
    array = Wires(20.0, 15.0, 300.0, 100.0, drive, read)
    g, v = cells("ohmic", 2, 8, 6), _volts("ohmic", 2, 8, 3)
    _close(newton(g, Ohmic(), array.network(), v), array.effective(g).mT @ v, 1e-11)


def test_any_cell_is_ohmic_at_tiny_voltages(cells: Cells) -> None:
    """sinh x = x + x^3 / 6: at 0.2 mV over 0.3 V a ten-millionth."""
    g, v = cells("tiny", 8, 6), _volts("tiny", 8, 3)
    network = NETWORK.network()
    linear = NETWORK.effective(g).mT @ v
    _close(newton(g, Sinh(0.3), network, v / 1000) * 1000, linear, 1e-7)
    assert not torch.allclose(newton(g, Sinh(0.3), network, v), linear, rtol=0.01)
    series = torch.where(g > 0, 1 / (1 / g.clamp(min=1e-30) + 1 / (2e-4 * 0.5)), 0)
    linear = NETWORK.effective(series).mT @ v
    _close(newton(g, Transistor(2e-4, 0.5), network, v / 1e4) * 1e4, linear, 1e-4)


@pytest.mark.parametrize("cell", LAWS, ids=repr)
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "both"), ("right", "top")])
def test_currents_of_every_node_add_up_to_nothing(
    cell: AbstractIV,
    drive: str,
    read: str,
    cells: Cells,
    residual: Callable[..., np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = Wires(20.0, 15.0, 300.0, 100.0, drive, read)
    g, v = cells(("node", drive), 8, 6), _volts("node", 8, 1)
    nodes = []
    solve = _solve.solve_nodes

    def listening(*args: object) -> tuple[torch.Tensor, torch.Tensor, int]:
        nodes.append(solve(*args))
        return nodes[-1]

    monkeypatch.setattr(_solve, "solve_nodes", listening)
    ours = newton(g, cell, array.network(), v)
    v_w, v_b = (x[0, ..., 0].numpy() for x in nodes[-1][:2])
    rest = residual(g.numpy(), array, _law(cell), v[:, 0].numpy(), v_w, v_b)
    law = _law(cell)
    through = np.array([[law(float(g[i, j]), v_w[i, j] - v_b[i, j]) for j in range(6)] for i in range(8)])
    assert np.abs(rest).max() < 1e-9 * np.abs(through).max()
    np.testing.assert_allclose(ours[:, 0].numpy(), through.sum(0), rtol=0, atol=1e-9 * np.abs(through).max())
    ohmic = array.effective(g).mT @ v  # the law has to matter, or the test tests nothing
    assert float((ours - ohmic).abs().max() / ohmic.abs().max()) > 0.02


def test_inputs_are_independent(cells: Cells) -> None:
    """And so are arrays; and an input of the other sign gives the same current, the other way."""
    g, v = cells("several", 2, 6, 5), _volts("several", 2, 6, 3)
    network = NETWORK.network()
    for cell in LAWS:
        ours = newton(g, cell, network, v)
        assert ours.shape == (2, 5, 3)
        _close(newton(g, cell, network, -v), -ours, 1e-10)
        for i, q in itertools.product(range(2), range(3)):
            _close(newton(g[i], cell, network, v[i, :, q : q + 1])[:, 0], ours[i, :, q], 1e-10)


@pytest.mark.parametrize("cell", [Ohmic(), Sinh(0.3), Transistor(2e-5, 1.0)], ids=repr)
def test_gradcheck_of_newton(cell: AbstractIV) -> None:
    network = Wires(2e4, 1e4, 1e4, 5e3).network()
    x = torch.linspace(0.2, 2.0, 6, dtype=torch.float64).reshape(3, 2).requires_grad_()
    v = (3 * _volts("newton", 3, 2)).requires_grad_()
    assert torch.autograd.gradcheck(lambda y, u: newton(y * 1e-5, cell, network, u) * 1e5, (x, v))


def test_gradient_in_saturation() -> None:
    """A saturated cell takes its current whatever its conductance; its neighbours go on as before."""
    network = Wires(2e4, 1e4, 1e4, 5e3).network()
    cell = Transistor(2e-5, 0.1)  # 0.1 uA at most
    x = torch.tensor([[0.5, 1.0], [1.5, 2.0], [0.7, 1.2]], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([[0.5], [0.01], [-0.02]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y, u: newton(y * 1e-5, cell, network, u) * 1e5, (x, v), atol=1e-4, rtol=1e-3)
    (gradient,) = torch.autograd.grad(newton(x * 1e-5, cell, network, v).sum() * 1e5, x)
    assert gradient[0].abs().max() < 1e-3 * gradient[1].abs().max()


def test_newton_that_does_not_settle(cells: Cells) -> None:
    g, v = cells("steps", 6, 4), _volts("steps", 6, 1)
    message = "^1 steps of Newton's method did not settle the node voltages; use smaller inputs or softer cells$"
    with pytest.raises(ConvergenceError, match=message):
        newton(g, Sinh(0.1), NETWORK.network(), v, most=1)
