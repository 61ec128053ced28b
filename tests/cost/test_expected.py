"""Activity from distributions, beside activity counted in a run."""

import pytest
import torch
from torch import nn

import mho
from mho.cost import estimate, expected_counts

NET = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(784, 10)
)


@pytest.mark.parametrize("name", ["hermes", "tile2-rram", "dimc-sram"])
def test_close_to_what_a_run_counts(name: str) -> None:
    """Total energy within 1 %; drive of the word lines of each layer within a quarter."""
    torch.manual_seed(0)
    x = mho.Seed(1).child("images").normal((12, 3, 16, 16))
    chip = mho.Chip.load(name)
    program = mho.compile(mho.quantize(mho.capture(NET, x), chip, x), chip)
    counted = mho.run(program, x, instances=2).counts
    expected = expected_counts(program, x)
    assert expected.keys() == counted.keys()
    for layer, activity in expected.items():
        assert activity.positions == counted[layer].positions
        assert activity.density == pytest.approx(counted[layer].density, rel=0.25)
        assert activity.siemens_seconds == pytest.approx(counted[layer].siemens_seconds, rel=0.4)
    fast, exact = (estimate(program, c).total.energy for c in (expected, counted))
    assert fast == pytest.approx(exact, rel=0.01)


def test_columns_of_a_principle() -> None:
    """A tile whose principle says the energy of its columns: drawn vectors against real ones."""
    from dataclasses import replace

    from mho.tiles import load_tile

    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.ReLU(), nn.Linear(32, 10))
    x = mho.Seed(1).child("images").normal((24, 3, 8, 8))
    chip = mho.Chip.load("tile2-rram")
    chip = replace(chip, tile=load_tile("tile-capacitive"))
    program = mho.compile(mho.quantize(mho.capture(net, x), chip, x), chip)
    counted = mho.run(program, x, instances=2).counts
    for layer, activity in expected_counts(program, x).items():
        assert activity.column_energy == pytest.approx(counted[layer].column_energy, rel=0.15)


def test_all_ones_is_exact() -> None:
    """Constant inputs and weights leave nothing to estimate."""
    net = nn.Linear(64, 8, bias=False)
    with torch.no_grad():
        net.weight.fill_(1.0)
    x = torch.ones(4, 64)
    chip = mho.Chip.load("dimc-sram")
    program = mho.compile(mho.quantize(mho.capture(net, x), chip, x), chip)
    (one,) = expected_counts(program, x).values()
    (two,) = mho.run(program, x).counts.values()
    assert one == two
