"""Codes by binary search among transition levels: equal to counting them one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import _search, count, take
from mho.converters._search import bowed, search_


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**31))
def test_the_search_counts(bits: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.normal(size=(columns, 2**bits - 1)).round(1), -1)  # rounded, so that some are equal
    signal = rng.normal(size=(7, columns)).round(1)
    ours = count(torch.tensor(signal), torch.tensor(levels))
    np.testing.assert_array_equal(ours.numpy(), (signal[..., None] >= levels).sum(-1))


@given(st.integers(1, 40), st.sampled_from([torch.float32, torch.float64]), st.integers(0, 2**31))
def test_any_number_of_levels(number: int, kind: torch.dtype, seed: int) -> None:
    """One table for all signals, as torch's own search has it; also at the levels themselves and beyond all."""
    rng = torch.Generator().manual_seed(seed)
    levels = torch.randn(number, generator=rng).sort().values
    ends = torch.tensor([float("inf"), -float("inf")])
    signal = torch.cat([torch.randn(30, generator=rng), levels, ends]).to(kind)
    assert torch.equal(count(signal, levels), torch.bucketize(signal, levels.to(kind), right=True, out_int32=True))


@given(st.integers(1, 5), st.booleans())
def test_equal_steps_round(bits: int, bipolar: bool) -> None:
    low = -(2.0 ** (bits - 1)) + 1 if bipolar else 0.0
    high = low + 2**bits - 1
    signal = torch.linspace(low - 3, high + 3, 201) + 0.0123
    codes = search_(signal.clone(), low, high, torch.arange(1.0, 2**bits) - 0.5)
    assert torch.equal(codes, signal.round().clamp(low, high))


def test_a_bow_is_a_parabola_between_fixed_ends() -> None:
    x = torch.linspace(0, 16, 17)
    bent = bowed(x, 16.0, 0.05) - x
    assert bent[[0, 16]].tolist() == [0.0, 0.0]
    assert float(bent[8]) == pytest.approx(0.8)
    assert torch.allclose(bent, bent.flip(0), atol=1e-6)


@pytest.mark.parametrize("tables", [(1, 1, 1, 3, 1), (5, 1, 1, 3, 1), (1, 1, 1, 1, 1), ()])
def test_blocks_change_nothing(tables: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks or whole, along a dimension that the tables have in common; also where they have none."""
    rng = torch.Generator().manual_seed(0)
    levels = torch.randn(*tables, 15, generator=rng).sort(-1).values
    signal = torch.randn(5, 40, 1, 3, 2, generator=rng)
    whole = count(signal, levels), take(levels, count(signal, levels[..., :7]))
    monkeypatch.setattr(_search, "_BLOCK", 64)
    assert torch.equal(count(signal, levels), whole[0])
    assert torch.equal(take(levels, count(signal, levels[..., :7])), whole[1])
    full = torch.randn(5, 40, 1, 3, 2, 7, generator=rng).sort(-1).values
    assert torch.equal(count(signal, full), (signal.unsqueeze(-1) >= full).sum(-1).int())
