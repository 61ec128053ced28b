"""Codebooks: the two uniform baselines, and the least squared error of Lloyd and Max."""

import math
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
    book = lloyd_max(torch.tensor(x), bits, clip=(0, 100))
    edges, levels = _lloyd(x, bits)
    ours = float(book.error(torch.tensor(x).float()))
    literal = float(((levels[np.searchsorted(edges, x, side="right")] - x) ** 2).mean())
    assert ours == pytest.approx(literal, rel=2e-3)


def test_the_optimum_of_a_gaussian() -> None:
    """Published optima of Max for a standard normal, 2 to 16 levels: errors 0.3634, 0.1175, 0.03454, 0.009497."""
    p = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    x = math.sqrt(2) * torch.erfinv(2 * p - 1)
    for bits, error in ((1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497)):
        book = lloyd_max(x, bits, clip=(0, 100), most=200_000)
        assert float(book.error(x.float())) == pytest.approx(error, rel=0.01)
        assert torch.allclose(book.levels, -book.levels.flip(0), atol=2e-2)


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
    book = lloyd_max(x, 4, clip=(0, 100))
    assert book.transitions.tolist() == pytest.approx(published, abs=2e-3)
    assert float(book.error(x)) == pytest.approx(2.90, abs=0.01)
