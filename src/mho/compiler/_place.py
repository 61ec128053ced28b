"""Partition and placement: cutting layers into blocks that fit a tile, and packing the blocks into few tiles."""

from __future__ import annotations

from mho.chip import Chip
from mho.core import CapacityError
from mho.ir import Block, Graph, Placement


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

    Blocks of one layer that share a tile take turns, so they are spread while there are tiles. The free room of a
    tile is
    kept as disjoint rectangles, cut in two at each block (guillotine packing).

    Raises:
        CapacityError: if the chip is too small; says how many tiles it would need.
    """
    rows, columns = chip.tile.shape
    order = sorted(enumerate(partition(graph, chip)), key=lambda ib: (-ib[1].rows, -ib[1].columns, ib[0]))
    free: list[list[tuple[int, int, int, int]]] = []  # per tile: (row, column, rows, columns)
    holds: list[set[str]] = []
    placed: dict[int, Block] = {}
    for index, block in order:
        for alone in (True, False):
            spot = _find(free, holds, block, alone)
            if spot or len(free) < chip.tiles:
                break
        if spot is None:
            free.append([(0, 0, rows, columns)])
            holds.append(set())
            spot = (len(free) - 1, 0)
        tile, place_index = spot
        r, c, height, width = free[tile].pop(place_index)
        below = (r + block.rows, c, height - block.rows, width)
        right = (r, c + block.columns, block.rows, width - block.columns)
        free[tile] += [f for f in (right, below) if f[2] > 0 and f[3] > 0]
        holds[tile].add(block.layer)
        placed[index] = Block(
            block.layer, block.group, block.row_tile, block.column_tile, tile, r, c, block.rows, block.columns
        )
    if len(free) > chip.tiles:
        weights = sum(b.rows * b.columns for _, b in order)
        raise CapacityError(
            f"the network needs {len(free)} tiles of {rows} x {columns} ({weights:,} weights) "
            f"and chip {chip.name!r} has {chip.tiles}; take a chip with more tiles or a smaller network"
        )
    return Placement(tuple(placed[i] for i in range(len(placed))), (rows, columns))


def _find(
    free: list[list[tuple[int, int, int, int]]], holds: list[set[str]], block: Block, alone: bool
) -> tuple[int, int] | None:
    for tile, spaces in enumerate(free):
        if alone and block.layer in holds[tile]:
            continue
        fits = [(h * w, i) for i, (_, _, h, w) in enumerate(spaces) if h >= block.rows and w >= block.columns]
        if fits:
            return tile, min(fits)[1]
    return None
