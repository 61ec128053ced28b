"""NeuroSim's chips in our parts: what its numbers must satisfy, what ours must, and that the way between adds up."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mho.reproduce import Row
from mho.reproduce._neurosim_causes import steps, tables, variants
from mho.reproduce._neurosim_chip import chip, ours, whole_row_tiles
from mho.reproduce._neurosim_runs import CONFIGURATIONS, COUNTED, array_cells

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "reconciliation.md"
Table = Callable[[str], dict[str, Row]]


def test_their_numbers_agree_with_themselves(rows: Table) -> None:
    """Multiply-adds with and without padding, TOPS/W from energies, cells of three chips from three areas."""
    checked = [r for r in rows("neurosim-vgg8").values() if r.mark == "definition"]
    assert len({r.quantity for r in checked}) == 5
    assert all(r.within for r in checked)


def test_misses_stay_known(rows: Table) -> None:
    """Ours is larger and takes more; where it does not is told here."""
    table = rows("neurosim-vgg8")
    assert all(math.isfinite(r.ours) and r.ours > 0 for r in table.values())
    assert all(r.mark in ("prediction", "definition") for r in table.values())
    for key in "ABCE":
        assert 2 < table[f"{key}, area"].ratio < 4
        assert 15 < table[f"{key}, energy"].ratio < 45
        assert 0.5 < table[f"{key}, area of accumulation"].ratio < 1.1
    assert table["D, time of an image"].within
    assert table["B, TOPS/W, from NeuroSim to MNSIM"].within


def test_published_silicon_stands_between(rows: Table) -> None:
    """Laws that saw neither tool: NeuroSim lies above two chips in three, ours below, but for B."""
    table = rows("neurosim-vgg8")
    ranges = {key: table[f"{key}, TOPS/W as published silicon of such a chip"] for key in "ABCE"}
    for key, row in ranges.items():
        assert isinstance(row.published, tuple)
        low, high = row.published
        assert CONFIGURATIONS[key].tops_per_watt > high
        assert (row.ours < low) == (key != "B")
    assert ranges["B"].within
    assert ranges["A"].ours < ranges["A"].published[0]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("key", ["A", "B", "C", "E"])
def test_blocks_add_up(key: str) -> None:
    """In theirs some of the area has no label; in ours none."""
    theirs, here = CONFIGURATIONS[key], ours(CONFIGURATIONS[key])
    assert 0 < 1 - sum(theirs.area.values()) / theirs.total_area < 0.12
    assert math.isclose(sum(here.area.values()), 1e6 * here.cost.total.area, rel_tol=1e-9)
    assert math.isclose(sum(here.parts.values()), here.total, rel_tol=1e-9)
    assert math.isclose(sum(here.energy.values()) + here.parts["leakage"], here.total, rel_tol=1e-9)


def test_what_is_charged_is_what_is_counted() -> None:
    """No more and no fewer conversions than positions x columns x bits x row tiles, by hand for each layer."""
    here = ours(CONFIGURATIONS["B"])
    conv = [(1024, 128, 1, 1), (1024, 128, 10, 9), (256, 256, 10, 9), (256, 256, 19, 18), (64, 512, 19, 18)]
    layers = [*conv, (64, 512, 37, 36), (1, 1024, 64, 64), (1, 10, 8, 8)]
    assert here.conversions == sum(p * n * cut for p, n, cut, _ in layers) * 64
    assert whole_row_tiles(here.program) == sum(p * n * whole for p, n, _, whole in layers) * 64
    positions = sum(a.positions for a in here.counts.values())
    assert positions == 2 * (1024 + 256 + 64 + 1)
    graph = here.program.quant.graph
    assert abs(sum(graph.macs(n) for n in graph.matrix_nodes()) / 1e6 - COUNTED) < 0.05


def test_arrays() -> None:
    """Of 128 x 128 cells, sixteen converters each; theirs are 9,472, and more than a network of 8 bits fills."""
    for key, columns in (("B", 16), ("B2", 25)):
        tile = chip(CONFIGURATIONS[key]).tile
        assert tile.shape == (128, columns)
        weights = sum(
            w.numel() for w in (layer.weight for layer in ours(CONFIGURATIONS[key]).program.quant.layers.values())
        )
        assert ours(CONFIGURATIONS[key]).program.chip.tiles >= weights / (128 * columns)
    assert round(array_cells("B") / 128**2, -1) == 9470
    assert array_cells("B") > 1.4 * 8 * 12_973_440


@pytest.mark.parametrize(("quantity", "key"), [("energy", "D"), ("area", "B"), ("time", "D")])
def test_the_way_from_theirs_to_ours(quantity: str, key: str) -> None:
    theirs, here = CONFIGURATIONS[key], ours(CONFIGURATIONS[key])
    start = {"energy": theirs.total, "area": theirs.total_area, "time": theirs.time}[quantity]
    total = here.cost.total
    end = {"energy": 1e6 * total.energy, "area": 1e6 * total.area, "time": 1e6 * total.latency}[quantity]
    found = steps(quantity)
    assert found[0].change == start
    assert math.isclose(math.fsum(s.change for s in found), end, rel_tol=1e-9)


def test_one_change_at_a_time() -> None:
    """Each change moves what it should and nothing else; cells of less resistance draw as much more."""
    found = variants()
    base = found["as described"].parts
    for name, changed in (("clocks gated: no register is clocked but for data", {"clocked registers"}),
                          ("gates do not leak", {"leakage"}),
                          ("cells draw no current, as in E of NeuroSim", {"array current"})):  # fmt: skip
        parts = found[name].parts
        assert {k for k, v in parts.items() if not math.isclose(v, base[k], rel_tol=1e-9, abs_tol=1e-9)} == changed
        assert all(parts[k] == pytest.approx(0.0, abs=1e-9) for k in changed)
    six = found["cells of 6 kOhm"].parts["array current"]
    assert math.isclose(six / base["array current"], 100 / 6, rel_tol=1e-5)


def test_the_page_shows_these_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables().items():
        shown = re.findall(rf"<!-- {name} -->\n\n(.*?)\n<!-- end -->", text, re.DOTALL)
        assert shown == [table], f"docs/concepts/reconciliation.md: run docs/make_validation.py for {name}"
