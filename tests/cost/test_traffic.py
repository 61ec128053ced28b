"""What the network of a chip carries: bits by hand, waiting, and that the tree still adds up."""

import math
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Cost, Seed, SpecError
from mho.cost import by_block, estimate, expected_counts, network_costs, rate, silicon
from mho.ir import Program
from mho.tiles import AbstractTile, DigitalTile

X = Seed(0).child("x").normal((4, 2, 6, 6))
CHIPS = [c for c in Chip.presets() if Chip.load(c).network is None]


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.conv(x)).flatten(1))


def _program(chip: Chip) -> Program:
    torch.manual_seed(0)
    return compile(quantize(capture(_Net(), X[:1]), chip, X), chip)


@pytest.mark.parametrize("network", ["h-tree", "mesh"])
@pytest.mark.parametrize("name", CHIPS)
def test_adds_up_exactly_and_changes_nothing_else(name: str, network: str) -> None:
    chip = Chip.load(name)
    program = _program(chip)
    counts = expected_counts(program, X)
    before, after = (estimate(replace(program, chip=c), counts) for c in (chip, chip.with_network(network)))
    leaves = [leaf.cost for leaf in after.leaves()]
    for field in fields(Cost):
        assert getattr(after.total, field.name) == math.fsum(getattr(c, field.name) for c in leaves)
    blocks, old = by_block(after), by_block(before)
    assert "network" not in old
    assert {k: blocks[k] for k in old if k != "leakage"} == {k: c for k, c in old.items() if k != "leakage"}
    assert blocks["network"].energy > 0
    assert blocks["leakage"].energy > old["leakage"].energy
    assert after["silicon"]["network"].cost == network_costs(chip.with_network(network))["part"]
    assert after.total.area == pytest.approx(before.total.area + after["silicon"]["network"].cost.area)
    assert silicon(chip.with_network(network)) == after["silicon"]


def test_bits_by_hand() -> None:
    """16 products of 18 rows and 4 sums of 16 bits, then one of 64 rows and 5 sums: one tile's port of 64 bits.

    Sums of the second layer leave in 80 / 64 cycles, its inputs come in 8, which a product of 130 ns hides.
    """
    chip = Chip.load("hermes").with_network("h-tree")
    program = _program(chip)
    cost = estimate(program, expected_counts(program, X))
    unit = network_costs(chip)
    conv, fc = cost["conv"]["network"].cost, cost["fc"]["network"].cost
    assert conv.energy == pytest.approx(16 * (18 * 8 + 4 * 16) * unit["bit"].energy)
    assert fc.energy == pytest.approx((64 * 8 + 5 * 16) * unit["bit"].energy)
    assert conv.latency == pytest.approx(18 * 8 / 64 * 1e-9 + 2 * unit["way"].latency)
    assert fc.latency == pytest.approx(8e-9 + 2 * unit["way"].latency)


def test_a_narrow_network_makes_tiles_wait() -> None:
    """One bit a cycle: 144 ns for the rows of a product of 130 ns; each but the first waits for the rest."""
    chip = Chip.load("hermes").with_network("h-tree")
    assert chip.network is not None
    narrow = replace(chip, network=replace(chip.network, width=1))
    program = _program(narrow)
    cost = estimate(program, expected_counts(program, X))
    way = network_costs(narrow)["way"].latency
    assert cost["conv"]["network"].cost.latency == pytest.approx(144e-9 + 15 * (144e-9 - 130e-9) + 2 * way)


@pytest.mark.parametrize("name", CHIPS)
def test_peak_figures(name: str) -> None:
    """All tiles at once: the core of the network may be too narrow, then its time counts, and leakage through it."""
    chip = Chip.load(name)
    wired = chip.with_network("mesh")
    bare, full = rate(chip), rate(wired)
    assert wired.network is not None
    bits = chip.tile.product_bits(*chip.tile.shape)
    time = sum(bits) * chip.tiles / wired.network.core_width(chip.tiles) / chip.digital.clock
    assert full.mvm_seconds == pytest.approx(max(bare.mvm_seconds, time))
    unit = network_costs(wired)
    waits = full.mvm_seconds - bare.mvm_seconds
    static = sum(c.leakage for c in chip.tile.parts().values()) + chip.digital.costs()["part"].leakage / chip.tiles
    more = sum(bits) * unit["bit"].energy + static * waits + unit["part"].leakage / chip.tiles * full.mvm_seconds
    assert full.mvm_joule - bare.mvm_joule == pytest.approx(more)
    assert full.tops / full.watt == pytest.approx(full.tops_per_watt)
    assert full.tops / full.tops_per_mm2 * 1e-6 == pytest.approx(silicon(wired).total.area)


def test_in_another_node() -> None:
    """The network says nothing of a node: it follows the chip's, and a smaller chip has shorter wires."""
    wired = Chip.load("dimc-sram").with_network("h-tree")
    before, after = network_costs(wired), network_costs(wired.at_node("7 nm"))
    assert after["bit"].energy < before["bit"].energy / 3
    assert after["part"].area < before["part"].area / 5
    assert wired.at_node("7 nm").network == wired.network


def test_a_chip_without_one_has_no_costs_of_it() -> None:
    assert network_costs(Chip.load("hermes")) == {}
    assert network_costs(Chip.load("mythic-m1076")).keys() == {"bit", "way", "part"}


def test_a_tile_must_say_its_bits() -> None:
    tile = Chip.load("dimc-sram").tile
    assert isinstance(tile, DigitalTile)
    with pytest.raises(SpecError, match="DigitalTile does not say how many bits a product moves; give it"):
        AbstractTile.product_bits(tile, 1, 1)
