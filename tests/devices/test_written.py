"""A cell with its loop: the error is that of the loop, in distribution and cost."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from mho.core import Seed
from mho.devices import Ideal, PulseLaw, RramCmo, WriteVerify, Written, load_cell, load_dynamics

LOW, HIGH, STATES, CELLS, LEVELS = 2e-6, 20e-6, 33, 512, 129
"""Of the preset, and what the docstring says of the table: 512 cells at 33 targets."""


def _cell() -> Written:
    cell = load_cell("rram-written")
    assert isinstance(cell, Written)
    return replace(cell, loop=replace(cell.loop, max_pulses=80))  # quicker, and with more cells given up


def _write(cell: Written, targets: torch.Tensor, seed: Seed) -> torch.Tensor:
    return cell.loop.write(cell.dynamics, targets, seed).conductance - targets


def _draws(z: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"write": z, "read": torch.zeros_like(z)}


def _z(share: np.ndarray | list[float]) -> torch.Tensor:
    return torch.tensor(stats.norm.ppf(share), dtype=torch.float64)


def test_it_is_the_loops_own_quantiles() -> None:
    """Recomputed by numpy at three rows of the table, each at quantiles between those of the table."""
    cell = _cell()
    grid = torch.linspace(LOW, HIGH, STATES, dtype=torch.float64)
    errors = _write(cell, grid[:, None].expand(STATES, CELLS), Seed(0).child("write-verify"))
    shares = np.array([0.001, 0.01, 0.13, 0.5, 0.77, 0.95, 0.9985])
    for row in (0, 7, 16, 32):
        knots = np.quantile(errors[row].numpy(), np.linspace(0, 1, LEVELS))
        expected = np.interp(shares, np.linspace(0, 1, LEVELS), knots)
        g = cell.conductance(grid[row].expand(7), _draws(_z(shares)), None)
        assert (g - grid[row]).numpy() == pytest.approx(expected, rel=0, abs=1e-16)  # of conductances of 1e-5


@pytest.mark.parametrize("target", [2e-6, 5.3e-6, 11e-6, 19.7e-6])
def test_distribution_is_that_of_the_loop(target: float) -> None:
    """Kolmogorov-Smirnov against another run of 2,000 cells, on and between the rows of the table.

    The table stands for 512 cells, so two such samples differ by more than c sqrt(1/512 + 1/2000) once in 1e5, c =
    sqrt(ln(2e5) / 2); quantiles 1/128 apart add half of this.
    """
    cell, n = _cell(), 2000
    loop = _write(cell, torch.full((n,), target, dtype=torch.float64), Seed(77))
    z = Seed(4).normal((20_000,)).double()
    ours = cell.conductance(torch.full((20_000,), target, dtype=torch.float64), _draws(z), None) - target
    distance = stats.ks_2samp(ours.numpy(), loop.numpy()).statistic
    assert distance < (np.log(2e5) / 2) ** 0.5 * (1 / 512 + 1 / n) ** 0.5 + 0.5 / 128


def test_between_two_rows_it_is_a_straight_line() -> None:
    cell, step = _cell(), (HIGH - LOW) / 32
    z = _z([0.02, 0.4, 0.9])
    rows = [LOW + 5 * step, LOW + 6 * step]
    a, b = (cell.conductance(torch.full((3,), r, dtype=torch.float64), _draws(z), None) - r for r in rows)
    for part in (0.25, 0.5, 0.9):
        at = rows[0] + part * step
        error = cell.conductance(torch.full((3,), at, dtype=torch.float64), _draws(z), None) - at
        torch.testing.assert_close(error, (1 - part) * a + part * b, rtol=0, atol=1e-16)


def test_a_larger_draw_is_a_larger_conductance() -> None:
    z = torch.linspace(-8, 8, 200, dtype=torch.float64)
    g = _cell().conductance(torch.full((200,), 9e-6, dtype=torch.float64), _draws(z), None)
    assert (g.diff() >= 0).all()
    torch.testing.assert_close(g[0], g[5], rtol=1e-9, atol=0)  # beyond the worst of 512 there is nothing


def test_targets_out_of_range_err_as_the_end_does() -> None:
    z = _z([0.2, 0.8])
    for end, beyond in ((LOW, 1e-6), (HIGH, 25e-6)):
        at_end = _cell().conductance(torch.full((2,), end, dtype=torch.float64), _draws(z), None) - end
        far = _cell().conductance(torch.full((2,), beyond, dtype=torch.float64), _draws(z), None) - beyond
        torch.testing.assert_close(far, at_end, rtol=0, atol=1e-16)


def test_cells_given_up_are_in_the_tail() -> None:
    """A loop of 60 pulses leaves a share of the cells outside; so does the cell, within 5 standard errors of both."""
    cell = _cell()
    cell = replace(cell, loop=replace(cell.loop, max_pulses=60, read_sigma=0.0))
    target = torch.full((4000,), 11e-6, dtype=torch.float64)
    lost = float((~cell.loop.write(cell.dynamics, target, Seed(9)).accepted).double().mean())
    ours = float(((cell.conductance(target, _draws(Seed(8).normal((4000,)).double()), None) - target).abs() > 0.5e-6)
                 .double().mean())  # fmt: skip
    assert 0.05 < lost < 1
    assert ours == pytest.approx(lost, abs=5 * (lost * (1 - lost) * (1 / 512 + 2 / 4000)) ** 0.5 + 1 / 128)


def test_costs_are_the_means_of_the_loop() -> None:
    """Against another run of the loop, within 5 standard errors of both."""
    cell = _cell()
    targets = torch.linspace(LOW, HIGH, STATES, dtype=torch.float64)[:, None].expand(STATES, 200)
    done = cell.loop.write(cell.dynamics, targets, Seed(123))
    costs = cell.costs()
    for ours, theirs in ((costs["write"].energy, done.energy), (costs["write"].latency, done.time)):
        within = theirs.var(1).mean().sqrt() * (1 / (STATES * 200) + 1 / (STATES * CELLS)) ** 0.5
        assert ours == pytest.approx(float(theirs.mean()), abs=5 * float(within))
    assert costs["part"] == cell.cell.costs()["part"]
    assert costs["part"].area == pytest.approx(2.1e-12, rel=1e-12, abs=0)
    assert costs.keys() == {"write", "part"}


def test_what_is_left_is_the_target_of_the_cell_within() -> None:
    """It ages and is read there."""
    within = load_cell("rram-cmo")
    assert isinstance(within, RramCmo)
    within = replace(within, program_sigma=(0.0, 0.0))
    law = PulseLaw(5e-6, 100e-6, 50, 50, 0.0, 0.0, 1e-7, 0.5, 0.02)
    cell = Written(within, law, WriteVerify(1e-6, 1.0, 1.0, 1e-7, 50))
    assert cell.draws == ("program", "relax", "read", "write")
    assert cell.range == within.range
    target = torch.linspace(*within.range, 500)
    draws = {d: Seed(0).child(d).normal((500,)) for d in cell.draws}
    left = cell.conductance(target, draws, None)
    assert not torch.equal(left, target)
    for time in (0.0, 3600.0):
        assert torch.equal(cell.conductance(target, draws, time), within.conductance(left, draws, time))
    assert list(cell.effects) == ["relaxation", "read noise", "programming error"]
    assert cell.effects["programming error"] == within
    assert cell.effects["read noise"] == replace(cell, cell=replace(within, read_sigma=0.0))


def test_without_programming_error_there_is_none() -> None:
    """Either the cell within must not have one, as the docstring says, or it goes with the loop's."""
    law = PulseLaw(5e-6, 100e-6, 50, 50, 0.0, 0.0, 1e-7, 0.5, 0.02)
    try:
        cell = Written(load_cell("rram-cmo"), law, WriteVerify(1e-6, 1.0, 1.0, 1e-7, 50))
    except ValueError:
        return
    assert "programming error" not in cell.effects["programming error"].effects


