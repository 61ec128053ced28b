"""adaptive-adc: circuit, quantiser and cost in full; the networks on a few images."""

import pytest

from mho.reproduce import RESULTS
from mho.reproduce._adaptive_adc import circuit_rows, cost_rows, network_rows, quantiser_rows, system_rows
from mho.samples import resnet20


def test_circuit() -> None:
    rows = circuit_rows(columns=300)
    assert len(rows) == 1 + 2 * 9 + 2
    assert rows[0].ours == 1.0
    assert all(0.8 < r.ratio < 1.2 for r in rows)
    assert sum(not r.within for r in rows) <= 2  # the DNL of 5 bits at 1 % is 15 to 17 % high
    assert {r.quantity for r in rows if r.mark == "fitted"} == {f"largest INL, {b} bits, 1 %" for b in (4, 5, 6)}


def test_quantiser_and_cost() -> None:
    rows = [*quantiser_rows(), *cost_rows()]
    assert all(r.within for r in rows), [r.quantity for r in rows if not r.within]


def test_a_system_of_a_smaller_network() -> None:
    """Shares hang together: what is saved is the share before less the share after."""
    rows = [r.ours for r in system_rows(resnet20())]
    for share, left, saved in (rows[:3], rows[3:]):
        assert 0 < left < share < 100
        assert saved == pytest.approx(share - left, rel=1e-6)


@pytest.mark.slow
def test_networks() -> None:
    """Ten images say nothing of accuracy; but every row is there, and more bits with better levels are not worse."""
    rows = {r.quantity: r for r in network_rows(images=10, seeds=1, epochs=0)}
    assert len(rows) == 3 * 4 + 9
    assert all(0 <= r.ours <= 125 for r in rows.values() if r.unit == "% of digital")
    assert rows["3 bits, equal steps, lower edge"].ours < 50  # it collapses
    assert rows["5 bits, Lloyd-Max"].ours >= rows["3 bits, equal steps, lower edge"].ours
    assert rows["5 bits, equal steps, centre"].ours >= rows["3 bits, equal steps, centre"].ours
    assert "adaptive-adc" in RESULTS
