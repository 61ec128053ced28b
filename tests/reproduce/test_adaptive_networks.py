"""Networks behind converters: every row of the study, on small networks and few images."""

import pytest
import torch
from torch import nn

from mho.reproduce._adaptive_networks import RESNET18, VGG8, network_rows, partial_rows, shape_rows
from mho.samples import resnet20


def test_rows_of_the_long_study() -> None:
    """Sixteen sources, their spread, and 6 bits, here on a network that is small and few images."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10)).eval()
    rows = {r.quantity: r for r in network_rows(net, images=100, seeds=16, epochs=1, bits=(5, 6))}
    assert rows["5 bits, Lloyd-Max, 1 % off: spread between sources"].published == 0.56
    assert {"6 bits, Lloyd-Max", "6 bits, Lloyd-Max, 1 % off", "6 bits, learned levels, 1 % off"} <= set(rows)
    assert "6 bits, equal steps, centre" not in rows  # nothing was published
    assert not any("2 % off" in name for name in rows)
    told = [r.quantity for r in network_rows(net, images=100, seeds=1, epochs=0, bits=(5, 6), percents=(2.0,))]
    twice = [name for name in told if "2 % off" in name]
    assert twice == ["5 bits, Lloyd-Max, 2 % off", "5 bits, levels of least error, 2 % off"]
    wide = {r.quantity for r in network_rows(net, RESNET18, images=100, seeds=2, epochs=0, bits=(6,))}
    assert "ResNet-18, 6 bits, Lloyd-Max, 1 % off, super-resolution" in wide


def test_bars() -> None:
    """Where nothing was published for so many bits, the bar is the best with fewer and the same variation."""
    assert VGG8.adaptive(6) is None
    assert VGG8.least(6) == pytest.approx(100 * 90.20 / 90.24)
    assert VGG8.least(6, 1.0) == pytest.approx(100 * 89.55 / 90.24)
    assert VGG8.least(4, 5.0) == pytest.approx(100 * 54.46 / 90.24)


def test_shapes() -> None:
    """A layer is at no distance from itself, also where another scale and offset stand behind it."""
    torch.manual_seed(0)
    first, even = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
    with torch.no_grad():
        even.weight.copy_(2 * torch.eye(4)[:, :, None, None])
        even.bias.fill_(1.0)  # pyright: ignore[reportOptionalMemberAccess]
    net = nn.Sequential(first, even, nn.ReLU(), nn.Conv2d(4, 2, 3)).eval()
    rows = shape_rows(net, images=10)
    assert rows[0].ours < 1e-3
    assert not rows[0].within
    assert rows[1].ours == pytest.approx(rows[2].ours, abs=1e-3)
    assert rows[1].ours > 0.02


def test_partial_sums() -> None:
    """Every row is there; with three bits levels that suit the sums answer where equal steps do not."""
    rows = {
        r.quantity.removeprefix("partial sums, 3 bits, "): r for r in partial_rows(resnet20(), images=40, bits=(3,))
    }
    assert list(rows) == [
        "equal steps",
        "levels of least error",
        "levels of least error, 1 % off",
        "levels of least error, 1 % off, super-resolution",
        "learned levels, 1 % off",
    ]
    assert rows.pop("equal steps").ours < 40
    assert all(50 < r.ours <= 110 for r in rows.values())


@pytest.mark.slow
def test_networks() -> None:
    """Ten images say nothing of accuracy; but every row is there, and more bits with better levels are not worse."""
    rows = {r.quantity: r for r in network_rows(images=10, seeds=1, epochs=0)}
    assert len(rows) == 3 * 7
    assert all(0 <= r.ours <= 125 for r in rows.values() if r.unit == "% of digital")
    assert rows["3 bits, equal steps, lower edge"].ours < 50  # it collapses
    assert rows["5 bits, Lloyd-Max"].ours >= rows["3 bits, equal steps, lower edge"].ours
    assert rows["5 bits, equal steps, centre"].ours >= rows["3 bits, equal steps, centre"].ours
