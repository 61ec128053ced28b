"""The SRAM cell is exact, for ever."""

import torch

from mho.devices import load_cell


def test_it_stores_what_is_written() -> None:
    cell = load_cell("sram")
    assert cell.draws == ()
    target = torch.tensor([0.0, 3.3e-5, 1e-4])
    for time in (None, 0.0, 1e12):
        assert torch.equal(cell.conductance(target, {}, time), target)
    assert cell.range == (0.0, 1e-4)
    assert cell.costs()["part"].area == 1.27e-13
