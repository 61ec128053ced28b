"""Layouts: how the matrix of a layer is cut into row tiles, and the batched product over all of them.

A layer has G groups (1 unless the convolution is grouped), R row tiles of K rows, S slices and N columns; a chip
instance is a leading I. All of them are one product: here a batched matrix product for a linear layer; for convolutions
see `_conv_layout.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mho.core import product


@dataclass(frozen=True)
class AbstractLayout(ABC):
    """The cut of one layer's matrix into row tiles."""

    @property
    @abstractmethod
    def groups(self) -> int:
        """G, the number of independent matrices."""

    @property
    @abstractmethod
    def row_tiles(self) -> int:
        """R, the number of row tiles that are summed."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """K, the rows of one row tile."""

    @property
    @abstractmethod
    def columns(self) -> int:
        """N, the outputs of one group."""

    @abstractmethod
    def split_weight(self, weight: Tensor) -> Float[Tensor, "G R K N"]:
        """Cut the layer's weight into row tiles; missing rows are zero."""

    @abstractmethod
    def positions(self, x: Tensor) -> int:
        """Return how many matrix-vector products one input `[I, B, ...]` takes per image."""

    @abstractmethod
    def arrange(self, product: Float[Tensor, "I G R S K N"]) -> Tensor:
        """Bring an effective matrix into the form that `partials` wants; a view where that can be."""

    def fixed(self, arranged: Tensor) -> Tensor:
        """Bring an arranged matrix into the memory order in which many products are fastest."""
        return arranged.contiguous()

    @abstractmethod
    def partials(self, arranged: Tensor, pulses: Tensor) -> Tensor:
        """Multiply pulses `[P, I, B, ...]` with an arranged matrix: all partial sums, in the layout's own order."""

    @abstractmethod
    def spread(self, vector: Tensor) -> Tensor:
        """Bring a value per column `[I, G, R, S, N]` (and maybe bits, last) into the order of the partial sums."""

    @abstractmethod
    def spread_phases(self, phases: Tensor) -> Tensor:
        """Bring a value per phase `[P]` into the order of the partial sums."""

    @abstractmethod
    def spread_noise(self, noise: Tensor) -> Tensor:
        """Bring noise `[chips, B, P, G, R, S, N, L]` into the order of the partial sums with I cut into conditions and
        chips.
        """

    @abstractmethod
    def order_partials(self, sums: Float[Tensor, "I B P G R S N L"]) -> Tensor:
        """Bring partial sums that were found in another way into the order of `partials`."""

    @abstractmethod
    def split_instances(self, partials: Tensor, chips: int) -> Tensor:
        """View I as conditions and chips, to match `spread_noise`."""

    @abstractmethod
    def combine(self, partials: Tensor, x: Tensor) -> Tensor:
        """Sum phases, row tiles and slices and return the outputs `[I, B, G, N, L]`."""

    @abstractmethod
    def output(self, y: Float[Tensor, "I B G N L"], x: Tensor) -> Tensor:
        """Shape outputs as the layer does: `[I, B, channels, height, width]` or `[I, B, features]`."""

    @abstractmethod
    def row_sums(self, drive: Tensor) -> Float[Tensor, "G R K"]:
        """Sum a non-negative drive of the inputs, `[...]` without I and B, over all positions that a row sees."""

    @abstractmethod
    def gather(self, x: Tensor) -> Float[Tensor, "G R M K"]:
        """Unfold `x` `[M, ...]` (a few images) into the input vectors of each row tile: slow, for calibration and
        reference.
        """


@dataclass(frozen=True)
class LinearLayout(AbstractLayout):
    """A matrix of `features` x `outputs` in row tiles of at most `tile_rows` rows, as equal as can be."""

    features: int
    outputs: int
    tile_rows: int

    @property
    def groups(self) -> int:
        """One."""
        return 1

    @property
    def row_tiles(self) -> int:
        """R."""
        return -(-self.features // self.tile_rows)

    @property
    def rows(self) -> int:
        """K."""
        return -(-self.features // self.row_tiles)

    @property
    def columns(self) -> int:
        """N."""
        return self.outputs

    def _pad(self, x: Tensor) -> Tensor:
        missing = self.row_tiles * self.rows - self.features
        return F.pad(x, (0, missing)) if missing else x

    def split_weight(self, weight: Tensor) -> Float[Tensor, "G R K N"]:
        """Cut `[outputs, features]`."""
        return self._pad(weight).reshape(self.outputs, self.row_tiles, self.rows).permute(1, 2, 0).unsqueeze(0)

    def positions(self, x: Tensor) -> int:
        """One product for each vector of the input (tokens, for inputs of more than two dimensions)."""
        return x[0, 0].numel() // self.features

    def arrange(self, product: Float[Tensor, "I G R S K N"]) -> Tensor:
        """To `[I R, K, S N]`."""
        i, g, r, s, k, n = product.shape
        return product.permute(0, 1, 2, 4, 3, 5).reshape(i * g * r, k, s * n)

    def partials(self, arranged: Tensor, pulses: Tensor) -> Tensor:
        """One batched product: `[I, 1, R, P, B L, S N]`."""
        p, i = pulses.shape[:2]
        x = self._pad(pulses.reshape(p, i, -1, self.features))
        m = x.shape[2]
        x = x.reshape(p, i, m, self.row_tiles, self.rows).permute(1, 3, 0, 2, 4)
        x = x.reshape(i * self.row_tiles, p * m, self.rows)
        return product(x, arranged).reshape(i, 1, self.row_tiles, p, m, -1, 1)

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
        """Sum over R, P and S."""
        i, g, r, p, m, sn, _ = partials.shape
        y = partials.sum((2, 3)) if r * p > 1 else partials[:, :, 0, 0]
        n = x.shape[1]
        return y.reshape(i, g, n, m // n, sn).permute(0, 2, 1, 4, 3)

    def output(self, y: Float[Tensor, "I B G N L"], x: Tensor) -> Tensor:
        """To `[I, B, *, outputs]`."""
        i, b = y.shape[:2]
        return y[:, :, 0].transpose(-1, -2).reshape(i, b, *x.shape[2:-1], self.outputs)

    def row_sums(self, drive: Tensor) -> Float[Tensor, "G R K"]:
        """Sum over tokens."""
        return self._pad(drive.reshape(-1, self.features).sum(0)).reshape(1, self.row_tiles, self.rows)

    def gather(self, x: Tensor) -> Float[Tensor, "G R M K"]:
        """Split the features."""
        x = self._pad(x.reshape(-1, self.features))
        return x.reshape(-1, self.row_tiles, self.rows).permute(1, 0, 2).unsqueeze(0)


def subsample(vectors: Float[Tensor, "G R M K"], most: int = 512) -> Float[Tensor, "G R m K"]:
    """Return at most so many of the input vectors of each row tile, evenly spread."""
    m = vectors.shape[2]
    return vectors if m <= most else vectors[:, :, torch.linspace(0, m - 1, most).long().clamp(max=m - 1)]
