"""`mho cost`: where energy, time and area of a chip go, alone or with a network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.core import FileError, format_quantity, write_atomically

from ._main import app
from ._network import network_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mho import Chip
    from mho.core import CostTree
    from mho.ir import Graph, Program

_SHIPPED = ("resnet20", "vgg8")
_SHOWN = 12
"""Layers in the table, unless all are asked for."""


@app.command()
def cost(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] CHIP",
            help="A chip, a preset or a TOML file; before it a network: resnet20, vgg8, a .pt2 or .onnx file, or "
            "package.module:factory.",
        ),
    ],
    vs: Annotated[list[str], typer.Option(help="Also on this chip, to compare; give it again for more.")] = [],  # noqa: B006
    node: Annotated[str | None, typer.Option(help="All chips made in this technology node, such as '7 nm'.")] = None,
    supply: Annotated[str | None, typer.Option(help="At this supply, with --node, such as '0.7 V'.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="With this network between the tiles of all chips: h-tree, mesh, or a TOML file."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Images for the network: a Parquet file or a Hugging Face name.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option(help="Shape of its input, such as 3,32,32, for normal noise instead.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Run the program on two chips and count, instead of estimating activity.")
    ] = False,
    layers: Annotated[bool, typer.Option("--layers", help="All layers, not only those that take most energy.")] = False,
    assumed: Annotated[bool, typer.Option("--assumed", help="List the numbers that are assumed.")] = False,
    table: Annotated[Path | None, typer.Option("--csv", help="Write every leaf of the cost to this CSV file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw where energy, time and area go to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a chip costs, and one image of a network on it: energy, time and area by block and layer.

    Activity comes from the distributions of a few images, which takes a moment; with --exact from a run. The peak
    figures stand beside what published silicon says of such a chip.

    Examples: **mho cost hermes**, **mho cost resnet20 hermes --vs dimc-sram --picture cost.svg**
    """
    from rich.markup import escape

    from mho import Chip
    from mho.cost import uncounted
    from mho.reports import cost_figure, picture_kind, save_figure

    from ._show import answers, check_places, noted

    if not 1 <= len(names) <= 2:
        raise FileError(f"mho cost takes a chip, or a network and a chip, not {len(names)} names; compare with --vs")
    for file in (table, picture):
        if file is not None:
            check_places(file.parent, file)
    if picture is not None:
        picture_kind(picture)
    chips = [Chip.load(name) for name in (names[-1], *vs)]
    if supply is not None and node is None:
        raise FileError("--supply goes with --node, since delay and leakage follow both")
    if node is not None:
        chips = [chip.at_node(node, supply) for chip in chips]
    if network is not None:
        chips = [chip.with_network(network) for chip in chips]
    if len(names) == 1:
        if table is not None or picture is not None or exact or layers or data is not None or shape is not None:
            raise FileError(
                "--csv, --picture, --exact, --layers, --data and --shape need a network before the chip, "
                "such as resnet20"
            )
        rows = [_peak(chip) for chip in chips]
        if as_json:
            typer.echo(json.dumps(rows, indent=1))
            return
        _peak_table(chips, rows)
        if assumed:
            _list_assumed(chips)
        return
    graph, images, origin = _network(names[0], data, shape)
    results: list[tuple[Program, CostTree]] = []
    with noted():
        results = [_estimate(graph, images, chip, exact) for chip in chips]
    if table is not None:
        write_atomically(table, _csv(results))
    if picture is not None:
        save_figure(cost_figure(results, names[0]), picture)
    if as_json:
        out = [
            {
                "chip": p.chip.name,
                "fingerprint": p.chip.fingerprint(),
                "inputs": origin,
                "uncounted": uncounted(p.chip),
                "cost": t.to_dict(),
            }
            for p, t in results
        ]
        typer.echo(json.dumps(out, indent=1))
        return
    for program, tree in results:
        _network_table(names[0], program, tree, layers)
    if len(results) > 1:
        _compare(results)
    how = "counted in a run" if exact else "from distributions of values"
    answers.print(f"Inputs: {escape(origin)}. Activity: {how}.")
    if assumed:
        _list_assumed(chips)


