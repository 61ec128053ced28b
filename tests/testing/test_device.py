"""The conformance kit passes every preset, and says what is wrong with a wrong cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from mho.core import Cost, Loader
from mho.devices import ROOMS, AbstractCell, load_cell
from mho.testing import assert_valid_device


@pytest.mark.filterwarnings("ignore::mho.core.RangeWarning")
@pytest.mark.parametrize("name", sorted(Loader(ROOMS).presets(AbstractCell)))
def test_presets_are_valid(name: str) -> None:
    assert_valid_device(load_cell(name))


@dataclass(frozen=True)
class Plain(AbstractCell):
    """A cell that is right; its variants are wrong in one thing each."""

    wrong: str = ""

    @property
    def draws(self) -> tuple[str, ...]:
        return {"list": ["program"], "twice": ("program", "program")}.get(self.wrong, ("program",))  # type: ignore[return-value]

    @property
    def range(self) -> tuple[float, float]:
        return {"empty": (1e-6, 1e-6), "microsiemens": (0.0, 25.0)}.get(self.wrong, (0.0, 25e-6))

    def conductance(self, target: Tensor, draws: Mapping[str, Tensor], time: float | None) -> Tensor:
        g = target * (1 + 0.01 * draws["program"]).clamp(min=0)
        changes: dict[str, Any] = {
            "own draws": lambda: g + torch.rand(g.shape) * 1e-9,
            "in place": lambda: target.add_(1e-9),
            "draws changed": lambda: draws["program"].zero_() + g,
            "shape": lambda: g.sum(-1),
            "double": lambda: g.double(),
            "infinite": lambda: g / 0,
            "negative": lambda: -g,
            "company": lambda: g / g.mean() * 1e-6,
        }
        return changes.get(self.wrong, lambda: g)()

    def costs(self) -> Mapping[str, Cost]:
        if self.wrong == "no part":
            return {"write": Cost()}
        more = {"erase": {"erase": Cost()}, "energy": {"refresh": Cost(energy=1e-15)}}.get(self.wrong, {})
        return {"write": Cost(energy=-1.0 if self.wrong == "cost" else 0.0), "part": Cost()} | more

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        return {"programming error": Plain("microsiemens")} if self.wrong == "effect" else {}


def test_a_right_cell() -> None:
    assert_valid_device(Plain())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("empty", "must be (lowest, highest) conductance in S"),
        ("microsiemens", "must be in S: 25 S is more than any memory cell conducts"),
        ("list", "must be a tuple of names"),
        ("twice", "must be different names"),
        ("own draws", "draws random numbers of its own; add a name to `draws`"),
        ("in place", "changes its target; use no in-place operations"),
        ("draws changed", "changes the draws of 'program'"),
        ("shape", "must have the shape of the target, (2, 3, 4), not (2, 3)"),
        ("double", "must have the target's type"),
        ("infinite", "must be finite for every target"),
        ("negative", "must not be negative; end with .clamp(min=0)"),
        ("company", "must not depend on the others"),
        ("no part", "must have 'part'"),
        ("erase", "must have no other actions than part, refresh, restore, write, not erase"),
        ("energy", "must be Cost(leakage=...), the power of refreshing one cell in W"),
        ("cost", "must be finite and not negative"),
        ("effect", "must keep the range"),
    ],
)
def test_a_wrong_cell(wrong: str, text: str) -> None:
    with pytest.raises(AssertionError) as error:
        assert_valid_device(Plain(wrong))
    assert text in str(error.value)


def test_a_class_that_is_not_frozen() -> None:
    with pytest.raises(AssertionError, match="must subclass mho.AbstractCell"):
        assert_valid_device(object())
