"""Units: plain SI floats inside, quantities with units at the edges.

`Siemens = Annotated[float, Unit("S")]` is a float for the type checker and for torch; the spec loader reads
`"25 uS"` for it and reports print it as `25 uS`. Scaling is decimal, so `"25 uS"` is exactly `2.5e-05`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    Number = Any
    """A number, or a tensor of them, one for each of many designs; anything for the type checker, checked in tests."""
else:
    Number = float | Tensor

_PREFIXES = {
    "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
_QUANTITY = re.compile(
    r"\s*([-+]?[0-9][0-9_]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*"
)
_EXAMPLES = {
    "S": "25 uS",
    "V": "0.2 V",
    "A": "5 uA",
    "s": "130 ns",
    "J": "0.7 pJ",
    "m2": "0.5 um2",
    "W": "2 mW",
    "F": "0.7 fF",
    "Hz": "1 GHz",
    "Ohm": "0.35 Ohm",
    "Ohm*m": "30 nOhm*m",
    "m": "14 nm",
    "J/b": "8 pJ/b",
    "J/b/m": "0.1 nJ/b/m",
    "B": "8 GB",
    "B/s": "25.6 GB/s",
    "OP/s": "1.2 TOP/s",
    "": "5 %",
}


def parse_quantity(text: str, symbol: str) -> float:
    """Read a number with a unit, `parse_quantity("25 uS", "S") == 2.5e-05`.

    A bare number is taken as SI; a ratio (symbol `""`) may be written in percent.

    Raises:
        ValueError: if the text is not a finite number in that unit.
    """
    wrong = ValueError(f"expected {describe_unit(symbol)}, not {text!r}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise wrong
    digits, unit = match.groups()
    try:
        exponent = _exponent(unit, symbol)
        value = float(Decimal(digits.replace("_", "")).scaleb(exponent))
    except (KeyError, InvalidOperation):
        raise wrong from None
    if not math.isfinite(value):
        raise wrong
    return value


def _exponent(unit: str, symbol: str) -> int:
    if symbol == "":
        return {"": 0, "%": -2}[unit]
    if unit == "":
        return 0
    power = 2 if symbol.endswith("2") else 1
    if not unit.endswith(symbol):
        raise KeyError(unit)
    return power * _PREFIXES[unit[: -len(symbol)]]


def describe_unit(symbol: str) -> str:
    """Say in words what a number of this unit looks like, for error messages."""
    example = _EXAMPLES.get(symbol, f"1 {symbol}")
    return f"a ratio such as '{example}' or 0.05" if symbol == "" else f"a number in {symbol} such as '{example}'"


def format_quantity(value: float, symbol: str, digits: int = 3) -> str:
    """Write a number with an engineering prefix, `format_quantity(2.5e-05, "S") == "25 uS"`."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {symbol}".strip()
    if symbol == "":
        return f"{value:.{digits}g}"
    power = 2 if symbol.endswith("2") else 1
    exponents = {e: p for p, e in _PREFIXES.items() if p not in "µμ"} | {0: ""}
    step = 3 * power
    rounded = abs(float(f"{value:.{digits}g}"))
    exponent = math.floor(math.log10(rounded) / step + 1e-9) * 3
    exponent = min(max(exponent, min(exponents)), max(exponents) if power == 1 else 0)
    scaled = value / 10.0 ** (exponent * power)
    text = f"{scaled:.{digits}g}"
    text = text if abs(float(text)) < 10**digits else f"{scaled:.0f}"
    return f"{text} {exponents[exponent]}{symbol}"


@dataclass(frozen=True)
class Unit:
    """The unit of a float field; `Annotated[float, Unit("S")]`."""

    symbol: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read `"25 uS"` for a field of this unit (called at load only)."""
        from pydantic_core import core_schema

        def read(value: Any) -> Any:
            if isinstance(value, str):
                return parse_quantity(value, self.symbol)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"expected {describe_unit(self.symbol)}, not {value!r}")
            return float(value)

        inner = handler(float if source == float | Tensor else source)  # files hold numbers, not tensors
        return core_schema.no_info_before_validator_function(read, inner)


Siemens = Annotated[float, Unit("S")]
Volt = Annotated[float, Unit("V")]
Ampere = Annotated[float, Unit("A")]
Second = Annotated[float, Unit("s")]
Hertz = Annotated[float, Unit("Hz")]
Joule = Annotated[float, Unit("J")]
Watt = Annotated[float, Unit("W")]
Ohm = Annotated[float, Unit("Ohm")]
Farad = Annotated[float, Unit("F")]
Metre = Annotated[float, Unit("m")]
SquareMetre = Annotated[float, Unit("m2")]
JoulePerBit = Annotated[float, Unit("J/b")]
JoulePerBitMetre = Annotated[float, Unit("J/b/m")]
Byte = Annotated[float, Unit("B")]
BytePerSecond = Annotated[float, Unit("B/s")]
OperationPerSecond = Annotated[float, Unit("OP/s")]
"""A multiply-accumulate is two operations."""
Ratio = Annotated[float, Unit("")]

Positive = Gt(0)
"""A field that must be above zero: `Annotated[Siemens, Positive]`; checked at load."""
NotNegative = Ge(0)
"""A field that must be zero or above."""


_TIMES = ((365 * 86400.0, "year"), (86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def format_duration(time: Second) -> str:
    """Say a time in the largest unit that it holds.

    >>> format_duration(172800.0)
    '2 days'
    """
    for seconds, unit in _TIMES:
        if time >= seconds:
            count = time / seconds
            return f"{count:g} {unit}{'s' if count != 1 else ''}"
    return f"{time:g} seconds"
