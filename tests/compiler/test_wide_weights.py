"""Weights of more than eight bits keep their integers through quantisation, files and tiles."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import mho
from mho.devices import Sram
from mho.tiles import AnalogTile, Differential


@pytest.mark.parametrize(("bits", "dtype"), [(8, torch.int8), (9, torch.int16), (12, torch.int16)])
def test_more_than_eight_bits(bits: int, dtype: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, x, chip = nn.Linear(60, 12), torch.randn(32, 60), mho.Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    exact = Sram(g_max=20e-6, area=0.0, write_energy=0.0, write_time=0.0)
    chip = replace(chip, tile=replace(chip.tile, weights=Differential(bits), cell=exact))
    program = mho.compile(mho.quantize(mho.capture(network, x), chip, x), chip)
    program.save(tmp_path / "wide.mho")
    loaded = mho.Program.load(tmp_path / "wide.mho")
    assert next(iter(loaded.quant.layers.values())).weight.dtype is dtype
    with torch.inference_mode():
        truth = network(x)
    error = (mho.run(loaded, x).outputs[0, 0] - truth).norm() / truth.norm()
    assert float(error) < 0.03
