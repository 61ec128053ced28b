"""The technology table beside what is published: gates, memory, tiles from node to node."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from mho.core import Cost
from mho.digital import EdramBuffer, load_buffer, load_technology
from mho.systems import load_medium
from mho.tiles import characterise, load_tile

from ._row import Mark, Result, Row

STEPS = (22e-9, 14e-9, 10e-9, 7e-9, 5e-9, 3e-9)
"""The nodes beyond 22 nm, in m."""
_TILES = "[singh2025], from review notes"
_FOUNDRY = "stated by the foundry for one step"
_LENGTH = "that analog circuits follow the gate pitch below 22 nm was decided after seeing this figure"


def projection(name: str, nodes: tuple[float, ...] = STEPS) -> list[Cost]:
    """Return energy, latency and area of one product of a tile preset in each node, at the nominal supply."""
    tile = load_tile(name)
    return [characterise(tile.at_node(node), instances=1, vectors=8).total for node in nodes]


def per_node(costs: list[Cost], quantity: str) -> float:
    """Return the mean factor by which a quantity falls from one node to the next."""
    steps = [getattr(a, quantity) / getattr(b, quantity) for a, b in pairwise(costs)]
    product = 1.0
    for step in steps:
        product *= step
    return product ** (1 / len(steps))


def _tiles() -> list[Row]:
    rows: list[Row] = []
    for name, title in (("tile1", "Tile1"), ("tile2", "Tile2")):
        costs = projection(name)
        area, energy = per_node(costs, "area"), per_node(costs, "energy")
        quantity = f"area of {title}, per node beyond 22 nm"
        rows.append(Row(quantity, "x", (1.0, 1.2), area, 0.0, _TILES, "fitted", _LENGTH))
        quantity = f"energy of a product of {title}, per node beyond 22 nm"
        rows.append(Row(quantity, "x", (1.0, 1.1), energy, 0.0, _TILES, "fitted", _LENGTH + "; published as power"))
    costs = projection("dimc")
    density, energy = per_node(costs, "area"), per_node(costs, "energy")
    rows.append(Row("density of DIMC, per node beyond 22 nm", "x", 1.4, density, 0.1, _TILES))
    rows.append(Row("energy of a product of DIMC, per node beyond 22 nm", "x", 1.2, energy, 0.1, _TILES))
    return rows


def _memory() -> list[Row]:
    table, cell = load_technology(), 53 * (22e-9) ** 2
    sram = {node: table.sram_cell_area(node) for node in (22e-9, 3e-9)}
    return [
        Row("6T SRAM cell of 3 nm over a 22 nm RRAM cell of 53 F2", "", 1.0, sram[3e-9] / cell, 0.25, _TILES),
        Row("bits per area, that cell with two bits over 3 nm SRAM", "x", 2.0, 2 * sram[3e-9] / cell, 0.25, _TILES),
        Row("bits per area, the same at 22 nm", "x", 10.0, 2 * sram[22e-9] / cell, 0.3, _TILES, comment="an order"),
        Row("SRAM cell of 3 nm over the 22 nm RRAM cell of a foundry", "", 1.0,
            sram[3e-9] / load_medium("rram-22nm").footprint, 0.25, f"{_TILES}; cell [wikichip2801]",
            comment="216 nm x 225 nm, 100 F2"),
    ]  # fmt: skip


def _gates() -> list[Row]:
    table = load_technology()
    rows: list[Row] = []

    def step(quantity: str, new: int, old: int, published: float, source: str) -> None:
        a, b = table.logic(old * 1e-9), table.logic(new * 1e-9)
        density, energy = a.nand2_area / b.nand2_area, b.full_adder().energy / a.full_adder().energy
        ours = density if quantity == "density" else energy
        # The height of the 28 nm cell was chosen with ratios of areas in view.
        mark: Mark = "fitted" if old == 28 else "prediction"
        rows.append(Row(f"{quantity} of gates, {new} nm over {old} nm", "x", published, ours, 0.25, source, mark))

    for new, old, published in ((16, 28, 2.0), (10, 16, 2.0), (7, 10, 1.6), (5, 7, 1.8), (3, 5, 1.6)):
        step("density", new, old, published, _FOUNDRY)
    for new, old, published, source in (
        (10, 16, 0.65, _FOUNDRY), (7, 16, 0.4, _FOUNDRY), (5, 7, 0.7, "[tsmc2020]"), (3, 5, 0.7, _FOUNDRY),
    ):  # fmt: skip
        step("energy", new, old, published, source + ("" if source.startswith("[") else ", at equal speed"))
    logic, source = table.logic(45e-9, 0.9), "[horowitz2014], 45 nm, 0.9 V"
    for title, cost, published in (
        ("8-bit addition", logic.adder(8), 0.03), ("32-bit addition", logic.adder(32), 0.1),
        ("8-bit multiplication", logic.multiplier(8, 8), 0.2), ("32-bit multiplication", logic.multiplier(32, 32), 3.1),
    ):  # fmt: skip
        rows.append(Row(title, "pJ", published, cost.energy * 1e12, 0.33, source))
    aladdin = table.logic(40e-9)
    for title, cost, published in (
        ("a 32-bit adder", aladdin.adder(32), (0.21, 278)),
        ("a 32-bit multiplier", aladdin.multiplier(32, 32), (12.68, 6350)),
        ("a flip-flop", aladdin.register(1), (0.009, 5.98)),
    ):  # fmt: skip
        source = "[aladdin2014], 40 nm"
        rows.append(Row(f"energy of {title}", "pJ", published[0], cost.energy * 1e12, 0.5, source))
        rows.append(Row(f"area of {title}", "um2", published[1], cost.area * 1e12, 0.5, source))
    return rows


def _sram() -> list[Row]:
    table = load_technology()
    rows: list[Row] = []
    for node, energy, area in ((32, 19.7, 0.115), (22, 9.0, 0.054), (16, 7.6, 0.040), (7, 5.1, 0.017)):
        macro = table.sram(64 * 8192, node * 1e-9)
        source = "CACTI [muralimanohar2009]" + ("" if node >= 22 else ", scaled below 22 nm by hwcomponents")
        pair: tuple[tuple[str, str, float, float, str], ...] = (
            ("128 bits of 64 KB", "pJ", energy, 128e12 * macro["bit"].energy, ""),
            (
                "area of 64 KB",
                "mm2",
                area,
                1e6 * macro["part"].area,
                "CACTI is known to be small beside compiled macros",
            ),
        )
        for quantity, unit, published, ours, comment in pair:
            rows.append(Row(f"{quantity}, {node} nm", unit, published, ours, 0.25, source, comment=comment))
    for kilobytes, published in ((8, 10.0), (32, 20.0), (1024, 100.0)):
        ours = 64e12 * table.sram(kilobytes * 8192, 45e-9, 0.9)["bit"].energy
        mark: Mark = "fitted" if kilobytes == 8 else "prediction"
        source = "[horowitz2014], caches, 45 nm, 0.9 V"
        rows.append(Row(f"64 bits of {kilobytes} KB", "pJ", published, ours, 0.5, source, mark))
    ours = 1e12 * table.sram(64 * 8192, 32e-9)["bit"].energy
    rows.append(Row("a bit of 64 KB, 32 nm", "pJ", 0.08, ours, 0.5, "[isaac2016]", comment="theirs is eDRAM"))
    edram = load_buffer("edram-512kb")
    assert isinstance(edram, EdramBuffer)
    edram, logic = replace(edram, banks=2, word=256), table.logic(32e-9)  # words of 256 bits, as published
    note = "cells of three tenths of a static one, assumed"
    ours, area = 1e12 * edram.bit(logic).energy, 1e6 * sum(p.area for p in edram.parts(logic).values())
    rows.append(Row("a bit of 64 KB of eDRAM, 32 nm", "pJ", 0.08, ours, 0.5, "[isaac2016]", comment=note))
    rows.append(Row("area of 64 KB of eDRAM, 32 nm", "mm2", 0.083, area, 0.5, "[isaac2016]", comment=note))
    return rows


def _supplies() -> list[Row]:
    """Compare whole macros, of which gates are a part, at two supplies."""
    table = load_technology()
    rows: list[Row] = []
    for chip, node, low, high, energy, speed, comment in (
        ("[wang2022]", 22e-9, 0.7, 1.0, 32.2 / 16.4, 0.0, ""),
        ("[wang2022]", 22e-9, 0.7, 1.1, 32.2 / 15.5, 4.0 / 2.4, ""),
        ("[jia2020]", 65e-9, 0.85, 1.2, 400 / 192, 0.60 / 0.24, "low-power devices, of a higher threshold"),
    ):
        slow, fast = table.logic(node, low), table.logic(node, high)
        where = f"{1e9 * node:.0f} nm, {high:g} over {low:g} V"
        ours = fast.full_adder().energy / slow.full_adder().energy
        rows.append(Row(f"energy, {where}", "x", energy, ours, 0.25, chip))
        if speed:
            ours = slow.nand2_delay / fast.nand2_delay
            rows.append(Row(f"speed, {where}", "x", speed, ours, 0.25, chip, comment=comment))
    return rows


def _compute() -> list[Row]:
    return [*_tiles(), *_memory(), *_gates(), *_supplies(), *_sram()]


RESULT = Result("Technology nodes: gates, memory and tiles from 180 to 3 nm", _compute)
