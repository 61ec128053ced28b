"""Tables of published macros: what is read of them, and tables of one's own."""

import csv
from pathlib import Path

import pytest

import mho
from mho.core import FileError, RangeWarning
from mho.cost import PRINCIPLES, Measured, read_silicon, transfers

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
            assert abs(float(q.macro.supply) - float(p.macro.supply)) < 0.11 or p.guessed or q.guessed
    assert both >= 35


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "name,device,domain,mac_principle,node_nm,vdd_v,rows,cols,weight_bits,input_bits,peak_tops_per_w\n"
        "mine,SRAM,digital,adder tree,7,0.7,96,64,8,8,30 (title)\n"
        "nothing,SRAM,digital,adder tree,,0.7,128,64,8,8,30\n"
    )
    with pytest.warns(RangeWarning, match="1 of 2 rows left out"):
        (point,) = read_silicon(file)
    assert point.energy == pytest.approx(1e-12 / (30 * 64))
    assert point.macro.principle == "digital"
    assert "active_rows" in point.guessed
    assert point.macro.rows == 96
    with pytest.raises(FileError, match="does not exist"):
        read_silicon(tmp_path / "no.csv")
    file.write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="lacks the columns"):
        read_silicon(file)


HEAD = "name,device,domain,node_nm,vdd_v,weight_bits,input_bits,peak_tops_per_w\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('a,SRAM,digital,7,"0,9",8,8,30', "row 2: numbers must be written without commas"),
        ("a,SRAM,digital,7,-1,8,8,30", "row 2: numbers must not be negative"),
        ("a,,digital,7,0.9,8,8,30", "row 2: device"),
        ("a,SRAM,digital,7,0.9,8,8,0", "no row with a node and a measured figure"),
        ("a,SRAM,digital,0,0.9,8,8,30", "no row with a node and a measured figure"),
    ],
)
def test_a_row_that_says_nothing_of_use(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEAD + row + "\n")
    with pytest.raises(FileError, match=message):
        read_silicon(file)


def test_files_of_spreadsheets(tmp_path: Path) -> None:
    """A byte-order mark, blanks after commas, cells without zero, kinds with words around them."""
    file = tmp_path / "own.csv"
    head = "name, device, domain, node_nm, vdd_v, weight_bits, input_bits, peak_tops_per_w"
    text = head + "\na, 6T SRAM, Digital CIM, 7, .7, INT8 8, 8, 3e1\n\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (point,) = read_silicon(file)
    assert point.macro.supply == 0.7
    assert point.macro.principle == "digital"
    assert point.energy == pytest.approx(1e-12 / (30 * 64))
    file.write_bytes(text.encode("utf-16"))
    with pytest.raises(FileError, match="UTF-8"):
        read_silicon(file)


def test_a_throughput_stands_in_for_a_missing_cycle() -> None:
    """Where the table has no cycle but what happens in one; it is no measured cycle then."""
    idle = [p for p in read_silicon() if p.idle]
    assert {p.name.partition(",")[0] for p in idle} >= {"Guo R.", "Yin"}
    for p in idle:
        assert p.macro.cycle is not None
    slow = next(p for p in idle if p.name == "Guo R., ISSCC 2021")
    assert float(slow.macro.operations) / float(slow.macro.cycle or 0) == pytest.approx(0.009e12)  # of the table
    assert all(t.cycle is None for t in transfers(idle))
