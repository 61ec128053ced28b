"""read_onnx: an ONNX file becomes the `Graph` that capture makes of the same network in PyTorch.

Every ONNX value is either `_Known` (weights, shape arithmetic) or the output of a node of the graph. What is known is
kept for two numbers of images: what differs between the two depends on the batch, whichever way it was computed.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mho.core import FileError, UnsupportedOpError
from mho.ir import Batch, Const, Graph, Node, Ref, is_supported, run_digital

from ._fold import rename

_BATCHES = (61, 67)
_FLOATS = (1, 10, 11, 16)  # the element types float, float16, double, bfloat16
_ANONYMOUS = re.compile(r"onnx::.*|val_\d+|\d+")  # names that exporters number through
_MOST = 1 << 28
_MIXES = "it mixes the images of a batch"


def read_onnx(path: Path) -> Graph:
    """Read an ONNX file. The first dimension of its one input is the batch, whether free or fixed in the file.

    Raises:
        FileError: if the file is missing, damaged or foreign, or the package `onnx` is not installed.
        UnsupportedOpError: if it holds what neither tile nor digital unit can run; names all of it.
    """
    if not path.is_file():
        raise FileError(f"{path} does not exist; give an .onnx file")
    try:
        import onnx
        import onnx.inliner
    except ImportError:
        raise FileError(
            f'reading {path} needs the package onnx, which is not installed; run pip install "mho[onnx]"'
        ) from None
    try:
        onnx.checker.check_model(str(path))  # also refuses external data outside the folder of the file
        model = onnx.load(str(path))
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        reader = _Reader(model)
    except Exception as error:  # protobuf, the checker and the file system raise many kinds
        raise FileError(
            f"{path} is not a sound ONNX model ({_first_line(error)}); export it anew, with its external data beside it"
        ) from None
    return reader.read()


@dataclasses.dataclass(frozen=True)
class _Known:
    """What the images' content does not change: its value for each of `_BATCHES`; `name` is that of an initialiser."""

    arrays: tuple[Any, Any]
    name: str = ""

    @property
    def array(self) -> Any:
        if self.arrays[0] is not self.arrays[1]:
            raise UnsupportedOpError("a value that depends on the number of images")
        return self.arrays[0]

    @property
    def scalar(self) -> float:
        return float(np.asarray(self.array).reshape(()))

    @property
    def tensor(self) -> Tensor:
        return torch.from_numpy(np.array(self.array, dtype=np.float32))


def _known(a: Any, b: Any, name: str = "") -> _Known:
    return _Known((a, a) if a is b or (a.dtype == b.dtype and np.array_equal(a, b)) else (a, b), name)


@dataclasses.dataclass(frozen=True)
class _Op:
    """One ONNX operator: its inputs resolved (None: left out), its attributes as Python values."""

    kind: str
    output: str
    outputs: tuple[str, ...]
    inputs: tuple[str | _Known | None, ...]
    attributes: dict[str, Any]

    def get(self, i: int) -> str | _Known | None:
        return self.inputs[i] if i < len(self.inputs) else None

    @property
    def data(self) -> str:
        """The name of the node that is the first input."""
        if not isinstance(self.inputs[0], str):
            raise UnsupportedOpError("a constant as its first input")
        return self.inputs[0]

    def constant(self, i: int, what: str = "an argument") -> _Known | None:
        """The i-th input, which must not be computed from the images."""
        value = self.get(i)
        if isinstance(value, str):
            hint = "; a tile holds fixed weights" if "weight" in what else ""
            raise UnsupportedOpError(f"{what} that is computed from the input{hint}")
        return value

    def required(self, i: int, what: str) -> _Known:
        """The i-th input, which must be there and not be computed from the images."""
        value = self.constant(i, what)
        if value is None:
            raise UnsupportedOpError(f"{what} that is left out")
        return value

    def ints(self, name: str, i: int) -> list[int] | None:
        """A list that older versions of an operator have as attribute, newer ones as i-th input."""
        if name in self.attributes:
            return [int(v) for v in self.attributes[name]]
        value = self.constant(i)
        return None if value is None else [int(v) for v in np.asarray(value.array).reshape(-1)]

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def refuse(self, **allowed: Any) -> None:
        """Raise if an attribute is given and has another value than the allowed one."""
        for name, value in allowed.items():
            given = self.attributes.get(name, value)
            if given != value:
                raise UnsupportedOpError(f"{name}={given!r}")


