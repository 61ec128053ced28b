"""What stands around a converter: inputs in digits, slices combined before or after, bits of numbers, noise floor."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

import mho
from mho.converters import Sar, load_converter
from mho.core import Seed
from mho.cost import crossover, precision
from mho.devices import Ideal
from mho.samples import cifar10_sample, resnet20
from mho.tiles import AnalogTile, BitParallel, BitSerial, BitSliced, Combined, Condition, LinearLayout, Split, load_tile

from ._row import Row


def chain_rows(images: int = 1000) -> list[Row]:
    """Compare what must be equal, what must lie between, and what bits cost."""
    return [_combined_row(), *_input_rows(), _eight_bits_row(images), *_noise_rows()]


def _combined_row() -> Row:
    """Compare products whose slices are added before one conversion with those of a conversion each, ideal parts."""
    tile, sar = load_tile("tile2"), load_converter("sar-8b")
    assert isinstance(tile, AnalogTile)
    assert isinstance(sar, Sar)
    sar = replace(sar, bits=16, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    tile = replace(tile, cell=Ideal(1e-9, 1e-4, 0.0, 0.0, 0.0), wires=None, converter=sar, rows=64, cols=16)
    weights, x = (_integers(name, 127, size) for name, size in (("w", (16, 64)), ("x", (32, 64))))
    layout = LinearLayout(64, 16, 64)

    def product(own: AnalogTile) -> Tensor:
        scale = own.full_scale(layout, weights, x, True)
        state = own.program(layout, weights, scale, [Seed(0)], [Condition(None)], True)
        return own.multiply(layout, state, x[None], True, None)[0, 0]

    after, before = product(tile), product(replace(tile, weights=Combined(BitSliced(8))))
    apart = float((after - before).abs().max() / after.abs().max())
    return Row("slices combined before conversion against after: largest difference of products", "%", (0.0, 0.1),
               100 * apart, 0.0, "equal with ideal parts", "definition", "converters of 16 bits")  # fmt: skip


def _integers(name: str, most: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randint(-most, most + 1, shape, generator=Seed(0).child(name).generator()).float()


def _input_rows() -> list[Row]:
    """Compare digits of four bits with bits in turn and all bits at once, 1 ns a step."""
    serial, whole = BitSerial(8, 1e-9), BitParallel(8, lsb_time=1e-9)
    split = Split(8, 4, lsb_time=1e-9)
    times = [1e9 * p.pulse_time * len(p.significance(False)) for p in (serial, split, whole)]
    steps = [float(p.pulse_steps) for p in (serial, split, whole)]
    source = "between bits in turn and all bits at once"
    return [
        Row(f"inputs in two digits of widths: {what}", unit, (low, high), ours, 0.0, source, "definition")
        for what, unit, (low, ours, high) in (
            ("time of all pulses", "ns", times),
            ("largest pulse, and so the range of the converter", "steps", steps),
        )
    ]


def _eight_bits_row(images: int) -> Row:
    """Compare ResNet-20 with weights and inputs of eight bits, all products exact, with floats."""
    x, labels = cifar10_sample(images)
    found = mho.evaluate(resnet20(), "dimc-sram", (x, labels), instances=1, conditions=[Condition(None)])
    lost = 100 * (found.float_accuracy - found.accuracy()[0].mean)
    return Row("ResNet-20, weights and inputs of 8 bits, exact products: accuracy lost", "points", (-0.5, 0.5), lost,
               0.0, "half a point at most, the bar is ours", comment=f"{images} images of CIFAR-10 (JPEG)")  # fmt: skip


def _noise_rows() -> list[Row]:
    """Compare a dot product summed on a line with one of gates, by bits."""
    grown = precision(16).analog.energy / precision(15).analog.energy
    bits = crossover("energy")
    return [
        Row("analog energy of one bit more at the noise floor, 15 to 16 bits", "ratio", 4.0, grown, 0.02,
            "kT/C: four times the capacitor for half the noise", "definition"),
        Row("bits above which gates take less energy than a line and a converter, 28 nm", "bits", (8.0, 16.0), bits,
            0.0, "beyond the bits in use, before the noise floor has it all; the bar is ours",
            comment="256 rows; both at their best"),
    ]  # fmt: skip
