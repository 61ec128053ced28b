"""capture: a PyTorch module, an exported program or an ONNX file becomes a `Graph`."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx.node import map_arg

from mho.core import FileError, UnsupportedOpError
from mho.ir import Batch, Const, Graph, Node, Ref, is_supported, short_name

from ._fold import fold_batch_norm, named_by_module

_VIEWS = {
    "alias", "contiguous", "detach", "expand", "flatten", "permute", "reshape", "select", "slice", "squeeze",
    "t", "transpose", "unsqueeze", "view",
}  # fmt: skip
"""Operators whose output can share memory with their first input."""


def capture(network: nn.Module | ExportedProgram | str | Path, example: Tensor | None = None) -> Graph:
    """Turn a network into a graph, batch norms folded and constant parts computed.

    `network` is a module in evaluation mode (or any: it is captured as in evaluation), an `ExportedProgram`, or the
    path of a `.pt2` or `.onnx` file; a module needs an `example` input `[batch, ...]`.

    Raises:
        UnsupportedOpError: if it holds operators that neither tile nor digital unit can run; names all of them.
    """
    if isinstance(network, str | Path):
        path = Path(network)
        if not path.is_file():
            raise FileError(f"{path} does not exist; give a .pt2 or .onnx file")
        if path.suffix == ".onnx":
            from ._onnx import read_onnx

            return fold_batch_norm(read_onnx(path))
        if path.suffix != ".pt2":
            raise FileError(f"{path} must end in .pt2 (torch.export.save) or .onnx")
        try:
            network = torch.export.load(path)
        except Exception as error:  # torch raises many kinds for a damaged archive
            raise FileError(
                f"{path} cannot be read by torch.export.load ({type(error).__name__}); export it anew"
            ) from None
    if isinstance(network, nn.Module):
        if example is None:
            raise UnsupportedOpError("capture of a module needs an example input, such as one image as [1, 3, 32, 32]")
        network = _export(network, example)
    return fold_batch_norm(_read(network))


def _export(network: nn.Module, example: Tensor) -> ExportedProgram:
    modes = {module: module.training for module in network.modules()}
    network.eval()
    # With a batch of one, export would fix the batch size to one.
    example = example if len(example) > 1 else torch.cat([example, example])
    try:
        return torch.export.export(network, (example,), dynamic_shapes=({0: Dim("batch")},))
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedOpError(
            f"torch.export cannot capture {type(network).__name__} with a free batch size: {first}; "
            "the forward pass must not branch on tensor values nor fix the batch size"
        ) from None
    finally:
        for module, mode in modes.items():
            module.training = mode


def _read(program: ExportedProgram) -> Graph:
    constants: dict[str, Tensor] = {}
    state = {**program.state_dict, **program.constants}
    for spec in program.graph_signature.input_specs:
        if spec.kind is not InputKind.USER_INPUT and spec.target is not None:
            value = state[spec.target]
            if isinstance(value, Tensor):
                constants[spec.arg.name] = value.detach().clone()
    names = {s.arg.name: s.target for s in program.graph_signature.input_specs if s.target}
    nodes: list[Node] = []
    tensors: dict[str, Tensor] = {}
    problems: list[str] = []
    batches: set[str] = set()
    refused: set[str] = set()
    batch: Any = None
    output = ""

    def tensor(fx_name: str) -> str:
        name = names.get(fx_name, fx_name)
        tensors[name] = constants[fx_name]
        return name

    def argument(arg: Any) -> Any:
        if isinstance(arg, torch.fx.Node):
            if arg.name in batches:
                return Batch()
            return Const(tensor(arg.name)) if arg.name in constants else Ref(arg.name)
        if isinstance(arg, list | tuple):
            return tuple(argument(a) for a in arg)  # pyright: ignore[reportUnknownVariableType]
        if arg is None or isinstance(arg, bool | int | float | str):
            return arg
        raise TypeError(f"{arg!r}")

    fx_nodes: list[Any] = list(program.graph.nodes)
    for node in fx_nodes:
        if node.op == "placeholder":
            if node.name not in constants:
                if nodes:
                    problems.append(f"a second input {node.name!r} (a network must have one input tensor)")
                nodes.append(Node(node.name, "input", _shape(node)))
                batch = node.meta["val"].shape[0] if batch is None else batch
        elif node.op == "output":
            results = node.args[0]
            if len(results) != 1 or not isinstance(results[0], torch.fx.Node):
                problems.append("more than one output (a network must return one tensor)")
            elif results[0].name in constants:
                problems.append("an output that does not depend on the input")
            else:
                output = results[0].name
        elif node.op == "call_function":
            op = str(node.target)
            if node.target is operator.getitem or op.startswith("aten.sym_size"):
                if op.startswith("aten.sym_size") and node.args[1] == 0:
                    batches.add(node.name)
                    continue
                if node.args[0].name not in refused:
                    problems.append(f"{op} at {node.name!r}")
                refused.add(node.name)
                continue
            inputs = [a for a in node.all_input_nodes if a.name not in batches]
            grows = len(inputs) < len(node.all_input_nodes)
            if inputs and not grows and all(a.name in constants for a in inputs):
                args = map_arg((node.args, node.kwargs), lambda n: constants[n.name])
                constants[node.name] = node.target(*args[0], **args[1])
                continue
            try:
                _check(node, op, batch, any(a.name in refused for a in node.all_input_nodes))
                nodes.append(_node(node, op, argument, constants, tensor, nodes[0].name))
            except (UnsupportedOpError, TypeError) as error:
                refused.add(node.name)
                problems.append(f"{op} at {_where(node)} ({error})" if str(error) else f"{op} at {_where(node)}")
    if problems:
        raise UnsupportedOpError(
            f"the network holds what this chip cannot run: {'; '.join(problems)}; "
            "replace these, or run that part of the network outside mho"
        )
    return named_by_module(Graph(tuple(nodes), output, tensors))


def _where(node: Any) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return f"{path or node.name!r}"


def _check(node: Any, op: str, batch: Any, follows: bool) -> None:
    """Raise if a node cannot be run image by image, as in evaluation, on tensors that share no memory.

    Where it `follows` another that was refused, the batch is no fault of its own.
    """
    from torch.fx.experimental.symbolic_shapes import statically_known_true  # brings sympy, a fifth of a second

    kind = short_name(op)
    if not (kind in ("conv2d", "linear") or is_supported(op)):
        raise UnsupportedOpError("")
    values = _arguments(node)
    if kind == "batch_norm" and values["training"]:
        raise UnsupportedOpError("statistics of the batch; keep running statistics")
    if kind.endswith("dropout") and values["train"]:
        raise UnsupportedOpError("dropout that stays on in evaluation; use nn.Dropout, or pass training=self.training")
    shape = node.meta["val"].shape
    mixes = kind in ("softmax", "log_softmax") and values["dim"] in (0, -len(shape))
    if not follows and (mixes or len(shape) == 0 or not statically_known_true(shape[0] == batch)):
        raise UnsupportedOpError("the batch must stay the first dimension, and its images apart")
    size: Any = values.get("size", values.get("shape"))
    if kind in ("view", "reshape", "expand", "_unsafe_view") and isinstance(batch, int) and size[0] != -1:
        raise UnsupportedOpError("a fixed batch size; export with dynamic_shapes=({0: Dim('batch')},)")
    if op.split(".")[1].endswith("_") and _seen_elsewhere(node):
        raise UnsupportedOpError("an in-place operator on a view of what is read elsewhere; use the one without '_'")


def _arguments(node: Any) -> dict[str, Any]:
    arguments = node.target._schema.arguments
    given = {s.name: v for s, v in zip(arguments, node.args, strict=False)} | dict(node.kwargs)
    return {s.name: s.default_value for s in arguments if s.has_default_value()} | given


def _seen_elsewhere(node: Any) -> bool:
    """Whether another view of what an in-place operator changes is read after it."""
    order = {n: i for i, n in enumerate(node.graph.nodes)}
    family, left = {node.args[0]}, [node.args[0]]
    while left:
        one: Any = left.pop()
        near = [n for n in one.users if n is not node and _is_view(n)]
        near += [one.args[0]] if _is_view(one) else []
        left += [n for n in near if n not in family]
        family.update(near)
    others: Any = family - {node.args[0]}
    return any(order[user] > order[node] for n in others for user in n.users)


def _is_view(node: Any) -> bool:
    kind = short_name(str(node.target))
    return node.op == "call_function" and (kind in _VIEWS or kind.endswith("dropout"))


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(int(s) for s in node.meta["val"].shape[1:])


def _node(node: Any, op: str, argument: Any, constants: dict[str, Tensor], tensor: Any, first: str) -> Node:
    kind = short_name(op)
    if kind in ("conv2d", "linear"):
        values = _arguments(node)
        x, weight, bias = values["input"], values["weight"], values.get("bias")
        for what in (weight, bias):
            if what is not None and what.name not in constants:
                raise UnsupportedOpError("a weight that is computed from the input; a tile holds fixed weights")
        common: dict[str, Any] = {
            "weight": tensor(weight.name),
            "bias": tensor(bias.name) if bias is not None else "",
        }
        if kind == "linear":
            return Node(node.name, "linear", _shape(node), (x.name,), **common)
        padding = values.get("padding", (0, 0))
        if isinstance(padding, str):
            raise UnsupportedOpError(f"padding={padding!r}; give it as numbers")
        return Node(
            node.name,
            "conv2d",
            _shape(node),
            (x.name,),
            stride=_pair(values.get("stride", 1)),
            padding=_pair(padding),
            dilation=_pair(values.get("dilation", 1)),
            groups=values.get("groups", 1),
            **common,
        )
    parts = op.split(".")
    inputs = tuple(
        dict.fromkeys(
            a.name
            for a in node.all_input_nodes
            if a.name not in constants and "val" in a.meta and isinstance(a.meta["val"], Tensor)
        )
    )
    return Node(
        node.name,
        ".".join([parts[0], parts[1].rstrip("_"), parts[2]]),
        _shape(node),
        inputs or (first,),  # a constant that is expanded to the batch: the input tells how many images there are
        args=tuple(argument(a) for a in node.args),
        kwargs=tuple((k, argument(v)) for k, v in node.kwargs.items()),
    )


def _pair(value: Any) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return (int(values[0]), int(values[-1]))
