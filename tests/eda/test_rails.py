"""ngspice as the judge of columns between rails; and the netlist it is given."""

import os
from collections import Counter
from collections.abc import Sequence

import pytest
import torch

from mho.arrays import Rail, one_transistor_column, rail_currents, signed_column
from mho.core import Seed, ShapeError
from mho.eda import ngspice, ngspice_version, rail_netlist

judge = pytest.mark.skipif(
    ngspice_version() is None and "CI" not in os.environ, reason="ngspice is not installed (apt-get install ngspice)"
)
Between = list[tuple[int, int]]
SINGLE: Between = [(0, 1)]
PAIR: Between = [(0, 1), (2, 1)]
COLUMNS: dict[str, tuple[Sequence[Rail], Between]] = {
    "1T1R, opposite ends": (one_transistor_column(40.0, 0.2), SINGLE),
    "1T1R, one side": (one_transistor_column(40.0, 0.2, opposite=False), SINGLE),
    "1T1R, lines of their own": ((Rail(0.2, 30.0, True, False, 200.0), Rail(0.05, 70.0, terminal=90.0)), SINGLE),
    "1T1R, both ends": ((Rail(0.3, 30.0, True, True, 50.0), Rail(0.0, 40.0, True, True, 400.0)), SINGLE),
    "SW-2T2R, opposite ends": (signed_column(40.0, 0.2), PAIR),
    "SW-2T2R, one side": (signed_column(40.0, 0.2, opposite=False), PAIR),
    "SW-2T2R, lines of their own": (
        (Rail(0.2, 30.0, True, False, 100.0), Rail(0.0, 70.0, True, True, 20.0), Rail(-0.15, 50.0, True, False)),
        PAIR,
    ),
}
IDEAL: dict[str, tuple[Sequence[Rail], Between]] = {
    "1T1R": (one_transistor_column(0.0, 0.2), SINGLE),
    "SW-2T2R": (signed_column(0.0, 0.2, opposite=False), PAIR),
    "source line": ((Rail(0.2, 40.0, True, False), Rail(0.0, 0.0)), SINGLE),
    "bit lines": ((Rail(0.2, 0.0, True, False), Rail(0.0, 40.0), Rail(-0.2, 0.0, True, False)), PAIR),
    "both ends": ((Rail(0.2, 0.0, True, True), Rail(0.0, 0.0, True, True)), SINGLE),
    "all but the terminals": ((Rail(0.2, 0.0, True, True, 300.0), Rail(0.0, 0.0, terminal=200.0)), SINGLE),
}


def _cells(name: object, *shape: int, off: float = 0.3) -> torch.Tensor:
    """Draw conductances from 1 to 100 uS; some cells are off."""
    u = torch.rand(2, *shape, generator=Seed(0).child(str(name)).generator(), dtype=torch.float64)
    return torch.where(u[1] < off, 0.0, 10 ** (-6 + 2 * u[0]))


def _judged(g: torch.Tensor, rails: Sequence[Rail], between: Between) -> torch.Tensor:
    """Return what ngspice says that each rail of each column takes."""
    raw = ngspice(rail_netlist(g, rails, between))
    assert len(raw) == len(g) * len(rails)
    rows = [[float(raw[f"i(vrail{j}_{k})"].item()) for k in range(len(rails))] for j in range(len(g))]
    return torch.tensor(rows, dtype=torch.float64)


# The judge ------------------------------------------------------------------------------------------------------


@judge
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 1), (8, 3), (16, 4), (64, 2)])
@pytest.mark.parametrize("name", COLUMNS)
def test_currents_of_every_column(name: str, rows: int, cols: int) -> None:
    rails, between = COLUMNS[name]
    g = _cells((name, rows), cols, rows, len(between), off=0.3 if rows > 2 else 0.0)
    ours = rail_currents(g, rails, between)
    torch.testing.assert_close(ours, _judged(g, rails, between), rtol=1e-10, atol=0)


@judge
@pytest.mark.parametrize("name", COLUMNS)
def test_the_wires_that_are_judged_matter(name: str) -> None:
    """Each line takes its part of the voltage: without the resistance of any one of them ngspice disagrees."""
    rails, between = COLUMNS[name]
    g = _cells("matter", 2, 16, len(between))
    theirs = _judged(g, rails, between)
    for k, rail in enumerate(rails):
        ideal = [*rails[:k], Rail(rail.voltage, 0.0, rail.top, rail.bottom, rail.terminal), *rails[k + 1 :]]
        error = (rail_currents(g, ideal, between) / theirs - 1).abs().amax(-1)
        assert error.min() > 0.005


