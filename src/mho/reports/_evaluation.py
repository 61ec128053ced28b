"""`Evaluation`: a program, its run and its cost together, and the tables that are drawn from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mho.core import Cost, CostTree, format_duration, walk_sources
from mho.cost import Summary, by_block, programming, summarise
from mho.ir import Program
from mho.runtime import Run
from mho.tiles import Condition


def time_name(time: float | None) -> str:
    """Say a time after programming: `as written`, `right away`, `1 day`, `1 year`."""
    if time is None:
        return "as written"
    if time == 0:
        return "right away"
    return format_duration(time)


@dataclass(frozen=True)
class AccuracyRow:
    """Accuracy over the chip instances under one condition."""

    condition: Condition
    mean: float
    spread: float
    """Standard deviation over instances (0 for one)."""
    low: float
    high: float
    half_width: float
    """Half the 95 % confidence interval of the mean, instances as independent draws (normal approximation)."""


@dataclass(frozen=True)
class Evaluation:
    """What a chip does with a network: the program, its run, its cost, and the labels of the images."""

    program: Program
    run: Run
    cost: CostTree
    labels: Tensor
    name: str = ""
    float_accuracy: float = math.nan
    """Accuracy of the network in float32 on the same images."""
    warnings: tuple[str, ...] = ()
    """Where a model was asked outside the range of its source."""

    def accuracy(self) -> tuple[AccuracyRow, ...]:
        """Return mean and spread of the accuracy under each condition."""
        table = self.run.accuracy(self.labels)
        rows: list[AccuracyRow] = []
        for condition, row in zip(self.run.conditions, table, strict=True):
            n = len(row)
            spread = float(row.std()) if n > 1 else 0.0
            rows.append(
                AccuracyRow(
                    condition,
                    float(row.mean()),
                    spread,
                    float(row.min()),
                    float(row.max()),
                    1.96 * spread / math.sqrt(n),
                )
            )
        return tuple(rows)

    def summary(self) -> Summary:
        """Return the headline cost of one image."""
        return summarise(self.program, self.cost)

    def programming(self) -> Cost:
        """Return what writing the network once costs, at least."""
        return programming(self.program)

    def assumed(self) -> list[tuple[str, str, str]]:
        """Return all assumed numbers of the chip as (path, fields, reason)."""
        return self._sourced("assumed")

    def fitted(self) -> list[tuple[str, str, str]]:
        """Return all fitted numbers of the chip as (path, fields, on what)."""
        return self._sourced("fitted")

    def _sourced(self, how: str) -> list[tuple[str, str, str]]:
        found = [v for v in walk_sources(self.program.chip) if v.source.how == how]
        return [(v.path, ", ".join(v.source.fields), v.source.reason or v.source.where) for v in found]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values with units in the names."""
        summary, chip = self.summary(), self.program.chip
        table = self.run.accuracy(self.labels)
        return {
            "name": self.name,
            "chip": chip.name,
            "chip_sha256": chip.fingerprint(),
            "network_sha256": self.program.quant.graph.fingerprint(),
            "seed": self.run.seed,
            "instances": self.run.instances,
            "images": len(self.labels),
            "float_accuracy": None if math.isnan(self.float_accuracy) else self.float_accuracy,
            "accuracy": [
                {
                    "time_s": row.condition.time,
                    "compensation": row.condition.compensation,
                    "temperature_k": row.condition.temperature,
                    "mean": row.mean,
                    "spread": row.spread,
                    "half_width_95": row.half_width,
                    "per_instance": table[i].tolist(),
                }
                for i, row in enumerate(self.accuracy())
            ],
            "programming_energy_j": self.programming().energy,
            "programming_latency_s": self.programming().latency,
            "energy_j": summary.energy,
            "energy_range_j": summary.energy_range,
            "latency_s": summary.latency,
            "area_m2": summary.area,
            "operations": summary.operations,
            "tops_per_watt": summary.tops_per_watt,
            "tiles_used": summary.tiles_used,
            "tiles": chip.tiles,
            "utilisation": summary.utilisation,
            "energy_by_block_j": {k: c.energy for k, c in by_block(self.cost).items()},
            "cost": self.cost.to_dict(),
            "layer_errors": {k: v.tolist() for k, v in self.run.layer_errors.items()},
            "assumed": [{"part": p, "fields": f, "reason": r} for p, f, r in self.assumed()],
            "fitted": [{"part": p, "fields": f, "on": r} for p, f, r in self.fitted()],
            "warnings": list(self.warnings),
        }
