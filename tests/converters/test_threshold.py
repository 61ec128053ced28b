"""What threshold converters have in common: without errors they round, and an ideal sine has six decibels a bit."""

from dataclasses import replace

import pytest
import torch

from mho.converters import (
    AbstractConverter,
    bench,
    load_converter,
)

IDEAL = (
    *("flash-5b", "ramp-8b", "lpar-8b", "sense-voltage-3b", "sense-current-3b"),
    *("pipeline-8b", "cyclic-8b", "voltage-to-time-8b"),
)


def _ideal(name: str) -> AbstractConverter:
    converter = load_converter(name)
    for effect in list(converter.effects):
        converter = converter.effects.get(effect, converter)
    return converter


@pytest.mark.parametrize("name", IDEAL)
@pytest.mark.parametrize("bipolar", [True, False])
def test_without_its_errors_each_kind_rounds(name: str, bipolar: bool) -> None:
    converter = _ideal(name)
    low, high = converter.codes(bipolar)
    signal = torch.linspace(low - 2, high + 2, 1013) + 1e-3
    profile = converter.profile(torch.zeros(converter.mismatches))
    ours = converter.quantise_(signal.clone(), low, high, profile)
    assert torch.equal(ours, signal.round().clamp(low, high))


@pytest.mark.parametrize("name", IDEAL)
def test_an_ideal_sine_has_six_db_a_bit(name: str) -> None:
    """SNDR 6.02 N + 1.76 dB; below six bits the error of a sine is not spread evenly, and it has less."""
    converter = _ideal(name)
    measured = bench(converter, columns=2)
    assert float(measured.sndr.mean()) == pytest.approx(6.02 * converter.resolution + 1.76, abs=0.8)
    assert float(measured.largest_inl.max()) < 0.05
    assert (measured.missing == 0).all()
    assert measured.monotone.all()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("flash-4b", {"bits": 13}, "Flash converters have 1 to 12 bits, not 13"),
        ("pipeline-8b", {"bits": 1}, "Pipeline converters have 2 to 14 bits, not 1"),
        ("integrate-fire-8b", {"bits": 0}, "IntegrateFire converters have 1 to 12 bits, not 0"),
        (
            "integrate-fire-8b",
            {"dead_time": 2e-8},
            "256 spikes need dead times of less than 2.58e-06 s together, but dead_time is 2e-08 s; "
            "lower it, lengthen window or take fewer bits",
        ),
    ],
)
def test_wrong_values(name: str, changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=r"bits|spikes") as error:
        replace(load_converter(name), **changes)
    assert str(error.value) == message
