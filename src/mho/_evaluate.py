"""evaluate: capture, quantize, compile, run and estimate in one call, nothing more."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from mho.chip import Chip
from mho.compiler import capture, compile, float_values, quantize
from mho.core import RangeWarning, ShapeError
from mho.cost import estimate
from mho.ir import Graph
from mho.reports import Evaluation
from mho.runtime import run
from mho.tiles import Condition, Quantization

DAY, YEAR = 86400.0, 365 * 86400.0
CALIBRATION_IMAGES = 128
_ERROR_IMAGES = 16


def default_conditions(
    chip: Chip, times: Sequence[float] = (0.0, DAY, YEAR), temperature: float | None = None
) -> tuple[Condition, ...]:
    """Return the times after programming, and each later one again with the chip's drift compensation, if any.

    A chip at another temperature than that of writing is compensated right away as well.
    """
    out = [Condition(t, "none", temperature) for t in times]
    if chip.compensation != "none":
        out += [Condition(t, chip.compensation, temperature) for t in times if t > 0 or temperature is not None]
    return tuple(out)


def evaluate(
    network: nn.Module | ExportedProgram | Graph | str | Path,
    chip: Chip | str | Path,
    data: tuple[Tensor, Tensor],
    *,
    name: str = "",
    seed: int = 0,
    instances: int = 8,
    conditions: Sequence[Condition] | None = None,
    calibration: Tensor | None = None,
    options: Quantization = Quantization(),  # noqa: B008  (a frozen value)
    layers: Mapping[str, Quantization] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Say what a chip does with a network: accuracy under all conditions, and cost.

    `data` is images `[batch, ...]` and labels `[batch]`. The ranges of the quantiser come from `calibration`, or from
    128 to 255 images spread over the data (their labels are not looked at). `options` and `layers` are those of
    `quantize`.

    Raises:
        MhoError: one of its kinds, with what to do, if the network, the chip or the data do not fit.
    """
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    x, labels = data
    graph = checked(network, x, labels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RangeWarning)
        few = x[:: max(1, len(x) // CALIBRATION_IMAGES)] if calibration is None else calibration
        quant = quantize(graph, chip, few, options, layers=layers)
        program = compile(quant, chip)
        result = run(
            program,
            x,
            seed=seed,
            instances=instances,
            conditions=default_conditions(chip) if conditions is None else conditions,
            record_errors=min(_ERROR_IMAGES, len(x)),
            progress=progress,
        )
    for w in caught:
        if not issubclass(w.category, RangeWarning):
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    digital = torch.cat([float_values(graph, part, keep=())[graph.output] for part in x.split(100)])
    return Evaluation(
        name=name or chip.name,
        program=program,
        run=result,
        cost=estimate(program, result.counts),
        labels=labels,
        float_accuracy=float((digital.argmax(-1) == labels).double().mean()),
        warnings=tuple(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, RangeWarning))),
    )


def checked(network: nn.Module | ExportedProgram | Graph | str | Path, x: Tensor, labels: Tensor) -> Graph:
    """Capture a network that classifies, and see that images and labels fit it.

    Raises:
        ShapeError: if they do not.
    """
    if len(x) != len(labels) or len(x) == 0:
        raise ShapeError(f"data must be as many images as labels and at least one, not {len(x)} and {len(labels)}")
    graph = network if isinstance(network, Graph) else capture(network, x[:1])
    scores = graph[graph.output].shape
    if labels.dim() != 1 or len(scores) != 1:
        raise ShapeError(
            "a network must return one score per class, [images, classes], for labels [images]; it returns "
            f"{['images', *scores]} for labels of shape {list(labels.shape)}".replace("'", "")
        )
    if int(labels.min()) < 0 or int(labels.max()) >= scores[0]:
        raise ShapeError(
            f"labels must be 0 to {scores[0] - 1} for a network with {scores[0]} outputs, "
            f"not {int(labels.min())} to {int(labels.max())}; give the data it was trained for"
        )
    return graph
