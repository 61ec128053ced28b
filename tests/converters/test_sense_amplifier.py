"""Sense amplifiers as converters."""

from dataclasses import replace

import pytest
import torch

from mho.converters import (
    SenseAmplifier,
    load_converter,
)


def test_one_bit_of_a_sense_amplifier_is_a_threshold() -> None:
    amplifier = replace(load_converter("sense-voltage-3b"), bits=1)
    assert isinstance(amplifier, SenseAmplifier)
    codes = amplifier.quantise_(torch.tensor([-3.0, 0.4, 0.6, 9.0]), 0.0, 1.0)
    assert codes.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert amplifier.costs(256)["convert"].latency == pytest.approx(0.64e-9)
