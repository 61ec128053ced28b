"""The memristive adaptive converter: transition levels in memristors, programmed to suit the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Joule, NotNegative, Positive, Ratio, Second, Siemens, Source, SquareMetre

from ._base import AbstractConverter
from ._codebook import Rule, combine
from ._quantise import quantise
from ._search import count


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
    the published INL and DNL are met no better: docs/concepts/converters.md.

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
    sensitivity: Annotated[Ratio, NotNegative] = 0.5
    truncation: Annotated[float, Positive] = 2.0
    variation: Annotated[Ratio, NotNegative] = 1.0
    """Scale of the devices' spread: 1 as measured, 0 for none."""
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
        """Return the cost of a conversion and the area of one converter; Q-cells and decoder double with every bit."""
        cells, codes = 2 ** (self.bits - 1), 2**self.bits
        energy = cells * (self.source_driver_energy + self.precharge_energy + self.other_energy)
        area = cells * self.core_area + codes * self.decoder_area
        return {
            "convert": Cost(self.copies * (energy + codes * self.decoder_energy), self.time),
            "part": Cost(area=self.copies * area),
        }
