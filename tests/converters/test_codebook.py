"""Codebooks: the two uniform baselines, and the least squared error of Lloyd and Max."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mho
from mho.converters import Codebook, lloyd_max, uniform
from mho.core import Seed, SpecError, read_tensors


def _lloyd(x: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Go round literally, value by value."""
    n = 2**bits
    edges = np.linspace(x.min(), x.max(), n + 1)
    x = x[x < x.max()]  # the largest only sets the range
    levels = (edges[1:] + edges[:-1]) / 2
    for _ in range(500):
        own = np.searchsorted(edges[1:-1], x, side="right")
        levels = np.array([x[own == k].mean() if (own == k).any() else levels[k] for k in range(n)])
        edges[1:-1] = (levels[1:] + levels[:-1]) / 2
    return edges[1:-1], levels


@given(st.integers(1, 4), st.integers(0, 2**31))
@settings(max_examples=15)
def test_lloyd_max_equals_the_literal_loop(bits: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=300)
    book = lloyd_max(torch.tensor(x), bits, start="range")
    edges, levels = _lloyd(x, bits)
    ours = float(book.error(torch.tensor(x).float()))
    literal = float(((levels[np.searchsorted(edges, x, side="right")] - x) ** 2).mean())
    assert ours == pytest.approx(literal, rel=2e-3)


def test_the_optimum_of_a_gaussian() -> None:
    """Published optima of Max for a standard normal, 2 to 16 levels: errors 0.3634, 0.1175, 0.03454, 0.009497."""
    p = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    x = math.sqrt(2) * torch.erfinv(2 * p - 1)
    for bits, error in ((1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497)):
        book = lloyd_max(x, bits, most=200_000)
        assert float(book.error(x.float())) == pytest.approx(error, rel=0.01)
        assert torch.allclose(book.levels, -book.levels.flip(0), atol=2e-2)


def _optimum(x: np.ndarray, bits: int) -> float:
    """Least squared error of all ways to part sorted values into cells, by dynamic programming."""
    x = np.sort(x)
    n = len(x)
    first, second = (np.concatenate([[0.0], np.cumsum(v)]) for v in (x, x**2))
    i, j = np.triu_indices(n + 1, 1)
    cost = np.full((n + 1, n + 1), np.inf)
    cost[i, j] = second[j] - second[i] - (first[j] - first[i]) ** 2 / (j - i)
    best = cost[0]
    for _ in range(2**bits - 1):
        best = np.minimum(best, (best[:, None] + cost).min(0))
    return float(best[n]) / n


_SHAPES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda r: r.normal(size=400),
    "long tails": lambda r: r.standard_t(2, size=400),
    "one far out": lambda r: np.append(r.normal(size=399), 60.0),
    "mostly zero": lambda r: np.where(r.random(400) < 0.8, 0.0, r.normal(size=400)),
    "after a ReLU": lambda r: np.maximum(r.normal(size=400), 0.0),
    "integers": lambda r: r.poisson(6.0, size=400).astype(float),
    "two lumps": lambda r: np.concatenate([r.normal(-50, 1, 200), r.normal(50, 0.1, 200)]),
}


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_near_the_least_error_of_all_codebooks(shape: str, bits: int) -> None:
    """Whatever the values are like, and far nearer than from levels evenly spread where tails are long."""
    errors = []
    for seed in range(5):
        x = _SHAPES[shape](np.random.default_rng(seed))
        values = torch.tensor(x)
        ours = float(lloyd_max(values, bits).error(values.float()))
        errors.append((ours + 1e-9) / (_optimum(x, bits) + 1e-9))
    assert np.mean(errors) < 1.15, errors
    assert max(errors) < 1.5, errors


def test_long_tails_leave_no_level_unused() -> None:
    x = torch.tensor(np.random.default_rng(0).standard_t(3, size=8000)).float()
    published, ours = lloyd_max(x, 4, clip=(0.5, 99.5), start="range"), lloyd_max(x, 4)
    used = [
        len(book.codes(x[(x > x.quantile(0.005)) & (x < x.quantile(0.995))]).unique()) for book in (published, ours)
    ]
    assert used[0] < 10
    assert len(ours.codes(x).unique()) == 16
    assert float(ours.error(x)) < 0.4 * float(published.error(x))


