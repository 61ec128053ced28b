"""A layer as a circuit: cells that are not ohmic on wires with a resistance, solved for each input."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV

from ._wiring import Wiring


@dataclass(frozen=True)
class Circuit:
    """What a tile computes with where no matrix is exact.

    That is with `ir_drop = "newton"` and a current-voltage law, and with inputs on gates and `ir_drop = "exact"`.
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
        low, _ = self.limits
        if self.wiring.wires.gates:
            seen = self.wiring.gated(self.conductance, pulses) / self.factor
            known = (low * pulses.sum(-1))[:, None, :, :, None, :, None]
            return self._digits(seen, known)
        at_zero = self.law.at_zero(self.conductance, self.read_voltage)
        step = self.read_voltage / self.steps
        volts = (pulses * step).expand(self.conductance.shape[0], *pulses.shape[1:])
        seen = self.wiring.currents(at_zero, self.law, volts) / (step * self.factor)
        # What the lowest state conducts is known, and taken off as if it came through ideal wires.
        lowest = self.law.at_zero(volts.new_full((), low), self.read_voltage).expand(volts.shape)
        driven = self.law.current(lowest, volts).sum(-1) / step  # [I, G, R, M]
        return self._digits(seen, driven[:, None, :, :, None, :, None])

    def _digits(self, seen: Tensor, offset: Tensor) -> Tensor:
        """Return digits for what lines see, per volt, less what is known of cells in the lowest state."""
        low, high = self.limits
        opposed = self.wiring.encoding.sides == 2 and self.wiring.wires.pairs in ("word lines", "source line")
        states = (seen if opposed else seen - offset) / (high - low)
        return self.wiring.encoding.digits(states.transpose(0, 1))
