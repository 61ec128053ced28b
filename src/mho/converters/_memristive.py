"""The memristive adaptive converter: transition levels in memristors, programmed to suit the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Second, Siemens, Source, SquareMetre

from ._base import AbstractConverter
from ._codebook import Rule, combine
from ._quantise import quantise
from ._search import count


@dataclass(frozen=True)
class LevelTargets:
    """Which conductances put the edges of Q-cells on some transition levels."""

    conductance: Float[Tensor, "*columns levels"]
    """In S, of the device of each level."""
    upper: Bool[Tensor, "levels"]
    """Whether it is an M2, whose edge ends a window; else an M1."""
    stretch: Float[Tensor, "*columns"]
    """How much wider full scale has to be than for levels that are evenly spread over the same range, 1 to 2."""


@dataclass(frozen=True)
class Memristive(AbstractConverter):
    """2^(b - 1) Q-cells with overlapping windows, each of whose edges is one transition level.

    Levels are written in a closed loop, column by column, so that gain and offset of a column go into them. What is
    left is how far devices come out: with a standard deviation of v of the window of conductances a transition level is
    off by `sensitivity` v of full scale, at most by `truncation` standard deviations. The code is the number of levels
    at or below the signal (one cell toggles at each; levels that swap places count as sorted).

    With `copies` above one, as many converters of equal levels read the signal. `rule = "boundary"`: where two differ,
    the signal lies near the transition level between, and that is the result (super-resolution). `"vote"`: the code
    that most of them give.

    How far a level moves with its device is taken as equal for all levels. An edge of a Q-cell moves two to three times
    as much where its conductance is low (`QCell.edge`), but the measured converter does not show it, and with that map
    the published INL and DNL are met no better: docs/concepts/adaptive-converter.md.

    Source: [hong2025].
    """

    bit_range = (2, 8)
    states: tuple[Siemens, ...]
    """Conductances of the devices that were measured, rising; transition levels rise with them."""
    state_sigmas: tuple[Siemens, ...]
    """Standard deviation of the devices in each state, after closed-loop programming."""
    source_driver_energy: Annotated[Joule, NotNegative]
    """For each Q-cell, as the next three."""
    precharge_energy: Annotated[Joule, NotNegative]
    other_energy: Annotated[Joule, NotNegative]
    core_area: Annotated[SquareMetre, NotNegative]
    decoder_energy: Annotated[Joule, NotNegative]
    """For each code, as the next one."""
    decoder_area: Annotated[SquareMetre, NotNegative]
    time: Annotated[Second, Positive]
    write_energy: Annotated[Joule, NotNegative]
    """Of writing one device in its closed loop, as the next one."""
    write_time: Annotated[Second, NotNegative]
    sensitivity: Annotated[Ratio, NotNegative] = 0.5
    truncation: Annotated[float, Positive] = 2.0
    variation: Annotated[Ratio, NotNegative] = 1.0
    """Scale of the devices' spread: 1 as measured, 0 for none."""
    stretched: bool = False
    """Whether a spread counts for as much more as levels that are unevenly spread ask for (`targets`); the published
    rule takes it of the range of the levels alone.
    """
    copies: int = 1
    rule: Rule = "boundary"
    group: int = 0
    """Neighbouring converters that have one set of levels in common; 0 for all of a row tile."""
    conversion_noise: Annotated[float, NotNegative] = 0.0
    """Noise of one conversion in LSB of equal steps."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.states) != len(self.state_sigmas) or len(self.states) < 2:
            raise ValueError(
                f"states and state_sigmas must be as many, at least two, not {len(self.states)} and "
                f"{len(self.state_sigmas)}"
            )
        if self.copies < 1 or (self.copies != 2 and self.copies > 1 and self.rule == "boundary"):
            raise ValueError(
                f'copies must be 1, or 2 for rule = "boundary", or more for "vote", not {self.copies} for {self.rule!r}'
            )
        if self.group < 0:
            raise ValueError(f"group must be a number of converters, or 0 for all of a row tile, not {self.group}")

    def with_spread(self, share: float) -> Memristive:
        """Return this converter with devices that spread by `share` of the window in every state."""
        window = self.states[-1] - self.states[0]
        return replace(self, variation=1.0, state_sigmas=(share * window,) * len(self.states))

    def targets(self, transitions: Float[Tensor, "*columns levels"]) -> LevelTargets:
        """Return what devices have to be written for some transition levels, rising, in any unit.

        Edges of the first memristors of the cells, M1, are the levels below the middle one, and move over the lower
        half of full scale with their conductance; those of M2 are the middle one and those above, and move over the
        upper half (`windows`). What stands before the converter puts the signals there: gain and zero are chosen so
        that the devices use as much of their window as the levels let them, so that all levels can be reached. Where
        the middle level is not in the middle, one half is used in part, and a spread of the devices moves the levels
        by `stretch` times as much as where levels are evenly spread over the same range. Source of windows: [hong2025].
        """
        if transitions.shape[-1] != self._levels:
            raise ValueError(f"{self.bits} bits have {self._levels} transition levels, not {transitions.shape[-1]}")
        middle = 2 ** (self.bits - 1) - 1
        least, most = transitions[..., :1], transitions[..., -1:]
        centre = torch.clamp((least + most) / 2, transitions[..., middle - 1 : middle], transitions[..., middle, None])
        half = torch.maximum(centre - least, most - centre)
        full = 2 * half * 2**self.bits / (2**self.bits - 2)  # as far as equal steps of so many bits would reach
        share = torch.where(full > 0, 0.5 + (transitions - centre) / full, 0.5)
        upper = torch.arange(self._levels, device=transitions.device) >= middle
        position = (2 * (share - 0.5 * upper)).clamp(0, 1)
        window = self.states[-1] - self.states[0]
        even = (most - least) * (2**self.bits / (2**self.bits - 2))
        stretch = torch.where(even > 0, full / even.clamp(min=torch.finfo(even.dtype).tiny), 1.0)
        return LevelTargets(self.states[0] + window * position, upper, stretch[..., 0])

    @property
    def noise(self) -> float:
        """Noise of one conversion."""
        return self.conversion_noise

    @property
    def adaptive(self) -> bool:
        """Yes."""
        return True

    @property
    def converters_per_codebook(self) -> int:
        """As `group` says."""
        return self.group

    @property
    def _levels(self) -> int:
        return 2**self.bits - 1

    @property
    def mismatches(self) -> int:
        """One for each transition level of each copy."""
        return self._levels * self.copies

    def spread(self) -> Float[Tensor, "levels"]:
        """Return the standard deviation of each transition level, of full scale."""
        share = torch.arange(1.0, 2**self.bits) / 2**self.bits
        position = share * (len(self.states) - 1)
        below = position.long().clamp(max=len(self.states) - 2)
        sigma = torch.tensor(self.state_sigmas)
        at = torch.lerp(sigma[below], sigma[below + 1], position - below)
        return self.variation * self.sensitivity * at / (self.states[-1] - self.states[0])

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return transition levels of all copies, then those wanted, then the levels, all counted from the lowest code.

        Without a codebook steps are equal and levels are codes.
        """
        if codebook is None:
            steps = torch.arange(0.0, 2**self.bits)
            wanted, levels = steps[1:] - 0.5, steps
            span = torch.tensor(2.0**self.bits)
        else:
            wanted, levels = codebook[..., 0, :-1], codebook[..., 1, :]
            span = (levels[..., -1:] - levels[..., :1]) * (2**self.bits / self._levels)
            if self.stretched:
                span = span * self.targets(wanted).stretch.unsqueeze(-1)
        written = [wanted] * self.copies
        if z is not None and self.variation:
            limit = self.truncation
            shift = z.unflatten(-1, (self.copies, -1)).clamp(-limit, limit) * self.spread() * span.unsqueeze(-1)
            written = list((wanted.unsqueeze(-2) + shift).sort(-1).values.unbind(-2))
        parts = [*written, wanted, levels]
        lead = torch.broadcast_shapes(*(p.shape[:-1] for p in parts))
        return torch.cat([p.expand(*lead, p.shape[-1]) for p in parts], -1)

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Count transition levels below the signal and look the level up; where the profile asks for it with gradients
        of the levels, in a new tensor.
        """
        if profile is None:
            return signal.round_().clamp_(low, high)
        n = self._levels
        above = signal.sub_(low)
        written = [profile[..., i * n : (i + 1) * n] for i in range(self.copies)]
        wanted, levels = profile[..., -2 * n - 1 : -n - 1], profile[..., -n - 1 :]
        together = combine([count(above, t) for t in written], wanted, levels, self.rule).add_(low).clamp_(low, high)
        if not (profile.requires_grad and torch.is_grad_enabled()):
            return signal.copy_(together)
        one = quantise(above, written[0], levels)
        return one + (together - one).detach()  # what all copies give, with the gradients of one

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Noise, and the spread of the devices."""
        return {"converter noise": "conversion_noise", "level variation": "variation"}

    @property
    def scales(self) -> Mapping[str, str]:
        """Q-cells are analog, the decoder is gates."""
        return {
            "source_driver_energy": "analog_energy",
            "precharge_energy": "analog_energy",
            "other_energy": "analog_energy",
            "core_area": "analog_area",
            "decoder_energy": "energy",
            "decoder_area": "area",
            "time": "delay",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """Precharge and evaluation of the lines."""
        return {"time": -1}

    def at_bits(self, bits: int) -> Memristive:
        """Use fewer Q-cells, whose levels are written anew."""
        return self._reduced(bits, {"conversion_noise": 1})

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion, the area of one converter, and what writing all its levels takes.

        Q-cells and decoder double with every bit; devices are written one after another.
        """
        cells, codes = 2 ** (self.bits - 1), 2**self.bits
        energy = cells * (self.source_driver_energy + self.precharge_energy + self.other_energy)
        area = cells * self.core_area + codes * self.decoder_area
        return {
            "convert": Cost(self.copies * (energy + codes * self.decoder_energy), self.time),
            "part": Cost(area=self.copies * area),
            "write": self.copies * self._levels * Cost(self.write_energy, self.write_time),
        }
