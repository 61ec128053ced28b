"""`Plan`: a network on tiles of a medium: area, energy, speed, heat, price, and what comes from outside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mho.core import Cost, CostTree
from mho.digital import WORD, Link, Memory

from ._assumed import assumed
from ._cooling import Cooling
from ._dies import Dies
from ._mapping import Mapping
from ._medium import Medium
from ._notes import notes
from ._workload import Workload

_DIAMETER = 2 / 3
"""Mean way between two places of a square along its edges, over its edge."""


@dataclass(frozen=True)
class Plan:
    """A workload on tiles of a medium. Figures are for one item (an image, a token)."""

    name: str
    workload: Workload
    medium: Medium
    mapping: Mapping
    tiles: int
    """That there are."""
    batch: int
    """Items (sequences) that share one reading of weights from outside."""
    bits: int
    """Of activations and of the cache."""
    memory: Memory
    memories: int
    """So many of them side by side."""
    link: Link
    cooling: Cooling
    """Of each die."""

    @property
    def tiles_needed(self) -> int:
        """Tiles that hold all weights."""
        return -(-self.mapping.tiers // self.medium.arrays)

    @property
    def _on(self) -> int:
        """Tiles that hold weights."""
        return min(self.tiles, self.tiles_needed)

    @property
    def missing(self) -> float:
        """Share of the weights that has no room and comes from the memory, once a batch."""
        return max(0.0, 1 - self.tiles * self.medium.arrays / self.mapping.tiers)

    @property
    def fits(self) -> bool:
        """Whether all weights have room."""
        return self.missing == 0

    @property
    def area(self) -> float:
        """Area of all tiles, in m2."""
        return self.tiles * self.medium.tile_area

    @property
    def reloaded(self) -> float:
        """Bytes of weights read from the memory for an item."""
        used = sum(op.weights * op.share for op in self.workload.ops)
        return self.missing * used * self.medium.weight_bits / 8 / self.batch

    @property
    def cached(self) -> float:
        """Bytes of the cache read and written for an item."""
        return (self.workload.cache_reads + self.workload.cache_writes + self.workload.lookup_row) * self.bits / 8

    @property
    def digital_operations(self) -> float:
        """Operations of the digital unit for an item without attention: scaling, joining of parts, activations."""
        return self._scalings + self._additions + self.workload.vector_operations

    @property
    def _scalings(self) -> float:
        return self.workload.activations

    @property
    def _additions(self) -> float:
        return sum(c.additions for c in self.mapping.cuts)

    @property
    def bandwidth(self) -> float:
        """B/s of all memories."""
        return self.memories * self.memory.at().bandwidth

    @cached_property
    def mac(self) -> float:
        """Energy in J of a multiply-accumulate of the digital unit: multiplier, adder and register."""
        logic, bits = self.medium.unit.logic, self.bits
        return (logic.multiplier(bits, bits) + logic.adder(3 * bits) + logic.register(3 * bits)).energy

    @cached_property
    def times(self) -> dict[str, float]:
        """Seconds of an item for each part that works: in turn they are the latency, the longest sets the pace."""
        unit = self.medium.unit
        lanes = unit.lanes * self._on * unit.clock
        passes = math.ceil(self.missing * self.mapping.tiers / max(1, self.tiles))
        return {
            "products": self.mapping.steps(self._on) * self.medium.period,
            "digital": self.digital_operations / lanes,
            "attention": self.workload.dynamic_macs / lanes,
            "cache": self.cached / self.bandwidth,
            "reload": self.reloaded / self.bandwidth,
            "write": passes * self.medium.rows * self.medium.write_time / self.batch,
        }

    @property
    def latency(self) -> float:
        """Seconds of one item from beginning to end."""
        return math.fsum(self.times.values())

    @property
    def interval(self) -> float:
        """Seconds between items when many are under way: the part that is busy longest."""
        busiest = self.mapping.busiest(self._on) * self.medium.period
        times = self.times
        return max(busiest, times["digital"] + times["attention"], times["cache"] + times["reload"], times["write"])

    @cached_property
    def cost(self) -> CostTree:
        """Energy, latency and area of an item by part, as a tree that adds up exactly."""
        w, m, times = self.workload, self.medium, self.times
        unit = m.unit.costs()
        products = sum(c.products(m) for c in self.mapping.cuts) * m.product
        digital = unit["scale"].energy * self._scalings
        digital += unit["operation"].energy * (self._additions + w.vector_operations)
        digital += unit["bit"].energy * (self.bits * w.activations + 2 * WORD * w.vector_operations)
        attention = w.dynamic_macs * self.mac + unit["bit"].energy * self.bits * w.cache_reads
        bit = self.memory.energy()
        written = self.reloaded * 8 / m.weight_bits * m.write
        outside = self.reloaded + self.cached
        kept = m.leakage * self._on * self.latency
        return CostTree.of(
            self.name,
            {
                "products": Cost(energy=products, latency=times["products"]),
                "digital": Cost(energy=digital, latency=times["digital"]),
                "attention": Cost(energy=attention, latency=times["attention"]),
                "cache": Cost(energy=8 * self.cached * bit, latency=times["cache"]),
                "reload": Cost(energy=8 * self.reloaded * bit, latency=times["reload"]),
                "write": Cost(energy=written, latency=times["write"]),
                "links": Cost(energy=self._links()),
                "refresh": Cost(energy=self.memories * self.memory.refresh() * self.latency if outside else 0.0),
                "leakage": Cost(energy=kept),
                "cells": Cost(area=self.tiles * m.cell_area),
                "periphery": Cost(area=self.tiles * (m.array_area - m.cell_area)),
                "digital unit": Cost(area=self.tiles * (m.tile_area - m.array_area)),
            },
        )

    def _links(self) -> float:
        """Return the energy of bringing activations to the tiles of each operation, which lie together, and back."""
        total = 0.0
        for c in self.mapping.cuts:
            tiles = max(1.0, c.count / c.op.repeats / self.medium.arrays)
            side = math.sqrt(tiles)
            moved = (c.op.inputs + c.op.outputs * c.row_parts) * self.bits
            way = _DIAMETER * side * math.sqrt(self.medium.tile_area)
            total += moved * self.link.energy(_DIAMETER * side, way)
        return total

    @property
    def energy(self) -> float:
        """Joule of an item; of one sequence at a time, leakage runs during all of its latency."""
        return self.cost.total.energy

    @property
    def dies(self) -> Dies:
        """The dies that the tiles take."""
        return Dies(self.medium, self.area, self.cooling)

    @property
    def _heat(self) -> float:
        """Joule of an item that turn into heat on the chip, without leakage; a memory heats its own package."""
        parts = ("products", "digital", "attention", "write", "links")
        return math.fsum(self.cost[name].cost.energy for name in parts)

    def power(self, rate: float | None = None) -> float:
        """Return the heat of the chip in W at so many items a second, or at its own pace."""
        return self._heat * (self.rate if rate is None else rate) + self.medium.leakage * self._on

    def junction(self, rate: float | None = None) -> float:
        """Return the K of the hottest devices at so many items a second, or at its own pace."""
        rate = self.rate if rate is None else rate
        return self.dies.junction(self.power(rate), self.cost["products"].cost.energy * rate)

    @property
    def cool(self) -> bool:
        """Whether devices stay below the limit of heat at full pace."""
        return self.junction(1 / self.interval) <= self.cooling.limit

    @property
    def _heat_rate(self) -> float:
        """Items a second at which the hottest devices are at the limit; temperature is linear in them."""
        idle = self.junction(0)
        return max(0.0, self.cooling.limit - idle) / (self.junction(1) - idle)

    @property
    def rate(self) -> float:
        """Items a second with many under way, within the limit of heat; 0 if leakage alone is too hot."""
        return min(1 / self.interval, self._heat_rate)

    @property
    def rate_of_one(self) -> float:
        """Items a second of one sequence, in which each item waits for the one before, within the limit of heat."""
        return min(1 / self.latency, self._heat_rate)

    @property
    def mac_here(self) -> float:
        """Energy in J of a multiply-accumulate in the tiles, with what scales and joins its results."""
        parts = self.cost.parts
        return sum(p.cost.energy for p in parts if p.name in ("products", "digital")) / self.workload.macs

    @property
    def break_even(self) -> float:
        """Uses of a weight for each reading from the memory, up to which having it in a tile costs less.

        A digital unit fetches a weight once and uses it so often; above, its cheaper arithmetic wins. Infinite where
        the tile is cheaper at any reuse.
        """
        fetch = self.medium.weight_bits * self.memory.energy()
        more = self.mac_here - self.mac
        return fetch / more if more > 0 else math.inf

    @property
    def pays_back(self) -> float:
        """Uses after which writing a weight into a tile has cost less than fetching it anew for each; or infinite."""
        fetch = self.medium.weight_bits * self.memory.energy()
        saved = fetch + self.mac - self.mac_here
        return (fetch + self.medium.write) / saved if saved > 0 else math.inf

    @property
    def lifetime(self) -> float:
        """Seconds until cells that are written for each batch wear out; infinite if nothing is reloaded."""
        if self.fits or self.rate == 0:
            return math.inf
        rewrites = self.missing / (1 - self.missing)  # of each cell a batch, shared evenly
        return self.medium.endurance / rewrites * self.batch / self.rate

    def notes(self) -> list[str]:
        """Say what a reader must know of this plan, a sentence each."""
        return notes(self)

    def assumed(self) -> list[str]:
        """Return the guesses that it rests on: of the medium, and of memory and link where they matter."""
        beside = (self.memory,) if self.cached + self.reloaded else ()
        return assumed(self.medium, *beside, self.link, self.cooling)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with the unit in each name."""
        total = self.cost.total
        out: dict[str, Any] = {
            "name": self.name, "title": self.medium.title, "node_m": self.medium.node,
            "workload": self.workload.name, "item": self.workload.item, "batch": self.batch,
            "weights": self.workload.weights, "weight_bits": self.medium.weight_bits, "tiers": self.mapping.tiers,
            "arrays_a_tile": self.medium.arrays, "tiles": self.tiles, "tiles_needed": self.tiles_needed,
            "fits": self.fits, "utilisation": self.mapping.utilisation, "area_m2": total.area,
            "energy_j": total.energy, "latency_s": self.latency, "rate_per_s": self.rate,
            "rate_of_one_per_s": self.rate_of_one, "reloaded_b": self.reloaded, "cached_b": self.cached,
            "power_w": self.power(), "junction_k": self.junction(), "cool": self.cool,
            "dies": self.dies.count, "price_dollars": self.dies.price, "vias": self.tiles * self.medium.vias,
            "break_even_uses": _finite(self.break_even), "pays_back_uses": _finite(self.pays_back),
            "lifetime_s": _finite(self.lifetime),
        }  # fmt: skip
        out |= {f"{p.name.replace(' ', '_')}_j": p.cost.energy for p in self.cost.parts if p.cost.area == 0}
        out["notes"], out["assumed"] = self.notes(), self.assumed()
        return out


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
