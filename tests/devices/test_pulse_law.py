"""The pulse law: closed form, staircases, noise from pulse to pulse."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed
from mho.devices import PulseLaw, load_dynamics

LOW, HIGH, WINDOW = 2e-6, 20e-6, 18e-6
LAW = PulseLaw(
    g_min=LOW, g_max=HIGH, pulses_up=60, pulses_down=40, nonlinearity_up=1.5, nonlinearity_down=2.5, width=50e-9,
    threshold=0.5,
)  # fmt: skip


def _closed(n: float, total: float, nu: float) -> float:
    """Return the share of the window after n of `total` pulses from an end, [chen2018] Eq. 1-3."""
    return n / total if nu == 0 else math.expm1(-nu * n / total) / math.expm1(-nu)


def _pulses(law: PulseLaw, start: float, volt: float, count: int) -> np.ndarray:
    """Return the conductance after each of `count` pulses."""
    g, out = torch.tensor(start, dtype=torch.float64), []
    for _ in range(count):
        g = law.pulse(g, torch.tensor(volt, dtype=torch.float64), law.width)
        out.append(float(g))
    return np.array(out)


@pytest.mark.parametrize(("up", "down"), [(1.5, 2.5), (6.0, 0.3), (-1.0, -3.0), (0.01, 5.0)])
def test_closed_form_of_n_pulses(up: float, down: float) -> None:
    law = replace(LAW, nonlinearity_up=up, nonlinearity_down=down)
    rising = [LOW + WINDOW * _closed(n, 60, up) for n in range(1, 61)]
    falling = [HIGH - WINDOW * _closed(n, 40, down) for n in range(1, 41)]
    assert _pulses(law, LOW, 1.0, 60) == pytest.approx(np.array(rising), rel=1e-11, abs=0)
    assert _pulses(law, HIGH, -1.0, 40) == pytest.approx(np.array(falling), rel=1e-11, abs=0)


def test_zero_is_the_straight_line() -> None:
    """To nu / 2 = 5e-5 of a step, as nu = 1e-4 stands for 0."""
    law = replace(LAW, nonlinearity_up=0.0, nonlinearity_down=0.0)
    steps = np.diff(_pulses(law, LOW, 1.0, 60)) / (WINDOW / 60)
    assert steps == pytest.approx(np.ones(59), rel=0, abs=6e-5)
    steps = np.diff(_pulses(law, HIGH, -1.0, 40)) / (WINDOW / 40)
    assert steps == pytest.approx(-np.ones(39), rel=0, abs=6e-5)


def test_all_pulses_reach_the_other_end_and_stop_there() -> None:
    assert _pulses(LAW, LOW, 1.0, 70)[[59, 60, 69]] == pytest.approx(HIGH, rel=1e-12, abs=0)
    assert _pulses(LAW, HIGH, -1.0, 50)[[39, 40, 49]] == pytest.approx(LOW, rel=1e-12, abs=0)


@given(
    share=st.floats(0, 1), count=st.floats(0.01, 200), part=st.floats(0.01, 0.99), volt=st.sampled_from([-1.0, 1.0]),
    nu=st.floats(-4, 8),
)  # fmt: skip
def test_a_pulse_in_two_is_one_pulse(share: float, count: float, part: float, volt: float, nu: float) -> None:
    """Any length; the ends included, where both stop."""
    law = replace(LAW, nonlinearity_up=nu, nonlinearity_down=nu)
    g, v = torch.tensor(LOW + share * WINDOW, dtype=torch.float64), torch.tensor(volt, dtype=torch.float64)
    width = count * law.width
    whole = law.pulse(g, v, width)
    two = law.pulse(law.pulse(g, v, part * width), v, (1 - part) * width)
    # Near nu = 0 the law subtracts from B = window / nu, at most 1e4 windows: 1e4 x 2e-16, twice.
    torch.testing.assert_close(two, whole, rtol=0, atol=1e-11 * WINDOW)


@given(share=st.floats(0, 1), volt=st.floats(0.51, 3))
def test_only_the_sign_of_the_voltage_counts(share: float, volt: float) -> None:
    g = torch.tensor(LOW + share * WINDOW, dtype=torch.float64)
    for sign in (1.0, -1.0):
        moved = LAW.pulse(g, torch.tensor(sign * volt, dtype=torch.float64), 50e-9)
        assert torch.equal(moved, LAW.pulse(g, torch.tensor(sign, dtype=torch.float64), 50e-9))


def test_at_the_threshold_nothing_happens() -> None:
    g = torch.tensor([5e-6, 5e-6, 5e-6, 5e-6], dtype=torch.float64)
    moved = LAW.pulse(g, torch.tensor([0.5, -0.5, 0.5000001, -0.5000001], dtype=torch.float64), 50e-9)
    assert (moved == g).tolist() == [True, True, False, False]


@pytest.mark.parametrize("levels", [15, 32])
def test_levels_by_the_inverse_law(levels: int) -> None:
    """Each level from the one before by a pulse of the length that the inverted law says."""
    law = load_dynamics("hfox-tel")
    share = np.arange(levels) / (levels - 1)
    counts = -60 / 1.5 * np.log1p(share * np.expm1(-1.5))
    assert counts[-1] == pytest.approx(60, rel=1e-12)
    g = torch.tensor(LOW, dtype=torch.float64)
    for k in range(1, levels):
        g = law.pulse(g, torch.tensor(1.0, dtype=torch.float64), (counts[k] - counts[k - 1]) * 50e-9)
        assert float(g) == pytest.approx(LOW + share[k] * WINDOW, rel=1e-10, abs=0)


@pytest.mark.parametrize(("name", "levels", "told"), [("hfox-tel", 15, True), ("hfox-tel", 32, True),
                                                      ("hfox", 15, False), ("hfox", 32, False)])  # fmt: skip
def test_a_staircase_of_identical_pulses(name: str, levels: int, told: bool) -> None:
    """Each level has a pulse count nearest to it, off by at most half of the first step, which is the largest.

    For nu = 1.5 this is 0.29 uS, just below half the 0.58 uS between 32 levels; for nu = 6 it is 0.86 uS and not even
    15 levels, 1.29 uS apart, can all be told.
    """
    law = load_dynamics(name)
    assert isinstance(law, PulseLaw)
    stairs = np.concatenate([[LOW], _pulses(law, LOW, 1.0, 60)])
    assert (np.diff(stairs) > 0).all()
    first = WINDOW * _closed(1, 60, law.nonlinearity_up)
    assert np.diff(stairs).max() == pytest.approx(first, rel=1e-9, abs=0)
    wanted = np.linspace(LOW, HIGH, levels)
    error = np.abs(wanted[:, None] - stairs).min(1).max()
    assert error <= first / 2 * (1 + 1e-9)
    spacing = WINDOW / (levels - 1)
    assert (first / 2 < spacing / 2) == told
    assert (len({int(np.argmin(np.abs(stairs - w))) for w in wanted}) == levels) >= told


@pytest.mark.parametrize(("count", "sigma"), [(1.0, 0.02), (4.0, 0.02), (0.25, 0.06)])
@pytest.mark.parametrize("volt", [1.0, -1.0])
def test_noise_from_pulse_to_pulse(count: float, sigma: float, volt: float) -> None:
    """Its size is sigma times the window times the root of the pulses; mean and spread within 4 standard errors."""
    law = replace(LAW, cycle_sigma=sigma)
    n = 200_000
    g = torch.full((n,), 11e-6, dtype=torch.float64)
    v = torch.tensor(volt, dtype=torch.float64)
    moved = law.pulse(g, v, count * 50e-9, Seed(3).normal((n,)).double())
    error = (moved - law.pulse(g, v, count * 50e-9)) / WINDOW
    expected = sigma * count**0.5
    assert float(error.mean()) == pytest.approx(0, abs=4 * expected / n**0.5)
    assert float(error.std()) == pytest.approx(expected, rel=4 / (2 * n) ** 0.5)


def test_noise_of_many_pulses_is_that_of_one_as_long() -> None:
    """Far from both ends of a straight law, where steps do not depend on the state."""
    law = replace(LAW, nonlinearity_up=0.0, cycle_sigma=0.01)
    n, v = 100_000, torch.tensor(1.0, dtype=torch.float64)
    g = torch.full((n,), 8e-6, dtype=torch.float64)
    for i in range(9):
        g = law.pulse(g, v, 50e-9, Seed(i).normal((n,)).double())
    assert float(g.std()) / WINDOW == pytest.approx(
        0.03, rel=4 / (2 * n) ** 0.5 + 9e-4
    )  # nu = 1e-4 shrinks it so little


def test_current_is_ohmic() -> None:
    g, v = torch.tensor([2e-6, 20e-6], dtype=torch.float64), torch.tensor([0.2, -1.5], dtype=torch.float64)
    assert LAW.current(g, v).tolist() == pytest.approx([4e-7, -3e-5], rel=1e-15, abs=0)
    assert LAW.range(0.3) == pytest.approx((LOW, HIGH), rel=1e-15, abs=0)


@pytest.mark.parametrize("high", [2e-6, 1e-6])
def test_a_window_upside_down(high: float) -> None:
    with pytest.raises(ValueError, match=rf"^g_max must be above g_min = 2e-06 S, not {high} S$"):
        replace(LAW, g_max=high)
