"""The reader of an ONNX model: its values, its shape arithmetic, and the graph that the handlers build in it.

Every ONNX value is either `Known` (weights, shape arithmetic) or the output of a node of the graph. What is known is
kept for two numbers of images: what differs between the two depends on the batch, whichever way it was computed.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mho.core import UnsupportedOpError
from mho.ir import Batch, Const, Graph, Node, Ref, is_supported, run_digital

from ._onnx_tidy import leaves, named_by_weight, reachable, with_bias

BATCHES = (61, 67)
FLOATS = (1, 10, 11, 16)  # the element types float, float16, double, bfloat16
_ANONYMOUS = re.compile(r"onnx::.*|val_\d+|\d+")  # names that exporters number through
_MOST = 1 << 28
MIXES = "it mixes the images of a batch"


@dataclasses.dataclass(frozen=True)
class Known:
    """What the images' content does not change: its value for each of `BATCHES`; `name` is that of an initialiser."""

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


def known(a: Any, b: Any, name: str = "") -> Known:
    return Known((a, a) if a is b or (a.dtype == b.dtype and np.array_equal(a, b)) else (a, b), name)


@dataclasses.dataclass(frozen=True)
class Op:
    """One ONNX operator: its inputs resolved (None: left out), its attributes as Python values."""

    kind: str
    output: str
    outputs: tuple[str, ...]
    inputs: tuple[str | Known | None, ...]
    attributes: dict[str, Any]

    def get(self, i: int) -> str | Known | None:
        return self.inputs[i] if i < len(self.inputs) else None

    @property
    def data(self) -> str:
        """The name of the node that is the first input."""
        if not isinstance(self.inputs[0], str):
            raise UnsupportedOpError("a constant as its first input")
        return self.inputs[0]

    def constant(self, i: int, what: str = "an argument") -> Known | None:
        """The i-th input, which must not be computed from the images."""
        value = self.get(i)
        if isinstance(value, str):
            hint = "; a tile holds fixed weights" if "weight" in what else ""
            raise UnsupportedOpError(f"{what} that is computed from the input{hint}")
        return value

    def required(self, i: int, what: str) -> Known:
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


