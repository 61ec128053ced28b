"""What operators do: counted by hand, and for rows that are normalised together."""

import pytest
import torch
from torch import nn

from mho.compiler import capture
from mho.ir import Node, Work, operations, work


def _node(op: str, shape: tuple[int, ...], *args: object) -> Node:
    return Node("n", f"aten.{op}", shape, ("x",), args=args)


@pytest.mark.parametrize(
    ("op", "each"),
    [
        ("relu.default", Work(operations=1)), ("add.Tensor", Work(operations=1)), ("mul.Tensor", Work(scales=1)),
        ("div.Tensor", Work(scales=1, lookups=1)), ("gelu.default", Work(lookups=1)),
        ("tanh.default", Work(lookups=1)), ("sigmoid.default", Work(lookups=1)), ("view.default", Work()),
        ("batch_norm.default", Work(operations=1, scales=1)), ("hardswish.default", Work(operations=3, scales=2)),
    ],
)  # fmt: skip
def test_of_one_output(op: str, each: Work) -> None:
    node = _node(op, (4, 6, 6))
    assert work(node, (4, 6, 6)) == each * 144
    assert operations(node, (4, 6, 6)) == 144 * each.total


def test_a_reduction_counts_its_input() -> None:
    """36 numbers give one; a mean of 36 is a multiplication more, of 64 a shift."""
    assert work(_node("mean.dim", (4,)), (4, 6, 6)) == Work(operations=144, scales=4)
    assert work(_node("mean.dim", (4,)), (4, 8, 8)) == Work(operations=256)
    assert work(_node("sum.dim_IntList", (4,)), (4, 6, 6)) == Work(operations=144)
    assert work(_node("adaptive_avg_pool2d.default", (4, 2, 2)), (4, 6, 6)) == Work(operations=144, scales=16)


def test_pooling_counts_its_windows() -> None:
    """Windows may overlap, or leave a border out: their own numbers count, and a mean of 4 is a shift."""
    assert work(_node("max_pool2d.default", (4, 2, 2), "x", [3, 3]), (4, 6, 6)) == Work(operations=4 * 4 * 9)
    same = _node("avg_pool2d.default", (4, 6, 6), "x", [3, 3], [1, 1], [1, 1])
    assert work(same, (4, 6, 6)) == Work(operations=144 * 9, scales=144)
    assert work(_node("avg_pool2d.default", (4, 2, 2), "x", [2, 2]), (4, 5, 5)) == Work(operations=16 * 4)
    assert work(_node("avg_pool2d.default", (4, 2, 2), "x", 2), (4, 4, 4)) == Work(operations=16 * 4)


def test_softmax() -> None:
    """Largest, difference, exp, sum and product for each of ten numbers; one reciprocal a row."""
    assert work(_node("softmax.int", (10,), "x", -1), (10,)) == Work(operations=30, scales=10, lookups=11)
    rows = _node("softmax.int", (5, 10), "x", 2)  # the third axis, images counted
    assert work(rows, (5, 10)) == Work(operations=150, scales=50, lookups=55)
    columns = _node("softmax.int", (5, 10), "x", 1)
    assert work(columns, (5, 10)).lookups == 50 + 10
    assert work(_node("log_softmax.int", (10,), "x", -1), (10,)) == Work(operations=40, lookups=11)


def test_layer_norm() -> None:
    """Four additions and three products for each number; a row of 12 has two divisions and a look-up, of 16 none."""
    assert work(_node("layer_norm.default", (5, 12), "x", (12,)), (5, 12)) == Work(240, 180 + 10, 5)
    assert work(_node("layer_norm.default", (5, 16), "x", (16,)), (5, 16)) == Work(320, 240, 5)
    assert work(_node("layer_norm.default", (5, 12), "x", (5, 12)), (5, 12)) == Work(240, 180 + 2, 1)


def test_of_a_captured_network() -> None:
    """Axes and sizes as torch.export writes them."""
    net = nn.Sequential(nn.LayerNorm(12), nn.GELU(), nn.Softmax(1)).eval()
    graph = capture(net, torch.zeros(1, 5, 12))
    done = {n.op.split(".")[1]: work(n, (5, 12)) for n in graph.nodes if n.op.startswith("aten")}
    assert done["layer_norm"] == Work(240, 190, 5)
    assert done["gelu"] == Work(lookups=60)
    assert done["softmax"] == Work(180, 60, 60 + 12)
