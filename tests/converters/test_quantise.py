"""Levels of values, and the gradients of levels, transition levels and values."""

import numpy as np
import torch

from mho.converters import quantise

LEVELS = torch.tensor([-2.0, -0.5, 0.5, 3.0])
TRANSITIONS = torch.tensor([-1.2, 0.1, 1.4])


def _y() -> torch.Tensor:
    return torch.linspace(-4, 5, 4001)


def test_values_by_a_loop() -> None:
    y = _y()
    codes = [sum(v >= t for t in TRANSITIONS.tolist()) for v in y.tolist()]
    np.testing.assert_array_equal(quantise(y, TRANSITIONS, LEVELS).numpy(), LEVELS[torch.tensor(codes)].numpy())


def test_gradients_of_levels_count_values() -> None:
    y, levels = _y(), LEVELS.clone().requires_grad_()
    quantise(y, TRANSITIONS, levels).sum().backward()
    codes = torch.bucketize(y, TRANSITIONS, right=True)
    assert levels.grad is not None
    np.testing.assert_array_equal(levels.grad.numpy(), torch.bincount(codes, minlength=4).numpy())


def test_gradients_of_transitions_are_those_of_the_mean() -> None:
    """With values spread evenly, moving a transition changes the mean as its gradient says."""
    y, transitions = _y(), TRANSITIONS.clone().requires_grad_()
    quantise(y, transitions, LEVELS).mean().backward()
    assert transitions.grad is not None
    for i in range(3):
        step = torch.zeros(3)
        step[i] = 0.05
        up, down = (quantise(y, TRANSITIONS + s, LEVELS).mean() for s in (step, -step))
        assert abs(float(transitions.grad[i]) / float((up - down) / 0.1) - 1) < 0.1


def test_values_pass_straight_through_inside() -> None:
    y = torch.tensor([-3.0, -1.9, 0.0, 2.9, 3.1], requires_grad=True)
    quantise(y, TRANSITIONS, LEVELS).sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
