"""What the commands share: progress bars, the table of results, and ends of runs."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mho.core import FileError, RangeWarning, format_quantity, write_atomically
from mho.reports import Evaluation, Report, time_name

if TYPE_CHECKING:
    from mho.reports import AccuracyRow

console = Console(stderr=True)
"""Progress and tables of a run go to stderr, so that stdout stays for data."""
answers = Console()
"""What a command was asked to print."""


@contextmanager
def bars() -> Generator[Callable[[str], Callable[[int, int], None]], None, None]:
    """Show progress bars; yields a function that opens a bar and returns what `run` tells its progress."""
    columns = (
        TextColumn("{task.description:32}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:

        def open_bar(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(escape(name), total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield open_bar


@contextmanager
def noted() -> Generator[None, None, None]:
    """Tell what lies outside the known range in a line each on stderr, not as warnings of Python."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RangeWarning)
        yield
    for w in caught:
        if not issubclass(w.category, RangeWarning):
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    for text in dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, RangeWarning)):
        console.print(f"note: {escape(text)}")


def table(evaluations: Sequence[Evaluation], title: str) -> Table:
    """Return the headline table: a row per time after programming, and the cost of one image; fits 80 columns."""
    out = Table(title=escape(title), title_justify="left", title_style="bold", padding=(0, 1))
    out.add_column("network on chip", min_width=16)
    out.add_column("read", no_wrap=True)
    for name in ("bare", "compensated", "image, chip"):
        out.add_column(name, justify="right", no_wrap=True)
    for e in evaluations:
        rows, s = e.accuracy(), e.summary()
        bare = {r.condition.time: r for r in rows if r.condition.compensation == "none"}
        made_up = {r.condition.time: r for r in rows if r.condition.compensation != "none"}
        times = list(dict.fromkeys(r.condition.time for r in rows))
        exact = "" if math.isnan(e.float_accuracy) else f"{100 * e.float_accuracy:.1f} %"
        cost = [
            format_quantity(s.energy, "J"),
            format_quantity(s.latency, "s"),
            f"{s.tops_per_watt:.2f} TOPS/W",
            f"{s.area * 1e6:.1f} mm2",
            f"{s.tiles_used}/{e.program.chip.tiles} tiles",
        ]
        lines = max(len(times) + 1, len(cost))
        out.add_row(
            f"{escape(e.name)}\n[dim]{escape(e.program.chip.title)}[/]",
            "\n".join(["float32", *(time_name(t) for t in times)]),
            "\n".join([exact, *(_cell(bare.get(t)) for t in times)]),
            "\n".join(["", *(_cell(made_up.get(t)) for t in times)]),
            "\n".join([*cost, *[""] * (lines - len(cost))]),
            end_section=True,
        )
    return out


def _cell(row: AccuracyRow | None) -> str:
    return "" if row is None else f"{100 * row.mean:.1f} ± {100 * row.spread:.1f} %"


def check_places(out: Path, json_file: Path | None) -> None:
    """Refuse places that cannot be written before any work is done."""
    for path, folder in ((out, out), *([(json_file, json_file.parent)] if json_file is not None else [])):
        there = folder.absolute()
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise FileError(f"cannot write {path}: {there} is no folder; choose a folder that can be written")
        if not os.access(there, os.W_OK | os.X_OK):
            raise FileError(f"cannot write {path}: {there} is read-only; choose a folder that can be written")
    if json_file is not None and json_file.is_dir():
        raise FileError(f"cannot write {json_file}: it is a folder; give the path of a file")


def converter_notes(
    pairs: Sequence[tuple[Evaluation, Evaluation]], clipped: bool = False, carried: Sequence[str] = ()
) -> list[str]:
    """Say what another converter changes: a line for each evaluation of a chip and of the same with another one.

    `carried` names the converters that were to come to the chips' nodes.
    """
    from mho.converters import load_converter

    notes = ["Converters of equal steps clip sums for the least squared error."] if clipped else []
    for name in carried:
        how = (
            "as its file has it, since that says no node" if load_converter(name).node is None else "at the chip's node"
        )
        notes.append(f"{name} is costed {how}.")
    for before, e in pairs:
        old, new = before.summary(), e.summary()
        at_first = [next(r for r in x.accuracy() if r.condition.compensation == "none") for x in (before, e)]
        times = [getattr(new, q) / getattr(old, q) for q in ("energy", "latency", "area")]
        notes.append(
            f"{e.name}: {100 * at_first[1].mean:.1f} % right away, before {100 * at_first[0].mean:.1f} %; energy "
            "{:.3g}, latency {:.3g} and area {:.3g} times those before.".format(*times)
        )
    return notes


def finish(report: Report, out: Path, json_file: Path | None) -> None:
    """Print the table, write the report, and say where it is."""
    console.print(table(report.evaluations, report.title))
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    for e in report.evaluations:
        for w in e.warnings:
            console.print(f"[yellow]{escape(e.name)}:[/] {escape(w)}")
    page = report.save(out)
    if json_file is not None:
        write_atomically(json_file, report.to_json())
    assumed = len({a for e in report.evaluations for a in e.assumed()})
    console.print(f"{assumed} groups of assumed numbers are listed in the report.")
    console.print(f"Report: {page.resolve().as_uri()}", soft_wrap=True, markup=False)


def dollars(price: float | None) -> str:
    """Write a price of silicon, in cents where they matter."""
    return "unknown" if price is None else f"{price:,.{0 if price >= 100 else 2}f}"
