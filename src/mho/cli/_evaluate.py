"""`mho evaluate`: the same for the user's own network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from mho.core import FileError

from ._main import app
from ._network import network_of
from ._options import CarryAdc, ClipSums


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A .pt2 or .onnx file, or package.module:factory that returns an nn.Module.")
    ],
    data: Annotated[str, typer.Option(help="Images and labels: a Parquet file or a Hugging Face name.")],
    chip: Annotated[list[str], typer.Option(help="Preset or TOML file; give it again to compare.")] = ["hermes"],  # noqa: B006
    adc: Annotated[
        list[str],
        typer.Option(help="Also with this converter in the chips, a preset or a TOML file, to compare; see: mho adc."),
    ] = [],  # noqa: B006
    carry_adc: CarryAdc = False,
    clip_sums: ClipSums = False,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("mho-report"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write all numbers to this file.")] = None,
    images: Annotated[int, typer.Option(min=1, help="At most so many images.")] = 1000,
    instances: Annotated[int, typer.Option(min=1, help="Chip instances.")] = 8,
    times: Annotated[
        str, typer.Option(help="Times after programming, comma-separated, such as '0 s,1000 s'; m, h, d too.")
    ] = "0 s,1 d,365 d",
    kelvin: Annotated[
        list[float],
        typer.Option(
            min=1, max=2000, help="Temperature of ageing and reading, again to compare. [default: as written]"
        ),
    ] = [],  # noqa: B006
    mean: Annotated[str, typer.Option(help="Mean per channel of the images, scaled to 0..1.")] = "0.485,0.456,0.406",
    std: Annotated[str, typer.Option(help="Standard deviation per channel.")] = "0.229,0.224,0.225",
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    ablation: Annotated[
        bool, typer.Option("--ablate", help="Also say what each non-ideality of each chip costs in accuracy.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for torch; all cores by default.")] = None,
    plugin: Annotated[list[str], typer.Option(help="Module whose classes chip files may name.")] = [],  # noqa: B006
) -> None:
    """Evaluate your own network on one chip or several: accuracy over time, energy, latency, area, report.

    Example: **mho evaluate model.onnx --chip hermes --chip my-chip.toml --data test.parquet**
    """
    import torch

    from mho import Chip, Condition, Quantization, ablate, capture, default_conditions, report
    from mho import evaluate as evaluate_
    from mho._evaluate import DAY
    from mho.samples import load_images

    from ._show import bars, check_places, converter_notes, finish

    check_places(out, json_file)
    if threads is not None:
        torch.set_num_threads(threads)
    loaded = [Chip.load(c, plugin) for c in chip]
    chips = [c for own in loaded for c in (own, *(own.with_converter(a, carry_adc) for a in adc))]
    cold = list(dict.fromkeys(c.name for c in chips if kelvin and not c.tile.feels_heat))
    if cold:
        raise FileError(
            f"--kelvin needs cells that say what heat does, not those of {', '.join(cold)}; "
            'put one into an analog tile, such as cell = "rram-thermal", or type = "Thermal" around its own'
        )
    heats = [(k, f", {k:g} K") for k in dict.fromkeys(kelvin)] or [(None, "")]
    moments = sorted({_time(t) for t in times.split(",")})
    network = network_of(model)
    means, deviations = normalisation(mean, std)
    x, y = load_images(data, means, deviations, images)
    graph = capture(network, x[:1])
    label = model.partition(":")[2] if ":" in model else Path(model).stem
    options = Quantization(adc_range="least squares" if clip_sums else "covering")
    with bars() as open_bar:
        evaluations = [
            evaluate_(
                graph,
                c,
                (x, y),
                name=f"{label} on {c.name}{at}",
                seed=seed,
                instances=instances,
                conditions=default_conditions(c, moments, k),
                options=options,
                progress=open_bar(f"{c.name}{at}"),
            )
            for c in chips
            for k, at in heats
        ]
        ablations = [
            ablate(
                graph, c, (x, y), name=f"{label} on {c.name}{at}", seed=seed, instances=max(1, instances // 2),
                condition=Condition(DAY, c.compensation, k), options=options,
                progress=open_bar(f"non-idealities of {c.name}{at}"),
            )
            for c in chips
            for k, at in heats
            if ablation and c.effects
        ]  # fmt: skip
    # Evaluations stand chip by chip: each loaded one, then the same with other converters, at every temperature.
    block = (1 + len(adc)) * len(heats)
    pairs = [
        (evaluations[i - i % block + i % len(heats)], e) for i, e in enumerate(evaluations) if i % block >= len(heats)
    ]
    title = f"{Path(model).name} on {', '.join(c.name for c in loaded)}"
    finish(
        report(evaluations, title, converter_notes(pairs, clip_sums, adc if carry_adc else ()), ablations),
        out,
        json_file,
    )


def normalisation(mean: str, std: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the channels from the texts of `--mean` and `--std`."""
    means, deviations = _numbers(mean, "--mean"), _numbers(std, "--std")
    if min(deviations) <= 0:
        raise FileError(f"--std must be above zero, not {std!r}")
    return means, deviations


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in text.split(","))
    except ValueError:
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise FileError(f"{option} must be numbers with commas between, such as 0.5,0.5,0.5, not {text!r}")
    return values


def _time(text: str) -> float:
    from mho.core import parse_quantity

    units = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "y": 365 * 86400.0}
    stripped = text.strip()
    number = stripped.rstrip("abcdefghijklmnopqrstuvwxyz").strip()
    unit = stripped[len(number) :].strip()
    try:
        value = float(number) * units[unit] if unit in units else parse_quantity(stripped, "s")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileError(f"--times must be times such as '0 s', '1 h' or '30 d', not {text!r}")
    if value < 0:
        raise FileError(f"--times must not be negative, not {text!r}")
    return value
