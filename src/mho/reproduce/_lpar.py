"""The fully parallel RRAM chip [liu2020]: converters that count in pulses, which drive the next array."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean, stdev

import torch
from torch import Tensor, nn

import mho.nn
from mho.converters import Ramp, load_converter
from mho.samples import mnist_sample, ternary_perceptron
from mho.tiles import AnalogTile, BitParallel, Quantization, load_tile

from ._row import Result, Row

_LAYERS = {
    "0": Quantization(clip="least squares", adc_bits=3, adc_range="least squares"),
    "2": Quantization(clip="least squares", adc_bits=8),
}
"""Counts of two bits and a sign behind the first array, of eight bits behind the second."""
_BATCH = 500


def lpar_tile() -> AnalogTile:
    """Return the arrays of the chip with ideal lines, into which counts of 0 to 3 come as pulses."""
    tile = load_tile("liu2020")
    assert isinstance(tile, AnalogTile)
    counts = BitParallel(3, "phases", lsb_time=10e-9)
    return replace(tile, wires=None, inputs=counts, converter=load_converter("lpar-8b"))


def digits() -> tuple[Tensor, Tensor]:
    """Return pixels of 0 and 1 and labels."""
    x, labels = mnist_sample()
    return (x + 1) / 2, labels


def tiled() -> nn.Module:
    """Return the shipped perceptron on the arrays, calibrated on a quarter of the digits."""
    network = mho.nn.convert(ternary_perceptron(), lpar_tile(), layers=_LAYERS).eval()
    mho.nn.calibrate(network, digits()[0][::4])
    return network


def _compute(chips: int = 4) -> list[Row]:
    (x, labels), tile, network = digits(), lpar_tile(), tiled()
    counted = torch.arange(len(x)) % 4 != 0
    x, labels = x[counted], labels[counted]
    with torch.no_grad():
        floats, exact = (
            100 * float((n(x).argmax(-1) == labels).double().mean()) for n in (ternary_perceptron(), network)
        )
        written = mho.nn.program(network, instances=chips).at(None)
        answers = [written(some, first=i * _BATCH).argmax(-1) for i, some in enumerate(x.split(_BATCH))]
    found = (100 * (torch.cat(answers, 1) == labels).double().mean(1)).tolist()
    assert isinstance(tile.converter, Ramp)
    made = replace(tile, converter=replace(tile.converter, pulses=False))
    sent, registers = (t.mvm_cost(100, 10, False)["input encoding"].energy for t in (tile, made))
    return [
        Row("digits, counts of 2 and 8 bits", "%", 92.0, mean(found), 0.03, "[liu2020], from notes: about",
            comment=f"± {stdev(found):.1f} between {chips} chips with ideal lines; perceptron 784-100-10 of our own, "
            f"{len(x)} images; {exact:.1f} % with converters that do not err, {floats:.1f} % in floats"),
        Row("inputs of the second array: energy of counts that come as pulses over those made from registers", "ratio",
            (0.0, 1.0), sent / registers, 0.0, "[liu2020]: no input converters between arrays",
            comment="word lines charged once a pulse, no comparison a step"),
    ]  # fmt: skip


RESULT = Result("Pulse-counting converters of the fully parallel RRAM chip", _compute)
