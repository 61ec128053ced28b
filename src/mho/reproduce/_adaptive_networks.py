"""Networks behind the memristive adaptive converter [hong2025]: whole outputs, as published, and partial sums."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor, nn

import mho
import mho.nn
from mho.converters import AbstractConverter, Codebook, Memristive, lloyd_max, load_converter, uniform
from mho.core import Seed
from mho.nn import OutputConverters, capture_outputs, fit_outputs, learn_levels
from mho.samples import resnet18, vgg8, vgg8_images

from ._row import Row

Figures = dict[tuple[int, float], float]
"""Accuracies in % by bits of the converters, and by how many % of their range levels are off."""


@dataclass(frozen=True)
class Published:
    """Accuracies of one network."""

    network: str
    figure: str
    digital: float
    """In %."""
    equal: Figures
    """With equal steps."""
    adaptive: Figures
    """With Lloyd-Max levels."""
    spread: Figures
    """The same: deviation between sources of variation, in points."""
    paired: Figures
    """With super-resolution."""

    def share(self, accuracy: float) -> float:
        """Return an accuracy in % of the digital one."""
        return 100 * accuracy / self.digital

    def least(self, bits: int, percent: float = 0.0, figures: Figures | None = None) -> tuple[float, str]:
        """What converters should reach, in % of the digital accuracy, and whose that is; of Lloyd-Max unless told.

        Where nothing was published for so many bits it is the best with fewer and the same variation, and where that
        was not either, what was published with the next smaller variation.
        """
        known = self.adaptive if figures is None else figures
        fewer = [v for (b, p), v in known.items() if b < bits and p == percent]
        calmer = [(p, v) for (b, p), v in known.items() if b == bits and p < percent]
        if (bits, percent) in known:
            return self.share(known[bits, percent]), "[hong2025]"
        if fewer:
            return self.share(max(fewer)), "fewer bits in [hong2025]"
        if calmer:
            return self.share(max(calmer)[1]), "less variation in [hong2025]"
        raise ValueError(f"of {self.network} nothing was published for {bits} bits, nor for fewer: count more bits")


VGG8 = Published(
    "VGG8", "[hong2025], Fig. 5c, d", 90.24,
    equal={(3, 0.0): 13.03, (4, 0.0): 52.33, (5, 0.0): 89.87},
    adaptive={
        (3, 0.0): 68.11, (3, 1.0): 66.30,
        (4, 0.0): 88.93, (4, 1.0): 88.39, (4, 2.0): 87.97, (4, 3.0): 84.09, (4, 5.0): 54.46,
        (5, 0.0): 90.20, (5, 1.0): 89.55, (5, 2.0): 88.48, (5, 3.0): 83.98, (5, 5.0): 66.84,
    },
    spread={(3, 1.0): 3.57, (4, 1.0): 1.00, (5, 1.0): 0.56},
    paired={},
)  # fmt: skip
RESNET18 = Published(
    "ResNet-18", "[hong2025], Fig. 5e, ImageNet", 69.77,
    equal={(4, 0.0): 0.15, (5, 0.0): 9.12, (6, 0.0): 48.22},
    adaptive={(4, 0.0): 30.68, (4, 1.0): 24.13, (5, 0.0): 61.38, (5, 1.0): 51.32, (6, 0.0): 67.52, (6, 1.0): 59.03},
    spread={},
    paired={(4, 1.0): 34.76, (5, 1.0): 61.81, (6, 1.0): 65.50},
)  # fmt: skip
_IMAGES, _BATCH = 250, 50
_BY_CHANCE = 105.0
"""Share of the digital accuracy, in %, that few images may show beyond it."""
_MANY = 8
"""Sources from which on a spread says something."""


def study_rows() -> list[Row]:
    """Compare both networks with 16 sources of variation, and partial sums on four chips; five hours on one core."""
    return [
        *network_rows(images=750, seeds=16, bits=(3, 4, 5, 6), percents=(2.0, 3.0, 5.0)),
        *network_rows(resnet18(), RESNET18, images=750, seeds=16, bits=(4, 5, 6)),
        *partial_rows(images=250, chips=4, bits=(3, 4, 5, 6), percents=(2.0, 3.0, 5.0)),
    ]


def shape_rows(network: nn.Module | None = None, images: int = 100) -> list[Row]:
    """Compare how the outputs of the first three layers are distributed, less their mean and over their deviation."""
    from scipy.stats import ks_2samp  # a fifth of the time that `import mho.reproduce` would take

    outputs = capture_outputs(vgg8() if network is None else network, vgg8_images(images)[0].split(_BATCH))
    shapes = [((v - v.mean()) / v.std()).numpy() for v in list(outputs.values())[:3]]
    rows: list[Row] = []
    for i, j in itertools.combinations(range(3), 2):
        test: Any = ks_2samp(shapes[i], shapes[j])
        rows.append(
            Row(f"distance between the distributions of layers {i + 1} and {j + 1}", "", (0.02, 1.0),
                float(test.statistic), 0.0,
                "[hong2025], Fig. 5: they differ; by how much is not told, the bar of 0.02 is ours",
                comment="Kolmogorov-Smirnov, VGG8 of our own")
        )  # fmt: skip
    return rows


def network_rows(
    network: nn.Module | None = None,
    published: Published = VGG8,
    images: int = _IMAGES,
    seeds: int = 4,
    epochs: int = 3,
    bits: Sequence[int] = (3, 4, 5),
    percents: Sequence[float] = (),
) -> list[Row]:
    """Compare a network on CIFAR-10 (JPEG) behind converters of whole outputs, as shares of the digital accuracy.

    Levels are fitted to other images of the shipped sample than those that are counted: as published ("Lloyd-Max"), of
    least error, and learned with the variation that they are counted with. They are off by 1 % of the layer's range,
    and by as much as `percents` say. With at least eight `seeds` their spread has rows of its own. The bar of what was
    not published is that of `Published.least`.
    """
    network = vgg8() if network is None else network
    few, seen, truth = _images(images)
    digital = _accuracy(network, seen, truth)
    outputs = capture_outputs(network, few.split(_BATCH))
    ends = {name: (v.min(), v.max()) for name, v in outputs.items()}
    name, source = published.network, published.figure
    note = f"{name} of our own, {digital:.1f} % digital on {len(truth)} images, whole outputs"
    prefix = "" if published is VGG8 else f"{name}, "
    rows: list[Row] = []

    def at_least(what: str, bits: int, percent: float, accuracy: float, figures: Figures | None = None) -> None:
        least, whose = published.least(bits, percent, figures)
        told = f"at least the {'equal steps' if figures is published.equal else 'Lloyd-Max'} of {whose}"
        wanted, ours = (least, _BY_CHANCE), 100 * accuracy / digital
        rows.append(Row(prefix + what, "% of digital", wanted, ours, 0.0, told, comment=note))

    def row(what: str, bits: int, percent: float, accuracy: float, figures: Figures, tolerance: float = 0.03) -> None:
        if (bits, percent) not in figures:
            return at_least(what, bits, percent, accuracy, figures)
        wanted, ours = published.share(figures[bits, percent]), 100 * accuracy / digital
        rows.append(Row(prefix + what, "% of digital", wanted, ours, tolerance, source, comment=note))

    def quantised(books: dict[str, Codebook]) -> float:
        return _accuracy(OutputConverters(network, books), seen, truth)

    def drawn(converted: OutputConverters, percent: float, copies: int = 1) -> list[float]:
        return [_varied(converted, percent, i, copies, seen, truth) for i in range(seeds if percent else 1)]

    for b in bits:
        for level in ("edge", "centre"):
            found = quantised({name: uniform(*e, b, level) for name, e in ends.items()})
            what = "lower edge" if level == "edge" else level
            row(f"{b} bits, equal steps, {what}", b, 0.0, found, published.equal, 0.05)
        converted = OutputConverters(network, fit_outputs(outputs, b, published_levels))
        row(f"{b} bits, Lloyd-Max", b, 0.0, mean(drawn(converted, 0.0)), published.adaptive)
        single = 0.0
        for percent in (1.0, *percents):
            found = drawn(converted, percent)
            single = mean(found) if percent == 1.0 else single
            row(f"{b} bits, Lloyd-Max, {percent:g} % off", b, percent, mean(found), published.adaptive)
            spread = published.spread.get((b, percent))
            if spread is not None and seeds >= _MANY:
                what = f"{prefix}{b} bits, Lloyd-Max, {percent:g} % off: spread between sources"
                rows.append(Row(what, "points", spread, stdev(found), 0.5, source, comment=f"{seeds} sources; {note}"))
        pair = mean(drawn(converted, 1.0, 2))
        if published.paired:
            row(f"{b} bits, Lloyd-Max, 1 % off, super-resolution", b, 1.0, pair, published.paired)
        rows.append(
            Row(f"{prefix}{b} bits, 1 % off: super-resolution over one", "points", (0.0, 12.0),
                pair - single, 0.0, "[hong2025], Fig. 5e: 10.6, 10.5 and 6.5 points at 4, 5, 6 bits",
                comment="there ResNet-18, ImageNet")
        )  # fmt: skip
        own = fit_outputs(outputs, b)
        for percent in (0.0, 1.0, *percents):
            off = f", {percent:g} % off" * (percent > 0)
            for what in ("levels of least error", "learned levels") if epochs else ("levels of least error",):
                better = OutputConverters(network, own, percent / 100)
                if what == "learned levels":
                    torch.manual_seed(0)
                    learn_levels(better, network, few.split(_BATCH), epochs)
                at_least(f"{b} bits, {what}{off}", b, percent, mean(drawn(better, percent)))
                if (percent, what) == (1.0, "levels of least error"):
                    pair, figures = mean(drawn(better, percent, 2)), published.adaptive | published.paired
                    at_least(f"{b} bits, {what}{off}, super-resolution", b, percent, pair, figures)
    return rows


def partial_rows(
    network: nn.Module | None = None,
    images: int = 125,
    chips: int = 2,
    epochs: int = 1,
    bits: Sequence[int] = (3, 4, 5),
    percents: Sequence[float] = (),
) -> list[Row]:
    """Compare VGG8 behind converters of partial sums, as chips have them, with what was published for whole outputs.

    Tiles are those of `hermes`, 256 rows and one conversion a column, and nothing errs but levels, by 1 % of the window
    of conductances and by as much as `percents` say. Levels are one set a row tile, or a column, of least error; or
    learned with the variation that they are counted with. All `chips` have spreads of their own.
    """
    network = vgg8() if network is None else network
    few, seen, truth = _images(images)
    digital = _accuracy(network, seen, truth)
    source = f"{VGG8.figure}, whole outputs"
    note = f"VGG8 of our own, {digital:.1f} % digital on {len(truth)} images, partial sums of 256 rows"
    rows: list[Row] = []

    def shares(converter: AbstractConverter, learn: bool, clip: bool) -> list[float]:
        """Accuracies of some chips, in % of the digital one."""
        chip = mho.Chip.load("hermes").with_converter(converter)
        options = mho.Quantization(adc_range="least squares" if clip else "covering")
        chip = chip.only(*{"level variation"} & set(chip.effects))
        tiled = mho.nn.convert(network, chip, options=options).eval()
        with warnings.catch_warnings():  # columns of the last layers see as many sums as there are images
            warnings.simplefilter("ignore", mho.RangeWarning)
            mho.nn.calibrate(tiled, few.split(_BATCH))
        if learn:
            torch.manual_seed(0)
            learn_levels(tiled, network, few.split(_BATCH), epochs, 0.05)
        many = chips if isinstance(converter, Memristive) and any(converter.state_sigmas) else 1  # else all are alike
        written = mho.nn.program(tiled, instances=many).at(None)
        answers = torch.cat([written(x, first=i * _BATCH).argmax(-1) for i, x in enumerate(seen.split(_BATCH))], 1)
        return [1e4 * float(share) / digital for share in (answers == truth).double().mean(1)]

    def row(
        what: str, wanted: float | tuple[float, float], tolerance: float, converter: AbstractConverter,
        learn: bool = False, clip: bool = False,
    ) -> None:  # fmt: skip
        found = shares(converter, learn, clip)
        spread = f", ± {stdev(found):.1f} between {len(found)} chips" if len(found) > 1 else ""
        rows.append(
            Row(f"partial sums, {what}", "% of digital", wanted, mean(found), tolerance, source, comment=note + spread)
        )

    for b in bits:
        equal, _ = VGG8.least(b, figures=VGG8.equal)
        steps, ideal = replace(load_converter("sar-4b"), bits=b), memristive_of(b).with_spread(0.0)
        row(f"{b} bits, equal steps", equal, 0.05, steps)
        row(f"{b} bits, equal steps, clipped for the least error", (equal, _BY_CHANCE), 0.0, steps, clip=True)
        row(f"{b} bits, levels of least error", (VGG8.least(b)[0], _BY_CHANCE), 0.0, ideal)
        for percent in (1.0, *percents):
            off, real = (VGG8.least(b, percent)[0], _BY_CHANCE), memristive_of(b).with_spread(percent / 100)
            row(f"{b} bits, levels of least error, {percent:g} % off", off, 0.0, real)
            if percent == 1.0:
                row(f"{b} bits, the same, super-resolution", off, 0.0, replace(real, copies=2))
                row(f"{b} bits, the same, levels a column", off, 0.0, replace(real, group=1))
            row(f"{b} bits, learned levels, {percent:g} % off", off, 0.0, real, learn=True)
    return rows


def published_levels(x: Tensor, bits: int) -> Codebook:
    """Fit levels as [hong2025] does."""
    return lloyd_max(x, bits, clip=(0.5, 99.5), start="range")


def memristive_of(bits: int) -> Memristive:
    """Load the memristive converter of so many bits."""
    found = load_converter(f"memristive-{bits}b")
    assert isinstance(found, Memristive)
    return found


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
