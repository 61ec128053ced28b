"""`learn_levels`: levels of adaptive converters that learn what the network answers, by gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mho.core import MhoError

from ._calibrate import matrices
from ._outputs import OutputConverter, OutputConverters
from ._tiled import TiledMatrix


@dataclass(frozen=True)
class _Levels:
    """The levels of one layer, as they are learned."""

    parameters: Sequence[Tensor]
    step: float
    """Between levels, on average."""
    rising: Sequence[Tensor]
    """What has to stay in order along its last dimension."""
    share: Tensor | None = None
    """By how much more or less than the mean step each number of the one parameter moves."""

    def settle(self, before: Sequence[Tensor]) -> None:
        """Give each number its share of the optimiser's move, and bring all into order."""
        if self.share is not None:
            for p, old in zip(self.parameters, before, strict=True):
                p.copy_(torch.where(old.isfinite(), old.lerp(p, self.share), old))
        for values in self.rising:
            values.copy_(values.sort(-1).values)


def _levels(network: nn.Module, transitions: bool | None) -> list[_Levels]:
    if isinstance(network, OutputConverters):
        converters = [network.of(name) for name in network.names]
        return [
            _Levels(p, float(c.levels.detach().diff(dim=-1).mean()), p)
            for c in converters
            for p in ([c.levels] if transitions is False else [c.levels, c.transitions],)
        ]
    books = {name: tiled.codebook for name, (tiled, _) in matrices(network).items()}
    found = [_book(b, transitions is True) for b in books.values() if b is not None]
    if not found:
        raise MhoError(
            "no layer has levels that can be learned; convert the network for a chip with adaptive converters and call "
            "mho.nn.calibrate first"
        )
    return found


def _book(book: Tensor, transitions: bool) -> _Levels:
    """Each level of a codebook moves in steps of its own neighbourhood: they are narrow where sums crowd."""
    steps = book.detach()[..., 1, :].diff(dim=-1)
    ends = torch.cat([steps[..., :1], steps, steps[..., -1:]], -1)
    own = torch.stack([ends[..., 1:] * transitions, (ends[..., 1:] + ends[..., :-1]) / 2], -2)
    mean = float(steps.mean())
    return _Levels([book], mean, [book], own / mean)


def learn_levels(
    network: nn.Module,
    teacher: nn.Module,
    batches: Iterable[Tensor],
    epochs: int = 4,
    rate: float = 0.02,
    progress: Callable[[int, int], None] | None = None,
    transitions: bool | None = None,
) -> list[float]:
    """Move levels and transition levels, in place, so that the network answers as its teacher does; weights stay.

    The loss is the Kullback-Leibler distance of the answers, so that images need no labels. Steps of Adam are `rate` of
    the step between levels (each layer's mean; of partial sums that about each level), falling to zero. Returns the
    mean loss of every epoch.

    Args:
        network: `OutputConverters`, with the `variation` they were given; or one converted for a chip with adaptive
            converters and calibrated, whose levels for partial sums are learned with the `TrainingNoise` of its layers:
            cells and levels of a new chip for each batch.
        teacher: what answers should be, such as the network before it was converted.
        batches: inputs.
        epochs: passes over them.
        rate: of learning, in steps between levels.
        progress: called with the number of batches done, and of all.
        transitions: whether transition levels learn, too; if left out, those of whole outputs do, and those of partial
            sums, whose gradient is only an estimate, do not. Without them nothing is programmed anew.

    Raises:
        MhoError: if there is nothing to learn from, or no levels.
    """
    batches = list(batches)
    if epochs < 1 or not batches:
        raise MhoError(f"learning needs at least one epoch and one batch, not {epochs} and {len(batches)}")
    with torch.no_grad():
        wanted = [teacher(x).softmax(-1) for x in batches]
    levels = _levels(network, transitions)
    own = {id(p) for layer in levels for p in layer.parameters}
    weights = [p for p in network.parameters() if p.requires_grad and id(p) not in own]
    modes = {m: m.training for m in network.modules() if isinstance(m, TiledMatrix | OutputConverter)}
    optimiser = torch.optim.Adam(
        [{"params": list(v.parameters), "lr": rate * v.step} for v in levels], betas=(0.9, 0.99)
    )
    total = epochs * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / total)
    losses: list[float] = []
    try:
        for p in weights:
            p.requires_grad_(False)
        for module in modes:  # nothing else: statistics of a BatchNorm stay
            module.training = True
        for layer in levels:
            for p in layer.parameters:
                p.requires_grad_(True)
        for epoch in range(epochs):
            sum_ = 0.0
            for i, (x, p) in enumerate(zip(batches, wanted, strict=True)):
                optimiser.zero_grad()
                loss = nn.functional.kl_div(network(x).log_softmax(-1), p, reduction="batchmean")
                loss.backward()
                before = [[v.detach().clone() for v in layer.parameters] for layer in levels]
                optimiser.step()
                schedule.step()
                with torch.no_grad():
                    for layer, old in zip(levels, before, strict=True):
                        layer.settle(old)
                sum_ += float(loss.detach())
                if progress is not None:
                    progress(epoch * len(batches) + i + 1, total)
            losses.append(sum_ / len(batches))
    finally:
        for p in weights:
            p.requires_grad_(True)
        for module, mode in modes.items():
            module.training = mode
            if isinstance(module, TiledMatrix) and module.codebook is not None:
                module.codebook.requires_grad_(False).grad = None
    return losses