def _network(name: str, data: str | None, shape: str | None) -> tuple[Graph, Tensor, str]:
    """Return the captured network, a few images, and where these are from."""
    from mho import capture
    from mho.core import Seed
    from mho.samples import cifar10_sample, load_images, resnet20, vgg8, vgg8_images

    if name in _SHIPPED:
        if data is not None or shape is not None:
            raise FileError(f"{name} comes with its images; leave --data and --shape out")
        x, _ = cifar10_sample(16)
        model: nn.Module | Path = resnet20("plain")
        if name == "vgg8":
            x, _ = vgg8_images(16)
            model = vgg8()
        return capture(model, x[:1]), x, "16 images of CIFAR-10 (JPEG)"
    if (data is None) == (shape is None):
        raise FileError("a network of your own needs either --data (images) or --shape (its input, such as 3,32,32)")
    model = network_of(name)
    if data is not None:
        x, _ = load_images(data, limit=16)
        return capture(model, x[:1]), x, f"16 images of {data}"
    try:
        sizes = tuple(int(v) for v in (shape or "").split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise FileError(f"--shape must be whole numbers with commas between, such as 3,32,32, not {shape!r}")
    x = Seed(0).child("images").normal((8, *sizes))
    return capture(model, x[:1]), x, "normal noise: energies depend on the data, so take real inputs where you can"


def _estimate(graph: Graph, images: Tensor, chip: Chip, exact: bool) -> tuple[Program, CostTree]:
    from mho import compile, estimate, quantize, run
    from mho.cost import expected_counts

    program = compile(quantize(graph, chip, images), chip)
    counts = run(program, images, instances=2).counts if exact else expected_counts(program, images)
    return program, estimate(program, counts)


def _peak(chip: Chip) -> dict[str, Any]:
    from mho.cost import die_cost, rate, second_opinion, silicon, uncounted

    r, opinion = rate(chip), second_opinion(chip)
    out: dict[str, Any] = {
        "chip": chip.name, "fingerprint": chip.fingerprint(), "tops": r.tops, "tops_per_watt": r.tops_per_watt,
        "watt": r.watt, "tops_per_mm2": r.tops_per_mm2, "product_s": r.mvm_seconds, "product_j": r.mvm_joule,
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


def _peak_table(chips: Sequence[Chip], rows: Sequence[dict[str, Any]]) -> None:
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
    for label, key, form in (
        ("TOPS", "tops", "{:.3g}"), ("TOPS/W", "tops_per_watt", "{:.3g}"), ("W", "watt", "{:.3g}"),
        ("TOPS/mm2", "tops_per_mm2", "{:.3g}"),
    ):  # fmt: skip
        out.add_row(label, *(form.format(row[key]) for row in rows))
    out.add_row("one product", *(format_quantity(row["product_s"], "s") for row in rows))
    out.add_row("", *(format_quantity(row["product_j"], "J") for row in rows))
    out.add_section()
    for label, key, limits in (
        ("TOPS/W of such silicon", "tops_per_watt", "tops_per_watt_range"),
        ("TOPS/mm2 of such silicon", "tops_per_mm2", "tops_per_mm2_range"),
    ):
        cells = [
            "-" if "silicon" not in row
            else f"{row['silicon'][key]:.3g} ({row['silicon'][limits][0]:.2g} to {row['silicon'][limits][1]:.2g})"
            for row in rows
        ]  # fmt: skip
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
        "that it has not seen (mho validate silicon)."
    )


def _network_table(model: str, program: Program, tree: CostTree, all_layers: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from mho.cost import by_block, layer_costs, second_opinion, summarise, uncounted

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
    opinion = second_opinion(chip)
    if opinion is not None:
        low, high = opinion.energy_range
        answers.print(
            f"Error bar: peak figures of such silicon lie between {low / opinion.tops_per_watt:.2g} and "
            f"{high / opinion.tops_per_watt:.2g} times what its law says, for two of three chips."
        )


def _shares(value: float, total: float, unit: str) -> tuple[str, str]:
    return format_quantity(value, unit), f"{100 * value / total:.1f} %" if total else ""


def _compare(results: Sequence[tuple[Program, CostTree]]) -> None:
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


def _list_assumed(chips: Sequence[Chip]) -> None:
    from rich.markup import escape

    from mho.core import walk_sources

    from ._show import answers

    for chip in chips:
        answers.print(f"\nAssumed in {escape(chip.name)}:")
        for found in walk_sources(chip):
            if found.source.how == "assumed":
                answers.print(escape(f"  {found.path}: {', '.join(found.source.fields)}: {found.source.reason}"))


def _csv(results: Sequence[tuple[Program, CostTree]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["chip", "part", "block", "energy_j", "latency_s", "area_m2", "leakage_w"])
    for program, tree in results:
        for part in tree.parts:
            for leaf in part.leaves():
                c = leaf.cost
                block = "" if leaf is part else leaf.name
                writer.writerow([program.chip.name, part.name, block, c.energy, c.latency, c.area, c.leakage])
    return out.getvalue().encode()
