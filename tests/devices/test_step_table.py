"""Measured steps: which bin, how far, and the moments of what is drawn."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats

from mho.core import Seed
from mho.devices import StepTable, load_dynamics

WIDTH = 50e-9
TABLE = StepTable(
    g_min=1e-6, g_max=5e-6, set_mean=(4e-7, 3e-7, 2e-7, 1e-7), set_sigma=(1e-8, 2e-8, 3e-8, 4e-8),
    reset_mean=(-1e-7, -2e-7, -3e-7, -5e-7), reset_sigma=(5e-8, 6e-8, 7e-8, 8e-8), width=WIDTH, threshold=0.5,
    share=0.5, cut=2.0,
)  # fmt: skip


def _f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_bin_of_a_state_decides() -> None:
    """Four bins of 1 uS; a border belongs to the bin above, the upper end to the last bin."""
    g = _f64(1e-6, 1.5e-6, 2.00001e-6, 2.9e-6, 3.5e-6, 4.5e-6)
    bins = [0, 0, 1, 1, 2, 3]
    up = TABLE.pulse(g, _f64(1.0), WIDTH) - g
    down = TABLE.pulse(g, _f64(-1.0), WIDTH) - g
    assert up.tolist() == pytest.approx([TABLE.set_mean[b] for b in bins], rel=1e-9, abs=0)
    assert down[1:].tolist() == pytest.approx([TABLE.reset_mean[b] for b in bins[1:]], rel=1e-9, abs=0)
    assert float(down[0]) == 0  # already at the end
    assert float(TABLE.pulse(_f64(5e-6), _f64(-1.0), WIDTH)) == pytest.approx(4.5e-6, rel=1e-12, abs=0)


def test_steps_end_at_the_ends() -> None:
    assert TABLE.pulse(_f64(4.95e-6, 1.05e-6), _f64(1.0, -1.0), WIDTH).tolist() == [5e-6, 1e-6]


@pytest.mark.parametrize("state", [1.5e-6, 2.5e-6, 3.5e-6])
@pytest.mark.parametrize("volt", [1.0, -1.0])
def test_a_step_is_the_mean_and_a_share_of_the_spread(state: float, volt: float) -> None:
    """By hand: share x sigma x the draw, held at `cut` standard deviations."""
    b = int((state - 1e-6) / 1e-6)
    mean, sigma = (TABLE.set_mean, TABLE.set_sigma) if volt > 0 else (TABLE.reset_mean, TABLE.reset_sigma)
    for z, held in ((0.0, 0.0), (1.0, 1.0), (-1.7, -1.7), (2.0, 2.0), (2.5, 2.0), (-9.0, -2.0)):
        moved = float(TABLE.pulse(_f64(state), _f64(volt), WIDTH, _f64(z)))
        assert moved - state == pytest.approx(mean[b] + 0.5 * sigma[b] * held, rel=1e-9, abs=0)


@pytest.mark.parametrize("cut", [0.5, 2**0.5, 3.0])
def test_moments_of_the_steps(cut: float) -> None:
    """A draw beyond the cut is the cut itself, so var = P(|N| < c) - 2 c phi(c) + c^2 P(|N| > c); 4 standard errors."""
    table = replace(TABLE, cut=cut, share=1.0)
    n = 400_000
    inside = 2 * stats.norm.cdf(cut) - 1
    variance = inside - 2 * cut * stats.norm.pdf(cut) + cut**2 * (1 - inside)
    step = table.pulse(torch.full((n,), 3.5e-6, dtype=torch.float64), _f64(1.0), WIDTH, Seed(0).normal((n,)).double())
    z = (step - 3.5e-6 - 2e-7) / 3e-8
    assert float(z.abs().max()) == pytest.approx(cut, rel=1e-6)
    assert float(z.mean()) == pytest.approx(0, abs=4 * (variance / n) ** 0.5)
    # The kurtosis of a clipped normal is below 3, so the standard error of its variance is below that of a normal.
    assert float(z.var()) == pytest.approx(variance, rel=4 * (2 / n) ** 0.5)


def test_published_steps_are_within_one_published_sigma() -> None:
    """Spread over root two, cut at root two."""
    table = load_dynamics("stellar")
    assert isinstance(table, StepTable)
    assert table.share * table.cut == pytest.approx(1, rel=1e-7)
    for b in range(10):
        g = _f64(2e-6 + (b + 0.5) * 1.8e-6)
        up = float(table.pulse(g, _f64(1.0), WIDTH, _f64(99.0)) - g)
        assert up == pytest.approx(table.set_mean[b] + table.set_sigma[b], rel=1e-6, abs=0)
        down = float(table.pulse(g, _f64(-1.0), WIDTH, _f64(99.0)) - g)
        assert down == pytest.approx(table.reset_mean[b] + table.reset_sigma[b], rel=1e-6, abs=0)


def test_a_mean_set_is_upwards_and_a_mean_reset_downwards_in_every_bin() -> None:
    table = load_dynamics("stellar")
    assert isinstance(table, StepTable)
    assert len(table.set_mean) == 10
    assert min(table.set_mean) > 0 > max(table.reset_mean)
    assert min(table.set_sigma + table.reset_sigma) > 0


def test_the_threshold() -> None:
    g = _f64(3e-6, 3e-6, 3e-6, 3e-6, 3e-6)
    moved = TABLE.pulse(g, _f64(0.0, 0.5, -0.5, 0.501, -0.501), WIDTH, torch.ones(5, dtype=torch.float64))
    assert (moved == g).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("width", [100e-9, 49.99e-9, 0.0])
def test_another_pulse_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=rf"^the steps were measured with pulses of 5e-08 s, not {width:g} s$"):
        TABLE.pulse(_f64(3e-6), _f64(1.0), width)


def test_a_pulse_of_the_measured_length_but_for_rounding() -> None:
    assert math.isfinite(TABLE.pulse(_f64(3e-6), _f64(1.0), WIDTH * (1 + 1e-7)))


@pytest.mark.parametrize(
    "changes", [{"set_mean": (1e-7,)}, {"reset_sigma": ()},
                {"set_mean": (), "set_sigma": (), "reset_mean": (), "reset_sigma": ()}]
)  # fmt: skip
def test_bins_that_do_not_fit(changes: dict[str, tuple[float, ...]]) -> None:
    message = "^set_mean, set_sigma, reset_mean and reset_sigma must have one value for each bin$"
    with pytest.raises(ValueError, match=message):
        replace(TABLE, **changes)


@pytest.mark.parametrize("high", [1e-6, 0.5e-6])
def test_a_window_upside_down(high: float) -> None:
    with pytest.raises(ValueError, match="g_max must be above g_min"):
        replace(TABLE, g_max=high)
