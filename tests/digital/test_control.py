"""Controllers: fetching, stepping and area from gates."""

from dataclasses import replace

import pytest

from mho.digital import Control, load_technology

LOGIC = load_technology().logic(28e-9)
CONTROL = Control(count=4, gates=1000, activity=0.1, instructions=10, instruction_bits=32, memory_bits=8192)


def test_costs() -> None:
    """Ten words of 32 bits; 100 gates of 0.7 fF at 0.9 V switch each of 10^9 cycles."""
    assert CONTROL.fetch(LOGIC).energy == pytest.approx(320 * LOGIC.sram_bit_energy)
    assert CONTROL.power(LOGIC, 1e9) == pytest.approx(100 * 0.7e-15 * 0.81 * 1e9)
    part = CONTROL.part(LOGIC)
    assert part.area == pytest.approx(4 * (1000 * 0.614e-12 + 8192 * LOGIC.sram_bit_area))
    assert part.leakage == pytest.approx(4 * (1000 * 1e-9 + 8192 * LOGIC.sram_bit_leakage))


def test_wrong_values() -> None:
    with pytest.raises(ValueError, match=r"^activity must be a share of the gates, at most 1, not 1\.5$"):
        replace(CONTROL, activity=1.5)