class Reader:
    """Translates the nodes of a model one after another."""

    def __init__(
        self, model: Any, handlers: Mapping[str, Callable[[Reader, Op], str]], folded_only: Collection[str]
    ) -> None:
        import onnx

        self.handlers, self.folded_only = handlers, folded_only
        graph = model.graph
        self.opsets = {i.domain or "ai.onnx": int(i.version) for i in model.opset_import}
        self.opset = self.opsets.get("ai.onnx", 1)
        self.todo = list(graph.node)
        self.nodes: dict[str, Node] = {}
        self.tensors: dict[str, Tensor] = {}
        self.problems: list[str] = []
        self.values: dict[str, str | Known | None] = {}
        for initialiser in graph.initializer:
            array = onnx.numpy_helper.to_array(initialiser)
            self.values[initialiser.name] = Known((array, array), initialiser.name)
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
        if kind.elem_type not in FLOATS:
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
                self._problem(node, f" (its shapes or attributes do not fit: {first_line(error)})")
        output = self.values.get(self.output)
        if isinstance(output, Known):
            self.problems.append(f"output {self.output!r}, which does not depend on the input")
        graph = Graph((), "", {})
        if isinstance(output, str) and not self.problems:
            graph = with_bias(reachable(Graph(tuple(self.nodes.values()), output, self.tensors)))
            left = [n.name for n in graph.nodes if not n.is_matrix and n.op != "input" and not is_supported(n.op)]
            self.problems += [f"Erf at {name!r} (not part of an exact GELU)" for name in left]
        if self.problems or not graph.nodes:
            raise UnsupportedOpError(
                f"the network holds what this chip cannot run: {'; '.join(self.problems)}; "
                "replace these, or run that part of the network outside mho"
            )
        return named_by_weight(graph)

    def _problem(self, node: Any, why: str) -> None:
        output = next((o for o in node.output if o), "")
        place = f"{node.name!r}, output {output!r}" if node.name and node.name != output else f"{output!r}"
        domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
        self.problems.append(f"{domain}{node.op_type} at {place}{why}")
        self.values.update(dict.fromkeys(node.output))

    def _translate(self, node: Any) -> None:
        import onnx

        kind = node.op_type
        known_kind = kind in self.handlers or kind in self.folded_only
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
        op = Op(kind, node.output[0], tuple(node.output), inputs, attributes)
        if all(not isinstance(i, str) for i in inputs):
            self._fold(node, [i for i in inputs if isinstance(i, Known)])
        elif kind in ("Shape", "Size"):
            self.values[op.output] = self._shape_value(op)
        elif kind == "CastLike":  # data are floating-point numbers: so must be what they are cast like
            value, like = inputs
            if isinstance(like, Known) and like.array.dtype.kind in "iub":
                raise UnsupportedOpError("a cast to something else than floating point")
            if isinstance(value, Known):
                value = known(*(a.astype(np.float32) for a in value.arrays), value.name)
            self.values[op.output] = value
        elif kind in self.handlers:
            self.values[op.output] = self.handlers[kind](self, op)
        else:
            raise UnsupportedOpError("it can only work on constants")

    def _shape_value(self, op: Op) -> Known:
        sizes = [np.array([b, *self.shape(op.data)], dtype=np.int64) for b in BATCHES]
        if op.kind == "Size":
            return known(sizes[0].prod(), sizes[1].prod())
        part = slice(op.attributes.get("start", 0), op.attributes.get("end"))
        return known(sizes[0][part], sizes[1][part])

    def _fold(self, node: Any, inputs: list[Known]) -> None:
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
            raise UnsupportedOpError(f"its constants cannot be computed: {first_line(error)}") from None
        name = inputs[0].name if node.op_type in ("Identity", "Transpose", "Cast", "Dropout") else ""
        for output, a, b in zip([o for o in node.output if o], results[0], results[-1], strict=True):
            self.values[output] = known(np.asarray(a), np.asarray(b), name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of one image at a node."""
        return self.nodes[name].shape

    def axis(self, value: int, name: str) -> int:
        """Return an axis of a node's output counted from the front; the batch is none to work along."""
        rank = len(self.shape(name)) + 1
        if not -rank <= value < rank:
            raise UnsupportedOpError(f"axis {value} of a tensor with {rank}")
        if value % rank == 0:
            raise UnsupportedOpError(MIXES)
        return value % rank

    def keep(self, name: str, tensor: Tensor) -> str:
        """Keep a tensor under its name, or a numbered one where that is taken by another tensor."""
        key, use = name, 1
        while key in self.tensors and not torch.equal(self.tensors[key], tensor):
            use += 1
            key = f"{name}#{use}"
        self.tensors[key] = tensor
        return key

    def operand(self, op: Op, i: int) -> Ref | Const:
        """Return the i-th input of an element-wise operator."""
        value = op.inputs[i]
        if isinstance(value, str):
            return Ref(value)
        if value is None:
            raise UnsupportedOpError("an input that is left out")
        a, b = value.arrays
        if a is not b and a.ndim and (a.shape[0], b.shape[0]) == BATCHES and (a == a[:1]).all() and (a[0] == b).all():
            value = known(a[:1], a[:1], value.name)  # the same for all images
        return Const(self.keep(value.name or f"{op.output}.{i}", value.tensor))

    def emit(self, op: str, name: str, *args: Any, **kwargs: Any) -> str:
        """Add a digital node; its shape is found by running it on tensors without data, for two batch sizes."""
        flat = list(leaves(args))
        inputs = tuple(dict.fromkeys(a.node for a in flat if isinstance(a, Ref)))
        tensors = {a.tensor: self.tensors[a.tensor].to("meta") for a in flat if isinstance(a, Const)}
        node = Node(self._fresh(name), op, (), inputs, args, tuple(kwargs.items()))
        shapes: list[tuple[int, ...]] = []
        for batch in BATCHES:
            values = {i: torch.empty((1, batch, *self.shape(i)), device="meta") for i in inputs}
            shapes.append(tuple(run_digital(node, values, tensors).shape[2:]))
        if shapes[0] != shapes[1]:
            raise UnsupportedOpError(MIXES)
        self.nodes[node.name] = dataclasses.replace(node, shape=shapes[0])
        return node.name

    def matrix(self, op: Op, x: str, weight: Tensor, known: Known, bias: Known | None, **fields: Any) -> str:
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

    def view(self, op: Op, dims: list[int]) -> str:
        """Give each image another shape."""
        shape = self.shape(op.data)
        if math.prod(dims) != math.prod(shape):
            raise UnsupportedOpError(MIXES)
        if tuple(dims) == shape:
            return op.data
        if len(dims) == 1:
            return self.emit("aten.flatten.using_ints", op.output, Ref(op.data), 1)
        return self.emit("aten.reshape.default", op.output, Ref(op.data), (Batch(), *dims))

    def is_batch(self, sizes: tuple[int, int]) -> bool:
        """Whether a size, computed for each of `BATCHES`, is the number of images."""
        return sizes == BATCHES or (self.batch > 0 and sizes == (self.batch, self.batch))

    def _fresh(self, name: str) -> str:
        fresh, use = name, 1
        while fresh in self.nodes:
            use += 1
            fresh = f"{name}#{use}"
        return fresh


def first_line(error: Exception) -> str:
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)
