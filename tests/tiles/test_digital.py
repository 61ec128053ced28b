"""The digital tile returns the integer product itself."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed
from mho.tiles import BitSerial, Condition, ConvLayout, DigitalTile, LinearLayout, load_tile

CHIPS = [Seed(0).child("chip", i) for i in range(2)]


def _run(tile: DigitalTile, layout, weight: torch.Tensor, x: torch.Tensor, signed: bool) -> torch.Tensor:
    scale = tile.full_scale(layout, weight, x[0], signed)
    state = tile.program(layout, weight, scale, CHIPS[: x.shape[0]], [Condition()], signed)
    return tile.multiply(layout, state, x, signed, None)


def _draw(name: str, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(low, high + 1, shape, generator=Seed(0).child(name).generator())


@given(st.integers(1, 600), st.integers(1, 5), st.booleans())
def test_linear_is_the_product_in_int64(features: int, outputs: int, signed: bool) -> None:
    tile = load_tile("dimc")
    weight = _draw("w", *tile.weight_range, outputs, features)
    x = _draw("x", *tile.input_range(signed), 2, 3, features)
    y = _run(tile, LinearLayout(features, outputs, 256), weight.float(), x.float(), signed)
    assert torch.equal(y.long(), x @ weight.T)


@pytest.mark.parametrize("batch", [2, 32])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_is_the_product_in_int64(groups: int, batch: int) -> None:
    tile = load_tile("dimc")
    layout = ConvLayout(64, 32, (3, 3), (1, 1), (1, 1), (1, 1), groups, 256)
    weight = _draw("w", *tile.weight_range, 32, 64 // groups, 3, 3)
    x = _draw("x", 0, 255, 1, batch, 64, 9, 9)
    y = _run(tile, layout, weight.float(), x.float(), False)
    assert torch.equal(y[0].long(), F.conv2d(x[0].double(), weight.double(), padding=1, groups=groups).long())


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("features", [256, 4096])
@pytest.mark.parametrize("end", [0, 1])
def test_extremes(features: int, signed: bool, end: int) -> None:
    """The largest sums there can be; 16 row tiles go beyond 2^24, where float32 no longer counts by ones."""
    tile = load_tile("dimc")
    weight = torch.full((3, features), tile.weight_range[end])
    weight[1, ::2] = 0
    weight[2, 0] += 1 if end == 0 else -1
    x = torch.full((1, 2, features), tile.input_range(signed)[1])
    x[0, 1, 7] -= 1
    y = _run(tile, LinearLayout(features, 3, 256), weight.float(), x.float(), signed)
    exact = x @ weight.T
    assert torch.equal(y, exact.float())
    if features == 256:
        assert torch.equal(y.long(), exact)


def test_row_tiles_beyond_two_to_the_24_are_rounded_once() -> None:
    """The sum over row tiles is exact; only the result is rounded to float32, once."""
    tile = load_tile("dimc")
    weight = _draw("w", 100, 127, 4, 16_384)
    x = _draw("x", 200, 255, 1, 8, 16_384)
    y = _run(tile, LinearLayout(16_384, 4, 256), weight.float(), x.float(), False)
    exact = x @ weight.T
    assert int(exact.min()) > 2**24
    assert torch.equal(y, exact.float())


def test_every_chip_and_time_is_the_same() -> None:
    tile, layout = load_tile("dimc"), LinearLayout(300, 4, 256)
    weight = _draw("w", -128, 127, 4, 300).float()
    x = _draw("x", -128, 127, 1, 3, 300).float()
    conditions = [Condition(), Condition(1e9, "column")]
    state = tile.program(layout, weight, torch.ones(2, 1), CHIPS, conditions, True)
    y = tile.multiply(layout, state, x, True, None)
    assert y.shape == (4, 3, 4)
    assert all(torch.equal(y[i], y[0]) for i in range(4))
    assert tile.noise_shape(layout, 1, True) is None
    assert tile.exact


@pytest.mark.parametrize("signed", [True, False])
def test_activity_counts_ones(signed: bool) -> None:
    tile = load_tile("dimc")
    x = _draw("x", *tile.input_range(signed), 1, 5, 300)
    layout = LinearLayout(300, 4, 150)
    state = tile.program(layout, torch.zeros(4, 300), torch.ones(2, 1), CHIPS[:1], [Condition()], signed)
    activity = tile.activity(layout, state, x.float(), signed)
    ones = sum(bin(int(v) & 255).count("1") for v in x.flatten())
    assert activity.density == pytest.approx(ones / (5 * 300 * 8))
    assert activity.siemens_seconds == 0.0
    assert activity.positions == 1


def test_activity_of_a_convolution_counts_the_pixels_each_tap_sees() -> None:
    tile, layout = load_tile("dimc"), ConvLayout(2, 3, (3, 3), (2, 2), (1, 1), (1, 1), 1, 256)
    x = _draw("x", 0, 255, 1, 4, 2, 7, 7)
    state = tile.program(layout, torch.zeros(3, 2, 3, 3), torch.ones(1, 1), CHIPS[:1], [Condition()], False)
    activity = tile.activity(layout, state, x.float(), False)
    patches = F.unfold(x[0].double(), 3, padding=1, stride=2).long()
    ones = sum(bin(int(v)).count("1") for v in patches.flatten())
    assert activity.positions == 16
    assert activity.density == pytest.approx(ones / (patches.numel() * 8))


def test_cost_blocks_and_their_growth() -> None:
    tile = load_tile("dimc")
    base = tile.mvm_cost(128, 128, True)
    for cost in (*base.values(), *tile.parts().values()):
        assert min(cost.energy, cost.latency, cost.area, cost.leakage) >= 0
    for rows, columns in ((256, 128), (128, 256)):
        more = tile.mvm_cost(rows, columns, True)
        assert all(more[k].energy >= base[k].energy for k in base)
        assert sum(c.energy for c in more.values()) > sum(c.energy for c in base.values())
    fewer = replace(tile, inputs=BitSerial(4, 1e-9), weight_bits=4)
    assert sum(c.energy for c in fewer.mvm_cost(128, 128, True).values()) < sum(c.energy for c in base.values())
    assert fewer.parts()["cells"].area == pytest.approx(tile.parts()["cells"].area / 2)


def test_data_dependent_cost_is_in_proportion_to_the_ones() -> None:
    tile, layout = load_tile("dimc"), LinearLayout(256, 256, 256)
    state = tile.program(layout, torch.zeros(256, 256), torch.ones(1, 1), CHIPS[:1], [Condition()], False)
    costs = []
    for value in (0, 1, 3, 255):
        activity = tile.activity(layout, state, torch.full((1, 1, 256), float(value)), False)
        costs.append(tile.cell_cost(activity, 256 * 256))
    for block in ("cells", "adder trees"):
        energies = [c[block].energy for c in costs]
        assert energies[0] == 0
        assert energies[2] == pytest.approx(2 * energies[1])
        assert energies[3] == pytest.approx(8 * energies[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_bits": 9}, "weights have 2 to 8 bits, not 9"),
        ({"weight_bits": 1}, "weights have 2 to 8 bits, not 1"),
        (
            {"rows": 1024},
            "rows x largest weight x largest input must stay within 2^24 to be exact, "
            "but 1024 rows of 8 x 8 bits exceed it; use fewer rows",
        ),
    ],
)
def test_wrong_values(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match="bits") as error:
        replace(load_tile("dimc"), **changes)
    assert str(error.value) == message