@judge
@pytest.mark.parametrize("name", IDEAL)
def test_lines_without_resistance(name: str) -> None:
    rails, between = IDEAL[name]
    g = _cells(("ideal", name), 3, 8, len(between))
    ours = rail_currents(g, rails, between)
    torch.testing.assert_close(ours, _judged(g, rails, between), rtol=1e-10, atol=0)


@judge
@pytest.mark.parametrize("name", COLUMNS)
def test_nothing_flows_in_a_column_that_is_off(name: str) -> None:
    rails, between = COLUMNS[name]
    g = _cells("off", 2, 8, len(between))
    g[1] = 0.0
    ours, theirs = rail_currents(g, rails, between), _judged(g, rails, between)
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-10, atol=0)
    assert ours[1].abs().max() < 1e-18
    assert theirs[1].abs().max() < 1e-16  # rounding, where a rail is held at both ends


@judge
@pytest.mark.parametrize("segment", [30.0, 0.0])
def test_a_line_that_floats(segment: float) -> None:
    """Its cells are a way from one of its neighbours to the other, and it takes nothing."""
    rails = [Rail(0.2, 40.0, True, False), Rail(0.0, segment, False, False), Rail(0.0, 20.0)]
    g = _cells("floats", 1, 8, 2)
    netlist, ours = rail_netlist(g, rails, PAIR), rail_currents(g, rails, PAIR)[0]
    raw = ngspice(netlist)
    assert [raw[f"i(vrail0_{k})"].item() for k in (0, 2)] == pytest.approx(ours[[0, 2]].tolist(), rel=1e-10, abs=0)
    assert abs(float(ours[1])) < 1e-18
    assert "vrail0_1" not in netlist.lower()


# The netlist ----------------------------------------------------------------------------------------------------


def test_each_part_is_there_once() -> None:
    rails, between = COLUMNS["SW-2T2R, lines of their own"]
    g = _cells("parts", 3, 8, 2)
    lines = rail_netlist(g, rails, between, title="three of eight").splitlines()
    assert (lines[0], lines[-1]) == ("* three of eight", ".end")
    parts = [line.split()[0] for line in lines if line[0] in "RV"]
    assert len(set(parts)) == len(parts)
    kinds = Counter(part.rstrip("0123456789_") for part in parts)
    on = int((g > 0).sum())
    assert kinds == {"Vrail": 9, "Rwire": 3 * 3 * 7, "Rtop": 9, "Rbottom": 3, "Rcell": on}
    assert "Vrail2_2 t2_2 0 -0.15" in lines
    assert "Rtop2_0 t2_0 r2_0_0 130.0" in lines
    assert "Rbottom2_1 t2_1 r2_1_7 90.0" in lines
    assert "Rwire1_1_6 r1_1_6 r1_1_7 70.0" in lines
    assert ".save " + " ".join(f"i(vrail{j}_{k})" for j in range(3) for k in range(3)) in lines


def test_a_cell_joins_its_rails() -> None:
    g = torch.zeros(2, 3, 2, dtype=torch.float64)
    g[1, 2, 1] = 2.0**-14
    lines = rail_netlist(g, signed_column(1.0, 0.2), PAIR).splitlines()
    assert [line for line in lines if "cell" in line and line[0] == "R"] == ["Rcell1_2_1 r1_2_2 r1_1_2 16384.0"]


def test_single_precision_and_whole_numbers_are_printed_as_plain_numbers() -> None:
    rails = [Rail(1, 2, True, False, 3), Rail(0, 2)]
    lines = rail_netlist(_cells("f32", 2, 3, 1).float(), rails, SINGLE).splitlines()
    for line in lines:
        if line[0] in "RV":
            assert float(line.split()[3]) >= 0


@pytest.mark.parametrize("pairs", [0, 1, 3])
def test_two_rails_for_each_cell_of_a_row(pairs: int) -> None:
    with pytest.raises(ShapeError, match=f"^rows of 2 cells need 2 pairs of rails, not {pairs}$"):
        rail_netlist(_cells("shape", 1, 3, 2), signed_column(1.0, 0.2), [(0, 1)] * pairs)
