"""VGG8 on the chips that NeuroSim describes: its area, energy and time by block, and ours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from mho.cost import second_opinion

from ._neurosim_chip import ours, products, program_of
from ._neurosim_runs import CALIBRATION, COMPUTED, CONFIGURATIONS, COUNTED, SLOPES, Configuration, array_cells
from ._row import Result, Row

_SOURCE = "[neurosim2023], run by us"
_BLOCKS = {
    "area": "theirs pipelined, with copies of layers; ours once, with sample-and-hold and drivers, no interconnect",
    "array": "theirs 9,472 arrays of small cells, ours 6,448 of a foundry's",
    "area of ADC": "a SAR for sense amplifiers that share references",
    "area of accumulation": "alike by chance: a third fewer arrays, larger adders",
    "area of other": "every column's charge is held, two registers a row; theirs has switches for writing",
    "energy": "two thirds of ours are leakage and clocks that are not gated",
    "ADC and array": "converters 4.8 times, current for 10 ns instead of a clock",
    "accumulation": "20 bits each time, half of all gates switch",
    "other": "clocked registers; theirs has interconnect in it",
    "leakage": "standard gates for low-power ones",
    "TOPS/W": "theirs 1.38 times too high for want of padding, and 1.22 times lower by calibration",
}
"""Causes of large differences, told at B."""
_OWN = {
    ("A", "ADC and array"): "the current of our SRAM cell, 100 uS, is assumed",
    ("A", "array"): "theirs 280 F2 a cell, ours 0.079 um2, a 6T cell",
    ("C", "ADC and array"): "the current of our SRAM cell, 100 uS, is assumed and does not shrink",
    ("C", "area of other"): "sample-and-hold hardly shrinks beyond 22 nm",
    ("E", "ADC and array"): "ours has the current of 6 kOhm cells, theirs none",
    ("B2", "ADC and array"): "five columns a weight, as the sign has its own; theirs four",
}
"""The same, of other chips."""


def _compare(configuration: Configuration) -> Iterator[Row]:
    here, key = ours(configuration), configuration.key

    def row(what: str, unit: str, theirs: float, ours_: float, cause: str) -> Row:
        return Row(f"{key}, {what}", unit, theirs, ours_, 0.5, _SOURCE, comment=_why(key, cause))

    area, title = sum(here.area.values()), configuration.title
    comment = "; ".join(filter(None, (title, _why(key, "area"))))
    yield Row(f"{key}, area", "mm2", configuration.total_area, area, 0.5, _SOURCE, comment=comment)
    for block, theirs in configuration.area.items():
        if block != "interconnect":
            cause = block if block == "array" else f"area of {block}"
            yield row(f"area of {block}", "mm2", theirs, here.area[block], cause)
    leaks = not math.isnan(configuration.leakage[0])
    total = configuration.total if leaks else sum(configuration.energy.values())
    yield row("energy", "uJ", total, here.total if leaks else sum(here.energy.values()), "energy")
    for block, theirs in configuration.energy.items():
        name = "ADC and array" if block == "ADC" else block
        yield row(f"energy of {name}", "uJ", theirs, here.energy[block], name)
    if leaks:
        yield row("leakage", "mW", configuration.leakage[1], here.cost.total.leakage * 1e3, "leakage")
    yield row("TOPS/W", "TOPS/W", configuration.tops_per_watt, 2 * COUNTED / here.total, "TOPS/W")


def _why(key: str, cause: str) -> str:
    return _OWN.get((key, cause), _BLOCKS[cause] if key == "B" else "")


def _others() -> Iterator[Row]:
    here, seconds = ours(CONFIGURATIONS["D"]), ours(CONFIGURATIONS["D"]).cost.total.latency
    yield Row(
        "D, time of an image", "us", CONFIGURATIONS["D"].time, seconds * 1e6, 0.5, _SOURCE,
        comment="alike for opposite reasons: theirs 95 % buffers and interconnect, ours 98 % pulses and conversions",
    )  # fmt: skip
    density = 2 * COUNTED * 1e6 / seconds / 1e12 / sum(here.area.values())
    yield Row("D, TOPS/mm2", "TOPS/mm2", CONFIGURATIONS["D"].tops_per_mm2, density, 0.5, _SOURCE)
    yield Row(
        "B, energy of a per cent more set bits", "uJ", sum(SLOPES.values()),
        ours(CONFIGURATIONS["B"]).parts["array current"] / here.set_bits, 0.5, _SOURCE,
        comment="two runs, 16.4 and 43.8 % set; ours draws for 10 ns",
    )  # fmt: skip
    e = CONFIGURATIONS["E"]
    low, high = ours(e), ours(replace(e, resistance=100e3))
    yield Row(
        "E, ADC and array, 6 over 100 kOhm", "x", 43.72 / 27.74, low.energy["ADC"] / high.energy["ADC"], 0.5, _SOURCE,
        comment="read by voltage, theirs charges no current of the cells; what is left is the size of switches",
    )  # fmt: skip
    yield Row(
        "E, ADC and array without the cells' current", "uJ", e.energy["ADC"],
        low.energy["ADC"] - low.parts["array current"], 0.5, _SOURCE, comment="ours less what cells draw",
    )  # fmt: skip
    b = ours(CONFIGURATIONS["B"])
    converter = b.tile.converter.costs(b.tile.rows)["convert"].energy * 1e15
    yield Row(
        "a SAR conversion of 5 bits, 22 nm", "fJ", 46.7, converter, 0.5, "[neurosim2023], its formula at 100 kOhm",
        comment="ours is fitted on three chips",
    )  # fmt: skip
    for key in ("A", "B", "C", "E"):
        here, theirs = ours(CONFIGURATIONS[key]), CONFIGURATIONS[key].tops_per_watt
        opinion = second_opinion(here.program.chip)
        assert opinion is not None
        yield Row(
            f"{key}, TOPS/W as published silicon of such a chip", "TOPS/W", opinion.energy_range,
            2 * COUNTED / here.total, 0.0, "laws of the table of [shanbhag2022], two chips of three",
            comment=f"NeuroSim {theirs:g}; theirs and ours are of the network, the law is of peak figures",
        )  # fmt: skip
    yield Row(
        "B, TOPS/W, from NeuroSim to MNSIM", "TOPS/W", (0.28, CONFIGURATIONS["B"].tops_per_watt),
        2 * COUNTED / b.total, 0.0, "[neurosim2023], [mnsim2023], run by us",
        comment="two tools with their own defaults, 115 times apart",
    )  # fmt: skip


def _theirs() -> Iterator[Row]:
    graph = program_of(1).quant.graph
    for what, million, padded in (("computed", COMPUTED, False), ("counted", COUNTED, True)):
        nodes = graph.matrix_nodes()
        found = sum(graph.tensors[n.weight].numel() * products(graph, n, padded) for n in nodes)
        yield Row(f"multiply-adds {what}", "M", million, found / 1e6, 0.001, _SOURCE, "definition")
    b, comment = CONFIGURATIONS["B"], "operations counted, energy without padding, times 1.22"
    printed = 2 * COUNTED / (b.total * CALIBRATION)
    yield Row("B, TOPS/W from its energies", "", b.tops_per_watt, printed, 0.001, _SOURCE, "definition", comment)
    for key in ("A", "C"):
        cells, comment = array_cells(key) / 1e6, "from the area of the array and the sides of its cell"
        name = f"cells of {key}, for those of B"
        yield Row(name, "M", array_cells("B") / 1e6, cells, 0.002, _SOURCE, "definition", comment)


def _compute() -> list[Row]:
    compared = [row for c in CONFIGURATIONS.values() for row in _compare(c) if c.key != "D"]
    return [*_theirs(), *compared, *_others()]


RESULT = Result("VGG8 chips as NeuroSim sees them, by block", _compute)
