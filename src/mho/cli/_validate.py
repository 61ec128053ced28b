"""`mho validate`: the laws of macros against published silicon."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.core import FileError, write_atomically

from ._main import app

if TYPE_CHECKING:
    from mho.cost import Measured, Prediction


@app.command()
def validate(
    what: Annotated[str, typer.Argument(help="What to check: silicon.")] = "silicon",
    chips: Annotated[
        Path | None,
        typer.Option(
            help="Also predict the chips of this CSV file, with the columns of src/mho/data/silicon/chips.csv."
        ),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="List every operating point, the worst first.")] = False,
    table: Annotated[Path | None, typer.Option("--csv", help="Write every point to this CSV file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw predicted against measured to this file.")] = None,
    calibrated: Annotated[
        bool,
        typer.Option(
            "--calibrated", help="Instead: macros calibrated on some of their own figures, all others predicted."
        ),
    ] = False,
    trend: Annotated[
        Path | None, typer.Option(help="Draw efficiency and density against the year to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict published macros that the model has not seen, and say how far off it is.

    The laws are fitted again without each chip in turn, which takes some seconds. Factors are medians of measured over
    predicted, whichever is larger. Example: **mho validate silicon --each --picture silicon.svg**
    """
    from rich.markup import escape
    from rich.table import Table

    from mho.cost import leave_one_out, read_silicon, transfers
    from mho.reports import picture_kind, save_figure, silicon_scatter, silicon_trend

    from ._calibrated import show_calibrated
    from ._show import answers, bars, check_places, noted

    if what != "silicon":
        raise FileError(f"only silicon can be validated here, not {what!r}; published results are in mho reproduce")
    if calibrated:
        given = {
            "--chips": chips is not None,
            "--each": each,
            "--csv": table is not None,
            "--picture": picture is not None,
            "--trend": trend is not None,
        }
        if any(given.values()):
            wrong = ", ".join(option for option, there in given.items() if there)
            raise FileError(f"--calibrated goes with --json alone, not with {wrong}; leave one of them out")
        show_calibrated(as_json)
        return
    for file in (table, picture, trend):
        if file is not None:
            check_places(file.parent, file)
    for file in (picture, trend):
        if file is not None:
            picture_kind(file)
    points, named = read_silicon(), read_silicon("chips")
    with noted():
        own = read_silicon(chips) if chips is not None else []
    with bars() as bar:
        done = leave_one_out(points, [*named, *own], bar("leaving chips out"))
    parts = {
        "benchmark table (fitted without the chip)": done[: len(points)],
        "silicon table (each chip left out; architecture partly guessed)": done[len(points) : len(points) + len(named)],
    }
    if own:
        parts[str(chips)] = done[len(points) + len(named) :]
    if table is not None:
        write_atomically(table, _csv(parts))
    if picture is not None:
        save_figure(silicon_scatter(done[: len(points)], parts.get(str(chips), [])), picture)
    if trend is not None:
        save_figure(silicon_trend(points), trend)
    if as_json:
        typer.echo(json.dumps([_plain(p, name) for name, some in parts.items() for p in some], indent=1))
        return
    for name, some in parts.items():
        out = Table(title=escape(f"{name}: median factors"), title_justify="left", title_style="bold")
        for head in ("family", "points", "energy", "base", "blind", "density", "base", "cycle"):
            out.add_column(head, justify="left" if head == "family" else "right")
        for family, select in _families():
            rows = [p for p in some if select(p)]
            if rows:
                out.add_row(family, str(len(rows)), *_factors(rows))
        answers.print(out)
    moved = transfers(points)
    from mho.cost import factor

    answers.print(
        f"Calibrated on one operating point of a chip, its {len(moved)} others are met within x"
        f"{factor(t.energy for t in moved):.2f} in energy and x{factor(t.cycle for t in moved):.2f} in cycle (medians)."
    )
    answers.print(
        "base: a regression on node and supply in the family, the baseline to beat. blind: the energy where the cycle "
        "is predicted as well. density: 1-bit operations a second and area, at the measured cycle where known."
    )
    if trend is not None:
        _trends(points)
    if each:
        _list(parts)


