"""`mho systems`: one network on four architectures and on published memories that compute."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._main import app

if TYPE_CHECKING:
    from mho.systems import System, Workload


@app.command()
def systems(
    model: Annotated[
        str, typer.Argument(help="A shape such as resnet-50, its TOML file, a .pt2 or .onnx file, or module:factory.")
    ] = "llama-3.2-1b",
    system: Annotated[
        list[str], typer.Option("--system", "-s", help="A preset such as hbm-pim, or a TOML file; may be repeated.")
    ] = [],  # noqa: B006
    batch: Annotated[int, typer.Option(min=1, help="Items that share one reading of weights.")] = 1,
    context: Annotated[int, typer.Option(min=0, help="Tokens before the one that is computed.")] = 2048,
    show_assumed: Annotated[bool, typer.Option("--assumed", help="List the guesses behind the numbers.")] = False,
    roofline: Annotated[
        bool, typer.Option("--roofline", help="Each operation under the roofs of each system.")
    ] = False,
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of one input of a factory's network, such as 3,32,32.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the parts of the energy to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what an item costs by where arithmetic sits: behind the pins, at the memory, in it, or in its cells.

    Example: **mho systems resnet-50 -s von-neumann -s in-memory --roofline**
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity
    from mho.reports import architecture_figure, picture_kind, save_figure
    from mho.systems import assumed, load_system
    from mho.systems import systems as systems_

    from ._fit import workload_of
    from ._show import answers, check_places

    if picture is not None:
        check_places(picture.parent, picture)
        picture_kind(picture)
    workload = workload_of(model, context, input_shape)
    chosen = {name: load_system(name) for name in system or systems_()}
    if picture is not None:
        save_figure(architecture_figure(chosen, workload, batch), picture)
    if as_json:
        typer.echo(json.dumps([_numbers(name, s, workload, batch) for name, s in chosen.items()], indent=1))
        return
    table = Table(
        title=escape(workload.name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0), show_edge=False,
    )  # fmt: skip
    table.add_column("system", overflow="fold")
    table.add_column("architecture", no_wrap=True)
    for head in ("energy", "moves data", "time", "effective", "of peak"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, s in sorted(chosen.items(), key=lambda pair: -pair[1].cost(workload, batch).total.energy):
        total, effective = s.cost(workload, batch).total, s.effective(workload, batch)
        table.add_row(
            escape(name), s.architecture, format_quantity(total.energy, "J"),
            f"{100 * s.movement(workload, batch):.0f} %", format_quantity(total.latency, "s"),
            format_quantity(effective, "OP/s"), f"{100 * effective / s.peak:.3g} %",
        )  # fmt: skip
    answers.print(table)
    answers.print(
        f"For one {workload.item}; weights are read once for {batch} of them. Moves data: share of the energy for "
        "memory, activations and buffers. With memory: all cells at work, a bound; mho fit knows which tiles wait.",
        highlight=False,
    )
    small = [name for name, s in chosen.items() if not s.fits(workload)]
    if small:
        answers.print(f"[yellow]Weights and cache do not fit the memory of[/] {escape(', '.join(small))}.")
    guesses = [f"{name}, {text}" for name, s in chosen.items() for text in assumed(s)]
    if show_assumed:
        for text in guesses:
            answers.print(text, highlight=False, markup=False)
    else:
        answers.print(f"{len(guesses)} groups of assumed numbers; --assumed lists them.", highlight=False)
    if roofline:
        for name, s in chosen.items():
            _roofs(name, s, workload, batch)


def _roofs(name: str, system: System, workload: Workload, batch: int) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity

    from ._show import answers

    title = f"{name}: peak {format_quantity(system.peak, 'OP/s')}, {format_quantity(system.bandwidth, 'B/s')}"
    table = Table(
        title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False,
    )  # fmt: skip
    table.add_column("operation", overflow="fold")
    for head in ("operations", "operations/byte", "attained", "bound by"):
        table.add_column(head, justify="right", no_wrap=True)
    for r in system.roofline(workload, batch):
        table.add_row(
            escape(r.name), f"{r.operations:,.0f}", f"{r.intensity:,.3g}", format_quantity(r.attained, "OP/s"), r.bound
        )
    answers.print(table)


def _numbers(name: str, system: System, workload: Workload, batch: int) -> dict[str, object]:
    from mho.systems import assumed

    cost = system.cost(workload, batch)
    return {
        "name": name, "title": system.title, "architecture": system.architecture, "workload": workload.name,
        "batch": batch, "energy_j": cost.total.energy, "latency_s": cost.total.latency,
        "movement": system.movement(workload, batch), "effective_per_s": system.effective(workload, batch),
        "peak_per_s": system.peak, "bandwidth_b_per_s": system.bandwidth, "fits": system.fits(workload),
        "assumed": assumed(system),
        "parts_j": {p.name: p.cost.energy for p in cost.parts},
        "roofline": [
            {"name": r.name, "operations": r.operations, "attained_per_s": r.attained, "bound": r.bound,
             "operations_per_b": r.intensity if math.isfinite(r.intensity) else None}
            for r in system.roofline(workload, batch)
        ],
    }  # fmt: skip
