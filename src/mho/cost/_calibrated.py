"""One published macro, part by part: what each part takes an action, how often it acts, what the supply does to it.

The laws of `Macro` belong to no chip; this is the opposite, constants of one chip only, calibrated on few of its
published figures so that the others test how they change with supply, bits and stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from mho.core import (
    Cost,
    CostTree,
    Joule,
    Loader,
    Metre,
    NotNegative,
    Number,
    Positive,
    Ratio,
    Room,
    Second,
    Source,
    SpecError,
    SquareMetre,
    Volt,
)
from mho.digital import load_technology

from ._readings import Operation, Reading, Sweep

Per = Literal["invocation", "phase", "slice", "integration", "decision", "ripple", "value", "product"]
"""What an action is counted by, see `CalibratedMacro.counts`."""
SupplyLaw = Literal["switched", "resistive", "biased", "fixed"]
_EXPONENTS: Mapping[SupplyLaw, tuple[int, int]] = {
    "switched": (2, 0),  # C V^2
    "resistive": (2, 1),  # V^2 / R as long as it lasts
    "biased": (1, 1),  # I V as long as it lasts
    "fixed": (0, 0),  # on a supply of its own
}
"""Of the supply and of the time in the energy of an action."""


@dataclass(frozen=True, kw_only=True)
class CalibratedPart:
    """A part of a macro: energy and time of an action at the nominal supply."""

    name: str
    per: Per
    copies: Annotated[Ratio, Positive] = 1.0
    """So many act at once, each with `energy`."""
    energy: Annotated[Joule, NotNegative] = 0.0
    time: Annotated[Second, NotNegative] = 0.0
    """Of one action, where the parts that follow wait for it."""
    area: Annotated[SquareMetre, NotNegative] = 0.0
    """Of all copies."""
    law: SupplyLaw = "switched"


@dataclass(frozen=True, kw_only=True)
class CalibratedMacro:
    """A published macro: its array, its parts, and what was published of it.

    Energy of a part is energy an action x copies x count x (V / V_0)^a (t / t_0)^b, with a and b of its supply law;
    time goes with the delay of gates, V / (V - V_t)^alpha [sakurai1990].
    """

    title: str
    node: Annotated[Metre, Positive]
    rows: Annotated[Ratio, Positive]
    """Products summed at once."""
    columns: Annotated[Ratio, Positive]
    cell_bits: Annotated[Ratio, Positive] = 1.0
    """Bits of a weight in a column."""
    spare_columns: Annotated[Ratio, NotNegative] = 0.0
    """Columns that a sum takes beside those of the weight."""
    phase_bits: Annotated[Ratio, Positive] = 1.0
    """Bits of an input that one phase takes."""
    sign_bits: Annotated[Ratio, NotNegative] = 0.0
    """Bits of an input that take no phase, since pulses have a sign."""
    cores: Annotated[Ratio, Positive] = 1.0
    threshold: Annotated[Volt, Positive] | None = None
    """Of the delay's law; None for that of the technology table."""
    nominal: Operation
    parts: tuple[CalibratedPart, ...]
    sweeps: tuple[Sweep, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.threshold is not None and self.threshold >= float(self.nominal.supply):
            raise ValueError(
                f"threshold must lie below the nominal supply of {float(self.nominal.supply):g} V, "
                f"not at {self.threshold:g} V"
            )
        names = [p.name for p in self.parts]
        if len(names) != len(set(names)) or not names:
            raise ValueError(f"a macro needs parts with names of their own, not {names}")
        for sweep in self.sweeps:
            for name in sweep.parts:
                if name not in names:
                    raise ValueError(f"{sweep.where} counts a part {name!r}; the macro has {', '.join(names)}")

    def at(self, **settings: Number) -> Operation:
        """Return the nominal operating point with other settings: `macro.at(supply=0.8, input_bits=4)`."""
        return replace(self.nominal, **settings)

    def width(self, at: Operation) -> Tensor:
        """Return the columns that one sum takes."""
        return (_t(at.weight_bits) / self.cell_bits).ceil() + self.spare_columns

    def operations(self, at: Operation) -> Tensor:
        """Return the operations of one invocation of one core, two a product of an input and a weight."""
        return 2 * self.rows * (self.columns / self.width(at)).floor()

    def counts(self, at: Operation) -> dict[Per, Tensor]:
        """Return how often each kind of action happens in one invocation.

        A *phase* drives `phase_bits` of all inputs. Where bits are weighted by time, a phase of significance 2^k is
        followed by 2^k *integrations*, and each *slice* of the bits is converted by as many *decisions* as its output
        has bits, less those of the slices before it. A *ripple* is an adder that the sum passes, along the rows of a
        stage and the columns of a weight. *value* goes with the inputs, *product* with the products.
        """
        bits = (_t(at.input_bits) - self.sign_bits).clamp(min=1)
        phases = (bits / self.phase_bits).ceil()
        slices, activity = _t(at.slices), _t(at.activity)
        integrations, decisions, seen = torch.zeros_like(phases), torch.zeros_like(phases), torch.zeros_like(phases)
        for k in range(int(slices.max())):
            size = ((bits - seen) / (slices - k).clamp(min=1)).ceil() * (slices > k)
            integrations = integrations + 2**size - 1
            decisions = decisions + (_t(at.output_bits) - seen).clamp(min=0) * (slices > k)
            seen = seen + size
        return {
            "invocation": torch.ones_like(phases),
            "phase": phases,
            "slice": slices,
            "integration": integrations,
            "decision": decisions,
            "ripple": phases * (self.rows / _t(at.stages) + self.width(at)),
            "value": phases * activity.sqrt(),
            "product": phases * activity,
        }

    def slower(self, at: Operation) -> Tensor:
        """Return the delay of a gate over that at the nominal supply.

        Source: alpha-power law [sakurai1990].

        Raises:
            SpecError: if the supply is not above the threshold voltage.
        """
        table, supplies = load_technology(), (_t(at.supply), _t(self.nominal.supply))
        if self.threshold is None:
            now, then = (_t(table.relative_delay(self.node, v)) for v in supplies)
            return now / then
        if not bool((supplies[0] > self.threshold).all()):
            lowest = float(supplies[0].min())
            raise SpecError([f"supply: must be above the chip's threshold, {self.threshold:.2f} V, not {lowest:g} V"])
        now, then = (v / (v - self.threshold) ** table.alpha for v in supplies)
        return now / then

    def actions(self, at: Operation) -> dict[str, Tensor]:
        """Return by what the energy of each part is multiplied: copies, count and supply."""
        counts, slower = self.counts(at), self.slower(at)
        volts = _t(at.supply) / _t(self.nominal.supply)
        out: dict[str, Tensor] = {}
        for part in self.parts:
            a, b = _EXPONENTS[part.law]
            out[part.name] = part.copies * counts[part.per] * volts**a * slower**b
        return out

    def energy(self, at: Operation | None = None) -> dict[str, Tensor]:
        """Return the energy in J of one invocation of one core, by part."""
        actions = self.actions(at or self.nominal)
        return {part.name: part.energy * actions[part.name] for part in self.parts}

    def time(self, at: Operation | None = None) -> dict[str, Tensor]:
        """Return the time in s of one invocation, by the parts that follow each other."""
        at = at or self.nominal
        counts, slower = self.counts(at), self.slower(at)
        return {part.name: part.time * counts[part.per] * slower for part in self.parts}

    def cost(self, at: Operation | None = None) -> CostTree:
        """Return energy and time of one invocation of one core and its area; parts add up to the total."""
        energy, time = self.energy(at), self.time(at)
        return CostTree.of(
            self.title, {p.name: Cost(float(energy[p.name]), float(time[p.name]), p.area) for p in self.parts}
        )

    def figure(self, figure: str, at: Operation | None = None, parts: Iterable[str] = ()) -> Tensor:
        """Return a published kind of figure, as TOPS/W, at an operating point, counting some parts or all of them.

        Raises:
            ValueError: if there is no such figure.
        """
        at = at or self.nominal
        known = {p.name for p in self.parts}
        counted = set(parts) or known
        if odd := counted - known:
            raise ValueError(f"{self.title} has the parts {', '.join(sorted(known))}, not {', '.join(sorted(odd))}")
        if not bool((self.operations(at) > 0).all()):
            raise ValueError(
                f"weights must fit into {self.columns:g} columns, not take {float(self.width(at).max()):g}"
            )
        operations = self.operations(at)
        energy = _sum(e for name, e in self.energy(at).items() if name in counted)
        rate = operations / _sum(self.time(at).values())
        area = sum(p.area for p in self.parts if p.name in counted)
        ways: Mapping[str, Callable[[], Tensor]] = {
            "TOPS": lambda: 1e-12 * rate * self.cores,
            "TOPS/W": lambda: 1e-12 * operations / energy,
            "TOPS/mm2": lambda: 1e-18 * rate / area,
            "mm2": lambda: _t(1e6 * area),
            "pJ": lambda: 1e12 * energy,
            "fJ/product": lambda: 2e15 * energy / operations,
            "fJ/operation": lambda: 1e15 * energy / operations,
        }
        if figure not in ways:
            raise ValueError(f"a figure is one of {', '.join(ways)}, not {figure!r}")
        return ways[figure]()

    def readings(self) -> list[Reading]:
        """Return every published value with the operating point it belongs to."""
        return [reading for sweep in self.sweeps for reading in sweep.readings(self.nominal)]


def _t(value: Number) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _sum(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(torch.broadcast_tensors(*values)).sum(0)


_ROOM = Room(CalibratedMacro, {}, "calibrated")


def load_calibrated(name_or_path: str) -> CalibratedMacro:
    """Load a calibrated macro: a preset such as `"wang-22nm"`, or a TOML file of your own.

    >>> macro = load_calibrated("wang-22nm")
    >>> f"{float(macro.figure('TOPS/W')):.1f} TOPS/W at {macro.nominal.supply} V"
    '16.4 TOPS/W at 1.0 V'
    """
    return Loader((_ROOM,)).load(CalibratedMacro, name_or_path)


def calibrated_names() -> list[str]:
    """Return the presets of `load_calibrated`."""
    return list(Loader((_ROOM,)).presets(CalibratedMacro))
