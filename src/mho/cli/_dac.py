"""`mho dac`: the input converters of a tile on the bench."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mho.core import FileError, SpecError

from ._main import app


@app.command()
def dac(
    name: Annotated[str, typer.Argument(help="An analog tile, such as tile1 or a TOML file.")],
    mismatch: Annotated[str | None, typer.Option(help="Spread of the gain between rows, such as '1 %'.")] = None,
    trim: Annotated[str | None, typer.Option(help="Step of an on-chip trim of that gain, such as '0.5 %'.")] = None,
    inl: Annotated[float | None, typer.Option(help="Bow of the levels in their middle, in steps.")] = None,
    noise: Annotated[
        float | None, typer.Option(min=0, help="Noise of a level, or jitter of a width, in steps.")
    ] = None,
    rows: Annotated[int, typer.Option(min=2, help="Rows to measure, each with errors of its own.")] = 64,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw pulses, INL and DNL to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what drives the word lines of a tile: pulses, phases and their time, INL, DNL, gain of rows, cost.

    Example: **mho dac tile2 --mismatch "1 %" --inl 0.5 --picture dac.svg**
    """
    from rich.markup import escape
    from rich.table import Table

    from mho.converters import dac_bench
    from mho.core import Seed, format_quantity, parse_quantity
    from mho.reports import dac_figure, picture_kind, save_figure
    from mho.tiles import AnalogTile, load_tile

    from ._show import answers, check_places

    if picture is not None:
        check_places(picture.parent, picture)
        picture_kind(picture)
    tile = load_tile(name)
    if not isinstance(tile, AnalogTile):
        raise SpecError([f"the inputs of {name} are bits of gates, which nothing converts; take an analog tile"])
    given = {"inl": inl, "noise": noise}
    try:
        given |= {f: parse_quantity(v, "") for f, v in (("mismatch", mismatch), ("trim_step", trim)) if v is not None}
    except ValueError as error:
        raise FileError(str(error)) from None
    if any(v is not None and v < 0 for f, v in given.items() if f != "inl"):
        raise FileError("--mismatch and --trim must be at least 0; give other ones")
    own = replace(tile.dac, **{f: v for f, v in given.items() if v is not None})
    inputs = tile.inputs
    level = inputs.energy_exponent == 2 and inputs.pulse_steps > 1
    if inl and not level:
        raise FileError(f"--inl bends levels, and the inputs of {name} are widths or on and off; leave it out")
    found = dac_bench(own, inputs.pulse_steps, Seed(seed), rows, level)
    kind = "levels" if level else "widths" if inputs.time_steps else "on or off"
    phases = {signed: len(inputs.significance(signed)) for signed in (False, True)}
    tile = replace(tile, dac=own)
    block = tile.mvm_cost(tile.rows, tile.cols, False)["input encoding"]
    area = tile.parts()["input encoding"].area / tile.rows
    if as_json:
        out = {
            "tile": name, "pulses": kind, "steps": inputs.pulse_steps, "rows": rows,
            "phases_unsigned": phases[False], "phases_signed": phases[True], "phase_s": inputs.pulse_time,
            "product_s": block.latency, "row_energy_j": block.energy / tile.rows, "row_area_m2": area,
            "gain": found.gain.tolist(), "inl_steps": found.inl.tolist(), "dnl_steps": found.dnl.tolist(),
            "sndr_db": found.sndr.tolist(), "enob": found.enob.tolist(),
        }  # fmt: skip
        typer.echo(json.dumps(out, indent=1))
        return
    if picture is not None:
        save_figure(dac_figure(found, f"{name}: {inputs.pulse_steps} steps, {kind}, {rows} rows"), picture)
    table = Table(title=escape(f"{name}: inputs of {inputs.resolution} bits"), title_justify="left", title_style="bold")
    for head in ("", "mean of rows", "worst row"):
        table.add_column(head, justify="left" if not head else "right")
    for what, values, digits in (
        ("largest INL (steps)", found.inl.abs().amax(-1), 3),
        ("largest DNL (steps)", found.dnl.abs().amax(-1), 3),
    ):
        table.add_row(what, f"{float(values.mean()):.{digits}f}", f"{float(values.max()):.{digits}f}")
    for what, values in (("SNDR of a sine of all pulses (dB)", found.sndr), ("effective bits", found.enob)):
        table.add_row(what, f"{float(values.mean()):.2f}", f"{float(values.min()):.2f}")
    answers.print(table)
    answers.print(
        f"gain of rows: {float(found.gain.mean()):.4f} ± {float(found.gain.std()):.4f}; noise {own.noise:g} steps"
    )
    phase = format_quantity(inputs.pulse_time, "s")
    answers.print(
        f"phases of a product: {phases[False]} ({phases[True]} for signed inputs), {phase} each, {inputs.pulse_steps} "
        f"steps, {kind}; a row: {format_quantity(block.energy / tile.rows, 'J')} with its share of the word line, "
        f"{area * 1e12:.4g} um2 of registers and converter"
    )
