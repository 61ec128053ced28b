"""Relaxation of analog resistive memory: the spread of conductances after a second, a day, and two days."""

from __future__ import annotations

import torch

from mho.core import Seed
from mho.devices import load_cell

from ._row import Result, Row

_DRAWS = 200_000
_PEAKS = {"1 s": (1.0, 2.300, 0.307), "1 day": (86400.0, 4.005, 0.393), "2 days": (172800.0, 3.998, 0.410)}
"""Time, and the maximum of the published polynomial of sigma with its place, found from its coefficients."""


def _compute() -> list[Row]:
    cell = load_cell("rram")
    low, high = cell.range
    rows: list[Row] = []
    targets = torch.linspace(low, high, 21)
    for name, (time, peak, state) in _PEAKS.items():
        spreads: list[float] = []
        for i, target in enumerate(targets.tolist()):
            draws = {d: Seed(0).child(d, i).normal((_DRAWS,)) for d in cell.draws}
            draws["read"].zero_()
            spreads.append(float(cell.conductance(torch.full((_DRAWS,), target), draws, time).std()) * 1e6)
        top = max(range(len(spreads)), key=spreads.__getitem__)
        source = "[wan2022], polynomials by the authors of [aihwkit2021]"
        rows.append(Row(f"largest spread after {name}", "uS", peak, spreads[top], 0.1, source, "definition"))
        rows.append(Row(f"state of the largest spread after {name}", "g / g_max", state, top / 20, 0.1, source,
                        "definition"))  # fmt: skip
    return rows


RESULT = Result("Relaxation of analog resistive memory over two days", _compute)
