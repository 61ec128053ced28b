"""The figures of a report, as SVG; one function each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mho.cost import by_block, layer_costs

from ._ablation import Ablation
from ._evaluation import Evaluation, time_name
from ._style import GRID, INK, MARKS, PAPER, SERIES, add_legend, dress, new_figure, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_TILES = 32
"""A placement draws so many tiles, the first in use."""
BLOCKS = {
    "cells": "#1f6f8b",
    "restore": "#145064",
    "input encoding": "#86bbd8",
    "pre-conversion": "#e8a07f",
    "ADC": "#d1603d",
    "post-conversion": "#a23e22",
    "adder trees": "#c9784f",
    "digital": "#f2c14e",
    "network": "#7fb069",
    "digital operators": "#b8a26a",
    "digital unit": "#b8a26a",
    "clock": "#9d8bb5",
    "clock tree": "#7d6b99",
    "control": "#c98fb0",
    "refresh": "#6f8fa0",
    "buffer refresh": "#8fb0a0",
    "leakage": "#b7bfc8",
}


@styled
def accuracy_over_time(evaluations: Sequence[Evaluation]) -> Figure:
    """Draw accuracy over time after programming, a line per evaluation and compensation, with the spread over chips."""
    figure, axes = new_figure(6.6, 4.0)
    times = sorted({c.time or 0.0 for e in evaluations for c in e.run.conditions})
    at = {t: i for i, t in enumerate(times)}
    for index, e in enumerate(evaluations):
        colour = SERIES[index % len(SERIES)]
        rows = e.accuracy()
        bare = [r for r in rows if r.condition.compensation == "none"]
        fresh = [r for r in bare if not r.condition.time]
        compensated = [r for r in rows if r.condition.compensation != "none"]
        groups = [(bare, "--" if compensated else "-", " without compensation" if compensated else "")]
        if compensated:
            first = [r for r in fresh if r.condition.time not in {c.condition.time for c in compensated}]
            groups.insert(0, (first + compensated, "-", " with compensation" if bare else ""))
        for line, style, suffix in groups:
            if not line:
                continue
            line = sorted(line, key=lambda r: r.condition.time or 0.0)
            xs = [at[r.condition.time or 0.0] for r in line]
            ys = [100 * r.mean for r in line]
            axes.plot(
                xs,
                ys,
                style,
                color=colour,
                marker=_mark(index),
                markersize=4,
                linewidth=1.8,
                label=shown(e.name) + suffix,
            )
            axes.fill_between(
                xs,
                [100 * r.low for r in line],
                [100 * r.high for r in line],
                color=colour,
                alpha=0.13,
                linewidth=0,
            )
    best = max((e.float_accuracy for e in evaluations if e.float_accuracy == e.float_accuracy), default=None)
    if best is not None:
        axes.axhline(100 * best, color=INK, linewidth=0.8, linestyle=":")
        axes.annotate("float32", (len(times) - 1, 100 * best), ha="right", va="bottom", color=INK, fontsize=9)
    axes.set_xticks(range(len(times)), [time_name(t) for t in times])
    axes.set_xlim(-0.15, len(times) - 0.85)
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 100)
    figure.set_figheight(4.0 + 0.2 * max(0, len(axes.lines) - 8))  # the legend takes a line for each
    add_legend(axes, "outside lower center", 1)
    return figure


@styled
def blocks(evaluations: Sequence[Evaluation], quantity: str) -> Figure:
    """Draw energy, latency or area by block, one bar per evaluation."""
    unit, factor = {"energy": ("µJ per image", 1e6), "latency": ("ms per image", 1e3), "area": ("mm²", 1e6)}[quantity]
    tables: list[dict[str, float]] = []
    for e in evaluations:
        parts = by_block(e.cost) if quantity != "area" else {p.name: p.cost for p in e.cost["silicon"].parts}
        tables.append({k: getattr(c, quantity) * factor for k, c in parts.items()})
    names = [n for n in BLOCKS if any(t.get(n, 0) > 0 for t in tables)]
    names += sorted({k for t in tables for k in t} - set(BLOCKS))
    figure, axes = new_figure(6.2, 1.5 + 0.5 * len(evaluations))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    left = [0.0] * len(tables)
    for name in names:
        widths = [t.get(name, 0.0) for t in tables]
        axes.barh(range(len(tables)), widths, left=left, color=BLOCKS.get(name, "#444444"), label=name, height=0.62)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for i, total in enumerate(left):
        axes.annotate(f" {total:.3g}", (total, i), va="center", ha="left", fontsize=9, color=INK)
    axes.set_yticks(range(len(tables)), [e.name for e in evaluations])
    axes.invert_yaxis()
    axes.set_xlim(0, max(left) * 1.14 or 1)
    axes.set_xlabel(f"{quantity} ({unit})")
    add_legend(axes, "outside lower center", 3)
    return figure


@styled
def compared(evaluations: Sequence[Evaluation]) -> Figure:
    """Draw accuracy, as first read and over chips, against energy, latency and area, a point for each evaluation."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    figure = Figure(figsize=(9.4, 3.2 + 0.1 * len(evaluations)), layout="constrained", facecolor=PAPER)
    quantities = (("energy", "µJ per image", 1e6), ("latency", "ms per image", 1e3), ("area", "mm²", 1e6))
    for axes, (quantity, unit, factor) in zip(figure.subplots(1, 3, sharey=True), quantities, strict=True):
        dress(axes)
        for i, e in enumerate(evaluations):
            first = min(e.accuracy(), key=lambda r: (r.condition.time or 0.0, r.condition.compensation != "none"))
            low, high = (abs(100 * (bound - first.mean)) for bound in (first.low, first.high))
            axes.errorbar(
                [getattr(e.summary(), quantity) * factor], [100 * first.mean], [[low], [high]],
                fmt=_mark(i), color=SERIES[i % len(SERIES)], markersize=6, elinewidth=1,
                label=shown(e.name),
            )  # fmt: skip
        axes.set_xscale("log")
        axes.grid(axis="x", which="major", color=GRID, linewidth=0.8)
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(f"{quantity} ({unit})")
    figure.axes[0].set_ylabel("accuracy (%)")
    add_legend(figure.axes[0], "outside lower center", 2)
    return figure


