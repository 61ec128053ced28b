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

from ._fold import fold_batch_norm, rename


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
    training = network.training
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
        network.train(training)


def _read(program: ExportedProgram) -> Graph:
    constants: dict[str, Tensor] = {}
    state = {**program.state_dict, **program.constants}
    for spec in program.graph_signature.input_specs:
        if spec.kind is not InputKind.USER_INPUT and spec.target is not None:
            value = state[spec.target]
            if isinstance(value, Tensor):
                constants[spec.arg.name] = value.detach()
    names = {s.arg.name: s.target for s in program.graph_signature.input_specs if s.target}
    nodes: list[Node] = []
    tensors: dict[str, Tensor] = {}
    problems: list[str] = []
    batches: set[str] = set()
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
        elif node.op == "output":
            results = node.args[0]
            if len(results) != 1 or not isinstance(results[0], torch.fx.Node):
                problems.append("more than one output (a network must return one tensor)")
            else:
                output = results[0].name
        elif node.op == "call_function":
            op = str(node.target)
            if node.target is operator.getitem or op.startswith("aten.sym_size"):
                if op.startswith("aten.sym_size") and node.args[1] == 0:
                    batches.add(node.name)
                    continue
                problems.append(f"{op} at {node.name!r}")
                continue
            inputs = [a for a in node.all_input_nodes if a.name not in batches]
            if inputs and all(a.name in constants for a in inputs):
                args = map_arg((node.args, node.kwargs), lambda n: constants[n.name])
                constants[node.name] = node.target(*args[0], **args[1])
                continue
            try:
                nodes.append(_node(node, op, argument, constants, tensor))
            except (UnsupportedOpError, TypeError) as error:
                problems.append(f"{op} at {_where(node)} ({error})" if str(error) else f"{op} at {_where(node)}")
    if problems:
        raise UnsupportedOpError(
            f"the network holds what this chip cannot run: {'; '.join(problems)}; "
            "replace these, or run that part of the network outside mho"
        )
    return _named_by_module(Graph(tuple(nodes), output, tensors))


def _named_by_module(graph: Graph) -> Graph:
    """Name matrix nodes by the path of their module (`layer1.0.conv1`), not by a counter."""
    names: dict[str, str] = {}
    taken = {n.name for n in graph.nodes if not n.is_matrix}
    for node in graph.matrix_nodes():
        path = node.weight.removesuffix(".weight")
        name, use = path, 1
        while name in taken:
            use += 1
            name = f"{path}#{use}"
        taken.add(name)
        names[node.name] = name
    return rename(graph, names)


def _where(node: Any) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return f"{path or node.name!r}"


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(int(s) for s in node.meta["val"].shape[1:])


def _node(node: Any, op: str, argument: Any, constants: dict[str, Tensor], tensor: Any) -> Node:
    kind = short_name(op)
    if kind in ("conv2d", "linear"):
        values = {s.name: v for s, v in zip(node.target._schema.arguments, node.args, strict=False)} | dict(node.kwargs)
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
    if not is_supported(op):
        raise UnsupportedOpError("")
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
        inputs,
        args=tuple(argument(a) for a in node.args),
        kwargs=tuple((k, argument(v)) for k, v in node.kwargs.items()),
    )


def _pair(value: Any) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return (int(values[0]), int(values[-1]))
