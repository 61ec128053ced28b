"""Workloads: numbers of a captured network against those that the rest of the package has for it."""

import pytest
import torch
from torch import nn

import mho
from mho.samples import resnet20
from mho.systems import DynamicOp, MatrixOp, Workload, load_workload


def test_a_captured_network_has_the_numbers_of_its_summary() -> None:
    x = torch.zeros(1, 3, 32, 32)
    graph = mho.capture(resnet20(), x)
    work, found = Workload.of_graph(graph, "net"), mho.summary(graph, "hermes")
    assert work.macs == found.macs
    assert work.weights == found.weights
    assert work.parameters == found.parameters
    assert work.vector_operations == sum(o.operations for o in found.operators)
    assert [op.name for op in work.ops] == [layer.name for layer in found.layers]


def test_it_is_the_shape_of_that_network() -> None:
    work = Workload.of_graph(mho.capture(resnet20(), torch.zeros(1, 3, 32, 32)))
    shape = load_workload("resnet-20")
    assert (work.macs, work.weights) == (shape.macs, shape.weights)


def test_groups_of_a_convolution() -> None:
    net = nn.Sequential(nn.Conv2d(8, 12, 3, groups=4, padding=1), nn.Flatten(), nn.Linear(12 * 16, 5))
    work = Workload.of_graph(mho.capture(net, torch.zeros(1, 8, 4, 4)))
    conv, linear = work.ops
    assert (conv.rows, conv.columns, conv.groups, conv.uses) == (18, 3, 4, 16)
    assert conv.macs == 16 * 12 * 2 * 9
    assert (conv.inputs, conv.outputs) == (8 * 16, 12 * 16)
    assert (linear.rows, linear.columns, linear.uses) == (192, 5, 1)


def test_intensity_by_hand() -> None:
    """A token of one matrix of 10 x 20 weights and a cache of 30 numbers: bytes and operations counted."""
    work = Workload("w", "token", (MatrixOp("a", 10, 20),), (DynamicOp("b", 40.0, 30.0),))
    assert work.operations == 2 * (200 + 40)
    assert work.intensity() == pytest.approx(480 / 230)
    assert work.intensity(weight_bits=4, bits=16, batch=2) == pytest.approx(480 / (200 * 0.5 / 2 + 30 * 2))


def test_experts_rest() -> None:
    op = MatrixOp("experts", 10, 20, groups=8, repeats=3, share=0.25)
    assert op.weights == 8 * 3 * 200
    assert op.macs == 2 * 3 * 200
