"""Fowler-Nordheim tunnelling through the oxide of a floating gate, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Lt
from jaxtyping import Float
from torch import Tensor

from mho.core import Farad, Metre, Positive, Ratio, Second, Siemens, Source, Volt

from ._base import BOLTZMANN_EV
from ._dynamics import AbstractDynamics, within

_CHARGE = 1.602176634e-19
_PLANCK = 6.62607015e-34
_ELECTRON = 9.1093837e-31
_OXIDE = 3.9 * 8.8541878e-12
"""Permittivity of silicon dioxide, in F/m."""
_LEAST = 1 / 600
"""Fields below this share of B drive no current that a float could hold."""


@dataclass(frozen=True)
class FowlerNordheim(AbstractDynamics):
    """The floating gate under pulses on its control gate: electrons tunnel in (program) or out (erase).

    The state is the threshold V_th. With the gate at V_g the oxide sees E = a (V_g - (V_th - V_0)) / t_ox, a being the
    coupling and V_0 the threshold without charge, and carries J = A E^2 exp(-B / E). What tunnels takes from the field,
    dE/dt = -k E^2 exp(-B / E) with k = A (1 - a) / eps, so that for a constant voltage (own derivation)

        1 / E(t) = 1 / E + ln(1 + B k t exp(-B / E)) / B,

    and the threshold moves by t_ox (E - E(t)) / a: in proportion to t at first, then with ln t. Here a positive voltage
    erases (V_g is its negative), as it raises the conductance; the same oxide and law both ways unless a tip enhances
    the field of erasing. Read below threshold, g = g_max exp(-(V_th - V_low) / (n k T / q)). Electrons arrive one by
    one: a step errs by sqrt(q step / C) (Poisson; less for long pulses, which is left out).

    Source: [lenzlinger1969] for J, [compagnoni2008] for the statistics.
    """

    g_max: Annotated[Siemens, Positive]
    """At the lowest threshold."""
    slope_factor: Annotated[float, Positive]
    """n."""
    lowest: Volt
    """V_low, the threshold of the highest conductance."""
    window: Annotated[Volt, Positive]
    """From the lowest threshold to the highest."""
    neutral: Volt
    """V_0."""
    oxide: Annotated[Metre, Positive]
    """t_ox."""
    coupling: Annotated[Ratio, Positive, Lt(1)]
    """a: share of the gate's voltage that reaches the floating gate."""
    capacitance: Annotated[Farad, Positive]
    """C, between both gates."""
    barrier: Annotated[float, Positive]
    """Height of the oxide's barrier, in eV."""
    mass: Annotated[float, Positive]
    """Mass of the electron in the oxide, over that in vacuum."""
    erase_gain: Annotated[float, Positive] = 1.0
    """Field of erasing over that of programming, at equal voltages; 1 for tunnelling that is the same both ways."""
    single_electrons: bool = True
    """Whether a step errs by the number of its electrons."""
    sources: tuple[Source, ...] = ()

    @property
    def pre_factor(self) -> float:
        """A in A / V^2: q^2 / (8 pi h barrier), over the relative mass."""
        return _CHARGE**2 / (8 * math.pi * _PLANCK * self.barrier * self.mass)

    @property
    def critical_field(self) -> float:
        """B in V / m: 4 sqrt(2 m) (q barrier)^(3/2) / (3 q hbar)."""
        masses = (2 * _ELECTRON * self.mass) ** 0.5
        return 4 * masses * (_CHARGE * self.barrier) ** 1.5 / (3 * _CHARGE * _PLANCK / (2 * math.pi))

    @property
    def states(self) -> tuple[float, float]:
        """The highest and the lowest threshold."""
        return (self.lowest + self.window, self.lowest)

    def current(self, state: Float[Tensor, "*shape"], voltage: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        """Return the read current for a voltage on the drain."""
        return self.g_max * (-(state - self.lowest) / (self.slope_factor * BOLTZMANN_EV * 300.0)).exp() * voltage

    def pulse(
        self,
        state: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
        draw: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "*shape"]:
        """Return the threshold after a pulse on the gate; beyond the window it stays at the end."""
        outwards = self.coupling * (voltage + state - self.neutral) / self.oxide
        gain: Any = torch.where(outwards > 0, torch.as_tensor(self.erase_gain).to(state), 1.0)
        b = self.critical_field
        field = (outwards.abs() * gain).clamp(min=_LEAST * float(b))
        k = self.pre_factor * (1 - self.coupling) / _OXIDE * gain
        lost = field * torch.log1p(b * k * width * (-b / field).exp()) / b
        step = field * lost / (1 + lost) / gain * self.oxide / self.coupling
        if draw is not None and self.single_electrons:
            spread = (step * (_CHARGE / self.capacitance)).clamp(min=1e-40).sqrt()
            step = (step + torch.where(step > 0, spread, 0.0) * draw).clamp(min=0)
        return within(state - outwards.sign() * step, self.lowest, self.lowest + self.window)

    def pulse_energy(
        self,
        before: Float[Tensor, "*shape"],
        after: Float[Tensor, "*shape"],
        voltage: Float[Tensor, "*#shape"],
        width: Second,
    ) -> Float[Tensor, "*shape"]:
        """Return V_g Q of the control gate, in J: what charges it, and what tunnels; pumps and lines not counted."""
        gate = -voltage
        charge = self.capacitance * ((1 - self.coupling) * gate + self.coupling * (after - before))
        return gate * charge
