"""run: a program on images, over chip instances and conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Seed, ShapeError, SpecError, nearest
from mho.ir import Program
from mho.tiles import Activity, Condition

from ._backend import AbstractBackend
from ._reference import ReferenceBackend
from ._torch import TorchBackend

_IMAGES_AT_ONCE = 100
"""Images times conditions that run at once: keeps activations small and calls few."""
_BACKENDS: dict[str, type[AbstractBackend]] = {"torch": TorchBackend, "reference": ReferenceBackend}


@dataclass(frozen=True)
class Run:
    """What running a program gave."""

    outputs: Float[Tensor, "conditions instances batch *output"]
    conditions: tuple[Condition, ...]
    counts: Mapping[str, Activity]
    """By matrix node: the activity of its cells for one image, mean over images and chips, in the first condition."""
    layer_errors: Mapping[str, Tensor]
    """By node: relative L2 error of its output against float32, `[conditions, instances]`; of the first images, if
    asked for.
    """
    seed: int

    @property
    def instances(self) -> int:
        """The number of chips."""
        return self.outputs.shape[1]

    def accuracy(self, labels: Tensor) -> Float[Tensor, "conditions instances"]:
        """Return the share of images whose largest output is the label."""
        if len(labels) != self.outputs.shape[2]:
            raise ShapeError(
                f"there must be one label for each of the {self.outputs.shape[2]} images, not {len(labels)}"
            )
        return (self.outputs.argmax(-1) == labels).double().mean(-1)


def run(
    program: Program,
    x: Tensor,
    *,
    seed: int = 0,
    instances: int | Sequence[int] = 1,
    conditions: Sequence[Condition] = (Condition(),),
    backend: Literal["torch", "reference"] = "torch",
    record_errors: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Run a program on `x` `[batch, ...]` for some chip instances, each under all conditions.

    Instance i is the chip `Seed(seed).child("chip", i)`. `instances` is their number, or their indices, so that parts
    of a large study can run apart: chips are run one after another, under all conditions at once, and give the same
    bytes in any company. The noise of an image depends on chip, layer and the image's index only, and is the same
    under all conditions.

    `record_errors` compares that many images, layer by layer, with float32. `progress(done, total)` is told of
    image-instances.

    Raises:
        ShapeError: if the images do not fit the program.
    """
    shape = program.quant.graph.input.shape
    if tuple(x.shape[1:]) != shape or len(x) == 0:
        raise ShapeError(f"images must have shape [images, {', '.join(map(str, shape))}], not {list(x.shape)}")
    indices = range(instances) if isinstance(instances, int) else tuple(instances)
    if not indices or min(indices) < 0 or not conditions:
        raise ShapeError(f"a run needs at least one instance and condition, not {instances} and {len(conditions)}")
    if backend not in _BACKENDS:
        raise SpecError([f"no backend is called {backend!r}; {nearest(str(backend), _BACKENDS)}"])
    exact = program.chip.tile.exact
    kinds = tuple(conditions[:1]) if exact else tuple(conditions)
    chips = [Seed(seed).child("chip", i) for i in (indices[:1] if exact else indices)]
    engine: AbstractBackend = _BACKENDS[backend](program)
    outputs: list[Tensor] = []
    errors: list[dict[str, Tensor]] = []
    activities: dict[str, list[tuple[float, Activity]]] = {}
    total, done = len(chips) * len(x), 0
    with torch.inference_mode():
        for chip in chips:
            state = engine.prepare([chip], kinds)
            step = max(1, _IMAGES_AT_ONCE // len(kinds))
            parts: list[Tensor] = []
            squares: dict[str, list[tuple[Tensor, float]]] = {}
            for first in range(0, len(x), step):
                images = x[first : first + step]
                wanted = min(max(record_errors - first, 0), len(images))
                result = engine.forward(state, images, first, wanted)
                parts.append(result.output.unsqueeze(1))
                for name, activity in result.activity.items():
                    activities.setdefault(name, []).append((len(images), activity))
                for name, pair in result.errors.items():
                    squares.setdefault(name, []).append(pair)
                done += len(images)
                if progress is not None:
                    progress(done, total)
            outputs.append(torch.cat(parts, 2))
            errors.append({k: _relative(v).unsqueeze(1) for k, v in squares.items()})
    y = torch.cat(outputs, 1)
    layer_errors = {k: torch.cat([e[k] for e in errors], 1) for k in errors[0]}
    if exact:
        y = y.expand(len(conditions), len(indices), *y.shape[2:])
        layer_errors = {k: v.expand(len(conditions), len(indices)) for k, v in layer_errors.items()}
    counts = {name: _mean(items) for name, items in activities.items()}
    return Run(y, tuple(conditions), counts, layer_errors, seed)


def _relative(squares: list[tuple[Tensor, float]]) -> Tensor:
    truth = max(math.fsum(t for _, t in squares), 1e-24)
    return (torch.stack([d for d, _ in squares]).sum(0) / truth).sqrt().float()


def _mean(items: list[tuple[float, Activity]]) -> Activity:
    total = sum(w for w, _ in items)
    return Activity(
        items[0][1].positions,
        sum(w * a.siemens_seconds for w, a in items) / total,
        sum(w * a.drawn for w, a in items) / total,
        sum(w * a.density for w, a in items) / total,
        sum(w * a.column_energy for w, a in items) / total,
    )