def _trends(points: Sequence[Measured]) -> None:
    from rich.table import Table

    from mho.cost import trends

    from ._show import answers

    out = Table(title="figures against the year, 1-bit operations", title_justify="left", title_style="bold")
    for head in ("family", "figure", "points", "years", "mean year", "a year (two of three)", "scatter"):
        out.add_column(head, justify="left" if head in ("family", "figure") else "right", no_wrap=True)
    for t in trends(points):
        name = {"tops_per_watt": "TOPS/W", "tops_per_mm2": "TOPS/mm2"}[t.figure]
        out.add_row(
            t.family, name, str(t.points), f"{t.years[0]:.0f}-{t.years[1] % 100:.0f}", f"{t.value:.3g}",
            f"x{t.growth:.2f} ({t.growth_range[0]:.2f} to {t.growth_range[1]:.2f})", f"x{t.scatter:.2f}",
        )  # fmt: skip
    answers.print(out)


def _families() -> Sequence[tuple[str, Callable[[Prediction], bool]]]:
    from mho.cost import PRINCIPLES

    def family(name: str) -> Callable[[Prediction], bool]:
        return lambda p: p.point.family == name

    def principle(name: str) -> Callable[[Prediction], bool]:
        return lambda p: p.point.macro.principle == name

    return (
        *((name, family(name)) for name in ("digital", "analog SRAM", "non-volatile")),
        *((f"  {name}", principle(name)) for name in PRINCIPLES if name in ("charge", "static")),
        ("all", lambda p: True),
    )


def _factors(rows: Sequence[Prediction]) -> list[str]:
    from mho.cost import factor

    values = (
        factor(p.ratio("energy") for p in rows),
        factor(p.baseline_ratio("energy") for p in rows),
        factor(p.ratio("blind_energy") for p in rows),
        factor(p.ratio("density") for p in rows),
        factor(p.baseline_ratio("density") for p in rows),
        factor(p.ratio("cycle") for p in rows),
    )
    return ["-" if v != v else f"x{v:.2f}" for v in values]


def _plain(p: Prediction, table: str) -> dict[str, Any]:
    macro, measured = p.point.macro, p.point
    return {
        "table": table, "chip": measured.name, "family": measured.family, "principle": macro.principle,
        "node_nm": round(float(macro.node) * 1e9, 3), "supply_v": macro.supply, "rows": macro.rows,
        "weight_bits": macro.weight_bits, "input_bits": macro.input_bits, "converter_bits": macro.converter_bits,
        "cycle_s": macro.cycle, "guessed": " ".join(measured.guessed),
        "energy_j_per_1b_operation": measured.energy, "predicted_energy_j": p.energy,
        "energy_measured_over_predicted": p.ratio("energy"),
        "density_1b_operations_per_s_m2": measured.density, "predicted_density": p.density,
        "density_measured_over_predicted": p.ratio("density"),
        "predicted_cycle_s": p.cycle, "cycle_measured_over_predicted": p.ratio("cycle"),
    }  # fmt: skip


def _csv(parts: dict[str, list[Prediction]]) -> bytes:
    rows = [_plain(p, name) for name, some in parts.items() for p in some]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _list(parts: dict[str, list[Prediction]]) -> None:
    import math

    from rich.markup import escape
    from rich.table import Table

    from ._show import answers

    for name, some in parts.items():
        out = Table(title=escape(f"{name}: every point"), title_justify="left", title_style="bold")
        for head in (
            "chip",
            "how",
            "nm",
            "V",
            "TOPS/W (1 b)",
            "predicted",
            "meas./pred.",
            "TOPS/mm2 (1 b)",
            "predicted",
            "meas./pred.",
        ):
            out.add_column(head, justify="left" if head in ("chip", "how") else "right")
        for p in sorted(some, key=lambda p: -abs(math.log(p.ratio("energy") or 1))):
            energy, density = p.point.energy, p.point.density
            out.add_row(
                escape(p.point.name),
                p.point.macro.principle,
                f"{float(p.point.macro.node) * 1e9:g}",
                f"{p.point.macro.supply:g}",
                "-" if energy is None else f"{1e-12 / energy:.4g}",
                f"{1e-12 / p.energy:.4g}",
                "-" if energy is None else f"{p.energy / energy:.2f}",
                "-" if density is None else f"{density * 1e-18:.3g}",
                f"{p.density * 1e-18:.3g}",
                "-" if density is None else f"{density / p.density:.2f}",
            )
        answers.print(out)
