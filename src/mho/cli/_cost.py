"""`mho cost`: where energy, time and area of a chip go, alone or with a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import FileError, write_atomically

from ._cost_tables import compare, leaves_csv, list_assumed, network_table, peak, peak_table
from ._main import app
from ._network import network_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mho import Chip
    from mho.core import CostTree
    from mho.ir import Graph, Program

_SHIPPED = ("resnet20", "vgg8")


@app.command()
def cost(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] CHIP",
            help="A chip, a preset or a TOML file; before it a network: resnet20, vgg8, a .pt2 or .onnx file, or "
            "package.module:factory.",
        ),
    ],
    vs: Annotated[list[str], typer.Option(help="Also on this chip, to compare; give it again for more.")] = [],  # noqa: B006
    node: Annotated[str | None, typer.Option(help="All chips made in this technology node, such as '7 nm'.")] = None,
    supply: Annotated[str | None, typer.Option(help="At this supply, with --node, such as '0.7 V'.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="With this network between the tiles of all chips: h-tree, mesh, or a TOML file."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Images for the network: a Parquet file or a Hugging Face name.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option(help="Shape of its input, such as 3,32,32, for normal noise instead.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Run the program on two chips and count, instead of estimating activity.")
    ] = False,
    layers: Annotated[bool, typer.Option("--layers", help="All layers, not only those that take most energy.")] = False,
    assumed: Annotated[bool, typer.Option("--assumed", help="List the numbers that are assumed.")] = False,
    table: Annotated[Path | None, typer.Option("--csv", help="Write every leaf of the cost to this CSV file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw where energy, time and area go to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a chip costs, and one image of a network on it: energy, time and area by block and layer.

    Activity comes from the distributions of a few images, which takes a moment; with --exact from a run. The peak
    figures stand beside what published silicon says of such a chip.

    Examples: **mho cost hermes**, **mho cost resnet20 hermes --vs dimc-sram --picture cost.svg**
    """
    from rich.markup import escape

    from mho import Chip
    from mho.cost import summarise, uncounted
    from mho.reports import cost_figure, picture_kind, save_figure

    from ._show import answers, check_places, noted

    if not 1 <= len(names) <= 2:
        raise FileError(f"mho cost takes a chip, or a network and a chip, not {len(names)} names; compare with --vs")
    for file in (table, picture):
        if file is not None:
            check_places(file.parent, file)
    if picture is not None:
        picture_kind(picture)
    chips = [Chip.load(name) for name in (names[-1], *vs)]
    if supply is not None and node is None:
        raise FileError("--supply goes with --node, since delay and leakage follow both")
    if node is not None:
        chips = [chip.at_node(node, supply) for chip in chips]
    if network is not None:
        chips = [chip.with_network(network) for chip in chips]
    if len(names) == 1:
        if table is not None or picture is not None or exact or layers or data is not None or shape is not None:
            raise FileError(
                "--csv, --picture, --exact, --layers, --data and --shape need a network before the chip, "
                "such as resnet20"
            )
        rows = [peak(chip) for chip in chips]
        if as_json:
            typer.echo(json.dumps(rows, indent=1))
            return
        peak_table(chips, rows)
        if assumed:
            list_assumed(chips)
        return
    graph, images, origin = _network(names[0], data, shape)
    results: list[tuple[Program, CostTree]] = []
    with noted():
        results = [_estimate(graph, images, chip, exact) for chip in chips]
    if table is not None:
        write_atomically(table, leaves_csv(results))
    if picture is not None:
        save_figure(cost_figure(results, names[0]), picture)
    if as_json:
        out = [
            {
                "chip": p.chip.name,
                "fingerprint": p.chip.fingerprint(),
                "inputs": origin,
                "uncounted": uncounted(p.chip),
                "energy_range_j": summarise(p, t).energy_range,
                "cost": t.to_dict(),
            }
            for p, t in results
        ]
        typer.echo(json.dumps(out, indent=1))
        return
    for program, tree in results:
        network_table(names[0], program, tree, layers)
    if len(results) > 1:
        compare(results)
    how = "counted in a run" if exact else "from distributions of values"
    answers.print(f"Inputs: {escape(origin)}. Activity: {how}.")
    if assumed:
        list_assumed(chips)


def _network(name: str, data: str | None, shape: str | None) -> tuple[Graph, Tensor, str]:
    """Return the captured network, a few images, and where these are from."""
    from mho import capture
    from mho.core import Seed
    from mho.samples import cifar10_sample, load_images, resnet20, vgg8, vgg8_images

    if name in _SHIPPED:
        if data is not None or shape is not None:
            raise FileError(f"{name} comes with its images; leave --data and --shape out")
        x, _ = cifar10_sample(16)
        model: nn.Module | Path = resnet20("plain")
        if name == "vgg8":
            x, _ = vgg8_images(16)
            model = vgg8()
        return capture(model, x[:1]), x, "16 images of CIFAR-10 (JPEG)"
    if (data is None) == (shape is None):
        raise FileError("a network of your own needs either --data (images) or --shape (its input, such as 3,32,32)")
    model = network_of(name)
    if data is not None:
        x, _ = load_images(data, limit=16)
        return capture(model, x[:1]), x, f"16 images of {data}"
    try:
        sizes = tuple(int(v) for v in (shape or "").split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise FileError(f"--shape must be whole numbers with commas between, such as 3,32,32, not {shape!r}")
    x = Seed(0).child("images").normal((8, *sizes))
    return capture(model, x[:1]), x, "normal noise: energies depend on the data, so take real inputs where you can"


def _estimate(graph: Graph, images: Tensor, chip: Chip, exact: bool) -> tuple[Program, CostTree]:
    from mho import compile, estimate, quantize, run
    from mho.cost import expected_counts

    program = compile(quantize(graph, chip, images), chip)
    counts = run(program, images, instances=2).counts if exact else expected_counts(program, images)
    return program, estimate(program, counts)
