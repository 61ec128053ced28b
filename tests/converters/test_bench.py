"""The bench: transitions from code density, gain and offset apart from shape, noise in the SNDR."""

import math
from dataclasses import replace

import pytest
import torch

from mho.converters import bench, load_converter
from mho.core import Seed


def test_transitions_of_a_rounding_converter() -> None:
    sar = replace(load_converter("sar-4b"), gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0)
    measured = bench(sar, columns=3)
    torch.testing.assert_close(measured.transitions, (torch.arange(15.0) + 0.5).expand(3, -1), atol=1 / 16, rtol=0)
    torch.testing.assert_close(measured.gain, torch.ones(3), rtol=5e-3, atol=0)


def test_gain_and_offset_are_not_in_the_shape() -> None:
    sar = replace(load_converter("sar-6b"), gain_sigma=0.05, offset_sigma=1.0)
    measured = bench(sar, columns=300)
    assert float(measured.gain.std()) == pytest.approx(0.05, rel=0.1)
    assert float(measured.offset.std()) == pytest.approx(1.0, rel=0.1)
    assert float(measured.largest_inl.max()) < 0.1
    assert float(bench(sar, columns=300, reference="absolute").largest_inl.mean()) > 1.0


def test_noise_lowers_the_sndr() -> None:
    """Noise of variance sigma^2 and rounding of 1/12 add; a little of it is clipped at the peaks."""
    sar = replace(load_converter("sar-8b"), gain_sigma=0.0, offset_sigma=0.0, comparator_noise=1.0)
    signal = (256 / 2) ** 2 / 2
    expected = 10 * math.log10(signal / (1 + 1 / 12))
    assert float(bench(sar, columns=8).sndr.mean()) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("name", ["sar-6b", "memristive-5b", "pipeline-8b", "cco-hermes"])
def test_the_spectrum_has_all_noise_and_distortion(name: str) -> None:
    """What is not the sine, summed over all frequencies, is what the SNDR counts (Parseval)."""
    measured = bench(load_converter(name), columns=5)
    power = 10 ** (measured.spectrum.double() / 10)
    assert power.argmax(-1).tolist() == [1021] * 5
    rest = power[:, 1:-1].sum(-1) + power[:, -1] / 2 - 1
    torch.testing.assert_close((-10 * rest.log10()).float(), measured.sndr, atol=0.02, rtol=0)


def test_missing_codes_and_falling_ones_are_found() -> None:
    """Capacitors that are too heavy skip codes, but a search never falls; stages of too much gain do."""
    measured = bench(replace(load_converter("sar-6b"), mismatch=0.1), columns=200)
    assert int((measured.missing > 0).sum()) > 20
    assert measured.monotone.all()
    assert not bench(replace(load_converter("pipeline-8b"), mismatch=0.02), columns=50).monotone.all()
    assert bench(load_converter("sar-6b"), columns=20).monotone.all()


def test_equal_seeds_equal_numbers() -> None:
    one, two = (bench(load_converter("flash-4b"), Seed(5), 7) for _ in range(2))
    assert torch.equal(one.inl, two.inl)
    assert torch.equal(one.sndr, two.sndr)
    assert not torch.equal(one.inl, bench(load_converter("flash-4b"), Seed(6), 7).inl)
