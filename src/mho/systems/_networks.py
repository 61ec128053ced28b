"""The shapes of public networks, as data files: transformers and convolutional networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated

from mho.core import Loader, Positive, Room, Source

from ._workload import DynamicOp, MatrixOp, Workload

_NORM, _SOFTMAX, _GATE, _ACTIVATION, _POOL = 6, 4, 3, 2, 1
"""Operations a number, all charged alike; `mho.ir.work` tells them apart for a captured network."""


class AbstractShape(ABC):
    """The shape of a network: everything about it but the values of its weights."""

    @abstractmethod
    def workload(self, context: int = 0) -> Workload:
        """Return what one item asks for; `context` is the number of tokens before it, where that matters."""


@dataclass(frozen=True)
class Transformer(AbstractShape):
    """A decoder-only language model; an item is one new token."""

    name: str
    hidden: Annotated[int, Positive]
    layers: Annotated[int, Positive]
    heads: Annotated[int, Positive]
    kv_heads: Annotated[int, Positive]
    head_size: Annotated[int, Positive]
    inner: Annotated[int, Positive]
    """Width of the feed-forward layer."""
    vocabulary: Annotated[int, Positive]
    gated: bool = True
    """Whether the feed-forward layer has a third matrix that gates the first."""
    tied: bool = False
    """Whether the output matrix is the table of embeddings."""
    experts: Annotated[int, Positive] = 1
    active: Annotated[int, Positive] = 1
    """Experts that a token uses."""
    positions: int = 0
    """Learned positions, where there are any; such a model has biases as well."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.active > self.experts:
            raise ValueError(f"a token can use {self.experts} experts at most, not {self.active}")

    def workload(self, context: int = 2048) -> Workload:
        """Return what one token asks for after `context` others, whose keys and values are kept."""
        h, n, many = self.hidden, self.layers, float(self.layers)
        q, kv, ffn, e = self.heads * self.head_size, self.kv_heads * self.head_size, self.inner, self.experts
        share, used = self.active / e, float(self.active)

        def op(name: str, rows: int, columns: int, *, beside: bool = False) -> MatrixOp:
            return MatrixOp(
                name, rows, columns, repeats=n, inputs=rows * many, outputs=columns * many, beside=beside
            )  # fmt: skip

        def expert(name: str, rows: int, columns: int, *, beside: bool = False) -> MatrixOp:
            return MatrixOp(
                name, rows, columns, groups=e, repeats=n, share=share, inputs=rows * many * used,
                outputs=columns * many * used, beside=beside,
            )  # fmt: skip

        ops = [op("query", h, q), op("key", h, kv, beside=True), op("value", h, kv, beside=True), op("output", q, h)]
        if e > 1:
            ops.append(op("router", h, e))
        ops.append(expert("up", h, ffn))
        if self.gated:
            ops.append(expert("gate", h, ffn, beside=True))
        ops.append(expert("down", ffn, h))
        ops.append(MatrixOp("head", h, self.vocabulary, inputs=float(h), outputs=float(self.vocabulary)))
        tokens = context + 1
        products = float(n * q * tokens)
        vector = n * (2 * _NORM * h + 2 * h + _SOFTMAX * self.heads * tokens) + _NORM * h
        vector += n * self.active * ffn * (_GATE if self.gated else _ACTIVATION)
        biases = n * (q + 2 * kv + h + ffn + h + 2 * h) + h if self.positions else 0
        return Workload(
            name=f"{self.name}, {context:,} tokens before",
            item="token",
            ops=tuple(ops),
            dynamic=(
                DynamicOp("scores", products, float(n * kv * tokens)),
                DynamicOp("mix of values", products, float(n * kv * tokens)),
            ),
            vector_operations=float(vector),
            lookups=(0 if self.tied else self.vocabulary * h) + self.positions * h,
            lookup_row=h * (1 if self.tied else 2) if self.positions else h,
            small=(2 * n + 1) * h + biases,
            cache=2.0 * n * kv * tokens,
            cache_writes=2.0 * n * kv,
        )


@dataclass(frozen=True)
class ConvLayer:
    """Equal convolutions (or a matrix: a kernel and a size of 1) that follow one another."""

    name: str
    inputs: Annotated[int, Positive]
    """Channels in, over all groups."""
    outputs: Annotated[int, Positive]
    size: Annotated[int, Positive] = 1
    """Edge of the output image."""
    kernel: Annotated[int, Positive] = 1
    stride: Annotated[int, Positive] = 1
    groups: Annotated[int, Positive] = 1
    repeats: Annotated[int, Positive] = 1
    bias: bool = False
    norm: bool = True
    """Whether a batch norm follows, whose factors are folded into the weights: two parameters a channel."""
    beside: bool = False


@dataclass(frozen=True)
class Convolutional(AbstractShape):
    """A convolutional network; an item is one image."""

    name: str
    layers: tuple[ConvLayer, ...]
    sources: tuple[Source, ...] = ()

    def workload(self, context: int = 0) -> Workload:
        """Return what one image asks for."""
        ops: list[MatrixOp] = []
        vector, small = 0.0, 0
        for layer in self.layers:
            places, edge = layer.size**2, layer.size * layer.stride
            outputs = float(layer.outputs * places * layer.repeats)
            ops.append(
                MatrixOp(
                    layer.name, layer.inputs // layer.groups * layer.kernel**2, layer.outputs // layer.groups,
                    layer.groups, layer.repeats, float(places), inputs=float(layer.inputs * edge**2 * layer.repeats),
                    outputs=outputs, beside=layer.beside, grain=layer.kernel**2,
                )
            )  # fmt: skip
            vector += outputs * _POOL
            small += layer.outputs * layer.repeats * (2 * layer.norm + layer.bias)
        return Workload(self.name, "image", tuple(ops), vector_operations=vector, small=small)


ROOM = Room(AbstractShape, {"Transformer": Transformer, "Convolutional": Convolutional}, "workloads")


def shapes() -> list[str]:
    """Return the names of the presets."""
    return sorted(Loader((ROOM,)).presets(AbstractShape))


def load_shape(name_or_path: str) -> AbstractShape:
    """Load the shape of a network: a preset name such as `"llama-3-8b"`, or a TOML file."""
    return Loader((ROOM,)).load(AbstractShape, name_or_path)


def load_workload(name_or_path: str, context: int = 2048) -> Workload:
    """Load a shape and return what an item of it asks for."""
    return load_shape(name_or_path).workload(context)
