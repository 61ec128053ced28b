"""Graphs once all ONNX nodes are in them: what nothing needs is gone, what is added is the bias."""

import pytest
import torch

from mho.compiler._onnx_tidy import leaves, named_by_weight, reachable, with_bias
from mho.ir import Const, Graph, Node, Ref


def _graph(added: torch.Tensor, twice: bool = False) -> Graph:
    """A linear layer, something added to it, and a ReLU that nothing reads; with `twice` the layer is read again."""
    nodes = [
        Node("x", "input", (3,)),
        Node("fc", "linear", (2,), ("x",), weight="fc.weight"),
        Node("sum", "aten.add.Tensor", (2,), ("fc",), (Ref("fc"), Const("b.bias"))),
        Node("out", "aten.mul.Tensor", (2,), ("sum", "fc"), (Ref("sum"), Ref("fc" if twice else "sum"))),
        Node("unread", "aten.relu.default", (2,), ("sum",), (Ref("sum"),)),
    ]
    if not twice:
        nodes[3] = Node("out", "aten.neg.default", (2,), ("sum",), (Ref("sum"),))
    return Graph(tuple(nodes), "out", {"fc.weight": torch.ones(2, 3), "b.bias": added, "unused": torch.ones(1)})


def test_what_the_output_does_not_need() -> None:
    assert [n.name for n in reachable(_graph(torch.ones(2))).nodes] == ["x", "fc", "sum", "out"]


@pytest.mark.parametrize("added", [torch.tensor([1.0, 2.0]), torch.tensor(3.0)], ids=["vector", "number"])
def test_what_is_added_becomes_the_bias(added: torch.Tensor) -> None:
    """Spread over all outputs where it is one number; the weight without a name takes that of the bias."""
    graph = with_bias(reachable(_graph(added)))
    (layer,) = graph.matrix_nodes()
    assert [n.op for n in graph.nodes] == ["input", "linear", "aten.neg.default"]
    assert torch.equal(graph.tensors[layer.bias], added.expand(2))
    assert layer.weight == "b.weight"
    assert set(named_by_weight(graph).tensors) == {layer.weight, layer.bias}


def test_a_layer_that_is_read_twice_keeps_what_is_added_apart() -> None:
    graph = with_bias(reachable(_graph(torch.ones(2), twice=True)))
    (layer,) = graph.matrix_nodes()
    assert not layer.bias
    assert "sum" in {n.name for n in graph.nodes}


def test_leaves() -> None:
    assert list(leaves((1, (2, (3,)), "four"))) == [1, 2, 3, "four"]
