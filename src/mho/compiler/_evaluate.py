"""Running a graph in floating point: for calibration, and as what a chip is compared with."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from mho.ir import Graph, run_digital


def float_values(graph: Graph, x: Tensor, keep: Collection[str] | None = None) -> dict[str, Tensor]:
    """Run a graph in float32 on `[images, ...]`; returns the output and the nodes in `keep` (all if None)."""
    values: dict[str, Tensor] = {}
    out: dict[str, Tensor] = {}
    last = graph.last_uses()
    with torch.inference_mode():
        for node in graph.nodes:
            if node.op == "input":
                values[node.name] = x.float().unsqueeze(0)
            elif node.is_matrix:
                weight, source = graph.tensors[node.weight], values[node.inputs[0]][0]
                bias = graph.tensors[node.bias] if node.bias else None
                if node.op == "linear":
                    y = F.linear(source, weight, bias)
                else:
                    y = F.conv2d(source, weight, bias, node.stride, node.padding, node.dilation, node.groups)
                values[node.name] = y.unsqueeze(0)
            else:
                values[node.name] = run_digital(node, values, graph.tensors)
            if keep is None or node.name in keep or node.name == graph.output:
                out[node.name] = values[node.name][0]
            for name in node.inputs:
                if last[name] == node.name:
                    del values[name]
    return out
