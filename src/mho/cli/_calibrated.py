"""`mho validate silicon --calibrated`: errors of macros calibrated on few of their own figures."""

from __future__ import annotations

import json

import typer


def show_calibrated(as_json: bool) -> None:
    """Print the errors of every calibrated macro, or all its values as JSON."""
    from rich.markup import escape
    from rich.table import Table

    from mho.cost import calibrated_names, calibration_errors, compare_calibrated, load_calibrated

    from ._show import answers

    macros = {name: load_calibrated(name) for name in calibrated_names()}
    if as_json:
        plain = [
            {
                "chip": name, "figure": c.reading.figure, "parts": list(c.reading.parts), "where": c.reading.where,
                "supply_v": c.reading.at.supply, "input_bits": c.reading.at.input_bits,
                "weight_bits": c.reading.at.weight_bits, "output_bits": c.reading.at.output_bits,
                "slices": c.reading.at.slices, "stages": c.reading.at.stages, "activity": c.reading.at.activity,
                "fitted": c.reading.fitted, "published": c.reading.value, "ours": c.ours, "ratio": c.ratio,
            }
            for name, macro in macros.items()
            for c in compare_calibrated(macro)
        ]  # fmt: skip
        typer.echo(json.dumps(plain, indent=1))
        return
    out = Table(title="macros calibrated on some of their figures: errors", title_justify="left", title_style="bold")
    for head in ("chip", "quantity", "fitted", "mean", "predicted", "mean", "largest"):
        out.add_column(head, justify="left" if head in ("chip", "quantity") else "right")
    for name, macro in macros.items():
        label = name
        for quantity, (fitted, predicted) in calibration_errors(macro).items():
            if fitted.points or predicted.points:
                shown = [
                    f"{100 * e:.1f} %" if e == e else "-" for e in (fitted.mean, predicted.mean, predicted.largest)
                ]
                counts = [str(fitted.points), str(predicted.points)]
                out.add_row(escape(label), quantity, counts[0], shown[0], counts[1], shown[1], shown[2])
                label = ""
    answers.print(out)
    answers.print(
        "efficiency: energy of the macro, or of the share that was published. over supply: those of it at other "
        "supplies than the nominal one. parts: energy of single parts. Constants come from the fitted values only."
    )
