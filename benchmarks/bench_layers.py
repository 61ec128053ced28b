"""Layers and networks on tiles (`mho.nn`) against torch's own, forward and backward, in one process and one run.

Tiles of 512 rows in one-pass mode, 8-bit converters, output noise on; interleaved rounds, median of the process's CPU
time, one thread unless told otherwise. Prints ratios beside their bars; `--json FILE` keeps them.
"""

from __future__ import annotations

import argparse
import json
import resource
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mho.nn
from mho import Chip, Condition, Seed
from mho.arrays import Wires
from mho.converters import load_converter
from mho.core import rounds
from mho.nn import TrainingNoise
from mho.tiles import AnalogTile, BitSerial, BitSliced, LinearLayout, load_tile
from timing import timed


class Block(nn.Module):
    """The basic block of ResNet-18."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.short = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Add both ways."""
        return F.relu(self.body(x) + self.short(x))


def resnet18() -> nn.Sequential:
    """Return the form for CIFAR."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    for inputs, outputs, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def vgg8() -> nn.Sequential:
    """Return 128-128-P-256-256-P-512-512-P-1024-10."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (128, 256, 512):
        for channels in (inputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8192, 1024), nn.ReLU(), nn.Linear(1024, 10))


def on_tiles(net: nn.Module, tile: AnalogTile, x: Tensor, cells: bool = False) -> nn.Module:
    """Convert and calibrate; noise of conversions only, unless cells shall err as well."""
    converted = mho.nn.convert(net, tile, noise=TrainingNoise(cells=cells))
    mho.nn.calibrate(converted, x)
    return converted


