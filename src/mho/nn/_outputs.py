"""`OutputConverters`: whole outputs of layers through converters of few bits, with levels fitted or learned."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mho.converters import Codebook, Rule, combine, count, lloyd_max, take
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
    return x if n <= _KEPT else x[:, torch.linspace(0, n - 1, _KEPT).long()]


def _axis(layer: nn.Module) -> int:
    """Return the dimension of a layer's outputs that counts its columns."""
    return -1 if isinstance(layer, nn.Linear) else 1


class OutputConverter(nn.Module):
    """Converts the outputs of one layer: to the level of its code, or with several copies as their rule says.

    Levels and transition levels are parameters. Gradients of levels are exact; those of transition levels count the
    outputs that lie within half a step about them; inputs pass straight through between the outermost levels.
    """

    def __init__(self, codebook: Codebook, axis: int = 1) -> None:
        super().__init__()
        self.axis = axis
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
            quantise: Any = _Quantise.apply
            return quantise(y, spread(self.transitions), spread(self.levels))
        codes = [count(y, spread(t)) for t in self.copies]
        return combine(codes, spread(self.transitions), spread(self.levels), self.rule)


class _Quantise(torch.autograd.Function):
    """Level of the code; see `OutputConverter` for its gradients."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, transitions: Tensor, levels: Tensor) -> Tensor:
        codes = count(y, transitions)
        ctx.save_for_backward(y, transitions, levels, codes)
        return take(levels, codes)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, transitions, levels, codes = ctx.saved_tensors
        g = grads[0]
        inside = (y >= levels[..., 0]) & (y <= levels[..., -1])
        n = levels.shape[-1]
        column = torch.arange(levels.numel() // n, device=y.device).reshape(levels.shape[:-1]).expand(y.shape)

        def gathered(values: Tensor, at: Tensor, width: int) -> Tensor:
            """Sum values by column and index."""
            flat = torch.zeros(levels.numel() // n * width, dtype=values.dtype, device=y.device)
            return flat.index_add_(0, (column * width + at).flatten(), values.flatten())

        by_level = gathered(g, codes, n).reshape(levels.shape)
        # An output in a step belongs to the transition that is nearer: raising that one by d moves d / width of them.
        lower = (codes - 1).clamp(min=0)
        upper = codes.clamp(max=n - 2)
        nearer = torch.where((y - take(transitions, lower)).abs() <= (take(transitions, upper) - y).abs(), lower, upper)
        step = take(levels, nearer + 1) - take(levels, nearer)
        near = (y - take(transitions, nearer)).abs() <= step / 4
        width = (step / 2).clamp(min=1e-12)
        by_transition = gathered(torch.where(near, -g * step / width, 0.0), nearer, n - 1).reshape(transitions.shape)
        return g * inside, by_transition, by_level


class OutputConverters(nn.Module):
    """A network whose matrix layers' whole outputs go through converters, one codebook a layer or a column.

    It is how [hong2025] evaluates its converter: one conversion of each output, not of the partial sums of tiles. For
    those take a chip with such converters, `mho.quantize` and `mho.run`.
    """

    def __init__(self, network: nn.Module, codebooks: Mapping[str, Codebook]) -> None:
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
            setattr(holder, own, _Converted(getattr(holder, own), OutputConverter(book, _axis(layers[name]))))

    def of(self, name: str) -> OutputConverter:
        """Return the converter of a layer."""
        found = self.network.get_submodule(name)
        assert isinstance(found, _Converted)
        return found.converter

    def vary(self, sigma: float, seed: Seed, copies: int = 1, rule: Rule = "boundary") -> None:
        """Let all transition levels be off; see `OutputConverter.vary`."""
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


def fit_outputs(outputs: Mapping[str, Tensor], bits: int | Mapping[str, int]) -> dict[str, Codebook]:
    """Fit a codebook of least squared error to each layer's outputs, as `capture_outputs` gives them."""
    return {name: lloyd_max(x, bits if isinstance(bits, int) else bits[name]) for name, x in outputs.items()}


def learn_levels(
    network: OutputConverters,
    teacher: nn.Module,
    batches: Iterable[Tensor],
    epochs: int = 4,
    rate: float = 0.02,
    progress: Callable[[int, int], None] | None = None,
) -> list[float]:
    """Move levels and transition levels, in place, so that the network answers as its teacher does; weights stay.

    The loss is the Kullback-Leibler distance of the answers, so that images need no labels. Steps of Adam are `rate` of
    each layer's mean step between levels, falling to zero. Returns the mean loss of every epoch.
    """
    batches = list(batches)
    if epochs < 1 or not batches:
        raise MhoError(f"learning needs at least one epoch and one batch, not {epochs} and {len(batches)}")
    with torch.no_grad():
        wanted = [teacher(x).softmax(-1) for x in batches]
    groups = [
        {"params": list(c.parameters()), "lr": rate * float(c.codebook.levels.diff(dim=-1).mean())}
        for c in map(network.of, network.names)
    ]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    total = epochs * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / total)
    own = {id(p) for c in map(network.of, network.names) for p in c.parameters()}
    weights = [p for p in network.parameters() if p.requires_grad and id(p) not in own]
    for p in weights:
        p.requires_grad_(False)
    losses: list[float] = []
    try:
        for epoch in range(epochs):
            sum_ = 0.0
            for i, (x, p) in enumerate(zip(batches, wanted, strict=True)):
                optimiser.zero_grad()
                loss = nn.functional.kl_div(network(x).log_softmax(-1), p, reduction="batchmean")
                loss.backward()
                optimiser.step()
                schedule.step()
                with torch.no_grad():
                    for name in network.names:
                        c = network.of(name)
                        c.levels.copy_(c.levels.sort(-1).values)
                        c.transitions.copy_(c.transitions.sort(-1).values)
                sum_ += float(loss.detach())
                if progress is not None:
                    progress(epoch * len(batches) + i + 1, total)
            losses.append(sum_ / len(batches))
    finally:
        for p in weights:
            p.requires_grad_(True)
    return losses
