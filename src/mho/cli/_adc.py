"""`mho adc`: a converter on the bench."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import FileError

from ._main import app

if TYPE_CHECKING:
    from mho.converters import AbstractConverter


@app.command()
def adc(
    name: Annotated[
        str, typer.Argument(help="A converter preset such as sar-8b, its kind such as sar, or a TOML file.")
    ] = "",
    bits: Annotated[int | None, typer.Option(min=1, help="Resolution, instead of the preset's.")] = None,
    mismatch: Annotated[
        str | None,
        typer.Option(
            help="Spread of its parts, such as '0.5 %': of a unit capacitor (SAR), a step (ramp), a stage (pipeline), "
            "the window of conductances (memristive); in LSB for comparators and references (flash, sense amplifier, "
            "voltage to time)."
        ),
    ] = None,
    node: Annotated[str | None, typer.Option(help="Technology node to carry its costs to, such as '7 nm'.")] = None,
    supply: Annotated[
        str | None, typer.Option(help="Supply there, such as '0.7 V'. [default: the nominal one of the node]")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(help="Conversions a second that it is made for, such as '100 MHz', instead of its own."),
    ] = None,
    columns: Annotated[int, typer.Option(min=2, help="Converters to measure, each with errors of its own.")] = 64,
    rows: Annotated[int, typer.Option(min=1, help="Cells on its bit line, which set its speed.")] = 256,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="INL and DNL against the nominal LSB, not each column's own line.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw transfer, spectrum, INL and DNL to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a converter as on a bench: INL, DNL, missing codes, SNDR, ENOB, and what a conversion costs.

    Without a name, list the presets. Costs follow bits, node, supply and rate: energies of gates and of analog parts
    each by its own rule, and one made faster takes more beyond some 80 million conversions a second.

    Examples: **mho adc sar --bits 6 --mismatch "0.5 %" --picture sar.svg**,
    **mho adc flash-5b --node "7 nm" --rate "2 GHz"**
    """
    from rich.markup import escape
    from rich.table import Table

    from mho.converters import ROOMS, AbstractConverter, bench, load_converter
    from mho.core import Loader, Seed, format_quantity
    from mho.reports import converter_bench, picture_kind, save_figure

    from ._show import answers, check_places

    presets = sorted(Loader(ROOMS).presets(AbstractConverter))
    if not name:
        table = Table()
        for head in ("converter", "bits", "energy", "time", "area", "ENOB"):
            table.add_column(head, justify="left" if head == "converter" else "right")
        for preset in presets:
            part = load_converter(preset)
            cost = part.costs(rows)
            measured = bench(part, Seed(seed), columns)
            table.add_row(
                preset,
                str(part.resolution),
                format_quantity(cost["convert"].energy, "J"),
                format_quantity(cost["convert"].latency, "s") if not part.concurrent else "with the pulse",
                f"{cost['part'].area * 1e12:.1f} um2",
                f"{float(measured.enob.mean()):.2f}",
            )
        answers.print(table)
        return
    if picture is not None:
        check_places(picture.parent, picture)
        picture_kind(picture)
    preset = _preset(name, presets, bits)
    loaded = load_converter(preset)
    changed = _changed(loaded, bits, mismatch)
    part = _made_for(changed, node, supply, rate, rows)
    made = ["changed"] if changed != loaded else []
    made += [f"at {format_quantity(part.node, 'm')}"] if node and part.node else []
    made += [f"for {format_quantity(part.rate(rows), 'Hz')}"] if rate else []
    name = ", ".join([preset, *made])
    measured = bench(part, Seed(seed), columns, "absolute" if absolute else "ends")
    if picture is not None:
        save_figure(converter_bench(measured, f"{name}, {part.resolution} bits, {columns} columns"), picture)
    cost = part.costs(rows)
    convert, area = cost["convert"], cost["part"].area
    if as_json:
        out = {
            "converter": name, "bits": part.resolution, "columns": columns,
            "reference": "absolute" if absolute else "ends",
            "inl_lsb": measured.inl.tolist(), "dnl_lsb": measured.dnl.tolist(), "gain": measured.gain.tolist(),
            "offset_lsb": measured.offset.tolist(), "missing": measured.missing.tolist(),
            "monotone": measured.monotone.tolist(), "sndr_db": measured.sndr.tolist(), "enob": measured.enob.tolist(),
            "energy_j": convert.energy, "latency_s": convert.latency, "area_m2": area,
            "rate_hz": part.rate(rows) if math.isfinite(part.rate(rows)) else None, "node_m": part.node,
        }  # fmt: skip
        typer.echo(json.dumps(out, indent=1))
        return
    table = Table(title=escape(f"{name}: {part.resolution} bits"), title_justify="left", title_style="bold")
    for head in ("", "mean of columns", "worst column"):
        table.add_column(head, justify="left" if not head else "right")
    for what, values, digits in (
        ("largest INL (LSB)", measured.largest_inl, 3),
        ("largest DNL (LSB)", measured.largest_dnl, 3),
        ("missing codes", measured.missing.float(), 1),
    ):
        table.add_row(what, f"{float(values.mean()):.{digits}f}", f"{float(values.max()):.{digits}f}")
    for what, values, digits in (
        ("SNDR of a full-scale sine (dB)", measured.sndr, 1),
        ("effective bits", measured.enob, 2),
    ):
        table.add_row(what, f"{float(values.mean()):.{digits}f}", f"{float(values.min()):.{digits}f}")
    table.add_row("columns that are not monotone", f"{100 * float((~measured.monotone).float().mean()):.0f} %", "")
    answers.print(table)
    answers.print(
        f"before correction: gain {float(measured.gain.mean()):.3f} ± {float(measured.gain.std()):.3f}, offset "
        f"{float(measured.offset.mean()):.2f} ± {float(measured.offset.std()):.2f} LSB; noise {part.noise:g} LSB"
    )
    least = f"input pulses of at least {format_quantity(part.counting_time, 's')}"
    speed = least if part.concurrent else (
        f"{format_quantity(convert.latency, 's')} ({1e-6 / convert.latency:.4g} million a second)"
    )  # fmt: skip
    answers.print(
        f"a conversion: {format_quantity(convert.energy, 'J')}, {speed}; area {area * 1e12:.4g} um2; "
        f"non-idealities: {', '.join(part.effects) or 'none'}"
    )


