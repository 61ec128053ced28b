"""`mho summary`: what of a network goes on which tiles of a chip, before anything is run."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.core import FileError

from ._main import app
from ._network import network_of

if TYPE_CHECKING:
    from rich.table import Table
    from torch import Tensor

    from mho.compiler import LayerSummary, NetworkSummary

_SAMPLE = (3, 32, 32)
"""Shape of an image of the shipped network."""


@app.command()
def summary(
    model: Annotated[
        str | None,
        typer.Argument(help="A .pt2 or .onnx file, or package.module:factory; the shipped ResNet-20 if left out."),
    ] = None,
    chip: Annotated[str, typer.Option(help="Preset or TOML file.")] = "hermes",
    data: Annotated[
        str | None, typer.Option(help="Images that a factory's network takes: a Parquet file; one is looked at.")
    ] = None,
    input_shape: Annotated[
        str | None, typer.Option(help="Or the shape of one input of a factory's network, such as 3,32,32.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plugin: Annotated[list[str], typer.Option(help="Module whose classes the chip file may name.")] = [],  # noqa: B006
) -> None:
    """Say layer by layer what goes on which tiles, how full they are, and what is left to the digital unit.

    Example: **mho summary model.onnx --chip hermes**
    """
    from rich.markup import escape

    from mho import Chip
    from mho import summary as summary_
    from mho.samples import resnet20

    from ._show import answers

    if data is not None and input_shape is not None:
        raise FileError("give --data or --input-shape, not both: each says the shape of an input")
    network = resnet20() if model is None else network_of(model)
    example = _zeros(_SAMPLE) if model is None else example_of(data, input_shape)
    if model is not None and ":" in model and example is None:
        raise FileError(
            f"{model!r} returns a module, which needs an input; say its shape, such as --input-shape 3,32,32"
        )
    result = summary_(network, Chip.load(chip, plugin), example)
    if as_json:
        typer.echo(json.dumps(_numbers(result), indent=1))
        return
    title = f"{'ResNet-20' if model is None else model} on {result.chip}"
    answers.print(_table(result, title))
    answers.print(_last(result), highlight=False)
    if result.problem:
        answers.print(f"[yellow]Does not fit:[/] {escape(result.problem)}.", highlight=False)


def _zeros(shape: tuple[int, ...]) -> Tensor:
    import torch

    return torch.zeros(1, *shape)


def example_of(data: str | None, input_shape: str | None) -> Tensor | None:
    """Return one input, or None if nobody said which; a file needs none."""
    if data is not None:
        from mho.samples import load_images

        return load_images(data, limit=1)[0]
    if input_shape is None:
        return None
    try:
        shape = tuple(int(n) for n in input_shape.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise FileError(f"--input-shape must be whole numbers above zero, such as 3,32,32, not {input_shape!r}")
    return _zeros(shape)


def _numbers(result: NetworkSummary) -> dict[str, Any]:
    out = dataclasses.asdict(result)
    names = ("weights", "digital_parameters", "macs", "blocks", "digital_operations")
    return out | {"total": {name: getattr(result, name) for name in names}}


def _table(result: NetworkSummary, title: str) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False,
    )  # fmt: skip
    table.add_column("layer", overflow="fold")
    table.add_column("kind", no_wrap=True)
    for head in ("matrix", "tiles", "cells", "parameters", "mult-adds"):
        table.add_column(head, justify="right", no_wrap=True)
    for layer in result.layers:
        table.add_row(
            escape(layer.name), layer.kind, _matrix(layer), _tiles(layer), f"{100 * layer.utilisation:.0f} %",
            f"{layer.weights + layer.digital_parameters:,}", f"{layer.macs:,}",
        )  # fmt: skip
    table.add_section()
    cells = "" if result.utilisation is None else f"{100 * result.utilisation:.0f} %"
    used = f"> {result.tiles}" if result.tiles_used is None else f"{result.tiles_used} of {result.tiles}"
    table.add_row("total", "", "", used, cells, f"{result.parameters:,}", f"{result.macs:,}", style="bold")
    return table


def _matrix(layer: LayerSummary) -> str:
    groups = f"{layer.groups} x " if layer.groups > 1 else ""
    return f"{groups}{layer.rows} x {layer.columns}"


def _tiles(layer: LayerSummary) -> str:
    groups = f"{layer.groups} x " if layer.groups > 1 else ""
    turns = f" ({layer.turns} turns)" if (layer.turns or 1) > 1 else ""
    return f"{groups}{layer.row_tiles} x {layer.column_tiles}{turns}"


def _last(result: NetworkSummary) -> str:
    rows, columns = result.tile_shape
    kinds = ", ".join(f"{o.count} {o.kind}" for o in result.operators if o.operations)
    operators = sum(o.operations for o in result.operators)
    scaled = result.digital_operations - operators
    return (
        f"Tiles of {rows} x {columns} weights: rows x columns of them for each layer, and the share of their cells; "
        "several layers may share one.\n"
        f"Digital: {result.digital_parameters:,} of {result.parameters:,} parameters; {result.digital_operations:,.0f} "
        f"operations an image beside {2 * result.macs:,} in the cells ({scaled:,.0f} scale and add what tiles give, "
        f"{operators:,.0f} in {kinds or 'no operators'})."
    )
