"""The order in which rows and columns lie on the lines of a tile."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mho.arrays import Wires


def column_tiles(columns: int, most: int) -> tuple[int, int]:
    """Return into how many tiles columns are cut, and how wide these are, as the compiler cuts them."""
    cuts = -(-columns // most)
    return cuts, -(-columns // cuts)


class Order:
    """Rows that conduct most next to the read-outs, columns that conduct most next to the drivers.

    The current that has a long way is then the least. The order is that of the targets, the same on every chip; the
    digital side leads inputs and outputs to their lines. Lines with terminals at both ends keep their order. Heavy
    columns are dealt out to all column tiles, so that no word line carries them all.
    """

    def __init__(self, wires: Wires, targets: Float[Tensor, "cells G R S K N"], most: int, reference: int) -> None:
        """Find the order for targets, `most` columns a tile, of which the last `reference` ones keep their place."""
        rows, columns = targets.sum((0, 3, 5)), targets[..., : targets.shape[-1] - reference].sum((0, 3, 4))
        down = torch.zeros_like(rows)  # equal keys keep their order
        if wires.read != "both":
            down = rows if wires.read == "bottom" else -rows
        rank = torch.argsort(down, dim=-1, stable=True)
        place = torch.arange(columns.shape[-1]).expand_as(columns)
        if wires.drive != "both":
            heaviest = torch.argsort(-columns, dim=-1, stable=True)
            place = heaviest[..., _dealt(columns.shape[-1], most, wires.drive == "right")]
        last = torch.arange(targets.shape[-1] - reference, targets.shape[-1]).expand(*place.shape[:-1], -1)
        self._rows = rank[:, :, None, :, None]
        self._columns = torch.cat([place, last], -1)[:, :, None, None, :]

    def lay(self, g: Float[Tensor, "*b G R S K N"]) -> Float[Tensor, "*b G R S K N"]:
        """Return the cells as they lie, given as they are called."""
        return _take(_take(g, self._rows, -2), self._columns, -1)

    def lay_inputs(self, v: Float[Tensor, "*b G R M K"]) -> Float[Tensor, "*b G R M K"]:
        """Return inputs of rows as they lie."""
        index = self._rows.flatten(2).unsqueeze(-2)  # [G, R, 1, K]
        return torch.take_along_dim(v, index[(None,) * (v.dim() - 4)], -1)

    def lift_columns(self, i: Float[Tensor, "*b G R S M N"]) -> Float[Tensor, "*b G R S M N"]:
        """Return outputs of columns as they are called, given as they lie."""
        return _take(i, self._columns.argsort(-1), -1)

    def lift(self, g: Float[Tensor, "*b G R S K N"]) -> Float[Tensor, "*b G R S K N"]:
        """Return the cells as they are called, given as they lie."""
        return _take(_take(g, self._rows.argsort(-2), -2), self._columns.argsort(-1), -1)


def _take(g: Tensor, index: Tensor, dim: int) -> Tensor:
    return torch.take_along_dim(g, index[(None,) * (g.dim() - index.dim())], dim)


def _dealt(columns: int, most: int, turned: bool) -> list[int]:
    """Return ranks by place, tile after tile; the heaviest columns of a tile come last if `turned`."""
    cuts, width = column_tiles(columns, most)
    sizes = [min(width, columns - t * width) for t in range(cuts)]
    tiles: list[list[int]] = [[] for _ in sizes]
    rank = 0
    for k in range(width):
        for tile, size in zip(tiles, sizes, strict=True):
            if k < size:
                tile.append(rank)
                rank += 1
    return [r for tile in tiles for r in (reversed(tile) if turned else tile)]
