"""The tile layer against torch's own layer of the same shape, in one process and one run.

Quantise, multiply in tiles, add output noise (drawn inside), convert, scale, add bias; interleaved rounds, median of
the process's CPU time, one thread unless told otherwise. Prints ratios; `--json FILE` keeps them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mho.chip import Chip
from mho.converters import load_converter
from mho.core import Seed
from mho.tiles import AbstractLayout, AnalogTile, BitSerial, Condition, ConvLayout, LinearLayout, load_tile
from timing import timed


def tile_layer(
    tile: AnalogTile, layout: AbstractLayout, weight: Tensor, x: Tensor, noisy: bool
) -> Callable[[], Tensor]:
    """Return a layer on tiles, programmed once; x is quantised to the tile's signed inputs at each call."""
    low, high = tile.weight_range
    scale = weight.abs().flatten(1).amax(1) / min(high, -low)
    integers = (weight / scale.reshape(-1, *[1] * (weight.dim() - 1))).round()
    bounds = tile.input_range(True)
    step = float(x.abs().max()) / bounds[1]
    full_scale = tile.full_scale(layout, integers, (x / step).round()[:4], True)
    state = tile.program(layout, integers, full_scale, [Seed(0)], [Condition(0.0)], True)
    shape = tile.noise_shape(layout, layout.positions(x.unsqueeze(0)), True)
    columns = (1, 1, -1, 1, 1) if weight.dim() == 4 else (-1,)
    factor, bias = (scale * step).reshape(columns), torch.zeros(len(scale)).reshape(columns)

    def run() -> Tensor:
        q = (x / step).round_().clamp_(*bounds).unsqueeze(0)
        noise = torch.randn((1, len(x), *shape)) if noisy and shape is not None else None
        return tile.multiply(layout, state, q, True, noise).mul_(factor).add_(bias)

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the ratios here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    hermes = Chip.load("hermes").tile
    assert isinstance(hermes, AnalogTile)
    tall = replace(hermes, rows=512, cols=512)
    serial = load_tile("tile2")
    assert isinstance(serial, AnalogTile)
    serial = replace(serial, inputs=BitSerial(8, 1e-9), converter=load_converter("sar-8b"))
    rows: list[dict[str, object]] = []
    torch.manual_seed(0)
    cases: list[tuple[str, Callable[[int], AbstractLayout], Tensor, Tensor, float]] = []
    for size, batch, bar in ((512, 256, 2.5), (2048, 256, 2.5)):
        weight, x = torch.randn(size, size) / size**0.5, torch.randn(batch, size)
        cases.append((f"linear {size}x{size}, batch {batch}", lambda r, n=size: LinearLayout(n, n, r), weight, x, bar))
    weight, x = torch.randn(64, 64, 3, 3) / 24, torch.randn(8, 64, 32, 32)
    conv = lambda r: ConvLayout(64, 64, (3, 3), (1, 1), (1, 1), (1, 1), 1, r)  # noqa: E731
    cases.append(("conv 64 ch 3x3 on 32x32, batch 8", conv, weight, x, 4.0))
    with torch.inference_mode():
        for name, layout, weight, x, bar in cases:
            digital = (
                (lambda w=weight, x=x: F.conv2d(x, w, padding=1))
                if weight.dim() == 4
                else (lambda w=weight, x=x: F.linear(x, w))
            )
            functions = {
                "torch": digital,
                "tiles of 512 rows, noise": tile_layer(tall, layout(512), weight, x, True),
                "tiles of 512 rows, no noise": tile_layer(tall, layout(512), weight, x, False),
                "tiles of 256 rows, noise": tile_layer(hermes, layout(256), weight, x, True),
            }
            seconds = timed(functions, options.rounds)
            for kind in list(functions)[1:]:
                ratio = seconds[kind] / seconds["torch"]
                rows.append({"case": name, "mode": kind, "ratio": ratio, "bar": bar})
                print(f"{name:36} {kind:30} {ratio:6.2f} x torch   (bar {bar:g})", flush=True)
        size, batch = 512, 64
        weight, x = torch.randn(size, size) / size**0.5, torch.randn(batch, size)
        layer = tile_layer(serial, LinearLayout(size, size, 256), weight, x, False)
        product = torch.randn(2048, 2048)
        seconds = timed({"matmul": lambda: product @ product, "serial": layer}, options.rounds)
        rate = 2 * 2048**3 / seconds["matmul"]
        done = 2 * size * size * batch * 8 * 8
        fraction = done / seconds["serial"] / rate
        rows.append(
            {
                "case": "bit-serial x bit-sliced 512x512, batch 64",
                "mode": "fraction of the matmul rate",
                "ratio": fraction,
            }
        )
        name, mode = "bit-serial x bit-sliced 512x512", "1-bit products, 64 per weight"
        print(f"{name:36} {mode:30} {fraction:6.2f} of the machine's matmul rate")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
