"""Pre- and post-conversion: what they cost."""

import pytest

from mho.core import Loader
from mho.digital import ROOMS, Logic
from mho.tiles import PostConversion, PreConversion

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
