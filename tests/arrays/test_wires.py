"""`Wires`: how exactly the voltage on the wires is computed, and how long lines take to settle."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from mho.arrays import Wires, transposed
from mho.core import Seed

Cells = Callable[..., torch.Tensor]

TERMINATIONS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))
FIDELITIES = ["closed", "sweeps(2)", "sweeps(7)", "exact"]


def _error(ours: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the largest deviation, relative to the largest conductance."""
    return float((ours - truth).abs().max() / truth.abs().max())


# Fidelities -----------------------------------------------------------------------------------------------------


def test_off_is_no_wires(cells: Cells) -> None:
    g = cells("off", 5, 4)
    assert Wires(1000.0, 1000.0, ir_drop="off").effective(g) is g


@pytest.mark.parametrize("fidelity", ["off", *FIDELITIES])
def test_an_array_without_cells(fidelity: str) -> None:
    for shape in ((0, 4), (4, 0), (0, 3, 4)):
        assert Wires(1.0, 1.0, ir_drop=fidelity).effective(torch.zeros(shape)).shape == shape


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_wires_without_resistance(fidelity: str, cells: Cells) -> None:
    for drive, read in itertools.product(("left", "right"), ("bottom", "top")):
        for shape in ((16, 12), (5, 9), (1, 4), (4, 1)):
            g = cells(("none", shape), *shape)
            for ohm, limit in ((0.0, 1e-11), (1e-12, 1e-9), (1e-6, 1e-7)):
                wires = Wires(ohm, ohm, drive=drive, read=read, ir_drop=fidelity)
                assert _error(wires.effective(g), g) < limit, (drive, read, shape, ohm)


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_what_is_lost_falls_with_the_resistance(fidelity: str, drive: str, read: str, cells: Cells) -> None:
    """To first order in proportion to it."""
    g = cells("little", 16, 12)
    lost = [_error(Wires(r, r, drive=drive, read=read, ir_drop=fidelity).effective(g), g) for r in (1e-5, 1e-3)]
    assert lost[1] == pytest.approx(100 * lost[0], rel=1e-3, abs=0)
    assert 1e-7 < lost[1] < 1e-4


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_one_sweep_is_the_closed_form(drive: str, read: str, dtype: torch.dtype, cells: Cells) -> None:
    for shape in ((9, 4), (4, 9), (1, 5)):
        g = cells(("one", shape), 2, *shape).to(dtype)
        wires = Wires(300.0, 200.0, 1000.0, 50.0, drive, read, ir_drop="closed")
        tolerance = 1e-12 if dtype == torch.float64 else 1e-5
        for unused in ((0, 0), (3, 5)):
            once = replace(wires, ir_drop="sweeps(1)").effective(g, unused)
            assert _error(once, wires.effective(g, unused)) < tolerance


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_the_closed_form_is_exact_across_ideal_lines(drive: str, read: str, cells: Cells) -> None:
    g = cells("ideal", 7, 9)
    # The line that is left may have no ends that share a node with 0 ohm; a thousandth of an ohm is nothing here.
    for word, bit in ((2000.0, 1e-7), (1e-7, 2000.0)):
        wires = Wires(word, bit, drive=drive, read=read)
        exact = wires.effective(g)
        assert _error(replace(wires, ir_drop="closed").effective(g), exact) < 1e-8
        assert _error(g, exact) > 0.1


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_sweeps_lead_to_the_exact_matrix(drive: str, read: str, cells: Cells) -> None:
    g = cells("lead", 2, 10, 14)
    wires = Wires(100.0, 300.0, 500.0, 200.0, drive, read)
    exact = wires.effective(g)
    errors = [_error(replace(wires, ir_drop=f"sweeps({k})").effective(g), exact) for k in (1, 2, 3, 5, 80)]
    assert errors[0] > 1e-3
    for before, after in itertools.pairwise(errors):
        assert after < before / 2
    assert errors[-1] < 1e-11
    assert (
        _error(
            replace(wires, ir_drop="sweeps(2)").effective(g.float()),
            replace(wires, ir_drop="sweeps(2)").effective(g).float(),
        )
        < 1e-5
    )


@pytest.mark.parametrize(("size", "closed", "lost"), [(16, 4e-5, 0.014), (64, 6e-3, 0.18)], ids=["16x16", "64x64"])
def test_errors_of_each_fidelity(size: int, closed: float, lost: float) -> None:
    """The numbers of `docs/concepts/wires.md`: cells of 1 to 100 uS, 1 ohm a segment and at the ends, 0 to 0.2 V.

    Evenly spread cells conduct more than evenly spread logarithms, and lose more.
    """
    generator = Seed(0).child("bounds", str(size)).generator()
    u = torch.rand(size, size, generator=generator, dtype=torch.float64)
    v = 0.2 * torch.rand(50, size, generator=generator, dtype=torch.float64)
    wires = Wires(1.0, 1.0)
    for g, least in ((1e-6 + 99e-6 * u, 1 / 1.5), (10 ** (-6 + 2 * u), 1 / 10)):
        exact = v @ wires.effective(g)
        errors = [_error(v @ replace(wires, ir_drop=how).effective(g), exact) for how in ("closed", "sweeps(2)", "off")]
        assert closed * least < errors[0] < closed * 1.5
        assert errors[1] < errors[0] / 50
        assert lost * least < errors[2] < lost * 1.5


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_unused_lines_are_cells_that_conduct_nothing(fidelity: str, drive: str, read: str, cells: Cells) -> None:
    """Which matters where the driver is to their right, or the read-out below them."""
    wires = Wires(300.0, 200.0, 1000.0, 50.0, drive, read, ir_drop=fidelity)
    for shape, (rows, cols) in (((5, 4), (3, 6)), ((4, 5), (0, 2)), ((3, 8), (9, 0))):
        g = cells(("unused", shape), *shape)
        padded = torch.nn.functional.pad(g, (0, cols, 0, rows))
        expected = wires.effective(padded)[: shape[0], : shape[1]]
        ours = wires.effective(g, (rows, cols))
        assert _error(ours, expected) < 1e-12
        far = (drive != "left" and cols) or (read != "top" and rows)
        assert (_error(ours, wires.effective(g)) > 1e-4) == bool(far)


