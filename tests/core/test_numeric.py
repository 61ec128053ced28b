"""Straight-through roundings: exact values, documented surrogate gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import ste_clamp, ste_floor, ste_round

FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20)


@given(FLOATS)
def test_values_are_those_of_torch(values: list[float]) -> None:
    x = torch.tensor(values)
    assert torch.equal(ste_round(x), x.round())
    assert torch.equal(ste_floor(x), x.floor())
    assert torch.equal(ste_clamp(x, -3.0, 5.0), x.clamp(-3.0, 5.0))


def test_round_is_half_to_even() -> None:
    assert ste_round(torch.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0.0, 2.0, 2.0, 0.0]


@pytest.mark.parametrize("function", [ste_round, ste_floor])
def test_rounding_passes_the_gradient(function) -> None:
    x = torch.linspace(-3, 3, 25, requires_grad=True)
    (function(x) * torch.arange(25.0)).sum().backward()
    assert torch.equal(x.grad, torch.arange(25.0))


def test_clamp_passes_the_gradient_inside_only() -> None:
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    ste_clamp(x, -1.0, 1.0).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
