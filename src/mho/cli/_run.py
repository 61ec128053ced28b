"""`mho run`: the main job on the shipped network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._main import app
from ._options import CarryAdc, ClipSums


@app.command()
def run(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("mho-report"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write all numbers to this file.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Images instead of the shipped sample: a Parquet file or a Hugging Face name."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="At most so many images.")] = 1000,
    instances: Annotated[int, typer.Option(min=1, help="Chip instances of the analog chips.")] = 8,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    adc: Annotated[
        list[str],
        typer.Option(help="Also with this converter in the analog chips, such as memristive-5b; see: mho adc."),
    ] = [],  # noqa: B006
    carry_adc: CarryAdc = False,
    clip_sums: ClipSums = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for torch; all cores by default.")] = None,
) -> None:
    """Do the main job: ResNet-20 on CIFAR-10 (JPEG) images on three chips, with a report.

    The network as trained plainly, and fine-tuned with weight noise, on the 64-core phase-change chip `hermes` right
    after programming, after a day and after a year, with and without drift compensation; the tuned one on
    `tile2-rram`, the plain one on `dimc-sram`. About three minutes on two cores.

    Example: **mho run --images 200 --instances 2 --out quick-look**
    """
    import torch

    from mho import Chip, Quantization, ablate, evaluate, report
    from mho.compiler import capture
    from mho.samples import cifar10_sample, load_images, resnet20

    from ._show import bars, check_places, converter_notes, finish

    check_places(out, json_file)
    if threads is not None:
        torch.set_num_threads(threads)
    x, y = cifar10_sample(images) if data is None else load_images(data, limit=images)
    graphs = {kind: capture(resnet20(kind), x[:1]) for kind in ("plain", "noise")}
    few = slice(None, None, 4)
    some = few if len(x) >= 400 else slice(None)
    chips = {name: Chip.load(name) for name in ("hermes", "tile2-rram", "dimc-sram")}
    swapped = {(name, a): chips[name].with_converter(a, carry_adc) for a in adc for name in ("hermes", "tile2-rram")}
    seen: dict[str, tuple[int, slice]] = {
        "hermes": (instances, slice(None)),
        "tile2-rram": (max(1, instances // 2), some),
    }
    options = Quantization(adc_range="least squares" if clip_sums else "covering")
    plan = (
        ("plain on hermes", "plain", chips["hermes"], instances, slice(None)),
        ("noise-tuned on hermes", "noise", chips["hermes"], instances, slice(None)),
        ("noise-tuned on tile2-rram", "noise", chips["tile2-rram"], max(1, instances // 2), some),
        ("plain on dimc-sram", "plain", chips["dimc-sram"], 1, slice(None)),
        *((f"noise-tuned on {name}, {a}", "noise", chip, *seen[name]) for (name, a), chip in swapped.items()),
    )
    with bars() as open_bar:
        evaluations = [
            evaluate(
                graphs[kind],
                chip,
                (x[part], y[part]),
                name=name,
                seed=seed,
                instances=count,
                calibration=x[:: max(1, len(x) // 128)],
                options=options,
                progress=open_bar(name),
            )
            for name, kind, chip, count, part in plan
        ]
        ablation = ablate(
            graphs["noise"],
            chips["hermes"],
            (x[some], y[some]),
            name="noise-tuned on hermes",
            seed=seed,
            instances=max(1, instances // 2),
            calibration=x[:: max(1, len(x) // 128)],
            options=options,
            progress=open_bar("which non-ideality costs what"),
        )
    source = "CIFAR-10 (JPEG), the shipped sample" if data is None else data
    notes = [f"Images: {len(x)} of {source}."]
    if len(x) >= 400:
        notes[0] += f" To keep the run short, tile2-rram sees {len(y[few])} of them on {plan[2][3]} chips."
    named = {e.name: e for e in evaluations}
    pairs = [(named[f"noise-tuned on {n}"], named[f"noise-tuned on {n}, {a}"]) for n, a in swapped]
    notes += converter_notes(pairs, clip_sums, adc if carry_adc else ())
    finish(report(evaluations, "ResNet-20 on three compute-in-memory chips", notes, [ablation]), out, json_file)
