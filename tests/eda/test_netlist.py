"""Netlists of arrays, read back line by line and solved as the circuit they describe."""

import itertools
import re

import numpy as np
import pytest
import torch

from mho.arrays import Exponential, Ohmic, Sinh, Transistor, Wires
from mho.core import Seed, ShapeError
from mho.eda import array_netlist

TERMINATIONS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))


def _cells(name: object, *shape: int) -> torch.Tensor:
    """Draw conductances over two decades, a fifth of them 0."""
    u = torch.rand(2, *shape, generator=Seed(0).child(str(name)).generator(), dtype=torch.float64)
    return torch.where(u[1] < 0.2, 0.0, 10 ** (-6 + 2 * u[0]))


def _volts(n: int) -> torch.Tensor:
    return torch.linspace(-0.2, 0.15, n, dtype=torch.float64)


def _elements(netlist: str, kind: str) -> dict[str, list[str]]:
    """Return the fields of all elements of a kind by their names."""
    lines = [line.split(maxsplit=3) for line in netlist.splitlines()[1:] if line.startswith(kind)]
    assert len({line[0] for line in lines}) == len(lines)
    return {line[0]: line[1:] for line in lines}


def _solve(netlist: str) -> dict[str, float]:
    """Solve a netlist of resistors and sources: nodes first, then the currents through the sources."""
    resistors, sources = _elements(netlist, "R"), _elements(netlist, "V")
    nodes = sorted({n for a, b, _ in [*resistors.values(), *sources.values()] for n in (a, b)} - {"0"})
    at = {node: k for k, node in enumerate(nodes)}
    size = len(nodes) + len(sources)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    for a, b, ohm in resistors.values():
        for here, there in ((a, b), (b, a)):
            if here != "0":
                matrix[at[here], at[here]] += 1 / float(ohm)
                if there != "0":
                    matrix[at[here], at[there]] -= 1 / float(ohm)
    for k, (a, b, volt) in enumerate(sources.values(), len(nodes)):
        right[k] = float(volt)
        for node, sign in ((a, 1), (b, -1)):
            if node != "0":
                matrix[k, at[node]] += sign
                matrix[at[node], k] += sign
    solution = np.linalg.solve(matrix, right)
    return {f"i({name.lower()})": solution[k] for k, name in enumerate(sources, len(nodes))}


def _read(netlist: str, cols: int) -> list[float]:
    solution = _solve(netlist)
    ends = ("a", "b") if "i(vread0a)" in solution else ("",)
    return [sum(solution[f"i(vread{j}{end})"] for end in ends) for j in range(cols)]


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (5, 3)], ids=str)
def test_it_is_the_circuit_of_the_array(drive: str, read: str, shape: tuple[int, int]) -> None:
    """With resistances at which the wires take a good part of the voltage, and nothing is too small to be seen."""
    g, v = _cells(shape, *shape).clamp(min=1e-7), _volts(shape[0])
    wires = Wires(2000.0, 3000.0, 5000.0, 4000.0, drive, read)
    expected = v @ wires.effective(g)
    assert _read(array_netlist(g, wires, v), shape[1]) == pytest.approx(expected.tolist(), rel=1e-9, abs=0)
    assert (expected - v @ g).abs().max() > 0.02 * expected.abs().max()


def test_wires_without_resistance_are_sources() -> None:
    """SPICE has no resistor of 0 ohm."""
    g, v = _cells("ideal", 4, 3), _volts(4)
    netlist = array_netlist(g, Wires(0.0, 0.0), v)
    assert all(float(fields[2]) > 0 for fields in _elements(netlist, "R").values())
    assert len(_elements(netlist, "Vshort_")) == 4 * 2 + 3 * 3 + 4 + 3
    assert _read(netlist, 3) == pytest.approx((v @ g).tolist(), rel=1e-9, abs=0)