def test_a_better_loop_is_a_better_cell() -> None:
    cell = _cell()
    z = Seed(1).normal((3000,)).double()
    target = torch.linspace(LOW, HIGH, 3000, dtype=torch.float64)

    def rms(tolerance: float) -> float:
        changed = replace(cell, loop=replace(cell.loop, tolerance=tolerance))
        return float((changed.conductance(target, _draws(z), None) - target).square().mean().sqrt())

    assert rms(0.5e-6) < rms(1.5e-6)


def test_gradient_reaches_the_target() -> None:
    """1, and the slope of the error between two rows; checked where no row is near."""
    target = torch.tensor([5.01e-6, 11.2e-6, 17.9e-6], dtype=torch.float64) * 1e6
    target.requires_grad_()
    cell, z = _cell(), _z([0.3, 0.6, 0.9])
    assert torch.autograd.gradcheck(lambda t: 1e6 * cell.conductance(t * 1e-6, _draws(z), None), (target,))


def test_single_precision() -> None:
    target, z = torch.linspace(LOW, HIGH, 50), torch.linspace(-3, 3, 50)
    single = _cell().conductance(target, _draws(z), None)
    assert single.dtype == torch.float32
    exact = _cell().conductance(target.double(), _draws(z.double()), None)
    # Of a conductance of 2e-5 24 bits are 1e-12; the place in the tails of the table is to 1e-7 x 128 of a step.
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("low", "high"), [(1e-6, 15e-6), (3e-6, 25e-6), (0.0, 50e-6)])
def test_a_range_that_the_pulses_do_not_reach(low: float, high: float) -> None:
    cell = Ideal(low, high, 1e-12, 0.0, 0.0)
    message = (
        f"^the pulses must reach the range of the cell, {low:g} to {high:g} S; they reach 2e-06 to 2e-05 S at 0.2 V$"
    )
    with pytest.raises(ValueError, match=message):
        Written(cell, load_dynamics("stellar"), _cell().loop)


def test_a_range_that_they_just_reach() -> None:
    """To a thousandth, so that a cell may be given by round numbers."""
    Written(Ideal(1.999e-6, 20.01e-6, 1e-12, 0.0, 0.0), load_dynamics("stellar"), _cell().loop)


def test_thirty_pulses_are_enough_for_nearly_all() -> None:
    """What write-verify is expected to do: at most 30 pulses, more than 99 % of cells within the tolerance."""
    cell = load_cell("rram-hfox-written")
    assert isinstance(cell, Written)
    targets = torch.linspace(*cell.range, 17, dtype=torch.float64)[:, None].expand(17, 1024)
    done = cell.loop.write(cell.dynamics, targets, Seed(3))
    assert cell.loop.max_pulses == 30
    assert 0.993 < done.yield_ < 0.998
    assert 8 < float(done.pulses.mean()) < 10
    assert float((done.conductance - targets)[done.accepted].abs().max()) < 0.5e-6 + 4 * 0.01 * cell.range[1]
