"""Measured macros: reading, fitting, leaving out; and what the stored laws reach."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mho
from mho.core import FileError
from mho.cost import PRINCIPLES, ChargeLaw, Measured, factor, fit_law, leave_one_out, load_law, read_silicon, transfers

DATA = Path(mho.__file__).parent / "data" / "silicon"


@pytest.fixture(scope="module")
def points() -> list[Measured]:
    return read_silicon()


@pytest.fixture(scope="module")
def table(points: list[Measured]) -> list[dict[str, str]]:
    with (DATA / "uiuc.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_operations_are_counted_as_in_the_benchmark(points: list[Measured], table: list[dict[str, str]]) -> None:
    """Throughput that the benchmark states is operations over cycle, for nearly all rows."""
    off = 0
    for point, row in zip(points, table, strict=True):
        if point.macro.cycle is None or point.guessed or not row["tops"]:
            continue
        ours = float(point.macro.operations) / float(point.macro.cycle) / 1e12
        off += abs(ours / float(row["tops"]) - 1) > 0.15 and abs(ours - float(row["tops"])) > 0.006
    assert off <= 8  # cores counted or not, invocations of several cycles


def test_every_row_has_a_figure(points: list[Measured]) -> None:
    assert len(points) == 93
    assert {p.macro.principle for p in points} == set(PRINCIPLES)
    assert all(p.energy or p.density for p in points)
    assert len({p.chip for p in points}) >= 60


def test_general_table_agrees_with_the_benchmark(points: list[Measured]) -> None:
    """Chips of both tables are read as the same operation count and principle."""
    named = read_silicon("chips")
    assert len(named) >= 50
    both = 0
    for p in named:
        twins = [
            q for q in points if q.chip == p.chip and q.energy and p.energy and abs(q.energy / p.energy - 1) < 0.03
        ]
        for q in twins:
            both += 1
            assert q.macro.principle == p.macro.principle
            assert q.macro.rows == p.macro.rows
    assert both >= 35


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_stored_constants_are_those_of_the_fit(principle: str, points: list[Measured]) -> None:
    stored = load_law(principle)  # pyright: ignore[reportArgumentType]
    fitted = fit_law(stored, points)
    for prior in stored.priors:
        assert getattr(fitted, prior.field) == pytest.approx(getattr(stored, prior.field), rel=0.02), prior.field


def test_a_fit_finds_the_law_that_made_the_data(points: list[Measured]) -> None:
    """Points made by a law with other constants bring the fit back to it, where priors are wide."""
    law = load_law("charge")
    assert isinstance(law, ChargeLaw)
    truth = replace(law, cell_capacitance=2 * law.cell_capacitance, cell_area=0.5 * law.cell_area)
    made = [
        replace(
            p,
            energy=float(truth.energy_per_operation(p.macro)),
            density=float(truth.density(p.macro)),
            macro=replace(p.macro, cycle=float(truth.predicted_cycle(p.macro))),
        )
        for p in points
        if p.macro.principle == "charge"
    ]
    wide = replace(law, priors=tuple(replace(q, spread=10 * q.spread) for q in law.priors))
    fitted = fit_law(wide, made, steps=200)
    for p in made:
        known = replace(p.macro, cycle=None)
        assert float(fitted.energy_per_operation(known)) == pytest.approx(
            float(truth.energy_per_operation(known)), rel=0.1
        )


def test_a_chip_left_out_does_not_tell(points: list[Measured]) -> None:
    """Changing a chip's own figures changes nothing of what is predicted for it."""
    digital = [p for p in points if p.macro.principle == "digital"]
    chip = digital[3].chip
    lied = [replace(p, energy=100 * p.energy) if p.chip == chip and p.energy else p for p in digital]
    one = [p for p in leave_one_out(digital) if p.point.chip == chip]
    two = [p for p in leave_one_out(lied) if p.point.chip == chip]
    assert [p.energy for p in one] == [p.energy for p in two]
    assert [p.baseline_energy for p in one] == [p.baseline_energy for p in two]


def test_what_is_reached(points: list[Measured]) -> None:
    """Within a factor of 1.5 in energy for unseen chips of two families, and better than the regression."""
    for principle, energy, density in (("digital", 1.5, 2.5), ("charge", 1.5, 2.0)):
        done = leave_one_out([p for p in points if p.macro.principle == principle])
        ours = factor(p.ratio("energy") for p in done)
        assert ours < energy
        assert ours < factor(p.baseline_ratio("energy") for p in done)
        assert factor(p.ratio("density") for p in done) < density < factor(p.baseline_ratio("density") for p in done)


def test_transfers(points: list[Measured]) -> None:
    moved = transfers(points)
    assert len(moved) >= 20
    assert factor(t.energy for t in moved) < 1.3
    jia = [t for t in moved if t.point.name.startswith("Jia, JSSC")]
    assert len(jia) == 1
    assert jia[0].energy == pytest.approx(1.0, abs=0.05)  # 1.2 to 0.85 V


def test_factor() -> None:
    assert factor([2.0, 0.5, None]) == pytest.approx(2.0)
    assert factor([None]) != factor([None])


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "name,device,domain,mac_principle,node_nm,vdd_v,rows,cols,weight_bits,input_bits,peak_tops_per_w\n"
        "mine,SRAM,digital,adder tree,7,0.7,128,64,8,8,30 (title)\n"
        "nothing,SRAM,digital,adder tree,,0.7,128,64,8,8,30\n"
    )
    (point,) = read_silicon(file)
    assert point.energy == pytest.approx(1e-12 / (30 * 64))
    assert point.macro.principle == "digital"
    assert "active_rows" in point.guessed
    with pytest.raises(FileError, match="does not exist"):
        read_silicon(tmp_path / "no.csv")
    file.write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="must have the columns name"):
        read_silicon(file)


def test_a_macro_of_another_kind_is_not_stacked(points: list[Measured]) -> None:
    from mho.cost._silicon import stack

    with pytest.raises(ValueError, match="one principle"):
        stack(points)
    digital = [p for p in points if p.macro.principle == "digital"]
    assert torch.as_tensor(stack(digital).rows).shape == (len(digital),)
