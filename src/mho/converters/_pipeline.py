"""Pipeline and cyclic converters: one bit a stage with redundancy, the rest doubled and passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from mho.core import Cost, Hertz, Joule, NotNegative, Positive, Ratio, Source, SquareMetre

from ._base import AbstractConverter


@dataclass(frozen=True)
class Pipeline(AbstractConverter):
    """The pipeline converter of 1.5-bit stages; with `cyclic` one stage that is used again and again.

    A stage subtracts -1, 0 or 1 of half the range and doubles the rest, r' = 2 (1 + e) r - d; the last one rounds.
    Decisions may err by a quarter of the range without harm: only errors e of the gain bend the transfer.
    """

    bit_range = (2, 14)
    clock: Annotated[Hertz, Positive]
    """A stage's decisions per second."""
    stage_energy: Annotated[Joule, NotNegative]
    stage_area: Annotated[SquareMetre, NotNegative]
    cyclic: bool = False
    mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Standard deviation of a stage's gain error e."""
    decision_mismatch: Annotated[Ratio, NotNegative] = 0.0
    """Standard deviation of a stage's decision levels, of half the range."""
    conversion_noise: Annotated[float, NotNegative] = 0.0
    """Noise of one conversion in LSB."""
    sources: tuple[Source, ...] = ()

    @property
    def noise(self) -> float:
        """Noise of one conversion."""
        return self.conversion_noise

    @property
    def _stages(self) -> int:
        """Stages before the one that rounds."""
        return self.bits - 2

    @property
    def mismatches(self) -> int:
        """Gain and decision level of each stage that there is."""
        stages = min(self._stages, 1) if self.cyclic else self._stages
        return 2 * stages if self.mismatch or self.decision_mismatch else 0

    def profile(self, z: Tensor | None, codebook: Tensor | None = None) -> Tensor | None:
        """Return gain errors, then decision levels of all stages."""
        if z is None or not self.mismatches:
            return None
        gains, levels = z.chunk(2, -1)
        shape = (*z.shape[:-1], self._stages)
        return torch.cat([self.mismatch * gains.expand(shape), self.decision_mismatch * levels.expand(shape)], -1)

    def quantise_(self, signal: Tensor, low: float, high: float, profile: Tensor | None = None) -> Tensor:
        """Round, or with real stages go through them one by one."""
        if profile is None:
            return signal.round_().clamp_(low, high)
        middle = 2.0 ** (self.bits - 1) if low == 0 else 0.0
        rest = signal.sub_(middle).mul_(0.5 ** (self.bits - 1))
        code = torch.full_like(signal, middle)
        for stage in range(self._stages):
            level = profile[..., self._stages + stage]
            digit = (rest >= 0.25 + level).to(rest.dtype) - (rest < -0.25 + level).to(rest.dtype)
            rest = 2 * (1 + profile[..., stage]) * rest - digit
            code.add_(digit, alpha=2.0 ** (self.bits - 2 - stage))
        return signal.copy_(code.add_((2 * rest).round_().clamp_(-2, 2))).clamp_(low, high)

    @property
    def effect_fields(self) -> Mapping[str, str]:
        """Noise and gain errors of the stages; decision levels do not matter."""
        return {"converter noise": "conversion_noise", "stage gain": "mismatch"}

    @property
    def scales(self) -> Mapping[str, str]:
        """Stages are analog; the clock follows the gates."""
        return {
            "clock": "rate",
            "stage_energy": "analog_energy",
            "stage_area": "analog_area",
        }

    @property
    def speeds(self) -> Mapping[str, int]:
        """Stages."""
        return {"clock": 1}

    def at_bits(self, bits: int) -> Pipeline:
        """Leave the last stages out."""
        return self._reduced(bits, {"conversion_noise": 1})

    def costs(self, rows: int) -> Mapping[str, Cost]:
        """Return the cost of a conversion and the area of one converter.

        A pipeline takes a sample every cycle (its latency here is that interval), a cyclic one all stages in turn.
        """
        stages = self._stages + 1
        return {
            "convert": Cost(stages * self.stage_energy, (stages if self.cyclic else 1) / self.clock),
            "part": Cost(area=self.stage_area * (1 if self.cyclic else stages)),
        }
