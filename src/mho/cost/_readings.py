"""What was published of one macro: values of figures at operating points, and which of them it is calibrated on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from mho.core import NotNegative, Number, Positive, Unit

Figure = Literal["TOPS", "TOPS/W", "TOPS/mm2", "mm2", "pJ", "fJ/product", "fJ/operation"]
"""A published quantity; pJ of one invocation of one core."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operating point of a macro; each number may be a tensor of many."""

    supply: Annotated[Number, Unit("V"), Positive]
    input_bits: Annotated[Number, Unit(""), Positive] = 1.0
    weight_bits: Annotated[Number, Unit(""), Positive] = 1.0
    output_bits: Annotated[Number, Unit(""), NotNegative] = 0.0
    slices: Annotated[Number, Unit(""), Positive] = 1.0
    """Conversions that the bits of an input are divided between."""
    stages: Annotated[Number, Unit(""), Positive] = 1.0
    """Pipeline stages along the rows."""
    activity: Annotated[Number, Unit(""), NotNegative] = 1.0
    """Mean product of input and weight over the largest one; inputs and weights have the root of it each."""


_SETTINGS = tuple(f.name for f in fields(Operation))


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Published values of one figure, over settings that are one number or a list as long as the values."""

    figure: Figure
    value: tuple[float, ...]
    where: str
    parts: tuple[str, ...] = ()
    """That the figure counts; empty for all."""
    fitted: bool | tuple[bool, ...] = False
    """Whether parts were calibrated on it."""
    supply: tuple[float, ...] = ()
    """Settings left out are nominal."""
    input_bits: tuple[float, ...] = ()
    weight_bits: tuple[float, ...] = ()
    output_bits: tuple[float, ...] = ()
    slices: tuple[float, ...] = ()
    stages: tuple[float, ...] = ()
    activity: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        length = len(self.value)
        given = {name: len(getattr(self, name)) or 1 for name in _SETTINGS}
        given["fitted"] = 1 if isinstance(self.fitted, bool) else len(self.fitted)
        wrong = [name for name, count in given.items() if count not in (1, length)]
        if not length or min(self.value, default=0.0) <= 0:
            raise ValueError(f"a sweep needs values above 0; {self.where} has {list(self.value)}")
        if wrong:
            raise ValueError(f"{wrong[0]} must be one setting or {length}, one a value, not {given[wrong[0]]}")

    def readings(self, nominal: Operation) -> Iterator[Reading]:
        """Yield each value with its operating point."""
        for i, value in enumerate(self.value):
            settings = {n: s[i if len(s) > 1 else 0] for n in _SETTINGS if (s := getattr(self, n))}
            fitted = self.fitted if isinstance(self.fitted, bool) else self.fitted[i % len(self.fitted)]
            yield Reading(self.figure, value, replace(nominal, **settings), self.parts, self.where, fitted)


@dataclass(frozen=True)
class Reading:
    """One value of a sweep."""

    figure: Figure
    value: float
    at: Operation
    parts: tuple[str, ...]
    where: str
    fitted: bool
