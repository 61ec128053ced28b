"""The memristive adaptive converter [hong2025]: its code, linearity, quantiser, and cost in a system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

import mho
from mho.converters import (
    ROOMS,
    AbstractConverter,
    QCell,
    Sar,
    bench,
    johnson,
    lloyd_max,
    load_adc_survey,
    load_converter,
    uniform,
)
from mho.core import Loader, read_tensors
from mho.samples import resnet18, vgg8, vgg8_images
from mho.tiles import AnalogTile, load_tile

from ._adaptive_networks import memristive_of, network_rows, partial_rows, shape_rows, study_rows
from ._product import product
from ._row import Result, Row

_SAMPLE = Path(mho.__file__).parent / "data" / "samples" / "readc-layer-outputs.safetensors"
_LINEARITY = {
    (4, 1.0): (0.159, 0.210), (4, 2.0): (0.292, 0.441), (4, 2.5): (0.325, 0.491),
    (5, 1.0): (0.319, 0.419), (5, 2.0): (0.634, 0.892), (5, 2.5): (0.700, 1.070),
    (6, 1.0): (0.717, 0.940), (6, 2.0): (1.217, 1.499), (6, 2.5): (1.694, 2.262),
}  # fmt: skip
"""Largest INL and DNL in LSB, mean of eight samples, by bits and spread of the devices in %: Fig. 4c and d."""


@dataclass(frozen=True)
class System:
    """What was published of a network on a whole chip, in %."""

    build: Callable[[], nn.Module]
    prefix: str
    source: str
    published: dict[str, tuple[float | None, float | None, float]]
    """Of energy and area: converters' share, what is left of it with the memristive one, and what that saves."""


VGG8_SYSTEM = System(
    vgg8, "", "[hong2025], VGG8, simulated there with DNN+NeuroSim",
    {"energy": (79.8, 22.5, 57.2), "area": (47.6, 16.9, 30.7)},
)  # fmt: skip
RESNET18_SYSTEM = System(
    resnet18, "ResNet-18, ", "[hong2025], ResNet-18 for ImageNet, simulated there with DNN+NeuroSim; ours for CIFAR-10",
    {"energy": (None, None, 56.9), "area": (None, None, 25.1)},
)  # fmt: skip


def _compute() -> list[Row]:
    return [*_circuit_and_cost(500), *shape_rows(), *network_rows(), *partial_rows()]


def _study() -> list[Row]:
    """750 images, 16 sources of up to 5 % variation, 6 bits, ResNet-18; partial sums on four chips."""
    return [*_circuit_and_cost(2000), *shape_rows(), *study_rows()]


def _circuit_and_cost(columns: int) -> list[Row]:
    systems = [row for system in (VGG8_SYSTEM, RESNET18_SYSTEM) for row in system_rows(system)]
    return [*circuit_rows(columns), *quantiser_rows(), *cost_rows(), *systems]


def circuit_rows(columns: int = 500) -> list[Row]:
    """Compare code and linearity."""
    words = ["".join(map(str, word)) for word in johnson(3)]
    same = words == ["0111", "0011", "0001", "0000", "1000", "1100", "1110", "1111"]
    cell = Loader(ROOMS).load(QCell, "readc")
    edges = [float(cell.edge(torch.tensor(cell.reference), branch)) for branch in (0, 1)]
    rows = [Row("words of the 3-bit converter", "", 1.0, float(same), 0.0, "[hong2025], schematic", "definition")]
    some = memristive_of(3)
    at = some.targets(torch.arange(1.0, 8.0)).conductance
    apart = float(at[1] - at[0]) / (some.states[-1] - some.states[0])  # neighbours are an eighth of full scale apart
    moved = 100 / 8 * (0.01 / apart)
    rows.append(
        Row("how far a level moves with 1 % of the window of conductances", "% of full scale", 0.5, moved, 0.01,
            "[hong2025], Fig. 4c, d: what its INL and DNL ask for", "definition",
            "each device moves its edge over half of full scale")
    )  # fmt: skip
    for what, published, own in zip(("lower", "upper"), (0.920, 1.132), edges, strict=True):
        rows.append(
            Row(f"{what} edge of the Q-cell", "V", published, own, 0.005, "[hong2025], Fig. 2b", "fitted",
                "both memristors in the middle of their window")
        )  # fmt: skip
    for (bits, percent), published in _LINEARITY.items():
        measured = bench(memristive_of(bits).with_spread(percent / 100), columns=columns, reference="absolute")
        found = (measured.largest_inl, measured.largest_dnl)
        for what, value, own in zip(("INL", "DNL"), published, found, strict=True):
            fitted = what == "INL" and percent == 1.0
            rows.append(
                Row(f"largest {what}, {bits} bits, {percent:g} %", "LSB", value, float(own.mean()), 0.15,
                    "[hong2025], Fig. 4c, d", "fitted" if fitted else "prediction")
            )  # fmt: skip
    measured = bench(memristive_of(4), columns=columns, reference="absolute")
    for what, value, own in (("INL", 0.070, measured.inl), ("DNL", 0.095, measured.dnl)):
        rows.append(
            Row(f"rms {what} of the measured 4-bit converter", "LSB", value, float(own.square().mean().sqrt()), 0.15,
                "[hong2025], Fig. 4a, b, ten samples", comment="from the spread of the devices in Fig. 3c")
        )  # fmt: skip
    half = 2**4 // 2
    lower, upper = (own.square().mean().sqrt() for own in (measured.inl[:, : half - 1], measured.inl[:, half - 1 :]))
    rows.append(
        Row("rms INL, lower half of its levels over upper", "", 0.80, float(lower / upper), 0.25,
            "[hong2025], Fig. 4a, ten samples",
            comment="1.6 if levels moved as edges of the Q-cell do; known to 12 %")
    )  # fmt: skip
    return rows


