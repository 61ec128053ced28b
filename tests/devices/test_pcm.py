"""Phase-change memory: published statistics, and an independent reading of the published equations."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from mho.core import Seed
from mho.devices import Pcm, load_cell

DAY, YEAR = 86400.0, 365 * 86400.0
COUNT = 200_000

# target, then (mean, standard deviation) in uS: programmed, 1 s, 1 h, 1 day, 30 days, 1 year
# From the authors' published code, 400,000 draws each.
REFERENCE_TIMES = [None, 1.0, 3600.0, DAY, 30 * DAY, YEAR]
REFERENCE = {
    0.0: [(0.105, 0.154), (0.106, 0.185), (0.066, 0.122), (0.050, 0.099), (0.039, 0.082), (0.032, 0.073)],
    2.5: [(2.500, 0.447), (2.493, 0.606), (1.842, 0.527), (1.538, 0.512), (1.275, 0.502), (1.116, 0.496)],
    6.25: [(6.251, 0.682), (6.235, 0.885), (4.853, 0.784), (4.167, 0.761), (3.542, 0.745), (3.148, 0.734)],
    12.5: [(12.50, 0.952), (12.47, 1.194), (9.699, 1.057), (8.312, 1.028), (7.052, 1.007), (6.252, 0.991)],
    25.0: [(25.00, 1.055), (24.94, 1.399), (19.40, 1.411), (16.63, 1.514), (14.11, 1.611), (12.51, 1.654)],
}


def _draws(cell: Pcm, count: int) -> dict[str, torch.Tensor]:
    return {name: Seed(0).child(name).normal((count,)) for name in cell.draws}


@pytest.mark.parametrize("target", REFERENCE)
def test_statistics_of_the_reference_table(target: float) -> None:
    """Within 4 standard errors of both samples, and half of the last digit printed."""
    cell = load_cell("pcm")
    draws = _draws(cell, COUNT)
    for time, (mean, std) in zip(REFERENCE_TIMES, REFERENCE[target], strict=True):
        g = cell.conductance(torch.full((COUNT,), target * 1e-6), draws, time).double() * 1e6
        error = std * (1 / COUNT + 1 / 400_000) ** 0.5
        assert float(g.mean()) == pytest.approx(mean, abs=4 * error + (0.005 if mean >= 10 else 0.0005))
        # the distribution at target 0 is far from normal, so its spread is known less well
        spread = error * (1.5 if target == 0 else 0.75)
        assert float(g.std()) == pytest.approx(std, abs=4 * spread + 0.0005)


def _published(x_target, n_program, n_drift, n_read, t, devices):
    """Write the equations of the HERMES chip down once more, one cell at a time, in uS."""
    c = {1: (0.15781817, 2.32443916, -2.16310839, 0.68841818), 2: (0.16603222, 4.71806468, -8.48101252, 4.68961419)}[
        devices
    ]
    g_max, t_c = {1: (10.35, 200.0), 2: (20.7, 300.0)}[devices]
    t_read = 512e-9
    x = x_target
    sigma = max(c[0] + c[1] * x + c[2] * x**2 + c[3] * x**3, 0)
    g_prog = max(g_max * x + sigma * n_program, 0)
    if t is None:
        return g_prog
    log_x = np.log(max(x, 1e-7))
    mu = min(max(-0.0387 * log_x - 0.0182, 0.072), 0.13) if x < 0.0945 else -0.0436 * x**2 - 0.0126 * x + 0.0736
    if devices == 1:
        if x < 0.3039:
            spread = min(max(-0.0120 * log_x - 0.0023, 0.0124), 0.04)
        else:
            spread = -0.0165 * x**2 + 0.0116 * x + 0.0104
    elif x < 0.3055:
        spread = min(max(-0.0117 * log_x - 0.0057, 0.0091), 0.04)
    else:
        spread = -0.0118 * x**2 + 0.0093 * x + 0.0073
    nu = abs(mu + spread * n_drift)
    g_drift = g_prog * ((t + t_c) / t_c) ** (-nu)
    xp = g_prog / g_max
    log_xp = np.log(max(xp, 1e-7))
    if devices == 1:
        if xp < 0.1591:
            q = min(max(-0.0078 * log_xp + 0.0038, 0.0179), 0.04)
        else:
            q = 0.0664 * xp**3 - 0.1352 * xp**2 + 0.0768 * xp + 0.0088
    elif xp < 0.16:
        q = min(max(-0.0117 * log_xp - 0.0069, 0.015), 0.04)
    else:
        q = 0.0069 * xp**3 - 0.0280 * xp**2 + 0.0211 * xp + 0.0123
    noise = g_drift * q * np.sqrt(np.log((t + t_c + t_read) / (2 * t_read)))
    return max(g_drift + noise * n_read, 0)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("time", [None, 0.0, 1.0, 3600.0, DAY, YEAR])
def test_hermes_equations_cell_by_cell(devices: int, time: float | None) -> None:
    cell = load_cell(f"pcm-hermes-{devices}")
    x = torch.linspace(0, 1, 301, dtype=torch.float64)
    draws = {name: z.double() for name, z in _draws(cell, 301).items()}
    ours = cell.conductance(x * cell.g_max, draws, time) * 1e6
    columns = (x, draws["program"], draws["drift"], draws["read"])
    theirs = [_published(*map(float, row), time, devices) for row in zip(*columns, strict=True)]
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6, atol=1e-9)


def test_two_devices_are_twice_one() -> None:
    one, two = load_cell("pcm-hermes-1"), load_cell("pcm-hermes-2")
    assert two.g_max == pytest.approx(2 * one.g_max)
    assert two.area == pytest.approx(2 * one.area)


@pytest.mark.parametrize("name", ["pcm", "pcm-hermes-1", "pcm-hermes-2"])
def test_mean_conductance_falls_with_time(name: str) -> None:
    cell = load_cell(name)
    draws = {d: torch.zeros(3) for d in cell.draws}
    target = torch.tensor([0.2, 0.5, 1.0]) * cell.g_max
    course = [cell.conductance(target, draws, t) for t in (0.0, 1.0, 60.0, 3600.0, DAY, YEAR)]
    for before, after in itertools.pairwise(course):
        assert (after < before).all()


def test_drift_is_the_power_law_of_the_time_since_programming() -> None:
    cell = load_cell("pcm")
    zero = {d: torch.zeros(1, dtype=torch.float64) for d in cell.draws}
    g = cell.conductance(torch.tensor([cell.g_max], dtype=torch.float64), zero, 3600.0)
    assert float(g) == pytest.approx(25e-6 * ((3600 + 20) / 20) ** -0.049, rel=1e-9)


def test_scaling_a_cell_to_another_range_scales_all_of_it() -> None:
    """Statistics are given over x = g / g_max, so a user who doubles g_max doubles the write error with it."""
    cell = load_cell("pcm")
    twice = replace(cell, g_max=2 * cell.g_max, program_sigma=tuple(2 * c for c in cell.program_sigma))
    draws = _draws(cell, 1000)
    target = torch.linspace(0, cell.g_max, 1000)
    torch.testing.assert_close(
        twice.conductance(2 * target, draws, 3600.0), 2 * cell.conductance(target, draws, 3600.0), rtol=1e-5, atol=1e-12
    )
