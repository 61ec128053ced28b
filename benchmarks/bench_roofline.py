"""Multiply-adds a second of layers on tiles against the machine's own rates: its matrix product and its memory.

Tiles of 512 rows, 8-bit converters, output noise drawn inside; one thread, CPU time. Intensity is multiply-adds over
the bytes that a layer must move at least: weights, inputs and outputs, in float32. `--json FILE` keeps the numbers;
`docs/make_figures.py` draws `docs/images/roofline.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench_layers import chip
from mho import Chip, Condition, Seed
from mho.converters import load_converter
from mho.core import product
from mho.tiles import AnalogTile, BitSerial, BitSliced, LinearLayout, load_tile
from timing import timed


def peaks(rounds: int) -> dict[str, float]:
    """Return multiply-adds a second of the faster of torch's two products, and bytes a second of a sum of arrays.

    Of the fastest round, since a roof is what the machine can do.
    """
    n = 2048
    a, b = torch.randn(1, n, n), torch.randn(1, n, n)
    long = [torch.randn(1 << 25) for _ in range(3)]
    cases: dict[str, Callable[[], object]] = {
        "torch": lambda: a[0] @ b[0],
        "product": lambda: product(a, b),
        "sum": lambda: torch.add(long[0], long[1], out=long[2]),
    }
    rates = [timed(cases, 1) for _ in range(rounds)]
    t = {name: min(r[name] for r in rates) for name in cases}
    return {
        "multiply-adds a second": n**3 / min(t["torch"], t["product"]),
        "multiply-adds a second of torch's product": n**3 / t["torch"],
        "bytes a second": 3 * 4 * len(long[0]) / t["sum"],
    }


def bit_serial() -> tuple[Callable[[], Tensor], float, float]:
    """Return a product of 8 phases x 8 slices, its multiply-adds, and the bytes it must move at least."""
    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, inputs=BitSerial(8, 1e-9), weights=BitSliced(8, 1), converter=load_converter("sar-8b"))
    layout = LinearLayout(256, 256, 256)
    weight, x = torch.randint(-127, 128, (256, 256)).float(), torch.randint(-127, 128, (256, 256)).float()
    full_scale = tile.full_scale(layout, weight, x, True)
    state = tile.program(layout, weight, full_scale, [Seed(0)], [Condition(0.0)], True)
    run = partial(tile.multiply, layout, state, x[None], True, None)
    return run, 64.0 * 256**3, 4.0 * (8 * 256**2 + 2 * 256**2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    machine = peaks(max(1, options.rounds // 3))
    for name, value in machine.items():
        print(f"{name:45} {value / 1e9:8.1f} G", flush=True)
    tile = Chip.load("hermes").tile
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=512, cols=512, wires=None)
    cases: list[tuple[str, nn.Module, Tensor]] = [
        ("linear 512, batch 1", nn.Linear(512, 512), torch.randn(1, 512)),
        ("linear 2048, batch 1", nn.Linear(2048, 2048), torch.randn(1, 2048)),
        ("linear 2048, batch 16", nn.Linear(2048, 2048), torch.randn(16, 2048)),
        ("linear 512, batch 256", nn.Linear(512, 512), torch.randn(256, 512)),
        ("linear 2048, batch 256", nn.Linear(2048, 2048), torch.randn(256, 2048)),
        ("conv 16 ch, 32 x 32", nn.Conv2d(16, 16, 3, padding=1), torch.randn(16, 16, 32, 32)),
        ("conv 64 ch, 32 x 32", nn.Conv2d(64, 64, 3, padding=1), torch.randn(8, 64, 32, 32)),
        ("conv 256 ch, 8 x 8", nn.Conv2d(256, 256, 3, padding=1), torch.randn(16, 256, 8, 8)),
    ]
    rows: list[dict[str, Any]] = []
    with torch.inference_mode():
        for name, net, x in cases:
            analog = chip(net, tile, x)
            y: Tensor = net(x)
            weight = net.weight
            assert isinstance(weight, Tensor)
            macs = float(y.numel() * weight[0].numel())
            moved = 4.0 * (x.numel() + y.numel() + weight.numel())
            t = timed({"torch": partial(net, x), "tiles": partial(analog, x)}, options.rounds)
            rows.append({"case": name, "macs": macs, "bytes": moved} | t)
        run, macs, moved = bit_serial()
        rows.append(
            {"case": "8 phases x 8 slices, 256", "macs": macs, "bytes": moved, **timed({"tiles": run}, options.rounds)}
        )
    for row in rows:
        rates = [f"{k} {row['macs'] / row[k] / 1e9:6.1f} G/s" for k in ("torch", "tiles") if k in row]
        print(f"{row['case']:26} {row['macs'] / row['bytes']:7.1f} multiply-adds a byte   {'   '.join(rates)}")
    if options.json:
        out = {"machine": platform.machine(), "torch": torch.__version__, "peaks": machine, "layers": rows}
        options.json.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
