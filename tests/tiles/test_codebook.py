"""Codebooks of tiles: one a row tile, or one for each group of columns; saved with programs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import mho.nn
from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.converters import AbstractConverter, load_converter
from mho.core import RangeWarning, Seed
from mho.ir import Program
from mho.runtime import run
from mho.tiles import AnalogTile, Condition

X = Seed(0).child("x").normal((24, 4, 6, 6))
MANY = Seed(0).child("many").normal((400, 4, 6, 6))


def _chip(converter: AbstractConverter) -> Chip:
    chip = Chip.load("tile2-rram").with_converter(converter)
    assert isinstance(chip.tile, AnalogTile)
    return replace(chip, tile=replace(chip.tile, rows=32, cols=6))


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5)).eval()


def _program(converter: AbstractConverter, share: int = 1) -> Program:
    chip = _chip(converter)
    assert isinstance(chip.tile, AnalogTile)
    chip = replace(chip, tile=replace(chip.tile, columns_per_converter=share))
    return compile(quantize(capture(_net(), X[:1]), chip, MANY), chip)


def _book(group: int, share: int) -> torch.Tensor:
    layers = _program(replace(load_converter("memristive-4b"), group=group), share).quant.layers
    book = next(iter(layers.values())).codebook
    assert book is not None
    assert (book[..., 1, :].diff(dim=-1) >= 0).all()
    return book


def test_one_for_a_row_tile() -> None:
    assert _book(0, 1).shape == (1, 1, 1, 1, 2, 16)


@pytest.mark.parametrize(("group", "share"), [(1, 1), (3, 1), (1, 8), (1, 4), (2, 8)])
def test_lines_of_one_converter_have_one_codebook(group: int, share: int) -> None:
    """Eight slices of four columns lie side by side; `share` lines take turns at a converter, `group` of them agree."""
    book = _book(group, share)
    assert book.shape == (2, 1, 8, 4, 2, 16)
    lines = book.permute(0, 1, 3, 2, 4, 5).reshape(2, 32, 2, 16)
    for side in lines:
        for i in range(31):
            alike = i // (group * share) == (i + 1) // (group * share)
            assert torch.equal(side[i], side[i + 1]) == alike
    assert not torch.equal(lines[0], lines[1])  # another group of the convolution


def test_a_converter_for_each_of_one_column() -> None:
    """A depthwise convolution has one column in each of its groups; each has a converter, so a codebook, of its own."""
    chip = _chip(replace(load_converter("memristive-3b"), group=1))
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Flatten()).eval()
    layer = next(iter(quantize(capture(net, X[:1]), chip, X).layers.values()))
    assert layer.codebook is not None
    assert layer.codebook.shape[0] == 4
    assert not torch.equal(layer.codebook[0], layer.codebook[1])


def test_few_sums_are_warned_of() -> None:
    chip = _chip(replace(load_converter("memristive-5b"), group=1))
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()
    with pytest.warns(RangeWarning, match=r"^levels of 5 bits were fitted to 192 sums a converter; give at least 320"):
        quantize(capture(net, X[:1]), chip, X)


def test_converters_with_fixed_levels_have_none() -> None:
    assert all(layer.codebook is None for layer in _program(load_converter("sar-4b")).quant.layers.values())


def test_levels_that_suit_the_sums_err_less_than_equal_steps() -> None:
    """Four bits, no spread of devices, against a converter without errors whose full scale is that of the data, too."""
    ideal = replace(load_converter("sar-4b"), gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    converters = {"equal": ideal}
    for name, group in (("row tile", 0), ("column", 1)):
        converters[name] = replace(load_converter("memristive-4b"), variation=0.0, group=group)
    truth = _net()(X).detach()
    errors: dict[str, float] = {}
    for name, converter in converters.items():
        outputs = run(_program(converter), X, instances=1, conditions=[Condition(None)]).outputs[0, 0]
        errors[name] = float((outputs - truth).square().mean())
    assert errors["column"] < errors["row tile"] < 0.8 * errors["equal"]


def test_programs_keep_their_levels(tmp_path: Path) -> None:
    program = _program(load_converter("memristive-5b-pair"))
    program.save(tmp_path / "net.mho")
    loaded = Program.load(tmp_path / "net.mho")
    one, two = (run(p, X[:4], instances=3).outputs for p in (program, loaded))
    assert torch.equal(one, two)
    alone = run(program, X[:4], instances=1).outputs  # chip 0 is the same in any company
    torch.testing.assert_close(alone[:, 0], one[:, 0], rtol=1e-4, atol=1e-5)


def test_layers_of_torch_take_them_too() -> None:
    chip = _chip(replace(load_converter("memristive-5b"), group=1))
    net = _net()
    analog = mho.nn.convert(net, chip)
    ranges = mho.nn.calibrate(analog, MANY)
    error = float((analog(X) - net(X)).detach().square().mean() / net(X).detach().square().mean())
    assert error < 0.02
    other = mho.nn.convert(net, chip)
    mho.nn.set_ranges(other, ranges)
    assert torch.equal(other(X), analog(X))
    analog.train()(X).square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in analog.parameters())


@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch 2.13 itself
def test_compiled_layers_convert_alike() -> None:
    chip = _chip(load_converter("memristive-4b"))
    analog = mho.nn.convert(_net(), chip)
    mho.nn.calibrate(analog, MANY)
    compiled = torch.compile(analog.eval(), fullgraph=True)
    torch.testing.assert_close(compiled(X), analog(X), rtol=1e-4, atol=1e-5)
