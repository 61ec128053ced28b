"""estimate: what one image costs on the chip, from the run's own activity, by layer and by block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mho.chip import Chip
from mho.core import Cost, CostTree
from mho.digital import WORD
from mho.ir import Block, Node, Program, short_name, work
from mho.tiles import OUTPUT_STAGES, Activity, characterise

from ._clock import clock_tree
from ._opinion import error_bar
from ._traffic import layer_network, network_costs, transfer

_UPKEEP = ("refresh", "buffer refresh")
"""Blocks of the power that keeps what cells hold, as tiles and digital unit name them."""
_OWN = ("silicon", "digital operators", "clock", "clock tree", "control", *_UPKEEP, "leakage")
"""The parts of an estimate that are not layers."""


def estimate(program: Program, counts: Mapping[str, Activity]) -> CostTree:
    """Return energy and latency of one image, and the chip's area, as a tree that adds up exactly.

    The layers run one after another. A layer's blocks work at once in different tiles and in turns within one. Parts:
    one node per layer; `digital operators` by kind; `clock` (registers of the tiles at work), `clock tree` and
    `control` where the chip states them, `refresh` and `buffer refresh` (where cells forget) and `leakage` by what
    leaks, all over the latency; `silicon`, the area of all tiles and the digital unit. Tiles without weights are off,
    and with them their share of the digital unit and of the network, which gives each layer its block `network`.
    See also `uncounted`.
    """
    layers: list[CostTree] = []
    digital: dict[str, Cost] = {}
    clock, tree_work, control, unit = 0.0, 0.0, 0.0, program.chip.digital
    tree_power, _ = clock_tree(program.chip)
    stepping = unit.control_power() / program.chip.tiles
    for step in program.schedule:
        node = program.quant.graph[step.node]
        if step.kind == "multiply":
            tree, busy, products = _layer(program, node, step.repeats, counts[node.name])
            layers.append(tree)
            clock += busy * unit.clock_power()
            tree_work += busy * tree_power
            control += busy * stepping + products * unit.fetch().energy
        else:
            kind = short_name(node.op)
            one = _operator(program, node)
            digital[kind] = digital.get(kind, Cost()) + one
            control += one.latency * stepping * max(1, program.placement.tiles_used)
    area = silicon(program.chip)
    parts = (*layers, CostTree.of("digital operators", digital)) if digital else tuple(layers)
    latency = CostTree("", parts=parts).total.latency
    leaks = {p.name: Cost(p.cost.leakage * _powered(program) * latency) for p in area.parts if p.cost.leakage}
    steps = [] if unit.clock_tree is None else [CostTree("clock tree", Cost(tree_work))]
    steps += [] if unit.control is None else [CostTree("control", Cost(control))]
    kept = {k: c.leakage * program.chip.tiles for k, c in program.chip.tile.upkeep().items()}
    kept |= {k: c.leakage for k, c in unit.upkeep().items()}
    upkeep = [CostTree(name, Cost(power * _powered(program) * latency)) for name, power in kept.items()]
    return CostTree(
        program.chip.name,
        parts=(*parts, CostTree("clock", Cost(clock)), *steps, *upkeep, CostTree.of("leakage", leaks), area),
    )


def programming(program: Program) -> Cost:
    """Return what writing the network once costs: all tiles at the same time, the blocks of a tile one after another.

    As the cells' `write` says: a single pulse a cell, unless the cell knows its write-verify loop. The logic of the
    loop is not in it, so it is a lower bound. Levels of converters, where they are programmed, come after the cells,
    those of a tile together.
    """
    energy, busy, rows = 0.0, dict[int, float](), dict[int, set[int]]()
    levels: dict[int, float] = {}
    for block in program.placement.blocks:
        fresh = set(range(block.row, block.row + block.rows)) - rows.setdefault(block.tile, set())
        rows[block.tile] |= fresh
        tile = program.quant.layers[block.layer].tile(program.chip.tile)
        cost = tile.write_cost(block.rows, block.columns)
        if tile.common_columns:
            cost += tile.write_cost(len(fresh), tile.common_columns)
        energy += cost.energy
        busy[block.tile] = busy.get(block.tile, 0.0) + cost.latency
        level = tile.level_cost(block.columns)
        energy += level.energy
        levels[block.tile] = max(levels.get(block.tile, 0.0), level.latency)
    return Cost(energy=energy, latency=max((t + levels[tile] for tile, t in busy.items()), default=0.0))


def _powered(program: Program) -> float:
    """Return the share of the tiles, and so of the digital unit beside them, that is on."""
    return max(1, program.placement.tiles_used) / program.chip.tiles


def _unit_costs(program: Program) -> dict[str, Cost]:
    """Return the costs of the digital unit's actions with the lanes that are on."""
    costs = program.chip.digital.costs()
    return {k: replace(c, latency=c.latency / _powered(program)) for k, c in costs.items()}


