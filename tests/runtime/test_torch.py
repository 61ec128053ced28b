"""The fast backend: on a digital chip it is integer arithmetic; a chip's state does not depend on its company."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Seed
from mho.ir import Program, short_name
from mho.runtime import TorchBackend, run
from mho.samples import cifar10_sample, resnet20
from mho.tiles import Condition

CHIPS = [Seed(3).child("chip", i) for i in range(5)]
X = Seed(0).child("x").normal((6, 3, 8, 8))


def _small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, groups=3), nn.ReLU(), nn.Conv2d(6, 70, 3, stride=2), nn.ReLU(),
        nn.Conv2d(70, 4, 2, dilation=2), nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip


def _program(network: nn.Module, chip: str, x: Tensor) -> Program:
    return compile(quantize(capture(network, x[:1]), Chip.load(chip), x), Chip.load(chip))


def _in_integers(program: Program, image: Tensor) -> np.ndarray:
    """One image, `[channels, ...]`, through the quantised graph: products in int64, all else in float32 of numpy."""
    graph, values = program.quant.graph, {}
    for node in graph.nodes:
        if node.op == "input":
            values[node.name] = image.numpy()
            continue
        x = values[node.inputs[0]]
        if node.is_matrix:
            layer = program.quant.layers[node.name]
            low, high = layer.input_range
            integers = np.clip(np.rint(x / np.float32(layer.input_scale)), low, high).astype(np.int64)
            weight = layer.weight.numpy().astype(np.int64)
            if node.op == "conv2d":
                product = _convolve(integers, weight, node.stride, node.padding, node.dilation, node.groups)
                shape = (-1, 1, 1)
            else:
                product, shape = weight @ integers, (-1,)
            scale = (layer.weight_scale.numpy() * np.float32(layer.input_scale)).reshape(shape)
            y = product.astype(np.float32) * scale + layer.bias.numpy().reshape(shape)
        else:
            match short_name(node.op):
                case "relu":
                    y = np.maximum(x, np.float32(0))
                case "add":
                    y = x + values[node.inputs[1]]
                case "slice":
                    _, axis, start, end, step = (*node.args, 1)[:5]
                    y = x if axis == 0 else x[(slice(None),) * (axis - 1) + (slice(start, end, step),)]
                case "pad":
                    sides = node.args[1]
                    y = np.pad(x, [(sides[4], sides[5]), (sides[2], sides[3]), (sides[0], sides[1])])
                case "adaptive_avg_pool2d":
                    # The sum of a mean is free in its order: torch's own is taken here.
                    y = F.adaptive_avg_pool2d(torch.from_numpy(x)[None], 1)[0].numpy()
                case "flatten":
                    y = x.reshape(-1)
                case other:
                    raise AssertionError(other)
        values[node.name] = y
    return values[graph.output]


def _convolve(x: np.ndarray, w: np.ndarray, stride, padding, dilation, groups: int) -> np.ndarray:
    """The definition: a product of integers for each tap, added up in int64."""
    x = np.pad(x, [(0, 0), (padding[0],) * 2, (padding[1],) * 2])
    outputs, inputs, kh, kw = w.shape
    h = (x.shape[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    v = (x.shape[2] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((outputs, h, v), np.int64)
    size = outputs // groups
    for g in range(groups):
        own = x[g * inputs : (g + 1) * inputs]
        for i, j in np.ndindex(kh, kw):
            top, left = i * dilation[0], j * dilation[1]
            seen = own[
                :, top : top + (h - 1) * stride[0] + 1 : stride[0], left : left + (v - 1) * stride[1] + 1 : stride[1]
            ]
            taps = w[g * size : (g + 1) * size, :, i, j]
            out[g * size : (g + 1) * size] += np.einsum("oc,chw->ohw", taps, seen)
    return out


def test_a_small_network_on_a_digital_chip_is_integer_arithmetic() -> None:
    program = _program(_small(), "dimc-sram", X)
    got = run(program, X, instances=2, conditions=[Condition(), Condition(1e8)]).outputs
    want = np.stack([_in_integers(program, image) for image in X])
    for condition, instance in np.ndindex(2, 2):
        assert np.array_equal(got[condition, instance].numpy(), want)


def test_resnet20_on_a_digital_chip_is_integer_arithmetic() -> None:
    x, labels = cifar10_sample(20)
    program = _program(resnet20(), "dimc-sram", x)
    result = run(program, x)
    want = np.stack([_in_integers(program, image) for image in x])
    assert np.array_equal(result.outputs[0, 0].numpy(), want)
    assert float(result.accuracy(labels)) >= 0.8


@pytest.mark.parametrize("chip", ["hermes", "hermes-4phase", "tile2-rram"])
def test_a_chips_state_is_the_same_in_any_company(chip: str) -> None:
    """Byte by byte, for any number of chips that are written at once."""
    engine = TorchBackend(_program(_small(), chip, X))
    conditions = [Condition(None), Condition(3600.0, "global")]
    whole = engine.prepare(CHIPS, conditions)
    for some in ([0], [2, 3], [4, 1, 0]):
        part = engine.prepare([CHIPS[i] for i in some], conditions)
        at = [c * len(CHIPS) + i for c in range(2) for i in some]
        for name, state in part.layers.items():
            for field in dataclasses.fields(state):
                mine, all_ = getattr(state, field.name), getattr(whole.layers[name], field.name)
                if field.name == "matrix":
                    assert torch.equal(mine, all_.unflatten(0, (2 * len(CHIPS), -1))[at].flatten(0, 1))
                elif field.name == "noise":  # the same for all chips
                    assert torch.equal(mine, all_)
                elif isinstance(mine, Tensor):
                    assert torch.equal(mine, all_[at])
