"""Random telegraph noise: how many cells, how much, and that it stays."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed
from mho.devices import Ideal, Telegraph, load_cell

IDEAL = Ideal(0.0, 20e-6, 1e-12, 0.0, 0.0)
N = 200_000


def _draws(count: int = N, seed: int = 0) -> dict[str, torch.Tensor]:
    return {d: Seed(seed).child(d).normal((count,)).double() for d in ("read", "trap", "full")}


@pytest.mark.parametrize(("share", "duty"), [(0.2, 0.5), (0.5, 0.1), (1.0, 0.3), (0.7, 1.0), (1.0, 1.0), (0.001, 0.5)])
def test_share_of_cells_and_time(share: float, duty: float) -> None:
    """Binomial in the product, within 4 standard errors; a full trap at half the range takes 10 % / 2 + 1 %."""
    g = Telegraph(IDEAL, share, 0.1, 0.01, duty).conductance(
        torch.full((N,), 10e-6, dtype=torch.float64), _draws(), 0.0
    )
    low = g < 9.9e-6
    p = share * duty
    assert float(low.double().mean()) == pytest.approx(p, abs=4 * (p * (1 - p) / N) ** 0.5 + 1e-12)
    assert g[low].unique().tolist() == pytest.approx([10e-6 * 0.94], rel=1e-12, abs=0)
    assert (g[~low] == 10e-6).all()


@given(share=st.floats(0, 1), amplitude=st.floats(0, 0.7), floor=st.floats(0, 0.3))
def test_what_a_full_trap_takes(share: float, amplitude: float, floor: float) -> None:
    """A thin path loses the larger part; beyond the range of the cell it is as at its end."""
    full = {d: torch.tensor(-9.0, dtype=torch.float64) for d in ("read", "trap", "full")}
    cell = Telegraph(IDEAL, 1.0, amplitude, floor, 1.0)
    g = share * 20e-6
    ours = float(cell.conductance(torch.tensor(g, dtype=torch.float64), full, 1.0))
    assert ours == pytest.approx(g * (1 - amplitude * (1 - share) - floor), rel=1e-12, abs=1e-25)
    assert float(cell.conductance(torch.tensor(30e-6, dtype=torch.float64), full, 1.0)) == pytest.approx(
        30e-6 * (1 - floor), rel=1e-12, abs=0
    )


def test_a_trap_stays_and_is_not_there_while_it_is_written() -> None:
    cell = load_cell("rram-telegraph")
    assert isinstance(cell, Telegraph)
    draws = {d: Seed(0).child(d).normal((5000,)) for d in cell.draws}
    target = torch.full((5000,), 10e-6)
    assert torch.equal(cell.conductance(target, draws, None), cell.cell.conductance(target, draws, None))
    blocked = [
        cell.conductance(target, draws, t) < cell.cell.conductance(target, draws, t) for t in (0.0, 1.0, 86400.0)
    ]
    assert torch.equal(blocked[0], blocked[1])
    assert torch.equal(blocked[0], blocked[2])
    assert float(blocked[0].double().mean()) == pytest.approx(0.1, abs=4 * (0.1 * 0.9 / 5000) ** 0.5)


def test_mean_and_variance_of_many_cells() -> None:
    """Bernoulli: mean 1 - p l, variance p (1 - p) l^2; 4 standard errors, the variance's from its own fourth moment."""
    p, lost = 0.3 * 0.5, 0.2 * 0.75 + 0.02
    g = Telegraph(IDEAL, 0.3, 0.2, 0.02).conductance(torch.full((N,), 5e-6, dtype=torch.float64), _draws(seed=3), 0.0)
    x = g / 5e-6
    variance = p * (1 - p) * lost**2
    assert float(x.mean()) == pytest.approx(1 - p * lost, abs=4 * (variance / N) ** 0.5)
    fourth = p * (1 - p) * ((1 - p) ** 3 + p**3) * lost**4
    assert float(x.var()) == pytest.approx(variance, abs=4 * ((fourth - variance**2) / N) ** 0.5)


@pytest.mark.parametrize(
    "cell", [Telegraph(IDEAL, 0.0, 0.1), Telegraph(IDEAL, 0.2, 0.1, duty=0.0), Telegraph(IDEAL, 0.2, 0.0)]
)
def test_without_traps_it_is_the_cell_itself(cell: Telegraph) -> None:
    assert (cell.effect, cell.effects) == ("", {})
    target = torch.linspace(0, 20e-6, 1000, dtype=torch.float64)
    assert torch.equal(cell.conductance(target, _draws(1000), 1.0), target)


def test_an_offset_alone_is_an_effect() -> None:
    assert list(Telegraph(IDEAL, 0.2, 0.0, 0.01).effects) == ["telegraph noise"]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1.1, 0.1, 0.0, 0.5), "1.1, 0.5 and 0.1"),
        ((0.1, 0.1, 0.0, 1.5), "0.1, 1.5 and 0.1"),
        ((0.1, 0.75, 0.5, 0.5), "0.1, 0.5 and 1.25"),
    ],
)
def test_shares_beyond_one(numbers: tuple[float, float, float, float], told: str) -> None:
    with pytest.raises(ValueError, match=rf"^share, duty and amplitude \+ floor must be at most 1, not {told}$"):
        Telegraph(IDEAL, *numbers)
