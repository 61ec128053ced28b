"""A layer as a circuit: cells that are not ohmic on wires with a resistance, solved for each input."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.arrays import Sinh

from ._wiring import Wiring


@dataclass(frozen=True)
class Circuit:
    """What a tile computes with where no matrix is exact: `ir_drop = "newton"` with a current-voltage law.

    The conductance of a cell is that at the read voltage, so the law's own at 0 V is lower by V / V0 over sinh(V / V0).
    """

    wiring: Wiring
    law: Sinh
    conductance: Float[Tensor, "I cells G R S K N"]
    """At the read voltage, in S."""
    limits: tuple[float, float]
    """The conductances of the states 0 and 1, in S."""
    factor: float
    """What targets were scaled with before they were written."""
    read_voltage: float
    steps: int
    """Of the largest pulse."""

    def sums(self, pulses: Float[Tensor, "#I G R M K"]) -> Float[Tensor, "I G R S M N"]:
        """Return what the columns sum for levels of some input vectors, in units of the slice's digit times a step."""
        low, high = self.limits
        v = self.read_voltage / self.law.v0
        at_zero = self.conductance * (v / math.sinh(v))
        step = self.read_voltage / self.steps
        volts = (pulses * step).expand(self.conductance.shape[0], *pulses.shape[1:])
        seen = self.wiring.currents(at_zero, self.law, volts) / (step * self.factor)
        # What the lowest state conducts is known, and taken off as if it came through ideal wires.
        driven = self.steps * (volts / self.law.v0).sinh().sum(-1) / math.sinh(v)  # [I, G, R, M]
        offset = low * driven[:, None, :, :, None, :, None]
        opposed = self.wiring.encoding.sides == 2 and self.wiring.wires.pairs == "word lines"
        states = (seen if opposed else seen - offset) / (high - low)
        return self.wiring.encoding.digits(states.transpose(0, 1))
