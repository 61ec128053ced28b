"""Networks behind the memristive adaptive converter [hong2025]: whole outputs, as published, and partial sums."""

from __future__ import annotations

import itertools
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

    def adaptive(self, bits: int, percent: float = 0.0) -> float | None:
        """With Lloyd-Max levels that are off by so much; None where nothing was published."""
        return self._adaptive.get((bits, percent))

    def least(self, bits: int, percent: float = 0.0) -> float:
        """The same in % of the digital accuracy; where nothing was published, the best with fewer bits."""
        told = self._adaptive
        value = told.get((bits, percent)) or max(v for (b, p), v in told.items() if b < bits and p == percent)
        return 100 * value / self.digital

    @property
    def _adaptive(self) -> dict[tuple[int, float], float]:
        fitted = {(bits, 0.0): value for bits, (_, value) in self.fitted.items()}
        return fitted | {key: value for key, (value, _) in self.varied.items()}


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
_IMAGES, _BATCH = 250, 50
_BY_CHANCE = 105.0
"""Share of the digital accuracy, in %, that few images may show beyond it."""
_MANY = 8
"""Sources from which on a spread says something."""


def study_rows() -> list[Row]:
    """Compare both networks with 16 sources of variation; four hours on one core."""
    return [
        *network_rows(images=750, seeds=16, bits=(3, 4, 5, 6), percents=(2.0, 3.0, 5.0)),
        *network_rows(resnet18(), RESNET18, images=750, seeds=16, bits=(4, 5, 6)),
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
    least error, and learned with the variation that they are counted with. With at least eight `seeds` their spread has
    rows of its own. Where nothing was published for so many bits, they should not fall behind the published ones with
    fewer. Levels are off by 1 % of the layer's range, and by those of `percents` that were published for so many bits.
    """
    network = vgg8() if network is None else network
    few, seen, truth = _images(images)
    digital = _accuracy(network, seen, truth)
    outputs = capture_outputs(network, few.split(_BATCH))
    name, source = published.network, published.figure
    note = f"{name} of our own, {digital:.1f} % digital on {len(truth)} images, whole outputs"
    prefix = "" if published is VGG8 else f"{name}, "
    rows: list[Row] = []

    def row(what: str, value: float, accuracy: float, tolerance: float = 0.03) -> None:
        wanted, ours = 100 * value / published.digital, 100 * accuracy / digital
        rows.append(Row(prefix + what, "% of digital", wanted, ours, tolerance, source, comment=note))

    def at_least(what: str, bits: int, percent: float, accuracy: float) -> None:
        told = published.adaptive(bits, percent) is not None
        rows.append(
            Row(prefix + what, "% of digital", (published.least(bits, percent), _BY_CHANCE), 100 * accuracy / digital,
                0.0, f"at least the Lloyd-Max of {'[hong2025]' if told else 'fewer bits in [hong2025]'}", comment=note)
        )  # fmt: skip

    def fitted(what: str, bits: int, percent: float, accuracy: float) -> None:
        value = published.adaptive(bits, percent)
        if value is None:
            at_least(what, bits, percent, accuracy)
        else:
            row(what, value, accuracy)

    def quantised(books: dict[str, Codebook]) -> float:
        return _accuracy(OutputConverters(network, books), seen, truth)

    for b in bits:
        ends = {name: (v.min(), v.max()) for name, v in outputs.items()}
        if b in published.fitted:
            equal, _ = published.fitted[b]
            edge = {name: uniform(*e, b, "edge") for name, e in ends.items()}
            row(f"{b} bits, equal steps, lower edge", equal, quantised(edge), 0.05)
            centre = {name: uniform(*e, b) for name, e in ends.items()}
            row(f"{b} bits, equal steps, centre", equal, quantised(centre), 0.05)
        books = fit_outputs(outputs, b, published_levels)
        fitted(f"{b} bits, Lloyd-Max", b, 0.0, quantised(books))
        varied = OutputConverters(network, books)
        single = 0.0
        told = [1.0, *(p for p in percents if (b, p) in published.varied)]
        for percent in told:
            found = [_varied(varied, percent, i, 1, seen, truth) for i in range(seeds)]
            single = mean(found) if percent == 1.0 else single
            fitted(f"{b} bits, Lloyd-Max, {percent:g} % off", b, percent, mean(found))
            _, spread = published.varied.get((b, percent), (None, None))
            if spread is not None and seeds >= _MANY:
                what = f"{prefix}{b} bits, Lloyd-Max, {percent:g} % off: spread between sources"
                rows.append(Row(what, "points", spread, stdev(found), 0.5, source, comment=f"{seeds} sources; {note}"))
        pair = [_varied(varied, 1.0, i, 2, seen, truth) for i in range(seeds)]
        if b in published.paired:
            row(f"{b} bits, Lloyd-Max, 1 % off, super-resolution", published.paired[b], mean(pair))
        rows.append(
            Row(f"{prefix}{b} bits, 1 % off: super-resolution over one", "points", (0.0, 12.0),
                mean(pair) - single, 0.0, "[hong2025], Fig. 5e: 10.6, 10.5 and 6.5 points at 4, 5, 6 bits",
                comment="there ResNet-18, ImageNet")
        )  # fmt: skip
        own = fit_outputs(outputs, b)
        for percent in (0.0, *told):
            off = f", {percent:g} % off" * (percent > 0)
            for what in ("levels of least error", "learned levels") if epochs else ("levels of least error",):
                better = OutputConverters(network, own, percent / 100)
                if what == "learned levels":
                    torch.manual_seed(0)
                    learn_levels(better, network, few.split(_BATCH), epochs)
                found = mean(_varied(better, percent, i, 1, seen, truth) for i in range(seeds if percent else 1))
                at_least(f"{b} bits, {what}{off}", b, percent, found)
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
        ideal, real = memristive_of(b).with_spread(0.0), memristive_of(b).with_spread(0.01)
        equal = 100 * VGG8.fitted[b][0] / VGG8.digital
        ahead, off = ((VGG8.least(b, percent), _BY_CHANCE) for percent in (0.0, 1.0))
        for what, wanted, tolerance, converter, learn in (
            ("equal steps", equal, 0.05, replace(load_converter("sar-4b"), bits=b), False),
            ("levels of least error", ahead, 0.0, ideal, False),
            ("levels of least error, 1 % off", off, 0.0, real, False),
            ("levels of least error, 1 % off, super-resolution", off, 0.0, replace(real, copies=2), False),
            ("learned levels, 1 % off", off, 0.0, real, True),
        ):
            found = 100 * accuracy(converter, learn) / digital
            rows.append(
                Row(f"partial sums, {b} bits, {what}", "% of digital", wanted, found, tolerance, source, comment=note)
            )
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
