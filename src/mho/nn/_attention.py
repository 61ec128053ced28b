"""Multi-head attention on tiles: projections in cells, products of queries, keys and values on the digital unit."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mho.core import UnsupportedOpError
from mho.tiles import AbstractTile, LinearLayout, Quantization

from ._tiled import TiledMatrix, TrainingNoise, plus


class MultiheadAttention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` on tiles: four matrices, for queries, keys, values and the output."""

    def place(self, tile: AbstractTile, noise: TrainingNoise, quantization: Quantization) -> None:
        """Cut the matrices over tiles.

        Raises:
            UnsupportedOpError: for `add_bias_kv` and `add_zero_attn`.
        """
        if self.bias_k is not None or self.add_zero_attn:
            raise UnsupportedOpError("attention on tiles has no add_bias_kv and no add_zero_attn; leave them out")
        for name, weight in self._weights().items():
            layout = LinearLayout(weight.shape[1], weight.shape[0], tile.shape[0])
            setattr(self, f"tiles_{name}", TiledMatrix(tile, layout, noise, quantization))

    def matrices(self) -> dict[TiledMatrix, Tensor]:
        """Return what is on tiles, with its weights."""
        return {getattr(self, f"tiles_{name}"): weight for name, weight in self._weights().items()}

    def _weights(self) -> dict[str, Tensor]:
        together: Tensor | None = self._parameters["in_proj_weight"]
        if together is None:
            q, k, v = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        else:
            q, k, v = together.chunk(3)
        return {"q": q, "k": k, "v": v, "out": self.out_proj.weight}

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As torch's own."""
        alone = query.dim() == 2
        x: list[Any] = [query, key, value]
        if alone:
            x = [t.unsqueeze(0) for t in x]
        elif not self.batch_first:
            x = [t.transpose(0, 1) for t in x]
        weights = self._weights()
        bias: Tensor | None = self._parameters["in_proj_bias"]
        biases = (None, None, None) if bias is None else bias.chunk(3)
        heads: list[Tensor] = []
        for name, one, bias in zip("qkv", x, biases, strict=True):
            y = plus(getattr(self, f"tiles_{name}")(one, weights[name]), bias)
            heads.append(y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2))  # [B, heads, T, d]
        q, k, v = heads
        mask = self._mask(q, k, key_padding_mask, attn_mask, is_causal)
        dropout = self.dropout if self.training else 0.0
        share: Tensor | None = None
        if need_weights:
            score = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            scores = (score if mask is None else score + mask).softmax(-1)
            share = scores
            y = F.dropout(scores, dropout, bool(dropout)) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        tiles: Any = self.tiles_out
        y = plus(tiles(y.transpose(1, 2).flatten(2), weights["out"]), self.out_proj.bias)
        if share is not None and average_attn_weights:
            share = share.mean(1)
        if alone:
            return y.squeeze(0), None if share is None else share.squeeze(0)
        return y if self.batch_first else y.transpose(0, 1), share

    def _mask(self, q: Tensor, k: Tensor, padding: Tensor | None, mask: Tensor | None, causal: bool) -> Tensor | None:
        """Return what is added to the scores, `[B or 1, heads or 1, T, S]`."""
        total: Tensor | None = None
        if causal and mask is None:
            mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).triu(1)
        if mask is not None:
            total = _additive(mask, q)
            total = total.unflatten(0, (-1, self.num_heads)) if total.dim() == 3 else total[None, None]
        if padding is not None:
            hidden = _additive(padding.reshape(-1, 1, 1, padding.shape[-1]), q)
            total = hidden if total is None else total + hidden
        return total


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, float("-inf"))
