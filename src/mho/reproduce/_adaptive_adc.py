"""The memristive adaptive converter [hong2025]: its code, linearity, quantiser, cost, and VGG8 behind it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import torch
from scipy import stats
from torch import Tensor, nn

import mho
import mho.nn
from mho.converters import (
    AbstractConverter,
    Codebook,
    Memristive,
    Sar,
    bench,
    johnson,
    lloyd_max,
    load_adc_survey,
    load_converter,
    uniform,
)
from mho.core import Seed, read_tensors
from mho.nn import OutputConverters, capture_outputs, fit_outputs, learn_levels
from mho.samples import resnet18, vgg8, vgg8_images
from mho.tiles import AnalogTile

from ._row import Result, Row

_SAMPLE = Path(mho.__file__).parent / "data" / "samples" / "readc-layer-outputs.safetensors"
_LINEARITY = {
    (4, 1.0): (0.159, 0.210), (4, 2.0): (0.292, 0.441), (4, 2.5): (0.325, 0.491),
    (5, 1.0): (0.319, 0.419), (5, 2.0): (0.634, 0.892), (5, 2.5): (0.700, 1.070),
    (6, 1.0): (0.717, 0.940), (6, 2.0): (1.217, 1.499), (6, 2.5): (1.694, 2.262),
}  # fmt: skip
"""Largest INL and DNL in LSB, mean of eight samples, by bits and spread of the devices in %: Fig. 4c and d."""


@dataclass(frozen=True)
class Published:
    """Accuracies in % of one network, by bits of its converters."""

    network: str
    figure: str
    digital: float
    fitted: dict[int, tuple[float, float]]
    """With equal steps, and with Lloyd-Max levels."""
    varied: dict[tuple[int, float], tuple[float, float | None]]
    """The same with levels that are off by so many % of their range: mean, and spread between sources where we say."""
    paired: dict[int, float]
    """With super-resolution, levels 1 % off."""


VGG8 = Published(
    "VGG8", "[hong2025], Fig. 5c, d", 90.24,
    {3: (13.03, 68.11), 4: (52.33, 88.93), 5: (89.87, 90.20)},
    {
        (3, 1.0): (66.30, 3.57), (4, 1.0): (88.39, 1.00), (5, 1.0): (89.55, 0.56), (4, 2.0): (87.97, None),
        (5, 2.0): (88.48, None), (4, 3.0): (84.09, None), (5, 3.0): (83.98, None), (4, 5.0): (54.46, None),
        (5, 5.0): (66.84, None),
    },
    {},
)  # fmt: skip
RESNET18 = Published(
    "ResNet-18", "[hong2025], Fig. 5e, ImageNet", 69.77,
    {4: (0.15, 30.68), 5: (9.12, 61.38), 6: (48.22, 67.52)},
    {(4, 1.0): (24.13, None), (5, 1.0): (51.32, None), (6, 1.0): (59.03, None)},
    {4: 34.76, 5: 61.81, 6: 65.50},
)  # fmt: skip


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
_IMAGES, _BATCH = 250, 50
_LEARNED = 4
"""Sources that levels of our own are counted on."""
_BY_CHANCE = 105.0
"""Share of the digital accuracy, in %, that few images may show beyond it."""
_MANY = 8
"""Sources from which on a spread says something."""


def _compute() -> list[Row]:
    return [*_circuit_and_cost(500), *shape_rows(), *network_rows(), *partial_rows()]


def _study() -> list[Row]:
    """All images and 16 sources of variation, as published; 6 bits; ResNet-18."""
    return [*_circuit_and_cost(2000), *shape_rows(), *study_rows(), *partial_rows()]


def _circuit_and_cost(columns: int) -> list[Row]:
    systems = [row for system in (VGG8_SYSTEM, RESNET18_SYSTEM) for row in system_rows(system)]
    return [*circuit_rows(columns), *quantiser_rows(), *cost_rows(), *systems]


def study_rows() -> list[Row]:
    """Compare both networks with 16 sources of variation; two hours on one core."""
    return [
        *network_rows(images=750, seeds=16, bits=(3, 4, 5, 6)),
        *network_rows(resnet18(), RESNET18, images=750, seeds=16, bits=(4, 5, 6)),
    ]


def _published_levels(x: Tensor, bits: int) -> Codebook:
    """Fit levels as [hong2025] does."""
    return lloyd_max(x, bits, clip=(0.5, 99.5), start="range")


def _memristive(bits: int) -> Memristive:
    found = load_converter(f"memristive-{bits}b")
    assert isinstance(found, Memristive)
    return found


def circuit_rows(columns: int = 500) -> list[Row]:
    """Compare code and linearity."""
    words = ["".join(map(str, word)) for word in johnson(3)]
    same = words == ["0111", "0011", "0001", "0000", "1000", "1100", "1110", "1111"]
    rows = [Row("words of the 3-bit converter", "", 1.0, float(same), 0.0, "[hong2025], schematic", "definition")]
    for (bits, percent), published in _LINEARITY.items():
        measured = bench(_memristive(bits).with_spread(percent / 100), columns=columns, reference="absolute")
        found = (measured.largest_inl, measured.largest_dnl)
        for what, value, own in zip(("INL", "DNL"), published, found, strict=True):
            fitted = what == "INL" and percent == 1.0
            rows.append(
                Row(f"largest {what}, {bits} bits, {percent:g} %", "LSB", value, float(own.mean()), 0.15,
                    "[hong2025], Fig. 4c, d", "fitted" if fitted else "prediction")
            )  # fmt: skip
    measured = bench(_memristive(4), columns=columns, reference="absolute")
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
    cost = _memristive(5).costs(256)
    energy, area = cost["convert"].energy, cost["part"].area
    survey = load_adc_survey()
    best_energy = min(b.energy for b in survey.baselines if b.energy)
    best_area = min(b.area for b in survey.baselines if b.area)
    trap = "the baselines have other resolutions and nodes: 10 bits at 65 nm, 8 bits at 5 nm"
    return [
        Row("energy of a conversion, 5 bits", "fJ", 12.583, 1e15 * energy, 0.01, "[hong2025], Fig. 6", "definition"),
        Row("area, 5 bits", "um2", 24.29, 1e12 * area, 0.01, "[hong2025], Fig. 6", "definition"),
        Row("energy of the baseline over ours", "", 15.1, best_energy / energy, 0.01, "[hong2025]", "definition", trap),
        Row("area of the baseline over ours", "", 12.9, best_area / area, 0.01, "[hong2025]", "definition", trap),
        Row("converters' share of energy of the motivating macro", "%", 87.0, 100 * 32 * 4 * 2.55 / 371.89, 0.02,
            "[hong2025], Fig. 1c; [yao2020]", "definition", "32 converters x 4 conversions x 2.55 pJ of 371.89 pJ"),
        Row("converters' share of area of the motivating macro", "%", 75.0, 100 * 48_000 / 63_801.94, 0.02,
            "[hong2025], Fig. 1c", "definition"),
    ]  # fmt: skip


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

    before, after = cost(sar), cost(_memristive(5))
    bare = cost(
        replace(sar, capacitance_per_bit=0.0, capacitance_per_4bits=0.0, area_exponent=(0.0, -30.0), delay=(0.0, 0.0))
    )
    rows: list[Row] = []
    for i, what in enumerate(("energy", "area")):
        share, left, saved = system.published[what]
        for name, published, ours in (
            (f"converters' share of {what}, SAR", share, before[i] - bare[i]),
            (f"share of {what} with the memristive one, of the total before", left, after[i] - bare[i]),
            (f"{what} saved", saved, before[i] - after[i]),
        ):
            if published is not None:
                rows.append(
                    Row(system.prefix + name, "%", published, 100 * ours / before[i], 0.2, system.source,
                        comment="another chip: tile2-rram with arrays of 128 x 128")
                )  # fmt: skip
    return rows


def shape_rows(network: nn.Module | None = None, images: int = 100) -> list[Row]:
    """Compare how the outputs of the first three layers are distributed, less their mean and over their deviation."""
    outputs = capture_outputs(vgg8() if network is None else network, vgg8_images(images)[0].split(_BATCH))
    shapes = [((v - v.mean()) / v.std()).numpy() for v in list(outputs.values())[:3]]
    return [
        Row(f"distance between the distributions of layers {i + 1} and {j + 1}", "", (0.02, 1.0),
            float(stats.ks_2samp(shapes[i], shapes[j]).statistic), 0.0, "[hong2025], Fig. 5: they differ",
            comment="Kolmogorov-Smirnov, VGG8 of our own")
        for i, j in itertools.combinations(range(3), 2)
    ]  # fmt: skip


def network_rows(
    network: nn.Module | None = None,
    published: Published = VGG8,
    images: int = _IMAGES,
    seeds: int = 4,
    epochs: int = 3,
    bits: Sequence[int] = (3, 4, 5),
) -> list[Row]:
    """Compare a network on CIFAR-10 (JPEG) behind converters of whole outputs, as shares of the digital accuracy.

    Levels are fitted to other images of the shipped sample than those that are counted: as published ("Lloyd-Max"), of
    least error, and learned. With at least eight `seeds` their spread has rows of its own. Where nothing was published
    for so many bits, they should not fall behind fewer.
    """
    network = vgg8() if network is None else network
    few, seen, truth = _images(images)
    digital = _accuracy(network, seen, truth)
    outputs = capture_outputs(network, few.split(_BATCH))
    name, source = published.network, published.figure
    note = f"{name} of our own, {digital:.1f} % digital on {len(truth)} images, whole outputs"
    prefix = "" if published is VGG8 else f"{name}, "
    most = max(adaptive for _, adaptive in published.fitted.values())
    rows: list[Row] = []

    def row(what: str, value: float | None, accuracy: float, tolerance: float = 0.03) -> None:
        least = 100 * most / published.digital
        wanted = (least, _BY_CHANCE) if value is None else 100 * value / published.digital
        rows.append(
            Row(prefix + what, "% of digital", wanted, 100 * accuracy / digital, tolerance, source, comment=note)
        )

    def quantised(books: dict[str, Codebook]) -> float:
        return _accuracy(OutputConverters(network, books), seen, truth)

    for b in bits:
        equal, adaptive = published.fitted.get(b, (None, None))
        ends = {name: (v.min(), v.max()) for name, v in outputs.items()}
        if equal is not None:
            edge = {name: uniform(*e, b, "edge") for name, e in ends.items()}
            row(f"{b} bits, equal steps, lower edge", equal, quantised(edge), 0.05)
            centre = {name: uniform(*e, b) for name, e in ends.items()}
            row(f"{b} bits, equal steps, centre", equal, quantised(centre), 0.05)
        books = fit_outputs(outputs, b, _published_levels)
        row(f"{b} bits, Lloyd-Max", adaptive, quantised(books))
        varied = OutputConverters(network, books)
        single: list[float] = []
        for percent in sorted({1.0, *(p for own, p in published.varied if own == b)}):
            found = [_varied(varied, percent, i, 1, seen, truth) for i in range(seeds)]
            single = single or found
            value, spread = published.varied.get((b, percent), (None, None))
            row(f"{b} bits, Lloyd-Max, {percent:g} % off", value, mean(found))
            if spread is not None and seeds >= _MANY:
                what = f"{prefix}{b} bits, Lloyd-Max, {percent:g} % off: spread between sources"
                rows.append(Row(what, "points", spread, stdev(found), 0.5, source, comment=f"{seeds} sources; {note}"))
        pair = [_varied(varied, 1.0, i, 2, seen, truth) for i in range(seeds)]
        if b in published.paired:
            row(f"{b} bits, Lloyd-Max, 1 % off, super-resolution", published.paired[b], mean(pair))
        rows.append(
            Row(f"{prefix}{b} bits, 1 % off: super-resolution over one", "points", (0.0, 12.0),
                mean(pair) - mean(single), 0.0, "[hong2025], Fig. 5e: 10.6, 10.5 and 6.5 points at 4, 5, 6 bits",
                comment="there ResNet-18, ImageNet")
        )  # fmt: skip
        own = fit_outputs(outputs, b)
        for percent in (0.0, 1.0):
            off = f", {percent:g} % off" * (percent > 0)
            least = published.varied.get((b, percent), (None,))[0] if percent else adaptive
            band = (100 * (most if least is None else least) / published.digital, _BY_CHANCE)
            for what in ("levels of least error", "learned levels") if epochs else ("levels of least error",):
                better = OutputConverters(network, own, percent / 100)
                if what == "learned levels":
                    torch.manual_seed(0)
                    learn_levels(better, network, few.split(_BATCH), epochs)
                sources = min(seeds, _LEARNED) if percent else 1
                found = mean(_varied(better, percent, i, 1, seen, truth) for i in range(sources))
                rows.append(
                    Row(f"{prefix}{b} bits, {what}{off}", "% of digital", band, 100 * found / digital, 0.0,
                        "at least the Lloyd-Max of [hong2025]", comment=note)
                )  # fmt: skip
    return rows


def partial_rows(
    network: nn.Module | None = None,
    images: int = 125,
    chips: int = 2,
    epochs: int = 1,
    bits: Sequence[int] = (3, 4, 5),
) -> list[Row]:
    """Compare VGG8 behind converters of partial sums, as chips have them, with what was published for whole outputs.

    Tiles are those of `hermes`, 256 rows and one conversion a column, and nothing errs but levels.
    """
    network = vgg8() if network is None else network
    few, seen, truth = _images(images)
    digital = _accuracy(network, seen, truth)
    source = f"{VGG8.figure}, whole outputs"
    note = f"VGG8 of our own, {digital:.1f} % digital on {len(truth)} images, partial sums of 256 rows"
    rows: list[Row] = []

    def accuracy(converter: AbstractConverter, learn: bool = False) -> float:
        chip = mho.Chip.load("hermes").with_converter(converter)
        tiled = mho.nn.convert(network, chip.only(*{"level variation"} & set(chip.effects))).eval()
        mho.nn.calibrate(tiled, few.split(_BATCH))
        if learn:
            torch.manual_seed(0)
            learn_levels(tiled, network, few.split(_BATCH), epochs, 0.05)
        many = chips if isinstance(converter, Memristive) and converter.mismatches else 1
        written = mho.nn.program(tiled, instances=many).at(None)
        answers = torch.cat([written(x, first=i * _BATCH).argmax(-1) for i, x in enumerate(seen.split(_BATCH))], 1)
        return 100 * float((answers == truth).double().mean())

    for b in bits:
        ideal, real = _memristive(b).with_spread(0.0), _memristive(b).with_spread(0.01)
        off = VGG8.varied[b, 1.0][0]
        for what, published, converter, learn in (
            ("equal steps", VGG8.fitted[b][0], replace(load_converter("sar-4b"), bits=b), False),
            ("levels of least error", VGG8.fitted[b][1], ideal, False),
            ("levels of least error, 1 % off", off, real, False),
            ("levels of least error, 1 % off, super-resolution", None, replace(real, copies=2), False),
            ("learned levels, 1 % off", None, real, True),
        ):
            equal = 100 * (off if published is None else published) / VGG8.digital
            wanted = equal if what == "equal steps" else (equal, _BY_CHANCE)
            found = 100 * accuracy(converter, learn) / digital
            tolerance = 0.05 if what == "equal steps" else 0.0
            rows.append(
                Row(f"partial sums, {b} bits, {what}", "% of digital", wanted, found, tolerance, source, comment=note)
            )
    return rows


def _images(number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return images to fit levels to, and others to count with their labels, at most so many of each."""
    x, labels = vgg8_images()
    counted = torch.arange(len(x)) % 4 != 1
    seen, truth = x[counted], labels[counted]
    step = max(1, len(seen) // number)
    return x[1::4][:number], seen[::step][:number], truth[::step][:number]


def _varied(network: OutputConverters, percent: float, index: int, copies: int, x: Tensor, labels: Tensor) -> float:
    network.vary(percent / 100, Seed(0).child("adaptive-adc", index), copies)
    return _accuracy(network, x, labels)


def _accuracy(network: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Return the accuracy in %."""
    with torch.no_grad():
        answers = torch.cat([network(batch).argmax(-1) for batch in x.split(_BATCH)])
    return 100 * float((answers == labels).double().mean())


RESULT = Result("The memristive adaptive converter: code, linearity, quantiser, cost, VGG8", _compute, _study)
