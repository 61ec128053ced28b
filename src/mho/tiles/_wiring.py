"""Where the cells of a layer sit on the lines of a tile, and what the wires make of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mho.arrays import Wires

from ._order import Order, column_tiles
from ._weights import AbstractWeightEncoding


@dataclass(frozen=True)
class Wiring:
    """The cells of a layer on the wires of its tiles.

    The columns of a layer are cut into column tiles as the compiler cuts them, and the block of each tile sits in the
    corner of the first row and column. The slices of a weight lie on neighbouring bit lines; the two sides of a pair on
    neighbouring bit lines or on neighbouring word lines, as `wires.pairs` says; devices of one side are in parallel. On
    word lines, sides that are converted apart are also driven apart.
    """

    wires: Wires
    encoding: AbstractWeightEncoding
    rows: int
    """Of weights in a tile."""
    cols: int
    spare: int = 0
    """Columns of weights behind the others, that conduct nothing unless they stand in for one."""
    order: Order | None = None

    def through(self, g: Float[Tensor, "I cells G R S K N"]) -> Float[Tensor, "I cells G R S K N"]:
        """Return the conductances that the read-out sees in place of those of the cells."""
        return self._through(g) if self.order is None else self.order.lift(self._through(self.order.lay(g)))

    def _through(self, g: Tensor) -> Tensor:
        encoding, wires = self.encoding, self.wires
        sides, reference = encoding.sides, int(encoding.reference_column)
        instances, cells, groups, row_tiles, slices, rows, columns = g.shape
        devices = cells // sides
        columns -= reference
        cuts, width = column_tiles(columns, self.cols - reference)
        lines = g.reshape(instances, sides, devices, *g.shape[2:]).sum(2)
        last = lines[..., columns:]
        lines = F.pad(lines[..., :columns], (0, cuts * width - columns))
        # [I, sides, G, R, S, K, T, n] -> [I, G, R, T, (S,) K (, sides), n (, sides, S)]
        lines = lines.reshape(instances, sides, groups, row_tiles, slices, rows, cuts, width)
        # Each tile has the reference column behind its own; what is read is that of the last tile.
        lines = torch.cat([lines, last.unsqueeze(-2).expand(*[-1] * 6, cuts, reference)], -1)
        width += reference
        if encoding.paired and wires.pairs == "word lines":
            turn, height, breadth = (0, 2, 3, 6, 4, 5, 1, 7), rows * sides, width
        else:
            turn, height, breadth = (0, 2, 3, 6, 5, 7, 1, 4), rows, width * sides * slices
        arranged = lines.permute(turn)
        unused = ((self.rows - rows) * height // rows, (self.cols + self.spare - width) * breadth // width)
        blocks = arranged.reshape(*arranged.shape[:4], -1, height, breadth).contiguous()
        seen = wires.effective(blocks, unused).reshape(arranged.shape)
        seen = seen.permute(sorted(range(8), key=turn.__getitem__))
        own = seen[..., : width - reference].flatten(-2)[..., :columns]
        seen = torch.cat([own, seen[..., -1, width - reference :]], -1)
        seen = (seen / devices).unsqueeze(2).expand(-1, -1, devices, *[-1] * 5)
        return seen.reshape(g.shape)

    def converted(
        self, g: Float[Tensor, "cells G R S K N"], limits: tuple[float, float], rounds: int
    ) -> tuple[Float[Tensor, "cells G R S K N"], float]:
        """Return conductances that come through the wires as `g` times a factor, and that factor, at most 1.

        Each round raises every cell by what it still lacks; the factor makes room where the highest would be exceeded.
        So the far corner sets the scale, and the converter's range has to follow. Source: the idea of [hu2016]; the
        rounds are our own.
        """
        low, high = limits
        factor, out = 1.0, g
        for _ in range(rounds):
            seen = self.through(out.unsqueeze(0))[0]
            wanted = out * (factor * g / seen.clamp(min=1e-30)).clamp(max=10.0)
            room = min(1.0, high / float(wanted.max().clamp(min=1e-30)))
            factor, out = factor * room, (wanted * room).clamp(low, high)
        return out, factor
