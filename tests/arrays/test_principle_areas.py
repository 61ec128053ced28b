"""Area: capacitors lie above the memory, so of a cell and its capacitor the larger counts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import (
    ROOMS,
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeRedistribution,
    load_principle,
)
from mho.arrays._capacitive import unit_mismatch
from mho.chip import Chip
from mho.core import Cost, Loader, SpecError, dump_spec
from mho.cost import rate
from mho.devices import Faulty, Ideal, Sram, load_cell
from mho.tiles import (
    AbstractWeightEncoding,
    AnalogTile,
    BitSliced,
    Differential,
    OffsetColumn,
    characterise,
    load_tile,
)

PRINCIPLES = sorted(Loader(ROOMS).presets(AbstractPrinciple))
KINDS = {"capacitive-division": CapacitiveDivision, "charge-redistribution": ChargeRedistribution}
CAPACITIVE = sorted(KINDS)
ENCODINGS: list[AbstractWeightEncoding] = [Differential(8), Differential(8, 2), BitSliced(8), OffsetColumn(8)]
TILE = load_tile("tile-capacitive")
ABOVE = 0.6e-12
"""Area of the presets' capacitors: 1.2 fF at 2 fF a square micrometre."""


def _capacitive(name: str = "charge-redistribution") -> ChargeRedistribution | CapacitiveDivision:
    principle = load_principle(name)
    assert isinstance(principle, ChargeRedistribution | CapacitiveDivision)
    return principle


def _tile(**changes: object) -> AnalogTile:
    assert isinstance(TILE, AnalogTile)
    return replace(TILE, **changes)


def _near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=0)


def _cell(area: float) -> Ideal:
    """Return a cell of no kind of memory, which any principle takes."""
    return Ideal(0.0, 1e-6, area, 1e-15, 1e-9)


# The principles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRINCIPLES)
def test_only_capacitors_take_area(name: str) -> None:
    principle = load_principle(name)
    assert principle.cell_area == _near(ABOVE if name in CAPACITIVE else 0.0)
    assert (principle.cell_area > 0) == (principle.cell_capacitance > 0)


@pytest.mark.parametrize("name", CAPACITIVE)
@given(st.floats(1e-17, 1e-13), st.floats(1e-5, 1.0))
def test_a_capacitor_is_as_large_as_its_density_says(name: str, capacitance: float, density: float) -> None:
    principle = KINDS[name](capacitance, 0.9, mismatch=0.01, density=density)
    assert principle.cell_area * density == _near(capacitance)
    twice = replace(principle, capacitance=2 * capacitance)
    assert twice.cell_area == _near(2 * principle.cell_area)
    assert replace(principle, density=2 * density).cell_area == _near(principle.cell_area / 2)
    # Pelgrom's law: mismatch squared times area stays, at a density.
    before, after = (unit_mismatch(p.mismatch, p.capacitance) ** 2 * p.cell_area for p in (principle, twice))
    assert after == _near(before)


@pytest.mark.parametrize("name", CAPACITIVE)
def test_density_is_for_area_alone(name: str) -> None:
    """No signal, noise, time or energy follows from it; and no effect that is switched off changes the area."""
    principle = _capacitive(name)
    dense = replace(principle, density=1.0)
    for rows in (1, 256):
        assert dense.noise(rows) == principle.noise(rows)
        assert dense.settling(rows, 8) == principle.settling(rows, 8)
    assert dense.effects.keys() == principle.effects.keys()
    assert dense.effects
    for effect, less in principle.effects.items():
        assert less.cell_area == principle.cell_area, effect


@pytest.mark.parametrize("name", CAPACITIVE)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density": 0.0}, "density: must be greater than 0, not 0.0"),
        ({"density": -1.0}, "density: must be greater than 0, not -1.0"),
        ({"density": "much"}, "density: must be a valid number, not 'much'"),
        ({"capacitance": "0 fF"}, "capacitance: must be greater than 0, not '0 fF'"),
        ({"density": 0.0, "capacitance": "2 F"}, None),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name: str, change: dict[str, object], message: str | None) -> None:
    table = dump_spec(load_principle(name)) | change
    with pytest.raises(SpecError) as error:
        Loader(ROOMS).build(AbstractPrinciple, table)
    assert str(error.value) == (message or "density: must be greater than 0, not 0.0")


@pytest.mark.parametrize("name", CAPACITIVE)
def test_density_has_a_default_and_can_be_written_and_read(name: str) -> None:
    table = dump_spec(replace(_capacitive(name), density=5e-3))
    read = Loader(ROOMS).build(AbstractPrinciple, table)
    assert read.cell_area == _near(0.24e-12)
    del table["density"]
    assert Loader(ROOMS).build(AbstractPrinciple, table).cell_area == _near(ABOVE)
    assert type(_capacitive(name))(2e-15, 1.0).cell_area == _near(1e-12)