def quantiser_rows() -> list[Row]:
    """Compare the errors of equal steps and of Lloyd-Max levels on the published outputs."""
    x = read_tensors(_SAMPLE)["outputs"]
    half = float(x.max() - x.min()) / 15 / 2
    equal = float(uniform(x.min() - half, x.max() + half, 4).error(x))
    fitted = float(lloyd_max(x, 4, start="range").error(x))
    least = float(lloyd_max(x, 4).error(x))
    source = "[hong2025], Fig. 5a, b: 4,000 outputs, 16 levels"
    return [
        Row("squared error, equal steps", "", 7.12, equal, 0.01, source, "definition",
            "levels from the least to the largest output, both included"),
        Row("squared error, Lloyd-Max", "", 2.90, fitted, 0.01, source),
        Row("equal steps over Lloyd-Max", "", 2.46, equal / fitted, 0.02, source),
        Row("equal steps over the least error", "", (2.46, 10.0), equal / least, 0.0, source,
            comment="levels of our own"),
    ]  # fmt: skip


def cost_rows() -> list[Row]:
    """Compare cost with what was published and with the two baselines."""
    cost = memristive_of(5).costs(256)
    energy, area = cost["convert"].energy, cost["part"].area
    survey = load_adc_survey()
    best_energy = min(b.energy for b in survey.baselines if b.energy)
    best_area = min(b.area for b in survey.baselines if b.area)
    trap = "the baselines have other resolutions and nodes: 10 bits at 65 nm, 8 bits at 5 nm"
    yao = load_tile("yao2020")
    assert isinstance(yao, AnalogTile)
    cycle = product(yao, False).energy("digital") / yao.inputs.resolution
    conversions = yao.cols * yao.converter.costs(yao.rows)["convert"].energy
    converters = yao.cols / yao.columns_per_converter * yao.converter.costs(yao.rows)["part"].area
    whole = sum(c.area for name, c in yao.parts().items() if name != "digital")
    own = "shares of what [yao2020] states"
    return [
        Row("energy of a conversion, 5 bits", "fJ", 12.583, 1e15 * energy, 0.01, "[hong2025], Fig. 6", "definition"),
        *breakdown_rows(),
        Row("area, 5 bits", "um2", 24.29, 1e12 * area, 0.01, "[hong2025], Fig. 6", "definition"),
        _draw_row(),
        Row("energy of the baseline over ours", "", 15.1, best_energy / energy, 0.01, "[hong2025]", "definition", trap),
        Row("area of the baseline over ours", "", 12.9, best_area / area, 0.01, "[hong2025]", "definition", trap),
        Row("converters' share of energy of the motivating macro", "%", 87.0, 100 * conversions / 371.89e-12, 0.02,
            "[hong2025], Fig. 1c; [yao2020]", "definition", f"{own}, 371.89 pJ a bit cycle"),
        Row("converters' share of area of the motivating macro", "%", 75.0, 100 * converters / 63_801.94e-12, 0.02,
            "[hong2025], Fig. 1c", "definition", f"{own}, 63,802 um2"),
        Row("converters' share of energy of `yao2020`", "%", 87.0, 100 * conversions / cycle, 0.2,
            "[hong2025], Fig. 1c", comment="cells, lines and shift-add are ours"),
        Row("converters' share of area of `yao2020`", "%", 75.0, 100 * converters / whole, 0.2, "[hong2025], Fig. 1c",
            comment="shift-add and correction in standard gates of 130 nm take most of it"),
    ]  # fmt: skip


