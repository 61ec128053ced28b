"""A layer as a circuit: cells that are not ohmic on wires with a resistance, solved for each input."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV

from ._wiring import Wiring


@dataclass(frozen=True)
class Circuit:
    """What a tile computes with where no matrix is exact: `ir_drop = "newton"` with a current-voltage law.

    The conductance of a cell is that at the read voltage, its access transistor included; the law asks for that at 0 V.
    """

    wiring: Wiring
    law: AbstractIV
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
        at_zero = self.law.at_zero(self.conductance, self.read_voltage)
        step = self.read_voltage / self.steps
        volts = (pulses * step).expand(self.conductance.shape[0], *pulses.shape[1:])
        seen = self.wiring.currents(at_zero, self.law, volts) / (step * self.factor)
        # What the lowest state conducts is known, and taken off as if it came through ideal wires.
        lowest = self.law.at_zero(volts.new_full((), low), self.read_voltage).expand(volts.shape)
        driven = self.law.current(lowest, volts).sum(-1) / step  # [I, G, R, M]
        offset = driven[:, None, :, :, None, :, None]
        opposed = self.wiring.encoding.sides == 2 and self.wiring.wires.pairs == "word lines"
        states = (seen if opposed else seen - offset) / (high - low)
        return self.wiring.encoding.digits(states.transpose(0, 1))
