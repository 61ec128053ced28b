"""`AbstractConverter`: from a signal in LSB to a code, column by column, with calibration and cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Hertz, Metre, NotNegative, Positive, Ratio, Scaling, Second, SpecError, Watt

BOLTZMANN = 1.380649e-23
"""k in J / K."""
_ENERGIES = ("energy", "analog_energy", "analog_power", "analog_capacitance")
_ROOM = 300.0
"""Temperature of the noise that bounds a conversion's energy, in K."""


def thermal_floor(bits: float) -> float:
    """Return the least energy in J of a conversion of so many effective bits, 8 k T SNR: sampling noise alone.

    SNR = 1.5 x 4^bits. Source: the limit line of [murmann2021].
    """
    return 12 * BOLTZMANN * _ROOM * 4.0**bits


@dataclass(frozen=True)
class ColumnErrors:
    """What manufacturing left in the converters of some columns, after on-chip trimming.

    A column sees `signal * gain + offset` (in LSB).
    """

    gain: Float[Tensor, "*columns"]
    offset: Float[Tensor, "*columns"]
    profile: Tensor | None = None
    """What else the converter knows of each column, `[*columns, any]`, for `quantise_`: the true weights of the bits of
    a SAR, the transition levels of a flash. Sizes are 1 where columns are alike; None where codes are sums rounded.
    """


@dataclass(frozen=True)
class Correction:
    """The digital correction of each column: value = (code - offset) / gain, in LSB."""

    gain: Float[Tensor, "*columns"]
    offset: Float[Tensor, "*columns"]


