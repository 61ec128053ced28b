"""sensitivity: what a network's answer loses when one layer alone is quantised in another way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from mho.core import Seed
from mho.ir import Program, QuantLayer
from mho.tiles import Condition

from ._backend import Prepared
from ._torch import TorchBackend

_IMAGES_AT_ONCE = 32
"""What all nodes give for so many images is held at once."""
_K = TypeVar("_K")


def sensitivity(
    program: Program,
    choices: Mapping[str, Mapping[_K, QuantLayer]],
    x: Tensor,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    seed: int = 0,
    instances: int | Sequence[int] = 1,
    condition: Condition = Condition(),  # noqa: B008  (a frozen value)
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[_K, float]]:
    """Return by layer and choice the mean loss over images and chips if that layer alone takes that choice.

    It is what `run` gives for the program with that one layer exchanged. The program itself is run once; each choice
    writes its layer anew into the same chips and computes only what depends on it.

    Args:
        program: compiled; its own layers are the others' choice.
        choices: layers to exchange, by name.
        x: inputs `[batch, ...]`.
        loss: of outputs and the program's own, both `[chips, batch, ...]`: a number for each chip and input.
        seed: of the chips.
        instances: number of chips, or their indices.
        condition: when they are read.
        progress: told of images times choices done, and in all.
    """
    indices = range(instances) if isinstance(instances, int) else instances
    total = len(indices) * len(x) * sum(map(len, choices.values()))
    sums: dict[str, dict[_K, float]] = {name: dict.fromkeys(own, 0.0) for name, own in choices.items()}
    done = 0
    with torch.inference_mode():
        for chip in (Seed(seed).child("chip", i) for i in indices):
            base = TorchBackend(program)
            state = base.prepare([chip], [condition])
            others = {name: _exchanged(program, state, condition, name, own) for name, own in choices.items()}
            for first in range(0, len(x), _IMAGES_AT_ONCE):
                images = x[first : first + _IMAGES_AT_ONCE]
                values = base.values(state, images, first)
                own = values[program.quant.graph.output]
                for name, by_choice in others.items():
                    for key, (engine, changed) in by_choice.items():
                        sums[name][key] += float(loss(engine.resume(changed, values, name, first), own).sum())
                        done += len(images)
                        if progress is not None:
                            progress(done, total)
    count = len(indices) * len(x)
    return {name: {key: value / count for key, value in own.items()} for name, own in sums.items()}


def _exchanged(
    program: Program, state: Prepared, condition: Condition, name: str, choices: Mapping[_K, QuantLayer]
) -> dict[_K, tuple[TorchBackend, Prepared]]:
    """Return for each choice of one layer the backend and the state of all layers."""
    out: dict[_K, tuple[TorchBackend, Prepared]] = {}
    node = program.quant.graph[name]
    for key, layer in choices.items():
        quant = dataclasses.replace(program.quant, layers={**program.quant.layers, name: layer})
        engine = TorchBackend(dataclasses.replace(program, quant=quant))
        written = engine.prepare_layer(engine.layout(node), layer, [c.child(name) for c in state.chips], [condition])
        out[key] = engine, Prepared(state.chips, {**state.layers, name: written})
    return out
