"""The ONNX operators: a handler each, which adds nodes to the graph and returns the name of its first output."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mho.core import UnsupportedOpError
from mho.ir import Batch, Const, Ref

from ._onnx_reader import BATCHES, FLOATS, MIXES, Known, Op, Reader


def _conv(r: Reader, op: Op) -> str:
    weight, bias = op.required(1, "a weight"), op.constant(2, "a bias")
    spatial = weight.array.ndim - 2
    if spatial != 2:
        raise UnsupportedOpError(f"a convolution in {spatial} dimensions; a tile takes those in 2")
    kernel = tuple(int(k) for k in weight.array.shape[2:])
    strides, dilations = _pair(op, "strides"), _pair(op, "dilations")
    x, padding = _padded(r, op, kernel, strides, dilations, 0.0)
    fields: dict[str, Any] = {"stride": strides, "padding": padding, "dilation": dilations}
    return r.matrix(op, x, weight.tensor, weight, bias, groups=int(op.attributes.get("group", 1)), **fields)


def _gemm(r: Reader, op: Op) -> str:
    weight = op.required(1, "a weight")
    if op.attributes.get("transA", 0):
        raise UnsupportedOpError(f"transA=1: {MIXES}")
    matrix = weight.tensor if op.attributes.get("transB", 0) else weight.tensor.T
    alpha, beta = float(op.attributes.get("alpha", 1.0)), float(op.attributes.get("beta", 1.0))
    added = op.get(2)
    if isinstance(added, str) and beta == 0.0:
        added = None
    bias = None
    if isinstance(added, Known):
        bias = _bias((beta * added.tensor.double()).float(), len(matrix), added.name)
    name = r.matrix(op, op.data, (alpha * matrix.double()).float().contiguous(), weight, bias)
    if isinstance(added, str):
        scaled = added if beta == 1.0 else r.emit("aten.mul.Scalar", f"{op.output}.beta", Ref(added), beta)
        return r.emit("aten.add.Tensor", f"{op.output}.add", Ref(name), Ref(scaled))
    return name


def _bias(values: Tensor, outputs: int, name: str) -> Known:
    """Return a bias of so many outputs from what broadcasts along the last dimension only."""
    if values.numel() not in (1, outputs) or (values.dim() and values.shape[-1] != values.numel()):
        raise UnsupportedOpError(f"an addend of shape {list(values.shape)}, which differs from image to image")
    array = values.reshape(-1).expand(outputs).numpy().copy()
    return Known((array, array), name)


def _matmul(r: Reader, op: Op) -> str:
    if not isinstance(op.get(0), str):
        raise UnsupportedOpError("a constant on its left; a tile holds the right-hand matrix")
    weight = op.required(1, "a weight")
    if weight.array.ndim != 2:
        raise UnsupportedOpError(f"a weight in {weight.array.ndim} dimensions")
    return r.matrix(op, op.data, weight.tensor.T.contiguous(), weight, None)


def _batch_norm(r: Reader, op: Op) -> str:
    op.refuse(training_mode=0, spatial=1)
    parts: list[Const] = []
    for i, what in enumerate(("scale", "shift", "mean", "variance"), start=1):
        known = op.required(i, f"a {what}")
        parts.append(Const(r.keep(known.name or f"{op.output}.{what}", known.tensor)))
    eps = float(op.attributes.get("epsilon", 1e-5))
    return r.emit("aten.batch_norm.default", op.output, Ref(op.data), *parts, False, 0.1, eps, True)


def _layer_norm(r: Reader, op: Op) -> str:
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


def _unary(name: str, **attributes: float) -> Callable[[Reader, Op], str]:
    def handle(r: Reader, op: Op) -> str:
        values = [float(op.attributes.get(a, default)) for a, default in attributes.items()]
        return r.emit(f"aten.{name}.default", op.output, Ref(op.data), *values)

    return handle


def _clip(r: Reader, op: Op) -> str:
    bounds: list[float | None] = []
    for i, what in enumerate(("min", "max"), start=1):
        known = op.constant(i, "a bound")
        value = op.attributes.get(what) if known is None else known.scalar
        bounds.append(None if value is None or abs(value) > 3.4e38 else float(value))
    if bounds == [None, None]:
        return op.data
    return r.emit("aten.clamp.default", op.output, Ref(op.data), *bounds)


def _hard_sigmoid(r: Reader, op: Op) -> str:
    alpha, beta = float(op.attributes.get("alpha", 0.2)), float(op.attributes.get("beta", 0.5))
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return r.emit("aten.hardsigmoid.default", op.output, Ref(op.data))
    scaled = r.emit("aten.mul.Scalar", f"{op.output}.alpha", Ref(op.data), alpha)
    shifted = r.emit("aten.add.Scalar", f"{op.output}.beta", Ref(scaled), beta)
    return r.emit("aten.clamp.default", op.output, Ref(shifted), 0.0, 1.0)


def _gelu(r: Reader, op: Op) -> str:
    kwargs = {"approximate": "tanh"} if op.text("approximate", "none") == "tanh" else {}
    return r.emit("aten.gelu.default", op.output, Ref(op.data), **kwargs)


def _softmax(r: Reader, op: Op) -> str:
    axis = r.axis(int(op.attributes.get("axis", 1 if r.opset < 13 else -1)), op.data)
    if r.opset < 13 and math.prod(r.shape(op.data)[axis:]) != 1:
        raise UnsupportedOpError(f"the meaning before opset 13 of axis {axis}; export with opset 13 or later")
    name = "softmax" if op.kind == "Softmax" else "log_softmax"
    return r.emit(f"aten.{name}.int", op.output, Ref(op.data), axis)


def _elementwise(name: str) -> Callable[[Reader, Op], str]:
    def handle(r: Reader, op: Op) -> str:
        args = (r.operand(op, 0), r.operand(op, 1))
        if name == "mul":
            source = _gelu_source(r, *args)
            if source:
                return r.emit("aten.gelu.default", op.output, Ref(source))
        return r.emit(f"aten.{name}.Tensor", op.output, *args)

    return handle


def _gelu_source(r: Reader, a: Any, b: Any) -> str:
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


def _sum(r: Reader, op: Op) -> str:
    total = r.operand(op, 0)
    for i in range(1, len(op.inputs)):
        total = Ref(r.emit("aten.add.Tensor", op.output, total, r.operand(op, i)))
    return total.node if isinstance(total, Ref) else ""


def _concat(r: Reader, op: Op) -> str:
    parts = [i for i in op.inputs if isinstance(i, str)]
    if len(parts) != len(op.inputs):
        raise UnsupportedOpError("a constant among its inputs; pad with a constant instead")
    axis = r.axis(int(op.attributes.get("axis", 1)), parts[0])
    return r.emit("aten.cat.default", op.output, tuple(Ref(p) for p in parts), axis)


def _pair(op: Op, name: str) -> tuple[int, int]:
    values = [int(v) for v in op.attributes.get(name, (1, 1))]
    if len(values) != 2:
        raise UnsupportedOpError(f"{name}={values}; it must have 2 values")
    return (values[0], values[1])


def _padded(
    r: Reader,
    op: Op,
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


def _pool(r: Reader, op: Op) -> str:
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


def _global_average(r: Reader, op: Op) -> str:
    if len(r.shape(op.data)) == 3:
        return r.emit("aten.adaptive_avg_pool2d.default", op.output, Ref(op.data), (1, 1))
    return r.emit("aten.mean.dim", op.output, Ref(op.data), tuple(range(2, len(r.shape(op.data)) + 1)), True)


def _reduce(r: Reader, op: Op) -> str:
    axes = op.ints("axes", 1)
    if not axes:
        if op.attributes.get("noop_with_empty_axes", 0):
            return op.data
        raise UnsupportedOpError(MIXES)
    dims = tuple(sorted(r.axis(a, op.data) for a in axes))
    name = "mean.dim" if op.kind == "ReduceMean" else "sum.dim_IntList"
    return r.emit(f"aten.{name}", op.output, Ref(op.data), dims, bool(op.attributes.get("keepdims", 1)))


def _flatten(r: Reader, op: Op) -> str:
    if r.axis(int(op.attributes.get("axis", 1)), op.data) != 1:
        raise UnsupportedOpError(MIXES)
    return r.view(op, [math.prod(r.shape(op.data))])


def _sizes(r: Reader, op: Op, copies_zeros: bool) -> list[int]:
    """Return the wanted sizes behind the first one, which must be the number of images; -1 stays."""
    known = op.constant(1, "a shape")
    if known is None:
        wanted = [[int(v) for v in op.attributes["shape"]]] * 2
    else:
        wanted = [[int(v) for v in np.asarray(a).reshape(-1)] for a in known.arrays]
    shape = r.shape(op.data)
    for batch, values in zip(BATCHES, wanted, strict=True):
        for i, v in enumerate(values):
            if v == 0 and copies_zeros:
                values[i] = (batch, *shape)[i]
    (first, *rest), (second, *others) = wanted
    # -1 for the batch: whoever asks checks that the other sizes hold one whole image
    if rest != others or not (r.is_batch((first, second)) or (first == second == -1 and -1 not in rest)):
        raise UnsupportedOpError(MIXES)
    return rest


def _reshape(r: Reader, op: Op) -> str:
    dims = _sizes(r, op, not op.attributes.get("allowzero", 0))
    if -1 in dims:
        others = math.prod(d for d in dims if d != -1)
        dims[dims.index(-1)] = math.prod(r.shape(op.data)) // max(others, 1)
    return r.view(op, dims)


def _expand(r: Reader, op: Op) -> str:
    known, shape = op.required(1, "a shape"), r.shape(op.data)
    a, b = ([int(v) for v in k] for k in known.arrays)
    if len(a) > len(shape) + 1:
        raise UnsupportedOpError(MIXES)
    if len(a) == len(shape) + 1:
        first = (a.pop(0), b.pop(0))
        if first != (1, 1) and not r.is_batch(first):
            raise UnsupportedOpError(MIXES)
    if a != b:
        raise UnsupportedOpError(MIXES)
    dims = torch.broadcast_shapes(shape, tuple(a))
    if tuple(dims) == shape:
        return op.data
    return r.emit("aten.expand.default", op.output, Ref(op.data), (Batch(), *dims))


def _squeeze(r: Reader, op: Op) -> str:
    axes, shape = op.ints("axes", 1), r.shape(op.data)
    drop = {r.axis(a, op.data) for a in axes} if axes else {i for i, s in enumerate(shape, start=1) if s == 1}
    return r.view(op, [s for i, s in enumerate(shape, start=1) if i not in drop])


def _unsqueeze(r: Reader, op: Op) -> str:
    axes, sizes = op.ints("axes", 1) or [], list(r.shape(op.data))
    rank = len(sizes) + 1 + len(axes)
    for axis in sorted(a % rank for a in axes):
        if axis == 0:
            raise UnsupportedOpError(MIXES)
        sizes.insert(axis - 1, 1)
    return r.view(op, sizes)


def _transpose(r: Reader, op: Op) -> str:
    rank = len(r.shape(op.data)) + 1
    order = tuple(int(p) for p in op.attributes.get("perm", range(rank - 1, -1, -1)))
    if order[0] != 0:
        raise UnsupportedOpError(MIXES)
    if order == tuple(range(rank)):
        return op.data
    return r.emit("aten.permute.default", op.output, Ref(op.data), order)


def _slice(r: Reader, op: Op) -> str:
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
            whole = r.is_batch(end) or all(e >= b for e, b in zip(end, BATCHES, strict=True))
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


def _split(r: Reader, op: Op) -> str:
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


def _gather(r: Reader, op: Op) -> str:
    indices = op.required(1, "an index")
    axis = r.axis(int(op.attributes.get("axis", 0)), op.data)
    size = r.shape(op.data)[axis - 1]
    if indices.array.ndim == 0:
        return r.emit("aten.select.int", op.output, Ref(op.data), axis, int(indices.array) % size)
    index = [int(i) % size for i in indices.array.reshape(-1)]
    if indices.array.ndim != 1 or index != list(range(index[0], index[0] + len(index))):
        raise UnsupportedOpError("indices that are not a range")
    return r.emit("aten.slice.Tensor", op.output, Ref(op.data), axis, index[0], index[-1] + 1, 1)


def _pad(r: Reader, op: Op) -> str:
    if op.text("mode", "constant") != "constant":
        raise UnsupportedOpError(f"mode={op.text('mode', '')!r}; only padding with a constant can be run")
    rank = len(r.shape(op.data)) + 1
    pads, axes = op.ints("pads", 1) or [], op.ints("axes", 3)
    known = op.constant(2, "a value")
    fill = float(op.attributes.get("value", 0.0)) if known is None else known.scalar
    axes = [a % rank for a in axes] if axes else list(range(rank))
    sides = {a: (pads[i], pads[len(axes) + i]) for i, a in enumerate(axes)}
    if sides.get(0, (0, 0)) != (0, 0):
        raise UnsupportedOpError(MIXES)
    padded = [a for a in sides if sides[a] != (0, 0)]
    if not padded:
        return op.data
    flat = tuple(p for a in range(rank - 1, min(padded) - 1, -1) for p in sides.get(a, (0, 0)))
    return r.emit("aten.constant_pad_nd.default", op.output, Ref(op.data), flat, fill)


def _cast(r: Reader, op: Op) -> str:
    if op.attributes["to"] not in FLOATS:
        raise UnsupportedOpError("a cast to something else than floating point")
    return op.data


def _same(r: Reader, op: Op) -> str:
    if op.kind == "Dropout":
        training = op.constant(2, "a mode")
        if training is not None and bool(training.array):
            raise UnsupportedOpError("training_mode=1; export the network in evaluation mode")
    return op.data


def _erf(r: Reader, op: Op) -> str:
    return r.emit("aten.erf.default", op.output, Ref(op.data))  # allowed only where _gelu_source then takes it away


HANDLERS: dict[str, Callable[[Reader, Op], str]] = {
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

FOLDED_ONLY = frozenset({
    "Constant", "ConstantOfShape", "Shape", "Size", "Equal", "Less", "Greater", "Not", "And", "Or", "Where", "Range",
    "Floor", "Ceil", "Sqrt", "Reciprocal", "Pow", "Abs", "Mod", "Min", "Max", "Tile", "CastLike",
    "ReduceProd", "ReduceMax", "ReduceMin",
})  # fmt: skip
"""What exporters write between constants and sizes; computed here, never on a chip."""
