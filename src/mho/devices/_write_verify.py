"""Closed-loop writing: pulse, read, compare, until the conductance is where it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mho.core import NotNegative, Positive, Ratio, Second, Seed, Siemens, Source, Volt

from ._dynamics import AbstractDynamics


@dataclass(frozen=True)
class Writing:
    """What a write-verify loop did to each cell."""

    conductance: Float[Tensor, "*shape"]
    """In S, without the noise of a read."""
    pulses: Float[Tensor, "*shape"]
    """Set and reset pulses."""
    accepted: Bool[Tensor, "*shape"]
    """Whether the last read was within the tolerance."""
    energy: Float[Tensor, "*shape"]
    """Of the pulses, in J, as their model says."""
    time: Float[Tensor, "*shape"]
    """Of pulses and reads, in s, one cell after the other."""

    @property
    def yield_(self) -> float:
        """Share of the cells that were accepted."""
        return float(self.accepted.double().mean())


@dataclass(frozen=True)
class WriteVerify:
    """The loop: read; stop within the tolerance; else a set or a reset pulse towards the target; again.

    Pulses of one direction grow by `step` each; the first one after a change of direction starts from the bottom, as in
    incremental-step-pulse programming. A read errs by `read_sigma`.
    """

    tolerance: Annotated[Siemens, Positive]
    """Half the width of the window of acceptance."""
    set_voltage: Annotated[Volt, Positive]
    reset_voltage: Annotated[Volt, Positive]
    """Its size; it is applied with the opposite sign."""
    width: Annotated[Second, Positive]
    max_pulses: int
    step: Annotated[Volt, NotNegative] = 0.0
    read_voltage: Annotated[Volt, Positive] = 0.2
    read_time: Annotated[Second, NotNegative] = 0.0
    read_sigma: Annotated[Ratio, NotNegative] = 0.0
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.max_pulses < 1:
            raise ValueError(f"max_pulses must be at least 1, not {self.max_pulses}")

    def write(self, dynamics: AbstractDynamics, target: Float[Tensor, "*shape"], seed: Seed) -> Writing:
        """Write targets, in S, into cells that start at the lowest conductance."""
        target = target.double()
        state = torch.full_like(target, dynamics.states[0])
        pulses, energy, reads = (torch.zeros_like(target) for _ in range(3))
        run, before = torch.zeros_like(target), torch.zeros_like(target)
        accepted = torch.zeros_like(target, dtype=torch.bool)
        up, down = target.new_tensor(self.set_voltage), target.new_tensor(self.reset_voltage)

        def draw(name: str, i: int) -> Tensor:
            return seed.child(name, i).normal(tuple(target.shape)).double()

        for i in range(self.max_pulses + 1):
            g = dynamics.conductance(state, self.read_voltage)
            seen = g * (1 + self.read_sigma * draw("read", i)) if self.read_sigma else g
            reads = reads + (~accepted)
            accepted = accepted | ((seen - target).abs() <= self.tolerance)
            if i == self.max_pulses or bool(accepted.all()):
                break
            direction = (target - seen).sign()
            run = torch.where(direction == before, run + 1, torch.zeros_like(run))
            before = direction
            size = torch.where(direction > 0, up, down) + self.step * run
            voltage = torch.where(accepted, 0.0, direction * size)
            moved = torch.where(accepted, state, dynamics.pulse(state, voltage, self.width, draw("pulse", i)))
            energy = energy + dynamics.pulse_energy(state, moved, voltage, self.width)
            state = moved
            pulses = pulses + (~accepted)
        g = dynamics.conductance(state, self.read_voltage)
        time = pulses * self.width + reads * self.read_time
        return Writing(g, pulses, accepted, energy, time)
