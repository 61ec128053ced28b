"""Figures of whole systems: technologies that hold a network, and architectures that run it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mho.core import format_quantity
from mho.systems import Design, Plan, System, Workload, pareto

from ._style import GRID, INK, PAPER, SERIES, dress, new_figure, shown, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENERGIES = {
    "products": ("o", "#1f6f8b"), "digital": ("s", "#b8860b"), "attention": ("P", "#f2c14e"), "cache": ("D", "#d1603d"),
    "reload": ("v", "#8c2f39"), "write": ("^", "#6a4c93"), "links": ("X", "#3a7d44"), "refresh": ("<", "#86bbd8"),
    "leakage": (">", "#7a8288"),
}  # fmt: skip
"""Marker and colour of the parts of an item's energy."""
SHARES = {
    "memory": "#d1603d", "activations": "#f2a07b", "buffer": "#f2c14e", "arithmetic": "#1f6f8b", "control": "#86bbd8",
    "static": "#b7bfc8",
}  # fmt: skip
"""Colour of the parts of an item's energy on a system; the first three are movement of data."""


def _logarithmic(axes: Axes, title: str, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    dress(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: format_quantity(x, unit) if unit else f"{x:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(title, fontsize=10, loc="left", color=INK)


@styled
def plan_figure(plans: Sequence[Plan]) -> Figure:
    """Draw area, price and energy of an item for one network on several technologies, smallest area on top.

    Bars are totals; hollow ones belong to plans that do not fit, and none is drawn where a price is not known. Markers
    in the panel of energy are its parts.
    """
    from matplotlib.figure import Figure

    order = sorted(plans, key=lambda p: p.area)
    work = order[0].workload
    figure = Figure(figsize=(11.0, 1.9 + 0.32 * len(order)), layout="constrained", facecolor=PAPER)
    left, middle, right = figure.subplots(1, 3, sharey=True)
    places = range(len(order))
    prices = [p.dies.price or math.nan for p in order]
    for axes, values, title, unit in (
        (left, [p.area * 1e6 for p in order], "area (mm²)", ""),
        (middle, prices, "price of the dies (dollars)", ""),
        (right, [p.energy for p in order], f"energy of {'an' if work.item[0] in 'aeiou' else 'a'} {work.item}", "J"),
    ):
        _logarithmic(axes, title, unit)
        for y, p, value in zip(places, order, values, strict=True):
            colour = {left: SERIES[0], middle: SERIES[2], right: "#c9d3dc"}[axes]
            axes.barh(y, value, height=0.62, facecolor=colour if p.fits else PAPER, edgecolor=colour, linewidth=1.4)
        known = [value for value in values if not math.isnan(value)] or [1.0]
        axes.set_xlim(min(known) / 30 if axes is right else min(known) / 2, max(known) * 2)
    for name, (marker, colour) in ENERGIES.items():
        found = [(p.cost[name].cost.energy, y) for y, p in zip(places, order, strict=True)]
        found = [(x, y) for x, y in found if x > right.get_xlim()[0]]
        if found:
            right.plot(*zip(*found, strict=True), marker, color=colour, markersize=5.5, linestyle="", label=name)
    left.set_yticks(list(places), [shown(p.name) for p in order])
    left.invert_yaxis()
    figure.suptitle(shown(work.name), fontsize=11, x=0.01, ha="left", color=INK)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _sides(axes: Axes, points: Sequence[tuple[float, float, str]]) -> list[tuple[int, int]]:
    """Return for each point the offset of its label at which it covers least of the others, in points."""
    zoom = 72 / axes.figure.get_dpi()
    places = [zoom * axes.transData.transform((x, y)) for x, y, _ in points]
    taken = [(x - 4.0, y - 4.0, x + 4.0, y + 4.0) for x, y in places]  # markers
    box = axes.get_window_extent()
    taken += [(-1e4, 0.0, zoom * box.x0, 1e4), (zoom * box.x1, 0.0, 1e4, 1e4)]  # beside the axes
    found: list[tuple[int, int]] = []
    for (x, y), (_, _, text) in zip(places, points, strict=True):
        boxes: dict[tuple[int, int], tuple[float, float, float, float]] = {}
        for right, up in ((6, 4), (6, -11), (-6, 4), (-6, -11)):
            width = 4.6 * len(text)  # of letters of 8 points
            left = x + right - (width if right < 0 else 0)
            boxes[right, up] = (left, y + up - 2, left + width, y + up + 8)
        best = min(boxes, key=lambda side: sum(_common(boxes[side], other) for other in taken))
        found.append(best)
        taken.append(boxes[best])
    return found


def _common(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> float:
    """Return the area that two boxes have in common."""
    width, height = min(one[2], two[2]) - max(one[0], two[0]), min(one[3], two[3]) - max(one[1], two[1])
    return max(0.0, width) * max(0.0, height)


@styled
def scenario_figure(found: Sequence[Design]) -> Figure:
    """Draw area and power of the chips found for a scenario: feasible ones full, the others hollow.

    The shaded corner is what the scenario allows, the line joins the chips that no other feasible one betters.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = new_figure(7.2, 4.4)
    wanted = found[0].scenario
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    low = (min(d.area for d in found) / 3e-6, min(d.power for d in found) / 3)
    high = (max(max(d.area for d in found), wanted.area) * 3e6, max(max(d.power for d in found), wanted.power) * 3)
    axes.fill_between([low[0], wanted.area * 1e6], low[1], wanted.power, color=SERIES[3], alpha=0.10, linewidth=0)
    front = pareto(d for d in found if d.feasible)
    axes.plot([d.area * 1e6 for d in front], [d.power for d in front], color=SERIES[3], linewidth=1.2)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    order = sorted(found, key=lambda d: d.area)
    sides = _sides(axes, [(d.area * 1e6, d.power, shown(d.name)) for d in order])
    for d, (x, y) in zip(order, sides, strict=True):
        colour = SERIES[3] if d.feasible else SERIES[5]
        axes.plot(
            d.area * 1e6, d.power, "o", color=colour, markersize=7, markerfacecolor=colour if d.feasible else PAPER
        )
        axes.annotate(
            shown(d.name), (d.area * 1e6, d.power), xytext=(x, y), textcoords="offset points",
            fontsize=8, color=INK, ha="left" if x > 0 else "right",
        )  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: format_quantity(y, "W")))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("area (mm²)")
    axes.set_ylabel("power at the rate asked for")
    axes.set_title(shown(wanted.title), fontsize=11, loc="left", color=INK)
    return figure


@styled
def architecture_figure(chosen: Mapping[str, System], workload: Workload, batch: int = 1) -> Figure:
    """Draw what an item costs on several systems, by part; the share that moves data is written at the end."""
    figure, axes = new_figure(8.0, 1.6 + 0.36 * len(chosen))
    costs = {name: s.cost(workload, batch) for name, s in chosen.items()}
    order = sorted(costs, key=lambda name: -costs[name].total.energy)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    left = [0.0] * len(order)
    for part, colour in SHARES.items():
        shares = [100 * costs[n][part].cost.energy / costs[n].total.energy for n in order]
        axes.barh(order, shares, left=left, color=colour, height=0.62, label=part)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    for y, n in enumerate(order):
        axes.annotate(
            format_quantity(costs[n].total.energy, "J"), (101, y), va="center", fontsize=9, color=INK,
            annotation_clip=False,
        )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the energy (%); on the right, all of it")
    axes.set_title(shown(workload.name), fontsize=11, loc="left", color=INK)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    return figure
