"""`AbstractBackend`: walks a program's graph; how a matrix node is multiplied is the subclass's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mho.compiler import float_values
from mho.core import Seed, normal_by_index
from mho.ir import Node, Program, QuantLayer, run_digital
from mho.tiles import AbstractLayout, Activity, Condition


@dataclass(frozen=True)
class Prepared:
    """The state of all layers in some chips under some conditions."""

    chips: tuple[Seed, ...]
    layers: Mapping[str, Any]


@dataclass(frozen=True)
class Forward:
    """One pass over some images."""

    output: Tensor
    activity: Mapping[str, Activity]
    errors: Mapping[str, tuple[Tensor, float]]
    """By node: squared norm of the difference from float32, per instance, and squared norm of the float32 output."""


@dataclass(frozen=True)
class AbstractBackend(ABC):
    """Runs a program. The digital unit computes in float32: output = product x scale + bias, then its operators."""

    program: Program

    @abstractmethod
    def prepare_layer(
        self,
        layout: AbstractLayout,
        layer: QuantLayer,
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
    ) -> Any:
        """Write one layer into the chips."""

    @abstractmethod
    def multiply(
        self, layout: AbstractLayout, layer: QuantLayer, state: Any, x: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Activity | None]:
        """Multiply integer inputs `[I, B, ...]`; returns the product and, if it knows, what the cells did."""

    def layout(self, node: Node) -> AbstractLayout:
        """Return the cut of a matrix node."""
        return self.program.quant.graph.layout(node, self.program.chip.tile.shape[0])

    def prepare(self, chips: Sequence[Seed], conditions: Sequence[Condition]) -> Prepared:
        """Write all layers into the chips and let time pass."""
        layers: dict[str, Any] = {}
        for node in self.program.quant.graph.matrix_nodes():
            own = [c.child(node.name) for c in chips]
            layers[node.name] = self.prepare_layer(
                self.layout(node), self.program.quant.layers[node.name], own, conditions
            )
        return Prepared(tuple(chips), layers)

    def forward(self, state: Prepared, images: Tensor, first: int, record_errors: int) -> Forward:
        """Run the graph on images whose indices begin at `first`."""
        graph = self.program.quant.graph
        values: dict[str, Tensor] = {}
        activity: dict[str, Activity] = {}
        errors: dict[str, tuple[Tensor, float]] = {}
        truth = float_values(graph, images[:record_errors]) if record_errors else {}
        last = graph.last_uses()
        for node in graph.nodes:
            if node.op == "input":
                values[node.name] = images.float().unsqueeze(0)
            elif node.is_matrix:
                values[node.name], done = self._matrix(node, state, values[node.inputs[0]], first)
                if done is not None:
                    activity[node.name] = done
                if truth:
                    errors[node.name] = _squares(values[node.name][:, :record_errors], truth[node.name])
            else:
                values[node.name] = run_digital(node, values, graph.tensors)
            for name in node.inputs:
                if last[name] == node.name:
                    del values[name]
        return Forward(values[graph.output], activity, errors)

    def values(self, state: Prepared, images: Tensor, first: int) -> dict[str, Tensor]:
        """Run the graph on images whose indices begin at `first`, and return what every node gives."""
        return self._continue(state, {self.program.quant.graph.input.name: images.float().unsqueeze(0)}, first)

    def resume(self, state: Prepared, values: Mapping[str, Tensor], layer: str, first: int) -> Tensor:
        """Return the network's output if all nodes but one layer and those that depend on it give known `values`."""
        graph = self.program.quant.graph
        changed = {layer}
        for node in graph.nodes:
            if changed.intersection(node.inputs):
                changed.add(node.name)
        known = {name: value for name, value in values.items() if name not in changed}
        return self._continue(state, known, first)[graph.output]

    def _continue(self, state: Prepared, values: dict[str, Tensor], first: int) -> dict[str, Tensor]:
        graph = self.program.quant.graph
        for node in graph.nodes:
            if node.name in values:
                continue
            if node.is_matrix:
                values[node.name] = self._matrix(node, state, values[node.inputs[0]], first)[0]
            else:
                values[node.name] = run_digital(node, values, graph.tensors)
        return values

    def _matrix(self, node: Node, state: Prepared, x: Tensor, first: int) -> tuple[Tensor, Activity | None]:
        layer, layout = self.program.quant.layers[node.name], self.layout(node)
        integers = layer.integers(x)
        noise = self._noise(node, layout, layer, state.chips, integers, first)
        product, activity = self.multiply(layout, layer, state.layers[node.name], integers, noise)
        columns = (1, 1, -1, 1, 1) if node.op == "conv2d" else (-1,)
        scale = (layer.weight_scale * layer.input_scale).reshape(columns)
        return product.mul_(scale).add_(layer.bias.reshape(columns)), activity

    def _noise(
        self,
        node: Node,
        layout: AbstractLayout,
        layer: QuantLayer,
        chips: Sequence[Seed],
        x: Tensor,
        first: int,
    ) -> Tensor | None:
        shape = layer.tile(self.program.chip.tile).noise_shape(layout, layout.positions(x), layer.signed)
        if shape is None:
            return None
        return normal_by_index([c.child(node.name, "noise").text for c in chips], first, x.shape[1], shape)


def _squares(y: Tensor, truth: Tensor) -> tuple[Tensor, float]:
    return (y - truth).flatten(1).double().square().sum(1), float(truth.double().square().sum())