class _Reader:
    """Translates the nodes of a model one after another."""

    def __init__(self, model: Any) -> None:
        import onnx

        graph = model.graph
        self.opsets = {i.domain or "ai.onnx": int(i.version) for i in model.opset_import}
        self.opset = self.opsets.get("ai.onnx", 1)
        self.todo = list(graph.node)
        self.nodes: dict[str, Node] = {}
        self.tensors: dict[str, Tensor] = {}
        self.problems: list[str] = []
        self.values: dict[str, str | _Known | None] = {}
        for initialiser in graph.initializer:
            array = onnx.numpy_helper.to_array(initialiser)
            self.values[initialiser.name] = _Known((array, array), initialiser.name)
        if graph.sparse_initializer:
            self.problems.append("sparse initialisers (store them dense)")
        inputs = [i for i in graph.input if i.name not in self.values]
        if len(inputs) != 1:
            names = ", ".join(repr(i.name) for i in inputs)
            self.problems.append(f"{len(inputs)} inputs ({names}; a network must have one input tensor)")
        if len(graph.output) != 1:
            self.problems.append(f"{len(graph.output)} outputs (a network must return one tensor)")
        self.output = graph.output[0].name if graph.output else ""
        self.batch = 0  # as fixed in the file; 0 if it is free
        for value in inputs:
            self.values[value.name] = self._input(value)

    def _input(self, value: Any) -> str | None:
        kind = value.type.tensor_type
        sizes = [int(d.dim_value) if d.HasField("dim_value") else 0 for d in kind.shape.dim]
        if kind.elem_type not in _FLOATS:
            self.problems.append(f"input {value.name!r}, which is not of floating-point numbers")
        elif len(sizes) < 2 or min(sizes[1:]) < 1:
            given = ", ".join(str(d.dim_value or d.dim_param or "?") for d in kind.shape.dim)
            self.problems.append(f"input {value.name!r} of shape [{given}] (all sizes but the first must be fixed)")
        else:
            self.batch = sizes[0]
            self.nodes[value.name] = Node(value.name, "input", tuple(sizes[1:]))
            return value.name
        return None

    def read(self) -> Graph:
        """Translate all nodes, then say all problems at once or return the graph."""
        for node in self.todo:
            try:
                self._translate(node)
            except UnsupportedOpError as error:
                self._problem(node, f" ({error})" if str(error) else "")
            except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
                self._problem(node, f" (its shapes or attributes do not fit: {_first_line(error)})")
        output = self.values.get(self.output)
        if isinstance(output, _Known):
            self.problems.append(f"output {self.output!r}, which does not depend on the input")
        graph = Graph((), "", {})
        if isinstance(output, str) and not self.problems:
            graph = _with_bias(_reachable(Graph(tuple(self.nodes.values()), output, self.tensors)))
            left = [n.name for n in graph.nodes if not n.is_matrix and n.op != "input" and not is_supported(n.op)]
            self.problems += [f"Erf at {name!r} (not part of an exact GELU)" for name in left]
        if self.problems or not graph.nodes:
            raise UnsupportedOpError(
                f"the network holds what this chip cannot run: {'; '.join(self.problems)}; "
                "replace these, or run that part of the network outside mho"
            )
        return _named_by_weight(graph)

    def _problem(self, node: Any, why: str) -> None:
        output = next((o for o in node.output if o), "")
        place = f"{node.name!r}, output {output!r}" if node.name and node.name != output else f"{output!r}"
        domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
        self.problems.append(f"{domain}{node.op_type} at {place}{why}")
        self.values.update(dict.fromkeys(node.output))

    def _translate(self, node: Any) -> None:
        import onnx

        kind = node.op_type
        known_kind = kind in _HANDLERS or kind in _FOLDED_ONLY
        if node.domain not in ("", "ai.onnx") or not known_kind:
            raise UnsupportedOpError("")
        missing = [i for i in node.input if i and i not in self.values]
        if missing:
            raise UnsupportedOpError(f"it reads {missing[0]!r}, which is not the first output of its operator")
        inputs = tuple(self.values[i] if i else None for i in node.input)
        if any(i and self.values[i] is None for i in node.input):  # after a problem that is already told
            self.values.update(dict.fromkeys(node.output))
            return
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        op = _Op(kind, node.output[0], tuple(node.output), inputs, attributes)
        if all(not isinstance(i, str) for i in inputs):
            self._fold(node, [i for i in inputs if isinstance(i, _Known)])
        elif kind in ("Shape", "Size"):
            self.values[op.output] = self._shape_value(op)
        elif kind == "CastLike":  # data are floating-point numbers: so must be what they are cast like
            value, like = inputs
            if isinstance(like, _Known) and like.array.dtype.kind in "iub":
                raise UnsupportedOpError("a cast to something else than floating point")
            if isinstance(value, _Known):
                value = _known(*(a.astype(np.float32) for a in value.arrays), value.name)
            self.values[op.output] = value
        elif kind in _HANDLERS:
            self.values[op.output] = _HANDLERS[kind](self, op)
        else:
            raise UnsupportedOpError("it can only work on constants")

    def _shape_value(self, op: _Op) -> _Known:
        sizes = [np.array([b, *self.shape(op.data)], dtype=np.int64) for b in _BATCHES]
        if op.kind == "Size":
            return _known(sizes[0].prod(), sizes[1].prod())
        part = slice(op.attributes.get("start", 0), op.attributes.get("end"))
        return _known(sizes[0][part], sizes[1][part])

    def _fold(self, node: Any, inputs: list[_Known]) -> None:
        """Compute a node of known inputs with the reference implementation that comes with onnx."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        names = [i for i in node.input if i]
        if node.op_type in ("ConstantOfShape", "Expand", "Tile"):
            sizes = np.asarray(inputs[-1].arrays[1], dtype=np.float64)
            if np.prod(sizes) * (inputs[0].arrays[1].size if node.op_type == "Tile" else 1) > _MOST:
                raise UnsupportedOpError("a constant that is too large")
        info = [onnx.helper.make_value_info(n, onnx.TypeProto()) for n in dict.fromkeys(names)]
        outputs = [onnx.helper.make_value_info(n, onnx.TypeProto()) for n in node.output if n]
        opsets = [onnx.helper.make_opsetid("" if d == "ai.onnx" else d, v) for d, v in self.opsets.items()]
        graph = onnx.helper.make_graph([node], "fold", info, outputs)
        try:
            run = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=opsets)).run
            batches = (0,) if all(i.arrays[0] is i.arrays[1] for i in inputs) else (0, 1)
            with np.errstate(all="ignore"):
                results: list[Any] = [
                    run(None, {n: i.arrays[b] for n, i in zip(names, inputs, strict=True)}) for b in batches
                ]
        except Exception as error:
            raise UnsupportedOpError(f"its constants cannot be computed: {_first_line(error)}") from None
        name = inputs[0].name if node.op_type in ("Identity", "Transpose", "Cast", "Dropout") else ""
        for output, a, b in zip([o for o in node.output if o], results[0], results[-1], strict=True):
            self.values[output] = _known(np.asarray(a), np.asarray(b), name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of one image at a node."""
        return self.nodes[name].shape

    def axis(self, value: int, name: str) -> int:
        """Return an axis of a node's output counted from the front; the batch is none to work along."""
        rank = len(self.shape(name)) + 1
        if not -rank <= value < rank:
            raise UnsupportedOpError(f"axis {value} of a tensor with {rank}")
        if value % rank == 0:
            raise UnsupportedOpError(_MIXES)
        return value % rank

    def keep(self, name: str, tensor: Tensor) -> str:
        """Keep a tensor under its name, or a numbered one where that is taken by another tensor."""
        key, use = name, 1
        while key in self.tensors and not torch.equal(self.tensors[key], tensor):
            use += 1
            key = f"{name}#{use}"
        self.tensors[key] = tensor
        return key

    def operand(self, op: _Op, i: int) -> Ref | Const:
        """Return the i-th input of an element-wise operator."""
        value = op.inputs[i]
        if isinstance(value, str):
            return Ref(value)
        if value is None:
            raise UnsupportedOpError("an input that is left out")
        a, b = value.arrays
        if a is not b and a.ndim and (a.shape[0], b.shape[0]) == _BATCHES and (a == a[:1]).all() and (a[0] == b).all():
            value = _known(a[:1], a[:1], value.name)  # the same for all images
        return Const(self.keep(value.name or f"{op.output}.{i}", value.tensor))

    def emit(self, op: str, name: str, *args: Any, **kwargs: Any) -> str:
        """Add a digital node; its shape is found by running it on tensors without data, for two batch sizes."""
        flat = list(_leaves(args))
        inputs = tuple(dict.fromkeys(a.node for a in flat if isinstance(a, Ref)))
        tensors = {a.tensor: self.tensors[a.tensor].to("meta") for a in flat if isinstance(a, Const)}
        node = Node(self._fresh(name), op, (), inputs, args, tuple(kwargs.items()))
        shapes: list[tuple[int, ...]] = []
        for batch in _BATCHES:
            values = {i: torch.empty((1, batch, *self.shape(i)), device="meta") for i in inputs}
            shapes.append(tuple(run_digital(node, values, tensors).shape[2:]))
        if shapes[0] != shapes[1]:
            raise UnsupportedOpError(_MIXES)
        self.nodes[node.name] = dataclasses.replace(node, shape=shapes[0])
        return node.name

    def matrix(self, op: _Op, x: str, weight: Tensor, known: _Known, bias: _Known | None, **fields: Any) -> str:
        """Add a node whose weights sit in tiles; its weight is named after the initialiser, else after its output."""
        given, bias_name = known.name, bias.name if bias else ""
        if not given or _ANONYMOUS.fullmatch(given):
            path = bias_name.removesuffix(".bias") if bias_name.endswith(".bias") else op.output
            given = f"{path}.weight"
        sample = torch.empty((2, *self.shape(x)), device="meta")
        convolution = weight.dim() == 4
        if convolution:
            out = F.conv2d(sample, weight.to("meta"), None, **fields)
        else:
            out = F.linear(sample, weight.to("meta"))
        node = Node(
            self._fresh(op.output),
            "conv2d" if convolution else "linear",
            tuple(out.shape[1:]),
            (x,),
            weight=self.keep(given, weight),
            bias=self.keep(bias_name or f"{op.output}.bias", bias.tensor.reshape(-1)) if bias else "",
            **fields,
        )
        if bias and self.tensors[node.bias].shape != weight.shape[:1]:
            raise UnsupportedOpError(f"a bias of shape {list(bias.array.shape)} for {len(weight)} outputs")
        self.nodes[node.name] = node
        return node.name

    def view(self, op: _Op, dims: list[int]) -> str:
        """Give each image another shape."""
        shape = self.shape(op.data)
        if math.prod(dims) != math.prod(shape):
            raise UnsupportedOpError(_MIXES)
        if tuple(dims) == shape:
            return op.data
        if len(dims) == 1:
            return self.emit("aten.flatten.using_ints", op.output, Ref(op.data), 1)
        return self.emit("aten.reshape.default", op.output, Ref(op.data), (Batch(), *dims))

    def is_batch(self, sizes: tuple[int, int]) -> bool:
        """Whether a size, computed for each of `_BATCHES`, is the number of images."""
        return sizes == _BATCHES or (self.batch > 0 and sizes == (self.batch, self.batch))

    def _fresh(self, name: str) -> str:
        fresh, use = name, 1
        while fresh in self.nodes:
            use += 1
            fresh = f"{name}#{use}"
        return fresh


