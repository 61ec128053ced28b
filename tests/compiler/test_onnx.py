"""ONNX files: the same network as torch captures, what other exporters write, and what a wrong file is told."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, float_values, quantize
from mho.compiler._onnx import read_onnx
from mho.core import FileError, UnsupportedOpError
from mho.ir import Graph, Program, is_supported
from mho.samples import cifar10_sample, resnet20


class _Cnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.bn2 = nn.BatchNorm2d(8)
        self.drop = nn.Dropout()
        self.fc = nn.Linear(8 * 5 * 4, 5)
        self.bn3 = nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn1(self.conv1(x)))
        y = self.bn2(F.gelu(self.conv2(x)))
        x = F.hardswish(F.max_pool2d(torch.cat([x, y], 1) + 1.0, 2, 1)[:, ::2])
        x = F.avg_pool2d(F.pad(x, (0, 1, 2, 1)), 2, ceil_mode=True)
        x = self.drop(x.view(x.shape[0], -1))
        return F.softmax(self.bn3(self.fc(x)), 1)


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, 7))
        self.shift = nn.Parameter(torch.randn(7))
        self.fc1 = nn.Linear(7, 6)
        self.fc2 = nn.Linear(28, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(x @ self.weight + self.shift, 0.1)
        x = torch.tanh(self.fc1(x))
        x = torch.cat([x, x.mean(-1, keepdim=True)], -1)
        return self.fc2(x.transpose(1, 2).reshape(x.shape[0], -1)) * 2 - 1


def _randomised(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                assert value is not None
                value.data = torch.rand(value.shape, generator=generator) + 0.5
    return network.eval()


EXPORTERS: dict[str, dict[str, Any]] = {
    "dynamo": {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("batch")},)},
    "dynamo, batch of 2": {"dynamo": True},
    "dynamo, not folded": {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("batch")},), "optimize": False},
    "legacy 13": {"dynamo": False, "opset_version": 13, "dynamic_axes": {"x": {0: "n"}}},
    "legacy 17": {"dynamo": False, "opset_version": 17, "dynamic_axes": {"x": {0: "n"}}},
    "legacy, batch of 2": {"dynamo": False, "opset_version": 17},
    "legacy, not folded": {
        "dynamo": False,
        "opset_version": 17,
        "dynamic_axes": {"x": {0: "n"}},
        "training": torch.onnx.TrainingMode.PRESERVE,
        "do_constant_folding": False,
    },
}


def _export(network: nn.Module, x: Tensor, path: Path, exporter: str) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.onnx warns of itself
        torch.onnx.export(network, (x,), path, input_names=["x"], verbose=False, **EXPORTERS[exporter])
    return path


def _assert_same(graph: Graph, network: nn.Module) -> None:
    assert all(n.is_matrix or n.op == "input" or is_supported(n.op) for n in graph.nodes)
    for images in (1, 5):
        x = torch.randn(images, *graph.input.shape, generator=torch.Generator().manual_seed(images))
        with torch.no_grad():
            torch.testing.assert_close(float_values(graph, x, keep=())[graph.output], network(x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_cnn(exporter: str, tmp_path: Path) -> None:
    network = _randomised(_Cnn())
    path = _export(network, torch.randn(2, 3, 8, 8), tmp_path / "cnn.onnx", exporter)
    graph = read_onnx(path)
    _assert_same(graph, network)
    folded = capture(path)
    _assert_same(folded, network)
    first = "/conv1/Conv_output_0" if exporter.startswith("legacy") and "not folded" not in exporter else "conv1"
    assert [n.name for n in folded.matrix_nodes()] == [first, "conv2", "fc"]
    assert [n.groups for n in folded.matrix_nodes()] == [1, 4, 1]
    assert sum("batch_norm" in n.op for n in folded.nodes) == 1  # the one behind the GELU
    assert sum("gelu" in n.op for n in folded.nodes) == 1


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_mlp(exporter: str, tmp_path: Path) -> None:
    """Weights are named whichever of the exporters transposed them; the additions became biases."""
    network = _Mlp().eval()
    graph = capture(_export(network, torch.randn(2, 4, 12), tmp_path / "mlp.onnx", exporter))
    _assert_same(graph, network)
    assert [n.name for n in graph.matrix_nodes()] == ["weight", "fc1", "fc2"]
    assert all(n.bias for n in graph.matrix_nodes())
    assert not any(n.op == "aten.add.Tensor" for n in graph.nodes)


@pytest.mark.parametrize("exporter", ["dynamo", "dynamo, not folded", "legacy 17", "legacy, not folded"])
def test_resnet20(exporter: str, tmp_path: Path) -> None:
    """The quantised network is that which torch captures, weight for weight.

    Exporters fold batch norms in float32, we in float64: there a weight between two integers may fall the other way.
    """
    network = resnet20()
    graph = capture(_export(network, torch.randn(2, 3, 32, 32), tmp_path / "resnet20.onnx", exporter))
    _assert_same(graph, network)
    chip, images = Chip.load("dimc-sram"), cifar10_sample(4)[0]
    twin = capture(network, images)
    if exporter != "legacy 17":  # folds batch norms into nameless weights
        assert [n.name for n in graph.matrix_nodes()] == [n.name for n in twin.matrix_nodes()]
    quant, expected = quantize(graph, chip, images), quantize(twin, chip, images)
    assert len(quant.layers) == len(expected.layers) == 20
    for layer, other in zip(quant.layers.values(), expected.layers.values(), strict=True):
        difference = (layer.weight.int() - other.weight.int()).abs()
        assert difference.max() <= (0 if "not folded" in exporter else 1)
        assert difference.float().mean() < 1e-3
        assert layer.input_scale == pytest.approx(other.input_scale, rel=1e-5)
    path = tmp_path / "resnet20.mho"
    program = compile(quant, chip)
    program.save(path)
    assert Program.load(path).quant.graph.fingerprint() == graph.fingerprint()


def _model(
    nodes: list[Any],
    shape: list[Any],
    constants: dict[str, Any] | None = None,
    opset: int = 18,
    element: int = TensorProto.FLOAT,
    inputs: tuple[str, ...] = ("x",),
    outputs: tuple[str, ...] = ("y",),
) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(i, element, shape) for i in inputs],
        [helper.make_tensor_value_info(o, element, ["m"]) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _write(path: Path, *args: Any, **kwargs: Any) -> Path:
    onnx.save(_model(*args, **kwargs), str(path))
    return path


_RANDOM = np.random.default_rng(0)


def _weights(*shape: int) -> Any:
    return _RANDOM.normal(size=shape).astype(np.float32)


def _i(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def _n(kind: str, inputs: str = "x", output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), output.split(), **attributes)


IMAGE: list[Any] = ["n", 4, 6, 7]
FLAT: list[Any] = ["n", 6]
CASES: dict[str, tuple[list[Any], list[Any], dict[str, Any]]] = {
    "asymmetric pads": ([_n("Conv", "x w b", pads=[0, 1, 2, 3])], IMAGE, {"w": _weights(5, 4, 3, 3), "b": _weights(5)}),
    "strided": ([_n("Conv", "x w", pads=[1, 2, 1, 2], strides=[2, 1], dilations=[1, 2], group=2)], IMAGE,
                {"w": _weights(6, 2, 3, 3)}),
    "same upper": ([_n("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])], IMAGE, {"w": _weights(5, 4, 3, 2)}),
    "same lower": ([_n("Conv", "x w", auto_pad="SAME_LOWER")], IMAGE, {"w": _weights(5, 4, 2, 2)}),
    "valid": ([_n("Conv", "x w", auto_pad="VALID")], IMAGE, {"w": _weights(5, 4, 2, 2)}),
    "gemm": ([_n("Gemm", "x w b", alpha=0.5, beta=2.0)], FLAT, {"w": _weights(6, 3), "b": _weights(1, 3)}),
    "gemm, transposed": ([_n("Gemm", "x w b", transB=1)], FLAT, {"w": _weights(3, 6), "b": _weights(1)}),
    "gemm of two tensors": ([_n("Relu", output="a"), _n("Gemm", "x w a", beta=0.5)], FLAT, {"w": _weights(6, 6)}),
    "add before": ([_n("MatMul", "x w", "m"), _n("Add", "b m")], FLAT, {"w": _weights(6, 3), "b": _weights(1, 3)}),
    "matmul read twice": ([_n("MatMul", "x w", "m"), _n("Add", "m b", "a"), _n("Mul", "a m")], FLAT,
                          {"w": _weights(6, 3), "b": _weights(3)}),
    "a weight used twice": ([_n("MatMul", "x w", "m"), _n("Relu", "m", "r"), _n("MatMul", "r w")], FLAT,
                            {"w": _weights(6, 6)}),
    "max pool": ([_n("MaxPool", kernel_shape=[3, 2], strides=[2, 1], pads=[0, 1, 1, 0], ceil_mode=1)], IMAGE, {}),
    "average pool": ([_n("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1])], IMAGE, {}),
    "average pool, counted": ([_n("AveragePool", kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)],
                              IMAGE, {}),
    "global average": ([_n("GlobalAveragePool")], IMAGE, {}),
    "mean": ([_n("ReduceMean", "x a", keepdims=0)], IMAGE, {"a": _i(-1, 2)}),
    "sum": ([_n("ReduceSum", "x a")], IMAGE, {"a": _i(1)}),
    "batch norm": ([_n("BatchNormalization", "x s b m v", epsilon=1e-3)], IMAGE,
                   {k: np.abs(_weights(4)) for k in "sbmv"}),
    "layer norm": ([_n("LayerNormalization", "x s", axis=-2)], IMAGE, {"s": _weights(7)}),
    "clip": ([_n("Clip", "x lo hi")], FLAT, {"lo": np.float32(-0.5), "hi": np.float32(0.25)}),
    "clip above": ([helper.make_node("Clip", ["x", "", "hi"], ["y"])], FLAT, {"hi": np.float32(0.25)}),
    "unary": ([_n("LeakyRelu", output="a"), _n("Sigmoid", "a", "b"), _n("Tanh", "b", "c"), _n("Neg", "c", "d"),
               _n("Exp", "d", "e"), _n("Elu", "e", "f", alpha=0.5), _n("HardSwish", "f")], FLAT, {}),
    "hard sigmoid": ([_n("HardSigmoid", output="a"), _n("HardSigmoid", "a", alpha=1 / 6)], FLAT, {}),
    "softmax": ([_n("Softmax", "x", "a", axis=1), _n("LogSoftmax", "a")], IMAGE, {}),
    "arithmetic": ([_n("Sub", "c x", "a"), _n("Div", "a d", "b"), _n("Mul", "b x", "e"), _n("Sum", "e x c")], IMAGE,
                   {"c": _weights(4, 1, 1), "d": np.float64(3.0).astype(np.float32)}),
    "concat": ([_n("Relu", output="a"), _n("Concat", "a x x", axis=-1)], IMAGE, {}),
    "slices": ([_n("Slice", "x s e a t")], IMAGE,
               {"s": _i(0, 1, -6), "e": _i(2**63 - 1, -1, 100), "a": _i(0, 2, -1), "t": _i(1, 2, 3)}),
    "split": ([_n("Split", "x", "a b c", axis=2, num_outputs=3), _n("Sub", "c a")], IMAGE, {}),
    "gather": ([_n("Gather", "x i", "a", axis=1), _n("Gather", "a j", axis=-1)], IMAGE,
               {"i": np.array(-1), "j": _i(1, 2, 3)}),
    "pad": ([_n("Pad", "x p v a")], IMAGE, {"p": _i(1, 2, 0, 1), "v": np.float32(0.5), "a": _i(-1, 1)}),
    "transpose": ([_n("Transpose", perm=[0, 2, 3, 1])], IMAGE, {}),
    "squeeze": ([_n("Unsqueeze", "x a", "b"), _n("Relu", "b", "c"), _n("Squeeze", "c d")], FLAT,
                {"a": _i(1, -1), "d": _i(3)}),
    "reshape": ([_n("Reshape", "x a", "b"), _n("Relu", "b", "c"), _n("Reshape", "c d")], IMAGE,
                {"a": _i(0, 0, -1), "d": _i(-1, 7, 24)}),
    "shapes": ([_n("Shape", output="s"), _n("Gather", "s zero", "n"), _n("Unsqueeze", "n axis", "u"),
                _n("Mul", "u six", "m"), _n("Div", "m six", "k"), _n("Concat", "k rest", "t", axis=0),
                _n("Reshape", "x t")], IMAGE, {"zero": np.array(0), "axis": _i(0), "six": _i(6), "rest": _i(-1, 2)}),
    "ones for all images": ([_n("Shape", output="s"),
                             _n("ConstantOfShape", "s", "o", value=numpy_helper.from_array(np.float32([2]))),
                             _n("Mul", "o x")], IMAGE, {}),
    "expand": ([_n("Shape", output="s"), _n("Reshape", "x t", "a"), _n("Expand", "a s", "e"), _n("Add", "e a")],
               ["n", 4, 1], {"t": _i(0, 1, 4)}),
    "identities": ([_n("Identity", output="a"), _n("Dropout", "a", "b"), _n("Cast", "b", "c", to=1), _n("Relu", "c")],
                   FLAT, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operators(case: str, tmp_path: Path) -> None:
    """Every operator against the reference implementation of onnx, with free and with fixed batch."""
    nodes, shape, constants = CASES[case]
    expected = ReferenceEvaluator(_model(nodes, shape, constants))
    for batch in ("n", 3):
        graph = capture(_write(tmp_path / "case.onnx", nodes, [batch, *shape[1:]], constants))
        for images in (1, 3, 4):
            x = torch.randn(images, *shape[1:], generator=torch.Generator().manual_seed(images))
            (y,) = expected.run(None, {"x": x.numpy()})
            torch.testing.assert_close(float_values(graph, x)[graph.output], torch.tensor(y), rtol=1e-4, atol=1e-5)
            assert graph[graph.output].shape == tuple(y.shape[1:])


def test_matrices_without_names(tmp_path: Path) -> None:
    """A weight that has a number for a name, or none, is called after its output; shared ones are told apart."""
    nodes = [_n("MatMul", "x onnx::MatMul_7", "a"), _n("Transpose", "w", "t"), _n("MatMul", "a t", "b"),
             _n("MatMul", "b w", "c"), _n("Relu", "c")]  # fmt: skip
    constants = {"onnx::MatMul_7": _weights(6, 6), "w": _weights(6, 6)}
    graph = read_onnx(_write(tmp_path / "names.onnx", nodes, FLAT, constants))
    assert [n.name for n in graph.matrix_nodes()] == ["a", "w", "w#2"]


@pytest.mark.parametrize("element", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_precision_is_read_as_float32(element: int, tmp_path: Path) -> None:
    kind = helper.tensor_dtype_to_np_dtype(element)
    weight = _weights(6, 3).astype(kind)
    path = _write(tmp_path / "kind.onnx", [_n("MatMul", "x w")], FLAT, {"w": weight}, element=element)
    graph = read_onnx(path)
    assert all(t.dtype == torch.float32 for t in graph.tensors.values())
    assert torch.equal(graph.tensors["w"], torch.from_numpy(weight.astype(np.float32)).T)


def test_functions_are_inlined(tmp_path: Path) -> None:
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Neg", ["b"], ["c"])]
    function = helper.make_function("mine", "F", ["a"], ["c"], body, [helper.make_opsetid("", 18)])
    model = _model([helper.make_node("F", ["x"], ["y"], domain="mine")], FLAT)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.functions.append(function)
    onnx.save(model, str(tmp_path / "f.onnx"))
    assert [n.op for n in read_onnx(tmp_path / "f.onnx").nodes[1:]] == ["aten.relu.default", "aten.neg.default"]


def test_external_data(tmp_path: Path) -> None:
    """Weights may lie beside the file, but not elsewhere."""
    path = tmp_path / "sub" / "net.onnx"
    path.parent.mkdir()
    weight = _weights(6, 3)
    model = _model([_n("MatMul", "x w")], FLAT, {"w": weight})
    onnx.save(model, str(path), save_as_external_data=True, location="net.data", size_threshold=0)
    assert torch.equal(read_onnx(path).tensors["w"], torch.from_numpy(weight).T)
    (tmp_path / "net.data").write_bytes((path.parent / "net.data").read_bytes())
    model = onnx.load(str(path), load_external_data=False)
    for place in ("../net.data", str(tmp_path / "net.data"), "nowhere.data"):
        model.graph.initializer[0].external_data[0].value = place
        path.write_bytes(model.SerializeToString())
        with pytest.raises(FileError, match=r"net\.onnx is not a sound ONNX model .*; export it anew"):
            read_onnx(path)


_SMALL: dict[str, Any] = {"w": _weights(6, 3)}
WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "all operators at once": (
        lambda p: _write(p, [helper.make_node("Sin", ["x"], ["a"], name="wave"), _n("Relu", "a", "b"),
                             _n("Cos", "b", "c"), _n("MatMul", "c w")], FLAT, _SMALL),
        r"cannot run: Sin at 'wave', output 'a'; Cos at 'c'; replace these"),
    "weights of the input": (
        lambda p: _write(p, [_n("Transpose", output="t", perm=[0, 2, 1]), _n("MatMul", "x t")], ["n", 3, 4]),
        r"MatMul at 'y' \(a weight that is computed from the input; a tile holds fixed weights\)"),
    "constant on the left": (
        lambda p: _write(p, [_n("MatMul", "w x")], FLAT, {"w": _weights(3, 5)}), "a constant on its left"),
    "1-d convolution": (
        lambda p: _write(p, [_n("Conv", "x w")], ["n", 3, 4], {"w": _weights(2, 3, 2)}),
        r"Conv at 'y' \(a convolution in 1 dimensions"),
    "lone erf": (lambda p: _write(p, [_n("Erf")], FLAT), r"Erf at 'y' \(not part of an exact GELU\)"),
    "two inputs": (
        lambda p: _write(p, [_n("Add", "x z")], FLAT, inputs=("x", "z")),
        r"2 inputs \('x', 'z'; a network must have one input tensor\)"),
    "two outputs": (
        lambda p: _write(p, [_n("Relu"), _n("Neg", "x", "z")], FLAT, outputs=("y", "z")),
        "2 outputs .a network must return one tensor"),
    "second output": (
        lambda p: _write(p, [_n("MaxPool", output="a i", kernel_shape=[1, 1]), _n("Cast", "i", to=1)], IMAGE),
        "reads 'i', which is not the first output"),
    "free sizes": (lambda p: _write(p, [_n("Relu")], ["n", 3, "h", "w"]), r"shape \[n, 3, h, w\]"),
    "integers": (
        lambda p: _write(p, [_n("Neg")], FLAT, element=TensorProto.INT64), "'x', which is not of floating-point"),
    "foreign operators": (
        lambda p: _write(p, [helper.make_node("Relu", ["x"], ["y"], domain="theirs")], FLAT), "not a sound ONNX"),
    "softmax over images": (lambda p: _write(p, [_n("Softmax", axis=0)], FLAT), "mixes the images of a batch"),
    "transposed batch": (lambda p: _write(p, [_n("Transpose")], FLAT), "mixes the images of a batch"),
    "reshaped batch": (
        lambda p: _write(p, [_n("Reshape", "x s")], IMAGE, {"s": _i(-1, 7)}), "mixes the images of a batch"),
    "one image": (
        lambda p: _write(p, [_n("Slice", "x s e a")], IMAGE, {"s": _i(0), "e": _i(1), "a": _i(0)}),
        "takes some images"),
    "broadcast batch": (
        lambda p: _write(p, [_n("Add", "x c")], ["n", 6], {"c": _weights(3, 1, 6)}), "shapes or attributes do not fit"),
    "reflection": (
        lambda p: _write(p, [_n("Pad", "x p", mode="reflect")], FLAT, {"p": _i(0, 1, 0, 1)}), "mode='reflect'"),
    "uneven average": (
        lambda p: _write(p, [_n("AveragePool", kernel_shape=[2, 2], pads=[0, 0, 1, 1])], IMAGE), "differ between"),
    "training": (
        lambda p: _write(p, [_n("Dropout", "x r t")], FLAT, {"r": np.float32(0.5), "t": np.array(True)}),
        "in evaluation mode"),
    "no shape that fits": (
        lambda p: _write(p, [_n("Gemm", "x w")], ["n", 5], _SMALL), r"Gemm at 'y' \(its shapes or attributes do not"),
    "integer cast": (
        lambda p: _write(p, [_n("CastLike", "x i", "a"), _n("Cast", "a", to=1)], FLAT, {"i": _i(1)}),
        r"CastLike at 'a' \(a cast to something else"),
    "constant output": (
        lambda p: _write(p, [_n("Identity", "w"), _n("Relu", output="z")], FLAT, _SMALL), "does not depend on the"),
    "huge constant": (
        lambda p: _write(p, [_n("ConstantOfShape", "s", "c"), _n("Add", "x c")], FLAT, {"s": _i(1 << 40, 6)}),
        "too large"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_networks(case: str, tmp_path: Path) -> None:
    write, message = WRONG[case]
    with pytest.raises((UnsupportedOpError, FileError), match=message) as error:
        read_onnx(write(tmp_path / "net.onnx"))
    assert "\n" not in str(error.value)


def test_wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    with pytest.raises(FileError, match=r"net\.onnx does not exist; give an \.onnx file"):
        read_onnx(path)
    _write(path, [_n("MatMul", "x w")], FLAT, _SMALL)
    whole = path.read_bytes()
    for content in (b"", b"not a network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"^[^\n]*net\.onnx is not a sound ONNX model \([^\n]*\); export it anew"):
            read_onnx(path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(FileError, match=r'needs the package onnx.*; run pip install "mho\[onnx\]"'):
        read_onnx(path)
