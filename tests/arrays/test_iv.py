"""Laws of single cells, against the voltages that a literal search finds inside them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import AbstractIV, Exponential, Ohmic, Sinh, Transistor

BENT = [Sinh(0.3), Sinh(0.05), Exponential(0.3), Exponential(0.05)]
TRANSISTORS = [Transistor(2e-4, 0.5), Transistor(1e-5, 0.1)]
LAWS = [Ohmic(), *BENT, *TRANSISTORS]
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


@given(g=st.floats(1e-7, 1e-2), v=st.floats(-1, 1), v0=st.floats(0.05, 1.0))
def test_exponential(g: float, v: float, v0: float) -> None:
    current = math.copysign(g * v0 * math.expm1(abs(v) / v0), v)
    assert float(Exponential(v0).current(_t(g), _t(v))) == pytest.approx(current, rel=1e-12, abs=1e-30)
    assert float(Exponential(v0).slope(_t(g), _t(v))) == pytest.approx(g * math.exp(abs(v) / v0), rel=1e-12, abs=0)


@pytest.mark.parametrize("law", [Sinh, Exponential])
@pytest.mark.parametrize("v0", [0.0, -0.1, math.inf, math.nan])
def test_a_wrong_v0(law: type[Sinh] | type[Exponential], v0: float) -> None:
    with pytest.raises(ValueError, match="v0") as error:
        law(v0)
    assert str(error.value) == f"v0 must be above 0 V and finite, not {v0} V"


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


@pytest.mark.parametrize("cell", TRANSISTORS, ids=repr)
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
    assert Exponential(0.25).spice("1e-05", "v(a,b)") == "1e-05*0.25*(exp(abs(v(a,b))/0.25)-1)*sgn(v(a,b))"
    # That of the transistor is evaluated by ngspice, see tests/eda.
    assert Transistor(2e-4, 0.5).spice("1e-05", "v(a,b)").count("v(a,b)") == 6


# What a tile asks of a law --------------------------------------------------------------------------------------


def test_which_laws_bend_all_cells_alike() -> None:
    assert [law.separable for law in LAWS] == [True] * 5 + [False] * 2


def _share(law: AbstractIV, x: float, volts: float) -> float:
    """Return the closed form, of the size of x."""
    if isinstance(law, Ohmic):
        return x
    assert isinstance(law, (Sinh, Exponential))
    v = volts / law.v0
    return math.sinh(x * v) / math.sinh(v) if isinstance(law, Sinh) else math.expm1(x * v) / math.expm1(v)


def _bent(v0: float) -> list[AbstractIV]:
    return [Ohmic(), Sinh(v0), Exponential(v0)]


@given(x=st.floats(0, 1), volts=st.floats(0.01, 1), v0=st.floats(0.02, 10))
def test_share_is_the_ratio_of_two_currents(x: float, volts: float, v0: float) -> None:
    """An error e in the argument a = x v is one of at most (1 + a) e, a few roundings come on top."""
    for law in _bent(v0):
        allowed = 1e-14 * (1 + volts / v0)
        assert float(law.share(_t(x), volts)) == pytest.approx(_share(law, x, volts), rel=allowed, abs=1e-300)
        ratio = law.current(_t(2e-5), _t(x * volts)) / law.current(_t(2e-5), _t(volts))
        assert float(law.share(_t(x), volts)) == pytest.approx(float(ratio), rel=2 * allowed, abs=1e-300)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("volts", [0.2, 0.9, 40.0])
@pytest.mark.parametrize("law", LAWS[:5], ids=repr)
def test_share_is_odd_and_rises_to_one(law: AbstractIV, volts: float, dtype: torch.dtype) -> None:
    """Up to 800 times V0, where the current itself is no number any more."""
    x = (torch.arange(-127, 128, dtype=torch.float64) / 127).to(dtype)
    share = law.share(x, volts)
    assert share.dtype == dtype
    assert bool(share.isfinite().all())
    torch.testing.assert_close(share, -share.flip(0), rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=0)
    assert (float(share[0]), float(share[127]), float(share[-1])) == pytest.approx((-1, 0, 1), rel=1e-6, abs=0)
    assert bool((share.diff() >= 0).all())
    assert bool((share[-10:].diff() > 0).all())
    assert bool((share[127:] <= x[127:] * (1 + 1e-6)).all())


@given(g=st.floats(1e-7, 1e-3), volts=st.floats(0.01, 1), v0=st.floats(0.02, 1))
def test_conductance_at_zero(g: float, volts: float, v0: float) -> None:
    v = volts / v0
    expected = [g, g * v / math.sinh(v), g * v / math.expm1(v)]
    for law, at_zero in zip(_bent(v0), expected, strict=True):
        ours = law.at_zero(_t(g), volts)
        assert float(ours) == pytest.approx(at_zero, rel=1e-13 * (1 + v), abs=0)
        assert float(law.current(ours, _t(volts))) == pytest.approx(g * volts, rel=1e-13 * (1 + v), abs=0)


@given(part=st.floats(1e-4, 0.998), volts=st.floats(0.01, 1.5), k=st.floats(1e-6, 1e-2), overdrive=st.floats(0.05, 1.5))
def test_conductance_at_zero_beside_a_transistor(part: float, volts: float, k: float, overdrive: float) -> None:
    """The cell takes what the transistor leaves of the voltage; the search halves intervals, cell after cell."""
    law = Transistor(k, overdrive)
    g = part * law.largest(volts)
    alone = float(law.at_zero(_t(g), volts))
    low, high = 0.0, min(volts, overdrive)
    for _ in range(200):
        t = (low + high) / 2
        low, high = (t, high) if k * (overdrive * t - t * t / 2) < g * volts else (low, t)
    assert alone == pytest.approx(g * volts / (volts - low), rel=1e-9, abs=0)
    assert alone > g
    assert float(law.current(_t(alone), _t(volts))) == pytest.approx(g * volts, rel=1e-9, abs=0)
    assert _in_series(k, overdrive, alone, volts) == pytest.approx(g * volts, rel=1e-9, abs=0)


@pytest.mark.parametrize("volts", [0.05, 0.2, 0.9, 3.0])
@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_at_the_voltage_of_reading_every_law_gives_g(law: AbstractIV, volts: float) -> None:
    """Also in single precision, where a cell that holds nothing still conducts nothing."""
    top = min(1e-4, 0.99 * law.largest(volts))
    for dtype, rel in ((torch.float64, 1e-11), (torch.float32, 3e-5)):
        g = torch.linspace(0, top, 12, dtype=dtype)
        ours = law.at_zero(g, volts)
        assert ours.dtype == dtype
        assert bool((ours.diff() > 0).all())
        current = law.current(ours.double(), torch.full_like(ours, volts).double())
        torch.testing.assert_close(current, g.double() * volts, rtol=rel * (1 + volts / 0.05), atol=0)


@pytest.mark.parametrize("volts", [0.03, 0.2, 0.49, 0.51, 2.0])
@pytest.mark.parametrize("law", TRANSISTORS, ids=repr)
def test_no_cell_conducts_more_than_its_transistor(law: Transistor, volts: float) -> None:
    """The limit of ever better cells; and what lies beyond it stands for a cell just below."""
    t = min(volts, law.overdrive)
    most = law.k * (law.overdrive * t - t * t / 2) / volts
    assert law.largest(volts) == pytest.approx(most, rel=1e-12, abs=0)
    cells = torch.logspace(-6, 4, 41, dtype=torch.float64)
    conducts = law.current(cells, torch.full_like(cells, volts)) / volts
    assert bool((conducts <= most * (1 + 1e-12)).all())
    assert float(conducts[-1]) == pytest.approx(most, rel=1e-5, abs=0)
    beyond = law.at_zero(most * _t(0.999, 1.0, 5.0), volts)
    assert beyond.tolist() == pytest.approx([float(beyond[0])] * 3, rel=1e-9, abs=0)
    assert bool(beyond.isfinite().all())


def test_without_a_transistor_nothing_limits_a_cell() -> None:
    assert [law.largest(0.2) for law in LAWS[:5]] == [math.inf] * 5
