"""Where the cells of a layer sit on the lines of a tile, and what the wires make of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV, Wires, newton

from ._order import Order, column_tiles
from ._weights import AbstractWeightEncoding

_INPUTS = 8
"""Input vectors that are solved at once: each is an array of its own."""
_COLUMNS = 8192
"""Columns with inputs on gates that are solved at once, each for one input vector."""


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
        if self.wires.gates:
            columns = self._columns(g)
            shares = self.wires.gated_shares(columns, self.rows - g.shape[5]).to(g)
            return g * self._sides(shares).permute(0, 1, 2, 3, 4, 6, 5).repeat_interleave(self._devices(g), 1)
        return self._through(g) if self.order is None else self.order.lift(self._through(self.order.lay(g)))

    def _through(self, g: Tensor) -> Tensor:
        lines, turn, blocks, unused = self._lay(g)
        seen = self.wires.effective(blocks, unused).reshape(lines)
        seen = seen.permute(sorted(range(8), key=turn.__getitem__))
        return self._called(seen, g.shape[-1], g.shape[1]).reshape(g.shape)

    def currents(
        self, g: Float[Tensor, "I cells G R S K N"], law: AbstractIV, volts: Float[Tensor, "I G R M K"]
    ) -> Float[Tensor, "I cells G R S M N"]:
        """Return the currents into the read-outs for input vectors, in A, shared equally by the devices of a side.

        `law` takes `g` for conductances at 0 V. On word lines that are driven in opposition the sides flow into one
        read-out: the first side then tells the difference, and the second nothing.
        """
        if self.order is not None:
            g, volts = self.order.lay(g), self.order.lay_inputs(volts)
        sides, (instances, cells, groups, row_tiles, slices, _, columns) = self.encoding.sides, g.shape
        shape, _, blocks, unused = self._lay(g)
        opposed = self.encoding.paired and self.wires.pairs == "word lines"
        v = volts.transpose(-1, -2)[:, :, :, None, None]  # [I, G, R, 1, 1, K, M]
        if opposed:  # rows of both sides are neighbours; slices are arrays of their own
            signs = torch.tensor([1.0, -1.0][:sides]).to(v)
            v = (v.unsqueeze(-2) * signs[:, None]).flatten(-3, -2)
        out: list[Tensor] = []
        for some in v.split(_INPUTS, -1):
            one = newton(blocks, law, self.wires.network(unused), some.expand(*blocks.shape[:-1], some.shape[-1]))
            out.append(one.to(g.dtype))
        current = torch.cat(out, -1)  # [I, G, R, T, S or 1, breadth, M]
        m = volts.shape[-2]
        if opposed:  # lay: I G R T S K sides n
            current = current.permute(0, 1, 2, 4, 6, 3, 5).unsqueeze(1)  # [I, 1, G, R, S, M, T, n]
            current = torch.cat([current, torch.zeros_like(current)], 1) if sides == 2 else current
        else:  # lay: I G R T K n sides S
            current = current.reshape(*shape[:4], *shape[5:], m).permute(0, 5, 1, 2, 6, 7, 3, 4)
        current = self._called(current, columns, cells)
        current = current.reshape(instances, cells, groups, row_tiles, slices, m, columns)
        return current if self.order is None else self.order.lift_columns(current)

    def gated(
        self, g: Float[Tensor, "I cells G R S K N"], on: Float[Tensor, "#I G R M K"]
    ) -> Float[Tensor, "I cells G R S M N"]:
        """Return what source lines take per volt for patterns of open gates, in S, shared equally by the devices.

        Of cells that share a source line the first side tells the difference, and the second nothing.
        """
        columns, unused = self._columns(g), self.rows - g.shape[5]  # [I, sides or 1, G, R, S, N, K, cells]
        pattern = on.double()[:, None, :, :, None, None, :, :, None]  # [I, 1, G, R, 1, 1, M, K, 1]
        step = max(1, _COLUMNS // columns[..., 0, 0].numel())
        one = [self.wires.gated_currents(columns.unsqueeze(-3) * p, unused) for p in pattern.split(step, -3)]
        taken = torch.cat(one, -1).to(g)  # [I, sides or 1, G, R, S, N, M]
        if taken.shape[1] < self.encoding.sides:
            taken = torch.cat([taken, torch.zeros_like(taken)], 1)
        devices = self._devices(g)
        return (taken.mT / devices).repeat_interleave(devices, 1)

    def _devices(self, g: Tensor) -> int:
        return g.shape[1] // self.encoding.sides

    def _columns(self, g: Float[Tensor, "I cells G R S K N"]) -> Float[Tensor, "I own G R S N K together"]:
        """Return the columns of gated cells; two sides lie in one, or in one each."""
        lines = g.unflatten(1, (self.encoding.sides, -1)).sum(2).double().transpose(-1, -2)  # [I sides G R S N K]
        if self.encoding.sides == 2 and self.wires.pairs == "source line":
            return lines.movedim(1, -1).unsqueeze(1)
        return lines.unsqueeze(-1)

    @staticmethod
    def _sides(columns: Tensor) -> Tensor:
        """Return what columns hold by side: `[I, sides, G, R, S, N, K]`."""
        return columns.squeeze(1).movedim(-1, 1) if columns.shape[-1] > 1 else columns.squeeze(-1)

    def _lay(self, g: Tensor) -> tuple[torch.Size, tuple[int, ...], Tensor, tuple[int, int]]:
        """Return shape and order of the dimensions of the cells as they lie, the arrays, and how many lines idle."""
        sides, reference = self.encoding.sides, int(self.encoding.reference_column)
        instances, cells, groups, row_tiles, slices, rows, columns = g.shape
        columns -= reference
        cuts, width = column_tiles(columns, self.cols - reference)
        lines = g.reshape(instances, sides, cells // sides, *g.shape[2:]).sum(2)
        last = lines[..., columns:]
        lines = F.pad(lines[..., :columns], (0, cuts * width - columns))
        # [I, sides, G, R, S, K, T, n] -> [I, G, R, T, (S,) K (, sides), n (, sides, S)]
        lines = lines.reshape(instances, sides, groups, row_tiles, slices, rows, cuts, width)
        # Each tile has the reference column behind its own; what is read is that of the last tile.
        lines = torch.cat([lines, last.unsqueeze(-2).expand(*[-1] * 6, cuts, reference)], -1)
        width += reference
        if self.encoding.paired and self.wires.pairs == "word lines":
            turn, height, breadth = (0, 2, 3, 6, 4, 5, 1, 7), rows * sides, width
        else:
            turn, height, breadth = (0, 2, 3, 6, 5, 7, 1, 4), rows, width * sides * slices
        arranged = lines.permute(turn)
        unused = ((self.rows - rows) * height // rows, (self.cols + self.spare - width) * breadth // width)
        blocks = arranged.reshape(*arranged.shape[:4], -1, height, breadth).contiguous()
        return arranged.shape, turn, blocks, unused

    def _called(self, lines: Tensor, columns: int, cells: int) -> Tensor:
        """Return `[I, sides, G, R, S, *, T, n]` by column and device: `[I, sides, devices, G, R, S, *, N]`."""
        reference, devices = int(self.encoding.reference_column), cells // self.encoding.sides
        width = lines.shape[-1] - reference
        own = lines[..., :width].flatten(-2)[..., : columns - reference]
        lines = torch.cat([own, lines[..., -1, width:]], -1)
        return (lines / devices).unsqueeze(2).expand(-1, -1, devices, *[-1] * 5)

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
