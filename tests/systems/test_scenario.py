"""Scenarios: the smallest chips that hold and reach what is asked, and the best of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import FileError
from mho.systems import (
    Design,
    Medium,
    designs,
    load_cooling,
    load_medium,
    load_scenario,
    media,
    pareto,
    scenarios,
)

MEDIA = {name: load_medium(name) for name in media()}


@pytest.mark.parametrize(
    ("name", "megabyte", "tops"),
    [("wearable", 2, 0.1), ("camera", 32, 16), ("mobile", 64, 32), ("ar-vr", 128, 64), ("driving", 512, 256)],
)
def test_every_scenario_has_a_feasible_chip(name: str, megabyte: float, tops: float) -> None:
    wanted = load_scenario(name)
    assert (wanted.memory, wanted.rate) == (megabyte * 1e6, tops * 1e12)
    found = designs(wanted, MEDIA)
    assert [d.name for d in found] == list(MEDIA)
    for d in found:
        assert d.capacity >= wanted.memory
        assert d.peak >= wanted.rate
        fewer = replace(d, tiles=d.tiles - 1)
        assert fewer.capacity < wanted.memory or fewer.peak < wanted.rate
    good = [d for d in found if d.feasible]
    assert good
    assert all(d.power <= wanted.power and d.area <= wanted.area for d in good)
    assert len(scenarios()) == 5


def test_a_wearable_takes_milliwatts() -> None:
    """Only simulated tiers stay below 5; planar PCM and NOR flash miss nothing else."""
    found = {d.name: d for d in designs(load_scenario("wearable"), MEDIA)}
    assert [name for name, d in found.items() if d.feasible] == ["pcm-3d"]
    products = 0.1e12 / (2 * 512 * 512) * 10e-9
    assert found["pcm-3d"].power == pytest.approx(products, rel=0.01)
    hungry = {name for name, d in found.items() if d.misses == ("power",)}
    assert hungry >= {"pcm-14nm", "nor-40nm", "nor-3d", "rram-3d-55nm", "sram-5nm"}
    assert found["pcm-14nm"].power == pytest.approx(0.1 / 10.5, rel=0.01)  # TOPS/W of the published core


def test_power_by_hand() -> None:
    """50 G multiply-accumulates a second of 8,192 a product, scaled outputs, and 245 tiles that leak 20 uW each."""
    (d,) = designs(load_scenario("wearable"), {"m": MEDIA["sram-5nm"]})
    m = d.medium
    product = m.product + 32 * m.unit.costs()["scale"].energy
    assert d.tiles == 245
    assert d.power == pytest.approx(50e9 / 8192 * product + 245 * 20e-6)
    assert d.sweep == m.period


def test_heat_of_a_small_package() -> None:
    """Glasses with plain SRAM: 12.6 W on 46 mm2 and 15 K/W to the air; a fan would take it."""
    wanted = load_scenario("ar-vr")
    (hot,) = designs(wanted, {"m": MEDIA["sram-dense-5nm"]})
    assert hot.junction == pytest.approx(wanted.cooling.ambient + hot.power * wanted.cooling.resistance(hot.area))
    assert hot.misses == ("power", "heat")
    (cool,) = designs(replace(wanted, cooling=load_cooling("forced-air")), {"m": MEDIA["sram-dense-5nm"]})
    assert cool.misses == ("power",)
    assert cool.dies.price == hot.to_dict()["price_dollars"]


def test_no_more_area_for_the_same_power() -> None:
    """Cells that do not leak take the same power on two chips: only the smaller one is on the front."""
    small, large = (Design("d", load_scenario("camera"), MEDIA["pcm-3d"], n) for n in (8, 16))
    assert small.power == large.power
    assert pareto([large, small]) == [small]


def test_what_is_missed() -> None:
    wanted = load_scenario("wearable")
    chip = replace(MEDIA["pcm-14nm"], tiles=3)
    (small,) = designs(wanted, {"three": chip})
    assert small.tiles == 3
    assert small.misses == ("memory", "power")
    assert small.to_dict()["misses"] == ["memory", "power"]
    assert set(designs(replace(wanted, rate=1e16), {"m": MEDIA["nor-3d"]})[0].misses) >= {"power", "area"}


def _design(medium: Medium, area: float, power: float) -> Design:
    """Return a design of about this area and power."""
    wanted = replace(load_scenario("wearable"), rate=power / medium.product * 2 * medium.array_weights)
    return Design("d", wanted, medium, max(1, round(area / medium.tile_area)))


@given(st.lists(st.tuples(st.floats(1e-6, 1e-4), st.floats(1e-3, 1.0)), min_size=1, max_size=12))
def test_the_front(points: list[tuple[float, float]]) -> None:
    """Nothing on it is bettered, and everything else is."""
    found = [_design(MEDIA["sram-3nm"], *point) for point in points]
    front = pareto(found)
    for d in found:
        better = [
            o for o in found if o.area <= d.area and o.power <= d.power and (o.area, o.power) != (d.area, d.power)
        ]
        assert bool(better) == all((d.area, d.power) != (o.area, o.power) for o in front)


def test_an_unknown_scenario() -> None:
    with pytest.raises(FileError, match=r"^no preset 'wearables' in scenarios; did you mean 'wearable'\?"):
        load_scenario("wearables")
