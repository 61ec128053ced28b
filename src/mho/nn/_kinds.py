"""The layers of torch whose matrices sit on tiles: the same parameters, the same state dict, another product."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mho.core import ShapeError
from mho.tiles import AbstractConvLayout, AbstractTile, ConvLayout, LinearLayout, Quantization, UnfoldedConvLayout

from ._tiled import TiledMatrix, TrainingNoise, plus


class Linear(nn.Linear):
    """`torch.nn.Linear` on tiles; the bias is added by the digital unit."""

    tiles: TiledMatrix

    def place(self, tile: AbstractTile, noise: TrainingNoise, quantization: Quantization) -> None:
        """Cut the matrix over tiles."""
        self.tiles = TiledMatrix(
            tile, LinearLayout(self.in_features, self.out_features, tile.shape[0]), noise, quantization
        )

    def matrices(self) -> dict[TiledMatrix, Tensor]:
        """Return what is on tiles, with its weights."""
        return {self.tiles: self.weight}

    def forward(self, input: Tensor) -> Tensor:
        """`[*, in_features]` to `[*, out_features]`."""
        alone = input.dim() == 1
        y = plus(self.tiles(input.unsqueeze(0) if alone else input, self.weight), self.bias)
        return y.squeeze(0) if alone else y


def conv_layout(
    tile: AbstractTile, channels: tuple[int, int], kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> AbstractConvLayout:
    """Return the layout of a convolution: whole channels in a row tile, unfolded if a kernel is taller than a tile."""
    rows, taps = tile.shape[0], 1
    for k in kernel:
        taps *= k
    kind = ConvLayout if taps <= rows else UnfoldedConvLayout
    return kind(*channels, tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), groups, rows)


class _Conv:
    """What convolutions of all dimensions have in common."""

    tiles: TiledMatrix

    def place(self: Any, tile: AbstractTile, noise: TrainingNoise, quantization: Quantization) -> None:
        """Cut the matrix over tiles."""
        self._uneven = tuple(self._reversed_padding_repeated_twice) if isinstance(self.padding, str) else ()
        padding = (0,) * len(self.kernel_size) if self._uneven or self.padding_mode != "zeros" else self.padding
        channels = (self.in_channels, self.out_channels)
        layout = conv_layout(tile, channels, self.kernel_size, self.stride, padding, self.dilation, self.groups)
        self.tiles = TiledMatrix(tile, layout, noise, quantization)

    def matrices(self: Any) -> dict[TiledMatrix, Tensor]:
        """Return what is on tiles, with its weights."""
        return {self.tiles: self.weight}

    def forward(self: Any, input: Tensor) -> Tensor:
        """`[batch, channels, *size]`, or without the batch."""
        dimensions = len(self.kernel_size)
        alone = input.dim() == dimensions + 1
        x = input.unsqueeze(0) if alone else input
        if self.padding_mode != "zeros":
            x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        elif self._uneven:
            x = F.pad(x, self._uneven)
        y = plus(self.tiles(x, self.weight), self.bias, dimensions)
        return y.squeeze(0) if alone else y


class Conv1d(_Conv, nn.Conv1d):
    """`torch.nn.Conv1d` on tiles."""


class Conv2d(_Conv, nn.Conv2d):
    """`torch.nn.Conv2d` on tiles."""


class Conv3d(_Conv, nn.Conv3d):
    """`torch.nn.Conv3d` on tiles."""


class _ConvTranspose:
    """A transposed convolution: zeros between the inputs, and a convolution with the mirrored kernel."""

    tiles: TiledMatrix

    def place(self: Any, tile: AbstractTile, noise: TrainingNoise, quantization: Quantization) -> None:
        """Cut the matrix over tiles."""
        if self.padding_mode != "zeros":
            raise ShapeError(
                f"a transposed convolution pads with zeros, not {self.padding_mode!r}; change padding_mode"
            )
        ones, none = (1,) * len(self.kernel_size), (0,) * len(self.kernel_size)
        channels = (self.in_channels, self.out_channels)
        layout = conv_layout(tile, channels, self.kernel_size, ones, none, self.dilation, self.groups)
        self.tiles = TiledMatrix(tile, layout, noise, quantization)

    def _mirrored(self: Any) -> Tensor:
        w = self.weight.unflatten(0, (self.groups, -1)).transpose(1, 2).flatten(0, 1)
        return w.flip(list(range(2, w.dim())))

    def matrices(self: Any) -> dict[TiledMatrix, Tensor]:
        """Return what is on tiles, with its weights."""
        return {self.tiles: self._mirrored()}

    def forward(self: Any, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """`[batch, channels, *size]`, or without the batch."""
        d = len(self.kernel_size)
        alone = input.dim() == d + 1
        x = input.unsqueeze(0) if alone else input
        extra = self._output_padding(x, output_size, self.stride, self.padding, self.kernel_size, d, self.dilation)
        spread = x.new_zeros(*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], self.stride, strict=True)))
        spread[(..., *(slice(None, None, s) for s in self.stride))] = x
        pads: list[int] = []
        for k, p, dilation, more in zip(self.kernel_size, self.padding, self.dilation, extra, strict=True):
            edge = dilation * (k - 1) - p
            pads = [edge, edge + more, *pads]
        y = plus(self.tiles(F.pad(spread, pads), self._mirrored()), self.bias, d)
        return y.squeeze(0) if alone else y


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` on tiles."""


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` on tiles."""


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` on tiles."""