@pytest.mark.parametrize("fidelity", ["closed", "sweeps(2)"])
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "top"), ("right", "both")])
def test_gradient(fidelity: str, drive: str, read: str) -> None:
    wires = Wires(2e4, 1e4, 1e4, 5e3, drive, read, ir_drop=fidelity)
    x = torch.linspace(0.2, 2.0, 12, dtype=torch.float64).reshape(2, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: wires.effective(y * 1e-5) * 1e5, (x,))


def test_gradient_where_segments_are_almost_nothing() -> None:
    """Below 0.1 mohm lines are solved by recursion; the cells conduct as much as such wires do."""
    for fidelity in FIDELITIES:
        wires = Wires(5e-5, 3e-5, 1e-4, 2e-5, "both", ir_drop=fidelity)
        x = torch.linspace(0.2, 2.0, 6, dtype=torch.float64).reshape(3, 2).requires_grad_()
        assert torch.autograd.gradcheck(lambda y, w=wires: w.effective(y * 1e4) * 1e-4, (x,))


@pytest.mark.parametrize(
    ("text", "sweeps"), [("off", 0.0), ("closed", 1.0), ("sweeps(1)", 1.0), ("sweeps(12)", 12.0), ("exact", math.inf)]
)
def test_names_of_fidelities(text: str, sweeps: float) -> None:
    assert Wires(1.0, 1.0, ir_drop=text).sweeps == sweeps


@pytest.mark.parametrize(
    "text", ["", "Exact", "sweeps", "sweeps(0)", "sweeps(-1)", "sweeps(1.5)", "sweeps(2) ", "none"]
)
def test_other_names(text: str) -> None:
    with pytest.raises(ValueError, match="ir_drop must be") as error:
        Wires(1.0, 1.0, ir_drop=text)
    assert str(error.value) == f'ir_drop must be "off", "closed", "sweeps(k)" with k from 1 or "exact", not "{text}"'


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("value", [-1e-9, math.nan])
def test_impossible_cells(fidelity: str, value: float, cells: Cells) -> None:
    g = cells("impossible", 2, 4, 3)
    g[1, 2, 1] = value
    message = "^conductances must be at least 0 S and numbers; check what the cells were programmed to$"
    with pytest.raises(ValueError, match=message):
        Wires(1.0, 1.0, ir_drop=fidelity).effective(g)


# Shape and time -------------------------------------------------------------------------------------------------


def test_transposed_twice_is_the_same() -> None:
    for drive, read in TERMINATIONS:
        wires = Wires(1.0, 2.0, 3.0, 4.0, drive, read, word_capacitance=5e-15, bit_capacitance=6e-15, ir_drop="closed")
        other = transposed(wires)
        assert transposed(other) == wires
        assert (other.word_line, other.bit_line, other.driver, other.sense) == (2.0, 1.0, 4.0, 3.0)
        assert (other.word_capacitance, other.bit_capacitance, other.ir_drop) == (6e-15, 5e-15, "closed")
        assert other.settling(7, 5, 8) == pytest.approx(wires.settling(5, 7, 8), rel=1e-14, abs=0)


@pytest.mark.parametrize("drive", ["left", "right"])
@pytest.mark.parametrize("read", ["bottom", "top"])
def test_settling_is_the_delay_of_elmore(drive: str, read: str) -> None:
    """Each capacitance, times all the resistance that it is charged through."""
    wires = Wires(2.0, 3.0, 1000.0, 500.0, drive, read, word_capacitance=1e-15, bit_capacitance=2e-15)
    word = sum(1e-15 * (1000.0 + 2.0 * k) for k in range(1, 41))
    bit = sum(2e-15 * (500.0 + 3.0 * k) for k in range(1, 31))
    for bits in (1, 8):
        assert wires.settling(30, 40, bits) == pytest.approx((word + bit) * math.log(2 ** (bits + 1)), rel=1e-12, abs=0)


def test_settling_without_capacitance_takes_no_time() -> None:
    assert Wires(10.0, 10.0, 1000.0, 1000.0).settling(256, 256, 8) == 0


def test_lines_with_two_ends_settle_sooner() -> None:
    """Half a line, charged through half its resistance; more or less, as a line has a middle or it has not."""
    one = Wires(2.0, 3.0, word_capacitance=1e-15)
    quarter = one.settling(64, 64, 8) / 4
    assert replace(one, drive="both").settling(64, 64, 8) == pytest.approx(quarter, rel=0.03, abs=0)
    assert replace(one, read="both").settling(64, 64, 8) == one.settling(64, 64, 8)
