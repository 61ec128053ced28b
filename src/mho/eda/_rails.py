"""SPICE netlists of columns between rails: 1T1R with a source line, SW-2T2R, for an operating point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from mho.arrays import Rail
from mho.core import ShapeError


def rail_netlist(
    g: Float[Tensor, "cols rows pairs"],
    rails: Sequence[Rail],
    between: Sequence[tuple[int, int]],
    title: str = "columns of memory cells between rails",
) -> str:
    """Write the netlist of columns whose cells are switched by their word lines, as `mho.arrays.rail_currents` has it.

    Columns, rails, rows and the cells of a row count from 0. The current that rail k of column j takes from it, in A
    (negative: it feeds), is `i(vrail{j}_{k})`; a rail without a terminal has none. At row i the rail is node
    `r{j}_{k}_{i}`; what no resistance parts is one node.

    Args:
        g: conductance of the cells that are on, in S; 0 for those that are off. Rows count from the top.
        rails: the lines along each column.
        between: for each cell of a row, the two rails that it joins.

    Raises:
        ShapeError: if `between` does not name the rails of each cell of a row.
    """
    cols, rows, pairs = g.shape
    if len(between) != pairs:
        raise ShapeError(f"rows of {pairs} cells need {pairs} pairs of rails, not {len(between)}")
    lines = [f"* {title}"]
    for j in range(cols):
        nodes = [_nodes(rail, f"{j}_{k}", rows) for k, rail in enumerate(rails)]
        for k, rail in enumerate(rails):
            lines += _rail(rail, f"{j}_{k}", nodes[k])
        for i, row in enumerate(g[j].tolist()):
            for k, ((a, b), value) in enumerate(zip(between, row, strict=True)):
                if value:
                    lines.append(f"Rcell{j}_{i}_{k} {nodes[a][i]} {nodes[b][i]} {1 / value!r}")
    held = [k for k, rail in enumerate(rails) if rail.top or rail.bottom]
    sensed = " ".join(f"i(vrail{j}_{k})" for j in range(cols) for k in held)
    return "\n".join([*lines, ".op", f".save {sensed}", ".end", ""])


def _nodes(rail: Rail, name: str, rows: int) -> list[str]:
    """Return the node of each row: SPICE has no resistor of 0 ohm, and a loop of 0 V sources has no solution."""
    if rail.segment:
        return [f"r{name}_{i}" for i in range(rows)]
    return [f"r{name}_0" if rail.terminal else f"t{name}"] * rows


def _rail(rail: Rail, name: str, nodes: Sequence[str]) -> list[str]:
    """Return source, terminals and segments; one source holds both ends, so that its current is that of the rail."""
    out: list[str] = []
    if rail.top or rail.bottom:
        out.append(f"Vrail{name} t{name} 0 {float(rail.voltage)!r}")
    if rail.segment + rail.terminal:
        ohm = float(rail.segment + rail.terminal)
        ends = (("top", rail.top, nodes[0]), ("bottom", rail.bottom, nodes[-1]))
        out += [f"R{end}{name} t{name} {node} {ohm!r}" for end, there, node in ends if there]
    if rail.segment:
        steps = enumerate(pairwise(nodes))
        out += [f"Rwire{name}_{i} {a} {b} {float(rail.segment)!r}" for i, (a, b) in steps]
    return out