# The tile -------------------------------------------------------------------------------------------------------


@given(
    st.floats(1e-14, 1e-10), st.floats(1e-17, 1e-13), st.sampled_from(CAPACITIVE), st.integers(0, 3),
    st.integers(1, 300), st.integers(1, 300), st.integers(0, 4),
)  # fmt: skip
def test_of_a_cell_and_its_capacitor_the_larger_counts(
    area: float, capacitance: float, name: str, index: int, rows: int, cols: int, spares: int
) -> None:
    """For every cell of every weight, spare columns with them."""
    encoding = ENCODINGS[index]
    principle = KINDS[name](capacitance, 0.9)
    tile = _tile(cell=_cell(area), principle=principle, weights=encoding, rows=rows, cols=cols, spare_columns=spares)
    count = rows * (cols + spares) * encoding.cells_per_weight
    larger = area if area > capacitance / 2e-3 else capacitance / 2e-3
    assert tile.parts()["cells"].area == _near(count * larger)


@pytest.mark.parametrize("name", PRINCIPLES)
@pytest.mark.parametrize("area", [0.127e-12, ABOVE, 2.1e-12])
def test_other_blocks_and_writing_are_as_without(name: str, area: float) -> None:
    """Only the cells are larger, by as much as capacitors stand out; leakage is that of the cells."""
    bare = _tile(cell=_cell(area), principle=None, inputs=replace(_tile().inputs, hold=1.0))
    tile = replace(bare, principle=load_principle(name))
    a, b = bare.parts(), tile.parts()
    assert a.keys() == b.keys()
    for block in a.keys() - {"cells"}:
        assert a[block] == b[block]
    out = max(ABOVE - area, 0.0) if name in CAPACITIVE else 0.0
    assert b["cells"].area == _near(a["cells"].area + 256 * 256 * 8 * out)
    assert replace(b["cells"], area=0.0) == replace(a["cells"], area=0.0)
    assert tile.write_cost(9, 7) == bare.write_cost(9, 7)


class _Leaky(Ideal):
    """A cell whose part also leaks."""

    def costs(self) -> dict[str, Cost]:
        return {"write": Cost(), "part": Cost(area=self.area, leakage=1e-9)}


@pytest.mark.parametrize("area", [0.1e-12, 2e-12])
def test_a_capacitor_does_not_change_what_a_cell_leaks(area: float) -> None:
    cell = _Leaky(0.0, 1e-6, area, 0.0, 0.0)
    part = _tile(cell=cell).parts()["cells"]
    assert part.area == _near(256 * 256 * 8 * max(area, ABOVE))
    assert part.leakage == _near(256 * 256 * 8 * 1e-9)


def test_the_preset_in_numbers() -> None:
    """Eight binary cells a weight under capacitors of 0.6 um2, four times as large: 0.315 mm2 of cells."""
    tile = _tile()
    assert tile.parts()["cells"].area == _near(256 * 256 * 8 * ABOVE)
    assert replace(tile, principle=None).parts()["cells"].area == _near(256 * 256 * 8 * 0.127e-12)
    for effect, less in tile.effects.items():
        assert less.parts()["cells"].area == tile.parts()["cells"].area, effect


def test_a_chip_grows_with_its_capacitors() -> None:
    """In the tile's report and in the rating: throughput over the area, energy as it was."""
    small, large = (_tile(rows=32, cols=16, principle=replace(_capacitive(), density=d)) for d in (1.0, 2e-3))
    grown = 32 * 16 * 8 * (ABOVE - 0.127e-12)
    reports = [characterise(t, instances=1, vectors=4) for t in (small, large)]
    assert reports[1].total.area - reports[0].total.area == pytest.approx(grown, rel=1e-6)
    assert replace(reports[1].total, area=0.0) == replace(reports[0].total, area=0.0)
    chip = Chip.load("tile2-rram")
    a, b = (rate(replace(chip, tile=t)) for t in (small, large))
    assert (a.tops, a.tops_per_watt) == (b.tops, b.tops_per_watt)
    assert b.tops / b.tops_per_mm2 - a.tops / a.tops_per_mm2 == pytest.approx(64 * grown * 1e6, rel=1e-6)


@pytest.mark.parametrize("area", [0.127e-12, 0.7e-12])
def test_a_cell_around_another_lies_under_the_same_capacitor(area: float) -> None:
    sram = load_cell("sram")
    assert isinstance(sram, Sram)
    sram = replace(sram, area=area)
    parts = [_tile(cell=c).parts() for c in (sram, Faulty(sram, 0.1, 0.1))]
    assert parts[0] == parts[1]
    assert parts[0]["cells"].area == _near(256 * 256 * 8 * max(area, ABOVE))
