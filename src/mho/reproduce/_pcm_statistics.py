"""The table of programmed and drifted conductances that the open model of [aihwkit2021] gives for its PCM array."""

from __future__ import annotations

import torch

from mho.core import Seed
from mho.devices import load_cell

from ._row import Result, Row

_DRAWS = 200_000
_TIMES = (None, 1.0, 3600.0, 86400.0, 30 * 86400.0, 365 * 86400.0)
_NAMES = ("programmed", "1 s", "1 h", "1 day", "30 days", "1 year")
# target (uS): (mean, standard deviation) in uS at each time, 400,000 draws of that model
_TABLE: dict[float, tuple[tuple[float, float], ...]] = {
    0.0: ((0.105, 0.154), (0.106, 0.185), (0.066, 0.122), (0.050, 0.099), (0.039, 0.082), (0.032, 0.073)),
    2.5: ((2.500, 0.447), (2.493, 0.606), (1.842, 0.527), (1.538, 0.512), (1.275, 0.502), (1.116, 0.496)),
    6.25: ((6.251, 0.682), (6.235, 0.885), (4.853, 0.784), (4.167, 0.761), (3.542, 0.745), (3.148, 0.734)),
    12.5: ((12.50, 0.952), (12.47, 1.194), (9.699, 1.057), (8.312, 1.028), (7.052, 1.007), (6.252, 0.991)),
    25.0: ((25.00, 1.055), (24.94, 1.399), (19.40, 1.411), (16.63, 1.514), (14.11, 1.611), (12.51, 1.654)),
}


def _compute() -> list[Row]:
    cell = load_cell("pcm")
    rows: list[Row] = []
    for target, published in _TABLE.items():
        g_target = torch.full((_DRAWS,), target * 1e-6)
        draws = {d: Seed(0).child(d, str(target)).normal((_DRAWS,)) for d in cell.draws}
        for time, name, (mean, std) in zip(_TIMES, _NAMES, published, strict=True):
            g = cell.conductance(g_target, draws, time) * 1e6
            slack = 0.02 if target == 0 else 0.01  # three digits are published
            rows.append(Row(f"mean of g, {target:g} uS, {name}", "uS", mean, float(g.mean()), slack, "[aihwkit2021]"))
            rows.append(Row(f"sigma of g, {target:g} uS, {name}", "uS", std, float(g.std()), slack, "[aihwkit2021]"))
    return rows


RESULT = Result("Statistics of the phase-change cell against the open model it was taken from", _compute)
