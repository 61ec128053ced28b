"""Measured macros, and the laws fitted on them: on all, and without one chip to predict that one."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from mho.core import FileError

from ._macro import PRINCIPLES, AbstractLaw, Macro, Principle, load_law

_FOLDER = Path(__file__).parent.parent / "data" / "silicon"
Family = Literal["digital SRAM", "analog SRAM", "non-volatile"]
FAMILIES: dict[Principle, Family] = {
    "digital": "digital SRAM",
    "charge": "analog SRAM",
    "discharge": "analog SRAM",
    "current": "non-volatile",
}
"""What a chip is counted with, by how it sums."""
_VOLATILE = ("sram", "edram", "dram")
_USUAL_ROWS: dict[Principle, float] = {"digital": 128, "charge": 256, "discharge": 64, "current": 16}
"""Rows at once where a table does not say: medians of the fitted chips."""
_USUAL_BITS = 5.0
"""Bits of a converter where a table does not say: the median of the fitted chips."""
_USUAL_SUPPLY = 0.9
"""In V, where a table does not say."""


@dataclass(frozen=True)
class Measured:
    """One operating point of a published chip: its architecture, and what was measured."""

    chip: str
    """The points of one chip share it; they are left out together."""
    name: str
    macro: Macro
    energy: float | None
    """In J per 1-bit operation."""
    density: float | None
    """In 1-bit operations a second and m2."""
    guessed: tuple[str, ...] = ()
    """What the table does not say and was taken as usual."""

    @property
    def family(self) -> Family:
        """What it is counted with."""
        return FAMILIES[self.macro.principle]


def read_silicon(file: str | Path = "uiuc") -> list[Measured]:
    """Read measured chips from a CSV file, or one of the tables `uiuc` and `chips` by name.

    Two sets of columns are understood: those of the benchmark [shanbhag2022] (`uiuc`, an operating point a row with
    rows at once, converters and cycle), and a general one (`chips`: name, device, cell, domain, mac_principle,
    node_nm, vdd_v, rows, cols, weight_bits, input_bits, out_or_adc_bits, tops_per_w_1b or peak_tops_per_w,
    tops_per_mm2_1b or peak_tops_per_mm2; and where known active_rows, converters, cycle_ns, year, scope). Rows that
    say too little (no node, or no figure) are left out.

    Raises:
        FileError: if the file does not exist or has other columns.
    """
    path = _FOLDER / f"{file}.csv" if str(file) in ("uiuc", "chips") else Path(file)
    if not path.is_file():
        raise FileError(f"{path} does not exist; give a CSV file of chips, or uiuc or chips for the tables of mho")
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        columns, rows = set(reader.fieldnames or ()), list(reader)
    if {"index", "node_nm", "model", "tops_w"} <= columns:
        read: Callable[[Mapping[str, str]], Measured | None] = _benchmark
    elif {"name", "node_nm", "domain", "device"} <= columns:
        read = _general
    else:
        raise FileError(
            f"{path} must have the columns name, device, domain and node_nm (as the table `chips`) or index, node_nm, "
            f"model and tops_w (as `uiuc`), not {', '.join(sorted(columns)[:8]) or 'none'}"
        )
    return [point for row in rows if (point := read(row)) is not None]


def _number(text: str | None) -> float | None:
    """Return the first number of a cell, as in `36.5 (title); 19.45 CSV`; None for words alone."""
    found = re.search(r"(?<![A-Za-z])\d+(?:\.\d+)?", text or "")
    return float(found.group()) if found else None


def _benchmark(row: Mapping[str, str]) -> Measured | None:
    get = {k: _number(v) for k, v in row.items() if k not in ("author", "venue", "cell", "arch", "model", "changed")}
    volatile = row["arch"].lower().strip().startswith(_VOLATILE)
    principle: Principle = (
        "digital" if row["model"] == "DIMC" else "current" if not volatile
        else "charge" if row["model"] == "QR" else "discharge"
    )  # fmt: skip
    guessed: list[str] = []

    def take(name: str, usual: float) -> float:
        value = get[name]
        if value is None:
            guessed.append(name)
        return usual if value is None else value

    if get["node_nm"] is None or (get["tops_w"] is None and get["tops_mm2"] is None):
        return None
    rows = take("n", _USUAL_ROWS[principle])
    cores = get["n_core"] or 1.0
    macro = Macro(
        principle,
        get["node_nm"] * 1e-9,
        take("vdd", _USUAL_SUPPLY),
        rows=rows,
        converters=take("n_adc", 32),
        weight_bits=take("bw", 1),
        input_bits=take("bx", 1),
        converter_bits=0.0 if principle == "digital" else take("badc", _USUAL_BITS),
        cycle=None if get["t_ns"] is None else get["t_ns"] * 1e-9,
        capacity=None if get["core_kb"] is None else get["core_kb"] * 1024 * cores,
        physical_rows=get["rows"],
        transistors=_transistors(row["cell"]),
        cores=cores,
        processor=float(row["processor"] == "Y"),
        year=get["year"] or 2021.0,
    )
    return Measured(
        f"{row['index']}",
        f"{row['author']}, {row['venue']} {row['year']}",
        macro,
        None if get["tops_w"] is None else 1e-12 / get["tops_w"],
        None if get["tops_mm2"] is None else get["tops_mm2"] * 1e18,
        tuple(guessed),
    )


def _general(row: Mapping[str, str]) -> Measured | None:
    text = {k: (v or "").strip() for k, v in row.items() if k}
    if "simulation" in text.get("evidence", "") or "press" in text.get("evidence", ""):
        return None
    node = _number(text["node_nm"])
    weight, inputs = _number(text.get("weight_bits")), _number(text.get("input_bits"))
    energy, density = _number(text.get("tops_per_w_1b")), _number(text.get("tops_per_mm2_1b"))
    if weight is not None and inputs is not None:
        per_bit = weight * inputs
        peak, peak_density = _number(text.get("peak_tops_per_w")), _number(text.get("peak_tops_per_mm2"))
        energy = energy if energy is not None or peak is None else peak * per_bit
        density = density if density is not None or peak_density is None else peak_density * per_bit
    if node is None or (energy is None and density is None):
        return None
    domain, how, device = (text.get(k, "").lower() for k in ("domain", "mac_principle", "device"))
    volatile = device.startswith(_VOLATILE)
    principle: Principle = (
        "digital" if domain == "digital" else "current" if not volatile
        else "charge" if how.startswith("charge-redistribution") else "discharge"
    )  # fmt: skip
    guessed: list[str] = []

    def take(name: str, usual: float, *others: str) -> float:
        for key in (name, *others):
            value = _number(text.get(key))
            if value is not None:
                return value
        guessed.append(name)
        return usual

    physical = _number(text.get("rows"))
    usual = _USUAL_ROWS[principle]
    if physical is not None:
        usual = physical if principle in ("charge", "digital") else min(physical, usual)
    bits_w, bits_x = weight or 1.0, inputs or 1.0
    cols = _number(text.get("cols"))
    macro = Macro(
        principle,
        node * 1e-9,
        take("vdd_v", _USUAL_SUPPLY),
        rows=take("active_rows", usual),
        converters=take("converters", max(1.0, (cols or 64.0) / bits_w)),
        weight_bits=bits_w,
        input_bits=bits_x,
        converter_bits=0.0 if principle == "digital" else min(take("out_or_adc_bits", _USUAL_BITS), 12.0),
        cycle=None if (cycle := _number(text.get("cycle_ns"))) is None else cycle * 1e-9,
        capacity=None if physical is None or cols is None else physical * cols,
        physical_rows=physical,
        transistors=_transistors(text.get("cell", "")),
        processor=float(any(w in text.get("scope", "").lower() for w in ("chip", "soc", "processor"))),
        year=_number(text.get("year")) or 2023.0,
    )
    index = re.search(r"index (\d+)", text.get("source", ""))
    return Measured(
        index.group(1) if index else text["name"],
        text["name"],
        macro,
        None if energy is None else 1e-12 / energy,
        None if density is None else density * 1e18,
        tuple(guessed),
    )


def _transistors(cell: str) -> float:
    found = re.match(r"\s*(\d+)T", cell)
    return float(found.group(1)) if found else 6.0


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
    x, y = table[:, :3], table[:, 3]
    weight = torch.ones_like(y)
    ridge = 1e-6 * torch.eye(3, dtype=torch.float64)
    beta = torch.zeros(3, dtype=torch.float64)
    for _ in range(50):  # iteratively reweighted least squares
        beta = torch.linalg.solve((x * weight[:, None]).T @ x + ridge, (x * weight[:, None]).T @ y)
        weight = 1 / (y - x @ beta).abs().clamp(min=0.05)
    a, b, c = beta.tolist()
    return lambda node, supply: math.exp(a + b * node + c * supply)


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
