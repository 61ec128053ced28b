"""Tables of published macros: what is read of them, and tables of one's own."""

import csv
from pathlib import Path

import pytest

import mho
from mho.core import FileError
from mho.cost import PRINCIPLES, Measured, read_silicon

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
