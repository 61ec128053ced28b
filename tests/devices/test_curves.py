"""Curves against plain Python."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.devices import LogCurve, PowerCurve, polynomial

X = st.floats(0, 1)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), X)
def test_polynomial_is_numpys(coefficients: list[float], x: float) -> None:
    ours = polynomial(torch.tensor(x, dtype=torch.float64), coefficients)
    assert float(ours) == pytest.approx(np.polynomial.Polynomial(coefficients)(x), rel=1e-12, abs=1e-12)


@given(X)
def test_log_curve(x: float) -> None:
    t = torch.tensor(x, dtype=torch.float64)
    below = min(max(-0.0155 * math.log(max(x, 1e-7)) + 0.0244, 0.049), 0.1)
    assert float(LogCurve(-0.0155, 0.0244, 0.049, 0.1)(t)) == pytest.approx(below, rel=1e-12)
    knee = LogCurve(-0.0155, 0.0244, 0.049, 0.1, 0.3, (0.1, -0.2, 0.3))
    assert float(knee(t)) == pytest.approx(below if x < 0.3 else 0.1 - 0.2 * x + 0.3 * x * x, rel=1e-12)


@given(X)
def test_power_curve(x: float) -> None:
    curve = PowerCurve(0.0088, 0.65, 0.2)
    expected = min(0.0088 / max(x**0.65, 1e-3), 0.2)
    assert float(curve(torch.tensor(x, dtype=torch.float64))) == pytest.approx(expected, rel=1e-9)


def test_power_curve_has_a_finite_slope_at_zero() -> None:
    x = torch.zeros(3, requires_grad=True)
    PowerCurve(0.0088, 0.65, 0.2)(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_knee_and_what_is_above_it_come_together() -> None:
    for wrong in ({"knee": 0.3}, {"above": (1.0,)}):
        with pytest.raises(
            ValueError, match=r"^a knee needs the polynomial `above` it, and the polynomial needs a knee$"
        ):
            LogCurve(-0.0155, 0.0244, 0.049, 0.1, **wrong)