def _layer(program: Program, node: Node, repeats: int, activity: Activity) -> tuple[CostTree, float, float]:
    """Return the cost of a layer, the tile-seconds that it keeps tiles busy, and the products of all tiles."""
    layer = program.quant.layers[node.name]
    tile = layer.tile(program.chip.tile)
    blocks = program.placement.of(node.name)
    # Blocks are many, and of few sizes.
    by_size = {size: tile.mvm_cost(*size, layer.signed) for size in {(b.rows, b.columns) for b in blocks}}
    energy: dict[str, float] = {}
    for b in blocks:
        for name, cost in by_size[b.rows, b.columns].items():
            energy[name] = energy.get(name, 0.0) + cost.energy * activity.positions
    costs = {name: Cost(energy=joule) for name, joule in energy.items()}
    period = max(sum(c.latency for c in one.values()) for one in by_size.values())
    shape = tile.mvm_cost(blocks[0].rows, blocks[0].columns, layer.signed)
    for name, cost in shape.items():
        costs[name] += Cost(latency=cost.latency * repeats)
    weights = sum(b.rows * b.columns for b in blocks)
    for name, cost in tile.cell_cost(activity, weights).items():
        costs[name] = costs.get(name, Cost()) + cost
    graph, unit = program.quant.graph, _unit_costs(program)
    scalings, additions = graph.scalings(node), graph.additions(node, tile.shape[0])
    costs["digital"] = costs.get("digital", Cost()) + (
        unit["scale"] * scalings + unit["operation"] * additions + unit["bit"] * (8 * scalings)
    )
    if program.chip.network is not None:
        product = sum(c.latency for c in shape.values()) * program.placement.depth(node.name)
        costs["network"] = layer_network(program.chip, tile, blocks, activity.positions, product)
    name = f"{node.name} (layer)" if node.name in _OWN else node.name
    products = activity.positions * len(blocks)
    return CostTree.of(name, costs), products * period, products


def _operator(program: Program, node: Node) -> Cost:
    graph, unit = program.quant.graph, _unit_costs(program)
    source = program.quant.layers.get(node.inputs[0])
    if source is not None and source.activated:  # this node is its ReLU, done by the converters
        return Cost()
    sizes = [graph[i].shape for i in node.inputs]
    done = work(node, sizes[0])
    if done.total == 0:
        return Cost()
    moved = (sum(math.prod(s) for s in sizes) + math.prod(node.shape)) * WORD
    arithmetic = unit["operation"] * done.operations + unit["scale"] * done.scales
    return arithmetic + unit["lookup"] * done.lookups + unit["bit"] * moved


def silicon(chip: Chip) -> CostTree:
    """Return area and leakage of a chip by what it consists of: all its tiles, the digital unit, the network."""
    parts = {k: Cost(area=c.area, leakage=c.leakage) * chip.tiles for k, c in chip.tile.parts().items()}
    parts |= chip.digital.parts()
    if chip.digital.clock_tree is not None:
        parts["clock tree"] = clock_tree(chip)[1] * chip.tiles
    if chip.network is not None:
        parts["network"] = network_costs(chip)["part"]
    return CostTree.of("silicon", parts)


