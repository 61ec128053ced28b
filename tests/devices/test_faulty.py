"""Stuck cells: how many, which, and that nothing moves them."""

from dataclasses import replace

import pytest
import torch

from mho.core import Seed
from mho.devices import Faulty, Thermal, load_cell

COUNT = 500_000


def _draws(cell: Faulty, count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    return {name: Seed(seed).child(name).normal((count,)) for name in cell.draws}


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 0.0), (0.005, 0.005), (0.3, 0.0), (0.0, 0.3), (0.2, 0.5), (1e-4, 0.9), (0.5, 0.5), (1.0, 0.0)],
)
def test_shares_of_stuck_cells(low: float, high: float) -> None:
    """Binomial, within 4 standard errors."""
    cell = Faulty(load_cell("rram-cmo"), low, high)
    g = cell.conductance(torch.full((COUNT,), 50e-6), _draws(cell, COUNT), None)
    for value, share in ((9e-6, low), (88.2e-6, high)):
        stuck = float((g == torch.tensor(value)).double().mean())
        assert stuck == pytest.approx(share, abs=4 * (share * (1 - share) / COUNT) ** 0.5 + 1e-12)


def test_all_others_are_the_cell_within() -> None:
    cell = Faulty(load_cell("pcm"), 0.1, 0.2)
    target, draws = torch.linspace(0, 25e-6, COUNT), _draws(cell, COUNT)
    for time in (None, 1.0, 3600.0):
        g, within = cell.conductance(target, draws, time), cell.cell.conductance(target, draws, time)
        low = draws["fault"] < -1.2815516  # the tenth and the eightieth hundredth of a normal distribution
        high = draws["fault"] > 0.8416212
        assert (g[low] == 0).all()
        assert (g[high] == torch.tensor(25e-6)).all()
        assert torch.equal(g[~low & ~high], within[~low & ~high])


def test_a_stuck_cell_neither_drifts_nor_fluctuates_nor_warms() -> None:
    cell = Faulty(Thermal(load_cell("pcm"), (1e-3,), 0.6), 0.3, 0.3)
    draws = _draws(cell, 10_000)
    first = cell.conductance(torch.full((10_000,), 10e-6), draws, None)
    stuck = (first == 0) | (first == torch.tensor(25e-6))
    assert float(stuck.double().mean()) == pytest.approx(0.6, abs=0.02)
    others = _draws(cell, 10_000, seed=1) | {"fault": draws["fault"]}
    for kelvin, target, time, drawn in (
        (300.0, 10e-6, 3600.0, draws),
        (300.0, 10e-6, 1e6, others),
        (350.0, 20e-6, 1e6, others),
    ):
        g = cell.at_temperature(kelvin).conductance(torch.full((10_000,), target), drawn, time)
        assert torch.equal(g[stuck], first[stuck])
        assert (g[~stuck] != first[~stuck]).all()


def test_a_stuck_cell_does_not_learn() -> None:
    cell = Faulty(load_cell("sram"), 0.3, 0.3)
    target, draws = torch.full((1000,), 5e-5, requires_grad=True), _draws(cell, 1000)
    g = cell.conductance(target, draws, 1.0)
    (gradient,) = torch.autograd.grad(g.sum(), target)
    assert torch.equal(gradient, (g.detach() == 5e-5).float())


def test_it_is_the_cell_within_but_for_faults() -> None:
    cell = load_cell("rram-faulty")
    assert isinstance(cell, Faulty)
    assert cell.cell == load_cell("rram")
    assert (cell.stuck_low, cell.stuck_high) == (0.005, 0.005)
    assert cell.draws == (*cell.cell.draws, "fault")
    assert cell.range == cell.cell.range
    assert cell.costs() == cell.cell.costs()


def test_heat_reaches_the_cell_within() -> None:
    hot = Thermal(load_cell("pcm"), (1e-3,))
    cell = Faulty(hot, 0.1)
    assert cell.at_temperature(350.0) == replace(cell, cell=hot.at_temperature(350.0))
    assert Faulty(load_cell("pcm"), 0.1).at_temperature(350.0) == Faulty(load_cell("pcm"), 0.1)


def test_no_more_than_all_are_stuck() -> None:
    with pytest.raises(ValueError, match=r"^the shares of stuck cells must sum to at most 1, not 0\.6 \+ 0\.5$"):
        Faulty(load_cell("sram"), 0.6, 0.5)


def test_effects() -> None:
    cell = load_cell("rram-faulty")
    assert isinstance(cell, Faulty)
    assert set(cell.effects) == {"relaxation", "read noise", "stuck cells"}
    assert cell.effects["stuck cells"] == load_cell("rram")
    assert cell.effects["read noise"] == replace(cell, cell=load_cell("rram").effects["read noise"])
    both = Faulty(load_cell("rram-thermal"), 0.1)
    assert set(both.effects) == {"relaxation", "read noise", "temperature", "stuck cells"}
