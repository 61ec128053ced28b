"""`mho scenario`: which memory technologies give a use what it asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import SpecError

from ._main import app
from ._media import Banks, LogicNode, StackName, Tiers, variants

if TYPE_CHECKING:
    from mho.systems import Scenario


@app.command()
def scenario(
    name: Annotated[str, typer.Argument(help="A scenario such as wearable, or its TOML file.")] = "",
    technology: Annotated[
        list[str],
        typer.Option("--technology", "-t", help="A medium such as sram-5nm, or a TOML file; may be repeated."),
    ] = [],  # noqa: B006
    chip: Annotated[list[str], typer.Option(help="Also a chip that exists: preset or TOML file.")] = [],  # noqa: B006
    tiers: Tiers = None,
    banks: Banks = None,
    stack: StackName = None,
    logic_node: LogicNode = None,
    power: Annotated[str | None, typer.Option(help="Another limit of power, such as '20 mW'.")] = None,
    area: Annotated[str | None, typer.Option(help="Another limit of area, such as '60 mm2'.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw area and power to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the smallest chip of each technology that holds the weights and reaches the rate of a use.

    Without a name, list the scenarios. Example: **mho scenario wearable --picture wearable.svg**
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho import Chip
    from mho.core import format_quantity
    from mho.reports import picture_kind, save_figure, scenario_figure
    from mho.systems import ZERO_CELSIUS, Medium, designs, load_medium, load_scenario, media, pareto, scenarios

    from ._show import answers, check_places, dollars

    if not name:
        answers.print("\n".join(f"{key}: {load_scenario(key).title}" for key in scenarios()), highlight=False)
        return
    if picture is not None:
        check_places(picture.parent, picture)
        picture_kind(picture)
    wanted = _changed(load_scenario(name), power, area)
    choice = {key: load_medium(key) for key in technology or media()}
    choice |= {key: Medium.of_chip(Chip.load(key)) for key in chip}
    choice |= variants(choice, tiers, banks, stack, logic_node)
    found = designs(wanted, choice)
    front = pareto(d for d in found if d.feasible)
    if picture is not None:
        save_figure(scenario_figure(found), picture)
    if as_json:
        typer.echo(json.dumps([d.to_dict() | {"best": d in front} for d in found], indent=1))
        return
    table = Table(
        title=escape(
            f"{wanted.title}: {format_quantity(wanted.memory, 'B')} of weights, "
            f"{format_quantity(wanted.rate, 'OP/s')}, at most {format_quantity(wanted.power, 'W')} "
            f"and {wanted.area * 1e6:g} mm2, {wanted.cooling.title}"
        ),
        title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False,
    )  # fmt: skip
    table.add_column("chip of", overflow="fold")
    for head in ("tiles", "mm2", "power", "°C", "dollars", "sweep", "feasible"):
        table.add_column(head, justify="right", no_wrap=True)
    for d in sorted(found, key=lambda d: (not d.feasible, d.area)):
        verdict = ("[bold]best[/]" if d in front else "yes") if d.feasible else f"[yellow]{', '.join(d.misses)}[/]"
        table.add_row(
            escape(d.name), f"{d.tiles:,}", f"{d.area * 1e6:,.3g}" if d.area < 1e-4 else f"{d.area * 1e6:,.0f}",
            format_quantity(d.power, "W"), f"{d.junction - ZERO_CELSIUS:.0f}", dollars(d.dies.price),
            format_quantity(d.sweep, "s"), verdict,
        )  # fmt: skip
    answers.print(table)
    answers.print(
        "best: no other feasible chip has less area and less power. °C: of the hottest devices. dollars: of working "
        "dies, before packaging and testing. sweep: the time to use all weights once, always the same. Otherwise: the "
        "limits that are missed.",
        highlight=False,
    )


def _changed(wanted: Scenario, power: str | None, area: str | None) -> Scenario:
    """Return the scenario with other limits."""
    from dataclasses import replace

    from mho.core import parse_quantity

    for name, text, unit in (("power", power, "W"), ("area", area, "m2")):
        if text is None:
            continue
        try:
            value = parse_quantity(text, unit)
        except ValueError as error:
            raise SpecError([f"--{name}: {error}"]) from None
        if value <= 0:
            raise SpecError([f"--{name} must be above zero, not {text!r}"])
        wanted = replace(wanted, **{name: value})
    return wanted
