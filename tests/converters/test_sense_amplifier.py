"""Sense amplifiers as converters."""

from dataclasses import replace

import pytest
import torch

from mho.converters import (
    SenseAmplifier,
    load_converter,
)
from mho.core import SpecError
from mho.tiles import load_tile


def test_one_bit_of_a_sense_amplifier_is_a_threshold() -> None:
    amplifier = replace(load_converter("sense-voltage-3b"), bits=1)
    assert isinstance(amplifier, SenseAmplifier)
    codes = amplifier.quantise_(torch.tensor([-3.0, 0.4, 0.6, 9.0]), 0.0, 1.0)
    assert codes.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert amplifier.costs(256)["convert"].latency == pytest.approx(0.64e-9)


def test_a_current_is_compared_while_it_flows() -> None:
    """A voltage is sampled, a current has to flow as long as references are tried; fewer of them take less."""
    voltage, current = (load_converter(f"sense-{kind}-3b") for kind in ("voltage", "current"))
    assert (voltage.concurrent, voltage.counting_time) == (False, 0.0)
    assert current.concurrent
    assert current.counting_time == pytest.approx(7 * 2e-9)
    assert current.costs(256)["convert"].latency == 0.0
    assert current.costs(256)["convert"].energy == pytest.approx(7 * (40e-15 + 20e-6 * 2e-9))
    assert current.at_bits(2).costs(256)["convert"].energy == pytest.approx(3 * (40e-15 + 20e-6 * 2e-9))
    tile = replace(load_tile("tile2"), converter=load_converter("sense-current-2b"))  # 6 ns of its pulses of 10 ns
    message = r"^a converter that reads while the current flows needs pulses of 1.4e-08 s, not 1e-08 s; take one that"
    assert tile.contradictions == ()
    with pytest.raises(SpecError, match=message):
        replace(tile, converter=current).refuse_contradictions("")
