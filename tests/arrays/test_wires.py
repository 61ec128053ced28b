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
    for drive, read in TERMINATIONS:
        for shape in ((16, 12), (5, 9), (1, 4), (4, 1)):
            g = cells(("none", shape), *shape)
            for ohm, limit in ((0.0, 1e-11), (1e-12, 1e-9), (1e-6, 1e-7)):
                wires = Wires(ohm, ohm, drive=drive, read=read, ir_drop=fidelity)
                assert _error(wires.effective(g), g) < limit, (drive, read, shape, ohm)


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 5), (5, 1), (1, 1)], ids=str)
def test_two_terminals_of_no_resistance_are_one(fidelity: str, shape: tuple[int, int]) -> None:
    """Two drivers at the same volt drive no more than one; two read-outs share a current, they do not double it."""
    for drive, read in (("both", "bottom"), ("left", "both"), ("both", "both")):
        for dtype in (torch.float32, torch.float64):
            g = torch.full(shape, 1e-5, dtype=dtype)
            ours = Wires(0.0, 0.0, drive=drive, read=read, ir_drop=fidelity).effective(g)
            torch.testing.assert_close(ours, g, rtol=1e-5 if dtype == torch.float32 else 1e-11, atol=0)


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_single_cell_by_hand(drive: str, read: str, count: int) -> None:
    """A sweep: the word line from its driver and the bit line's last voltage, then the bit line from the word line."""
    cell = 4e-5
    driver = (2 if drive == "both" else 1) / 2100.0
    sense = (2 if read == "both" else 1) / 530.0
    bit = 0.0
    for _ in range(count):
        word = (driver + cell * bit) / (driver + cell)
        bit = cell * word / (cell + sense)
    wires = Wires(100.0, 30.0, 2000.0, 500.0, drive, read)
    for shape in ((1, 1), (2, 1, 1), (2, 3, 1, 1)):
        g = torch.full(shape, cell, dtype=torch.float64)
        for how in (f"sweeps({count})", *(["closed"] if count == 1 else [])):
            ours = replace(wires, ir_drop=how).effective(g)
            torch.testing.assert_close(ours, torch.full_like(g, sense * bit), rtol=1e-13, atol=0)
        series = 1 / (1 / cell + 1 / driver + 1 / sense)
        torch.testing.assert_close(wires.effective(g), torch.full_like(g, series), rtol=1e-13, atol=0)
    assert sense * bit == pytest.approx(series, rel=0.2 ** (count + 1), abs=0)


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


@pytest.mark.parametrize(
    ("size", "ohm", "closed", "twice"),
    [
        (16, 1.0, 0.004e-2, 1.5e-9),
        (64, 1.0, 0.65e-2, 0.0045e-2),
        (128, 1.0, 5.5e-2, 0.4e-2),
        (64, 2.5, 3e-2, 0.1e-2),
        (128, 2.5, 15e-2, 3e-2),
    ],
)
def test_bounds_of_each_fidelity(size: int, ohm: float, closed: float, twice: float) -> None:
    """The table of `docs/concepts/wires.md` at 1 ohm a segment, and what the study behind it has at 2.5, rounded up.

    Of the largest current of each input. The table is of one array; 16 x 16 ones differ most: 0.003 % there, 0.004 %
    in the study. The errors of `closed` at 2.5 ohm are rows of `docs/validation.md`.
    """
    generator = Seed(0).child("bounds", str(size)).generator()
    u = torch.rand(size, size, generator=generator, dtype=torch.float64)
    v = 0.2 * torch.rand(50, size, generator=generator, dtype=torch.float64)
    wires = Wires(ohm, ohm)
    for g in (1e-6 + 99e-6 * u, 10 ** (-6 + 2 * u)):
        exact = v @ wires.effective(g)
        for how, bound in (("closed", closed), ("sweeps(2)", twice)):
            lost = (v @ replace(wires, ir_drop=how).effective(g) - exact).abs().amax(1) / exact.amax(1)
            assert float(lost.max()) < bound, how


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
    """The cells conduct as much as such wires do."""
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
    assert (
        str(error.value)
        == f'ir_drop must be "off", "closed", "sweeps(k)" with k from 1, "exact" or "newton", not "{text}"'
    )


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_impossible_cells(fidelity: str, value: float, cells: Cells) -> None:
    g = cells("impossible", 2, 4, 3)
    g[1, 2, 1] = value
    message = "^conductances must be at least 0 S and finite; check what the cells were programmed to$"
    with pytest.raises(ValueError, match=message):
        Wires(1.0, 1.0, ir_drop=fidelity).effective(g)


