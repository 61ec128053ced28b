"""The operators of the digital unit: which there are, and running one on instances of chips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ._graph import Batch, Const, Node, Ref
from ._work import WORK, short_name


def is_supported(op: str) -> bool:
    """Whether the digital unit can run an ATen operator."""
    return op.startswith("aten.") and op.count(".") == 2 and short_name(op) in WORK


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