# The handlers: each adds nodes to the graph and returns the name of the node that is the operator's first output.


def _conv(r: _Reader, op: _Op) -> str:
    weight, bias = op.required(1, "a weight"), op.constant(2, "a bias")
    spatial = weight.array.ndim - 2
    if spatial != 2:
        raise UnsupportedOpError(f"a convolution in {spatial} dimensions; a tile takes those in 2")
    kernel = tuple(int(k) for k in weight.array.shape[2:])
    strides, dilations = _pair(op, "strides"), _pair(op, "dilations")
    x, padding = _padded(r, op, kernel, strides, dilations, 0.0)
    fields: dict[str, Any] = {"stride": strides, "padding": padding, "dilation": dilations}
    return r.matrix(op, x, weight.tensor, weight, bias, groups=int(op.attributes.get("group", 1)), **fields)


def _gemm(r: _Reader, op: _Op) -> str:
    weight = op.required(1, "a weight")
    if op.attributes.get("transA", 0):
        raise UnsupportedOpError(f"transA=1: {_MIXES}")
    matrix = weight.tensor if op.attributes.get("transB", 0) else weight.tensor.T
    alpha, beta = float(op.attributes.get("alpha", 1.0)), float(op.attributes.get("beta", 1.0))
    added = op.get(2)
    if isinstance(added, str) and beta == 0.0:
        added = None
    bias = None
    if isinstance(added, _Known):
        bias = _bias((beta * added.tensor.double()).float(), len(matrix), added.name)
    name = r.matrix(op, op.data, (alpha * matrix.double()).float().contiguous(), weight, bias)
    if isinstance(added, str):
        scaled = added if beta == 1.0 else r.emit("aten.mul.Scalar", f"{op.output}.beta", Ref(added), beta)
        return r.emit("aten.add.Tensor", f"{op.output}.add", Ref(name), Ref(scaled))
    return name


