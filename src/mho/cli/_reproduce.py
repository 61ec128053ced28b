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
    full: Annotated[
        bool, typer.Option("--full", help="All that was published, where that takes hours or fills pages.")
    ] = False,
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
            typer.echo(f"{key:{max(map(len, RESULTS))}} {result.title}")
        return
    rows = reproduce_(name, full)
    if as_json:
        typer.echo(json.dumps([r.to_dict() for r in rows], indent=1))
        return
    if as_markdown:
        typer.echo("| quantity | unit | source | its value | ours | ratio | within | mark |")
        typer.echo("|---|---|---|---|---|---|---|---|")
        for row in rows:
            typer.echo(row.markdown())
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    # A narrow terminal needs its columns for words and numbers.
    narrow = answers.width < 100
    table = Table(
        title=RESULTS[name].title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if narrow else box.HEAVY_HEAD,
        padding=(0, 1, 0, 0) if narrow else (0, 1),
    )
    notes: dict[str, int] = {}
    heads = ["quantity", "unit", "published", "ours", "ratio", "within", "mark", "note"]
    if answers.width < 60:
        heads = ["quantity", "published", "ours", "ratio", "within"]
    for head in heads:
        number, words = head in ("published", "ours", "ratio"), head in ("quantity", "unit")
        justify = "right" if number else "left"
        table.add_column(head, justify=justify, no_wrap=not words, overflow="fold", min_width=4 if words else None)
    for r in rows:
        quantity, unit, published, ours, ratio, tolerance, within, mark, source = map(escape, r.cells())
        row = {
            "quantity": quantity, "unit": unit, "published": published, "ours": ours, "ratio": ratio,
            "within": within if narrow else f"{within} (± {tolerance})", "mark": mark[0] if narrow else mark,
            "note": str(notes.setdefault(source, len(notes) + 1)),
        }  # fmt: skip
        table.add_row(*(row[head] for head in heads))
    answers.print(table)
    for source, number in notes.items():
        answers.print(f"{number:2}  {source}", soft_wrap=False)
    answers.print(
        "Marks: prediction (nothing fitted on it), fitted (a parameter was chosen on it), "
        "definition (follows from the specification)."
    )
