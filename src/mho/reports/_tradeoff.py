"""`Tradeoff`: what a network with other bits gets right on a chip, and at which energy; a table, a file, a figure."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from mho.core import write_atomically
from mho.tiles import Quantization

from ._style import INK, SERIES, add_legend, new_figure, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TradeoffPoint:
    """One way to quantise a network, and what came of it."""

    series: str
    """What it is compared with on one line, such as `equal bits`."""
    layers: Mapping[str, Quantization]
    """By name of the layer; `mho.quantize(..., layers=point.layers)` gives the network."""
    accuracy: Float[Tensor, " instances"]
    energy: float
    """For one image, in J."""
    latency: float
    """For one image, in s."""
    budget: float | None = None
    """The energy that was allowed, where bits were chosen within a budget."""

    @property
    def label(self) -> str:
        """Say the bits: of all layers, and where they differ of each layer's converters, in their order."""
        different = list(dict.fromkeys(self.layers.values()))
        if len(different) == 1:
            return str(different[0])
        bits = "ADC bits " + " ".join("-" if q.adc_bits is None else str(q.adc_bits) for q in self.layers.values())
        common = {dataclasses.replace(q, adc_bits=None) for q in different}
        return bits if len(common) > 1 or common == {Quantization()} else f"{common.pop()}, {bits}"


@dataclass(frozen=True)
class Tradeoff:
    """Accuracy against energy, point by point; two add up to one with the points of both."""

    name: str
    images: int
    float_accuracy: float
    points: tuple[TradeoffPoint, ...]
    losses: Mapping[str, Mapping[int, float]] = field(default_factory=dict[str, Mapping[int, float]])
    """By layer and bits of its converter, what the answers lose if only that layer has so many; where it was asked."""

    def __add__(self, other: Tradeoff) -> Tradeoff:
        return Tradeoff(
            self.name, self.images, self.float_accuracy, self.points + other.points, {**self.losses, **other.losses}
        )

    @property
    def front(self) -> tuple[TradeoffPoint, ...]:
        """The points that no other one beats in both, by rising energy."""
        best: list[TradeoffPoint] = []
        for point in sorted(self.points, key=lambda p: (p.energy, -float(p.accuracy.mean()))):
            if not best or float(point.accuracy.mean()) > float(best[-1].accuracy.mean()):
                best.append(point)
        return tuple(best)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "images": self.images,
            "float_accuracy": self.float_accuracy,
            "points": [
                {
                    "series": p.series,
                    "label": p.label,
                    "accuracy": p.accuracy.tolist(),
                    "energy_j": p.energy,
                    "latency_s": p.latency,
                    "budget_j": p.budget,
                    "adc_bits": {name: q.adc_bits for name, q in p.layers.items()},
                    "adc_range": {name: q.adc_range for name, q in p.layers.items()},
                    "weight_bits": {name: q.weight_bits for name, q in p.layers.items()},
                }
                for p in self.points
            ],
            "losses": {name: {str(b): v for b, v in own.items()} for name, own in self.losses.items()},
        }

    def csv(self) -> str:
        """Return the points as a table with a head: series, bits, accuracy over chips, energy, latency, budget."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            [
                "series",
                "bits",
                "accuracy_mean",
                "accuracy_std",
                "energy_j",
                "latency_s",
                "budget_j",
                "adc_bits_by_layer",
            ]
        )
        for p in self.points:
            spread = float(p.accuracy.std()) if len(p.accuracy) > 1 else 0.0
            adc = [q.adc_bits for q in p.layers.values()]
            budget = "" if p.budget is None else p.budget
            by_layer = "" if None in adc else " ".join(map(str, adc))
            mean = float(p.accuracy.mean())
            writer.writerow([p.series, p.label, mean, spread, p.energy, p.latency, budget, by_layer])
        return out.getvalue()

    def save(self, file: str | Path) -> None:
        """Write the table as CSV, whole or not at all."""
        write_atomically(Path(file), self.csv().encode())


@styled
def tradeoff_front(tradeoff: Tradeoff) -> Figure:
    """Draw accuracy against energy, a line for each series."""
    figure, axes = new_figure(6.4, 4.2)
    names = list(dict.fromkeys(p.series for p in tradeoff.points))
    for i, name in enumerate(names):
        own = sorted((p for p in tradeoff.points if p.series == name), key=lambda p: p.energy)
        x = [1e6 * p.energy for p in own]
        y = [100 * float(p.accuracy.mean()) for p in own]
        spread = [100 * float(p.accuracy.std()) if len(p.accuracy) > 1 else 0.0 for p in own]
        axes.errorbar(
            x, y, spread, fmt="o-", color=SERIES[i % len(SERIES)], markersize=4, linewidth=1.6, elinewidth=0.9,
            label=shown(name),
        )  # fmt: skip
    axes.axhline(100 * tradeoff.float_accuracy, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate(
        "float32", (0.01, 100 * tradeoff.float_accuracy), xycoords=("axes fraction", "data"), va="bottom", color=INK,
        fontsize=9,
    )  # fmt: skip
    axes.set_xlabel("energy of one image (µJ)")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(bottom=0)
    add_legend(axes, "outside lower center", 2)
    return figure