def breakdown_rows() -> list[Row]:
    """Compare the parts of the 5-bit converter's energy and area."""
    part, cells, codes = memristive_of(5), 16, 32
    source = "[hong2025], Fig. 6"
    return [
        Row(f"{what}, 5 bits", unit, published, scale * number * own, 0.01, source, "definition")
        for what, unit, published, scale, number, own in (
            ("energy of the source drivers", "fJ", 9.28, 1e15, cells, part.source_driver_energy),
            ("energy of precharging", "fJ", 1.60, 1e15, cells, part.precharge_energy),
            ("energy of the decoder", "fJ", 0.42, 1e15, codes, part.decoder_energy),
            ("energy of the rest", "fJ", 1.28, 1e15, cells, part.other_energy),
            ("area of the Q-cells", "um2", 8.29, 1e12, cells, part.core_area),
            ("area of the decoder", "um2", 16.00, 1e12, codes, part.decoder_area),
        )
    ]


def _draw_row() -> Row:
    """Compare what our circuit of the cell draws in the time that we assume with the published energy, all of it."""
    cell, part = Loader(ROOMS).load(QCell, "readc"), memristive_of(5)
    middle = (part.states[0] + part.states[-1]) / 2
    power = 16 * float(cell.power(torch.linspace(0.75, 1.30, 56), middle, middle).mean())
    return Row(
        f"what 16 cells draw in {1e9 * part.time:g} ns",
        "fJ",
        12.583,
        1e15 * power * part.time,
        0.5,
        "[hong2025], Fig. 6, all of a conversion",
        comment=f"the time is assumed; memristors of {1e6 * middle:g} uS between the rails of our fit, inputs of "
        f"0.75 to 1.30 V; the published energy would last {1e12 * 12.583e-15 / power:.0f} ps",
    )


def system_rows(system: System, network: nn.Module | None = None) -> list[Row]:
    """Compare what the converter takes of a whole chip with a network, before and after it is exchanged.

    The chip is ours, with the sizes of the published simulation: arrays of 128 x 128 bit-sliced cells, eight columns a
    converter, 5 bits. What converters take is found by leaving them out: their energy, and leakage while they convert.
    """
    network = system.build() if network is None else network
    x, _ = vgg8_images(2)
    chip = mho.Chip.load("tile2-rram")
    assert isinstance(chip.tile, AnalogTile)
    sar = load_converter("sar-5b")
    assert isinstance(sar, Sar)
    tile = replace(chip.tile, rows=128, cols=128, converter=sar)
    graph = mho.capture(network, x)
    room = replace(chip, tile=tile, tiles=10_000)
    program = mho.compile(mho.quantize(graph, room, x), room)
    counts = mho.run(program, x[:1], instances=1, conditions=[mho.Condition(None)]).counts

    def cost(converter: AbstractConverter) -> tuple[float, float]:
        """Energy of an image and area of the tiles in use; what the cells do is the same."""
        own = replace(room, tile=replace(tile, converter=converter), tiles=program.placement.tiles_used)
        total = mho.estimate(replace(program, chip=own), counts).total
        return total.energy, total.area

    before, after = cost(sar), cost(memristive_of(5))
    bare = cost(
        replace(sar, capacitance_per_bit=0.0, capacitance_per_4bits=0.0, area_exponent=(0.0, -30.0), delay=(0.0, 0.0))
    )
    rows: list[Row] = []
    for i, what in enumerate(("energy", "area")):
        share, left, saved = system.published[what]
        for name, published, ours in (
            (f"converters' share of {what}, SAR", share, before[i] - bare[i]),
            (f"{what} of the memristive converters, of the whole chip with SAR", left, after[i] - bare[i]),
            (f"{what} saved", saved, before[i] - after[i]),
        ):
            if published is not None:
                rows.append(
                    Row(system.prefix + name, "%", published, 100 * ours / before[i], 0.2, system.source,
                        comment="another chip: tile2-rram with arrays of 128 x 128")
                )  # fmt: skip
    return rows


RESULT = Result("The memristive adaptive converter: code, linearity, quantiser, cost, networks", _compute, _study)
