"""Networks of many kinds become graphs that compute the same; all that cannot be run is named in one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from mho.compiler import capture, float_values
from mho.core import FileError, Seed, UnsupportedOpError
from mho.ir import Batch, Graph
from mho.samples import ResNet20

IMAGE = (3, 8, 8)


class _Net(nn.Module):
    """Modules by name and a forward pass as a function."""

    def __init__(self, forward: Callable[..., object], **parts: nn.Module | Tensor) -> None:
        super().__init__()
        for name, part in parts.items():
            self.register_buffer(name, part) if isinstance(part, Tensor) else self.add_module(name, part)
        self.function = forward

    def forward(self, x: Tensor) -> object:
        return self.function(self, x)


def _conv(*args: object, **kwargs: object) -> nn.Conv2d:
    return nn.Conv2d(*args, **kwargs)  # type: ignore[arg-type]


def _residual(s: nn.Module, x: Tensor) -> Tensor:
    y = F.relu(s.bn1(s.conv1(x)))
    z = s.bn2(s.conv2(y))
    z += F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
    return s.fc(F.adaptive_avg_pool2d(F.relu_(z), 1).flatten(1))


def _preactivation(s: nn.Module, x: Tensor) -> Tensor:
    """The skip reads what an in-place ReLU has changed, as it does in PyTorch."""
    y = s.conv(x)
    return s.conv2(s.relu(y)) + y


def _two_readers(s: nn.Module, x: Tensor) -> Tensor:
    y = s.drop(s.conv(x))
    return s.bn(y) + F.relu(y)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 20), nn.Tanh(), nn.Linear(20, 5, bias=False)),
    "groups": lambda: nn.Sequential(_conv(3, 6, 3, groups=3), nn.ReLU(), _conv(6, 4, 1, groups=2)),
    "depthwise": lambda: nn.Sequential(_conv(3, 3, 3, groups=3, padding=1), _conv(3, 8, 1), nn.ReLU6()),
    "stride": lambda: _conv(3, 4, (3, 2), stride=(2, 3), padding=(0, 1)),
    "dilation": lambda: _conv(3, 4, 3, dilation=(2, 1), padding=2, bias=False),
    "circular": lambda: _conv(3, 4, 3, padding=1, padding_mode="circular"),
    "residual": lambda: _Net(
        _residual, conv1=_conv(3, 4, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(4),
        conv2=_conv(4, 8, 3, stride=2, padding=1), bn2=nn.BatchNorm2d(8), fc=nn.Linear(8, 5),
    ),
    "preactivation": lambda: _Net(_preactivation, conv=_conv(3, 4, 3), conv2=_conv(4, 4, 1), relu=nn.ReLU(True)),
    "linear and norm": lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.BatchNorm1d(6), nn.ReLU()),
    "norm without affine": lambda: nn.Sequential(_conv(3, 4, 3), nn.BatchNorm2d(4, affine=False)),
    "norm first": lambda: nn.Sequential(nn.BatchNorm2d(3), _conv(3, 4, 3), nn.ReLU()),
    "norm after relu": lambda: nn.Sequential(_conv(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
    "norm of a shared output": lambda: _Net(
        lambda s, x: s.bn(s.conv(x)) + s.conv(x), conv=_conv(3, 4, 3), bn=nn.BatchNorm2d(4)
    ),
    "dropout": lambda: nn.Sequential(_conv(3, 4, 3), nn.Dropout2d(), nn.Identity(), nn.Dropout(), nn.ReLU()),
    "dropout with two readers": lambda: _Net(
        _two_readers, conv=_conv(3, 4, 3), drop=nn.Dropout(), bn=nn.BatchNorm2d(4)
    ),
    "added to itself": lambda: _Net(lambda s, x: x + s.drop(x), drop=nn.Dropout()),
    "tokens": lambda: _Net(lambda s, x: s.bn(s.fc(x.flatten(2))), fc=nn.Linear(64, 3), bn=nn.BatchNorm1d(3)),
    "view": lambda: _Net(
        lambda s, x: s.fc(s.conv(x).view(x.size(0), -1)), conv=_conv(3, 4, 3, stride=2), fc=nn.Linear(36, 5)
    ),
    "slices": lambda: _Net(lambda s, x: torch.cat([x[:, 1:], x[:, :2] * s.k], 1)[:, :, 2:-1], k=torch.rand(2, 1, 1)),
    "shared": lambda: _Net(lambda s, x: s.fc(F.relu(s.fc(x.flatten(2)))), fc=nn.Linear(64, 64)),
    "shared with two norms": lambda: _Net(
        lambda s, x: s.bn2(s.conv(F.relu(s.bn1(s.conv(x))))),
        conv=_conv(3, 3, 3), bn1=nn.BatchNorm2d(3), bn2=nn.BatchNorm2d(3),
    ),
    "weight norm": lambda: nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(192, 4))),
    "constant in a list": lambda: _Net(
        lambda s, x: torch.cat([s.token.expand(x.size(0), -1, -1, -1), x], 1), token=torch.rand(1, 1, 8, 8)
    ),
    "double": lambda: nn.Sequential(_conv(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).double(),
    "no layer": lambda: nn.ReLU(),
    "nothing": lambda: nn.Identity(),
}  # fmt: skip


def _make(name: str) -> nn.Module:
    torch.manual_seed(1)
    network = NETWORKS[name]().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
            if module.affine:
                nn.init.uniform_(module.weight, -2, 2)
                nn.init.normal_(module.bias)
    return network


def _ops(graph: Graph) -> list[str]:
    return [n.op for n in graph.nodes if n.op != "input"]


def _names(graph: Graph) -> list[str]:
    return [n.name for n in graph.matrix_nodes()]


@pytest.mark.parametrize("name", NETWORKS)
def test_computes_what_torch_does(name: str) -> None:
    network = _make(name)
    dtype = torch.float64 if name == "double" else torch.float32
    x = Seed(0).child("x").normal((4, *IMAGE)).to(dtype)
    graph = capture(network, x[:1])
    with torch.no_grad():
        want = network(x.clone()).float()
    values = float_values(graph, x)
    torch.testing.assert_close(values[graph.output], want, rtol=1e-5, atol=1e-5)
    assert all(values[n.name].shape == (4, *n.shape) for n in graph.nodes)
    assert all(t.dtype == torch.float32 for t in graph.tensors.values())
    used = {n.weight for n in graph.nodes} | {n.bias for n in graph.nodes}
    assert not [k for k in graph.tensors if k not in used and "fold" in k]


# What becomes of it ---------------------------------------------------------------------------------------------


def test_names_are_module_paths() -> None:
    graph = capture(ResNet20(), torch.zeros(1, 3, 32, 32))
    assert _names(graph) == [
        "conv1",
        *(f"layer{s}.{b}.conv{c}" for s in (1, 2, 3) for b in (0, 1, 2) for c in (1, 2)),
        "linear",
    ]
    assert {n.op.split(".")[1] for n in graph.nodes if n.op.startswith("aten")} == {
        "relu", "add", "slice", "pad", "adaptive_avg_pool2d", "flatten"
    }  # fmt: skip
    assert sum(graph.macs(n) for n in graph.matrix_nodes()) == 40_551_040  # the 41 million of ResNet-20


def test_a_name_does_not_depend_on_what_else_there_is() -> None:
    one = _Net(lambda s, x: s.b(x), b=_conv(3, 4, 3))
    two = _Net(lambda s, x: s.b(F.relu(s.a(x))), a=_conv(3, 3, 3), b=_conv(3, 4, 3))
    assert _names(capture(one, torch.zeros(1, *IMAGE))) == ["b"]
    assert _names(capture(two, torch.zeros(1, *IMAGE))) == ["a", "b"]


def test_a_module_used_twice_is_two_nodes_of_one_weight() -> None:
    graph = capture(_make("shared"), torch.zeros(1, *IMAGE))
    assert _names(graph) == ["fc", "fc#2"]
    assert graph["fc"].weight == graph["fc#2"].weight == "fc.weight"
    folded = capture(_make("shared with two norms"), torch.zeros(1, *IMAGE))
    assert _names(folded) == ["conv", "conv#2"]
    assert len({n.weight for n in folded.matrix_nodes()}) == 2


def test_a_module_called_like_the_input() -> None:
    graph = capture(_Net(lambda s, x: s.x(x), x=_conv(3, 4, 3)), torch.zeros(1, *IMAGE))
    assert _names(graph) == ["x"] or _names(graph) == ["x#2"]
    assert graph.output == _names(graph)[0] != graph.input.name


def test_the_batch_is_a_symbol() -> None:
    graph = capture(_make("view"), torch.zeros(1, *IMAGE))
    assert graph["view"].args[1] == (Batch(), -1)


def test_in_place_operators_are_written_as_pure_ones() -> None:
    assert _ops(capture(_make("preactivation"), torch.zeros(1, *IMAGE))) == [
        "conv2d", "aten.relu.default", "conv2d", "aten.add.Tensor"
    ]  # fmt: skip


def test_captured_as_in_evaluation_and_left_as_it_was() -> None:
    network = nn.Sequential(_conv(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    network.train()
    network[1].eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    assert _ops(capture(network, torch.zeros(1, *IMAGE))) == ["conv2d"]
    assert [m.training for m in network.modules()] == [True, True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_left_as_it_was_if_it_fails() -> None:
    network = _Net(lambda s, x: x if x.sum() > 0 else -x)
    with pytest.raises(UnsupportedOpError):
        capture(network, torch.zeros(1, *IMAGE))
    assert network.training


def test_training_on_does_not_change_the_graph() -> None:
    network = _make("mlp")
    graph = capture(network, torch.zeros(1, *IMAGE))
    before = graph.fingerprint()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(1)
    assert graph.fingerprint() == before


def test_same_network_same_graph() -> None:
    graphs = [capture(_make("residual"), torch.zeros(b, *IMAGE)) for b in (1, 2, 5)]
    assert len({g.fingerprint() for g in graphs}) == 1
    assert len({str(g) for g in graphs}) == 1


# What cannot be run ---------------------------------------------------------------------------------------------


def _sentence(*problems: str) -> str:
    return (
        f"the network holds what this chip cannot run: {'; '.join(problems)}; "
        "replace these, or run that part of the network outside mho"
    )


BATCH = "(the batch must stay the first dimension, and its images apart)"
REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "conv1d": (
        lambda: _Net(lambda s, x: s.c(x.flatten(2)), c=nn.Conv1d(3, 4, 3)),
        _sentence("aten.conv1d.default at 'c'"),
    ),
    "several": (
        lambda: _Net(
            lambda s, x: F.selu(s.b(s.a(x).flatten(2)).cumsum(1)),
            a=_conv(3, 3, 3, padding="same"), b=nn.Conv1d(3, 4, 3),
        ),
        _sentence(
            "aten.conv2d.padding at 'a' (padding='same'; give it as numbers)", "aten.conv1d.default at 'b'",
            "aten.cumsum.default at 'cumsum'", "aten.selu.default at 'selu'",
        ),
    ),
    "weight from the input": (
        lambda: _Net(lambda s, x: F.linear(x.flatten(1), s.k * x.flatten(1).mean(0)), k=torch.rand(5, 192)),
        "",
    ),
    "two outputs": (
        lambda: _Net(lambda s, x: (x, F.relu(x))),
        _sentence("more than one output (a network must return one tensor)"),
    ),
    "constant output": (
        lambda: _Net(lambda s, x: s.k, k=torch.rand(4)),
        _sentence("an output that does not depend on the input"),
    ),
    "pieces": (
        lambda: _Net(lambda s, x: x.chunk(3, 1)[0] + x.chunk(3, 1)[2]),
        _sentence("aten.chunk.default at 'chunk'", "aten.chunk.default at 'chunk_1'"),
    ),
    "batch moved": (
        lambda: _Net(lambda s, x: s.fc(x.flatten(1).transpose(0, 1).transpose(0, 1)), fc=nn.Linear(192, 4)),
        _sentence(f"aten.transpose.int at 'transpose' {BATCH}"),
    ),
    "batch merged": (
        lambda: _Net(lambda s, x: x.flatten(0, 1).view(x.size(0), -1)),
        _sentence(f"aten.flatten.using_ints at 'flatten' {BATCH}"),
    ),
    "batch mixed": (
        lambda: _Net(lambda s, x: x - x.mean(0, keepdim=True)),
        _sentence(f"aten.mean.dim at 'mean' {BATCH}"),
    ),
    "softmax over the batch": (
        lambda: _Net(lambda s, x: x.softmax(-4)),
        _sentence(f"aten.softmax.int at 'softmax' {BATCH}"),
    ),
    "one image": (lambda: _Net(lambda s, x: F.relu(x[0])), _sentence(f"aten.select.int at 'select' {BATCH}")),
    "batch statistics": (
        lambda: nn.Sequential(_conv(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
        _sentence("aten.batch_norm.default at '1' (statistics of the batch; keep running statistics)"),
    ),
    "dropout always on": (
        lambda: _Net(lambda s, x: F.dropout(x)),
        _sentence(
            "aten.dropout.default at 'dropout' "
            "(dropout that stays on in evaluation; use nn.Dropout, or pass training=self.training)"
        ),
    ),
    "in place on a view": (
        lambda: _Net(lambda s, x: F.relu_((2 * x).flatten(1)) if s is None else _write_through_a_view(x)),
        _sentence(
            "aten.relu_.default at 'relu_' "
            "(an in-place operator on a view of what is read elsewhere; use the one without '_')"
        ),
    ),
}  # fmt: skip


def _write_through_a_view(x: Tensor) -> Tensor:
    y = 2 * x
    y.flatten(1).relu_()
    return y + 1


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(UnsupportedOpError) as error:
        capture(make(), torch.zeros(2, *IMAGE))
    assert str(error.value) == sentence or (not sentence and "aten.linear" in str(error.value))


@pytest.mark.filterwarnings("ignore:The tensor attributes .* were assigned during export")
def test_recurrent_network() -> None:
    network = _Net(lambda s, x: s.rnn(x)[0], rnn=nn.LSTM(4, 5, batch_first=True))
    with pytest.raises(UnsupportedOpError) as error:
        capture(network, torch.zeros(2, 3, 4))
    assert str(error.value) == _sentence(
        "aten.zeros.default at 'rnn'", "aten.zeros.default at 'rnn'", "aten.lstm.input at 'rnn'"
    )


def test_a_branch_on_values() -> None:
    network = _Net(lambda s, x: x if x.sum() > 0 else -x)
    with pytest.raises(UnsupportedOpError) as error:
        capture(network, torch.zeros(1, *IMAGE))
    assert str(error.value).startswith("torch.export cannot capture _Net with a free batch size: Could not guard on")
    assert str(error.value).endswith("; the forward pass must not branch on tensor values nor fix the batch size")
    assert "\n" not in str(error.value)


def test_two_inputs() -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a + b

    x, batch = torch.zeros(2, *IMAGE), {0: Dim("batch")}
    with pytest.raises(UnsupportedOpError) as error:
        capture(torch.export.export(Two(), (x, x), dynamic_shapes=(batch, batch)))
    assert str(error.value) == _sentence("a second input 'b' (a network must have one input tensor)")
    with pytest.raises(UnsupportedOpError, match="^torch.export cannot capture Two with a free batch size: "):
        capture(Two(), x)


def test_a_module_needs_an_example() -> None:
    with pytest.raises(UnsupportedOpError) as error:
        capture(nn.ReLU())
    assert str(error.value) == "capture of a module needs an example input, such as one image as [1, 3, 32, 32]"


# Files ----------------------------------------------------------------------------------------------------------


def _save(network: nn.Module, path: Path, batch: int = 2, free: bool = True) -> None:
    shapes = ({0: Dim("batch")},) if free else None
    x = torch.zeros(batch, *IMAGE)
    torch.export.save(torch.export.export(network, (x,), dynamic_shapes=shapes), path)


@pytest.mark.parametrize("name", ["residual", "view", "shared with two norms", "constant in a list"])
def test_an_exported_file(name: str, tmp_path: Path) -> None:
    network = _make(name)
    path = tmp_path / "net.pt2"
    if name == "view":
        network.function = lambda s, x: s.fc(s.conv(x).view(x.size(0), -1))
    _save(network, path)
    x = Seed(0).child("x").normal((5, *IMAGE))
    graph = capture(path)
    assert graph.fingerprint() == capture(str(path)).fingerprint()
    with torch.no_grad():
        torch.testing.assert_close(float_values(graph, x)[graph.output], network(x), rtol=1e-5, atol=1e-5)


def test_a_file_with_a_fixed_batch(tmp_path: Path) -> None:
    """It runs with any, unless the forward pass has written the number down."""
    path = tmp_path / "net.pt2"
    network = nn.Sequential(_conv(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    _save(network, path, batch=1, free=False)
    graph = capture(path)
    x = Seed(0).child("x").normal((5, *IMAGE))
    with torch.no_grad():
        torch.testing.assert_close(float_values(graph, x)[graph.output], network(x), rtol=1e-5, atol=1e-5)
    _save(_make("view"), path, free=False)
    with pytest.raises(UnsupportedOpError) as error:
        capture(path)
    assert str(error.value) == _sentence(
        "aten.view.default at 'view' (a fixed batch size; export with dynamic_shapes=({0: Dim('batch')},))"
    )


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_a_damaged_file(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    _save(_make("groups"), path)
    data = path.read_bytes()
    path.write_bytes({"truncated": data[: len(data) // 2], "text": b"a text", "empty": b""}[damage])
    with pytest.raises(FileError) as error:
        capture(path)
    assert str(error.value).startswith(f"{path} cannot be read by torch.export.load (")
    assert str(error.value).endswith("); export it anew")


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(FileError) as error:
        capture(tmp_path / "net.pt2")
    assert str(error.value) == f"{tmp_path / 'net.pt2'} does not exist; give a .pt2 or .onnx file"
    (tmp_path / "net.pth").write_bytes(b"")
    with pytest.raises(FileError) as error:
        capture(tmp_path / "net.pth")
    assert str(error.value) == f"{tmp_path / 'net.pth'} must end in .pt2 (torch.export.save) or .onnx"