@styled
def layers(e: Evaluation, quantity: str) -> Figure:
    """Draw energy or latency of each layer, by block."""
    unit, factor = {"energy": ("nJ per image", 1e9), "latency": ("µs per image", 1e6)}[quantity]
    costs = layer_costs(e.cost)
    figure, axes = new_figure(6.2, 3.6)
    bottom = [0.0] * len(costs)
    for name in BLOCKS:
        heights = [
            next((getattr(p.cost, quantity) for p in c.parts if p.name == name), 0.0) * factor for c in costs.values()
        ]
        if any(heights):
            axes.bar(range(len(costs)), heights, bottom=bottom, color=BLOCKS[name], label=name, width=0.75)
            bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    axes.set_xticks(range(len(costs)), list(costs), rotation=90, fontsize=8)
    axes.set_ylabel(f"{quantity} ({unit})")
    axes.margins(x=0.01)
    add_legend(axes, "outside upper center", 4)
    return figure


@styled
def error_growth(evaluations: Sequence[Evaluation]) -> Figure:
    """Draw the relative error of each layer's output against float32 through the network, as first read."""
    figure, axes = new_figure(6.2, 3.8)
    names: list[str] = []
    for index, e in enumerate(evaluations):
        if not e.run.layer_errors:
            continue
        names = list(e.run.layer_errors)
        first = [v[0] for v in e.run.layer_errors.values()]
        colour, mark = SERIES[index % len(SERIES)], _mark(index)
        axes.plot([100 * float(v.mean()) for v in first], color=colour, marker=mark, markersize=3, label=shown(e.name))
        low, high = [100 * float(v.min()) for v in first], [100 * float(v.max()) for v in first]
        axes.fill_between(range(len(first)), low, high, color=colour, alpha=0.13, linewidth=0)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_ylabel("relative error of the output (%)")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    add_legend(axes, "outside upper center", 2)
    return figure


