"""`mho reproduce`: published numbers beside ours."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ._main import app


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="Which result; see --list.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the results that can be reproduced.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Recompute a published result and print its number, ours and the ratio.

    Example: **mho reproduce hermes-chip**
    """
    from mho.reproduce import RESULTS
    from mho.reproduce import reproduce as reproduce_

    from ._show import answers

    if list_ or name is None:
        for key, result in RESULTS.items():
            typer.echo(f"{key:16} {result.title}")
        return
    rows = reproduce_(name)
    if as_json:
        typer.echo(json.dumps([r.to_dict() for r in rows], indent=1))
        return
    if as_markdown:
        typer.echo("| quantity | unit | source | its value | ours | ratio | within | mark |")
        typer.echo("|---|---|---|---|---|---|---|---|")
        for row in rows:
            typer.echo(row.markdown())
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=RESULTS[name].title, title_justify="left", title_style="bold")
    notes: dict[str, int] = {}
    for head in ("quantity", "unit", "published", "ours", "ratio", "within", "mark", "note"):
        table.add_column(
            head, justify="right" if head in ("published", "ours", "ratio") else "left", no_wrap=head == "mark"
        )
    for r in rows:
        quantity, unit, published, ours, ratio, tolerance, within, mark, source = map(escape, r.cells())
        note = notes.setdefault(source, len(notes) + 1)
        table.add_row(quantity, unit, published, ours, ratio, f"{within} (± {tolerance})", mark, str(note))
    answers.print(table)
    for source, number in notes.items():
        answers.print(f"{number:2}  {source}", soft_wrap=False)
    answers.print(
        "Marks: prediction (nothing fitted on it), fitted (a parameter was chosen on it), "
        "definition (follows from the specification)."
    )
