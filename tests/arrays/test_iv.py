"""Laws of single cells, against the voltages that a literal search finds inside them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import AbstractIV, Ohmic, Sinh, Transistor

LAWS = [Ohmic(), Sinh(0.3), Sinh(0.05), Transistor(2e-4, 0.5), Transistor(1e-5, 0.1)]
CELLS = (1e-6, 1e-5, 1.3e-4, 1e-3)


def _in_series(k: float, overdrive: float, g: float, v: float) -> float:
    """Halve the interval of voltages across the transistor until both parts carry the same current."""
    low, high = 0.0, abs(v)
    for _ in range(200):
        across = (low + high) / 2
        t = min(across, overdrive)
        if k * (overdrive * t - t * t / 2) < g * (abs(v) - across):
            low = across
        else:
            high = across
    t = min(low, overdrive)
    return math.copysign(k * (overdrive * t - t * t / 2), v)


def _corner(cell: Transistor, g: float) -> float:
    """Return the voltage at which the transistor saturates."""
    return cell.overdrive + cell.k * cell.overdrive**2 / 2 / g


def _t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(g=st.floats(1e-7, 1e-2), v=st.floats(-3, 3), k=st.floats(1e-6, 1e-2), overdrive=st.floats(0.05, 1.5))
def test_a_transistor_and_a_cell_carry_the_same_current(g: float, v: float, k: float, overdrive: float) -> None:
    ours = float(Transistor(k, overdrive).current(_t(g), _t(v)))
    assert ours == pytest.approx(_in_series(k, overdrive, g, v), rel=1e-8, abs=1e-17)


@given(g=st.floats(1e-7, 1e-2), v=st.floats(-1, 1), v0=st.floats(0.05, 1.0))
def test_sinh(g: float, v: float, v0: float) -> None:
    assert float(Sinh(v0).current(_t(g), _t(v))) == pytest.approx(g * v0 * math.sinh(v / v0), rel=1e-12, abs=1e-30)
    assert float(Sinh(v0).slope(_t(g), _t(v))) == pytest.approx(g * math.cosh(v / v0), rel=1e-12, abs=0)


@pytest.mark.parametrize("cell", LAWS, ids=repr)
def test_odd_and_rising(cell: AbstractIV) -> None:
    v = torch.arange(-2000, 2001, dtype=torch.float64) / 1000
    for g in CELLS:
        current = cell.current(torch.full_like(v, g), v)
        torch.testing.assert_close(current.flip(0), -current, rtol=1e-12, atol=1e-24)
        assert (current.diff() >= -1e-15 * g).all()  # up to the rounding of the voltages
        assert (current[2001:] > 0).all()
        assert current[2000] == 0
        assert (cell.slope(torch.full_like(v, g), v) > 0).all()
    nothing = torch.zeros_like(v)
    assert (cell.current(nothing, v) == 0).all()
    assert (cell.slope(nothing, v) == 0).all()


@pytest.mark.parametrize("cell", LAWS, ids=repr)
def test_g_is_the_conductance_at_no_voltage(cell: AbstractIV) -> None:
    """A transistor in series takes its part of it."""
    for g in CELLS:
        channel = cell.k * cell.overdrive if isinstance(cell, Transistor) else math.inf
        expected = 1 / (1 / g + 1 / channel)
        assert float(cell.slope(_t(g), _t(0.0))) == pytest.approx(expected, rel=1.1e-6 * g / expected, abs=0)
        assert float(cell.current(_t(g), _t(1e-9))) == pytest.approx(expected * 1e-9, rel=1e-6, abs=0)


@pytest.mark.parametrize("cell", LAWS, ids=repr)
def test_slope_is_the_derivative(cell: AbstractIV) -> None:
    """Up to the millionth of g that keeps a saturated cell from vanishing; not where the transistor saturates."""
    for g in CELLS:
        v = torch.cat([torch.linspace(-2, -1e-3, 1000), torch.linspace(1e-3, 2, 1000)]).double()
        if isinstance(cell, Transistor):
            v = v[(v.abs() / _corner(cell, g) - 1).abs() > 1e-3]
        v.requires_grad_()
        (derivative,) = torch.autograd.grad(cell.current(torch.full_like(v, g), v).sum(), v)
        extra = 1e-6 * g if isinstance(cell, Transistor) else 0.0
        slope = cell.slope(torch.full_like(v, g), v.detach())
        torch.testing.assert_close(slope, derivative + extra, rtol=1e-10, atol=1e-9 * g)


@pytest.mark.parametrize("cell", LAWS[3:], ids=repr)
def test_saturation_is_reached_without_a_jump(cell: Transistor) -> None:
    full = cell.k * cell.overdrive**2 / 2
    for g in CELLS:
        corner = _corner(cell, g)
        v = corner * (1 + _t(-1e-6, -1e-9, 0.0, 1e-9, 1e-3, 10.0))
        # The current bends into it, without a kink: a millionth before the corner it is short of far less than that.
        assert cell.current(torch.full_like(v, g), v).tolist() == pytest.approx([full] * 6, rel=1e-8, abs=0)
        assert float(cell.current(_t(g), _t(corner * 0.9))) < full * (1 - 1e-5)
        before, after = cell.slope(torch.full((2,), g, dtype=torch.float64), corner * (1 + _t(-1e-8, 1e-8))).tolist()
        assert before == pytest.approx(after, abs=1e-3 * g)
        assert after == pytest.approx(1e-6 * g, rel=1e-9, abs=0)


@pytest.mark.parametrize("cell", LAWS, ids=repr)
def test_single_precision(cell: AbstractIV) -> None:
    """Nothing cancels, however much better a cell conducts than its transistor, or worse."""
    v = torch.cat([torch.arange(-1000, 1001) / 1000, torch.logspace(-9, -3, 61)])
    for g in (1e-9, *CELLS, 1e-1, 1e3):
        low = cell.current(torch.full_like(v, g), v)
        high = cell.current(torch.full_like(v, g).double(), v.double())
        torch.testing.assert_close(low.double(), high, rtol=1e-5, atol=0)


@pytest.mark.parametrize("cell", LAWS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_autograd_at_no_voltage_is_the_slope(cell: AbstractIV, dtype: torch.dtype) -> None:
    """Which the current's factor V has to itself: the absolute value has none."""
    for g in (0.0, *CELLS):
        known = torch.tensor([g], dtype=dtype, requires_grad=True)
        v = torch.zeros(1, dtype=dtype, requires_grad=True)
        by_g, by_v = torch.autograd.grad(cell.current(known, v).sum(), (known, v))
        expected = cell.slope(known.detach(), v.detach())
        torch.testing.assert_close(by_v, expected, rtol=1e-5, atol=1.1e-6 * g)
        assert by_g == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("v", [1.0, -1.0])
