"""The voltage-to-time converter: the law of its discharge."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mho.converters import (
    VoltageToTime,
    bench,
    load_converter,
)


@pytest.mark.parametrize("depth", [0.1, 0.5, 2.0])
def test_a_discharge_through_a_resistance(depth: float) -> None:
    """A circuit's times, tau ln(V / V_t), against counts in proportion: about depth / 8 of full scale where small."""
    converter = replace(load_converter("voltage-to-time-8b"), depth=depth, gain_sigma=0.0, offset_sigma=0.0)
    assert isinstance(converter, VoltageToTime)
    v = torch.linspace(1, math.exp(depth), 100_001, dtype=torch.float64)  # from the threshold to full scale
    counts, signal = 256 * v.log() / depth, 256 * (v - 1) / (v[-1] - 1)
    measured = bench(converter, columns=2)
    assert float(measured.largest_inl.mean()) == pytest.approx(float((signal - counts).abs().max()), rel=0.03)
    wanted = torch.from_numpy(np.interp(0.5 + np.arange(255), counts.numpy(), signal.numpy())).float()
    torch.testing.assert_close(measured.transitions[0], wanted, atol=0.05, rtol=0)
