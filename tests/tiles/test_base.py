"""What every preset tile keeps."""

import pytest
import torch

from mho.core import Loader, Seed
from mho.tiles import OUTPUT_STAGES, ROOMS, AbstractTile, Condition, LinearLayout, load_tile

TILES = sorted(Loader(ROOMS).presets(AbstractTile))


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize("signed", [True, False])
def test_shapes(name: str, signed: bool) -> None:
    tile = load_tile(name)
    layout = LinearLayout(70, 5, 32)
    low, high = tile.input_range(signed)
    x = torch.randint(low, high + 1, (1, 4, 70), generator=Seed(0).generator()).float()
    weight = torch.randint(-127, 128, (5, 70), generator=Seed(1).generator()).float()
    scale = tile.full_scale(layout, weight, x[0], signed)
    assert scale.shape[0] == layout.row_tiles
    chips = [Seed(0).child("chip", i) for i in range(3)]
    state = tile.program(layout, weight, scale, chips, [Condition(None), Condition(1.0)], signed)
    shape = tile.noise_shape(layout, 1, signed)
    noise = None if shape is None else torch.zeros(3, 4, *shape)
    y = tile.multiply(layout, state, x, signed, noise)
    assert y.shape == (6, 4, 5)
    assert torch.isfinite(y).all()
    activity = tile.activity(layout, state, x.expand(6, -1, -1), signed)
    assert activity.positions == 1
    assert 0 < activity.density < 1


@pytest.mark.parametrize("name", TILES)
def test_blocks_have_the_same_names_everywhere(name: str) -> None:
    tile = load_tile(name)
    allowed = {"cells", "input encoding", *OUTPUT_STAGES, "adder trees", "digital"}
    assert tile.mvm_cost(10, 10, True).keys() <= allowed
    assert tile.parts().keys() <= allowed
    others = {
        "jung2022": (64, 64), "liu2020": (784, 100), "neurram": (128, 256), "nor-flash-40": (1024, 1024),
        "prime": (256, 64), "tile-sw-2t2r": (128, 128), "tsmc-dimc-22": (256, 64), "tsmc-dimc-5": (64, 64),
        "yan2019": (256, 128), "yao2020": (128, 128),
    }  # fmt: skip
    assert tile.shape == others.get(name, (256, 256))
    assert sum(c.area for c in tile.parts().values()) > 0


def test_conditions_are_values() -> None:
    assert Condition() == Condition(0.0, "none")
    assert hash(Condition(1.0)) != hash(Condition(2.0))
