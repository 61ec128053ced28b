"""The chips that were described to NeuroSim, in mho's parts, and what mho says of VGG8 on them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import mho
from mho.chip import Chip
from mho.converters import load_converter
from mho.core import CostTree, fingerprint
from mho.cost import by_block, estimate, expected_counts
from mho.devices import AbstractCell, Ideal, load_cell
from mho.ir import Graph, Node, Program
from mho.samples import vgg8, vgg8_images
from mho.tiles import Activity, AnalogTile, BitSerial, BitSliced, DigitalTile, load_tile

from ._neurosim_runs import CONFIGURATIONS, Configuration, areas, energies

CELLS, SHARED, BITS = 128, 8, 8
"""Rows and columns of cells of an array, columns a converter, bits of weights and inputs."""
_IMAGES = 2


def cell(configuration: Configuration) -> AbstractCell:
    """Return the cell: static memory, or a resistor of the stated ends (on/off 17) as large as a foundry's 1T1R."""
    if not configuration.resistance:
        return load_cell("sram")
    preset = load_cell("rram-slc").costs()
    write, on = preset["write"], 1 / configuration.resistance
    return Ideal(on / 17, on, preset["part"].area, write.energy, write.latency, kind="RRAM")


def chip(configuration: Configuration, tiles: int = 10_000, converter: str = "") -> Chip:
    """Describe the chip in mho's parts: `tile2-rram` with what the configuration says, and otherwise as it is.

    Arrays, shared columns, bits, cells, node and supply are NeuroSim's. A SAR converter, pulses of 10 ns at 0.2 V,
    sample-and-hold, shift-add and the digital unit are the preset's. No gain correction. Registers that are clocked in
    a tile are those of its inputs and sums; the buffer holds inputs and outputs of the largest layer, once each.
    """
    preset = Chip.load("tile2-rram")
    assert isinstance(preset.tile, AnalogTile)
    weights = BitSliced(BITS, configuration.bits_per_cell)
    columns = CELLS // weights.cells_per_weight
    post = replace(preset.tile.post, factor_bits=0)
    tile = replace(
        preset.tile,
        rows=CELLS,
        cols=columns,
        cell=load_cell("sram"),
        weights=weights,
        inputs=BitSerial(BITS, preset.tile.inputs.pulse_time),
        converter=load_converter(converter or f"sar-{configuration.adc_bits}b"),
        columns_per_converter=SHARED,
        post=post,
    )
    digital = replace(
        preset.digital,
        registers=CELLS * BITS + columns * post.accumulator_bits,
        buffer_bits=2 * 128 * 32 * 32 * BITS,
    )
    name = f"neurosim-{configuration.key}"
    there = replace(preset, name=name, title=configuration.title, tiles=tiles, tile=tile, digital=digital)
    there = there.at_node(configuration.node, configuration.supply)
    assert isinstance(there.tile, AnalogTile)
    if configuration.resistance:  # its area is that of 22 nm already
        there = replace(there, tile=replace(there.tile, cell=cell(configuration)))
    return there


@functools.cache
def program_of(bits_per_cell: int) -> Program:
    """Place VGG8.

    Costs know nothing of a converter's range, so inputs are quantised for an exact tile of the same size, at once.
    """
    images, _ = vgg8_images(_IMAGES)
    there = chip(replace(CONFIGURATIONS["B"], bits_per_cell=bits_per_cell))
    exact = load_tile("dimc")
    assert isinstance(exact, DigitalTile)
    rows, columns = there.tile.shape
    quick = replace(there, tile=replace(exact, rows=rows, cols=columns))
    quant = mho.quantize(mho.capture(vgg8(), images), quick, images)
    return mho.compile(replace(quant, tile_fingerprint=fingerprint(there.tile)), there)


