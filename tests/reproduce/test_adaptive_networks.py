"""Networks behind converters: every row of the study, on small networks and few images."""

import pytest
import torch
from torch import nn

from mho.reproduce._adaptive_networks import RESNET18, VGG8, network_rows, partial_rows, shape_rows
from mho.samples import resnet20


def test_rows_of_the_long_study() -> None:
    """Sixteen sources, their spread, and what was not published, here on a network that is small and few images."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10)).eval()
    rows = {r.quantity: r for r in network_rows(net, images=100, seeds=16, epochs=1, bits=(5, 6))}
    assert rows["5 bits, Lloyd-Max, 1 % off: spread between sources"].published == 0.56
    assert not any("2 % off" in name for name in rows)
    equal = rows["6 bits, equal steps, lower edge"]
    assert equal.published == (pytest.approx(100 * 89.87 / 90.24), 105.0)
    assert equal.source == "at least the equal steps of fewer bits in [hong2025]"
    assert {"6 bits, learned levels, 1 % off", "6 bits, levels of least error, 1 % off, super-resolution"} <= set(rows)


def test_rows_of_more_variation() -> None:
    """Each way has a row for each variation, with the published figure or the bar of what is next to it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10)).eval()
    rows = network_rows(net, images=100, seeds=1, epochs=0, bits=(3, 5), percents=(2.0,))
    twice = {r.quantity: r.source for r in rows if "2 % off" in r.quantity}
    assert twice == {
        "3 bits, Lloyd-Max, 2 % off": "at least the Lloyd-Max of less variation in [hong2025]",
        "3 bits, levels of least error, 2 % off": "at least the Lloyd-Max of less variation in [hong2025]",
        "5 bits, Lloyd-Max, 2 % off": "[hong2025], Fig. 5c, d",
        "5 bits, levels of least error, 2 % off": "at least the Lloyd-Max of [hong2025]",
    }


def test_rows_of_super_resolution() -> None:
    """Where super-resolution was published, it has a row and is the bar of that with levels of ours."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10)).eval()
    rows = {r.quantity: r for r in network_rows(net, RESNET18, images=100, seeds=2, epochs=0, bits=(6,))}
    paired = 100 * 65.50 / 69.77
    assert rows["ResNet-18, 6 bits, Lloyd-Max, 1 % off, super-resolution"].published == pytest.approx(paired)
    own = rows["ResNet-18, 6 bits, levels of least error, 1 % off, super-resolution"]
    assert own.published == (pytest.approx(paired), 105.0)


def test_bars() -> None:
    """The figure itself, else the best with fewer bits and the same variation, else that with less variation."""
    assert VGG8.least(4, 5.0) == (pytest.approx(100 * 54.46 / 90.24), "[hong2025]")
    assert VGG8.least(6) == (pytest.approx(100 * 90.20 / 90.24), "fewer bits in [hong2025]")
    assert VGG8.least(6, 1.0) == (pytest.approx(100 * 89.55 / 90.24), "fewer bits in [hong2025]")
    assert VGG8.least(6, 5.0) == (pytest.approx(100 * 66.84 / 90.24), "fewer bits in [hong2025]")
    assert VGG8.least(3, 5.0) == (pytest.approx(100 * 66.30 / 90.24), "less variation in [hong2025]")
    assert VGG8.least(6, 0.0, VGG8.equal) == (pytest.approx(100 * 89.87 / 90.24), "fewer bits in [hong2025]")
    with pytest.raises(ValueError, match="of ResNet-18 nothing was published for 3 bits, nor for fewer"):
        RESNET18.least(3)


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
        r.quantity.removeprefix("partial sums, 3 bits, "): r
        for r in partial_rows(resnet20(), images=40, bits=(3,), percents=(5.0,))
    }
    assert list(rows) == [
        "equal steps",
        "equal steps, clipped for the least error",
        "levels of least error",
        "levels of least error, 1 % off",
        "the same, super-resolution",
        "the same, levels a column",
        "learned levels, 1 % off",
        "levels of least error, 5 % off",
        "learned levels, 5 % off",
    ]
    assert "between 2 chips" in rows["learned levels, 1 % off"].comment
    assert rows.pop("equal steps").ours < 40
    assert rows.pop("equal steps, clipped for the least error").ours > 40
    assert all(50 < r.ours <= 110 for r in rows.values())


@pytest.mark.slow
def test_networks() -> None:
    """Ten images say nothing of accuracy; but every row is there, and more bits with better levels are not worse."""
    rows = {r.quantity: r for r in network_rows(images=10, seeds=1, epochs=0)}
    assert len(rows) == 3 * 8
    assert all(0 <= r.ours <= 125 for r in rows.values() if r.unit == "% of digital")
    assert rows["3 bits, equal steps, lower edge"].ours < 50  # it collapses
    assert rows["5 bits, Lloyd-Max"].ours >= rows["3 bits, equal steps, lower edge"].ours
    assert rows["5 bits, equal steps, centre"].ours >= rows["3 bits, equal steps, centre"].ours
