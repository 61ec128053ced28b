"""Calibrate a published macro on its readings marked fitted, and say how far off the others are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ._calibrated import CalibratedMacro
from ._readings import Reading

_ENERGY = ("TOPS/W", "pJ", "fJ/product", "fJ/operation")


def fit_calibrated(macro: CalibratedMacro) -> CalibratedMacro:
    """Return the macro with energies, times and threshold from its readings marked fitted.

    Least squares of relative errors, with no constant below zero. The threshold is sought only where throughput is
    fitted at more than one supply.

    Raises:
        ValueError: if a part has an energy or a time that no fitted reading tells.
    """
    known = [r for r in macro.readings() if r.fitted]
    rates = [r for r in known if r.figure == "TOPS"]
    if len({float(r.at.supply) for r in rates}) > 1:
        low = min(*(float(r.at.supply) for r in rates), float(macro.nominal.supply)) - 0.06
        threshold = _least(lambda v: _times(replace(macro, threshold=v), rates)[1], 0.05, low)
        macro = replace(macro, threshold=threshold)
    times, _ = _times(macro, rates)
    energies, _ = _energies(macro, [r for r in known if r.figure in _ENERGY])
    parts = tuple(replace(p, time=times.get(p.name, 0.0), energy=energies.get(p.name, 0.0)) for p in macro.parts)
    return replace(macro, parts=parts)


def _times(macro: CalibratedMacro, readings: Sequence[Reading]) -> tuple[dict[str, float], float]:
    names = [p.name for p in macro.parts if p.time > 0]
    rows: list[list[float]] = []
    for r in readings:
        counts, slower = macro.counts(r.at), macro.slower(r.at)
        time = float(macro.operations(r.at)) * macro.cores / (r.value * 1e12)
        rows.append([float(counts[p.per] * slower) / time for p in macro.parts if p.time > 0])
    return _solve(macro, names, rows, "time")


def _energies(macro: CalibratedMacro, readings: Sequence[Reading]) -> tuple[dict[str, float], float]:
    names = [p.name for p in macro.parts if p.energy > 0]
    rows: list[list[float]] = []
    for r in readings:
        operations, actions = float(macro.operations(r.at)), macro.actions(r.at)
        energy = {
            "TOPS/W": operations / r.value * 1e-12,
            "pJ": r.value * 1e-12,
            "fJ/product": r.value * operations / 2 * 1e-15,
            "fJ/operation": r.value * operations * 1e-15,
        }[r.figure]
        rows.append([float(actions[n]) / energy if not r.parts or n in r.parts else 0.0 for n in names])
    return _solve(macro, names, rows, "energy")


def _solve(
    macro: CalibratedMacro, names: list[str], rows: list[list[float]], what: str
) -> tuple[dict[str, float], float]:
    """Return the constants that bring every row nearest to 1, and the error that is left."""
    import numpy as np
    from scipy.optimize import nnls

    matrix = np.array(rows, dtype=float).reshape(len(rows), len(names))
    scale = matrix.max(axis=0, initial=0.0)
    # Times and energies are of the order of 1e-12; columns of the order of 1 keep the rank meaningful.
    if len(names) and (not scale.all() or np.linalg.matrix_rank(matrix / scale, tol=1e-6) < len(names)):
        raise ValueError(
            f"{macro.title}: fitted readings do not tell the {what} of each of {', '.join(names)}; mark more"
        )
    if not names:
        return {}, 0.0
    found, error = nnls(matrix / scale, np.ones(len(rows)))
    return dict(zip(names, (found / scale).tolist(), strict=True)), float(error)


def _least(error: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum has it, by golden sections to 0.1 mV."""
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if error(a) < error(b) else (a, high)
    return (low + high) / 2


@dataclass(frozen=True)
class Comparison:
    """A published value, and what the calibrated macro says."""

    reading: Reading
    ours: float

    @property
    def ratio(self) -> float:
        """Ours over the published value."""
        return self.ours / self.reading.value

    @property
    def error(self) -> float:
        """Relative, without sign."""
        return abs(self.ratio - 1)


def compare_calibrated(macro: CalibratedMacro) -> list[Comparison]:
    """Return every published value of a macro beside ours."""
    return [Comparison(r, float(macro.figure(r.figure, r.at, r.parts))) for r in macro.readings()]


@dataclass(frozen=True)
class CalibrationErrors:
    """How far off some values are."""

    points: int
    mean: float
    """NaN where there are none."""
    largest: float

    @classmethod
    def of(cls, some: Iterable[Comparison]) -> CalibrationErrors:
        """Return the errors of comparisons."""
        errors = [c.error for c in some]
        return cls(len(errors), sum(errors) / len(errors) if errors else math.nan, max(errors, default=math.nan))


def calibration_errors(macro: CalibratedMacro) -> dict[str, tuple[CalibrationErrors, CalibrationErrors]]:
    """Return the errors of a macro by kind of value: of those it was fitted on, and of those predicted.

    *efficiency* is energy of the macro or of the published share of it, *over supply* the part of it that is not at
    the nominal supply, *parts* energy of single parts, *area* operations a second and area.
    """
    done = compare_calibrated(macro)

    def single(r: Reading) -> bool:
        return r.figure in _ENERGY and r.figure != "TOPS/W" and bool(r.parts)

    def whole(r: Reading) -> bool:
        return r.figure in _ENERGY and not single(r)

    kinds: dict[str, Callable[[Reading], bool]] = {
        "throughput": lambda r: r.figure == "TOPS",
        "efficiency": whole,
        "over supply": lambda r: whole(r) and r.at.supply != macro.nominal.supply,
        "parts": single,
        "area": lambda r: r.figure in ("TOPS/mm2", "mm2"),
    }

    def errors(select: Callable[[Reading], bool], fitted: bool) -> CalibrationErrors:
        return CalibrationErrors.of(c for c in done if select(c.reading) and c.reading.fitted == fitted)

    return {name: (errors(select, True), errors(select, False)) for name, select in kinds.items()}
