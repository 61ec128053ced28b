"""Relaxation of analog resistive memory: the spread of conductances after a second, a day, and two days."""

from __future__ import annotations

import torch

from mho.core import Seed
from mho.devices import load_cell

from ._row import Result, Row

_DRAWS = 200_000
_PEAKS = {"1 s": (1.0, 2.3), "1 day": (86400.0, 3.9)}


def _compute() -> list[Row]:
    cell = load_cell("rram")
    low, high = cell.range
    rows: list[Row] = []
    targets = torch.linspace(low, high, 21)
    for name, (time, peak) in _PEAKS.items():
        spreads: list[float] = []
        for i, target in enumerate(targets.tolist()):
            draws = {d: Seed(0).child(d, i).normal((_DRAWS,)) for d in cell.draws}
            draws["read"].zero_()
            spreads.append(float(cell.conductance(torch.full((_DRAWS,), target), draws, time).std()) * 1e6)
        top = max(range(len(spreads)), key=spreads.__getitem__)
        rows.append(
            Row(
                f"largest spread after {name}",
                "uS",
                peak,
                spreads[top],
                0.1,
                "[wan2022], polynomials by the authors of [aihwkit2021]",
            )
        )
        rows.append(Row(f"state of the largest spread after {name}", "g / g_max", 0.3, top / 20, 0.2, "[wan2022]"))
    return rows


RESULT = Result("Relaxation of analog resistive memory over two days", _compute)
