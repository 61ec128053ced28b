"""Partition and placement: cutting layers into blocks that fit a tile, and packing the blocks into few tiles."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

from mho.chip import Chip
from mho.core import CapacityError
from mho.ir import Block, Graph, Placement
from mho.tiles import AnalogTile


def partition(graph: Graph, chip: Chip) -> list[Block]:
    """Cut every matrix node into blocks of at most a tile, per group of a convolution; not yet placed."""
    rows, columns = chip.tile.shape
    blocks: list[Block] = []
    for node in graph.matrix_nodes():
        layout = graph.layout(node, rows)
        cuts = -(-layout.columns // columns)
        width = -(-layout.columns // cuts)
        for group in range(layout.groups):
            for row_tile in range(layout.row_tiles):
                for cut in range(cuts):
                    size = min(width, layout.columns - cut * width)
                    blocks.append(Block(node.name, group, row_tile, cut, -1, 0, 0, layout.rows, size))
    return blocks


def place(graph: Graph, chip: Chip) -> Placement:
    """Pack all blocks into tiles, tallest first; blocks of one layer go to different tiles.

    Blocks of one layer that share a tile take turns, so they are spread while there are tiles, and as evenly as can be
    after that; where spreading takes too much room, they are packed as densely as can be. The free room of a tile is
    kept as disjoint rectangles, cut in two at each block (guillotine packing). Converters whose levels are programmed
    suit one block, so that no other lies below it on their columns.

    Raises:
        CapacityError: if the chip is too small; says how many tiles it would need.
    """
    rows, columns = chip.tile.shape
    blocks = partition(graph, chip)
    unit = _unit(chip)
    placed = _pack(blocks, chip.tile.shape, chip.tiles, unit)
    if _tiles(placed) > chip.tiles:
        placed = _pack(blocks, chip.tile.shape, 0, unit)
    if _tiles(placed) > chip.tiles:
        weights = sum(b.rows * b.columns for b in blocks)
        raise CapacityError(
            f"the network needs {_tiles(placed)} tiles of {rows} x {columns} ({weights:,} weights) "
            f"and chip {chip.name!r} has {chip.tiles}; take a chip with more tiles or a smaller network"
        )
    return Placement(placed, (rows, columns))


def _unit(chip: Chip) -> int:
    """Return the columns that are read by whole converters whose levels are programmed; 0 where levels are fixed.

    Where weights have a reference column in common, its converter suits one block only, and so does the tile.
    """
    tile = chip.tile
    if not isinstance(tile, AnalogTile) or not tile.converter.adaptive:
        return 0
    slices = len(tile.weights.significance)
    return tile.cols if tile.weights.reference_column else math.lcm(slices, tile.columns_per_converter) // slices


def _pack(blocks: list[Block], shape: tuple[int, int], spread: int, unit: int) -> tuple[Block, ...]:
    """Place all blocks, over as many tiles as it takes; blocks of one layer apart over the first `spread` tiles.

    With a `unit`, blocks begin at multiples of so many columns, and none lies below another.
    """
    order = sorted(range(len(blocks)), key=lambda i: (-blocks[i].rows, -blocks[i].columns, i))
    free: list[list[tuple[int, int, int, int]]] = []  # per tile: (row, column, rows, columns)
    holds: Counter[tuple[int, str]] = Counter()
    placed: dict[int, Block] = {}
    for index in order:
        block = blocks[index]
        fits = [
            (holds[tile, block.layer] if spread else 0, tile, height * width, i)
            for tile, spaces in enumerate(free)
            for i, (_, _, height, width) in enumerate(spaces)
            if height >= block.rows and width >= block.columns
        ]
        others, tile, _, i = min(fits, default=(1, len(free), 0, 0))
        if tile == len(free) or (others and len(free) < spread):
            tile, i = len(free), 0
            free.append([(0, 0, *shape)])
        r, c, height, width = free[tile].pop(i)
        tall, wide = (height, -(-block.columns // unit) * unit) if unit else (block.rows, block.columns)
        below = (r + tall, c, height - tall, width)
        right = (r, c + wide, tall, width - wide)
        free[tile] += [f for f in (right, below) if f[2] > 0 and f[3] > 0]
        holds[tile, block.layer] += 1
        placed[index] = dataclasses.replace(block, tile=tile, row=r, column=c)
    return tuple(placed[i] for i in range(len(blocks)))


def _tiles(blocks: tuple[Block, ...]) -> int:
    return len({b.tile for b in blocks})
