"""Voltage lost on the wires of an array: how wrong the ideal product is, how right the methods are."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mho.arrays import Sinh, Transistor, Wires, currents, newton
from mho.core import Seed
from mho.eda import array_netlist, ngspice, ngspice_version
from mho.tiles import AnalogTile, Differential, characterise, load_tile

from ._ibm_tiles import ideal
from ._row import Result, Row

_STUDY = "own earlier study, other code and other random arrays"
_NORM = "as a share of the largest current; the study's norm is not told, this one was found by comparing"
# size, ohm a segment: error of the ideal product, of the closed form
_ERRORS = {
    (16, 1.0): (1.4, 0.004),
    (16, 2.5): (3.4, 0.025),
    (64, 1.0): (18.0, 0.60),
    (64, 2.5): (40.0, 2.7),
    (128, 1.0): (56.0, 4.8),
    (128, 2.5): (113.0, 12.0),
}
_SLACK = 0.25
"""One random array differs from another by so much."""


def array(size: int) -> tuple[Tensor, Tensor]:
    """Return conductances, uniform from 1 to 100 uS, and inputs, uniform from 0 to 0.2 V."""
    seed = Seed(0).child("ir-drop", size)
    uniform = [torch.special.ndtr(seed.child(n).normal(s).double()) for n, s in (("g", (size, size)), ("v", (size,)))]
    return 1e-6 + 99e-6 * uniform[0], 0.2 * uniform[1]


def _compute() -> list[Row]:
    rows: list[Row] = []
    for (size, ohm), (ideal_error, closed_error) in _ERRORS.items():
        g, v = array(size)
        exact = v @ Wires(ohm, ohm).effective(g)

        def error(y: Tensor, exact: Tensor = exact) -> float:
            return 100 * float((y - exact).abs().max() / exact.max())

        name = f"{size} x {size}, {ohm:g} ohm"
        rows.append(Row(f"largest error of the ideal product, {name}", "%", ideal_error, error(v @ g), _SLACK, _STUDY,
                        comment=_NORM))  # fmt: skip
        closed = v @ Wires(ohm, ohm, ir_drop="closed").effective(g)
        rows.append(Row(f"largest error of the closed form, {name}", "%", closed_error, error(closed), _SLACK, _STUDY,
                        comment=_NORM))  # fmt: skip
        if size <= 64:
            fast = currents(g, Wires(ohm, ohm).network(), v.unsqueeze(-1))[:, 0]
            rows.append(
                Row(f"conjugate gradients against the exact matrix, {name}", "%", (0, 1e-7), error(fast), 0.0, "exact")
            )
    rows += _conversion()
    if ngspice_version() is not None:
        rows += _against_spice()
    return rows


def _conversion() -> list[Row]:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    assert tile.wires is not None
    wired = ideal(replace(tile, weights=Differential(8, 8), wires=replace(tile.wires, ir_drop="closed")))
    bare, converted, off = (
        100 * characterise(t, instances=1).error
        for t in (wired, replace(wired, conversion_rounds=4), replace(wired, wires=None))
    )
    return [
        Row("error with converted targets over that without, 8 exact devices a side", "ratio", (0.0, 1.0),
            converted / bare, 0.0, "[hu2016]: smaller with than without", comment=f"{converted:.2f}, {bare:.2f} %"),
        Row("the same, over that with ideal wires", "ratio", 1.0, converted / off, 0.05, "full compensation"),
    ]  # fmt: skip


def _against_spice() -> list[Row]:
    source = "ngspice, operating point"
    rows: list[Row] = []
    g, v = array(16)
    for name, wires in (
        ("one driver, one read-out", Wires(2.5, 2.5)),
        ("driven and read at both ends", Wires(2.5, 1.0, driver=50.0, sense=20.0, drive="both", read="both")),
    ):
        spice = _sensed(ngspice(array_netlist(g, wires, v)), 16)
        ours = v @ wires.effective(g)
        worst = float(((ours - spice) / spice).abs().max())
        rows.append(Row(f"linear array, {name}: largest difference", "relative", (0.0, 1e-9), worst, 0.0, source))
    wires = Wires(2.5, 2.5)
    for name, law, scale in (("sinh cells", Sinh(0.5), 5.0), ("cells behind transistors", Transistor(2e-4, 0.5), 5.0)):
        spice = _sensed(ngspice(array_netlist(g, wires, scale * v, law)), 16)
        ours = newton(g, law, wires.network(), scale * v.unsqueeze(-1))[:, 0]
        worst = float(((ours - spice) / spice).abs().max())
        rows.append(Row(f"array of {name}: largest difference", "relative", (0.0, 1e-6), worst, 0.0, source))
    return rows


def _sensed(result: object, cols: int) -> Tensor:
    assert isinstance(result, dict)
    ends = [e for e in ("", "a", "b") if f"i(vread0{e})" in result]
    return torch.tensor(
        [sum(float(result[f"i(vread{j}{e})"][-1]) for e in ends) for j in range(cols)], dtype=torch.float64
    )


RESULT = Result("Voltage lost on wires: ideal product, closed form, exact solution, and SPICE", _compute)
