"""`mho fit`: does a network fit a chip, or which memory technology, and what does that come to."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import FileError, SpecError

from ._main import app
from ._media import Banks, LogicNode, StackName, Tiers, variants
from ._network import network_of

if TYPE_CHECKING:
    from rich.table import Table

    from mho.systems import Plan, Workload


@app.command()
def fit(
    model: Annotated[
        str,
        typer.Argument(help="A shape such as llama-3-8b, its TOML file, a .pt2 or .onnx file, or module:factory."),
    ] = "",
    chip: Annotated[str | None, typer.Argument(help="A chip: preset or TOML file.")] = None,
    technology: Annotated[
        list[str],
        typer.Option("--technology", "-t", help="A medium such as sram-5nm, or a TOML file; may be repeated."),
    ] = [],  # noqa: B006
    area: Annotated[str | None, typer.Option(help="Area that the tiles may take, such as '100 mm2'.")] = None,
    memory: Annotated[str, typer.Option(help="Memory beside the chip.")] = "lpddr4",
    memories: Annotated[int, typer.Option(min=1, help="How many of them, side by side.")] = 1,
    context: Annotated[int, typer.Option(min=0, help="Tokens before the one that is computed.")] = 2048,
    batch: Annotated[int, typer.Option(min=1, help="Items that share one reloading of weights.")] = 1,
    cooling: Annotated[str, typer.Option(help="Of each die: a preset or a TOML file.")] = "forced-air",
    tiers: Tiers = None,
    banks: Banks = None,
    stack: StackName = None,
    logic_node: LogicNode = None,
    show_assumed: Annotated[bool, typer.Option("--assumed", help="List the guesses behind the numbers.")] = False,
    alone: Annotated[bool, typer.Option("--alone", help="Parts of layers share no tier.")] = False,
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of one input of a factory's network, such as 3,32,32.")
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Also write the numbers to this file.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw area and energy by technology to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether a network fits, on which area, and what an image or a token costs; by technology if no chip is given.

    Without a model, list shapes and technologies. Example: **mho fit llama-3-8b -t sram-5nm -t pcm-3d**
    """
    from mho.core import parse_quantity
    from mho.digital import load_memory
    from mho.reports import picture_kind, plan_figure, save_figure
    from mho.systems import Medium, coolings, load_cooling, load_medium, media, shapes, stacks
    from mho.systems import fit as fit_

    from ._show import answers, check_places

    if not model:
        lists = {"shapes": shapes(), "technologies": media(), "coolings": coolings(), "stacks": stacks()}
        answers.print("\n".join(f"{kind}: {', '.join(names)}" for kind, names in lists.items()), highlight=False)
        return
    for path in (csv_file, picture):
        if path is not None:
            check_places(path.parent, path)
    if picture is not None:
        picture_kind(picture)
    try:
        room = None if area is None else parse_quantity(area, "m2")
    except ValueError as error:
        raise SpecError([f"--area: {error}"]) from None
    beside, air, workload = load_memory(memory), load_cooling(cooling), workload_of(model, context, input_shape)
    names = [] if chip is not None and not technology else technology or media()
    chosen = {name: load_medium(name) for name in names}
    if chip is not None:
        from mho import Chip

        chosen = {chip: Medium.of_chip(Chip.load(chip))} | chosen
    chosen |= variants(chosen, tiers, banks, stack, logic_node)
    plans = [
        fit_(
            workload, medium, name=name, area=room, batch=batch, memory=beside, memories=memories, packed=not alone,
            cooling=air,
        )
        for name, medium in chosen.items()
    ]  # fmt: skip
    if csv_file is not None:
        _write_csv(plans, csv_file)
    if picture is not None:
        save_figure(plan_figure(plans), picture)
    if as_json:
        typer.echo(json.dumps([p.to_dict() for p in plans], indent=1))
        return
    answers.print(_table(plans))
    answers.print()
    answers.print(_dies(plans))
    answers.print(_last(plans), highlight=False)
    guesses = list(dict.fromkeys(f"{p.name}, {text}" for p in plans for text in p.assumed()))
    if show_assumed:
        for text in guesses:
            answers.print(text, highlight=False, markup=False)
    else:
        answers.print(f"{len(guesses)} groups of assumed numbers; --assumed lists them.", highlight=False)


