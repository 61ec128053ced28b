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
    for head in ("quantity", "unit", "published", "ours", "ratio", "tolerance", "within", "mark", "source"):
        table.add_column(head, justify="right" if head in ("published", "ours", "ratio", "tolerance") else "left")
    for r in rows:
        table.add_row(*map(escape, r.cells()))
    answers.print(table)
    answers.print(
        "Marks: prediction (nothing fitted on it), fitted (a parameter was chosen on it), "
        "definition (follows from the specification)."
    )