def chip(net: nn.Module, tile: AnalogTile, x: Tensor) -> nn.Module:
    """Return a programmed chip, ready to run."""
    return mho.nn.program(on_tiles(net, tile, x)).at(0.0).module


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="tiny networks, one round: does it run?")
    parser.add_argument("--json", type=Path, help="write the ratios here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    count = 1 if options.smoke else options.rounds
    small = 8 if options.smoke else 1
    hermes = Chip.load("hermes").tile
    assert isinstance(hermes, AnalogTile)
    tall = replace(hermes, rows=512, cols=512, wires=None)
    rows: list[dict[str, Any]] = []

    def say(case: str, mode: str, ratio: float, bar: float | None, unit: str = "x torch", above: bool = False) -> None:
        good = None if bar is None else ratio >= bar if above else ratio <= bar
        rows.append({"case": case, "mode": mode, "ratio": ratio, "bar": bar, "unit": unit, "met": good})
        mark = "" if bar is None else f"   (bar {bar:g}{'' if good else ', missed'})"
        print(f"{case:38} {mode:34} {ratio:7.2f} {unit}{mark}", flush=True)

    # First of all, while the process has not yet held anything larger.
    net, x = nn.Conv2d(256, 256, 3, padding=1), torch.randn(64, 256, 16, 16)
    many = mho.nn.program(on_tiles(net, tall, x[:4]), instances=1 if options.smoke else 8).at(0.0)
    assert many.module is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many(x[:4] if options.smoke else x)  # twice the size of the outputs is the least
    rows.append({"case": "peak memory", "mode": "VGG8 layer", "ratio": 0.0, "unit": "GiB", "bar": None, "met": None})
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    rows[-1]["ratio"] = grown
    print(
        f"a layer of VGG8 (256 ch, 3x3, 16x16), batch 64, {many.instances} chips: peak memory grows by {grown:.2f} GiB"
    )

    layers: list[tuple[str, nn.Module, Tensor, float, float]] = [
        ("linear 512x512, batch 256", nn.Linear(512, 512), torch.randn(256, 512), 1.7, 1.8),
        (
            "linear 2048x2048, batch 256",
            nn.Linear(2048 // small, 2048 // small),
            torch.randn(256, 2048 // small),
            1.5,
            1.6,
        ),
        ("conv 64 ch 3x3 on 32x32, batch 8", nn.Conv2d(64, 64, 3, padding=1), torch.randn(8, 64, 32, 32), 3.0, 3.0),
    ]
    for name, net, x, forward_bar, both_bar in layers:
        programmed, train, cells = chip(net, tall, x), on_tiles(net, tall, x), on_tiles(net, tall, x, cells=True)
        noisy = chip(net, replace(tall, fresh_reads=True), x)
        gradient, leaf = torch.randn_like(net(x)), x.clone().requires_grad_()

        def there_and_back(m: nn.Module, leaf: Tensor = leaf, gradient: Tensor = gradient) -> None:
            m.zero_grad(set_to_none=True)
            leaf.grad = None
            m(leaf).backward(gradient)

        with torch.inference_mode():
            t = timed(
                {"torch": partial(net, x), "chip": partial(programmed, x), "reads": partial(noisy, x),
                 "training": partial(train, x)}, count)  # fmt: skip
        say(name, "forward, programmed", t["chip"] / t["torch"], forward_bar)
        say(name, "forward, in training", t["training"] / t["torch"], forward_bar)
        say(name, "the same with PCM read noise", t["reads"] / t["chip"], 1.5, "x without")
        each = {"torch": net, "training": train, "cells": cells}
        t = timed({k: partial(there_and_back, m) for k, m in each.items()}, count)
        say(name, "forward and backward", t["training"] / t["torch"], both_bar)
        say(name, "the same with PCM errors and noise", t["cells"] / t["training"], 1.4, "x without")

    # A small array, since solving the wires of 512 x 512 pairs takes a minute, and the product does not know of them.
    net, x = nn.Linear(128, 128), torch.randn(1024, 128)
    short = replace(tall, rows=128, cols=128)
    wired = chip(net, replace(short, wires=Wires(0.15, 0.075, pairs="word lines")), x)
    with torch.inference_mode():
        t = timed({"chip": partial(chip(net, short, x), x), "wires": partial(wired, x)}, count)
    say("linear 128x128, batch 1024", "the same with exact IR drop", t["wires"] / t["chip"], 1.1, "x without")

    for name, net in (("VGG8", vgg8()), ("ResNet-18", resnet18())):
        x = torch.randn(2 if options.smoke else 16, 3, 32, 32)
        net.eval()
        programmed, train = chip(net, tall, x), on_tiles(net, tall, x)
        with torch.inference_mode():
            t = timed({"torch": partial(net, x), "chip": partial(programmed, x)}, max(1, count // 3))
        say(f"{name} (CIFAR), batch {len(x)}", "forward, programmed", t["chip"] / t["torch"], 2.5)

        def both(m: nn.Module, x: Tensor = x) -> None:
            m.train()(x).sum().backward()

        t = timed({"torch": partial(both, net), "training": partial(both, train)}, max(1, count // 3))
        say(f"{name} (CIFAR), batch {len(x)}", "forward and backward", t["training"] / t["torch"], 2.5)

    for name, net, x in (
        ("16 chips, linear 512x512, batch 16", nn.Linear(512, 512), torch.randn(16, 512)),
        ("16 chips, ResNet-18, batch 1", resnet18().eval(), torch.randn(1, 3, 32, 32)),
    ):
        chips = mho.nn.program(on_tiles(net, tall, x), instances=16).at(0.0)
        one = mho.nn.program(on_tiles(net, tall, x)).at(0.0)
        assert chips.module is not None
        assert one.module is not None
        t = timed({"one": partial(one, x), "all": partial(chips, x)}, max(1, count // 3))
        say(name, "at once", t["all"] / (16 * t["one"]), 0.7, "x 16 single runs")

    tile = load_tile("tile2")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, inputs=BitSerial(8, 1e-9), weights=BitSliced(8, 1), converter=load_converter("sar-8b"))
    layout, batch = LinearLayout(256, 256, 256), 256 // small
    weight, x = torch.randint(-127, 128, (256, 256)).float(), torch.randn(batch, 256)
    scale = float(x.abs().max()) / 127
    full_scale = tile.full_scale(layout, weight, (x / scale).round(), True)
    state = tile.program(layout, weight, full_scale, [Seed(0)], [Condition(0.0)], True)
    product = torch.randn(2048 // small, 2048 // small)

    def fast() -> object:
        from mho.core import product as multiply

        return multiply(product[None], product[None])

    t = timed(
        {"matmul": lambda: product @ product, "fast": fast,
         "serial": lambda: tile.multiply(layout, state, (x / scale).round_()[None], True, None)}, count)  # fmt: skip
    done = 2 * 256 * 256 * batch * 64 / t["serial"]
    name = f"bit-serial x bit-sliced 256x256, batch {batch}"
    say(name, "of torch's float32 matmul rate", done / (2 * len(product) ** 3 / t["matmul"]), 1.0, "x", above=True)
    say(name, "of the fastest float32 product", done / (2 * len(product) ** 3 / t["fast"]), None, "x")
    print(
        f"oneDNN's products round to bfloat16 here: {rounds()}; float32 product {t['matmul'] / t['fast']:.2f} x torch's"
    )

    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
