"""Laws fitted on measured macros: on all of them, and without one chip to predict that one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from torch import Tensor

from ._macro import PRINCIPLES, AbstractLaw, Macro, Principle, load_law
from ._measured import Family, Measured


def stack(points: Sequence[Measured]) -> Macro:
    """Return the macros of points of one principle as one, each number a tensor `[points]`; cycles are those measured.

    Raises:
        ValueError: if the points sum in different ways.
    """
    principles = {p.macro.principle for p in points}
    if len(principles) != 1:
        raise ValueError(f"macros of one principle can be stacked, not of {', '.join(sorted(principles)) or 'none'}")
    values: dict[str, Tensor | None] = {}
    for field in fields(Macro):
        if field.name in ("principle", "cycle"):
            continue
        column = [getattr(p.macro, field.name) for p in points]
        usual = {"capacity": "bits", "physical_rows": "rows"}.get(field.name)
        if usual is not None:
            column = [float(getattr(p.macro, usual)) if v is None else v for p, v in zip(points, column, strict=True)]
        values[field.name] = torch.tensor(column, dtype=torch.float64)
    return Macro(principles.pop(), **values)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class _Data:
    """Points as tensors: NaN where nothing was measured."""

    macro: Macro
    cycle: Tensor
    energy: Tensor
    density: Tensor
    weight: Tensor

    @classmethod
    def of(cls, points: Sequence[Measured]) -> _Data:
        def column(values: Iterable[float | None]) -> Tensor:
            return torch.tensor([math.nan if v is None else v for v in values], dtype=torch.float64)

        count = {p.chip: sum(q.chip == p.chip for q in points) for p in points}
        return cls(
            stack(points),
            column(p.macro.cycle for p in points),  # pyright: ignore[reportArgumentType]
            column(p.energy for p in points),
            column(p.density for p in points),
            torch.tensor([count[p.chip] ** -0.5 for p in points], dtype=torch.float64),
        )

    def known(self, law: AbstractLaw) -> Macro:
        """The macros at the measured cycle, or the predicted one where none was measured."""
        predicted = law.predicted_cycle(self.macro)
        return replace(self.macro, cycle=torch.where(self.cycle.isnan(), predicted, self.cycle))

    def errors(self, law: AbstractLaw) -> Tensor:
        """Return log(measured / predicted) of energy, density and cycle, `[3, points]`; 0 where not measured."""
        known = self.known(law)
        density = torch.where(self.cycle.isnan(), torch.nan, self.density)  # without a cycle it says nothing of area
        measured = torch.stack([self.energy, density, self.cycle])
        predicted = torch.stack([law.energy_per_operation(known), law.density(known), law.predicted_cycle(self.macro)])
        return torch.where(measured.isnan(), predicted, measured).log() - predicted.log()


_NOISE = 0.6
"""Natural logarithm of what a law cannot know of a chip (style, activity, how it was measured); weighs the priors."""
_ROUND = 0.15
"""Errors below this count as squares, larger ones as absolute values: outliers pull no harder than others."""


def fit_law(law: AbstractLaw, points: Sequence[Measured], steps: int = 60) -> AbstractLaw:
    """Return the law with the constants that points and priors together make most likely.

    Absolute errors of logarithms (a point of a chip that has n counts 1 / sqrt(n)), and normal priors of the
    logarithms of the constants.
    """
    data = _Data.of([p for p in points if p.macro.principle == _principle(law)])
    names = [p.field for p in law.priors]
    centre = torch.tensor([math.log(p.value) for p in law.priors], dtype=torch.float64)
    spread = torch.tensor([p.spread for p in law.priors], dtype=torch.float64)
    theta = torch.tensor([math.log(getattr(law, n)) for n in names], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([theta], max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        errors = data.errors(_with(law, names, theta.exp()))
        rounded = (errors**2 + _ROUND**2).sqrt() - _ROUND
        value = (rounded * data.weight).sum() / _NOISE + 0.5 * (((theta - centre) / spread) ** 2).sum()
        value.backward()
        return value

    for _ in range(2):  # a second start forgets the history of the first
        optimiser.step(loss)  # pyright: ignore[reportArgumentType]
    return _with(law, names, [float(v) for v in theta.detach().exp()])


def _with(law: AbstractLaw, names: Sequence[str], values: Iterable[float] | Tensor) -> AbstractLaw:
    return replace(law, **dict(zip(names, values, strict=True)))


def _principle(law: AbstractLaw) -> Principle:
    return next(p for p in PRINCIPLES if type(law).__name__.lower().startswith(p))


@dataclass(frozen=True)
class Prediction:
    """A point, and what the law says of it without having seen its chip."""

    point: Measured
    energy: float
    """In J per 1-bit operation, at the measured cycle where it is known."""
    blind_energy: float
    """The same with the predicted cycle."""
    density: float
    """In 1-bit operations a second and m2, at the measured cycle where it is known."""
    cycle: float
    """Predicted, in s."""
    baseline_energy: float
    """Of the regression on node and supply in the chip's family."""
    baseline_density: float

    def ratio(self, what: Literal["energy", "blind_energy", "density", "cycle"]) -> float | None:
        """Measured over predicted; None if it was not measured."""
        measured = {
            "energy": self.point.energy,
            "blind_energy": self.point.energy,
            "density": self.point.density,
            "cycle": self.point.macro.cycle,
        }[what]
        return None if measured is None else float(measured) / getattr(self, what)

    def baseline_ratio(self, what: Literal["energy", "density"]) -> float | None:
        """Measured over what the regression says."""
        measured = self.point.energy if what == "energy" else self.point.density
        return None if measured is None else measured / getattr(self, f"baseline_{what}")


