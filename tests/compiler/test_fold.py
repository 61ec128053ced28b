"""Folding: which batch norms go into the layer before them, and that the numbers stay."""

import pytest
import torch
from torch import nn

from mho.compiler import capture, float_values
from mho.compiler._fold import rename
from mho.core import Seed
from mho.ir import Graph, Node, Ref


def _norm(size: int, affine: bool = True) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(size, affine=affine)
    norm.running_mean = Seed(0).child("mean").normal((size,))
    norm.running_var = Seed(0).child("variance").normal((size,)).exp()
    if affine:
        norm.weight.data = Seed(0).child("weight").normal((size,))
        norm.bias.data = Seed(0).child("bias").normal((size,))
    return norm


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("groups", [1, 3])
def test_folded_weight_is_that_of_the_formula(bias: bool, affine: bool, groups: int) -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 6, 3, bias=bias, groups=groups), _norm(6, affine)
    graph = capture(nn.Sequential(conv, norm), torch.zeros(1, 3, 5, 5))
    (node,) = graph.matrix_nodes()
    assert [n.op for n in graph.nodes] == ["input", "conv2d"]
    assert set(graph.tensors) == {node.weight, node.bias}
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double()
    if bias:
        shift = shift + conv.bias.detach().double()
    shift = shift * scale
    if affine:
        scale, shift = scale * norm.weight.detach(), shift * norm.weight.detach() + norm.bias.detach()
    weight = conv.weight.detach().double() * scale.reshape(-1, 1, 1, 1)
    torch.testing.assert_close(graph.tensors[node.weight].double(), weight, rtol=1e-6, atol=0)
    torch.testing.assert_close(graph.tensors[node.bias].double(), shift, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "operators"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 1), _norm(4), _norm(4)), ["conv2d"]),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(), _norm(4)), ["conv2d"]),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), _norm(4)), ["conv2d", "relu", "batch_norm"]),
        (nn.Sequential(_norm(3), nn.Conv2d(3, 4, 1)), ["batch_norm", "conv2d"]),
    ],
)
def test_what_is_folded(network: nn.Module, operators: list[str]) -> None:
    graph = capture(network, torch.zeros(1, 3, 5, 5))
    assert [n.op.removeprefix("aten.").split(".")[0] for n in graph.nodes[1:]] == operators
    x = Seed(0).child("x").normal((3, 3, 5, 5))
    with torch.no_grad():
        torch.testing.assert_close(float_values(graph, x)[graph.output], network.eval()(x), rtol=1e-5, atol=1e-5)


def test_rename_reaches_every_mention() -> None:
    nodes = (
        Node("x", "input", (4,)),
        Node("a", "linear", (4,), ("x",), weight="w"),
        Node("b", "aten.cat.default", (8,), ("a", "x"), args=((Ref("a"), Ref("x")), 1), kwargs=(("other", Ref("a")),)),
    )
    graph = rename(Graph(nodes, "a", {}), {"a": "fc"})
    assert graph.output == "fc"
    assert [n.name for n in graph.nodes] == ["x", "fc", "b"]
    assert graph["b"].inputs == ("fc", "x")
    assert graph["b"].args == ((Ref("fc"), Ref("x")), 1)
    assert graph["b"].kwargs == (("other", Ref("fc")),)
    assert graph["fc"].weight == "w"