def test_all_values_alike() -> None:
    book = lloyd_max(torch.full((50,), 2.5), 3)
    assert torch.equal(book.quantise(torch.full((4,), 2.5)), torch.full((4,), 2.5))
    assert bool(book.transitions.isfinite().all())


def test_columns_are_fitted_each_by_itself() -> None:
    x = Seed(0).normal((3, 2, 500)) * torch.tensor([1.0, 5.0])[None, :, None]
    together = lloyd_max(x, 3)
    assert together.levels.shape == (3, 2, 8)
    alone = lloyd_max(x[1, 1], 3)
    # Rounds go on until all columns have settled, so that one alone may stop a little earlier.
    assert float(together.error(x)[1, 1]) == pytest.approx(float(alone.error(x[1, 1])), rel=1e-3)


@given(st.integers(1, 6), st.floats(-10, 10), st.floats(0.1, 20))
def test_reconstruction_at_the_edge_has_four_times_the_error(bits: int, low: float, span: float) -> None:
    x = low + span * (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    centre, edge = (float(uniform(low, low + span, bits, level).error(x.float())) for level in ("centre", "edge"))
    step = span / 2**bits
    assert centre == pytest.approx(step**2 / 12, rel=0.02)
    assert edge == pytest.approx(step**2 / 3, rel=0.02)


def test_variation_moves_inner_levels_by_at_most_two_sigma() -> None:
    book = uniform(torch.zeros(2000), torch.full((2000,), 16.0), 4)
    varied = book.with_variation(0.002, Seed(0).normal((2000, 15)))
    shift = varied.transitions - book.transitions
    assert torch.equal(shift[:, [0, -1]], torch.zeros(2000, 2))
    assert float(shift.abs().max()) <= 2 * 0.002 * 14 + 1e-6
    assert float(shift[:, 1:-1].std()) == pytest.approx(0.002 * 14, rel=0.1)  # held at two: 0.93 of it
    both = Codebook(book.transitions[:1] * torch.tensor([[1.0], [0.2]]), book.levels[:2])
    moved = both.with_variation(0.002, torch.ones(2, 15)).transitions - both.transitions
    assert torch.allclose(moved[:, 1:-1], moved[0, 1].expand(2, 13), rtol=1e-3)  # columns err alike
    assert (book.with_variation(0.5, Seed(0).normal((2000, 15))).transitions.diff(dim=-1) >= 0).all()


def test_codes_and_levels_belong_together() -> None:
    book = Codebook(torch.tensor([0.0, 1.0, 4.0]), torch.tensor([-1.0, 0.5, 2.0, 9.0]))
    x = torch.tensor([-5.0, 0.0, 0.9, 1.0, 3.9, 4.0, 100.0])
    assert book.codes(x).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert book.quantise(x).tolist() == [-1.0, 0.5, 0.5, 2.0, 2.0, 9.0, 9.0]
    assert book.bits == 2
    assert book.tensor().shape == (2, 4)
    assert math.isinf(float(book.tensor()[0, -1]))


def test_a_wrong_baseline() -> None:
    with pytest.raises(SpecError, match="level must be 'centre' or 'edge', not 'middle'"):
        uniform(0.0, 1.0, 3, "middle")


def test_published_boundaries_come_out() -> None:
    """All 15 of [hong2025], Fig. 5b, from the outputs of Fig. 5a."""
    x = read_tensors(Path(mho.__file__).parent / "data" / "samples" / "readc-layer-outputs.safetensors")["outputs"]
    published = [
        *(-70.5905, -56.9564, -46.7731, -38.6031, -31.6975, -25.5609, -19.8516, -14.6674),
        *(-9.8830, -5.1292, -0.2332, 4.5960, 9.7729, 16.3243, 26.7178),
    ]
    book = lloyd_max(x, 4, start="range")
    assert book.transitions.tolist() == pytest.approx(published, abs=2e-3)
    assert float(book.error(x)) == pytest.approx(2.90, abs=0.01)
