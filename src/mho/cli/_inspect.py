"""`mho cell`, `mho tile`, `mho chips`, `mho check`, `mho show`, `mho cite`: looking at parts, chips and programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from ._main import app

_CONFUSED = 0.01
"""Share of cells read as another level up to which the levels count as bits."""


@app.command()
def cell(
    name: Annotated[str, typer.Argument(help="A cell preset such as pcm or rram-written, or a TOML file.")],
    time: Annotated[list[float], typer.Option(min=0, help="Seconds after writing; give it again for more.")] = [  # noqa: B006
        0.0,
        86400.0,
    ],
    kelvin: Annotated[float | None, typer.Option(min=1, help="Temperature of ageing and reading, in K.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the spread by state to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a memory cell does: error and spread by state and time, which levels can be told apart, cost of a write.

    Example: **mho cell rram --time 1 --time 86400 --picture rram.svg**
    """
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity
    from mho.devices import LEVELS, load_cell, survey
    from mho.reports import cell_spread, picture_kind, save_figure, time_name

    from ._show import answers, check_places, noted

    if picture is not None:
        check_places(picture.parent, picture)
        picture_kind(picture)
    part = load_cell(name) if kelvin is None else load_cell(name).at_temperature(kelvin)
    with noted():
        r = survey(part, (None, *sorted(time)))
    whens = ["just written" if t is None else time_name(t) for t in r.times]
    costs = part.costs()
    write, area = costs["write"], costs["part"].area
    restore, refresh = costs.get("restore"), costs.get("refresh")
    clear = [n for i, n in enumerate(LEVELS) if float(r.overlap[-1, i]) <= _CONFUSED and n <= (part.states or n)]
    bits = math.log2(max(clear, default=1))
    in_f2 = area / part.within.feature_size**2 if part.within.feature_size else None
    if picture is not None:
        save_figure(cell_spread(r, name), picture)
    if as_json:
        out = {
            "cell": name, "range_s": part.range, "targets_s": r.targets.tolist(),
            "times_s": r.times, "mean_s": r.mean.tolist(), "sigma_s": r.sigma.tolist(), "error": r.error.tolist(),
            "levels": LEVELS, "overlap": r.overlap.tolist(),
            "write": {"energy_j": write.energy, "latency_s": write.latency}, "area_m2": area,
            "restore": restore and {"energy_j": restore.energy, "latency_s": restore.latency},
            "refresh_w": refresh and refresh.leakage,
            "area_f2": in_f2, "bits": bits, "area_m2_per_bit": area / bits if bits else None,
        }  # fmt: skip
        typer.echo(json.dumps(out, indent=1))
        return
    low, high = (format_quantity(g, "S") for g in part.range)
    table = Table(title=escape(f"{name}: {low} to {high}"), title_justify="left", title_style="bold")
    table.add_column("")
    for when in whens:
        table.add_column(when, justify="right")
    table.add_row("error over all states (rms, of the range)", *(f"{100 * float(e):.2f} %" for e in r.error))
    for state, i in (("lowest", 0), ("middle", len(r.targets) // 2), ("highest", -1)):
        table.add_row(f"spread between cells, {state} state", *(f"{1e6 * float(s):.3g} uS" for s in r.sigma[:, i]))
    table.add_section()
    for i, n in enumerate(LEVELS):
        table.add_row(f"read as another of {n} levels", *(f"{100 * float(o):.2g} %" for o in r.overlap[:, i]))
    answers.print(table)
    holds = f"{bits:g} bit{'s' if bits > 1 else ''} a cell" if bits else "less than a bit a cell"
    again = f"restoring it after a read: {format_quantity(restore.energy, 'J')}; " if restore else ""
    again += f"refreshing it: {format_quantity(refresh.leakage, 'W')}; " if refresh else ""
    answers.print(
        f"writing one cell: {format_quantity(write.energy, 'J')}, {format_quantity(write.latency, 's')}; {again}"
        f"area {area * 1e12:.3g} um2{f' ({in_f2:.0f} F2)' if in_f2 else ''}; {holds} "
        f"(at most {100 * _CONFUSED:g} % read as another level; {whens[-1]})"
        f"{f', {area / bits * 1e12:.3g} um2 a bit' if bits else ''}; "
        f"non-idealities: {', '.join(part.effects) or 'none'}"
    )


@app.command()
def tile(
    name: Annotated[str, typer.Argument(help="tile1, tile2, dimc, a TOML file, or a chip preset for its tile.")],
    instances: Annotated[int, typer.Option(min=1, help="Chip instances.")] = 16,
    time: Annotated[float, typer.Option(min=0, help="Seconds after programming.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Characterise one tile: error of a full Gaussian matrix-vector product, and cost by block.

    Example: **mho tile tile1 --time 86400**
    """
    from rich.table import Table

    from mho import Chip
    from mho.core import Seed, format_quantity
    from mho.tiles import Condition, characterise, load_tile

    from ._show import answers, noted

    part = Chip.load(name).tile if name in Chip.presets() else load_tile(name)
    with noted():
        r = characterise(part, Seed(seed), instances=instances, condition=Condition(time))
    total = r.total
    if as_json:
        blocks = {k: {"energy_j": c.energy, "latency_s": c.latency, "share": r.share(k)} for k, c in r.blocks.items()}
        blocks["leakage"] = {
            "energy_j": total.leakage * total.latency,
            "latency_s": 0.0,
            "share": r.share("leakage"),
        }
        out = {
            "tile": name, "error": r.error, "error_spread": float(r.errors.std()), "relative_sigma": r.relative_sigma,
            "energy_j": total.energy, "latency_s": total.latency, "area_m2": total.area, "tops": r.tops,
            "tops_per_watt": r.tops_per_watt, "blocks": blocks,
            "area_by_block_m2": {k: c.area for k, c in r.parts.items()},
        }  # fmt: skip
        typer.echo(json.dumps(out, indent=1))
        return
    rows, columns = part.shape
    table = Table(title=f"{name}: one product of {rows} x {columns} weights", title_justify="left", title_style="bold")
    for head in ("block", "energy", "share", "latency", "area"):
        table.add_column(head, justify="left" if head == "block" else "right")
    for k, c in r.blocks.items():
        area = r.parts[k].area if k in r.parts else 0.0
        table.add_row(
            k,
            format_quantity(c.energy, "J"),
            f"{100 * r.share(k):.1f} %",
            format_quantity(c.latency, "s"),
            f"{area * 1e6:.3f} mm2",
        )
    table.add_row(
        "leakage",
        format_quantity(total.leakage * total.latency, "J"),
        f"{100 * r.share('leakage'):.1f} %",
        "",
        "",
    )
    table.add_section()
    table.add_row(
        "total",
        format_quantity(total.energy, "J"),
        "",
        format_quantity(total.latency, "s"),
        f"{total.area * 1e6:.3f} mm2",
    )
    answers.print(table)
    q = r.errors.flatten().quantile(r.errors.new_tensor([0.05, 0.5, 0.95]))
    answers.print(
        f"Error (relative L2, {instances} instances x {r.errors.shape[1]} vectors): mean {100 * r.error:.2f} %, "
        f"median {100 * q[1]:.2f} %, 5-95 % {100 * q[0]:.2f}-{100 * q[2]:.2f} %; "
        f"sigma {100 * r.relative_sigma:.2f} % of the largest output"
    )
    answers.print(f"{r.tops:.2f} TOPS, {r.tops_per_watt:.2f} TOPS/W (8-bit, dense Gaussian data)")


@app.command()
def nonidealities(
    name: Annotated[str, typer.Argument(help="A chip preset or a TOML file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which causes of error a chip has; switch them in Python with chip.without("drift") and chip.only("drift").

    Example: **mho nonidealities hermes**
    """
    import dataclasses

    from rich.markup import escape
    from rich.table import Table

    from mho import Chip
    from mho import nonidealities as nonidealities_

    from ._show import answers

    chip = Chip.load(name)
    found = nonidealities_(chip)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(n) for n in found], indent=1))
        return
    table = Table(title=escape(f"{chip.name}: {chip.title}"), title_justify="left", title_style="bold")
    for head in ("class", "non-ideality", "here", "what it is"):
        table.add_column(head)
    for n in found:
        table.add_row(n.kind, escape(n.name), "yes" if n.present else "[dim]no[/]", n.what)
    answers.print(table)


@app.command()
def chips() -> None:
    """List the chip presets with their peak figures."""
    from rich.table import Table

    from mho import Chip
    from mho.cost import rate

    from ._show import answers

    table = Table()
    for head in ("chip", "what it is", "tiles", "TOPS", "TOPS/W", "W", "product"):
        table.add_column(head, justify="left" if head in ("chip", "what it is") else "right")
    for name in Chip.presets():
        chip = Chip.load(name)
        r = rate(chip)
        table.add_row(
            name,
            chip.title,
            str(chip.tiles),
            f"{r.tops:.1f}",
            f"{r.tops_per_watt:.2f}",
            f"{r.watt:.2f}",
            f"{r.mvm_seconds * 1e9:.0f} ns",
        )
    answers.print(table)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A chip file.")],
    plugin: Annotated[list[str], typer.Option(help="Module whose classes the file may name.")] = [],  # noqa: B006
) -> None:
    """Check a chip file and list all of its errors at once."""
    from mho import Chip

    chip = Chip.load(file, plugin)
    typer.echo(f"{file}: a sound chip, {chip.name!r} with {chip.tiles} tiles, fingerprint {chip.fingerprint()[:12]}")


@app.command()
def show(
    program: Annotated[Path, typer.Argument(help="A program file (.mho), such as a report holds.")],
    plugin: Annotated[list[str], typer.Option(help="Module whose classes the program's chip may name.")] = [],  # noqa: B006
) -> None:
    """Print a compiled program: what runs when, and on which cells."""
    from mho import Program

    typer.echo(str(Program.load(program, plugin)))


@app.command()
def cite(
    name: Annotated[str, typer.Argument(help="A chip preset or file.")] = "hermes",
    plugin: Annotated[list[str], typer.Option(help="Module whose classes the file may name.")] = [],  # noqa: B006
) -> None:
    """Print the BibTeX of all that a chip's numbers rest on."""
    from mho import Chip
    from mho import cite as cite_

    typer.echo(cite_(Chip.load(name, plugin)), nl=False)
