"""Cooling: resistances in series against finite differences, and a published simulation of a stack."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import FileError, SpecError
from mho.systems import Cooling, coolings, load_cooling, tier_rises

Columns = Callable[..., list[float]]


def test_tiers_against_finite_differences(columns: Columns) -> None:
    layers = [(20e-6, 4.0), (150e-6, 100.0), (10e-6, 2.25), (50e-6, 130.0), (2e-6, 1.38)]
    sources = {1: 3e5, 3: 2e5, 4: 1e5}
    rises = columns(layers, sources, 2e4)
    through = [thickness / conductivity for thickness, conductivity in layers]
    through[0] += 1 / 2e4
    found = tier_rises([sources.get(index, 0.0) for index in range(5)], through)
    assert found == pytest.approx(rises, rel=1e-9)


def test_a_spreader_against_finite_differences() -> None:
    """A disc on a cylinder of copper, eight times as wide and thick, whose far face is cold."""
    radius, conductivity, cells = 1.0, 1.0, 40
    step = 8 * radius / cells  # the disc is 5 cells wide
    edges = torch.arange(cells + 1, dtype=torch.float64) * step
    ring = math.pi * (edges[1:] ** 2 - edges[:-1] ** 2)
    matrix = torch.zeros(cells, cells, cells, cells, dtype=torch.float64)  # depth, radius
    for z in range(cells):
        for r in range(cells):
            for dz, dr in ((1, 0), (0, 1)):
                conductance = float(ring[r]) / step if dz else 2 * math.pi * float(edges[r + 1])
                if z + dz < cells and r + dr < cells:
                    matrix[z, r, z, r] += conductance
                    matrix[z + dz, r + dr, z + dz, r + dr] += conductance
                    matrix[z, r, z + dz, r + dr] -= conductance
                    matrix[z + dz, r + dr, z, r] -= conductance
                elif dz:
                    matrix[z, r, z, r] += 2 * conductance  # half a cell to the cold face
    heat = torch.zeros(cells, cells, dtype=torch.float64)
    heat[0, :5] = ring[:5] / (math.pi * radius**2)
    found = torch.linalg.solve(matrix.reshape(cells**2, -1), heat.reshape(-1)).reshape(cells, cells)
    hottest = float(found[0, 0]) + step / 2 / (math.pi * radius**2)  # from the middle of the cell to its face
    body = Cooling("", 300.0, 400.0, sink=0.0, spreader=conductivity, interface=1e30, die=1e30)
    assert body.resistance(math.pi * radius**2) == pytest.approx(hottest, rel=0.05)


def test_a_published_simulation() -> None:
    """Two dies of 50 um of silicon, 0.5 W/mm2 each, 1e5 W/m2/K: corner of the upper die, its devices on top.

    [sridhar2010], expected outputs of the tests of its open code: 310.008 K with the sink above, 310.388 K below.
    """
    half, between = 1e-6 / 130, 98e-6 / 130  # middle of the layer of devices to its face; from one to the other
    above = tier_rises([5e5, 5e5], [1e-5 + half, between])
    assert above[0] - 10 == pytest.approx(0.008, abs=0.0005)
    assert above[1] - 10 == pytest.approx(0.388, rel=0.02)


def test_a_die_by_hand() -> None:
    """1 cm2 with a fan: 0.1 K/W of sink, 0.14 of copper, 0.05 of interface and 0.015 of silicon."""
    air = load_cooling("forced-air")
    parts = (0.1, 1 / (math.pi * 400 * math.sqrt(1e-4 / math.pi)), 0.05, 0.015)
    assert air.resistance(1e-4) == pytest.approx(sum(parts), rel=1e-3)
    assert air.power(1e-4) * air.resistance(1e-4) == pytest.approx(60)


@given(st.sampled_from(coolings()), st.floats(1e-7, 8e-4), st.floats(1.1, 10.0))
def test_larger_dies_give_off_more_in_all_and_less_a_mm2(name: str, area: float, times: float) -> None:
    air = load_cooling(name)
    small, large = air.power(area), air.power(times * area)
    assert small < large < times * small


def test_wrong_values() -> None:
    with pytest.raises(ValueError, match=r"^the limit must be above the ambient temperature 300 K, not 290$"):
        Cooling("", 300.0, 290.0, 0.1, 400.0, 1e5, 1e5)
    with pytest.raises(FileError, match=r"^no preset 'water' in coolings; "):
        load_cooling("water")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "air.toml"
    path.write_text('title = "t"\nambient = "300 m"\n', encoding="utf-8")
    with pytest.raises(SpecError, match=r"expected a number in K"):
        load_cooling(str(path))
