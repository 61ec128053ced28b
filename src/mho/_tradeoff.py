"""tradeoff and allocate: accuracy against energy, for bits that are given and for bits that a budget decides."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from mho.chip import Chip
from mho.compiler import compile, float_values, quantize
from mho.core import SpecError
from mho.cost import estimate
from mho.ir import Graph, Program
from mho.reports import Tradeoff, TradeoffPoint
from mho.runtime import Run, run, sensitivity
from mho.tiles import AnalogTile, Condition, Quantization

from ._evaluate import CALIBRATION_IMAGES, checked

_FEWEST = 3
"""Bits of a converter that `allocate` tries at least, if not told others."""


def tradeoff(
    network: nn.Module | ExportedProgram | Graph | str | Path,
    chip: Chip | str | Path,
    data: tuple[Tensor, Tensor],
    options: Mapping[str, Sequence[Quantization]],
    *,
    name: str = "",
    seed: int = 0,
    instances: int = 1,
    condition: Condition = Condition(),  # noqa: B008  (a frozen value)
    calibration: Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tradeoff:
    """Quantise a network in several ways, all layers alike, and say what each gets right and costs on a chip.

    `options` holds by series, such as `per column`, the ways to compare. All run on the same chips and images.

    Raises:
        MhoError: as `evaluate`, or if the chip has not so many bits.
    """
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    x, labels = data
    graph = checked(network, x, labels)
    few = x[:: max(1, len(x) // CALIBRATION_IMAGES)] if calibration is None else calibration
    plan = [(series, one) for series, own in options.items() for one in own]
    programs = [compile(quantize(graph, chip, few, one), chip) for _, one in plan]
    points: list[TradeoffPoint] = []
    for index, ((series, one), program) in enumerate(zip(plan, programs, strict=True)):
        tell = _shifted(progress, index, len(plan))
        result = run(program, x, seed=seed, instances=instances, conditions=[condition], progress=tell)
        points.append(_point(series, dict.fromkeys(program.quant.layers, one), program, result, labels))
    return Tradeoff(name or chip.name, len(x), _digital(graph, x, labels), tuple(points))


def allocate(
    network: nn.Module | ExportedProgram | Graph | str | Path,
    chip: Chip | str | Path,
    data: tuple[Tensor, Tensor],
    *,
    bits: Sequence[int] | None = None,
    budgets: Sequence[float] | None = None,
    options: Quantization = Quantization(),  # noqa: B008
    name: str = "",
    seed: int = 0,
    instances: int = 1,
    condition: Condition = Condition(),  # noqa: B008
    calibration: Tensor | None = None,
    sample: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> Tradeoff:
    """Choose the resolution of each layer's converters within budgets of energy, and compare with equal bits.

    What a layer loses at fewer bits is measured by itself: the Kullback-Leibler distance of the network's answers from
    those with all bits, on some images of the calibration batch (no labels; they are not those that are counted if
    `calibration` is given apart). Energies are those of `estimate`. An integer programme (`mho.nn.allocate_bits`) then
    chooses, taking losses as independent.

    Args:
        network: as for `evaluate`.
        chip: with analog tiles whose converters can resolve fewer bits than they have.
        data: images `[batch, ...]` and labels `[batch]`.
        bits: resolutions to choose from; from 3 to those of the chip's converters, if left out.
        budgets: energy of an image in J. Left out: those of equal bits everywhere and the means between neighbours.
        options: of all layers, but for `adc_bits`.
        name: of the result.
        seed: of the chips.
        instances: chips that accuracy is measured on; losses are measured on the first one.
        condition: when chips are read.
        calibration: inputs for ranges and losses.
        sample: so many of these for losses, at most.
        progress: told of work done and of all work, in images.

    Raises:
        SpecError: if the chip's converters cannot resolve such bits.
        CapacityError: if a budget is below the energy of the fewest bits.
    """
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    if not isinstance(chip.tile, AnalogTile):
        raise SpecError(
            [f"the tiles of {chip.name} have no converters whose bits could be chosen; take an analog chip"]
        )
    x, labels = data
    graph = checked(network, x, labels)
    few = x[:: max(1, len(x) // CALIBRATION_IMAGES)] if calibration is None else calibration
    most = chip.tile.converter.resolution
    tried = sorted(set(range(min(_FEWEST, most), most + 1) if bits is None else bits))
    if len(tried) < 2:
        raise SpecError([f"bits must be at least two to choose from, not {list(tried)}"])
    quants = {b: quantize(graph, chip, few, dataclasses.replace(options, adc_bits=b)) for b in tried}
    some = few[:: max(1, len(few) // sample)][:sample]
    layers = list(quants[tried[0]].layers)
    choices = {n: {b: quants[b].layers[n] for b in tried[:-1]} for n in layers}
    sizes = [len(layers) * (len(tried) - 1) * len(some)]
    sizes += [instances * len(x)] * (len(tried) + (2 * len(tried) - 3 if budgets is None else len(budgets)))

    def tell(part: int) -> Callable[[int, int], None] | None:
        before, told = sum(sizes[:part]), progress
        return None if told is None else lambda done, _: told(before + done, sum(sizes))

    top = compile(quants[tried[-1]], chip)  # where blocks lie does not depend on bits
    found = sensitivity(top, choices, some, loss=_distance, seed=seed, condition=condition, progress=tell(0))
    losses = {n: {**found[n], tried[-1]: 0.0} for n in layers}
    points: list[TradeoffPoint] = []

    def program(by_layer: Mapping[str, int]) -> Program:
        chosen = {n: quants[b].layers[n] for n, b in by_layer.items()}
        return dataclasses.replace(top, quant=dataclasses.replace(top.quant, layers=chosen))

    def measure(series: str, by_layer: Mapping[str, int], budget: float | None = None) -> Run:
        own = program(by_layer)
        tell_ = tell(1 + len(points))
        result = run(own, x, seed=seed, instances=instances, conditions=[condition], progress=tell_)
        how = {n: dataclasses.replace(options, adc_bits=b) for n, b in by_layer.items()}
        points.append(_point(series, how, own, result, labels, budget))
        return result

    runs = {b: measure("equal bits", dict.fromkeys(layers, b)) for b in tried}
    counts = runs[tried[-1]].counts
    least = dict.fromkeys(layers, tried[0])
    floor = estimate(program(least), counts).total.energy
    # Energies of layers add up; what is nobody's is shared out, so that the costs of a choice are those of the chip.
    costs = {
        n: {b: floor / len(layers) + estimate(program(least | {n: b}), counts).total.energy - floor for b in tried}
        for n in layers
    }
    from mho.nn import allocate_bits  # layers on tiles are not loaded with `mho`

    if budgets is None:
        ends = [sum(own[b] for own in costs.values()) for b in tried]
        budgets = sorted([*ends[1:-1], *((a + b) / 2 for a, b in itertools.pairwise(ends))])
    for budget in budgets:
        measure("bits by layer", allocate_bits(losses, costs, budget), budget)
    return Tradeoff(name or chip.name, len(x), _digital(graph, x, labels), tuple(points), losses)


def _point(
    series: str,
    layers: Mapping[str, Quantization],
    program: Program,
    result: Run,
    labels: Tensor,
    budget: float | None = None,
) -> TradeoffPoint:
    cost = estimate(program, result.counts).total
    return TradeoffPoint(series, layers, result.accuracy(labels)[0].float(), cost.energy, cost.latency, budget)


def _distance(outputs: Tensor, own: Tensor) -> Tensor:
    """Return the Kullback-Leibler distance of scores `[..., classes]` from the program's own, `[...]`."""
    wanted = own.double().log_softmax(-1)
    return (wanted.exp() * (wanted - outputs.double().log_softmax(-1))).sum(-1)


def _digital(graph: Graph, x: Tensor, labels: Tensor) -> float:
    scores = torch.cat([float_values(graph, part, keep=())[graph.output] for part in x.split(100)])
    return float((scores.argmax(-1) == labels).double().mean())


def _shifted(progress: Callable[[int, int], None] | None, index: int, parts: int) -> Callable[[int, int], None] | None:
    """Return the progress of one of some equal parts."""
    return None if progress is None else lambda done, total: progress(index * total + done, parts * total)
