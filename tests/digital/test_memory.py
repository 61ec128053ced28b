"""Memories as paths: what a bit costs up to each stage, opened rows, refresh, and wrong questions."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Loader, SpecError
from mho.digital import ROOMS, Memory, Stage, load_memory

PRESETS = sorted(Loader(ROOMS).presets(Memory))


@pytest.mark.parametrize(
    ("name", "picojoule"),
    [
        ("hbm2", 3.59),
        ("hbm2e", 6.0),
        ("hbm3", 4.05),
        ("gddr6", 7.5),
        ("lpddr4", 8.0),
        ("ddr3", 20.31),
        ("hb-dram", 0.88),
    ],
)
def test_published_totals(name: str, picojoule: float) -> None:
    """A bit at the pins costs what its source says in all, with a row that is used whole."""
    assert 1e12 * load_memory(name).energy() == pytest.approx(picojoule, rel=1e-3)


def test_every_preset_has_a_published_total() -> None:
    assert {"hbm2", "hbm2e", "hbm3", "gddr6", "lpddr4", "ddr3", "hb-dram"} == set(PRESETS)


def test_path_of_hbm2() -> None:
    """Sums of the published stretches, as the study of attention in memory forms them: bank, group, base die, pins."""
    m = load_memory("hbm2")
    found = [1e12 * m.energy(stage) for stage in ("bank", "bank group", "base die", "pins")]
    assert found == pytest.approx([0.55, 1.56, 3.29, 3.59])
    assert m.at("bank").bandwidth / m.at().bandwidth == pytest.approx(16, rel=0.01)


@given(st.sampled_from(PRESETS), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_more_of_a_row_costs_less(name: str, one: float, other: float) -> None:
    m, low, high = load_memory(name), min(one, other), max(one, other)
    assert m.energy(locality=low) >= m.energy(locality=high) >= m.energy()
    assert m.energy(locality=0) == replace(m, page="closed").energy(locality=1)  # one burst, then the row is closed


def test_refresh_opens_every_row_once() -> None:
    m = load_memory("hbm2")
    rows = m.capacity / m.row
    assert m.refresh() == pytest.approx(rows * 8 * m.row * m.activation / m.retention)
    assert replace(m, retention=m.retention / 2).refresh() == pytest.approx(2 * m.refresh())


def test_bandwidth_within_the_power_of_the_pins() -> None:
    m = load_memory("hbm2")
    assert m.gain("bank") == pytest.approx(16, rel=0.01)
    assert m.gain("bank", within_power=True) * m.energy("bank") == pytest.approx(m.energy())
    assert m.gain("base die", within_power=True) == m.gain("pins") == 1


def test_a_wrong_stage() -> None:
    said = r"^LPDDR4, x64 has no stage 'bank' in its path; \(allowed: pins\)$"
    with pytest.raises(SpecError, match=said):
        load_memory("lpddr4").energy("bank")


def test_a_wrong_memory() -> None:
    m = load_memory("hbm2")
    with pytest.raises(ValueError, match=r"^stages must have names that differ, and at least one, not \['a', 'a'\]$"):
        replace(m, stages=(Stage("a", 1e-12, 1e9), Stage("a", 1e-12, 1e9)))
    with pytest.raises(ValueError, match=r"^a burst of 4096 B must fit into a row of 1024 B$"):
        replace(m, burst=4096.0)
