"""Columns between rails and passive arrays, against all branches written out and solved node by node."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from mho.arrays import Rail, one_transistor_column, rail_currents, rail_power, read_margin, signed_column, sneak_current
from mho.core import Seed

Branch = tuple[str, str, float]
SINGLE = [(0, 1)]
PAIR = [(0, 1), (2, 1)]


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _cells(name: str, *shape: int, off: float = 0.3) -> torch.Tensor:
    """Draw conductances from 1 to 100 uS; some cells are off."""
    u = torch.rand(2, *shape, generator=Seed(0).child(name).generator(), dtype=torch.float64)
    return torch.where(u[1] < off, 0.0, 10 ** (-6 + 2 * u[0]))


def _solve(branches: Sequence[Branch], known: dict[str, float]) -> dict[str, float]:
    """Solve Kirchhoff's current law at every node whose voltage is not known."""
    names = sorted({n for a, b, _ in branches for n in (a, b)} - set(known))
    number = {n: k for k, n in enumerate(names)}
    matrix, right = np.zeros((len(names), len(names))), np.zeros(len(names))
    for branch in branches:
        siemens = branch[2]
        for here, there in (branch[:2], branch[1::-1]):
            if here in known:
                continue
            matrix[number[here], number[here]] += siemens
            if there in known:
                right[number[here]] += siemens * known[there]
            else:
                matrix[number[here], number[there]] -= siemens
    solved = torch.linalg.solve(torch.from_numpy(matrix), torch.from_numpy(right))  # on one thread
    return known | {n: float(solved[k]) for n, k in number.items()}


def _column(
    g: torch.Tensor, rails: Sequence[Rail], between: Sequence[tuple[int, int]]
) -> tuple[list[Branch], dict[str, float]]:
    """Write out a column: nodes `r{rail},{row}`, terminals `t{rail}` above and `b{rail}` below."""
    rows = g.shape[0]
    branches: list[Branch] = []
    known: dict[str, float] = {}
    for k, rail in enumerate(rails):
        for n in range(rows - 1):
            branches.append((f"r{k},{n}", f"r{k},{n + 1}", 1 / rail.segment))
        if rail.top:
            branches.append((f"t{k}", f"r{k},0", 1 / (rail.segment + rail.terminal)))
            known[f"t{k}"] = rail.voltage
        if rail.bottom:
            branches.append((f"b{k}", f"r{k},{rows - 1}", 1 / (rail.segment + rail.terminal)))
            known[f"b{k}"] = rail.voltage
    for n in range(rows):
        for (a, b), siemens in zip(between, g[n].tolist(), strict=True):
            branches.append((f"r{a},{n}", f"r{b},{n}", siemens))
    return branches, known


def _taken(branches: Sequence[Branch], known: dict[str, float], rails: int) -> tuple[list[float], float]:
    """Return the current into the terminals of each rail, and the heat in all branches."""
    v = _solve(branches, known)
    current, heat = [0.0] * rails, 0.0
    for a, b, siemens in branches:
        heat += siemens * (v[a] - v[b]) ** 2
        if a in known:
            current[int(a[1:])] += siemens * (v[b] - v[a])
    return current, heat


def _currents(g: torch.Tensor, rails: Sequence[Rail], between: Sequence[tuple[int, int]]) -> list[float]:
    return rail_currents(g, rails, between).tolist()


COLUMNS = {
    "1T1R, opposite ends": (one_transistor_column(2.0, 0.2), SINGLE),
    "1T1R, one side": (one_transistor_column(2.0, 0.2, opposite=False), SINGLE),
    "SW-2T2R, opposite ends": (signed_column(2.0, 0.2), PAIR),
    "SW-2T2R, one side": (signed_column(2.0, 0.2, opposite=False), PAIR),
    "read at both ends": ((Rail(0.3, 1.0, True, True, 5.0), Rail(0.0, 4.0, True, True, 40.0)), SINGLE),
    "four rails": (
        (Rail(0.2, 1.0, True, False), Rail(0.0, 2.0), Rail(-0.1, 3.0, True, False), Rail(0.05, 0.5, False, True, 9.0)),
        [(0, 1), (2, 1), (1, 3), (0, 3)],
    ),
}