def _bias(values: Tensor, outputs: int, name: str) -> _Known:
    """Return a bias of so many outputs from what broadcasts along the last dimension only."""
    if values.numel() not in (1, outputs) or (values.dim() and values.shape[-1] != values.numel()):
        raise UnsupportedOpError(f"an addend of shape {list(values.shape)}, which differs from image to image")
    array = values.reshape(-1).expand(outputs).numpy().copy()
    return _Known((array, array), name)


def _matmul(r: _Reader, op: _Op) -> str:
    if not isinstance(op.get(0), str):
        raise UnsupportedOpError("a constant on its left; a tile holds the right-hand matrix")
    weight = op.required(1, "a weight")
    if weight.array.ndim != 2:
        raise UnsupportedOpError(f"a weight in {weight.array.ndim} dimensions")
    return r.matrix(op, op.data, weight.tensor.T.contiguous(), weight, None)


def _batch_norm(r: _Reader, op: _Op) -> str:
    op.refuse(training_mode=0, spatial=1)
    parts: list[Const] = []
    for i, what in enumerate(("scale", "shift", "mean", "variance"), start=1):
        known = op.required(i, f"a {what}")
        parts.append(Const(r.keep(known.name or f"{op.output}.{what}", known.tensor)))
    eps = float(op.attributes.get("epsilon", 1e-5))
    return r.emit("aten.batch_norm.default", op.output, Ref(op.data), *parts, False, 0.1, eps, True)


def _layer_norm(r: _Reader, op: _Op) -> str:
    axis = r.axis(int(op.attributes.get("axis", -1)), op.data)
    dims = r.shape(op.data)[axis - 1 :]
    parts: list[Const | None] = []
    for i, what in enumerate(("scale", "shift"), start=1):
        known = op.constant(i, f"a {what}")
        tensor = None if known is None else known.tensor.expand(dims).contiguous()
        name = (known.name if known else "") or f"{op.output}.{what}"
        parts.append(None if tensor is None else Const(r.keep(name, tensor)))
    eps = float(op.attributes.get("epsilon", 1e-5))
    return r.emit("aten.layer_norm.default", op.output, Ref(op.data), dims, *parts, eps)


def _unary(name: str, **attributes: float) -> Callable[[_Reader, _Op], str]:
    def handle(r: _Reader, op: _Op) -> str:
        values = [float(op.attributes.get(a, default)) for a, default in attributes.items()]
        return r.emit(f"aten.{name}.default", op.output, Ref(op.data), *values)

    return handle


