"""Straight lines between the entries of a table."""

import numpy as np
import torch

from mho.core import interpolate

KNOTS = torch.tensor([1.0, 2.0, 4.0, 7.0], dtype=torch.float64)
VALUES = torch.tensor([3.0, -1.0, 5.0, 5.5], dtype=torch.float64)


def test_between_knots_as_numpy() -> None:
    x = torch.linspace(1.0, 7.0, 61, dtype=torch.float64)
    expected = np.interp(x.numpy(), KNOTS.numpy(), VALUES.numpy())
    np.testing.assert_allclose(interpolate(x, KNOTS, VALUES).numpy(), expected, rtol=1e-12)


def test_beyond_the_ends_along_the_outermost_lines() -> None:
    x = torch.tensor([0.0, 10.0], dtype=torch.float64)
    torch.testing.assert_close(interpolate(x, KNOTS, VALUES), torch.tensor([7.0, 6.0], dtype=torch.float64))


def test_gradients() -> None:
    x = torch.tensor([1.5, 3.3, 6.1, 8.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, y: interpolate(v, KNOTS, y), (x, VALUES.clone().requires_grad_()))
