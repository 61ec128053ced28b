"""Products: counts that are published, the keyword network, claims and how far they are from generic tiles."""

from typing import Any

import pytest
import torch

from mho.chip import Chip
from mho.reproduce import Row
from mho.reproduce._chips_products import KeywordSpotter, keyword_energy, rows


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], Row]:
    return {(r.quantity, r.unit): r for r in rows()}


def test_counts() -> None:
    """80, 1.8, 50 and 32 million weights."""
    held = {}
    for name in ("mythic-m1076", "wtm2101", "membrain", "hexa01"):
        chip = Chip.load(name)
        assert chip.tile == Chip.load("mythic-m1076").tile
        held[name] = chip.tiles * chip.tile.shape[0] * chip.tile.shape[1]
    assert held["mythic-m1076"] == pytest.approx(80e6, rel=0.01)
    assert held["wtm2101"] - 2**20 < 1.8e6 <= held["wtm2101"]
    assert held["membrain"] >= 50e6
    assert held["hexa01"] == 32 * 2**20


def test_the_keyword_network() -> None:
    """8,000 + 4 x (8,000 x (9 + 64)) + 768 products, counted by hand: 25 x 5 positions, 64 channels, 10 x 4 taps."""
    positions = 25 * 5
    by_hand = positions * 64 * 40 + 4 * positions * (64 * 9 + 64 * 64) + 64 * 12
    energy, macs = keyword_energy(Chip.load("ndp120"))
    assert macs == by_hand
    assert KeywordSpotter()(torch.zeros(2, 1, 49, 10)).shape == (2, 12)
    lower, _ = keyword_energy(Chip.load("ndp120").at_node("40 nm", "0.9 V"))
    assert lower < energy


def test_claims(table: Any) -> None:
    """Digital cores are met within a factor of 1.5, a whole chip is not; flash arrays do far more than is claimed."""
    assert table["inference card, 6 nm (Corsair)", "TOPS/W"].within
    assert table["driving processor, 12 nm (Houmo H30), cores", "TOPS/W"].within
    assert table["driving processor, 12 nm (Houmo H30), chip", "TOPS/W"].ratio > 2
    assert table["voice processor with flash (WTM2101)", "GOPS"].ratio > 20
    assert table["card with four flash processors", "TOPS"].ratio == pytest.approx(
        table["flash processor, 76 tiles", "TOPS"].ratio, rel=1e-6
    )
