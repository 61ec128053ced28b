"""`AbstractDynamics`: how voltage pulses move the state of a cell."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Second, Siemens, Volt, nearest

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class AbstractDynamics(ABC):
    """A compact model of a cell under pulses: one state a cell, moved by a voltage for a time.

    What the state is (a gap, a share, a resistance) the model says; all its methods are pure, batched over any shape,
    and differentiable in state, voltage and, by `vary`, in the model's own numbers. A positive voltage is the one that
    sets (raises the conductance), whatever the terminal of the source.
    """

    @property
    @abstractmethod
    def states(self) -> tuple[float, float]:
        """The state of the lowest and that of the highest conductance."""

    @abstractmethod
    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return the current in A; the state is not moved."""

    @abstractmethod
    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return the state after one rectangular pulse.

        `draw` is standard normal and decides what differs from cycle to cycle; without it nothing does.
        """

    def pulse_energy(
        self,
        before: Float[Tensor, "*shape"],
        after: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
    ) -> Float[Tensor, "*shape"]:
        """Return what a pulse took, in J: V I t with the current at its start, where it flows through what is read."""
        return (voltage * self.current(before, voltage)).abs() * width

    def conductance(self, state: Float[Tensor, "*shape"], read_voltage: Volt) -> Float[Tensor, "*shape"]:
        """Return current over voltage at a read voltage, in S."""
        return self.current(state, torch.as_tensor(read_voltage, dtype=state.dtype, device=state.device)) / read_voltage

    def range(self, read_voltage: Volt) -> tuple[Siemens, Siemens]:
        """Return the lowest and the highest conductance at a read voltage, in S."""
        ends = torch.tensor([float(s) for s in self.states], dtype=torch.float64)
        low, high = self.conductance(ends, read_voltage).detach().tolist()
        return low, high

    def state_of(self, conductance: Float[Tensor, "*shape"], read_voltage: Volt) -> Float[Tensor, "*shape"]:
        """Return the state that conducts so at a read voltage, by bisection; outside the range, the nearest end."""
        low, high = (torch.full_like(conductance, float(s)) for s in self.states)
        for _ in range(60):
            middle = (low + high) / 2
            below = self.conductance(middle, read_voltage) < conductance
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return self._with_slope((low + high) / 2, conductance, read_voltage)

    def _with_slope(self, state: Tensor, conductance: Tensor, read_voltage: Volt) -> Tensor:
        """Give a state found by bisection the gradient of the inverse function."""
        if not conductance.requires_grad:
            return state
        with torch.enable_grad():
            at = state.detach().requires_grad_()
            seen = self.conductance(at, read_voltage)
            (slope,) = torch.autograd.grad(seen.sum(), at)
        low, high = sorted(self.range(read_voltage))
        inside = (conductance > low) & (conductance < high)
        return state + torch.where(inside, (conductance - conductance.detach()) / slope, 0.0)


def within(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Clip to a window whose ends may be tensors, so that gradients reach them."""
    ends = (torch.as_tensor(end, dtype=x.dtype, device=x.device) for end in (low, high))
    return torch.minimum(torch.maximum(x, next(ends)), next(ends))


def vary(model: _Part, **numbers: Any) -> _Part:
    """Return the model with tensors in place of some of its numbers, so that gradients reach them.

    A number that is a part of its own, as a `Branch` is, takes a varied part.

    >>> import torch
    >>> from mho.devices import load_dynamics
    >>> width = torch.tensor(0.25e-9, requires_grad=True)
    >>> model = vary(load_dynamics("stanford-rram"), gap_scale=width)
    >>> model.current(torch.tensor(1e-9), torch.tensor(0.1)).backward()
    >>> bool(width.grad > 0)
    True

    Raises:
        ValueError: if the model has no such number.
    """
    known = [f.name for f in fields(model)]  # pyright: ignore[reportArgumentType]
    changed = copy.copy(model)
    for name, value in numbers.items():
        if name not in known:
            raise ValueError(f"{type(model).__name__} has no number {name!r}; {nearest(name, known)}")
        object.__setattr__(changed, name, value)
    return changed
