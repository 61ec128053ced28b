"""The figure of a network's cost: energy by layer and block, where the time goes, the roofline, and the floor plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mho.core import CostTree
from mho.cost import by_block, layer_costs, rate
from mho.ir import Program

from ._figures import BLOCKS
from ._style import INK, PAPER, SERIES, dress, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHER = "#444444"


@styled
def cost_figure(results: Sequence[tuple[Program, CostTree]], name: str) -> Figure:
    """Draw one row of panels for each chip: energy and time by layer, stacked by block; throughput of layers; area.

    The throughput panel is a roofline: operations a second of each layer against its operations per bit moved
    through the buffer, under the peak of the tiles it sits in.
    """
    from matplotlib.figure import Figure

    count = len(results)
    figure = Figure(figsize=(13.0, 0.9 + 3.3 * count), layout="constrained", facecolor=PAPER)
    panels: Any = figure.subplots(count, 4, squeeze=False, width_ratios=(1.5, 1.5, 1.1, 1.0))
    for row, (program, tree) in zip(panels, results, strict=True):
        for axes in row[:3]:
            dress(axes)
        _stack(row[0], tree, "energy", "nJ", 1e9)
        _stack(row[1], tree, "latency", "µs", 1e6)
        _roofline(row[2], program, tree)
        _treemap(row[3], {p.name: p.cost.area * 1e6 for p in tree["silicon"].parts})
        total = tree.total
        row[0].set_title(
            f"{name} on {program.chip.name}: {total.energy * 1e6:.3g} µJ, {total.latency * 1e3:.3g} ms an image",
            loc="left", fontsize=10, color=INK,
        )  # fmt: skip
    used = [b for b in BLOCKS if any(b in by_block(tree) for _, tree in results)]
    from matplotlib.patches import Patch

    figure.legend(
        handles=[Patch(color=BLOCKS[b], label=b) for b in used], loc="outside lower center", ncols=len(used),
        frameon=False, fontsize=9,
    )  # fmt: skip
    return figure


def _stack(axes: Axes, tree: CostTree, quantity: str, unit: str, factor: float) -> None:
    """Stack the blocks of every layer; the last bar is what belongs to no layer."""
    bars: dict[str, Mapping[str, float]] = {
        layer: {p.name: getattr(p.cost, quantity) * factor for p in part.parts}
        for layer, part in layer_costs(tree).items()
    }
    inside = {b for parts in bars.values() for b in parts}
    rest = {b: getattr(c, quantity) * factor for b, c in by_block(tree).items() if b not in inside}
    bars["(rest)"] = rest
    bottom = [0.0] * len(bars)
    for block in dict.fromkeys((*BLOCKS, *(b for parts in bars.values() for b in parts))):
        heights = [parts.get(block, 0.0) for parts in bars.values()]
        if any(heights):
            axes.bar(range(len(bars)), heights, bottom=bottom, color=BLOCKS.get(block, _OTHER), width=0.75)
            bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    axes.set_xticks(range(len(bars)), list(bars), rotation=90, fontsize=7)
    axes.set_ylabel(f"{'energy' if quantity == 'energy' else 'time'} ({unit})")
    axes.margins(x=0.01)


def _roofline(axes: Axes, program: Program, tree: CostTree) -> None:
    from matplotlib.ticker import FuncFormatter

    graph, chip = program.quant.graph, program.chip
    peak_tile = rate(chip).tops * 1e12 / chip.tiles
    x: list[float] = []
    y: list[float] = []
    roof: list[float] = []
    for layer, part in layer_costs(tree).items():
        node = graph[layer.removesuffix(" (layer)")]
        operations = 2 * graph.macs(node)
        moved = 8 * graph.scalings(node)
        x.append(operations / moved)
        y.append(operations / part.total.latency / 1e12)
        roof.append(peak_tile * len({b.tile for b in program.placement.of(node.name)}) / 1e12)
    axes.scatter(x, roof, s=20, marker="_", color=SERIES[1], label="peak of its tiles")
    axes.scatter(x, y, s=14, color=SERIES[0], label="a layer")
    axes.vlines(x, y, roof, color="#c9d2da", linewidth=0.7, zorder=0)
    axes.set(xscale="log", yscale="log")
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(plain)
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_xlabel("operations per bit moved")
    axes.set_ylabel("TOPS")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)


def _treemap(axes: Axes, areas: Mapping[str, float]) -> None:
    """Cut a square in proportion to areas, in turns across and down, the largest first."""
    from matplotlib.patches import Rectangle

    left = [(n, a) for n, a in sorted(areas.items(), key=lambda item: -item[1]) if a > 0]
    total = sum(a for _, a in left)
    x, y, width, height = 0.0, 0.0, 1.0, 1.0
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    rest = total
    for name, area in left:
        share = area / rest if rest else 1.0
        across = width >= height
        w, h = (width * share, height) if across else (width, height * share)
        colour = BLOCKS.get(name, _OTHER)
        axes.add_patch(Rectangle((x, y), w, h, facecolor=colour, edgecolor="white", linewidth=1.2))
        told = f"{name}\n{area:.3g} mm²"
        size = min(7.0, 230 * w / max(map(len, told.splitlines())))  # about as long as the rectangle is wide
        if size > 4 and h > 0.07:
            axes.annotate(told, (x + w / 2, y + h / 2), ha="center", va="center", fontsize=size, color="white")
        x, y = (x + w, y) if across else (x, y + h)
        width, height = (width - w, height) if across else (width, height - h)
        rest -= area
    axes.set_title(f"area: {total:.3g} mm²", fontsize=10, loc="left", color=INK)
