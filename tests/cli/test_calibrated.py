"""mho validate silicon --calibrated."""

import json
from typing import Any

import pytest

from mho.cost import calibrated_names, load_calibrated


def test_table_of_errors(cli: Any) -> None:
    code, out, err = cli("validate", "silicon", "--calibrated")
    assert (code, err) == (0, "")
    lines = {tuple(cell.strip() for cell in line.split("│"))[1:3]: line for line in out.splitlines() if "│" in line}
    assert "78" in lines["colonnade", "throughput"]
    assert {name for name, _ in lines} - {"", "chip"} == set(calibrated_names())


def test_json(cli: Any) -> None:
    code, out, _ = cli("validate", "--calibrated", "--json")
    rows = json.loads(out)
    assert code == 0
    assert len(rows) == sum(len(load_calibrated(name).readings()) for name in calibrated_names())
    one = next(r for r in rows if r["chip"] == "wang-22nm" and r["figure"] == "TOPS/W" and r["supply_v"] == 0.8)
    assert (one["published"], one["fitted"], one["parts"]) == (22.59, False, [])
    assert one["ratio"] == pytest.approx(one["ours"] / one["published"])


def test_other_options_are_refused(cli: Any) -> None:
    code, _, err = cli("validate", "silicon", "--calibrated", "--each", "--csv", "x.csv")
    assert code == 2
    assert "--calibrated goes with --json alone, not with --each, --csv; leave one of them out" in " ".join(err.split())
