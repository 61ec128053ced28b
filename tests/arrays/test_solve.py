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
    message = "^200 iterations did not reach a relative error of 1e-10; use a higher tolerance or the exact solution$"
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


Residual = Callable[..., np.ndarray]


def _settled(
    g: torch.Tensor,
    cell: AbstractIV,
    wires: Wires,
    v: torch.Tensor,
    residual: Residual,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[torch.Tensor, float, float]:
    """Return the column currents, what Newton leaves of Kirchhoff's laws, and the largest current of a cell, in A.

    What flows out of the columns has to be what the cells let in.
    """
    nodes = []
    solve = _solve.solve_nodes

    def listening(*args: object) -> tuple[torch.Tensor, torch.Tensor, int]:
        nodes.append(solve(*args))
        return nodes[-1]

    with monkeypatch.context() as patch:
        patch.setattr(_solve, "solve_nodes", listening)
        ours = newton(g, cell, wires.network(), v)
    v_w, v_b = (x[0, ..., 0].detach().numpy() for x in nodes[-1][:2])
    law, known = _law(cell), g.double()
    rest = residual(known.numpy(), wires, law, v[:, 0].double().numpy(), v_w, v_b)
    rows, cols = g.shape
    through = np.array([[law(float(known[i, j]), v_w[i, j] - v_b[i, j]) for j in range(cols)] for i in range(rows)])
    columns = np.abs(ours[:, 0].double().numpy() - through.sum(0)).max()
    return ours, max(np.abs(rest).max(), columns), np.abs(through).max()


@pytest.mark.parametrize("cell", LAWS, ids=repr)
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "both"), ("right", "top")])
def test_currents_of_every_node_add_up_to_nothing(
    cell: AbstractIV,
    drive: str,
    read: str,
    cells: Cells,
    residual: Residual,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = Wires(20.0, 15.0, 300.0, 100.0, drive, read)
    g, v = cells(("node", drive), 8, 6), _volts("node", 8, 1)
    ours, rest, largest = _settled(g, cell, array, v, residual, monkeypatch)
    assert rest < 1e-9 * largest
    ohmic = array.effective(g).mT @ v  # the law has to matter, or the test tests nothing
    assert float((ours - ohmic).abs().max() / ohmic.abs().max()) > 0.02


@pytest.mark.parametrize("cell", [Sinh(0.3), Transistor(2e-4, 0.5)], ids=repr)
@pytest.mark.parametrize(("driver", "sense"), [(1000.0, 500.0), (5000.0, 5000.0)])
@pytest.mark.parametrize("segment", [1e-4, 1e-3, 1e-2, 0.1, 1.0])
def test_newton_settles_whatever_the_segments(
    cell: AbstractIV,
    driver: float,
    sense: float,
    segment: float,
    cells: Cells,
    residual: Residual,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Segments that conduct a billion times better than cells, terminals that take most of the voltage, 1 V.

    A volt's rounding over a segment is a current; that is all that may be left.
    """
    wires = Wires(segment, segment, driver, sense)
    g, v = cells("settles", 10, 7), torch.linspace(-1, 1, 10, dtype=torch.float64).unsqueeze(1)
    high, rest, largest = _settled(g, cell, wires, v, residual, monkeypatch)
    assert rest < 1e-9 * largest + 1e-15 / segment
    low = newton(g.float(), cell, wires.network(), v.float())
    assert low.dtype == torch.float32
    _close(low.double(), high, 1e-6)
    several = newton(g, cell, wires.network(), v * torch.tensor([0.0, 0.2, 1.0], dtype=torch.float64))
    assert (several[:, 0] == 0).all()
    _close(several[:, 2:], high, 1e-10)


@pytest.mark.parametrize("segment", [1e-3, 1.0])
def test_newton_settles_a_large_array(
    segment: float, cells: Cells, residual: Residual, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of transistors, many of them saturated."""
    g, v = cells("large", 64, 64), torch.linspace(0, 1, 64, dtype=torch.float64).unsqueeze(1)
    wires = Wires(segment, segment, 1000.0, 500.0)
    for cell in (Transistor(2e-5, 0.3), Transistor(2e-4, 0.5)):
        _, rest, largest = _settled(g, cell, wires, v, residual, monkeypatch)
        assert rest < 1e-9 * largest + 1e-15 / segment


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
    message = (
        "^1 steps of Newton's method did not settle the node voltages to 1e-12 of the inputs; use a higher tolerance, "
        "smaller inputs, or cells with a softer current-voltage law$"
    )
    with pytest.raises(ConvergenceError, match=message):
        newton(g, Sinh(0.1), NETWORK.network(), v, most=1)
    with pytest.raises(ConvergenceError, match="^2 steps of .* to 0.001 of the inputs; use"):
        newton(g, Sinh(0.01), NETWORK.network(), v, 1e-3, most=2)
    _close(newton(g, Sinh(0.1), NETWORK.network(), v, 1e-3, most=5), newton(g, Sinh(0.1), NETWORK.network(), v), 1e-3)


# What is asked of both ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_impossible_cells(value: float, cells: Cells) -> None:
    g, v = cells("impossible", 2, 4, 3), _volts("impossible", 2, 4, 2)
    g[1, 2, 1] = value
    message = "^conductances must be at least 0 S and finite; check what the cells were programmed to$"
    for dtype in (torch.float32, torch.float64):
        with pytest.raises(ValueError, match=message):
            currents(g.to(dtype), NETWORK.network(), v.to(dtype))
        for cell in (Ohmic(), Sinh(0.3), Transistor(2e-4, 0.5)):
            with pytest.raises(ValueError, match=message):
                newton(g.to(dtype), cell, NETWORK.network(), v.to(dtype))


SOLVERS = {
    "currents": lambda g, v: currents(g, NETWORK.network(), v),
    "newton": lambda g, v: newton(g, Ohmic(), NETWORK.network(), v),
}


@pytest.mark.parametrize("solver", SOLVERS)
def test_single_precision_is_that_of_inputs_and_outputs_only(solver: str, cells: Cells) -> None:
    g, v = cells("single", 12, 9).float(), _volts("single", 12, 3).float()
    ours = SOLVERS[solver](g, v)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, SOLVERS[solver](g.double(), v.double()).float())
    weights = _volts("weights", 9, 3)
    low, high = g.requires_grad_(), g.detach().double().requires_grad_()
    (a,) = torch.autograd.grad((SOLVERS[solver](low, v) * weights.float()).sum(), low)
    (b,) = torch.autograd.grad((SOLVERS[solver](high, v.double()) * weights.float().double()).sum(), high)
    assert a.dtype == torch.float32
    _close(a.double(), b, 1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_second_derivatives_are_refused(solver: str, cells: Cells) -> None:
    g, v = cells("second", 4, 3).requires_grad_(), _volts("second", 4, 2)
    out = SOLVERS[solver](g, v).square().sum()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(out, g, create_graph=True)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("power", [1, 2])
def test_second_derivatives_are_right_or_refused(solver: str, power: int, cells: Cells) -> None:
    """Those of conductance x gradient, with respect to the conductances, as in a penalty on a gradient."""
    g, v = cells("second", 4, 3, zeros=0.0).requires_grad_(), _volts("second", 4, 2)

    def second(solve: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> torch.Tensor:
        (gradient,) = torch.autograd.grad(solve(g, v).pow(power).sum(), g, create_graph=True)
        return torch.autograd.grad((gradient * g).sum(), g)[0]

    truth = second(lambda g, v: NETWORK.effective(g).mT @ v)
    try:
        ours = second(SOLVERS[solver])
    except RuntimeError:
        return
    _close(ours, truth, 1e-8)
