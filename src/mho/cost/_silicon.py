"""Laws fitted on measured macros: on all of them, and without one chip to predict that one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from torch import Tensor

from ._macro import PRINCIPLES, AbstractLaw, Macro, Principle, Prior, load_law
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
    told: Tensor
    """The cycles that are not those of a throughput."""
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
            column(None if p.idle else p.macro.cycle for p in points),  # pyright: ignore[reportArgumentType]
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
        measured = torch.stack([self.energy, density, self.told])
        predicted = torch.stack([law.energy_per_operation(known), law.density(known), law.predicted_cycle(self.macro)])
        return torch.where(measured.isnan(), predicted, measured).log() - predicted.log()


_NOISE = 0.6
"""Natural logarithm of what a law cannot know of a chip (style, activity, how it was measured); weighs the priors."""
_ROUND = 0.15
"""Errors below this count as squares, larger ones as absolute values: outliers pull no harder than others."""


def fit_laws(laws: Sequence[AbstractLaw], points: Sequence[Measured], steps: int = 60) -> list[AbstractLaw]:
    """Return the laws with the constants that points and priors together make most likely.

    Absolute errors of logarithms (a point of a chip that has n counts 1 / sqrt(n)), and normal priors of the
    logarithms of the constants. A constant that priors call shared is the same in all laws that do, and is told by the
    points of all of them; its prior is that of the first.

    Raises:
        ValueError: if two laws are of one principle, or a law has no points.
    """
    kinds: list[Principle] = [_principle(law) for law in laws]
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"laws fitted together must be of different principles, not {', '.join(kinds)}")
    data = [_Data.of([p for p in points if p.macro.principle == kind]) for kind in kinds]
    priors: dict[tuple[Principle | None, str], tuple[Prior, float]] = {}
    """By constant: its principle, None for shared ones, and its name; with the value to start from."""
    for law, kind in zip(laws, kinds, strict=True):
        for prior in law.priors:
            priors.setdefault(_key(prior, kind), (prior, math.log(getattr(law, prior.field))))
    place = {key: i for i, key in enumerate(priors)}
    centre = torch.tensor([math.log(p.value) for p, _ in priors.values()], dtype=torch.float64)
    spread = torch.tensor([p.spread for p, _ in priors.values()], dtype=torch.float64)
    theta = torch.tensor([start for _, start in priors.values()], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([theta], max_iter=steps, line_search_fn="strong_wolfe")

    def build(values: Sequence[float] | Tensor) -> list[AbstractLaw]:
        return [
            replace(law, **{p.field: values[place[_key(p, kind)]] for p in law.priors})
            for law, kind in zip(laws, kinds, strict=True)
        ]

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = 0.5 * (((theta - centre) / spread) ** 2).sum()
        for law, known in zip(build(theta.exp()), data, strict=True):
            rounded = (known.errors(law) ** 2 + _ROUND**2).sqrt() - _ROUND
            value = value + (rounded * known.weight).sum() / _NOISE
        value.backward()
        return value

    for _ in range(2):  # a second start forgets the history of the first
        optimiser.step(loss)  # pyright: ignore[reportArgumentType]
    return build([float(v) for v in theta.detach().exp()])


def _key(prior: Prior, kind: Principle) -> tuple[Principle | None, str]:
    return (None if prior.shared else kind, prior.field)


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
            "cycle": None if self.point.idle else self.point.macro.cycle,
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
    """Predict every point from the other chips: the laws fitted together on `points` without the chip.

    `others` are predicted too, by the fit without their chip if `points` hold it, and are never fitted.
    """
    out: list[Prediction] = []
    everything = (*points, *others)
    kinds = list(dict.fromkeys(p.macro.principle for p in everything))
    stored = [load_law(kind) for kind in kinds]
    fitted: dict[str, dict[Principle, AbstractLaw]] = {}
    known = {p.chip for p in points}
    chips = list(dict.fromkeys(p.chip for p in everything))
    for number, chip in enumerate(chips):
        left = [p for p in points if p.chip != chip]
        mine = [p for p in everything if p.chip == chip]
        for kind in dict.fromkeys(p.macro.principle for p in mine):
            if not any(p.macro.principle == kind for p in left):
                raise ValueError(f"points must hold two chips or more of {kind!r}, to predict one from the others")
        key = chip if chip in known else ""
        if key not in fitted:
            there = [
                law for law, kind in zip(stored, kinds, strict=True) if any(p.macro.principle == kind for p in left)
            ]
            fitted[key] = {_principle(law): law for law in fit_laws(there, left, steps=30)}
        families: set[Family] = {p.family for p in mine}
        lines = {f: {w: _baseline(points, f, chip, w) for w in ("energy", "density")} for f in families}
        for point in mine:
            law, macro, base = fitted[key][point.macro.principle], point.macro, lines[point.family]
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
            progress(number + 1, len(chips))
    order = {id(p): i for i, p in enumerate(everything)}
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
        a, b = (None if p.idle else p.macro.cycle for p in (anchor, point))
        slower = float(law.predicted_cycle(point.macro) / law.predicted_cycle(anchor.macro))
        cycle = None if a is None or b is None else float(b) / float(a) / slower
        out.append(Transfer(point, anchor, point.energy / anchor.energy / change, cycle))
    return out
