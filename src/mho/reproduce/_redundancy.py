"""Several devices for each sign of a weight: the error of independent devices averages."""

from __future__ import annotations

import math

import torch

from mho.core import Seed
from mho.devices import load_cell
from mho.tiles import Differential

from ._row import Result, Row


def _compute() -> list[Row]:
    cell = load_cell("pcm")
    low, high = cell.range
    weights = Seed(0).child("weights").normal((256, 256)).mul(40).round().clamp(-127, 127)
    rows: list[Row] = []
    single = 0.0
    for devices in (1, 2, 4, 8):
        encoding = Differential(8, devices)
        targets = low + encoding.targets(weights) * (high - low)
        draws = {n: Seed(0).child(n, devices).normal(tuple(targets.shape)) for n in cell.draws}
        states = (cell.conductance(targets, draws, 0.0) - low) / (high - low)
        error = float((encoding.digits(states)[0] - weights).std()) / 127
        single = error if devices == 1 else single
        if devices > 1:
            rows.append(Row(f"weight error of {devices} devices a sign", "of one",
                            1 / math.sqrt(devices), error / single, 0.05, "independent devices"))  # fmt: skip
    same = torch.allclose(Differential(8, 4).digits(Differential(8, 4).targets(weights))[0], weights, atol=1e-3)
    rows.append(Row("exact devices give exact weights", "", 1.0, float(same), 0.0, "definition", "definition"))
    return rows


RESULT = Result("Several devices a sign: the error falls as one over the root of their number", _compute)
