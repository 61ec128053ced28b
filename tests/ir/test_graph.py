"""Graphs print, count and are cut into row tiles as their shapes say."""

from dataclasses import replace

import pytest
import torch

from mho.ir import Batch, Const, Graph, Node, Ref
from mho.tiles import ConvLayout, LinearLayout

TENSORS = {
    "conv.weight": torch.arange(6 * 2 * 3 * 3).reshape(6, 2, 3, 3).float(),
    "conv.bias": torch.zeros(6),
    "fc.weight": torch.ones(5, 54),
}
NODES = (
    Node("x", "input", (4, 7, 7)),
    Node(
        "conv", "conv2d", (6, 3, 3), ("x",),
        weight="conv.weight", bias="conv.bias", stride=(2, 2), padding=(1, 0), dilation=(1, 1), groups=2,
    ),
    Node("relu", "aten.relu.default", (6, 3, 3), ("conv",), args=(Ref("conv"),)),
    Node("twice", "aten.add.Tensor", (6, 3, 3), ("relu", "conv"), args=(Ref("relu"), Ref("conv"))),
    Node("flat", "aten.view.default", (54,), ("twice",), args=(Ref("twice"), (Batch(), 54))),
    Node("fc", "linear", (5,), ("flat",), weight="fc.weight"),
)  # fmt: skip
GRAPH = Graph(NODES, "fc", TENSORS)


def test_prints_one_line_a_node() -> None:
    assert str(GRAPH) == (
        "%x = input() -> (4, 7, 7)\n"
        "%conv = conv2d(%x) weight(6, 2, 3, 3) -> (6, 3, 3)\n"
        "%relu = aten.relu.default(%conv) -> (6, 3, 3)\n"
        "%twice = aten.add.Tensor(%relu, %conv) -> (6, 3, 3)\n"
        "%flat = aten.view.default(%twice) -> (54,)\n"
        "%fc = linear(%flat) weight(5, 54) -> (5,)\n"
        "return %fc"
    )


def test_nodes_by_name() -> None:
    assert GRAPH["conv"] is NODES[1]
    assert GRAPH.input is NODES[0]
    assert [n.name for n in GRAPH.matrix_nodes()] == ["conv", "fc"]
    with pytest.raises(KeyError):
        GRAPH["conv2"]


def test_layout() -> None:
    conv = GRAPH.layout(GRAPH["conv"], 9)
    assert conv == ConvLayout(4, 6, (3, 3), (2, 2), (1, 0), (1, 1), 2, 9)
    assert (conv.groups, conv.row_tiles, conv.rows, conv.columns) == (2, 2, 9, 3)
    fc = GRAPH.layout(GRAPH["fc"], 20)
    assert fc == LinearLayout(54, 5, 20)
    assert (fc.groups, fc.row_tiles, fc.rows, fc.columns) == (1, 3, 18, 5)


def test_macs_count_every_product() -> None:
    """A convolution's are those of its definition: outputs x input channels of a group x taps."""
    assert GRAPH.macs(GRAPH["conv"]) == (6 * 3 * 3) * 2 * 9
    assert GRAPH.macs(GRAPH["fc"]) == 54 * 5
    tokens = replace(GRAPH["fc"], shape=(7, 2, 5))
    assert GRAPH.macs(tokens) == 7 * 2 * 54 * 5


def test_last_uses() -> None:
    assert GRAPH.last_uses() == {
        "x": "conv", "conv": "twice", "relu": "twice", "twice": "flat", "flat": "fc", "fc": ""
    }  # fmt: skip
    assert replace(GRAPH, output="relu").last_uses()["relu"] == ""


def test_fingerprint_tells_every_change() -> None:
    weight = TENSORS["fc.weight"].clone()
    weight[3, 11] = torch.nextafter(weight[3, 11], torch.tensor(2.0))
    others = [
        replace(GRAPH, output="relu"),
        replace(GRAPH, nodes=NODES[:-1]),
        replace(GRAPH, nodes=(*NODES[:-1], replace(NODES[-1], name="fc2"))),
        replace(GRAPH, nodes=(NODES[0], replace(NODES[1], padding=(0, 1)), *NODES[2:])),
        replace(GRAPH, nodes=(*NODES[:4], replace(NODES[4], args=(Ref("twice"), (-1, 54))), NODES[5])),
        replace(GRAPH, nodes=(*NODES[:4], replace(NODES[4], args=(Const("twice"), (Batch(), 54))), NODES[5])),
        replace(GRAPH, tensors=TENSORS | {"fc.weight": weight}),
        replace(GRAPH, tensors=TENSORS | {"fc.weight": TENSORS["fc.weight"].half()}),
        replace(GRAPH, tensors=TENSORS | {"fc.weight": TENSORS["fc.weight"].reshape(54, 5)}),
        replace(GRAPH, tensors=TENSORS | {"fc.bias": torch.zeros(5)}),
    ]
    assert len({g.fingerprint() for g in (GRAPH, *others)}) == 11
    same = Graph(tuple(replace(n) for n in NODES), "fc", {k: v.clone() for k, v in reversed(TENSORS.items())})
    assert same.fingerprint() == GRAPH.fingerprint()
