"""ablate: the same run with each non-ideality alone and without each."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn
from torch.export import ExportedProgram

from mho.chip import Chip, nonidealities
from mho.compiler import compile, quantize
from mho.core import RangeWarning
from mho.ir import Graph
from mho.reports import Ablation, Effect
from mho.runtime import run
from mho.tiles import Condition, Quantization

from ._evaluate import CALIBRATION_IMAGES, DAY, checked


def ablate(
    network: nn.Module | ExportedProgram | Graph | str | Path,
    chip: Chip | str | Path,
    data: tuple[Tensor, Tensor],
    *,
    name: str = "",
    seed: int = 0,
    instances: int = 4,
    condition: Condition | None = None,
    calibration: Tensor | None = None,
    options: Quantization = Quantization(),  # noqa: B008  (a frozen value)
    progress: Callable[[int, int], None] | None = None,
) -> Ablation:
    """Say what each non-ideality of a chip costs in accuracy.

    Every variant runs the same chip instances on the same images `data`, `[batch, ...]` and labels `[batch]`, after a
    day with the chip's own compensation unless `condition` says otherwise; so differences are paired. Integers and
    converter ranges are those of the full chip, made as `options` say.

    Raises:
        MhoError: as `evaluate`.
    """
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    x, labels = data
    condition = Condition(DAY, chip.compensation) if condition is None else condition
    graph = checked(network, x, labels)
    few = x[:: max(1, len(x) // CALIBRATION_IMAGES)] if calibration is None else calibration
    program = compile(quantize(graph, chip, few, options), chip)
    found = [n for n in nonidealities(chip) if n.present]
    variants = {"all": chip, "none": chip.only()}
    variants |= {f"alone {n.name}": chip.only(n.name) for n in found}
    variants |= {f"without {n.name}": chip.without(n.name) for n in found}
    total = len(variants) * instances * len(x)
    accuracy: dict[str, Tensor] = {}
    for index, (key, variant) in enumerate(variants.items()):

        def tell(done: int, _: int, index: int = index) -> None:
            if progress is not None:
                progress(index * instances * len(x) + done, total)

        own = dataclasses.replace(program, chip=variant)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RangeWarning)  # `evaluate` of the same chip says it
            result = run(own, x, seed=seed, instances=instances, conditions=[condition], progress=tell)
        accuracy[key] = result.accuracy(labels)[0].float()
    if progress is not None:
        progress(total, total)
    effects = tuple(Effect(n.name, n.kind, accuracy[f"alone {n.name}"], accuracy[f"without {n.name}"]) for n in found)
    return Ablation(name or chip.name, condition, len(x), accuracy["all"], accuracy["none"], effects)
