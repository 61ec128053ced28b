"""`Work`: what an operator of the digital unit does, as additions, multiplications and look-ups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ._graph import Node


@dataclass(frozen=True)
class Work:
    """How often the digital unit does what. An operation is an addition or a comparison, a scale a multiplication."""

    operations: float = 0.0
    scales: float = 0.0
    lookups: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.scales + other.scales, self.lookups + other.lookups)

    def __mul__(self, times: float) -> Work:
        return Work(self.operations * times, self.scales * times, self.lookups * times)

    __rmul__ = __mul__

    @property
    def total(self) -> float:
        """All of them, each one a cycle of a lane."""
        return self.operations + self.scales + self.lookups


_ADD, _SCALE, _LOOKUP, _NONE = Work(operations=1), Work(scales=1), Work(lookups=1), Work()
WORK: dict[str, Work] = {
    "relu": _ADD, "add": _ADD, "sub": _ADD, "neg": _ADD, "mul": _SCALE,
    "div": _LOOKUP + _SCALE,  # times a reciprocal
    "hardtanh": 2 * _ADD, "clamp": 2 * _ADD, "relu6": 2 * _ADD, "leaky_relu": _ADD + _SCALE,
    "hardsigmoid": 3 * _ADD + _SCALE, "hardswish": 3 * _ADD + 2 * _SCALE,  # clamp(x / 6 + 1 / 2), times x
    "sigmoid": _LOOKUP, "tanh": _LOOKUP, "silu": _LOOKUP, "gelu": _LOOKUP, "elu": _LOOKUP, "exp": _LOOKUP,
    "softmax": 3 * _ADD + _SCALE + _LOOKUP,  # largest, difference, exp, sum, times a reciprocal
    "log_softmax": 4 * _ADD + _LOOKUP,  # less a logarithm instead
    "layer_norm": 4 * _ADD + 3 * _SCALE,  # sum, difference, square and sum; over deviation, gain and offset
    "batch_norm": _ADD + _SCALE,
    "mean": _ADD, "sum": _ADD, "max_pool2d": _ADD, "avg_pool2d": _ADD, "adaptive_avg_pool2d": _ADD,
    "flatten": _NONE, "view": _NONE, "reshape": _NONE, "permute": _NONE, "transpose": _NONE, "slice": _NONE,
    "pad": _NONE, "constant_pad_nd": _NONE, "cat": _NONE, "unsqueeze": _NONE, "squeeze": _NONE, "contiguous": _NONE,
    "clone": _NONE, "alias": _NONE, "select": _NONE, "expand": _NONE, "_unsafe_view": _NONE, "detach": _NONE,
    "lift_fresh_copy": _NONE, "t": _NONE, "dropout": _NONE, "feature_dropout": _NONE, "alpha_dropout": _NONE,
    "feature_alpha_dropout": _NONE, "upsample_nearest2d": _NONE, "pixel_shuffle": _NONE, "channel_shuffle": _NONE,
}  # fmt: skip
"""Work of one output; of one input where many give one. Moving and viewing is none."""
_NORMALISED = ("softmax", "log_softmax", "layer_norm")
"""Each row of outputs has a look-up besides: a reciprocal, a logarithm, 1 / deviation."""
_MANY = ("mean", "sum", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d")
"""Many numbers give one."""
_MEAN = ("mean", "avg_pool2d", "adaptive_avg_pool2d")
"""Divided by their number."""


def short_name(op: str) -> str:
    """Return `relu` for `aten.relu.default`."""
    return op.split(".")[1].rstrip("_") if op.startswith("aten.") else op


def work(node: Node, input_shape: tuple[int, ...]) -> Work:
    """Return what a digital node does for one image."""
    name, out = short_name(node.op), math.prod(node.shape)
    if name in _MANY:
        each = _window(node) or max(out, math.prod(input_shape)) / out
        return (WORK[name] * each + (_division(each) if name in _MEAN else _NONE)) * out
    if name in _NORMALISED:
        size = _together(node)
        means = 2 * _division(size) if name == "layer_norm" else _NONE
        return WORK[name] * out + (_LOOKUP + means) * (out / size)
    return WORK[name] * out


def operations(node: Node, input_shape: tuple[int, ...]) -> float:
    """Return how many operations of any kind a digital node has for one image."""
    return work(node, input_shape).total


def _division(by: float) -> Work:
    """Return the multiplication with a constant reciprocal; by a power of two it is a shift."""
    return _NONE if math.log2(max(by, 1)).is_integer() else _SCALE


def _window(node: Node) -> int | None:
    """Return the numbers under the window of a pooling; None where the sizes say how many give one."""
    if short_name(node.op) not in ("max_pool2d", "avg_pool2d") or len(node.args) < 2:
        return None
    kernel: Any = node.args[1]
    sides = [int(side) for side in kernel] if isinstance(kernel, tuple | list) else [int(kernel)]
    return sides[0] * sides[-1]


def _together(node: Node) -> int:
    """Return how many outputs are normalised together; axes of the node's arguments count the images."""
    argument: Any = node.args[1] if len(node.args) > 1 else -1
    if short_name(node.op) == "layer_norm":
        sizes: tuple[int, ...] = tuple(argument) if isinstance(argument, tuple | list) else node.shape[-1:]  # pyright: ignore[reportUnknownArgumentType]
        return math.prod(sizes)
    return node.shape[argument - 1 if argument > 0 else argument]
