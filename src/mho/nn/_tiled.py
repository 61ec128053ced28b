"""`TiledMatrix`: one matrix of a layer on the tiles of a chip; ideal, with noise for training, or as programmed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mho.core import MhoError, Seed
from mho.tiles import (
    AbstractConvLayout,
    AbstractLayout,
    AbstractTile,
    Condition,
    DesignPoint,
    Quantization,
    Ranges,
    input_ranges,
    weight_integers,
)

from ._noise import randn, read_noise
from ._straight_through import StraightThrough, quantise, steps

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_NOT_CALIBRATED = (
    "the ranges of a layer's inputs and converters are not known; call mho.nn.calibrate(network, data) first"
)
_NOISE = 1 << 24
"""Random numbers that are held at once for all chips of a layer, 64 MiB; beyond that chips take turns."""
_SAMPLE = 1 << 22
"""Input values of one matrix that calibration keeps."""


def plus(y: Tensor, bias: Tensor | None, dimensions: int = 0) -> Tensor:
    """Add a bias, if there is one, to outputs that have so many more dimensions behind them."""
    return y if bias is None else y + bias.reshape(-1, *[1] * dimensions)


@dataclass(frozen=True)
class TrainingNoise:
    """What varies from step to step while a network is trained for its chip; in evaluation nothing does."""

    converter: bool = True
    """Noise of conversions, as the tile says."""
    cells: bool = True
    """Errors of cells, drawn anew for each batch: a chip for each step."""
    time: float | None = 0.0
    """Seconds after writing at which the cells are read; None for cells just written."""
    levels: bool = True
    """Errors of the programmed levels of adaptive converters, drawn anew for each batch."""


@dataclass(frozen=True)
class Programmed:
    """A matrix in the cells of some chips."""

    state: Any
    step: Tensor
    """What one unit of each output stands for, `[out]`."""
    streams: str | None
    """Names of the noise of each chip, line by line; None for chips without."""
    instances: int


@dataclass(frozen=True)
class Laid:
    """A matrix on a chip as designed, for one or more products."""

    integers: Tensor
    step: Tensor
    state: Any


class TiledMatrix(nn.Module):
    """A matrix on tiles: `forward(x, weight)` multiplies as the chip does. It has no parameters of its own.

    In evaluation: integers, and a chip as designed (`mho.tiles.AnalogTile.design`), without noise. In training the same
    with `noise`; gradients are those of the exact product of the integers, past roundings and noise, and of the levels
    of adaptive converters if `codebook` requires them. Once programmed, the weights are those in the cells, and the
    batch holds that of all chips, one after another.
    """

    full_scale: Tensor | None
    codebook: Tensor | None
    levels: Tensor | None

    def __init__(
        self,
        tile: AbstractTile,
        layout: AbstractLayout,
        noise: TrainingNoise | None = None,
        quantization: Quantization | None = None,
    ) -> None:
        super().__init__()
        self.quantization = Quantization() if quantization is None else quantization
        self.chip_tile, self.layout = tile, layout
        self.tile = self.quantization.tile(tile).unrectified()  # what follows a layer is not known here
        self.noise = TrainingNoise() if noise is None else noise
        self.scale, self.bounds, self.signed, self.point = 0.0, (0, 0), False, DesignPoint()
        self.register_buffer("full_scale", None, persistent=False)
        self.register_buffer("codebook", None, persistent=False)
        self.register_buffer("levels", None, persistent=False)
        self.seen: list[Tensor] | None = None
        self.programmed: Programmed | None = None
        self.first, self.reads = 0, 0

    def begin(self, first: int) -> None:
        """Start a pass over inputs whose indices begin at `first`: noise starts anew."""
        self.first, self.reads = first, 0

    # Ranges -----------------------------------------------------------------------------------------------------

    @property
    def ranges(self) -> Ranges | None:
        """The number formats, once calibrated."""
        if self.full_scale is None:
            return None
        codebook = None if self.codebook is None else self.codebook.detach().cpu().clone()
        levels = None if self.levels is None else self.levels.cpu()
        return Ranges(self.scale, self.bounds, self.signed, self.full_scale.cpu(), codebook, levels)

    def set_ranges(self, ranges: Ranges, weight: Tensor, known: dict[Any, Tensor | None]) -> None:
        """Take over number formats, and find what follows from them for the weights at hand.

        Args:
            ranges: the formats.
            weight: the weights at hand.
            known: moments of cells by tile and time, of layers before; this one adds its own.
        """
        self.scale, self.bounds, self.signed = ranges.scale, ranges.bounds, ranges.signed
        self.full_scale = ranges.full_scale.to(weight.device)
        self.codebook = None if ranges.codebook is None else ranges.codebook.to(weight.device)
        self.levels = None if ranges.levels is None else ranges.levels.to(weight.device)
        integers, _ = weight_integers(self.tile, weight.detach().float().cpu(), self.quantization)
        which = (id(self.chip_tile), self.quantization.weight_bits, self.noise.time)
        point = self.tile.design_point(self.layout, integers, self.signed, self.noise.time, known.get(which))
        known[which] = point.moments
        self.point = DesignPoint(
            point.trim,
            None if point.losses is None else point.losses.to(weight.device),
            None if point.moments is None else point.moments.to(weight.device),
        )

    def watch(self) -> None:
        """Multiply exactly and keep inputs, until `learn`."""
        self.seen = []

    def learn(self, weight: Tensor, known: dict[Any, Tensor | None]) -> None:
        """Choose the ranges from the inputs kept, if there were any; see `set_ranges`."""
        seen, self.seen = self.seen, None
        if seen:
            integers, _ = weight_integers(self.tile, weight.detach().float().cpu(), self.quantization)
            ranges = input_ranges(self.tile, self.layout, integers, torch.cat(seen), self.quantization)
            self.set_ranges(ranges, weight, known)

    # Multiplying ------------------------------------------------------------------------------------------------

    def lay(self, weight: Tensor) -> Laid | None:
        """Lay a weight out once for several products, as in a recurrent layer; None where that changes nothing."""
        if self.seen is not None or self.programmed is not None or self.full_scale is None:
            return None
        low, high = self.tile.weight_range
        with torch.set_grad_enabled(self.learns), torch.autocast(weight.device.type, enabled=False):
            integers, step = steps(weight, min(high, -low), self.quantization)
            z = spread = None
            if self.training and self.noise.cells and self.point.moments is not None:
                z = randn(integers, [self.point.moments.shape[1], *integers.shape])
            if self.training and self.noise.levels and (shape := self.tile.spread_shape(self.layout)) is not None:
                spread = randn(integers, list(shape))
            state = self.tile.design(
                self.layout, integers, self.full_scale, self.signed, self.point, z, self.codebook, spread
            )
        return Laid(integers, step, state)

    @property
    def learns(self) -> bool:
        """Whether products have gradients of the levels of converters, as `codebook` asks for."""
        return self.codebook is not None and self.codebook.requires_grad and torch.is_grad_enabled()

    def forward(self, x: Tensor, weight: Tensor, laid: Laid | None = None) -> Tensor:
        """Return weight x as the chip gives it.

        Args:
            x: `[batch, *, features]`, or `[batch, channels, *size]` for a convolution.
            weight: `[out, features]`, or `[out, channels / groups, *kernel]`; not looked at once programmed.
            laid: what `lay` made of the weight.

        Raises:
            MhoError: if the ranges are not known yet.
        """
        if self.seen is not None:
            self._keep(x)
            return self._exact(x, weight)
        if self.full_scale is None:
            raise MhoError(
                "the ranges of this layer's inputs and converters are not known; call mho.nn.calibrate first"
            )
        with torch.autocast(x.device.type, enabled=False):
            if self.programmed is not None:
                return self._read(x, self.programmed)
            laid = self.lay(weight) if laid is None else laid
            assert laid is not None
            return self._designed(x, weight, laid)

    def _designed(self, x: Tensor, weight: Tensor, laid: Laid) -> Tensor:
        inputs, unclipped = quantise(x, self.scale, self.bounds, self.levels)
        with torch.set_grad_enabled(self.learns):
            batch = inputs.unsqueeze(0)
            shape = self.tile.noise_shape(self.layout, self.layout.positions(batch), self.signed)
            noise = None
            if shape is not None and self.training and self.noise.converter:
                noise = randn(inputs, [1, len(inputs), *shape])
            y = self.tile.multiply(self.layout, laid.state, batch, self.signed, noise)[0]
            y = self._as_torch(y.mul_(self._along(laid.step * self.scale)), x)
        if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
            through: Any = StraightThrough.apply
            y = through(x, weight, y, inputs, unclipped, laid.integers, laid.step, self.scale, self._geometry)
        return y

    def _read(self, x: Tensor, programmed: Programmed) -> Tensor:
        inputs = quantise(x.detach(), self.scale, self.bounds, self.levels)[0].unflatten(0, (programmed.instances, -1))
        images, streams = inputs.shape[1], programmed.streams
        shape = self.tile.noise_shape(self.layout, self.layout.positions(inputs), self.signed)
        if streams is None or shape is None:
            y = self.tile.multiply(self.layout, programmed.state, inputs, self.signed, None)
            return self._as_torch(y.flatten(0, 1) * self._along(programmed.step), x)

        def read(state: Any, some: Tensor, names: str) -> Tensor:
            noise = read_noise(some, names, self.first, self.reads, images, list(shape))
            return self.tile.multiply(self.layout, state, some, self.signed, noise)

        many = programmed.instances * images * math.prod(shape) > _NOISE
        if many and programmed.instances > 1 and not torch.compiler.is_compiling():
            state, names = programmed.state, streams.split("\n")
            y = torch.cat([read(state.alone(i), inputs[i : i + 1], name) for i, name in enumerate(names)])
        else:
            y = read(programmed.state, inputs, streams)
        if not torch.compiler.is_compiling():  # which would compile anew for each number
            self.reads += 1
        return self._as_torch(y.flatten(0, 1) * self._along(programmed.step), x)

    def program(self, weight: Tensor, chips: Sequence[Seed], condition: Condition, noisy: bool = True) -> None:
        """Write the matrix into some chips and let time pass.

        Raises:
            MhoError: if the ranges are not known yet.
        """
        if self.full_scale is None:
            raise MhoError(
                "the ranges of this layer's inputs and converters are not known; call mho.nn.calibrate first"
            )
        integers, step = weight_integers(self.tile, weight.detach().float().cpu(), self.quantization)
        codebook = None if self.codebook is None else self.codebook.detach().cpu()
        full_scale = self.full_scale.cpu()
        state = self.tile.program(self.layout, integers, full_scale, list(chips), [condition], self.signed, codebook)
        streams = "\n".join(c.child("noise").text for c in chips) if noisy else None
        self.programmed = Programmed(state, step * self.scale, streams, len(chips))

    # Helpers ----------------------------------------------------------------------------------------------------

    def _as_torch(self, y: Tensor, like: Tensor) -> Tensor:
        """Return outputs in the kind of the inputs; those of a linear layer one after another, as torch has them."""
        y = y.to(like.dtype)
        return y if isinstance(self.layout, AbstractConvLayout) else y.contiguous()

    def _along(self, columns: Tensor) -> Tensor:
        if isinstance(self.layout, AbstractConvLayout):
            return columns.reshape(-1, *[1] * len(self.layout.kernel))
        return columns

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int], int] | None:
        layout = self.layout
        if not isinstance(layout, AbstractConvLayout):
            return None
        return list(layout.stride), list(layout.padding), list(layout.dilation), layout.conv_groups

    def _exact(self, x: Tensor, weight: Tensor) -> Tensor:
        geometry = self._geometry
        if geometry is None:
            return F.linear(x, weight)
        return _CONVOLVE[len(geometry[0])](x, weight, None, *geometry)

    def _keep(self, x: Tensor) -> None:
        assert self.seen is not None
        room = _SAMPLE - sum(s.numel() for s in self.seen)
        images = max(1 if not self.seen else 0, min(len(x), room * len(x) // max(1, x.numel())))
        if images:
            self.seen.append(x[:: max(1, len(x) // images)][:images].detach().float().cpu())

    def extra_repr(self) -> str:
        """Say the shape, the tiles, what is known, and how it is quantised."""
        rows, columns = self.layout.rows * self.layout.row_tiles, self.layout.columns
        state = "programmed" if self.programmed else "calibrated" if self.full_scale is not None else "not calibrated"
        how = "" if self.quantization == Quantization() else f", {self.quantization}"
        return f"{self.layout.groups} x {rows} x {columns}, row tiles {self.layout.row_tiles}, {state}{how}"
