"""`mho quantize`: what accuracy costs by the bits of weights, inputs and converters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mho.core import FileError, SpecError

from ._evaluate import normalisation
from ._main import app
from ._network import network_of
from ._options import ClipSums

if TYPE_CHECKING:
    from rich.table import Table

    from mho import Chip, Quantization, Tradeoff

_CALIBRATION = 8
"""One in so many images is for calibration and is not counted."""
_MOST = 128
"""Images for calibration."""


@app.command()
def quantize(
    model: Annotated[
        str | None,
        typer.Argument(help="A .pt2 or .onnx file, or package.module:factory; the shipped ResNet-20 if left out."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Images and labels, needed for a model: a Parquet file or a Hugging Face name.")
    ] = None,
    chip: Annotated[str, typer.Option(help="Preset or TOML file.")] = "tile2-rram",
    converter: Annotated[
        str, typer.Option(help="Another converter in the chip's tiles, such as memristive-6b; see: mho adc.")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="Bits of weights to compare, comma-separated; '' for none.")
    ] = "8,6,5,4,3,2",
    clip: Annotated[
        bool, typer.Option("--clip", help="Clip weights to scales of least squared error, not the largest weight.")
    ] = False,
    clip_sums: ClipSums = False,
    inputs: Annotated[str, typer.Option(help="Bits of inputs to compare, equal steps and Lloyd-Max levels.")] = "",
    adc: Annotated[
        str | None,
        typer.Option(
            help="Bits of converters, equal and by layer within budgets of energy; '' for none. "
            "[default: from 4 up, where converters can resolve fewer bits]",
        ),
    ] = None,
    budget: Annotated[list[str], typer.Option(help="Energy of an image, such as '20 uJ', for bits by layer.")] = [],  # noqa: B006
    mean: Annotated[str, typer.Option(help="Mean per channel of the images, scaled to 0..1.")] = "0.485,0.456,0.406",
    std: Annotated[str, typer.Option(help="Standard deviation per channel.")] = "0.229,0.224,0.225",
    images: Annotated[int, typer.Option(min=1, help="At most so many images.")] = 200,
    instances: Annotated[int, typer.Option(min=1, help="Chip instances.")] = 1,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    csv: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw accuracy against energy to this .svg, .png or .pdf file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for torch; all cores by default.")] = None,
    plugin: Annotated[list[str], typer.Option(help="Module whose classes the chip file may name.")] = [],  # noqa: B006
) -> None:
    """Compare bits of weights (per column, per tensor), of inputs, and of converters, equal or by layer.

    Prints accuracy and energy of each choice, right after programming. About three minutes for the shipped ResNet-20.

    Example: **mho quantize --weights 8,4 --adc 4,5,6,8 --picture front.svg**
    """
    import torch

    from mho import Chip, Quantization, allocate, capture, tradeoff
    from mho.core import parse_quantity
    from mho.reports import picture_kind, save_figure, tradeoff_front
    from mho.samples import cifar10_sample, load_images, resnet20

    from ._show import answers, bars, check_places, console, noted

    for file in (csv, picture):
        if file is not None:
            check_places(file.parent, file)
    if picture is not None:
        picture_kind(picture)
    if threads is not None:
        torch.set_num_threads(threads)
    if model is not None and data is None:
        raise FileError("a model needs images and labels to count; give --data")
    loaded = Chip.load(chip, plugin)
    loaded = loaded.with_converter(converter) if converter else loaded
    wanted = max(1000, images + images // (_CALIBRATION - 1) + _CALIBRATION)
    x, y = cifar10_sample() if data is None else load_images(data, *normalisation(mean, std), limit=wanted)
    one = torch.arange(len(x)) % _CALIBRATION == 1 if len(x) >= 2 * _CALIBRATION else torch.zeros(len(x)).bool()
    few = (x[one] if one.any() else x)[:_MOST]
    x, y = x[~one][:images], y[~one][:images]
    graph = capture(resnet20() if model is None else network_of(model), x[:1])
    how: Literal["largest", "least squares"] = "least squares" if clip else "largest"
    series: dict[str, list[Quantization]] = {}
    for bits in _bits(weights, "--weights"):
        series.setdefault("weights per column", []).append(Quantization(bits, clip=how))
        series.setdefault("weights per tensor", []).append(Quantization(bits, per="tensor", clip=how))
    for bits in _bits(inputs, "--inputs"):
        series.setdefault("inputs in equal steps", []).append(Quantization(input_bits=bits))
        series.setdefault("inputs of Lloyd-Max levels", []).append(Quantization(input_bits=bits, inputs="lloyd-max"))
    adc_bits = _converter_bits(loaded) if adc is None else _bits(adc, "--adc")
    budgets = [parse_quantity(b, "J") for b in budget] or None
    if not series and not adc_bits:
        raise FileError("there is nothing to compare; give --weights, --inputs or --adc")
    found: list[Tradeoff] = []
    with noted(), bars() as open_bar:
        if series:
            bar = open_bar("bits of weights and inputs")
            found.append(
                tradeoff(
                    graph, loaded, (x, y), series, seed=seed, instances=instances, calibration=few, progress=bar
                )
            )  # fmt: skip
        if adc_bits:
            bar = open_bar("bits of converters")
            found.append(
                allocate(
                    graph, loaded, (x, y), bits=adc_bits, budgets=budgets, seed=seed, instances=instances,
                    calibration=few, progress=bar,
                    options=Quantization(adc_range="least squares" if clip_sums else "covering"),
                )
            )  # fmt: skip
    result = found[0] if len(found) == 1 else found[0] + found[1]
    if csv is not None:
        result.save(csv)
    if picture is not None:
        save_figure(tradeoff_front(result), picture)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=1))
        return
    title = f"{'ResNet-20' if model is None else model} on {result.name}, {result.images} images"
    answers.print(_table(result, title))
    answers.print(f"float32: {100 * result.float_accuracy:.1f} %")
    if adc is None and not adc_bits:
        console.print(f"note: the converters of {result.name} always resolve all their bits")


def _bits(text: str, option: str) -> list[int]:
    try:
        return [int(b) for b in text.split(",")] if text.strip() else []
    except ValueError:
        raise FileError(f"{option} must be whole numbers with commas between, such as 8,6,4, not {text!r}") from None


def _converter_bits(chip: Chip) -> list[int]:
    """Return what resolutions a chip's converters have from 4 bits up; none if they always resolve all."""
    from mho.tiles import AnalogTile

    if not isinstance(chip.tile, AnalogTile):
        return []
    most = chip.tile.converter.resolution
    try:
        chip.tile.at_bits(converter=most - 1)
    except SpecError:
        return []
    return list(range(min(4, most - 1), most + 1))


def _table(result: Tradeoff, title: str) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho.core import format_quantity

    table = Table(
        title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False,
    )  # fmt: skip
    table.add_column("")
    table.add_column("bits", overflow="fold")
    for head in ("accuracy", "energy", "latency"):
        table.add_column(head, justify="right", no_wrap=True)
    before = ""
    for p in result.points:
        if before and p.series != before:
            table.add_section()
        spread = f" ± {100 * float(p.accuracy.std()):.1f}" if len(p.accuracy) > 1 else ""
        table.add_row(
            "" if p.series == before else p.series,
            p.label,
            f"{100 * float(p.accuracy.mean()):.1f}{spread} %",
            format_quantity(p.energy, "J"),
            format_quantity(p.latency, "s"),
        )
        before = p.series
    return table