def test_autograd_where_the_root_vanishes(dtype: torch.dtype, v: float) -> None:
    """g = k V_ov, at twice the overdrive: saturated, and so flat in both."""
    known = torch.tensor([1e-4], dtype=dtype, requires_grad=True)
    at = torch.tensor([v], dtype=dtype, requires_grad=True)
    current = Transistor(2e-4, 0.5).current(known, at)
    assert float(current.detach()) == pytest.approx(math.copysign(2.5e-5, v), rel=1e-6, abs=0)
    assert [float(x) for x in torch.autograd.grad(current.sum(), (known, at))] == [0.0, 0.0]


@given(
    g=st.floats(1e-7, 1e-2), k=st.floats(1e-6, 1e-2), overdrive=st.floats(0.05, 1.5), off=st.sampled_from([-1, 0, 1])
)
def test_autograd_is_finite_everywhere(g: float, k: float, overdrive: float, off: int) -> None:
    """At the zero of the discriminant and one rounding to either side of it, and at the corner of saturation."""
    cell = Transistor(k, overdrive)
    vanishing = (g + k * overdrive) ** 2 / (2 * k * g)
    for v in (vanishing, _corner(cell, g), 0.0):
        for dtype in (torch.float32, torch.float64):
            at = torch.tensor([v], dtype=dtype)
            at = torch.nextafter(at, at + off).requires_grad_()
            known = torch.tensor([g], dtype=dtype, requires_grad=True)
            gradients = torch.autograd.grad(cell.current(known, at).sum(), (known, at))
            assert all(torch.isfinite(x).all() for x in gradients)


def test_spice_expressions() -> None:
    assert Ohmic().spice("1e-05", "v(a,b)") == "1e-05*v(a,b)"
    assert Sinh(0.25).spice("1e-05", "v(a,b)") == "1e-05*0.25*sinh(v(a,b)/0.25)"
    # That of the transistor is evaluated by ngspice, see tests/eda.
    assert Transistor(2e-4, 0.5).spice("1e-05", "v(a,b)").count("v(a,b)") == 6
