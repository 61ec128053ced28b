"""How the figures of published macros grow with the years: a robust line for each family, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from mho.core import Seed

from ._measured import FAMILIES, Family, Measured
from ._silicon import factor, least_absolute

Figure = Literal["tops_per_watt", "tops_per_mm2"]
_DRAWS = 200
"""Tables drawn anew, chip by chip, for the range of a growth."""


@dataclass(frozen=True)
class Trend:
    """Figures of a family of macros against the year of publication, both counted in 1-bit operations."""

    family: Family
    figure: Figure
    points: int
    years: tuple[float, float]
    """The first and the last."""
    middle: float
    """The mean year."""
    value: float
    """On the line in the mean year."""
    growth: float
    """Factor a year."""
    growth_range: tuple[float, float]
    """Where the growth lies for two of three tables of as many chips drawn from these."""
    scatter: float
    """Median factor between a point and the line."""

    def at(self, year: float) -> float:
        """Return the line's value in a year."""
        return self.value * self.growth ** (year - self.middle)


def trends(points: Sequence[Measured], seed: Seed = Seed(0)) -> list[Trend]:  # noqa: B008  (a frozen value)
    """Fit the logarithm of each figure on the year with absolute errors, for each family that has five points or more.

    Nothing else is regressed out: nodes, bits and supplies change with the years as well.

    >>> from mho.cost import read_silicon
    >>> {t.family: t.points for t in trends(read_silicon()) if t.figure == "tops_per_watt"}
    {'digital': 15, 'analog SRAM': 54, 'non-volatile': 24}
    """
    out: list[Trend] = []
    for figure in ("tops_per_watt", "tops_per_mm2"):
        for family in dict.fromkeys(FAMILIES.values()):
            own = [(p, v) for p in points if p.family == family and (v := figure_of(p, figure)) is not None]
            if len(own) >= 5:
                out.append(_trend(family, figure, own, seed.child("trend", family, figure)))
    return out


def figure_of(point: Measured, figure: Figure) -> float | None:
    """Return a figure of a point in 1e12 1-bit operations; None where it was not measured."""
    if figure == "tops_per_watt":
        return None if point.energy is None else 1e-12 / point.energy
    return None if point.density is None else point.density * 1e-18


def _trend(family: Family, figure: Figure, own: Sequence[tuple[Measured, float]], seed: Seed) -> Trend:
    year = torch.tensor([float(p.macro.year) for p, _ in own], dtype=torch.float64)
    value = torch.tensor([math.log(v) for _, v in own], dtype=torch.float64)
    middle = float(year.mean())

    def fit(chosen: torch.Tensor) -> tuple[float, float]:
        x = torch.stack([torch.ones_like(year), year - middle], 1)[chosen]
        level, slope = least_absolute(x, value[chosen]).tolist()
        return level, slope

    level, slope = fit(torch.arange(len(own)))
    chips = list(dict.fromkeys(p.chip for p, _ in own))
    rows = {c: torch.tensor([i for i, (p, _) in enumerate(own) if p.chip == c]) for c in chips}
    draws = torch.randint(len(chips), (_DRAWS, len(chips)), generator=seed.generator()).tolist()
    slopes = sorted(fit(torch.cat([rows[chips[i]] for i in draw]))[1] for draw in draws)
    low, high = slopes[round(_DRAWS / 6)], slopes[round(_DRAWS * 5 / 6)]
    off = (value - level - slope * (year - middle)).exp()
    return Trend(
        family,
        figure,
        len(own),
        (float(year.min()), float(year.max())),
        middle,
        math.exp(level),
        math.exp(slope),
        (math.exp(low), math.exp(high)),
        factor(off.tolist()),
    )
