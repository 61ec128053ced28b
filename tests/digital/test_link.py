"""Links: energy by passage and way, lanes; ways in meshes and trees against counting them."""

import itertools
import math

import pytest

from mho.core import Loader
from mho.digital import ROOMS, Link, htree_length, load_link, load_memory, mesh_hops


def test_a_millimetre_of_wire() -> None:
    """A quarter of C V^2 with 0.2 pF a millimetre and 0.9 V."""
    assert load_link("wire-28nm").energy(1, 1e-3) == pytest.approx(0.25 * 0.2e-12 * 0.9**2)


def test_shorter_connections_cost_less() -> None:
    order = ("monolithic-via", "tsv", "hybrid-bond", "micro-bump", "nvlink", "pcie")
    energies = [load_link(name).energy() for name in order]
    assert energies == sorted(energies)
    assert energies[-1] < load_memory("lpddr4").energy()
    areas = [load_link(name).lane_area for name in order[:4]]
    assert areas == sorted(areas)


def test_lanes() -> None:
    link = load_link("tsv")
    assert link.area(10 * link.lane) == pytest.approx(10 * link.lane_area)
    assert link.area(10.1 * link.lane) == pytest.approx(11 * link.lane_area)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_mesh_hops_counted(k: int) -> None:
    places = list(itertools.product(range(k), repeat=2))
    counted = [abs(a - c) + abs(b - d) for a, b in places for c, d in places]
    assert mesh_hops(k * k) == pytest.approx(sum(counted) / len(counted))


@pytest.mark.parametrize("levels", [0, 1, 2, 4])
def test_htree_length_added_up(levels: int) -> None:
    """From the middle of a square to the middle of a quarter, and so on: along both edges by a quarter of the edge."""
    way, edge = 0.0, 3.0
    for _ in range(levels):
        way, edge = way + 2 * edge / 4, edge / 2
    assert htree_length(3.0, 4**levels) == pytest.approx(way)


def test_presets_are_finite() -> None:
    for name in Loader(ROOMS).presets(Link):
        link = load_link(name)
        assert 0 < link.energy(1, 1e-3) < 1e-11
        assert math.isfinite(link.area(1e12))
