"""The judge of this room: an array written out branch by branch, solved node by node, sharing nothing with the package.

Nodes are `w{i},{j}` on word line i at column j, `b{i},{j}` on bit line j at row i, `in{i}` for the source of row i and
`0` for ground, at which the read-outs hold their lines.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch

from mho.arrays import Wires
from mho.core import Seed

Law = Callable[[float, float], float]
"""The current in A through a cell of a conductance in S at a voltage in V."""


class Branch(NamedTuple):
    """A resistor between two nodes."""

    a: str
    b: str
    siemens: float


def _wire_branches(rows: int, cols: int, wires: Wires) -> list[Branch]:
    """Return every piece of wire, driver and read-out. No resistance may be 0."""
    out = []
    for i in range(rows):
        for j in range(cols - 1):
            out.append(Branch(f"w{i},{j}", f"w{i},{j + 1}", 1 / wires.word_line))
        if wires.drive in ("left", "both"):
            out.append(Branch(f"in{i}", f"w{i},0", 1 / (wires.driver + wires.word_line)))
        if wires.drive in ("right", "both"):
            out.append(Branch(f"in{i}", f"w{i},{cols - 1}", 1 / (wires.driver + wires.word_line)))
    for j in range(cols):
        for i in range(rows - 1):
            out.append(Branch(f"b{i},{j}", f"b{i + 1},{j}", 1 / wires.bit_line))
        if wires.read in ("top", "both"):
            out.append(Branch(f"b0,{j}", "0", 1 / (wires.sense + wires.bit_line)))
        if wires.read in ("bottom", "both"):
            out.append(Branch(f"b{rows - 1},{j}", "0", 1 / (wires.sense + wires.bit_line)))
    return out


def literal_effective(g: torch.Tensor, wires: Wires) -> torch.Tensor:
    """Return the current into each read-out per volt at each driver.

    One equation a node, one volt at one driver after the other. Wires conduct a million times better than cells, which
    costs a plain solution six digits; two corrections with residuals in extended precision bring them back.
    """
    cells = g.double().numpy()
    rows, cols = cells.shape
    names = [f"{kind}{i},{j}" for kind in "wb" for i in range(rows) for j in range(cols)]
    number = {name: k for k, name in enumerate(names)}
    branches = _wire_branches(rows, cols, wires)
    for i in range(rows):
        for j in range(cols):
            branches.append(Branch(f"w{i},{j}", f"b{i},{j}", float(cells[i, j])))
    matrix = np.zeros((len(names), len(names)), np.longdouble)
    injected = np.zeros((len(names), rows), np.longdouble)
    for branch in branches:
        for here, there in ((branch.a, branch.b), (branch.b, branch.a)):
            if here not in number:
                continue  # a source or ground: its voltage is known
            matrix[number[here], number[here]] += branch.siemens
            if there in number:
                matrix[number[here], number[there]] -= branch.siemens
            elif there != "0":
                injected[number[here], int(there[2:])] += branch.siemens
    rough, voltage = torch.from_numpy(matrix.astype(float)), np.zeros_like(injected)
    for _ in range(3):  # torch solves on one thread, see the settings of the suite
        rest = torch.from_numpy((injected - matrix @ voltage).astype(float))
        voltage += torch.linalg.solve(rough, rest).numpy()
    read = np.zeros((rows, cols))  # all that the cells of a column let through
    for j in range(cols):
        for i in range(rows):
            across = voltage[number[f"w{i},{j}"]] - voltage[number[f"b{i},{j}"]]
            read[:, j] += (cells[i, j] * across).astype(float)
    return torch.from_numpy(read)


def literal_residual(
    g: np.ndarray, wires: Wires, law: Law, inputs: np.ndarray, v_w: np.ndarray, v_b: np.ndarray
) -> np.ndarray:
    """Return how far the currents that leave each node `[2, rows, cols]` are from adding up to 0, in A."""
    rows, cols = g.shape
    voltage = {"0": 0.0} | {f"in{i}": float(inputs[i]) for i in range(rows)}
    for i in range(rows):
        for j in range(cols):
            voltage[f"w{i},{j}"], voltage[f"b{i},{j}"] = float(v_w[i, j]), float(v_b[i, j])
    leaving = dict.fromkeys(voltage, 0.0)
    for a, b, siemens in _wire_branches(rows, cols, wires):
        flow = siemens * (voltage[a] - voltage[b])
        leaving[a] += flow
        leaving[b] -= flow
    for i in range(rows):
        for j in range(cols):
            a, b = f"w{i},{j}", f"b{i},{j}"
            flow = law(float(g[i, j]), voltage[a] - voltage[b])
            leaving[a] += flow
            leaving[b] -= flow
    return np.array([[[leaving[f"{kind}{i},{j}"] for j in range(cols)] for i in range(rows)] for kind in "wb"])


def random_cells(name: object, *shape: int, zeros: float = 0.2) -> torch.Tensor:
    """Draw conductances over two decades, 1 to 100 uS, some of them 0."""
    generator = Seed(0).child(str(name)).generator()
    u = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return torch.where(u[1] < zeros, 0.0, 10 ** (-6 + 2 * u[0]))


@pytest.fixture(scope="session")
def literal() -> Callable[[torch.Tensor, Wires], torch.Tensor]:
    """Return the literal effective matrix of an array."""
    return literal_effective


@pytest.fixture(scope="session")
def residual() -> Callable[[np.ndarray, Wires, Law, np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return the literal residual of Kirchhoff's current law."""
    return literal_residual


@pytest.fixture(scope="session")
def cells() -> Callable[..., torch.Tensor]:
    """Return a drawer of conductances."""
    return random_cells