def workload_of(model: str, context: int, input_shape: str | None) -> Workload:
    from mho.core import nearest
    from mho.systems import Workload, load_workload, shapes

    if model in shapes() or model.endswith(".toml"):
        return load_workload(model, context)
    if ":" not in model and not model.endswith((".pt2", ".onnx")):
        raise FileError(
            f"no shape is called {model!r}; {nearest(model, shapes())}; or give a .toml, .pt2 or .onnx file, "
            "or module:factory"
        )
    from mho import capture

    from ._summary import example_of

    network, example = network_of(model), example_of(None, input_shape)
    if ":" in model and example is None:
        raise FileError(
            f"{model!r} returns a module, which needs an input; say its shape, such as --input-shape 3,32,32"
        )
    return Workload.of_graph(capture(network, example), model)


def _write_csv(plans: list[Plan], path: Path) -> None:
    from mho.core import write_atomically

    rows = [{k: "; ".join(v) if isinstance(v, list) else v for k, v in p.to_dict().items()} for p in plans]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())


def _table(plans: list[Plan]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity

    work = plans[0].workload
    table = Table(
        title=f"{escape(work.name)}: {work.weights:,} weights in matrices", title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False,
    )  # fmt: skip
    table.add_column("on", overflow="fold")
    for head in ("fits", "tiles", "arrays", "full", "mm2", "energy", f"{work.item}s/s", "in turn"):
        table.add_column(head, justify="right", no_wrap=True)
    for p in sorted(plans, key=lambda p: (not p.fits, p.area)):
        area = f"{p.area * 1e6:,.{0 if p.area > 1e-4 else 2}f}"
        table.add_row(
            escape(p.name), "yes" if p.fits else "[yellow]no[/]", f"{p.tiles:,}", str(p.medium.arrays),
            f"{100 * p.mapping.utilisation:.0f} %", area, format_quantity(p.energy, "J"),
            f"{p.rate:,.3g}", f"{p.rate_of_one:,.3g}",
        )  # fmt: skip
    return table


def _dies(plans: list[Plan]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity
    from mho.systems import ZERO_CELSIUS

    from ._show import dollars

    table = Table(
        title=f"dies, each with {escape(plans[0].cooling.title)}", title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False,
    )  # fmt: skip
    table.add_column("on", overflow="fold")
    for head in ("dies", "mm2 each", "vias", "heat", "hottest", "dollars"):
        table.add_column(head, justify="right", no_wrap=True)
    for p in sorted(plans, key=lambda p: (not p.fits, p.area)):
        table.add_row(
            escape(p.name), f"{p.dies.count:,}", f"{p.dies.each * 1e6:,.3g}", f"{p.tiles * p.medium.vias:,.3g}",
            format_quantity(p.power(), "W"), f"{p.junction() - ZERO_CELSIUS:.0f} °C",
            dollars(p.dies.price),
        )  # fmt: skip
    return table


def _last(plans: list[Plan]) -> str:
    from rich.markup import escape

    work, memory = plans[0].workload, plans[0].memory
    item = work.item
    lines = [
        "arrays: of a tile, of which one works at a time; full: cells that hold a weight; "
        f"energy: of {'an' if item[0] in 'aeiou' else 'a'} {item}; in turn: {item}s/s if each waits for the one "
        "before; hottest: devices at the pace above; dollars: of working dies, before packaging and testing."
    ]
    if work.cache:
        share = max(100 * p.cost["cache"].cost.energy / p.energy for p in plans)
        lines.append(
            f"A token reads {plans[0].cached / 1e6:,.3g} MB of keys and values from "
            f"{plans[0].memories} x {memory.title}: up to {share:.0f} % of its energy."
        )
    even = [f"{p.name} {p.break_even:,.0f}" for p in plans if math.isfinite(p.break_even)]
    if even:
        lines.append(f"Uses of a weight for each fetch above which a digital unit costs less: {', '.join(even)}.")
    for p in plans:
        lines += [f"[yellow]{escape(p.name)}:[/] {escape(note)}." for note in p.notes()]
    return "\n".join(lines)
