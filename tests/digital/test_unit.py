"""The digital unit beside the tiles."""

from dataclasses import replace

import pytest

from mho.chip import Chip
from mho.digital import WORD


def test_costs() -> None:
    unit = Chip.load("hermes").digital
    costs = unit.costs()
    assert costs.keys() == {"operation", "scale", "lookup", "bit", "part"}
    add = unit.logic.adder(WORD) + unit.logic.register(WORD)
    assert costs["operation"].energy == pytest.approx(add.energy)
    assert costs["operation"].latency == pytest.approx(1 / (4096 * 1e9))
    assert costs["scale"].energy == pytest.approx(add.energy + unit.logic.multiplier(WORD, 8).energy)
    assert costs["bit"].energy == unit.logic.sram_bit_energy
    more = replace(unit, lanes=2 * unit.lanes, buffer_bits=2 * unit.buffer_bits).costs()
    assert more["part"].area == pytest.approx(2 * costs["part"].area)
    assert more["operation"].latency == pytest.approx(costs["operation"].latency / 2)


def test_clock_power() -> None:
    """Every flip-flop switches 3 NAND2 each cycle."""
    unit = Chip.load("hermes").digital
    assert unit.clock_power() == pytest.approx(8192 * 3 * 0.35e-15 * 0.8**2 * 1e9)
    assert replace(unit, registers=0).clock_power() == 0.0


@pytest.mark.parametrize("changes", [{"lanes": 0}, {"clock": 0.0}, {"lanes": -1}])
def test_wrong_values(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^lanes and clock must be above zero, not .* and .*$"):
        replace(Chip.load("hermes").digital, **changes)