@dataclass(frozen=True)
class Ours:
    """What mho says of a configuration, in NeuroSim's blocks."""

    program: Program
    counts: Mapping[str, Activity]
    cost: CostTree

    @property
    def tile(self) -> AnalogTile:
        """Its tile."""
        assert isinstance(self.program.chip.tile, AnalogTile)
        return self.program.chip.tile

    @functools.cached_property
    def conversions(self) -> float:
        """Of an image."""
        return sum(conversions_of(self.program).values())

    @functools.cached_property
    def area(self) -> dict[str, float]:
        """In mm2. `other` is drivers, sample-and-hold, registers and digital unit; there is no interconnect."""
        parts = {p.name: p.cost.area for p in self.cost["silicon"].parts}
        adc, accumulation = parts["ADC"], parts["post-conversion"]
        other = sum(parts.values()) - parts["cells"] - adc - accumulation
        return {k: v * 1e6 for k, v in areas(parts["cells"], 0.0, adc, accumulation, other).items()}

    @functools.cached_property
    def parts(self) -> dict[str, float]:
        """Energy of an image in uJ, by the parts that a comparison asks for."""
        tile, blocks = self.tile, {k: c.energy for k, c in by_block(self.cost).items()}
        converter = blocks["ADC"]
        shift_add = tile.post.costs()["add"].energy * self.conversions
        graph, unit = self.program.quant.graph, self.program.chip.digital.costs()
        sums = sum(graph.additions(n, tile.rows) for n in graph.matrix_nodes()) * unit["operation"].energy
        drawn = tile.read_voltage * tile.supply * sum(a.drawn for a in self.counts.values())
        read = (
            blocks["cells"]
            + blocks["input encoding"]
            + blocks["pre-conversion"]
            + blocks["post-conversion"]
            - shift_add
        )
        joule = {
            "array current": drawn,
            "lines and sample-and-hold": read - drawn,
            "converters": converter,
            "accumulation": shift_add + sums,
            "clocked registers": blocks["clock"],
            "buffers and digital": blocks["digital"] - sums + blocks["digital operators"],
            "leakage": blocks["leakage"],
        }
        return {k: v * 1e6 for k, v in joule.items()}

    @functools.cached_property
    def energy(self) -> dict[str, float]:
        """Dynamic, in uJ an image. `ADC` holds the array, as NeuroSim's does."""
        p = self.parts
        adc = p["array current"] + p["lines and sample-and-hold"] + p["converters"]
        return energies(adc, p["accumulation"], p["clocked registers"] + p["buffers and digital"])

    @functools.cached_property
    def total(self) -> float:
        """Energy of an image with leakage, in uJ."""
        return self.cost.total.energy * 1e6

    @functools.cached_property
    def set_bits(self) -> float:
        """Per cent of input bits that are set, by conversion."""
        weights = conversions_of(self.program)
        return 100 * sum(self.counts[k].density * n for k, n in weights.items()) / sum(weights.values())


def products(graph: Graph, node: Node, padded: bool) -> int:
    """Return the products of a layer for one image; without padding, so many as a kernel fits in whole."""
    weight = graph.tensors[node.weight]
    if padded or weight.dim() != 4:
        return graph.macs(node) // weight.numel()
    height, width = graph[node.inputs[0]].shape[1:]
    return (height - weight.shape[2] + 1) * (width - weight.shape[3] + 1)


def conversions_of(program: Program) -> dict[str, float]:
    """Return the conversions of an image by layer."""
    graph, tile, found = program.quant.graph, program.chip.tile, dict[str, float]()
    assert isinstance(tile, AnalogTile)
    for node in graph.matrix_nodes():
        lines = len(tile.weights.significance) * len(tile.inputs.significance(program.quant.layers[node.name].signed))
        columns = sum(b.columns for b in program.placement.of(node.name))
        found[node.name] = products(graph, node, padded=True) * columns * lines
    return found


@functools.cache
def ours(configuration: Configuration, converter: str = "") -> Ours:
    """Estimate VGG8 on the chip of a configuration; nothing is run."""
    placed = program_of(configuration.bits_per_cell)
    program = replace(placed, chip=chip(configuration, placed.placement.tiles_used, converter))
    counts = _counts(configuration.resistance, configuration.bits_per_cell)
    return Ours(program, counts, estimate(program, counts))


@functools.cache
def _counts(resistance: float, bits_per_cell: int) -> Mapping[str, Activity]:
    configuration = replace(CONFIGURATIONS["B"], resistance=resistance, bits_per_cell=bits_per_cell)
    program = replace(program_of(bits_per_cell), chip=chip(configuration))
    return expected_counts(program, vgg8_images(_IMAGES)[0])


def whole_row_tiles(program: Program) -> float:
    """Return the conversions of an image if row tiles were cut anywhere: all 128 rows of an array in use."""
    graph, placement, found = program.quant.graph, program.placement, 0.0
    conversions = conversions_of(program)
    rows = program.chip.tile.shape[0]
    for node in graph.matrix_nodes():
        inputs = graph.tensors[node.weight][0].numel()
        cut = len({b.row_tile for b in placement.of(node.name)})
        found += conversions[node.name] * math.ceil(inputs / rows) / cut
    return found


def positions_of(program: Program, padded: bool) -> int:
    """Return the products of an image, all layers."""
    graph = program.quant.graph
    return sum(products(graph, node, padded) for node in graph.matrix_nodes())
