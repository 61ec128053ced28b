"""Recurrent layers on tiles: all inputs of a layer in one product, then its own state step by step."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from mho.core import UnsupportedOpError
from mho.tiles import AbstractTile, LinearLayout, Quantization

from ._tiled import TiledMatrix, TrainingNoise


class _Recurrent:
    """What LSTM, GRU and RNN have in common; gates and states are the digital unit's."""

    def place(self: Any, tile: AbstractTile, noise: TrainingNoise, quantization: Quantization) -> None:
        """Cut all matrices over tiles."""
        for name in self._names():
            out, features = getattr(self, name).shape
            setattr(
                self, _child(name), TiledMatrix(tile, LinearLayout(features, out, tile.shape[0]), noise, quantization)
            )

    def matrices(self: Any) -> dict[TiledMatrix, Tensor]:
        """Return what is on tiles, with its weights."""
        return {getattr(self, _child(name)): getattr(self, name) for name in self._names()}

    def _names(self: Any) -> list[str]:
        return [name for name, _ in self.named_parameters(recurse=False) if name.startswith("weight")]

    def forward(self: Any, input: Any, hx: Any = None) -> Any:
        """As torch's own, for tensors: `[time, batch, features]`, batch first if so made, or without a batch.

        Raises:
            UnsupportedOpError: for packed sequences.
        """
        if isinstance(input, PackedSequence):
            raise UnsupportedOpError("recurrent layers on tiles take tensors, not packed sequences; pad them")
        alone = input.dim() == 2
        x = input.unsqueeze(0) if alone else input if self.batch_first else input.transpose(0, 1)
        directions = 2 if self.bidirectional else 1
        start = self._start(x, hx, alone, directions)
        ends: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outs: list[Tensor] = []
            for direction in range(directions):
                at = layer * directions + direction
                name = f"l{layer}{'_reverse' if direction else ''}"
                y, end = self._direction(x, tuple(s[at] for s in start), name, bool(direction))
                outs.append(y)
                ends.append(end)
            x = torch.cat(outs, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        last: Any = tuple(torch.stack(states) for states in zip(*ends, strict=True))
        if alone:
            x, last = x.squeeze(0), tuple(s.squeeze(1) for s in last)
        elif not self.batch_first:
            x = x.transpose(0, 1)
        return x, (last if len(last) > 1 else last[0])

    def _start(self: Any, x: Tensor, hx: Any, alone: bool, directions: int) -> tuple[Tensor, ...]:
        if hx is not None:
            given = hx if isinstance(hx, tuple) else (hx,)
            return tuple(s.unsqueeze(1) if alone else s for s in given)
        count = self.num_layers * directions
        sizes = [self.proj_size or self.hidden_size] + [self.hidden_size] * (self._states - 1)
        return tuple(x.new_zeros(count, len(x), size) for size in sizes)

    def _direction(
        self: Any, x: Tensor, state: tuple[Tensor, ...], name: str, backwards: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        kinds = ("ih", "hh", "hr") if self.proj_size else ("ih", "hh")
        weights = {kind: getattr(self, f"weight_{kind}_{name}") for kind in kinds}
        tiles = {kind: getattr(self, f"tiles_{kind}_{name}") for kind in kinds}
        laid = {kind: tiles[kind].lay(weights[kind]) for kind in kinds}

        def times(kind: str, v: Tensor) -> Tensor:
            y = tiles[kind](v, weights[kind], laid[kind])
            return y + getattr(self, f"bias_{kind}_{name}") if self.bias and kind != "hr" else y

        inputs = times("ih", x).unbind(1)
        outs: list[Tensor] = []
        for one in reversed(inputs) if backwards else inputs:
            state = self._step(one, times("hh", state[0]), state)
            if self.proj_size:
                state = (times("hr", state[0]), *state[1:])
            outs.append(state[0])
        return torch.stack(outs[::-1] if backwards else outs, 1), state


class LSTM(_Recurrent, nn.LSTM):
    """`torch.nn.LSTM` on tiles."""

    _states = 2

    def _step(self, x: Tensor, h: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        i, f, g, o = (x + h).chunk(4, -1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class GRU(_Recurrent, nn.GRU):
    """`torch.nn.GRU` on tiles."""

    _states = 1

    def _step(self, x: Tensor, h: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        xr, xz, xn = x.chunk(3, -1)
        hr, hz, hn = h.chunk(3, -1)
        z = (xz + hz).sigmoid()
        n = (xn + (xr + hr).sigmoid() * hn).tanh()
        return ((1 - z) * n + z * state[0],)


class RNN(_Recurrent, nn.RNN):
    """`torch.nn.RNN` on tiles."""

    _states = 1

    def _step(self, x: Tensor, h: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return ((x + h).tanh() if self.nonlinearity == "tanh" else (x + h).relu(),)


def _child(name: str) -> str:
    return name.replace("weight", "tiles", 1)