@dataclass(frozen=True)
class AbstractConverter(ABC):
    """The analog-to-digital converter of one column (or of a few that share it).

    The signal comes in units of the LSB; the tile sets how many amperes one LSB is. Codes are integers held as
    floats; a converter with levels of its own (`adaptive`) gives the level that a code stands for.
    """

    bits: int = field(kw_only=True)
    bit_range: ClassVar[tuple[int, int]] = (1, 16)
    """The fewest and the most bits."""
    gain_per_kelvin: float = field(default=0.0, kw_only=True)
    """Relative change of the gain of all columns alike for each K away from the temperature of calibration."""
    gain_sigma: Annotated[Ratio, NotNegative] = field(default=0.0, kw_only=True)
    """Relative standard deviation of the gain between columns, as made."""
    trim_step: Annotated[Ratio, NotNegative] = field(default=0.0, kw_only=True)
    """Step of an on-chip trim of the gain; 0 for none."""
    offset_sigma: Annotated[float, NotNegative] = field(default=0.0, kw_only=True)
    """Standard deviation of the offset between columns, in LSB."""
    leakage: Annotated[Watt, NotNegative] | None = field(default=None, kw_only=True)
    """Static power of one that is on and at rest; None where it is not counted."""
    node: Annotated[Metre, Positive] | None = field(default=None, kw_only=True)
    """The technology node that its costs are of; None where that is not said."""

    def __post_init__(self) -> None:
        fewest, most = self.bit_range
        if not fewest <= self.bits <= most:
            raise ValueError(f"{type(self).__name__} converters have {fewest} to {most} bits, not {self.bits}")

    @property
    def resolution(self) -> int:
        """The number of bits."""
        return self.bits

    @property
    @abstractmethod
    def noise(self) -> float:
        """Standard deviation of the noise of one conversion, in LSB."""

    @property
    def concurrent(self) -> bool:
        """Whether it converts while the input pulse lasts (an oscillator), or a sampled value afterwards (SAR)."""
        return False

    @property
    def mismatches(self) -> int:
        """How many normal draws one column takes beside those of gain and offset."""
        return 0

    @abstractmethod
    def profile(self, z: Float[Tensor, "*columns n"] | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return what `quantise_` needs to know of each column, or None where it rounds.

        `z` is standard normal, `mismatches` numbers a column; None for a column as designed. `codebook`,
        `[*columns, 2, levels]`, holds transition levels (the last one not looked at) and levels of an `adaptive`
        converter, in LSB from the lowest code.
        """

    @abstractmethod
    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Convert in place a signal in LSB (gain and offset applied) to codes in `[low, high]`.

        `profile`, where given, broadcasts against `[*signal, any]`.
        """

    @property
    @abstractmethod
    def effect_fields(self) -> Mapping[str, str]:
        """Field that is zero without a non-ideality, by its name; those of gain, offset and temperature apart."""

    @abstractmethod
    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of `convert` and of the `part`, for a column of that many cells."""

    def with_bits(self, bits: int) -> AbstractConverter:
        """Return a converter of the same circuits made for so many bits; errors told in LSB stay as many LSB.

        One that is to do less is another matter: `at_bits`.

        Raises:
            SpecError: if its kind has not so many.
        """
        try:
            return replace(self, bits=bits, **self._made_for(bits))._above_noise()
        except ValueError as error:
            raise SpecError([f"{error}; take other bits"]) from None

    def _made_for(self, bits: int) -> Mapping[str, Any]:
        """Return what else is other in one made for so many bits."""
        return {}

    def at_bits(self, bits: int) -> AbstractConverter:
        """Return this converter as it is when it resolves fewer bits of the same range: the same part, doing less.

        A step is then larger, so that what was an error in LSB is less of one. Its own bits give the converter itself.

        Raises:
            SpecError: if it cannot, or has not so many.
        """
        if bits == self.resolution:
            return self
        raise SpecError(
            [
                f"a {type(self).__name__} converter always resolves its {self.resolution} bits, so it cannot be read "
                f"at {bits}; take another converter, such as a Sar, which can stop early"
            ]
        )

    def _reduced(self, bits: int, in_lsb: Mapping[str, float], **changes: Any) -> Any:
        """Return this converter with fewer bits, and so a larger LSB.

        Args:
            bits: of the same range.
            in_lsb: fields that are counted in LSB, beside the offset, by the power of the LSB's growth that they shrink
                with.
            changes: of other fields.

        Raises:
            SpecError: if there are not so many bits.
        """
        if not 1 <= bits <= self.resolution:
            raise SpecError(
                [f"a converter of {self.resolution} bits resolves 1 to {self.resolution}, not {bits}; give fewer bits"]
            )
        larger = 2.0 ** (self.resolution - bits)
        powers = {"offset_sigma": 1.0, **in_lsb}
        return replace(self, bits=bits, **{f: getattr(self, f) / larger**e for f, e in powers.items()}, **changes)

    @property
    def scales(self) -> Mapping[str, str]:
        """How fields follow the technology: the name of a ratio of `Scaling`, by field; `rate` is 1 / `delay`.

        What is not named stays. A converter that says nothing cannot be scaled.
        """
        return {}

    def scaled(self, to: Scaling) -> AbstractConverter:
        """Return this converter at another node and supply; no conversion takes less than thermal noise asks for.

        Raises:
            SpecError: if the class does not say how it scales, or its node is not the old one.
        """
        if self.node is not None and not math.isclose(self.node, to.old, rel_tol=1e-6):
            raise SpecError(
                [
                    f"node: a converter of {1e9 * self.node:g} nm must be scaled from there, not from "
                    f"{1e9 * to.old:g} nm; see `carried`"
                ]
            )
        new, leakage = self._scaled(to)._above_noise(), self.leakage
        return replace(
            new,
            node=None if self.node is None else to.new,
            leakage=None if leakage is None else leakage * to.leakage,
        )

    def _scaled(self, to: Scaling) -> AbstractConverter:
        """Return the same but for node and leakage, which all have."""
        if not self.scales:
            raise SpecError([f"{type(self).__name__} does not say how it follows the technology; give it `scales`"])
        return self._times({f: 1 / to.delay if r == "rate" else getattr(to, r) for f, r in self.scales.items()})

    def _above_noise(self) -> AbstractConverter:
        """Return this converter with as much more energy as thermal noise asks for, if it has less."""
        short = thermal_floor(self.resolution) / max(self.costs(1)["convert"].energy, 1e-30)
        return self if short <= 1 else self._times({f: short for f, r in self.scales.items() if r in _ENERGIES})

    def rate(self, rows: int) -> Hertz:
        """Return its conversions in a second, one after another, for a column of that many cells."""
        seconds = self.counting_time if self.concurrent else self.costs(rows)["convert"].latency
        return 1 / seconds if seconds else math.inf

    @property
    def speeds(self) -> Mapping[str, int]:
        """Fields that follow its speed: 1 for what grows with it (a clock, a power), -1 for times."""
        return {}

    def at_rate(self, rate: Hertz, corner: Hertz, rows: int = 256) -> AbstractConverter:
        """Return this converter made for so many conversions a second.

        A slower one takes the energy that it took, since powers fall with the rate. In a faster one energies of analog
        parts grow as sqrt(1 + (rate / corner)^2) does from the rate that it had: the bend of the best published
        converters' figure of merit [murmann2021]; `Technology.analog` holds the corner.

        Raises:
            SpecError: if the class does not say what its speed is, a rate is not above 0, or it takes no time now.
        """
        own, dearer = self.rate(rows), self._dearer(rate, corner, rows)
        if not self.speeds:
            raise SpecError([f"{type(self).__name__} does not say what makes it faster; give it `speeds`"])
        factors = {f: (rate / own) ** power for f, power in self.speeds.items()}
        analog = [f for f, ratio in self.scales.items() if ratio in ("analog_energy", "analog_power")]
        return self._times(factors | {f: factors.get(f, 1.0) * dearer for f in analog})

    def _dearer(self, rate: Hertz, corner: Hertz, rows: int) -> Ratio:
        """Return by how much analog energy grows where it becomes as fast."""
        own = self.rate(rows)
        if min(rate, corner) <= 0:
            raise SpecError([f"rate and corner must be above 0 Hz, not {rate:g} and {corner:g} Hz"])
        if math.isinf(own):
            raise SpecError(["a conversion must take some time before it can be made faster or slower; give it one"])
        return max(1.0, math.sqrt((1 + (rate / corner) ** 2) / (1 + (own / corner) ** 2)))

    def _times(self, factors: Mapping[str, float]) -> AbstractConverter:
        changes: dict[str, Any] = {name: getattr(self, name) * factor for name, factor in factors.items()}
        return replace(self, **changes)

    @property
    def adaptive(self) -> bool:
        """Whether transition levels are programmed to suit the data; see `mho.converters.lloyd_max`."""
        return False

    @property
    def converters_per_codebook(self) -> int:
        """How many neighbouring converters have one codebook, where it is `adaptive`; 0 for all of a row tile."""
        return 0

    @property
    def converters_per_mismatch(self) -> int:
        """How many neighbouring converters have their mismatch draws in common, such as those on one ramp."""
        return 1

    @property
    def rectifies(self) -> bool:
        """Whether signals below zero give zero."""
        return False

    def unrectified(self) -> AbstractConverter:
        """Return the converter as it reads signals of both signs: itself, unless it rectifies."""
        if self.rectifies:
            raise NotImplementedError(f"{type(self).__name__} rectifies; its class has to say how it is unrectified")
        return self

    @property
    def counting_time(self) -> Second:
        """How long the signal must last for a full count, where it converts meanwhile (`concurrent`)."""
        return 0.0

    @property
    def pulse_output(self) -> bool:
        """Whether codes leave as pulse counts that the next array takes as they are."""
        return False

    @property
    def effects(self) -> Mapping[str, AbstractConverter]:
        """This converter without one of its non-idealities, by the name of what is missing; see `mho.nonidealities`."""
        common = {"converter gain": "gain_sigma", "temperature": "gain_per_kelvin", "converter offset": "offset_sigma"}
        fields = common | dict(self.effect_fields)
        return {name: replace(self, **{f: 0.0}) for name, f in fields.items() if getattr(self, f)}

    def errors(self, draws: Mapping[str, Tensor], codebook: Tensor | None = None) -> ColumnErrors:
        """Return the column errors that standard normal draws of gain, offset and mismatch stand for.

        `draws["gain"]` and `draws["offset"]` have shape `[*columns]`, `draws["mismatch"]` `[*columns, mismatches]`.
        An on-chip trim brings each column's gain to the nearest setting. The levels of an `adaptive` converter take up
        gain and offset.
        """
        error = self.gain_sigma * draws["gain"]
        if self.trim_step > 0:
            error = error - self.trim_step * (error / self.trim_step).round()
        profile = self.profile(draws.get("mismatch"), codebook)
        if profile is not None:  # one for all columns stays one
            profile = profile.reshape(*[1] * (error.dim() + 1 - profile.dim()), *profile.shape)
        if self.adaptive:
            return ColumnErrors(torch.ones_like(error), torch.zeros_like(error), profile)
        return ColumnErrors(1 + error, self.offset_sigma * draws["offset"], profile)

    def codes(self, bipolar: bool) -> tuple[float, float]:
        """Return the lowest and the highest code: symmetric about zero, or from zero."""
        if bipolar and self.resolution < 2:
            raise SpecError(
                [
                    f"bits: a converter that reads sums of both signs has at least 2 bits, not {self.resolution}; "
                    "use more bits, or unsigned weights and inputs"
                ]
            )
        top = 2.0 ** (self.resolution - 1) - 1 if bipolar else 2.0**self.resolution - 1
        return (-top if bipolar and not self.rectifies else 0.0, top)

    def calibrate(self, errors: ColumnErrors, low: float, high: float, edges: int = 17) -> Correction:
        """Fit gain and offset of every column to the signals at which its code changes, as the chip's test does.

        Edges over the middle 90 % of the codes are searched by bisection, so neither rounding nor (averaged over many
        conversions) noise enters: an ideal converter needs no correction, whatever its number of bits. One whose
        transition levels are programmed (`adaptive`) has been calibrated by that. Where one rectifies, zero stays zero.
        """
        if self.adaptive:
            return Correction(torch.ones_like(errors.gain), torch.zeros_like(errors.gain))
        span = high - low
        margin = math.floor(0.05 * span)
        count = int(max(1, min(edges, span - 2 * margin)))
        code = torch.linspace(low + 1 + margin, high - margin, count, dtype=torch.float64).round()
        code = code.reshape(-1, *[1] * errors.gain.dim())
        gain, offset = errors.gain.double(), errors.offset.double()
        profile = None if errors.profile is None else errors.profile.double()
        below = (code - span - 1 + 0 * gain).contiguous()
        above = below + 2 * (span + 1)
        for _ in range(32):
            middle = (below + above) / 2
            reached = self.quantise_(middle * gain + offset, low, high, profile) >= code
            above, below = torch.where(reached, middle, above), torch.where(reached, below, middle)
        level = code if self.rectifies else code - 0.5
        mean_x, mean_c = above.mean(0), level.mean(0)
        if count == 1:
            return Correction(torch.ones_like(errors.gain), (mean_c - mean_x).float())
        slope = ((above - mean_x) * (level - mean_c)).sum(0) / ((above - mean_x) ** 2).sum(0)
        return Correction(slope.float(), (mean_c - slope * mean_x).float())
