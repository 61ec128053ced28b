"""Pipeline and cyclic converters: redundancy of decisions, stages in turns."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import (
    Pipeline,
    load_converter,
)
from mho.core import Seed


@given(st.integers(3, 10), st.integers(0, 100))
def test_wrong_decisions_of_a_pipeline_do_no_harm(bits: int, seed: int) -> None:
    """Within a quarter of the range: that is what the redundant half bit is for."""
    converter = replace(load_converter("pipeline-8b"), bits=bits, mismatch=0.0, decision_mismatch=0.06)
    assert isinstance(converter, Pipeline)
    z = Seed(seed).normal((converter.mismatches,)).clamp(-3, 3)
    low, high = converter.codes(True)
    signal = torch.linspace(0.9 * low, 0.9 * high, 500, dtype=torch.float64) + 1e-4
    profile = converter.profile(z)
    ours = converter.quantise_(signal.clone(), low, high, profile)
    assert torch.equal(ours, signal.round())


def test_a_cyclic_converter_has_one_stage_in_turns() -> None:
    pipeline, cyclic = load_converter("pipeline-8b"), load_converter("cyclic-8b")
    a, b = pipeline.costs(256), cyclic.costs(256)
    assert b["convert"].latency == pytest.approx(7 * a["convert"].latency)
    assert a["part"].area == pytest.approx(7 * b["part"].area)
    assert a["convert"].energy == b["convert"].energy
    z = Seed(0).normal((cyclic.mismatches,))
    profile = cyclic.profile(z)
    assert len(profile[:6].unique()) == 1  # one gain error, met in every turn