def leave_one_out(
    points: Sequence[Measured],
    others: Sequence[Measured] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Prediction]:
    """Predict every point from the other chips of its principle: fitted on `points` without the chip.

    `others` are predicted too, by the fit without their chip if `points` hold it, and are never fitted.
    """
    out: list[Prediction] = []
    chips: list[tuple[Principle, str]] = [(p.macro.principle, p.chip) for p in (*points, *others)]
    groups = list(dict.fromkeys(chips))
    fitted: dict[tuple[Principle, str], AbstractLaw] = {}
    for number, (principle, chip) in enumerate(groups):
        known = [p for p in points if p.macro.principle == principle]
        left = [p for p in known if p.chip != chip]
        if not left:
            raise ValueError(f"points must hold two chips or more of {principle!r}, to predict one from the others")
        mine = [p for p in (*points, *others) if p.macro.principle == principle and p.chip == chip]
        key = (principle, chip if len(left) < len(known) else "")
        if key not in fitted:
            fitted[key] = fit_law(load_law(principle), left, steps=30)
        law = fitted[key]
        base = {w: _baseline(points, mine[0].family, chip, w) for w in ("energy", "density")}
        for point in mine:
            macro = point.macro
            at = (math.log(float(macro.node)), math.log(float(macro.supply)))
            out.append(
                Prediction(
                    point,
                    float(law.energy_per_operation(macro)),
                    float(law.energy_per_operation(replace(macro, cycle=None))),
                    float(law.density(macro)),
                    float(law.predicted_cycle(macro)),
                    base["energy"](*at),
                    base["density"](*at),
                )
            )
        if progress is not None:
            progress(number + 1, len(groups))
    order = {id(p): i for i, p in enumerate((*points, *others))}
    return sorted(out, key=lambda p: order[id(p.point)])


def _baseline(points: Sequence[Measured], family: Family, chip: str, what: str) -> Callable[[float, float], float]:
    """Regress a figure's logarithm on those of node and supply in a family, with absolute errors, without a chip."""
    rows = [
        (1.0, math.log(float(p.macro.node)), math.log(float(p.macro.supply)), math.log(value))
        for p in points
        if p.family == family and p.chip != chip and (value := getattr(p, what)) is not None
    ]
    table = torch.tensor(rows, dtype=torch.float64)
    a, b, c = least_absolute(table[:, :3], table[:, 3]).tolist()
    return lambda node, supply: math.exp(a + b * node + c * supply)


def least_absolute(x: Tensor, y: Tensor) -> Tensor:
    """Return the coefficients of y on the columns of x with the least absolute errors; those below 0.05 are squared."""
    weight = torch.ones_like(y)
    ridge = 1e-6 * torch.eye(x.shape[1], dtype=x.dtype)
    beta = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(50):  # iteratively reweighted least squares
        beta = torch.linalg.solve((x * weight[:, None]).T @ x + ridge, (x * weight[:, None]).T @ y)
        weight = 1 / (y - x @ beta).abs().clamp(min=0.05)
    return beta


def factor(ratios: Iterable[float | None], quantile: float = 0.5) -> float:
    """Return the quantile of how many times measured and predicted differ, in either direction; NaN for none."""
    errors = [abs(math.log(r)) for r in ratios if r is not None]
    if not errors:
        return math.nan
    return math.exp(float(torch.tensor(errors, dtype=torch.float64).quantile(quantile)))


@dataclass(frozen=True)
class Transfer:
    """A point predicted from another of the same chip: the law only says how the figures change between the two."""

    point: Measured
    anchor: Measured
    energy: float
    """Measured over predicted."""
    cycle: float | None
    """Measured over predicted; None if one of the two does not state it."""


def transfers(points: Sequence[Measured]) -> list[Transfer]:
    """Calibrate each chip on its first point, and predict its others: other supplies, bits, rows."""
    out: list[Transfer] = []
    anchors: dict[str, Measured] = {}
    for point in points:
        if point.energy is None:
            continue
        anchor = anchors.setdefault(f"{point.chip} {point.name}", point)
        if anchor is point or anchor.energy is None:
            continue
        law = load_law(point.macro.principle)
        change = float(law.energy_per_operation(point.macro) / law.energy_per_operation(anchor.macro))
        a, b = anchor.macro.cycle, point.macro.cycle
        slower = float(law.predicted_cycle(point.macro) / law.predicted_cycle(anchor.macro))
        cycle = None if a is None or b is None else float(b) / float(a) / slower
        out.append(Transfer(point, anchor, point.energy / anchor.energy / change, cycle))
    return out