def test_each_part_is_there_once() -> None:
    g = _cells("parts", 6, 5)
    wires = Wires(1.0, 2.0, 3.0, 4.0, "both", "both", word_capacitance=1e-15, bit_capacitance=2e-15)
    netlist = array_netlist(g, wires, _volts(6), title="six by five")
    assert netlist.startswith("* six by five\n")
    assert netlist.endswith("\n.end\n")
    resistors = _elements(netlist, "R")
    found = {name: sum(n.startswith(name) for n in resistors) for name in ("Rw", "Rb", "Rdrive", "Rread", "Rcell")}
    assert found == {"Rw": 6 * 4, "Rb": 5 * 5, "Rdrive": 12, "Rread": 10, "Rcell": int((g > 0).sum())}
    assert sum(found.values()) == len(resistors)
    values = {name[:5]: float(fields[2]) for name, fields in resistors.items()}
    assert (values["Rw0_0"], values["Rb0_0"], values["Rdriv"], values["Rread"]) == (1.0, 2.0, 4.0, 6.0)
    cell = next((i, j) for i in range(6) for j in range(5) if g[i, j])
    a, b, ohm = resistors["Rcell{}_{}".format(*cell)]
    assert (a, b) == ("w{}_{}".format(*cell), "b{}_{}".format(*cell))
    assert 1 / float(ohm) == pytest.approx(float(g[cell]), rel=1e-15, abs=0)
    assert not _elements(netlist, "C")  # an operating point knows no capacitance
    assert ".op" in netlist.splitlines()
    assert ".save " + " ".join(f"i(vread{j}{e})" for j in range(5) for e in "ab") in netlist.splitlines()


def test_a_transient_has_capacitances_and_steps() -> None:
    g, v = _cells("transient", 3, 2), _volts(3)
    wires = Wires(1.0, 2.0, word_capacitance=1e-15)
    netlist = array_netlist(g, wires, v, stop=2e-9)
    capacitors = _elements(netlist, "C")
    assert capacitors == {f"Cw{i}_{j}": [f"w{i}_{j}", "0", "1e-15"] for i in range(3) for j in range(2)}
    both = array_netlist(g, Wires(1.0, 2.0, word_capacitance=1e-15, bit_capacitance=3e-16), v, stop=2e-9)
    assert len(_elements(both, "Cb")) == 6
    for i in range(3):
        a, b, shape = _elements(netlist, "Vin")[f"Vin{i}"]
        assert (a, b) == (f"in{i}", "0")
        low, high, delay, rise, _, width = map(float, re.fullmatch(r"PULSE\((.*)\)", shape)[1].split())
        assert (low, high, delay) == (0.0, float(v[i]), 0.0)
        assert rise < 2e-9 / 1000  # at once, seen from the whole
        assert width > 2e-9
    assert ".tran 2e-12 2e-09 0 2e-12" in netlist.splitlines()
    assert ".op" not in netlist.splitlines()


def test_laws_of_cells() -> None:
    g, v = torch.tensor([[1e-5, 0.0]], dtype=torch.float64), _volts(1)
    wires = Wires(1.0, 1.0)
    for cell in (Sinh(0.25), Exponential(0.25), Transistor(2e-4, 0.5)):
        netlist = array_netlist(g, wires, v, cell)
        (line,) = [line for line in netlist.splitlines() if "cell" in line and not line.startswith("*")]
        assert line == f"Bcell0_0 w0_0 b0_0 I={cell.spice('1e-05', 'v(w0_0,b0_0)')}"
    assert array_netlist(g, wires, v, Ohmic()) == array_netlist(g, wires, v)
    assert "Rcell0_0 w0_0 b0_0" in array_netlist(g, wires, v)


def test_single_precision_is_printed_as_plain_numbers() -> None:
    netlist = array_netlist(_cells("f32", 3, 2).float(), Wires(1.0, 1.0), _volts(3).float())
    assert "tensor" not in netlist
    assert "np." not in netlist
    assert _read(netlist, 2)  # every field is a number


@pytest.mark.parametrize("inputs", [0, 2, 4])
def test_one_input_a_row(inputs: int) -> None:
    with pytest.raises(ShapeError, match=f"^an array of 3 rows needs 3 inputs, not {inputs}$"):
        array_netlist(_cells("shape", 3, 2), Wires(1.0, 1.0), torch.zeros(inputs))