def _made_for(
    part: AbstractConverter, node: str | None, supply: str | None, rate: str | None, rows: int
) -> AbstractConverter:
    """Return the converter at another node and supply, made for another rate."""
    from mho.core import parse_quantity
    from mho.digital import load_technology
    from mho.tiles import carried

    table = load_technology()
    try:
        if supply is not None and node is None:
            raise ValueError("--supply needs the --node whose gates it feeds; give both")
        if node is not None:
            volt = None if supply is None else parse_quantity(supply, "V")
            part = carried(part, parse_quantity(node, "m"), volt, table)
        if rate is not None:
            part = part.at_rate(parse_quantity(rate, "Hz"), table.analog.rate_corner, rows)
    except ValueError as error:
        raise FileError(str(error)) from None
    return part


def _preset(name: str, presets: Sequence[str], bits: int | None) -> str:
    """Return the preset that a kind and its bits stand for; a name that is no kind stays."""
    kinds = [p for p in presets if p.startswith(f"{name}-") and not p.endswith("-pair")]
    if name in presets or not kinds:
        return name
    return f"{name}-{bits}b" if f"{name}-{bits}b" in kinds else kinds[-1]


def _changed(part: AbstractConverter, bits: int | None, mismatch: str | None) -> AbstractConverter:
    """Return the converter with another resolution or spread."""
    import dataclasses

    from mho.converters import Memristive
    from mho.core import parse_quantity

    try:
        if bits is not None:
            part = part.with_bits(bits)
        if mismatch is not None:
            share = parse_quantity(mismatch, "")
            if not 0 <= share < 1:
                raise ValueError(f"--mismatch must be from 0 to below 1, not {mismatch!r}")
            if isinstance(part, Memristive):
                return part.with_spread(share)
            if "mismatch" not in {f.name for f in dataclasses.fields(part)}:
                raise ValueError(f"a {type(part).__name__} has no parts that --mismatch could spread; leave it out")
            return dataclasses.replace(part, mismatch=share)
    except ValueError as error:
        raise FileError(str(error)) from None
    return part
