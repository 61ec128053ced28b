"""The survey of a cell: moments by state and time, and levels."""

import pytest
import torch
from scipy import stats

from mho.core import Seed
from mho.devices import LEVELS, Ideal, level_overlap, load_cell, survey

NOISY = Ideal(2e-6, 22e-6, 1e-12, 0.0, 0.0, read_sigma=0.04)


def test_moments_of_a_normal_distribution() -> None:
    """Read noise of 4 % of each state, from the first read on; within 4.5 standard errors of 4,000 cells."""
    r = survey(NOISY)
    assert r.times == (None, 0.0, 86400.0)
    assert r.targets.tolist() == pytest.approx([2e-6 * (1 + k) for k in range(11)], rel=1e-6, abs=0)
    assert r.mean.shape == r.sigma.shape == (3, 11)
    assert r.sigma[0].tolist() == [0] * 11
    assert r.mean[0].tolist() == pytest.approx(r.targets.tolist(), rel=1e-7, abs=0)
    for row in (1, 2):
        for k in range(11):
            sigma = 0.04 * 2e-6 * (1 + k)
            assert float(r.mean[row, k]) == pytest.approx(2e-6 * (1 + k), abs=4.5 * sigma / 4000**0.5)
            assert float(r.sigma[row, k]) == pytest.approx(sigma, rel=4.5 / 8000**0.5)


def test_error_over_all_states() -> None:
    """Root mean square of bias and spread over the range: 0.04 sqrt(mean of (2k + 2)^2) / 20 here."""
    r = survey(NOISY, (None, 0.0), cells=20_000)
    exact = 0.04 * (sum((2 * k + 2) ** 2 for k in range(11)) / 11) ** 0.5 / 20
    assert float(r.error[0]) == pytest.approx(0, abs=1e-7)
    assert float(r.error[1]) == pytest.approx(exact, rel=4 / (2 * 20_000) ** 0.5)
    bias = survey(load_cell("rram-worn"), (None,), states=5)
    distance = (bias.mean - bias.targets).square() + bias.sigma.square()
    assert float(bias.error) == pytest.approx(float(distance.mean().sqrt()) / 40e-6, rel=1e-6)


def test_overlap_of_the_stated_levels() -> None:
    r = survey(NOISY, (None, 5.0), cells=3000)
    assert LEVELS == (2, 4, 8, 16, 32, 64)
    assert r.overlap.shape == (2, 6)
    assert r.overlap[0].tolist() == [0] * 6
    assert r.overlap[1].tolist() == pytest.approx([level_overlap(NOISY, n, 5.0, 3000) for n in LEVELS], rel=1e-6)
    # Of 16 levels, 4/3 uS apart: each beyond half of this on either side, but at the ends.
    states = [2 + 20 / 15 * k for k in range(16)]
    sides = [1] + [2] * 14 + [1]
    p = sum(n * stats.norm.sf(10 / 15 / (0.04 * g)) for n, g in zip(sides, states, strict=True)) / 16
    assert float(r.overlap[1, 3]) == pytest.approx(p, abs=4.5 * (p * (1 - p) / 3000) ** 0.5)


def test_what_is_asked_for() -> None:
    cell = load_cell("rram")
    r = survey(cell, [1.0, 60.0], states=4, cells=50, seed=Seed(3))
    assert r.times == (1.0, 60.0)
    assert r.targets.tolist() == pytest.approx([0, 40e-6 / 3, 80e-6 / 3, 40e-6], rel=1e-6, abs=0)
    assert r.mean.shape == (2, 4)
    draws = {d: Seed(3).child("survey", d).normal((4, 50)) for d in cell.draws}
    g = cell.conductance(torch.linspace(0, 40e-6, 4)[:, None].expand(4, 50), draws, 60.0).double()
    torch.testing.assert_close(r.mean[1], g.mean(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(r.sigma[1], g.std(1), rtol=1e-6, atol=0)
    again, other = (survey(cell, [1.0, 60.0], 4, 50, Seed(s)) for s in (3, 4))
    assert torch.equal(r.mean, again.mean)
    assert not torch.equal(r.mean, other.mean)


def test_the_seed_reaches_the_levels() -> None:
    a, b = (survey(load_cell("rram"), (1.0,), 2, 500, Seed(s)).overlap for s in (0, 1))
    assert not torch.equal(a, b)


@pytest.mark.parametrize("name", ["pcm", "sram", "nor-flash", "rram-disturbed", "mram"])
def test_any_cell(name: str) -> None:
    r = survey(load_cell(name), cells=200)
    for part in (r.mean, r.sigma, r.overlap, r.error):
        assert torch.isfinite(part).all()
    assert float(r.overlap.min()) >= 0
    assert float(r.overlap.max()) <= 1
