"""The digital unit runs each of its operators as torch does, image by image and chip by chip."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mho.compiler import capture, float_values
from mho.core import Seed
from mho.ir import Batch, Const, Node, Ref, is_supported, operations, run_digital, short_name
from mho.ir._work import WORK

IMAGE = (4, 6, 6)


class _Net(nn.Module):
    """A convolution, and behind it the operator under test."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("gain", torch.linspace(0.5, 2, 4).reshape(4, 1, 1))
        self.norm = nn.BatchNorm2d(4).eval()
        self.norm.running_mean = torch.tensor([0.1, -0.2, 0.3, 0.0])
        self.norm.running_var = torch.tensor([0.5, 1.0, 2.0, 3.0])
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.conv(x))


def _norm(s: nn.Module, y: Tensor) -> Tensor:
    return s.norm(torch.relu(y))


OPERATORS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "relu": lambda s, y: F.relu(y),
    "add": lambda s, y: y + 2 * s.gain,
    "sub": lambda s, y: y - s.gain,
    "mul": lambda s, y: y * s.gain,
    "div": lambda s, y: s.gain / (y.exp() + 1),
    "neg": lambda s, y: -y,
    "hardtanh": lambda s, y: F.hardtanh(y, -0.3, 0.4),
    "clamp": lambda s, y: y.clamp(min=-0.1),
    "leaky_relu": lambda s, y: F.leaky_relu(y, 0.2),
    "sigmoid": lambda s, y: y.sigmoid(),
    "tanh": lambda s, y: y.tanh(),
    "silu": lambda s, y: F.silu(y),
    "gelu": lambda s, y: F.gelu(y, approximate="tanh"),
    "hardswish": lambda s, y: F.hardswish(y),
    "hardsigmoid": lambda s, y: F.hardsigmoid(y),
    "relu6": lambda s, y: F.relu6(8 * y),
    "elu": lambda s, y: F.elu(y, 0.7),
    "exp": lambda s, y: y.exp(),
    "softmax": lambda s, y: y.softmax(1),
    "log_softmax": lambda s, y: y.log_softmax(-1),
    "layer_norm": lambda s, y: F.layer_norm(y, (6, 6)),
    "batch_norm": _norm,
    "mean": lambda s, y: y.mean((2, 3)),
    "sum": lambda s, y: y.sum(1, keepdim=True),
    "max_pool2d": lambda s, y: F.max_pool2d(y, 3, stride=2, padding=1),
    "avg_pool2d": lambda s, y: F.avg_pool2d(y, 3, stride=2, padding=1, count_include_pad=False),
    "adaptive_avg_pool2d": lambda s, y: F.adaptive_avg_pool2d(y, (2, 4)),
    "flatten": lambda s, y: y.flatten(1),
    "view": lambda s, y: y.view(y.size(0), 2, -1),
    "reshape": lambda s, y: y.reshape(-1, 4, 36),
    "permute": lambda s, y: y.permute(0, 2, 3, 1),
    "transpose": lambda s, y: y.transpose(1, 3),
    "slice": lambda s, y: y[:, 1:3, ::2],
    "pad": lambda s, y: F.pad(y, (1, 2, 0, 0), value=0.5),
    "constant_pad_nd": lambda s, y: torch.constant_pad_nd(y, (0, 1), 2.0),
    "cat": lambda s, y: torch.cat([y, y * s.gain, y], 1),
    "unsqueeze": lambda s, y: y.unsqueeze(2),
    "squeeze": lambda s, y: F.adaptive_avg_pool2d(y, 1).squeeze(3).squeeze(2),
    "contiguous": lambda s, y: y.permute(0, 2, 3, 1).contiguous(),
    "clone": lambda s, y: y.clone(),
    "dropout": lambda s, y: F.dropout(y, 0.5, s.training),
    "feature_dropout": lambda s, y: F.dropout2d(y, 0.5, s.training),
    "alpha_dropout": lambda s, y: F.alpha_dropout(y, 0.5, s.training),
    "feature_alpha_dropout": lambda s, y: F.feature_alpha_dropout(y, 0.5, s.training),
    "alias": lambda s, y: torch.ops.aten.alias(y),
    "select": lambda s, y: y[:, 2],
    "expand": lambda s, y: y + s.gain.expand(y.size(0), -1, 6, 6),
    "detach": lambda s, y: y.detach(),
    "upsample_nearest2d": lambda s, y: F.interpolate(y, scale_factor=2),
    "pixel_shuffle": lambda s, y: F.pixel_shuffle(y, 2),
    "channel_shuffle": lambda s, y: F.channel_shuffle(y, 2),
}
REMOVED = {name for name in OPERATORS if name.endswith("dropout")} | {"contiguous", "clone", "alias", "detach"}
NOT_WRITTEN_BY_EXPORT = {"_unsafe_view", "lift_fresh_copy", "t"}


