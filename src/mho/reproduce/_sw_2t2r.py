"""Signed weights in one column: currents that cancel in the cell, against two columns of 1T1R."""

from __future__ import annotations

import torch

from mho.arrays import one_transistor_column, rail_currents, rail_power, signed_column
from mho.core import Seed

from ._row import Result, Row

_ROWS, _COLUMNS, _INPUTS = 784, 32, 32
_OHM, _VOLT, _SUPPLY, _G = 0.35, 0.2, 1.8, 20e-6


def _compute() -> list[Row]:
    seed = Seed(0).child("sw-2t2r")
    weights = seed.child("w").normal((_COLUMNS, _ROWS)).double().mul(0.5).round().clamp(-1, 1)
    x = (seed.child("x").normal((_INPUTS, 1, _ROWS, 1)) > 0.88).double()  # 19 % of the pixels is on
    off = 0.05
    sides = torch.stack([off + (1 - off) * weights.clamp(min=0), off + (1 - off) * (-weights).clamp(min=0)], -1)
    g = sides * _G * x  # [inputs, columns, rows, 2]
    single, signed = one_transistor_column(_OHM, _VOLT), signed_column(_OHM, _VOLT)
    apart = torch.stack([rail_currents(g[..., k : k + 1], single, [(0, 1)]) for k in (0, 1)])
    together = rail_currents(g, signed, [(0, 1), (1, 2)])
    ideal = ((g[..., 0] - g[..., 1]) * _VOLT).sum(-1)

    def error(y: torch.Tensor) -> float:
        return float((y - ideal).norm() / ideal.norm())

    columns = [float(rail_power(apart, single).sum(0).mean()), float(rail_power(together, signed).mean())]
    sunk = [float(apart[..., 1].abs().sum(0).mean()), float(together[..., 1].abs().mean())]
    read = [p + _SUPPLY * i for p, i in zip(columns, sunk, strict=True)]
    drop = [error(apart[0, ..., 1] - apart[1, ..., 1]), error(together[..., 1])]
    source, whole = "[liu2020], from notes", "published for the chip with its converters"
    power = "power of 1T1R pairs over SW-2T2R"
    return [
        Row(f"{power}, columns alone", "ratio", 1.9, columns[0] / columns[1], 0.1, source, comment=whole),
        Row(f"{power}, with a read-out that sinks the current at 1.8 V", "ratio", 1.9, read[0] / read[1], 0.1, source,
            comment=whole),
        Row("voltage-drop error of SW-2T2R over that of 1T1R pairs", "ratio", (0.0, 1.0), drop[1] / drop[0], 0.0,
            "[liu2020]: cancelling in the cell lowers the drop",
            comment=f"{100 * drop[1]:.2f} % and {100 * drop[0]:.2f} %"),
    ]  # fmt: skip


RESULT = Result("Currents that cancel in the cell (SW-2T2R) against two columns of 1T1R", _compute)
