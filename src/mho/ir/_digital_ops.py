"""The operators of the digital unit: which there are, what they cost, and running one on instances of chips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ._graph import Batch, Const, Node, Ref

# Arithmetic operations per output element. Moving and viewing costs no arithmetic; a table look-up counts as one.
OPERATIONS: dict[str, float] = {
    "relu": 1, "add": 1, "sub": 1, "mul": 1, "div": 4, "neg": 1, "hardtanh": 2, "clamp": 2, "leaky_relu": 2,
    "sigmoid": 1, "tanh": 1, "silu": 2, "gelu": 2, "hardswish": 2, "hardsigmoid": 2, "relu6": 2, "elu": 2, "exp": 1,
    "softmax": 4, "log_softmax": 4, "layer_norm": 6, "batch_norm": 2, "mean": 1, "sum": 1,
    "max_pool2d": 1, "avg_pool2d": 1, "adaptive_avg_pool2d": 1,
    "flatten": 0, "view": 0, "reshape": 0, "permute": 0, "transpose": 0, "slice": 0, "pad": 0, "constant_pad_nd": 0,
    "cat": 0, "unsqueeze": 0, "squeeze": 0, "contiguous": 0, "clone": 0, "alias": 0, "select": 0,
    "expand": 0, "_unsafe_view": 0, "detach": 0, "lift_fresh_copy": 0, "t": 0,
    "dropout": 0, "feature_dropout": 0, "alpha_dropout": 0, "feature_alpha_dropout": 0,
    "upsample_nearest2d": 0, "pixel_shuffle": 0, "channel_shuffle": 0,
}  # fmt: skip


def short_name(op: str) -> str:
    """Return `relu` for `aten.relu.default`."""
    return op.split(".")[1].rstrip("_") if op.startswith("aten.") else op


def is_supported(op: str) -> bool:
    """Whether the digital unit can run an ATen operator."""
    return op.startswith("aten.") and op.count(".") == 2 and short_name(op) in OPERATIONS


def operations(node: Node, input_shape: tuple[int, ...]) -> float:
    """Return the arithmetic operations of a digital node for one image."""
    out = torch.Size(node.shape).numel()
    if short_name(node.op) in ("mean", "sum", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"):
        return float(max(out, torch.Size(input_shape).numel()))
    return OPERATIONS[short_name(node.op)] * out


def run_digital(node: Node, values: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Tensor:
    """Run a digital node in float32 on values `[I, B, ...]`; chips and images are one batch to the operator."""
    instances = max(values[i].shape[0] for i in node.inputs)
    images = values[node.inputs[0]].shape[1]

    def resolve(arg: Any) -> Any:
        match arg:
            case Ref():
                value = values[arg.node]
                return value.expand(instances, *value.shape[1:]).flatten(0, 1)
            case Const():
                return tensors[arg.tensor]
            case Batch():
                return instances * images
            case tuple():
                return [resolve(a) for a in arg]  # pyright: ignore[reportUnknownVariableType]
            case _:
                return arg

    _, name, overload = node.op.split(".")
    op = getattr(getattr(torch.ops.aten, name), overload)
    out = op(*[resolve(a) for a in node.args], **{k: resolve(v) for k, v in node.kwargs})
    return out.reshape(instances, images, *out.shape[1:])