@pytest.mark.parametrize("rows", [1, 2, 9, 40])
@pytest.mark.parametrize("name", COLUMNS)
def test_currents_and_power_are_kirchhoffs(name: str, rows: int) -> None:
    rails, between = COLUMNS[name]
    g = _cells(f"{name} {rows}", rows, len(between))
    expected, heat = _taken(*_column(g, rails, between), len(rails))
    ours = rail_currents(g, rails, between)
    assert ours.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-14)
    assert float(rail_power(ours, rails)) == pytest.approx(heat, rel=1e-8, abs=1e-15)
    assert abs(float(ours.sum())) < 1e-14  # nothing is left in the column


def test_many_columns_and_inputs_at_once() -> None:
    rails, between = COLUMNS["SW-2T2R, opposite ends"]
    g = _cells("batch", 2, 3, 7, 2)
    whole = rail_currents(g, rails, between)
    assert whole.shape == (2, 3, 3)
    for a, b in itertools.product(range(2), range(3)):
        assert whole[a, b].tolist() == _near(_currents(g[a, b], rails, between), rel=1e-12)
    assert rail_power(whole, rails).shape == (2, 3)


def test_on_opposite_ends_every_cell_has_the_same_wire_before_and_behind_it() -> None:
    for row in range(8):
        g = torch.zeros(8, 1, dtype=torch.float64)
        g[row] = 1e-4
        apart = _currents(g, one_transistor_column(50.0, 0.2), SINGLE)[1]
        assert apart == _near(0.2 / (1e4 + 9 * 50.0), rel=1e-12)
        beside = _currents(g, one_transistor_column(50.0, 0.2, opposite=False), SINGLE)[1]
        assert beside == _near(0.2 / (1e4 + 2 * (row + 1) * 50.0), rel=1e-12)


def test_the_currents_of_a_pair_cancel_on_the_spot() -> None:
    """Equal cells leave nothing on the source line, however long the wires; so only the bit lines lose voltage."""
    plus = _cells("plus", 30, 1)
    plus_current, source, minus = _currents(plus.repeat(1, 2), signed_column(5.0, 0.2), PAIR)
    assert source == pytest.approx(0, abs=1e-18)
    assert minus == _near(-plus_current, rel=1e-12)
    assert plus_current < 0  # it feeds


def test_what_a_column_computes_depends_on_the_pattern() -> None:
    """Superposition fails: two cells together give less than each alone, and so the column is solved for each input."""
    rails = one_transistor_column(100.0, 0.2)
    g = torch.full((6, 1), 1e-4, dtype=torch.float64)
    alone = [_currents(torch.where(torch.arange(6).unsqueeze(1) == n, g, 0.0), rails, SINGLE)[1] for n in range(6)]
    together = _currents(g, rails, SINGLE)[1]
    assert together < 0.97 * sum(alone)
    assert together < 6 * 1e-4 * 0.2