@pytest.mark.parametrize("wrong", ["word_line", "bit_line", "driver", "sense", "source_line"])
def test_impossible_wires(wrong: str) -> None:
    values = {"word_line": 1.0, "bit_line": 2.0, "driver": 3.0, "sense": 4.0, "source_line": 5.0} | {wrong: -1.0}
    with pytest.raises(ValueError, match="^resistances") as error:
        Wires(**values)
    listed = ", ".join(str(v) for v in values.values())
    assert str(error.value) == (
        "resistances of wires, drivers and read-outs must be at least 0 ohm and finite, "
        f"not {listed}; open bit lines have `open_voltages`"
    )


# Shape and time -------------------------------------------------------------------------------------------------


def test_transposed_twice_is_the_same() -> None:
    for (drive, read), pairs in itertools.product(TERMINATIONS, ("bit lines", "word lines")):
        wires = Wires(1.0, 2.0, 3.0, 4.0, drive, read, pairs, "closed", 5e-15, 6e-15)
        other = transposed(wires)
        assert other.pairs == ("bit lines" if pairs == "word lines" else "word lines")
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


def _elmore(n: int, segment: float, end: float, capacitance: float) -> float:
    """Return the longest delay of the nodes of a line with a terminal at either end, one segment before each."""
    siemens = torch.zeros(n, n, dtype=torch.float64)
    for k in range(n):
        for other in (k - 1, k + 1):
            inside = 0 <= other < n
            siemens[k, k] += 1 / (segment if inside else segment + end)
            if inside:
                siemens[k, other] -= 1 / segment
    return capacitance * float(torch.linalg.inv(siemens).sum(1).max())


@pytest.mark.parametrize("n", [8, 64, 257])
@pytest.mark.parametrize("end", [0.0, 30.0, 3000.0])
def test_lines_with_two_ends_settle_sooner(n: int, end: float) -> None:
    """Terminals count half. Wires count a quarter: the middle is half as far, and half the line is charged."""
    word = Wires(2.0, 3.0, end, end, "both", "both", word_capacitance=1e-15)
    bit = Wires(3.0, 2.0, end, end, "both", "both", bit_capacitance=1e-15)
    one_end = Wires(2.0, 3.0, end, word_capacitance=1e-15).settling(n, n, 8)
    both = word.settling(n, n, 8)
    wire = one_end - n * 1e-15 * end * 9 * math.log(2)
    assert both == pytest.approx(wire / 4 * (n + 1) / n + (one_end - wire) / 2, rel=1e-12, abs=0)
    assert bit.settling(n, n, 8) == pytest.approx(both, rel=1e-12, abs=0)
    assert both == pytest.approx(_elmore(n, 2.0, end, 1e-15) * 9 * math.log(2), rel=1 / n, abs=0)
    # A word line read at two ends, or a bit line driven at two, is no faster.
    assert replace(word, drive="left").settling(n, n, 8) == replace(word, drive="left", read="top").settling(n, n, 8)


@pytest.mark.parametrize("n", [1, 3, 15])
def test_settling_of_two_ends_is_the_delay_of_elmore(n: int) -> None:
    stated = Wires(2.0, 3.0, drive="both", word_capacitance=1e-15).settling(n, n, 8)
    assert stated >= _elmore(n, 2.0, 0.0, 1e-15) * 9 * math.log(2) * (1 - 1e-12)
