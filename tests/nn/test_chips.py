"""Networks in the cells of chips: values that can be compared with `mho.run`."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import mho
import mho.nn
from mho import Chip, Condition
from mho.core import Seed
from mho.tiles import AnalogTile, Differential, LinearLayout, load_tile

X = Seed(0).child("x").normal((6, 3, 8, 8))


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5))


def _chips(name: str = "hermes", instances: int = 3) -> mho.nn.Chips:
    net = mho.nn.convert(_net(), name)
    mho.nn.calibrate(net, X)
    return mho.nn.program(net, seed=4, instances=instances)


@pytest.mark.parametrize("name", ["hermes", "tile2-rram", "dimc-sram"])
@pytest.mark.parametrize("condition", [Condition(None), Condition(3600.0, "global")])
def test_the_same_chips_as_those_of_run(name: str, condition: Condition) -> None:
    """Cells, spread, ageing and noise by the same names: equal but for the rounding of sums."""
    chip = Chip.load(name)
    program = mho.compile(mho.quantize(mho.capture(_net().eval(), X[:1]), chip, X), chip)
    run = mho.run(program, X, seed=4, instances=3, conditions=[condition])
    chips = replace(_chips(name), condition=condition)
    torch.testing.assert_close(chips(X), run.outputs[0], rtol=1e-4, atol=1e-4)


def test_a_chip_is_itself_in_any_company() -> None:
    alone, all_of_them = _chips(instances=1), _chips(instances=3)
    assert torch.equal(alone(X)[0], all_of_them(X)[0])
    assert not torch.equal(all_of_them(X)[0], all_of_them(X)[1])


def test_equal_calls_and_parts_of_a_batch() -> None:
    """Noise belongs to the index of an input."""
    chips = _chips()
    assert torch.equal(chips(X), chips(X))
    torch.testing.assert_close(chips(X[2:5], first=2), chips(X)[:, 2:5], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(chips(X[2:5], first=0), chips(X)[:, 2:5], atol=1e-6)


def test_time_gives_another_value() -> None:
    chips = _chips()
    before = chips(X)
    later = chips.at(86400.0)
    assert chips.condition == Condition(None)
    assert later.condition == Condition(86400.0)
    truth = _net()(X).detach()

    def error(y: Tensor) -> float:
        return float((y - truth).norm() / truth.norm())

    assert error(later(X)) > error(before)
    assert error(chips.at(86400.0, compensation="global")(X)) < error(later(X))
    assert torch.equal(chips(X), before)


def test_later_training_does_not_reach_the_cells() -> None:
    net = mho.nn.convert(_net(), "hermes")
    mho.nn.calibrate(net, X)
    chips = mho.nn.program(net)
    first = chips.at(0.0)
    before = first(X)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    assert torch.equal(chips.at(0.0)(X), before)
    assert not net.training or not chips.network.training


def test_quiet_chips_have_no_noise_of_conversions() -> None:
    quiet = _chips().quiet()
    assert torch.equal(quiet(X), quiet(X, first=100))
    assert not torch.equal(_chips()(X), _chips()(X, first=100))


def test_a_recurrent_layer_has_fresh_noise_at_every_step() -> None:
    """Of equal inputs and states; two passes are equal all the same."""
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, pre=replace(tile.pre, noise=0.05))
    net = mho.nn.convert(nn.RNN(4, 4, bias=False, batch_first=True), tile)
    x = Seed(0).child("steps").normal((2, 1, 4)).expand(2, 5, 4)
    mho.nn.calibrate(net, x)
    chips = mho.nn.program(net)
    module = chips.module
    for name, tiled in mho.nn._calibrate.matrices(module).items():
        tiled[0].begin(0)
        assert name in ("tiles_ih_l0", "tiles_hh_l0")
    y, _ = module(x)
    for _, (tiled, _) in mho.nn._calibrate.matrices(module).items():
        tiled.begin(0)
    again, _ = module(x)
    assert torch.equal(y, again)


def test_ranges_can_be_carried_over() -> None:
    net = mho.nn.convert(_net(), "hermes")
    known = mho.nn.calibrate(net, X)
    other = mho.nn.convert(_net(), "hermes")
    mho.nn.set_ranges(other, known)
    assert torch.equal(other.eval()(X), net.eval()(X))
    with pytest.raises(mho.MhoError, match="ranges must be those of this network's layers; 9 is only in one of both"):
        mho.nn.set_ranges(other, known | {"9": known["0"]})


def test_calibration_is_that_of_quantize() -> None:
    chip = Chip.load("hermes")
    quant = mho.quantize(mho.capture(_net().eval(), X[:1]), chip, X)
    net = mho.nn.convert(_net(), chip)
    for name, ranges in mho.nn.calibrate(net, X).items():
        layer = quant.layers[name]
        assert (ranges.scale, ranges.bounds, ranges.signed) == (layer.input_scale, layer.input_range, layer.signed)
        assert torch.equal(ranges.full_scale, layer.full_scale)


@pytest.mark.parametrize(("name", "weights"), [("tile1", Differential(4, devices=2)), ("tile2", None)])
def test_moments_in_training_are_those_of_the_cells(name: str, weights: Differential | None) -> None:
    """Mean and spread of each weight's error, against the cells themselves on many chips."""
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, wires=None, weights=weights or tile.weights, rows=16)
    low, high = tile.weight_range
    integers = torch.linspace(low, high, 16).round()[None, :]
    layout = LinearLayout(16, 1, 16)
    point = tile.design_point(layout, integers, True, 3600.0)
    assert point.moments is not None
    full_scale = torch.full((1, len(tile.weights.significance)), 1e4)
    real = tile.realise(
        layout, integers, full_scale, [Seed(1).child("chip", i) for i in range(2000)], [Condition(3600.0)], True
    )
    errors = real.digits[:, 0, 0, :, :, 0] - tile.ideal_digits(layout.split_weight(integers))[0, 0, :, :, 0]
    index = (integers[0] - low).long()
    mean, spread = point.moments[:, :, index]
    noise = spread / 2000**0.5 + spread / 4096**0.5
    assert bool(((errors.mean(0) - mean).abs() <= 5 * noise + 1e-6).all())
    torch.testing.assert_close(errors.std(0), spread, rtol=0.12, atol=1e-6)