@pytest.mark.parametrize("name", COLUMNS)
def test_gradient(name: str) -> None:
    rails, between = COLUMNS[name]
    g = (1e4 * _cells(f"gradient {name}", 4, len(between), off=0.0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda g: rail_currents(g, rails, between), (g,))


@pytest.mark.parametrize(
    ("segment", "dtype", "rel"),
    [
        (0.35, torch.float64, 1e-11),
        (0.0, torch.float64, 1e-11),
        (1e-6, torch.float64, 1e-11),
        (0.35, torch.float32, 1e-5),
        (0.0, torch.float32, 1e-5),
    ],
)
def test_good_wires_cost_no_digits(segment: float, dtype: torch.dtype, rel: float) -> None:
    """What the driver gives is what the read-out takes; with ideal wires the sum of conductance x voltage."""
    g = _cells("digits", 64, 1).to(dtype)
    driven, read = _currents(g, one_transistor_column(segment, 0.2), SINGLE)
    assert driven == _near(-read, rel=rel)
    if segment == 0:
        assert read == _near(0.2 * float(g.double().sum()), rel=rel)


def test_ideal_wires_read_the_sum() -> None:
    g = _cells("ideal", 3, 16, 1)
    read = rail_currents(g, one_transistor_column(0.0, 0.2), SINGLE)[:, 1]
    torch.testing.assert_close(read, 0.2 * g.sum((1, 2)), rtol=1e-9, atol=0)


# Passive arrays -------------------------------------------------------------------------------------------------


def _read_out(g: torch.Tensor, row: int, col: int, voltage: float, held: dict[str, float]) -> float:
    """Return the current into the selected bit line, at 0 V; `held` are the lines that do not float."""
    known = {f"w{row}": voltage, f"b{col}": 0.0} | held
    branches = [(f"w{i}", f"b{j}", float(g[i, j])) for i in range(g.shape[0]) for j in range(g.shape[1])]
    v = _solve(branches, known)
    return math.fsum(float(g[i, col]) * v[f"w{i}"] for i in range(g.shape[0]))


def _held(scheme: str, g: torch.Tensor, row: int, col: int, voltage: float) -> dict[str, float]:
    word, bit = {"floating": (None, None), "half": (0.5, 0.5), "third": (1 / 3, 2 / 3)}[scheme]
    out = {}
    for i in range(g.shape[0]):
        if word is not None and i != row:
            out[f"w{i}"] = word * voltage
    for j in range(g.shape[1]):
        if bit is not None and j != col:
            out[f"b{j}"] = bit * voltage
    return out


@pytest.mark.parametrize("scheme", ["floating", "half", "third"])
@pytest.mark.parametrize(("shape", "at"), [((2, 2), (0, 0)), ((4, 3), (2, 1)), ((3, 6), (0, 5)), ((7, 7), (6, 0))])
def test_sneak_paths(scheme: str, shape: tuple[int, int], at: tuple[int, int]) -> None:
    g = _cells(f"passive {shape}", *shape, off=0.0)
    total, own = sneak_current(g, *at, scheme, 0.5)
    assert float(own) == _near(float(g[at]) * 0.5, rel=1e-12)
    assert float(total) == _near(_read_out(g, *at, 0.5, _held(scheme, g, *at, 0.5)), rel=1e-9)
    assert float(total) > float(own)


def test_many_arrays_at_once() -> None:
    g = _cells("arrays", 2, 3, 4, 5, off=0.0)
    for scheme in ("floating", "half", "third"):
        total, own = sneak_current(g, 1, 2, scheme)
        assert total.shape == own.shape == (2, 3)
        for a, b in itertools.product(range(2), range(3)):
            assert float(total[a, b]) == _near(float(sneak_current(g[a, b], 1, 2, scheme)[0]), rel=1e-12)


def test_an_array_of_one_line_has_no_sneak_paths() -> None:
    for shape in ((1, 1), (1, 4), (4, 1)):
        g = _cells("line", *shape, off=0.0)
        assert float(sneak_current(g, 0, 0)[0]) == float(sneak_current(g, 0, 0)[1]) == float(g[0, 0])


def test_lines_of_cells_that_are_all_off() -> None:
    g = torch.zeros(3, 3, dtype=torch.float64)
    g[0, 0] = 1e-5
    assert float(sneak_current(g, 0, 0)[0]) == _near(1e-5)


def test_three_cells_in_series() -> None:
    """In a 2 x 2 array of equal cells the only detour has three of them: a third of a cell beside the cell."""
    assert read_margin(3e-5, 0.0, 2) == _near(1 - (1 / 3) / (4 / 3))
    assert read_margin(3e-5, 3e-6, 2) == _near(1 - (0.1 + 1 / 3) / (4 / 3))
    assert read_margin(3e-5, 3e-6, 1) == _near(0.9)


def test_detours_of_a_large_array() -> None:
    """By symmetry all lines across are one node each: 1 / (n - 1) + 1 / (n - 1)^2 + 1 / (n - 1) of a cell's ohms."""
    for n in (3, 10, 64):
        detour = 1 / (2 / (n - 1) + 1 / (n - 1) ** 2)
        assert read_margin(1e-5, 0.0, n) == _near(1 / (1 + detour))


@pytest.mark.parametrize("scheme", ["floating", "half", "third"])
def test_margins_fall_with_the_size(scheme: str) -> None:
    margins = [read_margin(5e-5, 5e-7, n, scheme) for n in (1, 2, 4, 8, 16, 32, 64)]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] == _near(0.99)
    assert 0 < margins[-1] < 0.06


def test_a_third_disturbs_less_than_a_half() -> None:
    """Literally: 63 cells under a third or half of the voltage beside the one that is read."""
    third, half = (read_margin(5e-5, 0.0, 64, scheme) for scheme in ("third", "half"))
    assert third == _near(1 / (1 + 63 / 3))
    assert half == _near(1 / (1 + 63 / 2))


def test_nothing_conducts() -> None:
    assert math.isnan(read_margin(0.0, 0.0, 4, "half"))


def test_an_unknown_scheme() -> None:
    with pytest.raises(ValueError, match="voltage") as error:
        sneak_current(torch.ones(2, 2), 0, 0, "quarter")
    assert str(error.value) == (
        'the other lines are "floating", at "half" or at a "third" of the voltage, not "quarter"'
    )