def _clip(r: _Reader, op: _Op) -> str:
    bounds: list[float | None] = []
    for i, what in enumerate(("min", "max"), start=1):
        known = op.constant(i, "a bound")
        value = op.attributes.get(what) if known is None else known.scalar
        bounds.append(None if value is None or abs(value) > 3.4e38 else float(value))
    if bounds == [None, None]:
        return op.data
    return r.emit("aten.clamp.default", op.output, Ref(op.data), *bounds)


def _hard_sigmoid(r: _Reader, op: _Op) -> str:
    alpha, beta = float(op.attributes.get("alpha", 0.2)), float(op.attributes.get("beta", 0.5))
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return r.emit("aten.hardsigmoid.default", op.output, Ref(op.data))
    scaled = r.emit("aten.mul.Scalar", f"{op.output}.alpha", Ref(op.data), alpha)
    shifted = r.emit("aten.add.Scalar", f"{op.output}.beta", Ref(scaled), beta)
    return r.emit("aten.clamp.default", op.output, Ref(shifted), 0.0, 1.0)


def _gelu(r: _Reader, op: _Op) -> str:
    kwargs = {"approximate": "tanh"} if op.text("approximate", "none") == "tanh" else {}
    return r.emit("aten.gelu.default", op.output, Ref(op.data), **kwargs)


def _softmax(r: _Reader, op: _Op) -> str:
    axis = r.axis(int(op.attributes.get("axis", 1 if r.opset < 13 else -1)), op.data)
    if r.opset < 13 and math.prod(r.shape(op.data)[axis:]) != 1:
        raise UnsupportedOpError(f"the meaning before opset 13 of axis {axis}; export with opset 13 or later")
    name = "softmax" if op.kind == "Softmax" else "log_softmax"
    return r.emit(f"aten.{name}.int", op.output, Ref(op.data), axis)


def _elementwise(name: str) -> Callable[[_Reader, _Op], str]:
    def handle(r: _Reader, op: _Op) -> str:
        args = (r.operand(op, 0), r.operand(op, 1))
        if name == "mul":
            source = _gelu_source(r, *args)
            if source:
                return r.emit("aten.gelu.default", op.output, Ref(source))
        return r.emit(f"aten.{name}.Tensor", op.output, *args)

    return handle


def _gelu_source(r: _Reader, a: Any, b: Any) -> str:
    """Return x if the product of a and b is 0.5 x (1 + erf(x / sqrt 2)), however bracketed; else nothing."""

    def made_by(arg: Any, op: str) -> tuple[Any, ...]:
        node = r.nodes[arg.node] if isinstance(arg, Ref) else None
        return node.args if node is not None and node.op == op else ()

    def is_number(arg: Any, number: float) -> bool:
        tensor = r.tensors[arg.tensor] if isinstance(arg, Const) else torch.empty(0)
        return tensor.numel() == 1 and math.isclose(float(tensor), number, rel_tol=1e-3)

    for factors in ((*made_by(a, "aten.mul.Tensor"), b), (a, *made_by(b, "aten.mul.Tensor"))):
        rest = [f for f in factors if not is_number(f, 0.5)]
        for x, grown in (rest, rest[::-1]) if len(factors) == 3 and len(rest) == 2 else ():
            terms = made_by(grown, "aten.add.Tensor")
            for erf in [t for t in terms if any(is_number(o, 1.0) for o in terms if o is not t)]:
                inside = (made_by(erf, "aten.erf.default") or (None,))[0]
                divided, multiplied = made_by(inside, "aten.div.Tensor"), made_by(inside, "aten.mul.Tensor")
                if (divided and divided[0] == x and is_number(divided[1], math.sqrt(2))) or (
                    x in multiplied and any(is_number(m, math.sqrt(0.5)) for m in multiplied)
                ):
                    return x.node if isinstance(x, Ref) else ""
    return ""


def _sum(r: _Reader, op: _Op) -> str:
    total = r.operand(op, 0)
    for i in range(1, len(op.inputs)):
        total = Ref(r.emit("aten.add.Tensor", op.output, total, r.operand(op, i)))
    return total.node if isinstance(total, Ref) else ""


def _concat(r: _Reader, op: _Op) -> str:
    parts = [i for i in op.inputs if isinstance(i, str)]
    if len(parts) != len(op.inputs):
        raise UnsupportedOpError("a constant among its inputs; pad with a constant instead")
    axis = r.axis(int(op.attributes.get("axis", 1)), parts[0])
    return r.emit("aten.cat.default", op.output, tuple(Ref(p) for p in parts), axis)


def _pair(op: _Op, name: str) -> tuple[int, int]:
    values = [int(v) for v in op.attributes.get(name, (1, 1))]
    if len(values) != 2:
        raise UnsupportedOpError(f"{name}={values}; it must have 2 values")
    return (values[0], values[1])