@styled
def ablation(a: Ablation) -> Figure:
    """Draw for each non-ideality the accuracy it takes alone, and what removing it from the full chip gives back."""
    order = sorted(a.effects, key=a.loss_alone, reverse=True)
    figure, axes = new_figure(6.6, 1.5 + 0.5 * len(order))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    for offset, colour, label, measure in (
        (-0.19, SERIES[1], "lost by it alone", a.loss_alone),
        (0.19, SERIES[0], "won back by removing it", a.gain_without),
    ):
        values = [measure(e) for e in order]
        axes.barh(
            [i + offset for i in range(len(order))], [100 * m for m, _ in values], xerr=[100 * s for _, s in values],
            height=0.36, color=colour, label=label, error_kw={"elinewidth": 0.9, "ecolor": INK},
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(order)), [f"{e.name} ({e.kind})" for e in order])
    axes.invert_yaxis()
    axes.set_xlabel("accuracy (percentage points)")
    add_legend(axes, "outside lower center", 2)
    return figure


@styled
def placement(e: Evaluation) -> Figure:
    """Draw the used tiles of the chip with the blocks of the layers in them."""
    import matplotlib
    from matplotlib.patches import Rectangle

    place = e.program.placement
    rows, columns = place.tile_shape
    tiles = sorted({b.tile for b in place.blocks})
    shown = tiles[:SHOWN_TILES]
    across = min(4, len(shown))
    down = -(-len(shown) // across)
    order = list(dict.fromkeys(b.layer for b in place.blocks))
    colours: Any = matplotlib.colormaps["turbo"]
    figure, axes = new_figure(6.2, 0.35 + 1.62 * down)
    axes.axis("off")
    axes.set_aspect("equal")
    pitch = (columns * 1.12, rows * 1.2)
    for i, tile in enumerate(shown):
        x0, y0 = (i % across) * pitch[0], (i // across) * pitch[1]
        axes.add_patch(Rectangle((x0, y0), columns, rows, facecolor="#f3f5f7", edgecolor="#aab4bf", linewidth=0.8))
        axes.annotate(f"tile {tile}", (x0, y0 - 0.02 * rows), fontsize=7, color=INK, va="bottom")
        for b in (b for b in place.blocks if b.tile == tile):
            share = order.index(b.layer) / max(1, len(order) - 1)
            colour = colours(0.08 + 0.84 * share)
            axes.add_patch(
                Rectangle(
                    (x0 + b.column, y0 + b.row),
                    b.columns,
                    b.rows,
                    facecolor=colour,
                    edgecolor="white",
                    linewidth=0.4,
                    alpha=0.85,
                )
            )
            if b.rows > 0.1 * rows and b.columns > 0.1 * columns:
                text = (
                    b.layer
                    if place_count(e, b.layer) == 1
                    else f"{b.layer}\n{b.group or ''}[{b.row_tile},{b.column_tile}]"
                )
                turned = b.columns < 0.45 * columns
                axes.annotate(
                    text, (x0 + b.column + b.columns / 2, y0 + b.row + b.rows / 2), ha="center", va="center",
                    fontsize=4.6,
                    rotation=90 if turned else 0, color="white", fontweight="bold",
                )  # fmt: skip
    axes.set_xlim(-2, across * pitch[0])
    axes.set_ylim(down * pitch[1], -0.14 * rows)
    return figure


def place_count(e: Evaluation, layer: str) -> int:
    """Return the number of blocks of a layer."""
    return len(e.program.placement.of(layer))


def _mark(index: int) -> str:
    """Return the mark of the points of a series: another one where colours come again."""
    return MARKS[index // len(SERIES) % len(MARKS)]
