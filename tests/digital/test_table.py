"""Tables of functions: cost from the memory macro, what they make of a function, and in a digital unit."""

import math
from dataclasses import replace

import pytest
import torch

from mho.chip import Chip
from mho.core import SpecError
from mho.digital import WORD, LookUpTable, load_technology

TABLE = load_technology()
LOGIC = TABLE.logic(28e-9)
PLAIN = LookUpTable(entries=256, bits=16, count=64)
FINE = replace(PLAIN, entries=32, interpolated=True)


def test_costs() -> None:
    """A word of a macro of 4,096 bits; with slopes two words of one of 1,024, a multiplier and an adder."""
    macro = TABLE.sram(4096, 28e-9)
    assert PLAIN.read(LOGIC, 1e9).energy == pytest.approx(16 * macro["bit"].energy)
    assert PLAIN.read(LOGIC, 1e9).latency == pytest.approx(1 / 64e9)
    assert PLAIN.part(LOGIC).area == pytest.approx(64 * macro["part"].area)
    assert PLAIN.part(LOGIC).leakage == pytest.approx(64 * macro["part"].leakage)
    small, multiply, add = TABLE.sram(1024, 28e-9), LOGIC.multiplier(16, 16), LOGIC.adder(16)
    assert FINE.memory_bits == 1024
    assert FINE.read(LOGIC, 1e9).energy == pytest.approx(32 * small["bit"].energy + multiply.energy + add.energy)
    assert FINE.part(LOGIC).area == pytest.approx(64 * (small["part"].area + multiply.area + add.area))


def test_errors_of_a_straight_line() -> None:
    """Half a step to the nearest of 256 entries; none between them, but for rounding to 16 bits."""

    def line(x: torch.Tensor) -> torch.Tensor:
        return 3 * x + 1

    assert PLAIN.largest_error(line, -2, 2) == pytest.approx(0.5 / 255, rel=0.01)
    assert FINE.largest_error(line, -2, 2) < 2**-16
    assert replace(FINE, bits=4).largest_error(line, -2, 2) == pytest.approx(0.5 / 15, rel=0.1)


def test_errors_of_a_curve() -> None:
    """Interpolated, exp errs by h^2 / 8 times its second derivative, largest at the top: a quarter for half of h."""
    h = 4 / 31
    expected = h**2 / 8 * math.exp(0 - h / 2) / (1 - math.exp(-4))
    found = replace(FINE, bits=30).largest_error(torch.exp, -4, 0)
    assert found == pytest.approx(expected, rel=0.01)
    half = replace(FINE, bits=30, entries=63).largest_error(torch.exp, -4, 0)
    assert found / half == pytest.approx(4, rel=0.08)
    gelu = torch.nn.functional.gelu
    assert FINE.largest_error(gelu, -8, 8) < PLAIN.largest_error(gelu, -8, 8)


def test_in_a_digital_unit() -> None:
    unit = Chip.load("dimc-sram").digital
    plain = unit.costs()
    assert plain["lookup"].energy == pytest.approx(WORD * unit.logic.sram_bit_energy)
    assert plain["lookup"].latency == plain["operation"].latency
    own = replace(unit, table=PLAIN)
    assert own.costs()["lookup"] == PLAIN.read(unit.logic, unit.clock)
    assert own.parts()["tables"] == PLAIN.part(unit.logic)
    assert own.costs()["part"].area == pytest.approx(plain["part"].area + PLAIN.part(unit.logic).area)


def test_wrong_values() -> None:
    with pytest.raises(ValueError, match=r"^a table has 2 entries or more of 32 bits at most, not 1 of 16$"):
        replace(PLAIN, entries=1)
    with pytest.raises(SpecError, match="low must be below high, not 2 and 1"):
        PLAIN.largest_error(torch.exp, 2, 1)
    with pytest.raises(SpecError, match="a table takes its memory from the node of the logic; set it, as `28 nm`"):
        PLAIN.read(replace(LOGIC, node=0.0), 1e9)
