"""Current-voltage laws of cells that are not ohmic."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Positive, Siemens, Volt


@dataclass(frozen=True)
class AbstractIV(ABC):
    """The current through a cell at a voltage, with g its conductance at 0 V."""

    @abstractmethod
    def current(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return the current in A."""

    @abstractmethod
    def slope(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return the differential conductance in S, positive or 0."""

    @abstractmethod
    def spice(self, g: str, v: str) -> str:
        """Return the current as an expression of SPICE, given those of the conductance and the voltage."""

    @property
    def separable(self) -> bool:
        """Whether I = g f(V): all cells bend alike, so that the law can be taken into the inputs."""
        return True

    def share(self, x: Float[Tensor, "*s"], volts: Volt) -> Float[Tensor, "*s"]:
        """Return the current at x times `volts` over that at `volts`, for a separable law."""
        return self.current(torch.ones_like(x), x * volts) / self.current(x.new_ones(()), x.new_tensor(volts))

    def largest(self, volts: Volt) -> Siemens:
        """Return the conductance that a cell cannot reach at `volts`, whatever its state."""
        return math.inf

    def at_zero(self, g: Float[Tensor, "*s"], volts: Volt) -> Float[Tensor, "*s"]:
        """Return the conductance at 0 V of cells that conduct `g` at `volts`, in S."""
        return g * (volts / self.current(g.new_ones(()).double(), g.new_tensor(volts).double()).to(g))


@dataclass(frozen=True)
class Ohmic(AbstractIV):
    """I = g V."""

    def current(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g V."""
        return g * v

    def slope(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g."""
        return g

    def spice(self, g: str, v: str) -> str:
        """Return g*v."""
        return f"{g}*{v}"


@dataclass(frozen=True)
class Sinh(AbstractIV):
    """I = g V0 sinh(V / V0): tunnelling through a filament's gap. Source: [jiang2016], Eq. 1 at a fixed gap."""

    v0: Annotated[Volt, Positive]

    def __post_init__(self) -> None:
        if not 0 < self.v0 < math.inf:
            raise ValueError(f"v0 must be above 0 V and finite, not {self.v0} V")

    def current(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g V0 sinh(V / V0)."""
        return g * self.v0 * torch.sinh(v / self.v0)

    def slope(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g cosh(V / V0)."""
        return g * torch.cosh(v / self.v0)

    def spice(self, g: str, v: str) -> str:
        """Return g*v0*sinh(v/v0)."""
        return f"{g}*{self.v0!r}*sinh({v}/{self.v0!r})"

    def share(self, x: Float[Tensor, "*s"], volts: Volt) -> Float[Tensor, "*s"]:
        """Return sinh(x v) / sinh(v), written so that nothing overflows."""
        size, v = x.abs(), volts / self.v0
        return x.sign() * ((size - 1) * v).exp() * torch.expm1(-2 * size * v) / math.expm1(-2 * v)


@dataclass(frozen=True)
class Exponential(AbstractIV):
    """I = g V0 (exp(|V| / V0) - 1) with the sign of V: a barrier or a selector in series. Source: [sze2006], Ch. 3."""

    v0: Annotated[Volt, Positive]

    def __post_init__(self) -> None:
        if not 0 < self.v0 < math.inf:
            raise ValueError(f"v0 must be above 0 V and finite, not {self.v0} V")

    def current(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g V0 (exp(|V| / V0) - 1), odd in V; V stands in front, so that its derivative at 0 V is g."""
        u = v.abs() / self.v0
        return g * v * torch.where(u > 0, torch.expm1(u) / torch.where(u > 0, u, 1.0), 1.0)

    def slope(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return g exp(|V| / V0)."""
        return g * (v.abs() / self.v0).exp()

    def spice(self, g: str, v: str) -> str:
        """Return g*v0*(exp(abs(v)/v0)-1)*sgn(v)."""
        return f"{g}*{self.v0!r}*(exp(abs({v})/{self.v0!r})-1)*sgn({v})"

    def share(self, x: Float[Tensor, "*s"], volts: Volt) -> Float[Tensor, "*s"]:
        """Return (exp(x v) - 1) / (exp(v) - 1), written so that nothing overflows."""
        size, v = x.abs(), volts / self.v0
        return x.sign() * ((size - 1) * v).exp() * torch.expm1(-size * v) / math.expm1(-v)


@dataclass(frozen=True)
class Transistor(AbstractIV):
    """An ohmic cell in series with its access transistor.

    The transistor is square-law: I = k (V_ov V_t - V_t^2 / 2) below V_ov, k V_ov^2 / 2 above, V_t the voltage across
    it; the cell takes the rest, I = g (V - V_t). Odd in V. Source: [shichman1968].
    """

    k: Annotated[float, Positive]
    """Transconductance parameter, in A / V^2."""
    overdrive: Annotated[Volt, Positive]

    @property
    def separable(self) -> bool:
        """No: the more a cell conducts, the more of the voltage its transistor takes."""
        return False

    def at_zero(self, g: Float[Tensor, "*s"], volts: Volt) -> Float[Tensor, "*s"]:
        """Return the conductance of the cell alone where cell and transistor together conduct `g` at `volts`.

        Cells beyond `largest` get what a thousandth below it stands for.
        """
        dtype, g = g.dtype, g.clamp(max=0.999 * self.largest(volts)).double()
        share = 2 * g * volts / self.k / self.overdrive**2
        # V_ov - sqrt(V_ov^2 - 2 I / k), in a form that does not cancel.
        across = self.overdrive * share / (1 + (1 - share).sqrt())
        return (g * volts / (volts - across)).to(dtype)

    def largest(self, volts: Volt) -> Siemens:
        """Return what the transistor alone conducts."""
        across = min(volts, self.overdrive)
        return self.k * (self.overdrive - across / 2) * across / volts

    def _across(self, g: Tensor, v: Tensor) -> Tensor:
        """Return the voltage across the transistor: the smaller root, in a form that does not cancel."""
        a = v.abs()
        linear = g + self.k * self.overdrive
        # k/2 t^2 - (k V_ov + g) t + g a = 0 while t < V_ov
        square = linear * linear
        root = torch.maximum(square - 2 * self.k * g * a, 1e-24 * square).sqrt()
        triode = 2 * g * a / (linear + root).clamp(min=1e-30)
        saturated = a - self.k * self.overdrive**2 / 2 / g.clamp(min=1e-30)
        return torch.where(triode < self.overdrive, triode, saturated)

    def current(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return the current through both."""
        t = self._across(g, v)
        # The channel's current, written with V in front: odd, smooth at 0, and without cancellation.
        linear = g + self.k * self.overdrive
        root = torch.maximum(linear * linear - 2 * self.k * g * v.abs(), 1e-24 * linear * linear).sqrt()
        triode = v * (2 * g * self.k * (self.overdrive - t / 2) / (linear + root).clamp(min=1e-30))
        return torch.where(t < self.overdrive, triode, v.sign() * (self.k * self.overdrive**2 / 2))

    def slope(self, g: Float[Tensor, "*s"], v: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return the series of the cell and the transistor's slope; a millionth of g in saturation."""
        t = self._across(g, v)
        channel = self.k * (self.overdrive - t).clamp(min=0)
        return g * channel / (g + channel).clamp(min=1e-30) + 1e-6 * g

    def spice(self, g: str, v: str) -> str:
        """Return the same, written out."""
        a, linear = f"abs({v})", f"({g}+{self.k * self.overdrive!r})"
        triode = f"(2*{g}*{a}/({linear}+sqrt(max({linear}**2-{2 * self.k!r}*{g}*{a},0))))"
        full = f"{self.k * self.overdrive**2 / 2!r}"
        return f"sgn({v})*(({triode}<{self.overdrive!r}) ? {g}*({a}-{triode}) : {full})"
