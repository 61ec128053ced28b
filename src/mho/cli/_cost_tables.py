"""The tables of `mho cost`: peak figures of chips, blocks and layers of a network, and every leaf as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mho.core import format_quantity

if TYPE_CHECKING:
    from mho import Chip
    from mho.core import CostTree
    from mho.ir import Program

_SHOWN = 12
"""Layers in the table, unless all are asked for."""


def peak(chip: Chip) -> dict[str, Any]:
    """Return the peak figures of a chip as plain values."""
    from mho.cost import die_cost, rate, second_opinion, silicon, uncounted

    r, opinion = rate(chip), second_opinion(chip)
    out: dict[str, Any] = {
        "chip": chip.name, "fingerprint": chip.fingerprint(), "tops": r.tops, "tops_per_watt": r.tops_per_watt,
        "tops_per_watt_range": r.tops_per_watt_range, "watt": r.watt, "tops_per_mm2": r.tops_per_mm2,
        "tops_per_mm2_range": r.tops_per_mm2_range, "product_s": r.mvm_seconds, "product_j": r.mvm_joule,
        "area_m2": {part.name: part.cost.area for part in silicon(chip).parts},
    }  # fmt: skip
    if chip.digital.logic.node:
        out["die_dollars"] = die_cost(sum(out["area_m2"].values()), chip.digital.logic.node)
    out["uncounted"] = uncounted(chip)
    if opinion is not None:
        out["silicon"] = {
            "law": opinion.principle,
            "tops_per_watt": opinion.tops_per_watt, "tops_per_watt_range": opinion.energy_range,
            "tops_per_mm2": opinion.tops_per_mm2, "tops_per_mm2_range": opinion.density_range,
            "beyond": list(opinion.beyond),
        }  # fmt: skip
    return out


def _point(chip: Chip) -> str:
    """Say the operating point."""
    from mho.tiles import AnalogTile, DigitalTile

    tile = chip.tile
    rows, columns = tile.shape
    parts = [f"{chip.tiles} tiles of {rows} x {columns}"]
    if isinstance(tile, AnalogTile):
        parts.append(f"{tile.weights.resolution}-bit weights, {tile.inputs.resolution}-bit inputs")
        parts.append(f"{tile.converter.resolution}-bit converters, one for {tile.columns_per_converter} column(s)")
        parts.append(f"{tile.supply:g} V supply, {tile.read_voltage:g} V read")
    elif isinstance(tile, DigitalTile):
        parts.append(f"{tile.weight_bits}-bit weights, {tile.inputs.bits}-bit inputs, {tile.logic.supply:g} V")
    if chip.network is not None:
        parts.append(f"{type(chip.network).__name__} of {chip.network.width} bits a tile")
    parts.append(f"digital unit {format_quantity(chip.digital.clock, 'Hz')}, {chip.digital.logic.supply:g} V")
    return "; ".join(parts)


def peak_table(chips: Sequence[Chip], rows: Sequence[dict[str, Any]]) -> None:
    """Print peak figures of chips, side by side."""
    from rich.markup import escape
    from rich.table import Table

    from mho.cost import uncounted

    from ._show import answers

    out = Table(
        title="peak figures: all tiles multiply full Gaussian matrices", title_justify="left", title_style="bold"
    )
    out.add_column("")
    for row in rows:
        out.add_column(escape(row["chip"]), justify="right")
    for label, key in (("TOPS", "tops"), ("TOPS/W", "tops_per_watt"), ("W", "watt"), ("TOPS/mm2", "tops_per_mm2")):
        out.add_row(label, *(f"{row[key]:.3g}{_between(row.get(f'{key}_range'))}" for row in rows))
    out.add_row("one product", *(format_quantity(row["product_s"], "s") for row in rows))
    out.add_row("", *(format_quantity(row["product_j"], "J") for row in rows))
    out.add_section()
    for label, key, limits in (
        ("TOPS/W of such silicon", "tops_per_watt", "tops_per_watt_range"),
        ("TOPS/mm2 of such silicon", "tops_per_mm2", "tops_per_mm2_range"),
    ):
        cells = [
            f"{row['silicon'][key]:.3g}{_between(row['silicon'][limits])}" if "silicon" in row else "-" for row in rows
        ]
        out.add_row(label, *cells)
    out.add_section()
    names = list(dict.fromkeys(k for row in rows for k in row["area_m2"]))
    for name in names:
        out.add_row(f"area, {name}", *(f"{row['area_m2'].get(name, 0.0) * 1e6:.3g} mm2" for row in rows))
    out.add_row("area", *(f"{sum(row['area_m2'].values()) * 1e6:.4g} mm2" for row in rows))
    if any("die_dollars" in row for row in rows):
        prices = (f"{row['die_dollars']:.3g} dollars" if "die_dollars" in row else "-" for row in rows)
        out.add_row("a working die, bare", *prices)
    answers.print(out)
    for chip in chips:
        answers.print(f"{escape(chip.name)}: {_point(chip)}. Not counted: {', '.join(uncounted(chip))}.")
    for row in rows:
        if row.get("silicon", {}).get("beyond"):
            answers.print(
                f"{escape(row['chip'])} lies outside of all published chips of its kind in "
                f"{' and '.join(row['silicon']['beyond'])}: what such silicon reaches is extrapolated."
            )
    answers.print(
        "Such silicon: what the law of published macros says of this architecture, and where two of three chips lie "
        "that it has not seen (mho validate silicon); the same error is taken for ours."
    )


def _between(limits: tuple[float, float] | None) -> str:
    """Say a range behind a figure."""
    return "" if limits is None else f" ({limits[0]:.2g} to {limits[1]:.2g})"


def network_table(model: str, program: Program, tree: CostTree, all_layers: bool) -> None:
    """Print where energy and time of one image go."""
    from rich.markup import escape
    from rich.table import Table

    from mho.cost import by_block, error_bar, layer_costs, summarise, uncounted

    from ._show import answers

    total, chip, s = tree.total, program.chip, summarise(program, tree)
    title = f"{model} on {chip.name}: one image"
    out = Table(title=escape(title), title_justify="left", title_style="bold")
    for head in ("block", "energy", "share", "time", "share"):
        out.add_column(head, justify="left" if head == "block" else "right")
    for name, c in by_block(tree).items():
        out.add_row(name, *_shares(c.energy, total.energy, "J"), *_shares(c.latency, total.latency, "s"))
    out.add_section()
    out.add_row("total", format_quantity(total.energy, "J"), "", format_quantity(total.latency, "s"), "")
    answers.print(out)
    costs = {name: part.total for name, part in layer_costs(tree).items()}
    order = list(costs) if all_layers else sorted(costs, key=lambda n: -costs[n].energy)[:_SHOWN]
    out = Table(title="layers" if all_layers else f"the {len(order)} layers that take most", title_justify="left")
    for head in ("layer", "energy", "share", "time", "share", "tiles", "cells used"):
        out.add_column(head, justify="left" if head == "layer" else "right")
    rows, columns = program.placement.tile_shape
    for name in order:
        blocks = program.placement.of(name)
        tiles = {b.tile for b in blocks}
        used = sum(b.rows * b.columns for b in blocks) / (len(tiles) * rows * columns)
        c = costs[name]
        out.add_row(
            escape(name), *_shares(c.energy, total.energy, "J"), *_shares(c.latency, total.latency, "s"),
            str(len(tiles)), f"{100 * used:.0f} %",
        )  # fmt: skip
    answers.print(out)
    answers.print(
        f"{s.tops_per_watt:.3g} TOPS/W of the network's own {s.operations / 1e6:.4g} million operations; "
        f"{1 / total.latency:.4g} images/s; {s.tiles_used} of {chip.tiles} tiles, {100 * s.utilisation:.0f} % of their "
        f"cells; chip {total.area * 1e6:.4g} mm2. {_point(chip)}."
    )
    answers.print(f"Not counted: {', '.join(uncounted(chip))}.")
    bar = error_bar(chip)
    if bar is not None and s.energy_range is not None:
        low, high = (format_quantity(e, "J", 2) for e in s.energy_range)
        answers.print(
            f"Error bar: {low} to {high} for two of three chips, {bar.energy[0]:g} and {bar.energy[1]:g} times the "
            f"energy, as far as the law of macros of this kind ({bar.principle}) is off on chips that it has not seen."
        )


def _shares(value: float, total: float, unit: str) -> tuple[str, str]:
    return format_quantity(value, unit), f"{100 * value / total:.1f} %" if total else ""


def compare(results: Sequence[tuple[Program, CostTree]]) -> None:
    """Print the totals of several chips, side by side."""
    from rich.markup import escape
    from rich.table import Table

    from ._show import answers

    first = results[0][1].total
    out = Table(title="side by side, and over the first", title_justify="left", title_style="bold")
    for head in ("chip", "energy", "", "time", "", "area", ""):
        out.add_column(head, justify="left" if head == "chip" else "right")
    for program, tree in results:
        t = tree.total
        out.add_row(
            escape(program.chip.name), format_quantity(t.energy, "J"), f"x{t.energy / first.energy:.3g}",
            format_quantity(t.latency, "s"), f"x{t.latency / first.latency:.3g}",
            f"{t.area * 1e6:.4g} mm2", f"x{t.area / first.area:.3g}",
        )  # fmt: skip
    answers.print(out)


def list_assumed(chips: Sequence[Chip]) -> None:
    """Print every assumed number of the chips."""
    from rich.markup import escape

    from mho.core import walk_sources

    from ._show import answers

    for chip in chips:
        answers.print(f"\nAssumed in {escape(chip.name)}:")
        for found in walk_sources(chip):
            if found.source.how == "assumed":
                answers.print(escape(f"  {found.path}: {', '.join(found.source.fields)}: {found.source.reason}"))


def leaves_csv(results: Sequence[tuple[Program, CostTree]]) -> bytes:
    """Return every leaf of the costs as a CSV file."""
    from mho.cost import error_bar

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([
        "chip", "part", "block", "energy_j", "latency_s", "area_m2", "leakage_w", "energy_times_low",
        "energy_times_high",
    ])  # fmt: skip
    for program, tree in results:
        bar = error_bar(program.chip)
        limits = ("", "") if bar is None else bar.energy
        for part in tree.parts:
            for leaf in part.leaves():
                c = leaf.cost
                block = "" if leaf is part else leaf.name
                writer.writerow([program.chip.name, part.name, block, c.energy, c.latency, c.area, c.leakage, *limits])
    return out.getvalue().encode()
