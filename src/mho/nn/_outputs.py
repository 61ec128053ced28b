"""`OutputConverters`: whole outputs of layers through converters of few bits, with levels fitted or learned."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mho.converters import Codebook, Rule, combine, count, lloyd_max, quantise
from mho.core import MhoError, Seed

_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_KEPT = 1 << 16
"""Values of a layer, or of one of its columns, that codebooks are fitted to."""


def fold_batchnorm(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation whose BatchNorms have gone into the convolutions that stand right before them."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        children = list(module.named_children())
        for (name, first), (after, second) in itertools.pairwise(children):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(first, second))
                setattr(module, after, nn.Identity())
    return network


def matrix_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return the linear layers and convolutions by name, in the order of the network."""
    return {name: module for name, module in network.named_modules() if isinstance(module, _KINDS)}


def capture_outputs(network: nn.Module, images: Iterable[Tensor], by_column: bool = False) -> dict[str, Tensor]:
    """Return an even sample of each matrix layer's outputs, `[values]`, or `[columns, values]` of every column."""
    layers = matrix_layers(network)
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, y: Tensor) -> None:
            columns = y.movedim(_axis(module), 0)
            seen[name].append(columns.flatten(1) if by_column else y.flatten()[None])

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    try:
        with torch.no_grad():
            for batch in images:
                network(batch)
                for some in seen.values():  # sample as we go: of each batch no more than is kept of all
                    some[-1] = _sample(some[-1])
    finally:
        for handle in handles:
            handle.remove()
    out = {name: _sample(torch.cat(some, 1)) for name, some in seen.items()}
    return out if by_column else {name: x[0] for name, x in out.items()}


def _sample(x: Tensor) -> Tensor:
    n = x.shape[1]
    return x if n <= _KEPT else x[:, torch.linspace(0, n - 1, _KEPT).long().clamp(max=n - 1)]


def _axis(layer: nn.Module) -> int:
    """Return the dimension of a layer's outputs that counts its columns."""
    return -1 if isinstance(layer, nn.Linear) else 1


class OutputConverter(nn.Module):
    """Converts the outputs of one layer: to the level of its code, or with several copies as their rule says.

    Levels and transition levels are parameters; see `mho.converters.quantise` for their gradients. In training,
    transition levels are off by `variation` of their range, anew for each batch.
    """

    def __init__(self, codebook: Codebook, axis: int = 1, variation: float = 0.0) -> None:
        super().__init__()
        self.axis, self.variation = axis, variation
        self.levels = nn.Parameter(codebook.levels.clone())
        """`[2^bits]`, or `[columns, 2^bits]`."""
        self.transitions = nn.Parameter(codebook.transitions.clone())
        self.copies: tuple[Tensor, ...] = ()
        self.rule: Rule = "boundary"

    @property
    def codebook(self) -> Codebook:
        """Levels and transition levels as they are now."""
        return Codebook(self.transitions.detach().sort(-1).values, self.levels.detach().clone())

    def vary(self, sigma: float, seed: Seed, copies: int = 1, rule: Rule = "boundary") -> None:
        """Give each copy transition levels that are off by `sigma` of their range; see `Codebook.with_variation`."""
        book = self.codebook
        draws = [seed.child("copy", i).normal(book.transitions.shape) for i in range(copies)]
        self.copies = tuple(book.with_variation(sigma, z).transitions for z in draws)
        self.rule = rule

    def forward(self, y: Tensor) -> Tensor:
        """Return the levels of outputs, whose columns are counted by the dimension `axis`."""
        behind = 0 if self.axis == -1 else y.dim() - 1 - self.axis

        def spread(x: Tensor) -> Tensor:
            """Bring `[columns, n]` to `[columns, *, n]`; one codebook stays as it is."""
            return x if x.dim() == 1 else x.reshape(x.shape[0], *[1] * behind, x.shape[-1])

        if not self.copies:
            transitions = self.transitions
            if self.training and self.variation:
                book = Codebook(transitions, self.levels)
                transitions = book.with_variation(self.variation, torch.randn_like(transitions)).transitions
            return quantise(y, spread(transitions), spread(self.levels))
        codes = [count(y, spread(t)) for t in self.copies]
        return combine(codes, spread(self.transitions), spread(self.levels), self.rule)


class OutputConverters(nn.Module):
    """A network whose matrix layers' whole outputs go through converters, one codebook a layer or a column.

    It is how [hong2025] evaluates its converter: one conversion of each output, not of the partial sums of tiles. For
    those take a chip with such converters, `mho.quantize` and `mho.run`.

    Args:
        network: copied; converters are in training if it is.
        codebooks: of some layers, by name.
        variation: by how much of their range transition levels are off in training, so that what is learned suits
            converters as they come out; `vary` sets those of one chip.
    """

    def __init__(self, network: nn.Module, codebooks: Mapping[str, Codebook], variation: float = 0.0) -> None:
        super().__init__()
        layers = matrix_layers(network)
        if odd := sorted(set(codebooks) - set(layers)):
            raise MhoError(f"codebooks must be for layers of the network; it has no {', '.join(odd)}")
        if "" in codebooks:
            raise MhoError("a layer alone has no place for a converter behind it; put it into nn.Sequential first")
        self.network = copy.deepcopy(network)
        self.names = tuple(codebooks)
        for name, book in codebooks.items():
            parent, _, own = name.rpartition(".")
            holder = self.network.get_submodule(parent)
            converter = OutputConverter(book, _axis(layers[name]), variation)
            setattr(holder, own, _Converted(getattr(holder, own), converter.train(network.training)))

    def of(self, name: str) -> OutputConverter:
        """Return the converter of a layer."""
        found = self.network.get_submodule(name)
        assert isinstance(found, _Converted)
        return found.converter

    def vary(self, sigma: float, seed: Seed, copies: int = 1, rule: Rule = "boundary") -> None:
        """Let transition levels of all layers be off; see `OutputConverter.vary`."""
        for name in self.names:
            self.of(name).vary(sigma, seed.child(name), copies, rule)

    def forward(self, *inputs: Any) -> Any:
        """Run the network."""
        return self.network(*inputs)


class _Converted(nn.Module):
    """A layer and the converter behind it."""

    def __init__(self, layer: nn.Module, converter: OutputConverter) -> None:
        super().__init__()
        self.layer, self.converter = layer, converter

    def forward(self, x: Tensor) -> Tensor:
        return self.converter(self.layer(x))


def fit_outputs(
    outputs: Mapping[str, Tensor], bits: int | Mapping[str, int], fit: Callable[[Tensor, int], Codebook] = lloyd_max
) -> dict[str, Codebook]:
    """Fit a codebook to each layer's outputs, as `capture_outputs` gives them; of least squared error unless told."""
    return {name: fit(x, bits if isinstance(bits, int) else bits[name]) for name, x in outputs.items()}
