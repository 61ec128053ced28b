"""Cells at other nodes: area by F^2 down to what writing asks for, SRAM by the table."""

from pathlib import Path

import pytest

import mho.devices
from mho.devices import Sram, load_cell
from mho.digital import load_technology

TECHNOLOGY = load_technology()
NAMES = sorted(p.stem for p in (Path(mho.devices.__file__).parents[1] / "data" / "devices").glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_scales(name: str) -> None:
    cell = load_cell(name)
    assert cell.scaled(TECHNOLOGY.scaling(28e-9, 28e-9)) == cell
    smaller = cell.scaled(TECHNOLOGY.scaling(28e-9, 14e-9))
    before, after = cell.costs()["part"].area, smaller.costs()["part"].area
    assert after < before or before <= TECHNOLOGY.analog.access_floor
    assert smaller.range == cell.range


def test_area_goes_with_the_square_down_to_the_transistor() -> None:
    cell = load_cell("pcm")  # 0.1296 um2
    for node, expected in ((45e-9, 0.1296 / 4), (10e-9, 0.02)):
        area = cell.scaled(TECHNOLOGY.scaling(90e-9, node)).costs()["part"].area
        assert area == pytest.approx(expected * 1e-12)
    assert cell.scaled(TECHNOLOGY.scaling(90e-9, 45e-9)).within.feature_size == pytest.approx(45e-9)


def test_a_cell_below_the_floor_does_not_grow() -> None:
    small = load_cell("pcm").scaled(TECHNOLOGY.scaling(90e-9, 10e-9))
    assert small.scaled(TECHNOLOGY.scaling(10e-9, 7e-9)).costs()["part"].area == pytest.approx(0.02e-12)


def test_sram_by_the_table() -> None:
    cell = load_cell("sram")
    assert isinstance(cell, Sram)
    seven = cell.scaled(TECHNOLOGY.scaling(28e-9, 7e-9))
    assert seven.area == pytest.approx(0.027e-12)
    assert seven.write_energy < cell.write_energy
    leaky = Sram(g_max=1e-4, area=1e-13, write_energy=0.0, write_time=0.0, leakage=1e-9)
    assert leaky.costs()["part"].leakage == 1e-9
