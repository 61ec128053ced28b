"""Quantities with units are read exactly, written readably, and refused in one sentence."""

import math

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Joule, Ratio, Siemens, SquareMetre, Unit, format_quantity, parse_quantity

SYMBOLS = ["S", "V", "A", "s", "J", "W", "F", "Hz", "Ohm", "m"]
PREFIXES = {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}


@pytest.mark.parametrize(
    ("text", "symbol", "value"),
    [
        ("25 uS", "S", 2.5e-05),  # the naive product is 2.4999999999999998e-05
        ("25 µS", "S", 2.5e-05),  # MICRO SIGN
        ("25 μS", "S", 2.5e-05),  # GREEK SMALL LETTER MU
        ("25uS", "S", 2.5e-05),
        ("  25   uS ", "S", 2.5e-05),
        ("0.1 V", "V", 0.1),
        ("-1.5e-3 mV", "V", -1.5e-06),
        (".5e-3 V", "V", 0.0005),
        ("1_000 nS", "S", 1e-06),
        ("130 ns", "s", 1.3e-07),
        ("5 m", "m", 5.0),
        ("5 mm", "m", 0.005),
        ("3.3 GHz", "Hz", 3.3e9),
        ("0.7", "J", 0.7),
        ("5 %", "", 0.05),
        ("7.09%", "", 0.0709),
        ("0.05", "", 0.05),
        ("0.5 um2", "m2", 5e-13),
        ("1 mm2", "m2", 1e-06),
        ("2 m2", "m2", 2.0),
        ("8 pJ/b", "J/b", 8e-12),
        ("40.5 pJ/b/m", "J/b/m", 4.05e-11),
        ("25.6 GB/s", "B/s", 2.56e10),
        ("4 GB", "B", 4e9),
        ("1.2 TOP/s", "OP/s", 1.2e12),
    ],
)
def test_parse_is_exact_in_decimal(text: str, symbol: str, value: float) -> None:
    assert parse_quantity(text, symbol) == value


@given(st.integers(-9999, 9999), st.sampled_from(sorted(PREFIXES)), st.sampled_from(SYMBOLS))
def test_parse_equals_the_literal(number: int, prefix: str, symbol: str) -> None:
    assert parse_quantity(f"{number} {prefix}{symbol}", symbol) == float(f"{number}e{PREFIXES[prefix]}")


@pytest.mark.parametrize(
    ("text", "symbol", "message"),
    [
        ("25 V", "S", "expected a number in S such as '25 uS', not '25 V'"),
        ("25 S", "V", "expected a number in V such as '0.2 V', not '25 S'"),
        ("25 S", "s", "expected a number in s such as '130 ns', not '25 S'"),
        ("1 A", "J", "expected a number in J such as '0.7 pJ', not '1 A'"),
        ("1 um", "m2", "expected a number in m2 such as '0.5 um2', not '1 um'"),
        ("1 um2", "m", "expected a number in m such as '14 nm', not '1 um2'"),
        ("1 J", "W", "expected a number in W such as '2 mW', not '1 J'"),
        ("1 C", "F", "expected a number in F such as '0.7 fF', not '1 C'"),
        ("1 s", "Hz", "expected a number in Hz such as '1 GHz', not '1 s'"),
        ("1 S", "Ohm", "expected a number in Ohm such as '0.35 Ohm', not '1 S'"),
        ("1 V", "A", "expected a number in A such as '5 uA', not '1 V'"),
        ("1 V", "", "expected a ratio such as '5 %' or 0.05, not '1 V'"),
        ("5 %", "V", "expected a number in V such as '0.2 V', not '5 %'"),
        ("1 K", "K", None),
        ("5 days", "s", "expected a number in s such as '130 ns', not '5 days'"),
        ("5 US", "S", "expected a number in S such as '25 uS', not '5 US'"),
        ("", "V", "expected a number in V such as '0.2 V', not ''"),
        ("V", "V", "expected a number in V such as '0.2 V', not 'V'"),
        ("1 2 V", "V", "expected a number in V such as '0.2 V', not '1 2 V'"),
        ("nan V", "V", "expected a number in V such as '0.2 V', not 'nan V'"),
        ("inf", "V", "expected a number in V such as '0.2 V', not 'inf'"),
        ("1e400 V", "V", "expected a number in V such as '0.2 V', not '1e400 V'"),
        ("1e99999999999999999999 V", "V", "expected a number in V such as '0.2 V', not '1e99999999999999999999 V'"),
        ("0x10 V", "V", "expected a number in V such as '0.2 V', not '0x10 V'"),
    ],
)
def test_wrong_unit_sentence(text: str, symbol: str, message: str | None) -> None:
    if message is None:  # a unit without an example of its own still reads and refuses
        assert parse_quantity(text, symbol) == 1.0
        text, message = "1 V", f"expected a number in {symbol} such as '1 {symbol}', not '1 V'"
    with pytest.raises(ValueError, match="expected") as error:
        parse_quantity(text, symbol)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "symbol", "text"),
    [
        (2.5e-05, "S", "25 uS"),
        (1.3e-07, "s", "130 ns"),
        (0.0, "S", "0 S"),
        (-3e-09, "V", "-3 nV"),
        (999.9999, "S", "1 kS"),
        (9.999e-07, "S", "1 uS"),
        (123456.0, "Hz", "123 kHz"),
        (1e16, "Hz", "10000 THz"),
        (6.34e-07, "m2", "634000 um2"),
        (1e-06, "m2", "1 mm2"),
        (0.0709, "", "0.0709"),
        (math.inf, "s", "inf s"),
    ],
)
def test_format(value: float, symbol: str, text: str) -> None:
    assert format_quantity(value, symbol) == text


@given(
    st.floats(min_value=1e-17, max_value=1e14), st.booleans(), st.sampled_from([*SYMBOLS, "m2", ""]), st.integers(1, 12)
)
def test_format_then_parse_is_identity_to_the_digits_kept(value: float, minus: bool, symbol: str, digits: int) -> None:
    value = -value if minus else value
    text = format_quantity(value, symbol, digits)
    assert parse_quantity(text, symbol) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))
    if symbol:
        assert "e" not in text.split()[0]


@given(st.floats(min_value=1e-15, max_value=1e14), st.sampled_from(SYMBOLS))
def test_mantissa_is_between_one_and_a_thousand(value: float, symbol: str) -> None:
    mantissa = float(format_quantity(value, symbol).split()[0])
    assert 1 <= mantissa < 1000


def test_annotated_float_reads_numbers_and_texts() -> None:
    siemens = pydantic.TypeAdapter(Siemens)
    assert siemens.validate_python("25 uS") == 2.5e-05
    assert siemens.validate_python(1) == 1.0
    assert isinstance(siemens.validate_python(1), float)
    assert pydantic.TypeAdapter(SquareMetre).validate_python("0.5 um2") == 5e-13
    assert pydantic.TypeAdapter(Ratio).validate_python("21 %") == 0.21


@pytest.mark.parametrize("given_", [True, None, [1.0], math.nan, math.inf, "25 V"])
def test_annotated_float_refuses(given_: object) -> None:
    with pytest.raises(pydantic.ValidationError, match=r"expected a number in J such as '0\.7 pJ', not "):
        pydantic.TypeAdapter(Joule).validate_python(given_)


def test_units_are_values() -> None:
    assert Unit("S") == Unit("S") != Unit("V")
