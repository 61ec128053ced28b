"""Published stand-alone converters, and where a converter stands among them: envelope, regression, rank."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from mho.core import Hertz, Joule, Loader, Metre, Room, Source, SquareMetre

from ._base import AbstractConverter

_FOLDER = Path(__file__).parent.parent / "data" / "survey"
_BEST = 5
"""So many of the best entries are averaged for an envelope, as the survey does [murmann2021]."""


@dataclass(frozen=True)
class SurveyEntry:
    """One published converter."""

    rate: Hertz
    """Sampling rate."""
    node: Metre
    area: SquareMetre
    energy: Joule
    """Of a conversion: power over the Nyquist rate."""
    sndr: float
    """Signal to noise and distortion, in dB."""

    def __post_init__(self) -> None:
        for name in ("rate", "node", "area", "energy"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} of a published converter must be above 0, not {getattr(self, name)}")

    @property
    def enob(self) -> float:
        """Effective number of bits, (SNDR - 1.76) / 6.02."""
        return (self.sndr - 1.76) / 6.02


@dataclass(frozen=True)
class SurveyBaseline:
    """An entry that publications compare with: its best figure, at its own resolution and node."""

    name: str
    year: int
    bits: int
    """As published, not effective."""
    node: Metre
    energy: Joule | None = None
    area: SquareMetre | None = None


@dataclass(frozen=True)
class Envelope:
    """The least energy of a conversion: E = max(step 2^b, thermal 4^b sqrt(1 + (rate / corner)^2)), b effective bits.

    The first line is a constant energy per conversion step (Walden's figure of merit), the second the thermal limit
    (Schreier's), which fast converters do not reach. `plateau` is the survey's own form for few bits: an energy that
    no entry goes below, however few its bits.

    Source: forms of the energy and the figure-of-merit plots of [murmann2021].
    """

    step: Joule
    thermal: Joule
    corner: Hertz
    floor: Joule

    @classmethod
    def fit(cls, entries: Sequence[SurveyEntry], best: int = _BEST) -> Envelope:
        """Average each figure of merit over its `best` entries.

        The means are of 1 / energy, as the survey's: mean figures of merit.
        """
        if len(entries) < best or best < 1:
            raise ValueError(f"an envelope over the {best} best needs at least as many entries, not {len(entries)}")
        bits, rate, energy = (_column(entries, name) for name in ("enob", "rate", "energy"))

        def least(merit: Tensor) -> float:
            return 1 / float((1 / merit.sort().values[:best]).mean())

        thermal = least(energy / 4**bits)
        corner = thermal / least(energy / 4**bits / rate)
        return cls(least(energy / 2**bits), thermal, corner, least(energy))

    @property
    def schreier(self) -> float:
        """Schreier's figure of merit of the thermal line, in dB: SNDR + 10 log10(rate / 2 / power)."""
        return 1.76 - 10 * math.log10(2 * self.thermal)

    def __call__(self, enob: float | Tensor, rate: float | Tensor = 0.0) -> Tensor:
        """Return the energy in J; differentiable. Arguments broadcast; the rate is in Hz, 0 for slow."""
        b = _double(enob)
        return torch.maximum(self.step * 2**b, self._noise(b, _double(rate)))

    def plateau(self, enob: float | Tensor, rate: float | Tensor = 0.0) -> Tensor:
        """Return the energy in J with the floor in place of the line of constant energy per step."""
        return self.floor + self._noise(_double(enob), _double(rate))

    def _noise(self, b: Tensor, rate: Tensor) -> Tensor:
        return self.thermal * 4**b * (1 + (rate / self.corner) ** 2).sqrt()


@dataclass(frozen=True)
class Regression:
    """The typical entry: log10 y = constant + per_bit b + rate log10(rate / Hz) + node log10(node / m), normal errors.

    Fitted by least squares on the logarithms.
    """

    constant: float
    per_bit: float
    rate: float
    node: float
    sigma: float
    """Standard deviation of the residuals, in decades."""
    explained: float
    """Share of the variance that the fit explains."""

    @classmethod
    def fit(cls, entries: Sequence[SurveyEntry], quantity: str) -> Regression:
        """Fit the `energy` or the `area` of some entries."""
        y = _column(entries, quantity).log10()
        bits, rate, node = _column(entries, "enob"), _column(entries, "rate").log10(), _column(entries, "node").log10()
        x = torch.stack([torch.ones_like(y), bits, rate, node], -1)
        spread = x[:, 1:] - x[:, 1:].mean(0)
        if len(y) < 5 or int(torch.linalg.matrix_rank(spread)) < 3:
            raise ValueError(
                f"a regression needs five or more entries that differ in bits, rate and node, each apart from the "
                f"others, and these {len(y)} do not; give more entries"
            )
        solution = torch.linalg.lstsq(x, y[:, None], driver="gelsd").solution[:, 0]
        residual = y - x @ solution
        sigma = float((residual.square().sum() / (len(y) - 4)).sqrt())
        variance = float((y - y.mean()).square().sum())
        explained = 1 - float(residual.square().sum()) / variance if variance > 0 else 1.0
        constant, per_bit, per_rate, per_node = map(float, solution)
        return cls(constant, per_bit, per_rate, per_node, sigma, explained)

    def __call__(self, enob: float | Tensor, rate: float | Tensor, node: float | Tensor) -> Tensor:
        """Return the median in J or m2, for a rate in Hz and a node in m; differentiable. Arguments broadcast."""
        logs = self.per_bit * _double(enob) + self.rate * _double(rate).log10() + self.node * _double(node).log10()
        return 10 ** (self.constant + logs)

    def share_below(
        self, value: float | Tensor, enob: float | Tensor, rate: float | Tensor, node: float | Tensor
    ) -> Tensor:
        """Return the share of converters of this resolution, rate and node that need less than `value`."""
        decades = (_double(value) / self(enob, rate, node)).log10()
        return torch.special.ndtr(decades / self.sigma)


@dataclass(frozen=True)
class Rank:
    """How many of some entries need less."""

    below: int
    entries: int

    @property
    def share(self) -> float:
        """The share that needs less; not a number where there are no entries."""
        return self.below / self.entries if self.entries else math.nan


@dataclass(frozen=True)
class AdcSurvey:
    """Published stand-alone converters, with what can be read from them as a whole.

    Not like with like: an entry has its own references, clock and often its input buffer, and a full-scale signal of
    about a volt; a column's converter shares them, or has none.
    """

    table: str
    """The file beside the specification that holds the entries."""
    baselines: tuple[SurveyBaseline, ...] = ()
    sources: tuple[Source, ...] = ()
    entries: tuple[SurveyEntry, ...] = ()

    @cached_property
    def energy_envelope(self) -> Envelope:
        """The least energy by effective bits and rate."""
        return Envelope.fit(self.entries)

    @cached_property
    def energy_regression(self) -> Regression:
        """The typical energy by effective bits, rate and node."""
        return Regression.fit(self.entries, "energy")

    @cached_property
    def area_regression(self) -> Regression:
        """The typical area by effective bits, rate and node."""
        return Regression.fit(self.entries, "area")

    def similar(self, enob: float, rate: float | None = None) -> tuple[SurveyEntry, ...]:
        """Return the entries within half a bit and, where a rate in Hz is given, within a factor of ten of it."""
        if rate is not None and not rate > 0:
            raise ValueError(f"rate must be above 0 Hz, not {rate} Hz; leave it out to compare at any rate")
        return tuple(
            e
            for e in self.entries
            if abs(e.enob - enob) <= 0.5 and (rate is None or abs(math.log10(e.rate / rate)) <= 1)
        )

    def percentile(self, energy: float, enob: float, rate: float | None = None) -> Rank:
        """Count the similar entries that need less energy (J) a conversion."""
        return _rank([e.energy for e in self.similar(enob, rate)], energy)

    def area_percentile(self, area: float, enob: float, rate: float | None = None) -> Rank:
        """Count the similar entries that need less area (m2)."""
        return _rank([e.area for e in self.similar(enob, rate)], area)


def effective_bits(converter: AbstractConverter) -> float:
    """Return the effective bits of a calibrated converter: quantisation (1/12 LSB^2) and its noise; no distortion."""
    return converter.resolution - math.log2(1 + 12 * converter.noise**2) / 2


def load_adc_survey() -> AdcSurvey:
    """Load the shipped entries of the public survey."""
    survey = Loader((Room(AdcSurvey, {}, "survey"),)).load(AdcSurvey, "adc")
    with (_FOLDER / survey.table).open(encoding="utf-8", newline="") as file:
        rows = [
            SurveyEntry(
                rate=float(row["rate (Hz)"]),
                node=float(row["node (nm)"]) * 1e-9,
                area=float(row["area (um2)"]) * 1e-12,
                energy=float(row["energy (pJ)"]) * 1e-12,
                sndr=float(row["sndr (dB)"]),
            )
            for row in csv.DictReader(file)
        ]
    return replace(survey, entries=tuple(rows))


def _column(entries: Sequence[SurveyEntry], name: str) -> Tensor:
    return torch.tensor([getattr(e, name) for e in entries], dtype=torch.float64)


def _double(x: float | Tensor) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float64)


def _rank(values: Sequence[float], value: float) -> Rank:
    return Rank(sum(v < value for v in values), len(values))
