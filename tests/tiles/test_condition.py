"""The temperature of a condition: it reaches the cells of a tile, ages them, and is made up for like drift."""

from dataclasses import replace

import pytest
import torch

from mho.core import RangeWarning, Seed
from mho.devices import AbstractCell, NorFlash, Thermal, load_cell
from mho.tiles import AnalogTile, Condition, Differential, LinearLayout, Realisation, load_tile

CHIPS = [Seed(0).child("chip", i) for i in range(3)]
SMALL = LinearLayout(48, 7, 20)
DAY = 86400.0


def _tile(cell: AbstractCell) -> AnalogTile:
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    return replace(tile, cell=cell, weights=Differential(8))


def _realise(tile: AnalogTile, *conditions: Condition) -> Realisation:
    low, high = tile.weight_range
    weight = torch.randint(low, high + 1, (7, 48), generator=Seed(0).child("w").generator()).float()
    scale = torch.full((3, len(tile.weights.significance)), 2e4)
    return tile.realise(SMALL, weight, scale, CHIPS, conditions, True)


def _warmed(compensation: str = "none", kelvin: float = 350.0, time: float | None = 0.0) -> Condition:
    return Condition(time, compensation, kelvin)


def test_the_default_is_the_temperature_of_writing() -> None:
    assert Condition() == Condition(0.0, "none", None)


@pytest.mark.parametrize("time", [None, 0.0, DAY])
def test_heat_reaches_the_cells(time: float | None) -> None:
    """2 in a thousand a kelvin, of all states: 50 K are a tenth, in what is summed and in what is driven."""
    real = _realise(_tile(Thermal(load_cell("pcm"), (2e-3,))), _warmed(time=time, kelvin=300.0), _warmed(time=time))
    cold, hot = real.digits.chunk(2)
    torch.testing.assert_close(hot, 1.1 * cold, rtol=1e-5, atol=1e-5)
    cold, hot = real.row_conductance.chunk(2)
    torch.testing.assert_close(hot, 1.1 * cold, rtol=1e-5, atol=0)


def test_heat_ages_the_cells() -> None:
    cell = Thermal(load_cell("pcm"), activation=0.6)
    hot = cell.at_temperature(350.0)
    assert isinstance(hot, Thermal)
    warm = _realise(_tile(cell), _warmed(time=3600.0))
    long = _realise(_tile(cell), Condition(3600.0 * hot.acceleration))
    torch.testing.assert_close(warm.digits, long.digits, rtol=1e-6, atol=1e-5)
    assert not torch.allclose(warm.digits, _realise(_tile(cell), Condition(3600.0)).digits, rtol=1e-2)


@pytest.mark.parametrize("name", ["pcm", "rram", "sram"])
def test_a_cell_that_does_not_say_what_heat_does_stays_as_it_is(name: str) -> None:
    cell = load_cell(name)
    with pytest.warns(RangeWarning, match="heat") as warned:
        hot, cold = _realise(_tile(cell), _warmed(time=DAY), Condition(DAY)).digits.chunk(2)
    assert torch.equal(hot, cold)
    assert [str(w.message) for w in warned] == [
        f"neither the cell {type(cell).__name__} nor the converter says what heat does: "
        "at 350 K this tile is as at 300 K"
    ]


def test_each_condition_has_its_own_temperature() -> None:
    tile = _tile(load_cell("rram-thermal"))
    conditions = [_warmed(kelvin=k, time=t) for k in (280.0, 300.0, 320.0) for t in (None, 0.0)]
    together = _realise(tile, *conditions).digits.chunk(6)
    for i, condition in enumerate(conditions):
        assert torch.equal(together[i], _realise(tile, condition).digits)
        assert all(not torch.equal(together[i], other) for other in together[:i])


@pytest.mark.parametrize("compensation", ["global", "column"])
def test_heat_is_made_up_for_like_drift(compensation: str) -> None:
    """What a column answers when hot is compared with what it answered at 300 K, just written."""
    tile = _tile(Thermal(load_cell("sram"), (-2e-3,)))
    hot, cold = _realise(tile, _warmed(compensation), _warmed(compensation, 300.0)).drift_factor.chunk(2)
    assert torch.equal(cold, torch.ones_like(cold))
    torch.testing.assert_close(hot, torch.full_like(hot, 1 / 0.9), rtol=0.02, atol=0)  # converters round


def test_heat_moves_each_state_of_flash_by_its_own_factor() -> None:
    """Each cell on its own exponential: digits as by hand, from the states that were meant."""
    cell = load_cell("nor-flash")
    assert isinstance(cell, NorFlash)
    cell = replace(cell, tuning=0.0, retention=0.0, read_sigma=0.0)
    cold, hot = _realise(_tile(cell), _warmed(kelvin=300.0), _warmed()).digits[:: len(CHIPS)]

    def heated(state: torch.Tensor) -> torch.Tensor:
        low, high = cell.range
        g = low + state * (high - low)
        return (high * (g / high) ** (300 / 350) - low) / (high - low)

    x = cold / 127
    expected = 127 * (heated(x.clamp(min=0)) - heated((-x).clamp(min=0)))
    torch.testing.assert_close(hot, expected, rtol=1e-4, atol=1e-3)


def test_without_temperature_a_tile_is_as_cold_as_it_was_written() -> None:
    tile = _tile(load_cell("rram-thermal"))
    without = tile.effects["temperature"]
    assert isinstance(without, AnalogTile)
    with pytest.warns(RangeWarning, match="^neither the cell RramRelaxation nor the converter says what heat does"):
        hot = _realise(without, _warmed()).digits
    assert torch.equal(hot, _realise(tile, _warmed(kelvin=300.0)).digits)


def test_without_temperature_flash_is_as_cold_as_it_was_written() -> None:
    tile = _tile(load_cell("nor-flash"))
    without = tile.effects["temperature"]
    assert isinstance(without, AnalogTile)
    assert torch.equal(_realise(without, _warmed()).digits, _realise(tile, _warmed(kelvin=300.0)).digits)
