"""`program` and `Chips`: a trained network in the cells of some chips, at some time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from mho.core import Seed, ShapeError
from mho.tiles import Compensation, Condition

from ._calibrate import matrices


@dataclass(frozen=True)
class Chips:
    """A network in the cells of some chips: a value; `at` gives another one.

    Chip i is that of `Seed(seed).child("chip", i)`, whatever other chips there are, as in `mho.run`.
    """

    network: nn.Module
    """Calibrated, in evaluation; not changed by later training."""
    seed: int = 0
    instances: int = 1
    condition: Condition = field(default_factory=lambda: Condition(None))
    noisy: bool = True
    """Whether conversions have noise."""

    def at(self, time: float | None, temperature: float | None = None, compensation: Compensation = "none") -> Chips:
        """Return the same chips `time` seconds after writing, in K, with or without drift compensation."""
        return replace(self, condition=Condition(time, compensation, temperature))

    def quiet(self) -> Chips:
        """Return the same chips without noise of conversions, such as for `torch.export`."""
        return replace(self, noisy=False)

    @cached_property
    def module(self) -> nn.Module:
        """The programmed network as a module: its batch is that of all chips, one after another."""
        chips = [Seed(self.seed).child("chip", i) for i in range(self.instances)]
        with torch.no_grad():
            network = copy.deepcopy(self.network).requires_grad_(False)
            for name, (tiled, weight) in matrices(network).items():
                tiled.program(weight, [c.child(name) for c in chips], self.condition, self.noisy)
        return network

    def __call__(self, *inputs: Any, first: int = 0, **named: Any) -> Tensor:
        """Run inputs `[batch, *]` through all chips and return `[instances, batch, *]`.

        Noise depends on chip, layer and the index of an input, `first` plus its place in the batch: equal calls give
        equal outputs.

        Raises:
            ShapeError: if the network does not return one tensor with the batch first.
        """
        module = self.module
        for tiled, _ in matrices(module).values():
            tiled.begin(first)

        def spread(x: Any) -> Any:
            return x.repeat(self.instances, *[1] * (x.dim() - 1)) if isinstance(x, Tensor) else x

        with torch.no_grad():
            y: Any = module(*map(spread, inputs), **{k: spread(v) for k, v in named.items()})
        y = y if isinstance(y, Tensor) else getattr(y, "logits", getattr(y, "last_hidden_state", y))
        if not isinstance(y, Tensor) or len(y) % self.instances:
            raise ShapeError("the network must return one tensor with the batch first; take it out in a wrapper")
        return y.unflatten(0, (self.instances, -1))


def program(network: nn.Module, seed: int = 0, instances: int = 1) -> Chips:
    """Write a calibrated network into some chips; `.at(time)` says when they are read."""
    return Chips(copy.deepcopy(network).eval(), seed, instances)
