"""Figures of published macros against the laws that predict them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from mho.cost import FAMILIES, PRINCIPLES, Measured, Prediction, factor, figure_of, trends

from ._style import INK, PAPER, SERIES, dress, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def silicon_scatter(predictions: Sequence[Prediction], own: Sequence[Prediction] = ()) -> Figure:
    """Draw predicted against measured efficiency and density, each chip predicted unseen, and how errors spread.

    Bands: factors of 1.5 and 2. Both figures count 1-bit operations. `own` are further chips, drawn as rings.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    figure = Figure(figsize=(10.5, 4.0), layout="constrained", facecolor=PAPER)
    panels = figure.subplots(1, 3)
    for axes in panels:
        dress(axes)
    shown: tuple[tuple[Literal["energy", "density"], str], ...] = (
        ("energy", "1-bit TOPS/W"),
        ("density", "1-bit TOPS/mm²"),
    )
    for axes, (what, label) in zip(panels, shown, strict=False):
        values: list[float] = []
        for i, principle in enumerate(PRINCIPLES):
            x, y = _pairs(predictions, principle, what)
            axes.scatter(x, y, s=16, color=SERIES[i], alpha=0.85, linewidth=0, label=principle)
            mine = _pairs(own, principle, what)
            axes.scatter(*mine, s=60, facecolors="none", edgecolors=SERIES[i], linewidth=1.4)
            values += [*x, *y, *mine[0], *mine[1]]
        low, high = min(values) / 1.6, max(values) * 1.6
        for band, shade in ((2.0, 0.10), (1.5, 0.16)):
            axes.fill_between(
                [low, high], [low / band, high / band], [low * band, high * band], color=INK, alpha=shade, lw=0
            )
        axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        axes.xaxis.set_major_formatter(plain)
        axes.yaxis.set_major_formatter(plain)
        axes.set_xlabel(f"measured ({label})")
        axes.set_ylabel(f"predicted ({label})")
    axes = panels[2]
    for i, (label, ratios) in enumerate(
        (
            ("energy", [p.ratio("energy") for p in predictions]),
            ("energy, regression", [p.baseline_ratio("energy") for p in predictions]),
            ("density", [p.ratio("density") for p in predictions]),
        )
    ):
        errors = sorted(math.exp(abs(math.log(r))) for r in ratios if r is not None)
        share = [100 * (k + 1) / len(errors) for k in range(len(errors))]
        style = "--" if "regression" in label else "-"
        axes.plot(errors, share, color=SERIES[3 + i], linestyle=style, label=f"{label}: ×{factor(ratios):.2f}")
    axes.set(xscale="log", xlim=(1, 20), ylim=(0, 100))
    axes.set_xticks([1, 1.5, 2, 3, 5, 10, 20], ["1", "1.5", "2", "3", "5", "10", "20"])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("factor off, at most")
    axes.set_ylabel("operating points (%)")
    axes.legend(frameon=False, fontsize=8, loc="lower right", title="median", title_fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=9)
    return figure


@styled
def silicon_trend(points: Sequence[Measured]) -> Figure:
    """Draw efficiency and density of published macros, in 1-bit operations, against the year, with the line of each
    family and its growth a year; points of one year lie side by side by family.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    found = trends(points)
    figure = Figure(figsize=(10.5, 4.0), layout="constrained", facecolor=PAPER)
    panels = figure.subplots(1, 2)
    families = list(dict.fromkeys(FAMILIES.values()))
    for axes, name, label in zip(
        panels, ("tops_per_watt", "tops_per_mm2"), ("1-bit TOPS/W", "1-bit TOPS/mm²"), strict=True
    ):
        dress(axes)
        for i, family in enumerate(families):
            own = [(p.macro.year, v) for p in points if p.family == family and (v := figure_of(p, name)) is not None]
            x = [float(year) + 0.12 * (i - 1) for year, _ in own]
            axes.scatter(x, [v for _, v in own], s=16, color=SERIES[i], alpha=0.7, linewidth=0)
        for t in (t for t in found if t.figure == name):
            colour = SERIES[families.index(t.family)]
            low, high = t.growth_range
            axes.plot(
                t.years, [t.at(y) for y in t.years], color=colour, linewidth=1.8,
                label=f"{t.family}: ×{t.growth:.2f} a year ({low:.2f} to {high:.2f})",
            )  # fmt: skip
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("year of publication")
        axes.set_ylabel(label)
        axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.24))
    return figure


def _pairs(
    predictions: Sequence[Prediction], principle: str, what: Literal["energy", "density"]
) -> tuple[list[float], list[float]]:
    """Return measured and predicted efficiency or density, in 1e12 operations, where measured."""
    x: list[float] = []
    y: list[float] = []
    for p in predictions:
        measured = p.point.energy if what == "energy" else p.point.density
        if p.point.macro.principle == principle and measured is not None:
            x.append(1e-12 / measured if what == "energy" else 1e-18 * measured)
            y.append(1e-12 / p.energy if what == "energy" else 1e-18 * p.density)
    return x, y
