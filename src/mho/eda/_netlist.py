"""SPICE netlists of arrays: cells, wires, drivers and read-outs, for an operating point or a transient."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV, Ohmic, Wires
from mho.core import ShapeError


def array_netlist(
    g: Float[Tensor, "rows cols"],
    wires: Wires,
    v: Float[Tensor, " inputs"],
    cell: AbstractIV = Ohmic(),  # noqa: B008 - a frozen value
    stop: float | None = None,
    title: str = "array of memory cells",
) -> str:
    """Write the netlist of an array with the inputs `v` in V and cell conductances `g` in S.

    Rows and columns count from 0. The word line of row i at column j is node `w{i}_{j}`, the bit line `b{i}_{j}`; the
    current into the read-out of column j is `i(vread{j})`, or the sum of `i(vread{j}a)` and `i(vread{j}b)` where it is
    read at both ends. Without `stop` it is an operating point; with it, a transient over `stop` seconds in which the
    inputs step up from 0 V at once and the capacitances of `wires` charge.

    Raises:
        ShapeError: if there is not one input for each row.
    """
    rows, cols = g.shape
    if len(v) != rows:
        raise ShapeError(f"an array of {rows} rows needs {rows} inputs, not {len(v)}")
    lines = [f"* {title}", *_drivers(v, wires, cols, stop)]
    lines += _chain("w", wires.word_line, rows, cols) + _chain("b", wires.bit_line, cols, rows)
    for i in range(rows):
        for j in range(cols):
            value = float(g[i, j])
            if value:
                lines.append(_cell(cell, value, i, j))
    lines += _read_outs(wires, rows, cols)
    if stop is not None:
        for i in range(rows):
            for j in range(cols):
                for node, c in (("w", wires.word_capacitance), ("b", wires.bit_capacitance)):
                    if c:
                        lines.append(f"C{node}{i}_{j} {node}{i}_{j} 0 {_number(c)}")
    lines.append(".options reltol=1e-9 abstol=1e-18 vntol=1e-12 gmin=1e-20" + ("" if stop is None else " method=gear"))
    lines.append(".op" if stop is None else f".tran {_number(stop / 1000)} {_number(stop)} 0 {_number(stop / 1000)}")
    sensed = " ".join(f"i(vread{j}{end})" for j in range(cols) for end in _ends(wires.read_ends))
    lines += [f".save {sensed}", ".end", ""]
    return "\n".join(lines)


def _drivers(v: Tensor, wires: Wires, cols: int, stop: float | None) -> Iterator[str]:
    for i, volt in enumerate(v.tolist()):
        level = _number(volt)
        shape = (
            level
            if stop is None
            else f"PULSE(0 {level} 0 {_number(stop / 1e6)} {_number(stop / 1e6)} {_number(2 * stop)})"
        )
        yield f"Vin{i} in{i} 0 {shape}"
        for end, r, j in zip(("a", "b"), wires.drive_ends, (0, cols - 1), strict=True):
            if r < math.inf:
                yield _resistor(f"drive{i}{end}", f"in{i}", f"w{i}_{j}", r)


def _read_outs(wires: Wires, rows: int, cols: int) -> list[str]:
    out: list[str] = []
    ends = _ends(wires.read_ends)
    for j in range(cols):
        for end, r, i in zip(("a", "b"), wires.read_ends, (0, rows - 1), strict=True):
            if r < math.inf:
                name = f"read{j}{end if len(ends) > 1 else ''}"
                out += [_resistor(name, f"b{i}_{j}", f"out{j}{end}", r), f"V{name} out{j}{end} 0 0"]
    return out


def _ends(ends: tuple[float, float]) -> tuple[str, ...]:
    """Return the suffixes of the names of a line's terminals: none where there is one only."""
    return ("a", "b") if max(ends) < math.inf else ("",)


def _chain(kind: str, segment: float, lines: int, nodes: int) -> list[str]:
    out: list[str] = []
    for line in range(lines):
        for k in range(nodes - 1):
            here, there = ((line, k), (line, k + 1)) if kind == "w" else ((k, line), (k + 1, line))
            a, b = (f"{kind}{i}_{j}" for i, j in (here, there))
            out.append(_resistor(a, a, b, segment))
    return out


def _resistor(name: str, a: str, b: str, ohm: float) -> str:
    """Return a resistor; a source of 0 V for none, as SPICE has no resistor of 0 ohm."""
    return f"R{name} {a} {b} {_number(ohm)}" if ohm else f"Vshort_{name} {a} {b} 0"


def _cell(cell: AbstractIV, g: float, i: int, j: int) -> str:
    a, b = f"w{i}_{j}", f"b{i}_{j}"
    if isinstance(cell, Ohmic):
        return f"Rcell{i}_{j} {a} {b} {_number(1 / g)}"
    return f"Bcell{i}_{j} {a} {b} I={cell.spice(_number(g), f'v({a},{b})')}"


def _number(x: float) -> str:
    """Print all digits of a Python float; a numpy scalar would print its type."""
    return repr(float(x))