def by_block(cost: CostTree) -> dict[str, Cost]:
    """Sum an estimate over the layers, block by block in the order of a product; then what is not of layers."""
    out: dict[str, Cost] = {}
    for part in cost.parts:
        if part.name == "silicon":
            continue
        if part.name in _OWN:
            out[part.name] = part.total
        else:
            for leaf in part.parts:
                out[leaf.name] = out.get(leaf.name, Cost()) + leaf.cost
    order = ["cells", "restore", "input encoding", *OUTPUT_STAGES, "adder trees", "digital", "network", *_OWN]
    return {k: out[k] for k in [*order, *sorted(set(out) - set(order))] if k in out}


def layer_costs(cost: CostTree) -> dict[str, CostTree]:
    """Return the nodes of an estimate that are layers, by name."""
    return {p.name: p for p in cost.parts if p.name not in _OWN}


@dataclass(frozen=True)
class Rating:
    """The peak figures of a chip with every tile busy."""

    tops: float
    tops_per_watt: float
    watt: float
    tops_per_mm2: float
    mvm_seconds: float
    """Time from one matrix-vector product to the next."""
    mvm_joule: float
    """Energy of one matrix-vector product of one tile, with its share of the digital unit."""
    tops_per_watt_range: tuple[float, float] | None = None
    """Where two of three chips would lie, as `error_bar` says; None where it says nothing."""
    tops_per_mm2_range: tuple[float, float] | None = None


def rate(chip: Chip) -> Rating:
    """Rate a chip as its makers do: all tiles multiply full Gaussian matrices, every output is scaled once.

    Where the chip has a network, all inputs and sums pass it, and tiles wait where it is too narrow for them.
    """
    report = characterise(chip.tile, instances=2)
    product = report.total
    unit = chip.digital.costs()
    power, tree = clock_tree(chip)
    energy = product.energy + (chip.digital.clock_power() + power) * product.latency
    energy += chip.tile.shape[1] * unit["scale"].energy
    area = (product.area + tree.area) * chip.tiles + unit["part"].area
    leakage = tree.leakage + unit["part"].leakage / chip.tiles
    period = product.latency
    if chip.network is not None:
        full = [Block("", 0, 0, 0, n, 0, 0, *chip.tile.shape) for n in range(chip.tiles)]
        moved, part = transfer(chip, chip.tile, full), network_costs(chip)["part"]
        period = max(period, moved.latency)
        energy += moved.energy / chip.tiles + product.leakage * (period - product.latency)
        area, leakage = area + part.area, leakage + part.leakage / chip.tiles
    leakage += sum(c.leakage for c in chip.digital.upkeep().values()) / chip.tiles
    energy += chip.digital.fetch().energy + chip.digital.control_power() / chip.tiles * product.latency
    energy += leakage * period
    tops = chip.tiles * report.operations / period / 1e12
    efficiency, density, bar = report.operations / energy / 1e12, tops / (area * 1e6), error_bar(chip)
    return Rating(
        tops=tops,
        tops_per_watt=efficiency,
        watt=chip.tiles * energy / period,
        tops_per_mm2=density,
        mvm_seconds=period,
        mvm_joule=energy,
        tops_per_watt_range=None if bar is None else (efficiency / bar.energy[1], efficiency / bar.energy[0]),
        tops_per_mm2_range=None if bar is None else (density * bar.density[0], density * bar.density[1]),
    )


@dataclass(frozen=True)
class Summary:
    """The headline figures of one image on a chip."""

    energy: float
    latency: float
    area: float
    operations: int
    """Two per multiply-accumulate of the network."""
    tiles_used: int
    utilisation: float
    energy_range: tuple[float, float] | None = None
    """Where two of three chips would lie, as `error_bar` says, in J; None where it says nothing."""

    @property
    def tops_per_watt(self) -> float:
        """Operations per joule of this network, in 1e12."""
        return self.operations / self.energy / 1e12


def summarise(program: Program, cost: CostTree) -> Summary:
    """Sum up a cost tree."""
    graph, placement, total = program.quant.graph, program.placement, cost.total
    macs = sum(graph.macs(n) for n in graph.matrix_nodes())
    bar = error_bar(program.chip)
    return Summary(
        total.energy,
        total.latency,
        total.area,
        2 * macs,
        placement.tiles_used,
        placement.utilisation,
        None if bar is None else (total.energy * bar.energy[0], total.energy * bar.energy[1]),
    )
