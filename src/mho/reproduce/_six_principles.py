"""The principles of multiply-accumulate: exact when ideal, and wrong by the law of each cause."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from mho.arrays import (
    ROOMS,
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeRedistribution,
    DelayChain,
    ResistiveDivision,
    error_budget,
    legal_pairs,
    load_principle,
)
from mho.core import Loader, Seed
from mho.tiles import AnalogTile, characterise, load_tile

from ._row import Result, Row


def _compute() -> list[Row]:
    rows: list[Row] = []
    presets = [load_principle(n) for n in Loader(ROOMS).presets(AbstractPrinciple)]
    for p in presets:
        ideal = error_budget(p).ideal
        name = f"{type(p).__name__}: error against the integer product, ideal parts"
        rows.append(Row(name, "relative", (0.0, 1e-9), ideal, 0.0, "definition", "definition"))
    known = {type(p).__name__: p for p in presets}
    ran = sum(error_budget(known[p], rows=64, vectors=64).total < 0.2 for p, _ in legal_pairs())
    rows.append(Row("legal pairs of principle and memory that run the test product", "", float(len(legal_pairs())),
                    float(ran), 0.0, "list of pairs", "definition"))  # fmt: skip

    c = ChargeRedistribution(1e-15, 1.0, mismatch=0.01)
    spread = [error_budget(replace(c, capacitance=s * 1e-15), vectors=128).total for s in (1, 4)]
    rows.append(Row("charge redistribution: error of capacitors four times as large", "ratio", 0.5,
                    spread[1] / spread[0], 0.02, "[pelgrom1989]: falls with the root of the size"))  # fmt: skip
    noisy = ChargeRedistribution(1e-15, 1.0, temperature=300.0)
    w, x = torch.zeros(256, 1).double(), torch.zeros(20000, 256).double()
    drawn = noisy.read(x, w, {}, Seed(0).child("noise").normal((20000, 1)).double())
    volts = float(noisy.signal(drawn, 256).std())
    rows.append(Row("charge redistribution: noise of a line of 256 fF at 300 K", "uV",
                    1e6 * math.sqrt(1.380649e-23 * 300 / 256e-15), 1e6 * volts, 0.02,
                    "[sarpeshkar1993]: root of k T / C"))  # fmt: skip
    p = CapacitiveDivision(1e-15, 1.0, parasitic=0.5e-15)
    x = (Seed(0).child("x").normal((64, 128)) > 0).double()
    w = (Seed(0).child("w").normal((128, 8)) > 0).double()
    gain = float((p.read(x, w, {}) / (x @ w)).mean())
    rows.append(Row("capacitive division: gain with half as much parasitic as cell capacitance", "ratio", 1 / 1.5, gain,
                    1e-9, "voltage divider: N C / (N C + C_p)"))  # fmt: skip
    d = DelayChain(0.0, 1e-11, jitter=1e-13)
    rows.append(Row("delay chain: jitter of four times as many cells", "ratio", 2.0, d.noise(256) / d.noise(64), 1e-9,
                    "independent cells: root of the number"))  # fmt: skip
    bare = ResistiveDivision(4e-5, 0.2, on_off=20.0, corrected=False)
    for name, part, bound in (("without", bare, (0.01, 1.0)), ("with", replace(bare, corrected=True), (0.0, 1e-9))):
        y = part.read(x, w, {})
        worst = float((y - x @ w).norm() / (x @ w).norm())
        rows.append(Row(f"resistive division: error {name} the column's own total conductance", "relative", bound,
                        worst, 0.0, "Millman's theorem"))  # fmt: skip
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    few, many = (characterise(replace(tile, rows=n), Seed(0), instances=4) for n in (32, 512))
    rows.append(Row("SRAM, rows read at once: error of 512 over that of 32", "ratio", (1.0, 4.0),
                    many.error / few.error, 0.0, "parallelism costs accuracy; a converter of equal bits",
                    comment=f"{100 * few.error:.1f} and {100 * many.error:.1f} %"))  # fmt: skip
    each = [r.total.energy / n for r, n in ((few, 32), (many, 512))]
    rows.append(Row("the same: energy of an operation", "ratio", (1 / 16, 1.0), each[1] / each[0], 0.0,
                    "parallelism saves energy; conversions are shared by more rows"))  # fmt: skip
    return rows


RESULT = Result("The principles of multiply-accumulate: exact when ideal, wrong by known laws", _compute)
