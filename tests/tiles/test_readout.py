"""Pre- and post-conversion: what they cost, and how coarse a correction is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mho.tiles
from mho.converters import Correction
from mho.core import Loader, SpecError
from mho.digital import ROOMS, Logic
from mho.tiles import AnalogTile, PostConversion, PreConversion, characterise, load_tile

LOGIC = Loader(ROOMS).load(Logic, "logic-28nm")


def test_pre_conversion_is_static_power_times_time() -> None:
    pre = PreConversion(bias_power=2e-6, settling=1e-9, area=1e-10)
    assert pre.costs(3e-9)["read"].energy == pytest.approx(6e-15)
    assert pre.costs(0.0)["part"].area == 1e-10


def test_post_conversion_is_adder_register_and_multiplier() -> None:
    costs = PostConversion(LOGIC, 20, 8).costs()
    add = LOGIC.adder(20) + LOGIC.register(20)
    correct = LOGIC.multiplier(20, 8) + LOGIC.adder(20)
    assert costs["add"].energy == pytest.approx(add.energy)
    assert costs["correct"].energy == pytest.approx(correct.energy)
    assert costs["part"].area == pytest.approx(add.area + correct.area)
    assert costs["add"].area == 0.0


def test_without_correction_there_is_no_multiplier() -> None:
    costs = PostConversion(LOGIC, 20, 0).costs()
    assert costs["correct"].energy == 0.0
    assert costs["part"].area < PostConversion(LOGIC, 20, 8).costs()["part"].area


@given(st.floats(0.6, 1.8), st.floats(-9, 9), st.integers(3, 12))
def test_a_correction_as_coarse_as_its_bits(gain: float, offset: float, bits: int) -> None:
    """Factors in steps of 2^(1 - bits) below 2, offsets in the same; exact where nothing says that it rounds."""
    correction = Correction(torch.tensor([gain]), torch.tensor([offset]))
    post = PostConversion(LOGIC, 20, bits)
    assert post.held(correction) is correction
    held = replace(post, rounds=True).held(correction)
    step = 2.0 ** (1 - bits)
    factor = 1 / float(held.gain)
    assert factor / step == pytest.approx(round(factor / step), abs=1e-3)
    assert 0 < factor < 2
    assert abs(factor - 1 / gain) <= 0.5 * step * (1 + 1e-4)
    assert abs(float(held.offset) - offset) <= 0.5 * step + 1e-5


def test_without_bits_there_is_no_correction() -> None:
    held = PostConversion(LOGIC, 20, 0, True).held(Correction(torch.tensor([0.9]), torch.tensor([1.5])))
    assert (held.gain.tolist(), held.offset.tolist()) == ([1.0], [0.0])


def test_a_coarse_correction_is_a_non_ideality_of_the_tile() -> None:
    """It can be switched off, and errors grow as its bits fall; eight are as good as exact."""
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)

    def error(bits: int) -> float:
        coarse = replace(tile, post=replace(tile.post, factor_bits=bits, rounds=True))
        assert coarse.effects["correction rounding"] == replace(tile, post=replace(tile.post, factor_bits=bits))
        return float(characterise(coarse, instances=2, vectors=32).errors.mean())

    exact = float(characterise(tile, instances=2, vectors=32).errors.mean())
    assert "correction rounding" not in tile.effects
    assert error(8) == pytest.approx(exact, rel=0.01)
    assert error(0) > error(3) > 1.05 * exact


def test_stages_of_ones_own(tmp_path: Path) -> None:
    """A file may name classes for the circuits before and behind the converter, as for any part."""
    text = (Path(mho.tiles.__file__).parents[1] / "data" / "tiles" / "tile2.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("[pre]\n", '[pre]\ntype = "PreConversion"\n'), encoding="utf-8")
    assert load_tile(str(file)) == load_tile("tile2")
    file.write_text(text.replace("[post]\n", '[post]\ntype = "Postconversion"\n'), encoding="utf-8")
    with pytest.raises(SpecError, match="no PostConversion is called 'Postconversion'; did you mean 'PostConversion'"):
        load_tile(str(file))
