"""What the commands share: progress bars, the table of results, and ends of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mho.core import format_quantity, write_atomically
from mho.reports import Evaluation, Report, time_name

if TYPE_CHECKING:
    from mho.reports import AccuracyRow

console = Console(stderr=True)
"""Progress and tables go to stderr, so that stdout stays for data."""


@contextmanager
def bars() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Show progress bars; yields a function that opens a bar and returns what `run` tells its progress."""
    columns = (
        TextColumn("{task.description:32}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:

        def open_bar(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield open_bar


def table(evaluations: Sequence[Evaluation], title: str) -> Table:
    """Return the headline table, at most 100 columns wide."""
    out = Table(title=title, title_justify="left", title_style="bold", width=min(100, max(80, console.width)))
    out.add_column("network on chip", ratio=1)
    for name in ("float32", "right away", "later", "compensated", "energy", "latency", "area"):
        out.add_column(name, justify="right", no_wrap=True)
    for e in evaluations:
        rows, s = e.accuracy(), e.summary()
        bare = [r for r in rows[1:] if r.condition.compensation == "none"]
        made_up = [r for r in rows[1:] if r.condition.compensation != "none"]
        out.add_row(
            e.name,
            f"{100 * e.float_accuracy:.1f} %",
            _cell(rows[0], False),
            "\n".join(_cell(r, True) for r in bare),
            "\n".join(_cell(r, True) for r in made_up) or "-",
            f"{format_quantity(s.energy, 'J')}\n{s.tops_per_watt:.2f} TOPS/W",
            format_quantity(s.latency, "s"),
            f"{s.area * 1e6:.1f} mm2\n{s.tiles_used}/{e.program.chip.tiles} tiles",
            end_section=True,
        )
    return out


def _cell(row: AccuracyRow, with_time: bool) -> str:
    text = f"{100 * row.mean:.1f} ± {100 * row.spread:.1f} %"
    return f"{time_name(row.condition.time)} {100 * row.mean:.1f} %" if with_time else text


def finish(report: Report, out: Path, json_file: Path | None) -> None:
    """Print the table, write the report, and say where it is."""
    console.print(table(report.evaluations, report.title))
    for note in report.notes:
        console.print(f"[yellow]note:[/] {note}")
    for e in report.evaluations:
        for w in e.warnings:
            console.print(f"[yellow]{e.name}:[/] {w}")
    page = report.save(out)
    if json_file is not None:
        write_atomically(json_file, report.to_json())
    assumed = len({a for e in report.evaluations for a in e.assumed()})
    console.print(f"{assumed} groups of assumed numbers are listed in the report.")
    console.print(f"Report: {page.resolve().as_uri()}", soft_wrap=True)