def _padded(
    r: _Reader,
    op: _Op,
    kernel: tuple[int, ...],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    fill: float | None,
) -> tuple[str, tuple[int, int]]:
    """Return the input and its symmetric padding; what is not symmetric becomes a node before. No fill: refuse it."""
    size = r.shape(op.data)
    if len(size) != 3 or len(kernel) != 2:
        raise UnsupportedOpError(
            f"an input in {len(size) + 1} dimensions; it must be [images, channels, height, width]"
        )
    mode = op.text("auto_pad", "NOTSET")
    pads = [int(p) for p in op.attributes.get("pads", (0, 0, 0, 0))]
    if mode == "VALID":
        pads = [0, 0, 0, 0]
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        for i in (0, 1):
            reach = (math.ceil(size[1 + i] / strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
            total = max(reach - size[1 + i], 0)
            before = total // 2 if mode == "SAME_UPPER" else total - total // 2
            pads[i], pads[2 + i] = before, total - before
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return op.data, (top, left)
    if fill is None:
        raise UnsupportedOpError(f"pads={pads} that differ between the sides and do not count as elements")
    pad = (left, right, top, bottom)
    return r.emit("aten.constant_pad_nd.default", f"{op.output}.pad", Ref(op.data), pad, fill), (0, 0)


def _pool(r: _Reader, op: _Op) -> str:
    kernel, strides, dilations = _pair(op, "kernel_shape"), _pair(op, "strides"), _pair(op, "dilations")
    ceil = bool(op.attributes.get("ceil_mode", 0))
    if op.kind == "MaxPool":
        x, padding = _padded(r, op, kernel, strides, dilations, float(torch.finfo(torch.float32).min))
        return r.emit("aten.max_pool2d.default", op.output, Ref(x), kernel, strides, padding, dilations, ceil)
    if dilations != (1, 1):
        raise UnsupportedOpError(f"dilations={list(dilations)}")
    counted = bool(op.attributes.get("count_include_pad", 0))
    x, padding = _padded(r, op, kernel, strides, dilations, 0.0 if counted else None)
    return r.emit("aten.avg_pool2d.default", op.output, Ref(x), kernel, strides, padding, ceil, counted)


def _global_average(r: _Reader, op: _Op) -> str:
    if len(r.shape(op.data)) == 3:
        return r.emit("aten.adaptive_avg_pool2d.default", op.output, Ref(op.data), (1, 1))
    return r.emit("aten.mean.dim", op.output, Ref(op.data), tuple(range(2, len(r.shape(op.data)) + 1)), True)


def _reduce(r: _Reader, op: _Op) -> str:
    axes = op.ints("axes", 1)
    if not axes:
        if op.attributes.get("noop_with_empty_axes", 0):
            return op.data
        raise UnsupportedOpError(_MIXES)
    dims = tuple(sorted(r.axis(a, op.data) for a in axes))
    name = "mean.dim" if op.kind == "ReduceMean" else "sum.dim_IntList"
    return r.emit(f"aten.{name}", op.output, Ref(op.data), dims, bool(op.attributes.get("keepdims", 1)))


def _flatten(r: _Reader, op: _Op) -> str:
    if r.axis(int(op.attributes.get("axis", 1)), op.data) != 1:
        raise UnsupportedOpError(_MIXES)
    return r.view(op, [math.prod(r.shape(op.data))])


def _sizes(r: _Reader, op: _Op, copies_zeros: bool) -> list[int]:
    """Return the wanted sizes behind the first one, which must be the number of images; -1 stays."""
    known = op.constant(1, "a shape")
    if known is None:
        wanted = [[int(v) for v in op.attributes["shape"]]] * 2
    else:
        wanted = [[int(v) for v in np.asarray(a).reshape(-1)] for a in known.arrays]
    shape = r.shape(op.data)
    for batch, values in zip(_BATCHES, wanted, strict=True):
        for i, v in enumerate(values):
            if v == 0 and copies_zeros:
                values[i] = (batch, *shape)[i]
    (first, *rest), (second, *others) = wanted
    # -1 for the batch: whoever asks checks that the other sizes hold one whole image
    if rest != others or not (r.is_batch((first, second)) or (first == second == -1 and -1 not in rest)):
        raise UnsupportedOpError(_MIXES)
    return rest


def _reshape(r: _Reader, op: _Op) -> str:
    dims = _sizes(r, op, not op.attributes.get("allowzero", 0))
    if -1 in dims:
        others = math.prod(d for d in dims if d != -1)
        dims[dims.index(-1)] = math.prod(r.shape(op.data)) // max(others, 1)
    return r.view(op, dims)


def _expand(r: _Reader, op: _Op) -> str:
    known, shape = op.required(1, "a shape"), r.shape(op.data)
    a, b = ([int(v) for v in k] for k in known.arrays)
    if len(a) > len(shape) + 1:
        raise UnsupportedOpError(_MIXES)
    if len(a) == len(shape) + 1:
        first = (a.pop(0), b.pop(0))
        if first != (1, 1) and not r.is_batch(first):
            raise UnsupportedOpError(_MIXES)
    if a != b:
        raise UnsupportedOpError(_MIXES)
    dims = torch.broadcast_shapes(shape, tuple(a))
    if tuple(dims) == shape:
        return op.data
    return r.emit("aten.expand.default", op.output, Ref(op.data), (Batch(), *dims))


def _squeeze(r: _Reader, op: _Op) -> str:
    axes, shape = op.ints("axes", 1), r.shape(op.data)
    drop = {r.axis(a, op.data) for a in axes} if axes else {i for i, s in enumerate(shape, start=1) if s == 1}
    return r.view(op, [s for i, s in enumerate(shape, start=1) if i not in drop])


def _unsqueeze(r: _Reader, op: _Op) -> str:
    axes, sizes = op.ints("axes", 1) or [], list(r.shape(op.data))
    rank = len(sizes) + 1 + len(axes)
    for axis in sorted(a % rank for a in axes):
        if axis == 0:
            raise UnsupportedOpError(_MIXES)
        sizes.insert(axis - 1, 1)
    return r.view(op, sizes)


def _transpose(r: _Reader, op: _Op) -> str:
    rank = len(r.shape(op.data)) + 1
    order = tuple(int(p) for p in op.attributes.get("perm", range(rank - 1, -1, -1)))
    if order[0] != 0:
        raise UnsupportedOpError(_MIXES)
    if order == tuple(range(rank)):
        return op.data
    return r.emit("aten.permute.default", op.output, Ref(op.data), order)


def _slice(r: _Reader, op: _Op) -> str:
    # Bounds along the batch may depend on it, so these are read for both batch sizes.
    def values(name: str, i: int) -> list[tuple[int, int]] | None:
        if name in op.attributes:
            return [(int(v), int(v)) for v in op.attributes[name]]
        known = op.constant(i, "a bound")
        return None if known is None else [(int(v), int(w)) for v, w in zip(*known.arrays, strict=True)]

    starts, ends = values("starts", 1) or [], values("ends", 2) or []
    axes = values("axes", 3) or [(i, i) for i in range(len(starts))]
    steps = values("steps", 4) or [(1, 1)] * len(starts)
    name, rank = op.data, len(r.shape(op.data)) + 1
    for start, end, (axis, _), (step, _) in zip(starts, ends, axes, steps, strict=True):
        if axis % rank == 0:
            whole = r.is_batch(end) or all(e >= b for e, b in zip(end, _BATCHES, strict=True))
            if start != (0, 0) or step != 1 or not whole:
                raise UnsupportedOpError("it takes some images of the batch")
            continue
        size = r.shape(name)[axis % rank - 1]
        if start[0] != start[1] or end[0] != end[1] or step < 1:
            raise UnsupportedOpError(f"bounds that depend on the batch, or step {step}")
        first, last = (min(max(v + size if v < 0 else v, 0), size) for v in (start[0], end[0]))
        if (first, last, step) != (0, size, 1):
            name = r.emit("aten.slice.Tensor", op.output, Ref(name), axis % rank, first, last, step)
    return name


def _split(r: _Reader, op: _Op) -> str:
    axis = r.axis(int(op.attributes.get("axis", 0)), op.data)
    size, count = r.shape(op.data)[axis - 1], len(op.outputs)
    sizes = op.ints("split", 1)
    if not sizes:
        each = math.ceil(size / count)
        sizes = [min(each, size - i * each) for i in range(count)]
    start = 0
    for output, length in zip(op.outputs, sizes, strict=True):
        r.values[output] = r.emit("aten.slice.Tensor", output, Ref(op.data), axis, start, start + length, 1)
        start += length
    return str(r.values[op.output])


def _gather(r: _Reader, op: _Op) -> str:
    indices = op.required(1, "an index")
    axis = r.axis(int(op.attributes.get("axis", 0)), op.data)
    size = r.shape(op.data)[axis - 1]
    if indices.array.ndim == 0:
        return r.emit("aten.select.int", op.output, Ref(op.data), axis, int(indices.array) % size)
    index = [int(i) % size for i in indices.array.reshape(-1)]
    if indices.array.ndim != 1 or index != list(range(index[0], index[0] + len(index))):
        raise UnsupportedOpError("indices that are not a range")
    return r.emit("aten.slice.Tensor", op.output, Ref(op.data), axis, index[0], index[-1] + 1, 1)


def _pad(r: _Reader, op: _Op) -> str:
    if op.text("mode", "constant") != "constant":
        raise UnsupportedOpError(f"mode={op.text('mode', '')!r}; only padding with a constant can be run")
    rank = len(r.shape(op.data)) + 1
    pads, axes = op.ints("pads", 1) or [], op.ints("axes", 3)
    known = op.constant(2, "a value")
    fill = float(op.attributes.get("value", 0.0)) if known is None else known.scalar
    axes = [a % rank for a in axes] if axes else list(range(rank))
    sides = {a: (pads[i], pads[len(axes) + i]) for i, a in enumerate(axes)}
    if sides.get(0, (0, 0)) != (0, 0):
        raise UnsupportedOpError(_MIXES)
    padded = [a for a in sides if sides[a] != (0, 0)]
    if not padded:
        return op.data
    flat = tuple(p for a in range(rank - 1, min(padded) - 1, -1) for p in sides.get(a, (0, 0)))
    return r.emit("aten.constant_pad_nd.default", op.output, Ref(op.data), flat, fill)


def _cast(r: _Reader, op: _Op) -> str:
    if op.attributes["to"] not in _FLOATS:
        raise UnsupportedOpError("a cast to something else than floating point")
    return op.data


def _same(r: _Reader, op: _Op) -> str:
    if op.kind == "Dropout":
        training = op.constant(2, "a mode")
        if training is not None and bool(training.array):
            raise UnsupportedOpError("training_mode=1; export the network in evaluation mode")
    return op.data


def _erf(r: _Reader, op: _Op) -> str:
    return r.emit("aten.erf.default", op.output, Ref(op.data))  # allowed only where _gelu_source then takes it away


_HANDLERS: dict[str, Callable[[_Reader, _Op], str]] = {
    "Conv": _conv, "Gemm": _gemm, "MatMul": _matmul,
    "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm,
    "Relu": _unary("relu"), "Sigmoid": _unary("sigmoid"), "Tanh": _unary("tanh"), "HardSwish": _unary("hardswish"),
    "Exp": _unary("exp"), "Neg": _unary("neg"), "LeakyRelu": _unary("leaky_relu", alpha=0.01),
    "Elu": _unary("elu", alpha=1.0), "HardSigmoid": _hard_sigmoid, "Gelu": _gelu, "Erf": _erf, "Clip": _clip,
    "Softmax": _softmax, "LogSoftmax": _softmax,
    "Add": _elementwise("add"), "Sub": _elementwise("sub"), "Mul": _elementwise("mul"), "Div": _elementwise("div"),
    "Sum": _sum, "Concat": _concat, "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _global_average,
    "ReduceMean": _reduce, "ReduceSum": _reduce, "Flatten": _flatten, "Reshape": _reshape, "Expand": _expand,
    "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Transpose": _transpose, "Slice": _slice, "Split": _split,
    "Gather": _gather, "Pad": _pad, "Cast": _cast, "Identity": _same, "Dropout": _same,
}  # fmt: skip

_FOLDED_ONLY = frozenset({
    "Constant", "ConstantOfShape", "Shape", "Size", "Equal", "Less", "Greater", "Not", "And", "Or", "Where", "Range",
    "Floor", "Ceil", "Sqrt", "Reciprocal", "Pow", "Abs", "Mod", "Min", "Max", "Tile", "CastLike",
    "ReduceProd", "ReduceMax", "ReduceMin",
})  # fmt: skip
"""What exporters write between constants and sizes; computed here, never on a chip."""


def _first_line(error: Exception) -> str:
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _leaves(args: tuple[Any, ...]) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, tuple):
            yield from _leaves(arg)
        else:
            yield arg


def _reachable(graph: Graph) -> Graph:
    """Drop the nodes that the output does not need."""
    needed = {graph.output, graph.input.name}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return Graph(tuple(n for n in graph.nodes if n.name in needed), graph.output, graph.tensors)


def _with_bias(graph: Graph) -> Graph:
    """Make what is added to a linear node, and to nothing else, its bias."""
    readers: dict[str, int] = {graph.output: 1}
    for name in (i for node in graph.nodes for i in node.inputs):
        readers[name] = readers.get(name, 0) + 1
    nodes: dict[str, Node] = {}
    tensors = dict(graph.tensors)
    same: dict[str, str] = {}
    for node in graph.nodes:
        nodes[node.name] = node
        added = next((a.tensor for a in node.args if isinstance(a, Const)), "")
        source = nodes.get(node.inputs[0]) if node.inputs else None
        if node.op != "aten.add.Tensor" or not added or source is None or source.op != "linear" or source.bias:
            continue
        outputs, values = source.shape[-1], tensors[added]
        along_last = values.numel() == 1 or (values.numel() == outputs == values.shape[-1])
        if readers[source.name] != 1 or not along_last:
            continue
        bias, weight = added, source.weight
        if values.shape != (outputs,):
            bias = f"{added}.expanded"
            tensors[bias] = values.reshape(-1).expand(outputs).contiguous()
        if weight == f"{source.name}.weight" and added.endswith(".bias"):  # an unnamed weight takes its bias's name
            weight = f"{added.removesuffix('.bias')}.weight"
            while weight in tensors:
                weight += "_"
            tensors[weight] = tensors[source.weight]
        nodes[source.name] = dataclasses.replace(source, weight=weight, bias=bias)
        same[node.name] = source.name
        del nodes[node.name]
    return rename(Graph(tuple(nodes.values()), graph.output, tensors), same)


def _named_by_weight(graph: Graph) -> Graph:
    """Name matrix nodes by their weights, as capture does."""
    taken = {n.name for n in graph.nodes if not n.is_matrix}
    names: dict[str, str] = {}
    for node in graph.matrix_nodes():
        path = node.weight.removesuffix(".weight")
        name, use = path, 1
        while name in taken:
            use += 1
            name = f"{path}#{use}"
        taken.add(name)
        names[node.name] = name
    used = {n.weight for n in graph.nodes} | {n.bias for n in graph.nodes}
    used |= {a.tensor for n in graph.nodes for a in _leaves(n.args) if isinstance(a, Const)}
    return rename(Graph(graph.nodes, graph.output, {k: v for k, v in graph.tensors.items() if k in used}), names)
