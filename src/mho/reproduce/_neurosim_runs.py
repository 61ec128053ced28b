"""What NeuroSim printed for VGG8: we ran its code, of which neither a line nor a constant is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

COMPUTED, COUNTED = 445.0, 615.9
"""Millions of multiply-adds that it charges, and that it counts for TOPS: its positions leave out the padding."""
CALIBRATION = 1.22
"""Factor on the energy in its TOPS/W, but not in the energies that it prints."""
SET, MORE_SET = 16.4, 43.8
"""Per cent of input bits that were set in two runs of B."""
SLOPES = {"ADC": (25.29 - 18.61) / (MORE_SET - SET), "other": (11.51 - 8.526) / (MORE_SET - SET)}
"""Energy in uJ that a per cent more set bits adds to B, by block, from these runs."""
READ_VOLTAGE, CLOCK = 0.55, 1.663
"""At which B reads, in V, and its clock in ns: a conversion takes one."""
NOT_ARRAYS = (102.8 + 20.9) / 130.3
"""Share of buffers and interconnect in the time of B."""
CELL_AREA = {"A": 280 * 22e-9**2, "B": 48 * 22e-9**2, "C": 550.4 * 7e-9**2}
"""Of a cell in m2, by configuration: its sides in features, a feature being the node."""


@dataclass(frozen=True)
class Configuration:
    """One run of NeuroSim: the chip that was described to it, and what it printed."""

    key: str
    title: str
    node: str
    supply: str
    resistance: float
    """Of a cell that is on, in ohm; 0 for SRAM."""
    adc_bits: int
    bits_per_cell: int
    total_area: float
    """In mm2."""
    area: Mapping[str, float] = field(hash=False)
    """By block, in mm2."""
    energy: Mapping[str, float] = field(hash=False)
    """Dynamic, by block, in uJ an image; `other` holds the interconnect."""
    interconnect: float
    """Of the energy, in uJ; NaN where it was not noted."""
    leakage: tuple[float, float]
    """In uJ an image and mW."""
    time: float
    """In us: between images of a pipeline, or, in D, of an image."""
    tops_per_watt: float
    tops_per_mm2: float

    @property
    def total(self) -> float:
        """Energy of an image with leakage, in uJ."""
        return sum(self.energy.values()) + self.leakage[0]


def areas(*mm2: float) -> dict[str, float]:
    """Name its blocks of area."""
    return dict(zip(("array", "interconnect", "ADC", "accumulation", "other"), mm2, strict=True))


def energies(*uj: float) -> dict[str, float]:
    """Name its blocks of energy."""
    return dict(zip(("ADC", "accumulation", "other"), uj, strict=True))


CONFIGURATIONS = {
    c.key: c
    for c in (
        Configuration(
            "A", "SRAM, 22 nm", "22 nm", "0.85 V", 0, 5, 1, 80.06, areas(21.03, 12.14, 15.38, 16.18, 11.55),
            energies(23.53, 3.819, 7.161), 3.054, (0.298, 2.24), 133.0, 29.01, 0.1157,
        ),
        Configuration(
            "B", "RRAM 100 kOhm, 22 nm", "22 nm", "0.85 V", 100e3, 5, 1, 87.71,
            areas(3.605, 12.76, 7.949, 15.45, 47.20), energies(18.61, 3.819, 8.526), 3.515, (0.225, 1.72), 130.3,
            32.38, 0.1078,
        ),
        Configuration(
            "C", "SRAM, 7 nm", "7 nm", "0.7 V", 0, 5, 1, 19.60, areas(4.189, 2.403, 4.039, 4.183, 2.591),
            energies(9.353, 1.749, 3.670), 1.087, (0.511, 4.55), 112.4, 66.07, 0.559,
        ),
        Configuration(
            "D", "B, layer after layer", "22 nm", "0.85 V", 100e3, 5, 1, 74.42,
            areas(3.033, 11.59, 6.687, 12.74, 39.74), energies(18.61, 3.803, 12.05), 7.043, (4.725, 1.68), 2007,
            25.76, 0.0082,
        ),
        Configuration(
            "E", "RRAM 6 kOhm, 7 bits", "22 nm", "0.85 V", 6e3, 7, 1, 120.39,
            areas(3.605, 15.13, 28.53, 17.49, 55.34), energies(43.72, 4.634, 16.62), 4.968, (0.501, 2.67), 187.6,
            15.42, 0.0545,
        ),
        Configuration(
            "B2", "B, 2 bits a cell", "22 nm", "0.85 V", 100e3, 5, 2, 44.62, {"ADC": 4.00},
            energies(9.34, 1.71, 5.25), math.nan, (math.nan, math.nan), 128.7, 61.60, 0.2144,
        ),
    )
}  # fmt: skip
"""VGG8 for CIFAR-10, weights and inputs of 8 bits, arrays of 128 x 128 cells, eight columns a converter; V1.4 of
2025-10 (8a88abf), E: V1.5 of 2026-01 (cddb7d3). All but D pipelined with a bus, D one layer after another with a tree.
"""


def array_cells(key: str) -> float:
    """Return how many cells the area of an array is made of."""
    return CONFIGURATIONS[key].area["array"] * 1e-6 / CELL_AREA[key]
