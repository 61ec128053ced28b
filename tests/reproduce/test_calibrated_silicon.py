"""Calibrated macros: rows of what was published of them."""

from mho.cost import calibrated_names, load_calibrated
from mho.reproduce import reproduce


def test_rows_are_those_of_the_readings() -> None:
    whole = reproduce("calibrated-silicon", full=True)
    assert len(whole) == sum(len(load_calibrated(name).readings()) for name in calibrated_names())
    assert len({(r.quantity, r.source) for r in whole}) == len(whole)
    shown = reproduce("calibrated-silicon")
    assert len(shown) < 110
    assert {(r.quantity, r.source, r.ours) for r in shown} < {(r.quantity, r.source, r.ours) for r in whole}
    wang = {r.quantity: r for r in shown}["efficiency of Wang, 0.8 V"]
    assert (wang.published, wang.unit, wang.mark, wang.tolerance) == (22.59, "TOPS/W", "prediction", 0.05)


def test_throughput_over_supply_is_within_two_per_cent() -> None:
    rows = [
        r for r in reproduce("calibrated-silicon") if r.quantity.startswith(("throughput of Wang", "throughput of Sin"))
    ]
    assert len(rows) == 7
    assert all(r.within and r.tolerance == 0.02 for r in rows)


def test_what_misses_stays_known() -> None:
    missed = {r.quantity.partition(",")[0] for r in reproduce("calibrated-silicon") if not r.within}
    assert missed == {
        "energy of Colonnade", "throughput of Colonnade", "density of Jia (cells", "throughput of Jia",
        "efficiency of NeuRRAM", "throughput of NeuRRAM", "energy of Sinangil", "efficiency of Sinangil",
        "efficiency of Wang",
    }  # fmt: skip
    assert all(r.within for r in reproduce("calibrated-silicon", full=True) if r.mark == "fitted")