def _draw(name: str, *shape: int) -> Tensor:
    return Seed(0).child(name).normal(shape)


def test_every_operator_is_tested() -> None:
    assert set(OPERATORS) | NOT_WRITTEN_BY_EXPORT == set(WORK)


@pytest.mark.parametrize("name", OPERATORS)
def test_runs_as_torch_does(name: str) -> None:
    torch.manual_seed(0)
    net = _Net(OPERATORS[name]).eval()
    graph = capture(net, torch.zeros(1, *IMAGE))
    assert (name in {short_name(n.op) for n in graph.nodes}) is (name not in REMOVED)
    x = _draw("x", 5, *IMAGE)
    with torch.no_grad():
        want = net(x)
    got = float_values(graph, x, keep=())[graph.output]
    assert got.shape == want.shape
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
    assert graph[graph.output].shape == tuple(want.shape[1:])
    for node in graph.nodes:
        if node.op.startswith("aten"):
            assert operations(node, graph[node.inputs[0]].shape) >= 0


def test_chips_and_images_are_one_batch() -> None:
    """A value of one chip (nothing differs yet) meets values of three."""
    node = Node("sum", "aten.add.Tensor", (4,), ("a", "b"), args=(Ref("a"), Ref("b")), kwargs=(("alpha", 2),))
    a, b = _draw("a", 1, 5, 4), _draw("b", 3, 5, 4)
    out = run_digital(node, {"a": a, "b": b}, {})
    assert out.shape == (3, 5, 4)
    assert torch.equal(out, a + 2 * b)


def test_batch_stands_for_the_number_of_images_of_all_chips() -> None:
    node = Node("flat", "aten.view.default", (8,), ("a",), args=(Ref("a"), (Batch(), 8)))
    a = _draw("a", 3, 5, 2, 4)
    assert torch.equal(run_digital(node, {"a": a}, {}), a.reshape(3, 5, 8))


def test_constants_and_lists() -> None:
    node = Node("cat", "aten.cat.default", (2, 4), ("a",), args=((Ref("a"), Ref("a")), 1))
    a = _draw("a", 2, 3, 1, 4)
    assert torch.equal(run_digital(node, {"a": a}, {}), torch.cat([a, a], 2))
    scaled = Node("mul", "aten.mul.Tensor", (1, 4), ("a",), args=(Ref("a"), Const("k")))
    k = _draw("k", 4)
    assert torch.equal(run_digital(scaled, {"a": a}, {"k": k}), a * k)


@pytest.mark.parametrize(
    ("op", "supported"),
    [
        ("aten.relu.default", True), ("aten.relu_.default", True), ("aten.relu", False), ("aten.relu.default.x", False),
        ("aten.conv1d.default", False), ("prims.relu.default", False), ("relu", False), ("input", False),
    ],
)  # fmt: skip
def test_is_supported(op: str, supported: bool) -> None:
    assert is_supported(op) is supported
