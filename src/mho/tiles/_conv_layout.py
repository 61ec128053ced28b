"""Layouts of convolutions: as convolutions where row tiles hold whole channels, else unfolded."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mho.core import ShapeError, product

from ._layout import AbstractLayout

Sizes = tuple[int] | tuple[int, int] | tuple[int, int, int]
"""One number for each dimension."""
_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_WIDE = 24
"""Channels of a row tile from which on it is convolved by itself."""


@dataclass(frozen=True)
class AbstractConvLayout(AbstractLayout):
    """What both kinds have in common: the geometry of a convolution in one, two or three dimensions."""

    in_channels: int
    out_channels: int
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    conv_groups: int
    tile_rows: int

    @property
    def _taps(self) -> int:
        return math.prod(self.kernel)

    @property
    def _channels(self) -> int:
        """Input channels of one group."""
        return self.in_channels // self.conv_groups

    @property
    def groups(self) -> int:
        """Groups of the convolution."""
        return self.conv_groups

    @property
    def columns(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.conv_groups

    def _out_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            (n + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
            for n, kernel, stride, pad, dilation in zip(
                size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    def positions(self, x: Tensor) -> int:
        """Output pixels."""
        return math.prod(self._out_size(tuple(x.shape[-len(self.kernel) :])))

    def output(self, y: Float[Tensor, "I B G N L"], x: Tensor) -> Tensor:
        """To `[I, B, channels, *size]`."""
        size = self._out_size(tuple(x.shape[-len(self.kernel) :]))
        return y.reshape(*y.shape[:2], self.out_channels, *size)

    def patches(self, x: Tensor) -> Float[Tensor, "M G C taps L"]:
        """Unfold `[M, channels, *size]` into what each output pixel sees."""
        size = self._out_size(tuple(x.shape[2:]))
        x = F.pad(x, [p for pad in reversed(self.padding) for p in (pad, pad)])
        taps: list[Tensor] = []
        for tap in itertools.product(*map(range, self.kernel)):
            part = x
            for d, (k, n) in enumerate(zip(tap, size, strict=True)):
                start = k * self.dilation[d]
                part = part[
                    (slice(None),) * (d + 2) + (slice(start, start + self.stride[d] * (n - 1) + 1, self.stride[d]),)
                ]
            taps.append(part.flatten(2))
        return torch.stack(taps, 2).unflatten(1, (self.groups, self._channels))


@dataclass(frozen=True)
class ConvLayout(AbstractConvLayout):
    """A convolution whose row tiles hold whole input channels, so that each is a convolution, too."""

    def __post_init__(self) -> None:
        if self._taps > self.tile_rows:
            raise ShapeError(
                f"a kernel of {' x '.join(map(str, self.kernel))} needs that many rows for one channel, "
                f"but a tile has {self.tile_rows}; use a smaller kernel or a taller tile"
            )

    @property
    def row_tiles(self) -> int:
        """R."""
        return -(-self._channels // (self.tile_rows // self._taps))

    @property
    def _tile_channels(self) -> int:
        return -(-self._channels // self.row_tiles)

    @property
    def rows(self) -> int:
        """K, whole channels times kernel positions."""
        return self._tile_channels * self._taps

    def _pad(self, x: Tensor, dim: int) -> Tensor:
        """Fill up the channels of each group to whole row tiles; `dim` counts from the end."""
        missing = self.row_tiles * self._tile_channels - self._channels
        return F.pad(x, (0, 0) * (dim - 1) + (0, missing)) if missing else x

    def split_weight(self, weight: Tensor) -> Float[Tensor, "G R K N"]:
        """Cut `[out, in / groups, *kernel]`."""
        w = self._pad(weight.reshape(self.groups, self.columns, self._channels, *self.kernel), len(self.kernel) + 1)
        w = w.reshape(self.groups, self.columns, self.row_tiles, self.rows)
        return w.permute(0, 2, 3, 1)

    def arrange(self, product: Float[Tensor, "I G R S K N"]) -> Tensor:
        """To `[I G R S N, channels, *kernel]`."""
        i, g, r, s, _, n = product.shape
        w = product.transpose(-1, -2).reshape(i * g * r * s * n, self._tile_channels, *self.kernel)
        return w

    @property
    def _alone(self) -> bool:
        """Whether row tiles are convolved one by one: wide groups take up to twice as long together."""
        return self.row_tiles > 1 and self._tile_channels >= _WIDE

    def fixed(self, arranged: Tensor) -> Tensor:
        """Channels last where groups hold no multiple of 16: grouped convolutions are many times slower else."""
        odd = len(self.kernel) == 2 and self.row_tiles > 1 and self._tile_channels % 16 > 0 and not self._alone
        return arranged.contiguous(memory_format=torch.channels_last if odd else torch.contiguous_format)

    def partials(self, arranged: Tensor, pulses: Tensor) -> Tensor:
        """One grouped convolution, or one for each row tile: `[P, B, I, G, R, S N, L]`."""
        p, i, b, _, *size = pulses.shape
        x = self._pad(pulses.reshape(p, i, b, self.groups, self._channels, *size), len(size) + 1)
        x = x.transpose(1, 2).reshape(p * b, -1, *size)
        convolve, parts = _CONVOLVE[len(size)], i * self.groups * self.row_tiles
        geometry = self.stride, self.padding, self.dilation
        if self._alone and not torch.compiler.is_compiling():
            pairs = zip(x.chunk(parts, 1), arranged.chunk(parts), strict=True)
            out = torch.stack([convolve(own, matrix, None, *geometry) for own, matrix in pairs], 1)
        else:
            last = arranged.dim() == 4 and not arranged.is_contiguous()
            x = x.contiguous(memory_format=torch.channels_last) if last else x
            out = convolve(x, arranged, None, *geometry, parts).contiguous()
        return out.reshape(p, b, i, self.groups, self.row_tiles, -1, math.prod(self._out_size(tuple(size))))

    def spread(self, vector: Tensor) -> Tensor:
        """To `[1, 1, I, G, R, S N, 1]`."""
        i, g, r, s, n = vector.shape[:5]
        return vector.reshape(1, 1, i, g, r, s * n, 1, *vector.shape[5:])

    def spread_phases(self, phases: Tensor) -> Tensor:
        """To `[P, 1, 1, 1, 1, 1, 1]`."""
        return phases.reshape(-1, *[1] * 6)

    def spread_noise(self, noise: Tensor) -> Tensor:
        """To `[P, B, 1, chips, G, R, S N, L]`."""
        c, b, p, g, r, s, n, length = noise.shape
        return noise.permute(2, 1, 0, 3, 4, 5, 6, 7).reshape(p, b, 1, c, g, r, s * n, length)

    def order_partials(self, sums: Float[Tensor, "I B P G R S N L"]) -> Tensor:
        """As noise of the chips."""
        return self.spread_noise(sums).squeeze(2)

    def split_instances(self, partials: Tensor, chips: int) -> Tensor:
        """Cut the third axis."""
        return partials.view(*partials.shape[:2], -1, chips, *partials.shape[3:])

    def combine(self, partials: Tensor, x: Tensor) -> Tensor:
        """Sum over P and R."""
        p, _, _, _, r, _, _ = partials.shape
        y = partials.sum((0, 4)) if p * r > 1 else partials[0, :, :, :, 0]
        return y.transpose(0, 1)

    def row_sums(self, drive: Tensor) -> Float[Tensor, "G R K"]:
        """Sum each tap over the pixels it sees."""
        sums = self.patches(drive.unsqueeze(0)).sum(-1)[0].unsqueeze(-1)
        return self._pad(sums, 3).reshape(self.groups, self.row_tiles, self.rows)

    def gather(self, x: Tensor) -> Float[Tensor, "G R M K"]:
        """Unfold."""
        patches = self._pad(self.patches(x), 3)
        m, length = patches.shape[0], patches.shape[-1]
        return patches.reshape(m, self.groups, self.row_tiles, self.rows, length).permute(1, 2, 0, 4, 3).flatten(2, 3)


@dataclass(frozen=True)
class UnfoldedConvLayout(AbstractConvLayout):
    """A convolution with a kernel of more rows than a tile has: row tiles cut through it, and inputs are unfolded.

    The order of the partial sums is that of `LinearLayout`, with groups.
    """

    @property
    def _inputs(self) -> int:
        return self._channels * self._taps

    @property
    def row_tiles(self) -> int:
        """R."""
        return -(-self._inputs // self.tile_rows)

    @property
    def rows(self) -> int:
        """K, as equal as can be."""
        return -(-self._inputs // self.row_tiles)

    def _cut(self, x: Tensor) -> Tensor:
        """Cut the last dimension into row tiles."""
        missing = self.row_tiles * self.rows - self._inputs
        return F.pad(x, (0, missing)).unflatten(-1, (self.row_tiles, self.rows))

    def split_weight(self, weight: Tensor) -> Float[Tensor, "G R K N"]:
        """Cut `[out, in / groups, *kernel]`."""
        return self._cut(weight.reshape(self.groups, self.columns, self._inputs)).permute(0, 2, 3, 1)

    def arrange(self, product: Float[Tensor, "I G R S K N"]) -> Tensor:
        """To `[I G R, K, S N]`."""
        i, g, r, s, k, n = product.shape
        return product.permute(0, 1, 2, 4, 3, 5).reshape(i * g * r, k, s * n)

    def partials(self, arranged: Tensor, pulses: Tensor) -> Tensor:
        """One batched product of what each pixel sees: `[I, G, R, P, B L, S N, 1]`."""
        p, i = pulses.shape[:2]
        vectors = self.gather(pulses.transpose(0, 1).flatten(0, 2))  # [G, R, I P B L, K]
        x = vectors.unflatten(2, (i, -1)).permute(2, 0, 1, 3, 4).flatten(0, 2)
        return product(x, arranged).reshape(i, self.groups, self.row_tiles, p, x.shape[1] // p, -1, 1)

    def spread(self, vector: Tensor) -> Tensor:
        """To `[I, G, R, 1, 1, S N, 1]`."""
        i, g, r, s, n = vector.shape[:5]
        return vector.reshape(i, g, r, 1, 1, s * n, 1, *vector.shape[5:])

    def spread_phases(self, phases: Tensor) -> Tensor:
        """To `[P, 1, 1, 1]` behind R."""
        return phases.reshape(-1, 1, 1, 1)

    def spread_noise(self, noise: Tensor) -> Tensor:
        """To `[1, chips, G, R, P, B L, S N, 1]`."""
        c, b, p, g, r, s, n, length = noise.shape
        return noise.permute(0, 3, 4, 2, 1, 7, 5, 6).reshape(1, c, g, r, p, b * length, s * n, 1)

    def order_partials(self, sums: Float[Tensor, "I B P G R S N L"]) -> Tensor:
        """As noise of the chips."""
        return self.spread_noise(sums).squeeze(0)

    def split_instances(self, partials: Tensor, chips: int) -> Tensor:
        """Cut the leading I."""
        return partials.view(-1, chips, *partials.shape[1:])

    def combine(self, partials: Tensor, x: Tensor) -> Tensor:
        """Sum over R and P."""
        i, g, _, _, m, sn, _ = partials.shape
        n = x.shape[1]
        return partials.sum((2, 3)).reshape(i, g, n, m // n, sn).permute(0, 2, 1, 4, 3)

    def row_sums(self, drive: Tensor) -> Float[Tensor, "G R K"]:
        """Sum each tap over the pixels it sees."""
        return self._cut(self.patches(drive.unsqueeze(0)).sum(-1)[0].flatten(1))

    def gather(self, x: Tensor) -> Float[Tensor, "G R M K"]:
        """Unfold."""
        patches = self.patches(x).flatten(2, 3)  # [M, G, inputs, L]
        return self._cut(patches.permute(1, 0, 3, 2).flatten(1, 2)).transpose(1, 2)
