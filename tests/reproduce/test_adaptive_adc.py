"""adaptive-adc: circuit, quantiser and cost in full."""

from typing import Any

import pytest

from mho.core import FileError
from mho.reproduce import _adaptive_adc, _adaptive_networks, reproduce
from mho.reproduce._adaptive_adc import (
    RESNET18_SYSTEM,
    VGG8_SYSTEM,
    circuit_rows,
    cost_rows,
    quantiser_rows,
    system_rows,
)
from mho.samples import resnet20


def test_circuit() -> None:
    rows = circuit_rows(columns=300)
    assert len(rows) == 2 + 2 + 2 * 9 + 2 + 1
    assert rows[0].ours == 1.0
    assert all(0.8 < r.ratio < 1.2 for r in rows[:-1])
    assert rows[-1].ours == pytest.approx(1, abs=0.1)  # equal for all levels; measured 0.80, two standard errors off
    assert sum(not r.within for r in rows[:-1]) <= 2  # the DNL of 5 bits at 1 % is 15 to 17 % high
    inl = {f"largest INL, {b} bits, 1 %" for b in (4, 5, 6)}
    assert {r.quantity for r in rows if r.mark == "fitted"} == inl | {
        "lower edge of the Q-cell",
        "upper edge of the Q-cell",
    }


def test_quantiser_and_cost() -> None:
    """What misses is what our circuit draws, and the area of another macro, whose gates are ours."""
    rows = {r.quantity: r for r in [*quantiser_rows(), *cost_rows()]}
    missed = [name for name, r in rows.items() if not r.within]
    assert missed == ["what 16 cells draw in 1 ns", "converters' share of area of `yao2020`"]
    parts = sum(r.ours for name, r in rows.items() if name.startswith("energy of the") and name.endswith("5 bits"))
    assert parts + rows["energy of precharging, 5 bits"].ours == pytest.approx(
        rows["energy of a conversion, 5 bits"].ours
    )
    assert rows["what 16 cells draw in 1 ns"].comment.endswith("the published energy would last 11 ps")


def test_a_system_of_a_smaller_network() -> None:
    """Shares hang together: what is saved is the share before less the share after."""
    rows = [r.ours for r in system_rows(VGG8_SYSTEM, resnet20())]
    for share, left, saved in (rows[:3], rows[3:]):
        assert 0 < left < share < 100
        assert saved == pytest.approx(share - left, rel=1e-6)
    other = system_rows(RESNET18_SYSTEM, resnet20())
    assert [r.quantity for r in other] == ["ResNet-18, energy saved", "ResNet-18, area saved"]
    assert [r.ours for r in other] == [rows[2], rows[5]]


def test_the_long_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks with sixteen sources; other results have no longer study."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(
        _adaptive_networks, "network_rows", lambda *_, **k: calls.append((k["images"], k["seeds"])) or []
    )
    partial: list[dict[str, Any]] = []
    monkeypatch.setattr(_adaptive_networks, "partial_rows", lambda **k: partial.append(k) or [])
    for name in ("circuit_rows", "system_rows", "shape_rows"):
        monkeypatch.setattr(_adaptive_adc, name, lambda *_: [])
    assert reproduce("adaptive-adc", full=True)
    assert calls == [(750, 16)] * 2  # VGG8 and ResNet-18
    assert [(k["images"], k["chips"], k["bits"]) for k in partial] == [(250, 4, (3, 4, 5, 6))]
    with pytest.raises(FileError, match=r"^ir-drop has no longer study than it computes anyway; leave --full out, or"):
        reproduce("ir-drop", full=True)
