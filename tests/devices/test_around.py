"""A cell around another: what it passes on, and what it adds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

from mho.core import Seed
from mho.devices import (
    AbstractCell,
    Disturbed,
    Faulty,
    Ideal,
    Levels,
    Telegraph,
    Thermal,
    Worn,
    load_cell,
    load_dynamics,
)
from mho.devices._around import AbstractAround

AROUND: dict[str, Any] = {
    "faulty": lambda cell: Faulty(cell, 0.1, 0.1),
    "levels": lambda cell: Levels(cell, 15),
    "telegraph": lambda cell: Telegraph(cell, 0.5, 0.2, 0.01),
    "worn": lambda cell: Worn(cell, 1e7, 1e5, 0.1, 1e7),
    "disturbed": lambda cell: Disturbed(cell, load_dynamics("tio2"), 1e3, 0.2, 1e-6),
    "thermal": lambda cell: Thermal(cell, (1e-3,)),
}
EFFECT = {
    "faulty": "stuck cells", "levels": "finite levels", "telegraph": "telegraph noise", "worn": "endurance",
    "disturbed": "read disturb", "thermal": "temperature",
}  # fmt: skip
OWN = {"faulty": ("fault",), "telegraph": ("trap", "full"), "worn": ("wear",)}


@dataclass(frozen=True)
class _Twice(AbstractAround):
    """The least a cell around another has to say."""

    factor: float = 2.0

    @property
    def effect(self) -> str:
        return "doubling" if self.factor != 1 else ""

    def conductance(self, target: Tensor, draws: Mapping[str, Tensor], time: float | None) -> Tensor:
        return self.factor * self.cell.conductance(target, draws, time)


def test_what_a_new_one_gets_for_nothing() -> None:
    pcm = load_cell("pcm")
    cell = _Twice(pcm)
    assert (cell.draws, cell.range, cell.costs()) == (pcm.draws, pcm.range, pcm.costs())
    assert list(cell.effects) == [*pcm.effects, "doubling"]
    assert cell.effects["doubling"] == pcm
    assert cell.effects["drift"] == _Twice(pcm.effects["drift"])
    assert "doubling" not in _Twice(pcm, 1.0).effects


@pytest.mark.parametrize("name", AROUND)
@pytest.mark.parametrize("within", ["rram", "rram-cmo", "pcm", "rram-thermal"])
def test_it_passes_on_what_is_the_cells(name: str, within: str) -> None:
    inner = load_cell(within)
    cell = AROUND[name](inner)
    assert cell.draws == inner.draws + OWN.get(name, ())
    assert cell.range == inner.range
    assert cell.costs() == inner.costs()
    assert set(cell.effects) == {*inner.effects, EFFECT[name]}
    assert cell.effects[EFFECT[name]] == inner or name == within.removeprefix("rram-")
    for effect in inner.effects:
        if effect != EFFECT[name]:
            assert cell.effects[effect] == AROUND[name](inner.effects[effect])
    if name != "thermal":
        assert cell.at_temperature(350.0) == AROUND[name](inner.at_temperature(350.0))


def test_any_number_of_them_in_any_order() -> None:
    """All effects are there, all can be taken away in any order, and then the ideal cell is left."""
    ideal = Ideal(310e-6, 570e-6, 1e-12, 0.0, 0.0)
    for order in permutations(sorted(AROUND), 3):
        cell: AbstractCell = ideal
        for name in order:
            cell = AROUND[name](cell)
        assert set(cell.effects) == {EFFECT[name] for name in order}
        target = torch.linspace(310e-6, 570e-6, 20)
        draws = {d: Seed(0).child(d).normal((20,)) for d in cell.draws}
        assert torch.isfinite(cell.conductance(target, draws, 1.0)).all()
        for name in order[1:] + order[:1]:
            cell = cell.effects[EFFECT[name]]
        assert cell == ideal


@pytest.mark.parametrize("name", AROUND)
def test_an_effect_of_both_is_taken_from_both(name: str) -> None:
    """`chip.without("stuck cells")` has none left."""
    cell = AROUND[name](AROUND[name](load_cell("rram")))
    assert EFFECT[name] not in cell.effects[EFFECT[name]].effects


def test_equal_parts_are_equal() -> None:
    for make in AROUND.values():
        assert make(load_cell("rram")) == make(load_cell("rram"))
        assert hash(make(load_cell("rram"))) == hash(make(load_cell("rram")))
        assert replace(make(load_cell("rram")), cell=load_cell("pcm")) == make(load_cell("pcm"))
