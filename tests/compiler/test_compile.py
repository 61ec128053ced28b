"""Compilation: a schedule in order, with the number of products each step takes."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import CapacityError, SpecError, UnsupportedOpError
from mho.ir import Step

X = torch.linspace(-1, 1, 3 * 4 * 6 * 6).reshape(3, 4, 6, 6)


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 300))


def test_schedule() -> None:
    chip = Chip.load("hermes")
    program = compile(quantize(capture(_network(), X[:1]), chip, X), chip)
    assert program.schedule == (
        Step("multiply", "0", 9),
        Step("digital", "relu", 1),
        Step("digital", "flatten", 1),
        Step("multiply", "3", 1),
    )
    program.placement.check()


def test_blocks_in_one_tile_take_turns() -> None:
    chip = replace(Chip.load("hermes"), tiles=1)
    network = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2))
    program = compile(quantize(capture(network, X[:1]), chip, X), chip)
    assert program.schedule == (Step("multiply", "0", 18),)


def test_another_chips_quantisation() -> None:
    quant = quantize(capture(_network(), X[:1]), Chip.load("hermes"), X)
    with pytest.raises(SpecError) as error:
        compile(quant, Chip.load("dimc-sram"))
    assert str(error.value) == (
        "the network was quantised for another tile than that of chip 'dimc-sram'; quantise it for this chip"
    )


def test_more_tiles_of_the_same_kind_are_no_other_chip() -> None:
    chip = Chip.load("hermes")
    quant = quantize(capture(_network(), X[:1]), chip, X)
    assert compile(quant, replace(chip, tiles=100)).placement.tile_shape == (256, 256)
    wide = capture(nn.Sequential(nn.Flatten(), nn.Linear(144, 600)), X[:1])
    with pytest.raises(CapacityError, match=r"^the network needs 3 tiles .* and chip 'hermes' has 2; take a chip"):
        compile(quantize(wide, chip, X), replace(chip, tiles=2))


def test_deterministic() -> None:
    chip = Chip.load("tile2-rram")
    programs = [compile(quantize(capture(_network(), X[:1]), chip, X), chip) for _ in range(2)]
    assert programs[0].placement == programs[1].placement
    assert programs[0].schedule == programs[1].schedule
    assert str(programs[0]) == str(programs[1])


def test_a_network_without_weights() -> None:
    chip = Chip.load("hermes")
    with pytest.raises(UnsupportedOpError) as error:
        compile(quantize(capture(nn.ReLU(), X[:1]), chip, X), chip)
    assert str(error.value) == (
        "the network has no convolution or linear layer, so a chip's tiles have nothing to do; give one that has"
    )
