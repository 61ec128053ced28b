"""The flash converter: ones counted whatever their order, offsets of comparators."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mho.converters import (
    Flash,
    bench,
    load_converter,
)
from mho.core import Seed


def test_a_flash_counts_ones_whatever_their_order() -> None:
    flash = replace(load_converter("flash-4b"), mismatch=1.0)
    assert isinstance(flash, Flash)
    z = Seed(0).normal((flash.mismatches,))
    raw = torch.arange(1.0, 16) - 0.5 + z
    assert (raw.diff() < 0).any()  # bubbles
    x = torch.linspace(-1, 16, 400)
    ours = flash.quantise_(x.clone(), 0.0, 15.0, flash.profile(z))
    np.testing.assert_array_equal(ours.numpy(), (x.numpy()[:, None] >= raw.numpy()).sum(-1))


def test_offsets_of_comparators_are_the_inl_of_a_flash() -> None:
    flash = replace(load_converter("flash-6b"), mismatch=0.2, gain_sigma=0.0, conversion_noise=0.0)
    measured = bench(flash, columns=500, reference="absolute")
    assert float(measured.inl.std()) == pytest.approx(0.2, rel=0.05)
    assert float(measured.dnl.std()) == pytest.approx(0.2 * math.sqrt(2), rel=0.05)
