"""ibm-tiles: the errors and energy shares of Tile1, Tile2 and DIMC; one row is known to miss."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [
        ("MVM error, DIMC", 1.0, 1.5),
        ("MVM error, Tile2 ideal, 8-bit ADC", 2.0, 3.0),
        ("MVM error, Tile2 ideal, 7-bit ADC", 4.0, 6.0),
        ("MVM error, Tile2 ideal, 6-bit ADC", 9.0, 10.0),
        ("MVM error, Tile1, 1 device per sign", 10.0, 19.0),
        ("MVM error, Tile1, 2 devices per sign", 0.0, 10.0),
    ],
)
def test_predictions(rows: Any, quantity: str, low: float, high: float) -> None:
    row = rows("ibm-tiles")[quantity]
    assert row.within
    assert low <= row.ours <= high


def test_order_of_the_tiles(rows: Any) -> None:
    table = rows("ibm-tiles")
    dimc, tile2 = table["MVM error, DIMC"], table["MVM error, Tile2 ideal, 8-bit ADC"]
    assert dimc.ours < tile2.ours < table["MVM error, Tile1, 1 device per sign"].ours


def test_more_devices_per_sign_lower_the_error(rows: Any) -> None:
    table = rows("ibm-tiles")
    errors = [table["MVM error, Tile1, 1 device per sign"].ours]
    for devices in (2, 4, 8):
        law = table[f"MVM error, Tile1, {devices} devices per sign (1/sqrt(devices) law)"]
        assert law.within
        assert law.ours < 0.85 * errors[-1]
        errors.append(law.ours)


def test_shares(rows: Any) -> None:
    """Parameters of the analog tiles were chosen with them in view, and the page says so."""
    table = rows("ibm-tiles")
    shares = {r.quantity: r.mark for r in table.values() if r.quantity.startswith("energy share")}
    assert len(shares) == 5
    assert {q for q, mark in shares.items() if mark == "prediction"} == {"energy share of output encoding, DIMC"}


def test_known_misses(rows: Any) -> None:
    """A change here goes to docs/validation.md."""
    table = rows("ibm-tiles")
    assert {r.quantity for r in table.values() if not r.within} == {
        "MVM error, Tile1 ideal",
        "energy share of cells, Tile1",
        "energy share of cells, Tile2",
        "energy share of output encoding, Tile1",
        "energy share of output encoding, Tile2",
        "energy share of output encoding, DIMC",
    }
    assert table["MVM error, Tile1 ideal"].ours == pytest.approx(1.50, abs=0.05)
