"""The contract that every memory cell keeps, over all presets."""

import warnings
from dataclasses import MISSING, Field, fields
from typing import Any

import numpy as np
import pytest
import torch

from mho.core import Loader, RangeWarning, Seed, normal_per_instance
from mho.devices import ROOMS, AbstractCell, load_cell

CELLS = sorted(Loader(ROOMS).presets(AbstractCell))
STATES = {"dram": 2, "fefet": 4, "mram": 2}
"""Cells that round their targets, and to how many."""
LEVELS = {f"rram-{count}-levels": count for count in (15, 16, 32, 64)} | {"sram-twin-8t": 4}
"""The same as an effect that can be taken away, through which gradients pass."""
EXACT = ("sram", "sram-6t-split")
NOISY = [name for name in CELLS if name not in EXACT]
STEADY = ("rram-disturbed", "rram-hfox-written", "rram-written", "sram-8t", "sram-twin-8t")
"""Cells that nothing but their reads moves."""
TIMES = [None, 0.0, 1e-6, 1.0, 20.0, 3600.0, 86400.0]


def _draws(cell: AbstractCell, shape: tuple[int, ...], seed: int = 0) -> dict[str, torch.Tensor]:
    return {name: Seed(seed).child(name).normal(shape) for name in cell.draws}


def _targets(cell: AbstractCell, count: int = 41) -> torch.Tensor:
    return torch.linspace(*cell.range, count)


def _held(name: str, target: torch.Tensor) -> torch.Tensor:
    """Return what a cell without any non-ideality holds."""
    if name not in STATES | LEVELS:
        return target
    states = torch.linspace(*load_cell(name).range, (STATES | LEVELS)[name], dtype=torch.float64)
    return states[(target.double().unsqueeze(-1) - states).abs().argmin(-1)].to(target)


def _hot(name: str) -> AbstractCell:
    """Return the cell at 350 K, if it knows what that does to it."""
    return load_cell(name).at_temperature(350.0)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("time", TIMES)
def test_conductance_is_finite_non_negative_and_of_the_targets_shape(name: str, time: float | None) -> None:
    cell = load_cell(name)
    target = _targets(cell).expand(200, -1)
    g = cell.conductance(target, _draws(cell, (200, 41)), time)
    assert g.shape == target.shape
    assert g.dtype == target.dtype
    assert torch.isfinite(g).all()
    assert float(g.min()) >= 0


@pytest.mark.parametrize("name", CELLS)
def test_extreme_draws_stay_non_negative_and_finite(name: str) -> None:
    cell = load_cell(name)
    for sign in (-6.0, 6.0):
        g = cell.conductance(_targets(cell), {d: torch.full((41,), sign) for d in cell.draws}, 3600.0)
        assert torch.isfinite(g).all()
        assert float(g.min()) >= 0


@pytest.mark.parametrize("name", CELLS)
def test_without_draws_a_fresh_cell_holds_its_target(name: str) -> None:
    """Or the nearest of its states; currents below threshold are exponentials, exact to their rounding.

    A worn cell has lost a tenth of its window at each end: two decades of cycles at 10 % each. A cell with a loop holds
    the median of what the loop leaves, which is within the loop's tolerance if more than half of the cells are.
    """
    cell = load_cell(name)
    target = _targets(cell, 40)  # none of them half-way between two states
    g = cell.conductance(target, {d: torch.zeros_like(target) for d in cell.draws}, None)
    if name == "nor-flash":
        torch.testing.assert_close(g, target, rtol=3e-6, atol=0)
    elif name in STATES | LEVELS:
        torch.testing.assert_close(g, _held(name, target), rtol=3e-7, atol=0)
    elif name == "rram-worn":
        torch.testing.assert_close(g, target.clamp(4e-6, 36e-6), rtol=3e-7, atol=0)
    elif name == "nor-flash-written":
        assert float((g - target).abs().max()) < 0.1e-6
    elif name in ("rram-written", "rram-hfox-written"):
        assert float((g - target).abs().max()) < 0.5e-6
    else:
        assert torch.equal(g, target)


@pytest.mark.parametrize("name", CELLS)
def test_noise_at_target_zero_does_not_raise(name: str) -> None:
    """Others' models raise here."""
    cell = load_cell(name)
    zero = torch.zeros(1000)
    for time in TIMES:
        assert torch.isfinite(cell.conductance(zero, _draws(cell, (1000,)), time)).all()


@pytest.mark.parametrize("name", CELLS)
def test_leading_dimensions_are_a_loop(name: str) -> None:
    cell = load_cell(name)
    target, draws = _targets(cell), _draws(cell, (3, 2, 41))
    whole = cell.conductance(target.expand(3, 2, 41), draws, 60.0)
    for i in range(3):
        one = cell.conductance(target.expand(2, 41), {k: v[i] for k, v in draws.items()}, 60.0)
        torch.testing.assert_close(whole[i], one, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("time", [None, 3600.0])
def test_vmap_equals_broadcast(name: str, time: float | None) -> None:
    cell = load_cell(name)
    draws = _draws(cell, (4, 41))
    target = _targets(cell).expand(4, 41)
    mapped = torch.func.vmap(lambda t, d: cell.conductance(t, d, time))(target, draws)
    torch.testing.assert_close(mapped, cell.conductance(target, draws, time), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", [name for name in CELLS if name not in (*LEVELS, *STATES, "fefet")])
@pytest.mark.parametrize("time", [None, 1.0, 86400.0])
def test_gradient_in_the_target(name: str, time: float | None) -> None:
    """In units of g_max, where finite differences are of use; away from clips.

    Not of levels and states, whose gradient is not that of the staircase but of the straight line below.
    """
    cell = load_cell(name)
    low, high = (e / cell.range[1] for e in cell.range)
    x = torch.linspace(low + 0.21 * (high - low), low + 0.93 * (high - low), 7, dtype=torch.float64, requires_grad=True)
    draws = {d: 0.5 * Seed(5).child(d).normal((7,)).double() for d in cell.draws}
    scale = cell.range[1]
    assert torch.autograd.gradcheck(lambda x: cell.conductance(x * scale, draws, time) / scale, (x,))


@pytest.mark.parametrize("name", CELLS)
def test_gradient_is_finite_everywhere(name: str) -> None:
    cell = load_cell(name)
    for scale in (0.0, 1.0, -1.0):
        target = _targets(cell).requires_grad_()
        draws = {d: torch.full((41,), scale) for d in cell.draws}
        g = cell.conductance(target, draws, 3600.0)
        g.sum().backward()
        assert torch.isfinite(target.grad).all()


@pytest.mark.parametrize("name", CELLS)
def test_time_between_and_beyond_measured_points_works(name: str) -> None:
    cell = load_cell(name)
    draws = _draws(cell, (41,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for time in np.geomspace(1e-6, 172800.0, 30):
            assert torch.isfinite(cell.conductance(_targets(cell), draws, float(time))).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RangeWarning)
        assert torch.isfinite(cell.conductance(_targets(cell), draws, 10 * 365 * 86400.0)).all()


@pytest.mark.parametrize("name", CELLS)
def test_conductance_does_not_write_its_inputs(name: str) -> None:
    cell = load_cell(name)
    target, draws = _targets(cell), _draws(cell, (41,))
    kept = target.clone(), {k: v.clone() for k, v in draws.items()}
    cell.conductance(target, draws, 3600.0)
    assert torch.equal(target, kept[0])
    assert all(torch.equal(draws[k], kept[1][k]) for k in draws)


@pytest.mark.parametrize("name", CELLS)
def test_costs(name: str) -> None:
    costs = load_cell(name).costs()
    assert costs.keys() == {"write", "part"} | ({"restore", "refresh"} if name == "dram" else set())
    assert costs["write"].energy > 0
    assert costs["write"].latency > 0
    assert 1e-15 < costs["part"].area < 1e-11


# What can be taken away -------------------------------------------------------------------------------------------

OWN = {
    "programming error": {"program", "write"},
    "device variation": {"program", "tmr", "mismatch"},
    "drift": {"drift"},
    "relaxation": {"relax"},
    "retention": {"leak", "flip"},
    "read noise": {"read"},
    "stuck cells": {"fault"},
    "temperature": set(),
    "endurance": {"wear"},
    "finite levels": set(),
    "read disturb": set(),
    "telegraph noise": {"trap", "full"},
}
"""Which draws an effect has to itself."""
IDLE = {("mram", "flip"), ("rram-disturbed", "read"), ("nor-flash-written", "program")}
"""Draws of a preset that change nothing: ten years of flips would show none; read noise or error of tuning is 0."""
AGEING = {"drift", "relaxation", "retention"}


@pytest.mark.parametrize("name", CELLS)
def test_effects_are_known(name: str) -> None:
    assert set(_hot(name).effects) <= set(OWN)
    assert (load_cell(name).effects == {}) == (name in EXACT)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("time", [None, 0.0, 1.0, 3600.0, 30 * 86400.0])
def test_without_all_effects_a_cell_holds_its_target(name: str, time: float | None) -> None:
    """Whatever is drawn, however old, and although it was hot."""
    cell, removed = _hot(name), []
    while cell.effects:
        effect = sorted(cell.effects)[len(removed) % len(cell.effects)]
        assert effect not in removed
        removed.append(effect)
        cell = cell.effects[effect]
    assert set(removed) == set(_hot(name).effects)
    target = _targets(cell, 40).expand(50, 40)
    g = cell.conductance(target, {d: 2 * z for d, z in _draws(cell, (50, 40)).items()}, time)
    held = target if name in LEVELS else _held(name, target)
    torch.testing.assert_close(g, held, rtol=3e-6, atol=0)


@pytest.mark.parametrize("name", NOISY)
def test_each_effect_removes_itself_only(name: str) -> None:
    cell = _hot(name)
    for effect, without in cell.effects.items():
        assert set(without.effects) == set(cell.effects) - {effect}
        for other in without.effects:  # the order does not matter
            assert without.effects[other] == cell.effects[other].effects[effect]


@pytest.mark.parametrize("name", NOISY)
def test_each_effect_takes_its_own_draws_with_it(name: str) -> None:
    """And leaves those of all others."""
    cell = _hot(name)
    target = _targets(cell, 40).expand(50, 40)
    draws = _draws(cell, (50, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RangeWarning)
        for effect, without in cell.effects.items():
            base = without.conductance(target, draws, 3600.0)
            assert not torch.equal(base, cell.conductance(target, draws, 3600.0)) or (name, effect) == (
                "mram",
                "retention",  # ten years of it would show nothing
            )
            for draw in cell.draws:
                changed = without.conductance(target, draws | {draw: -draws[draw]}, 3600.0)
                assert torch.equal(changed, base) == (draw in OWN[effect] or (name, draw) in IDLE)


@pytest.mark.parametrize("name", NOISY)
def test_without_ageing_time_does_nothing(name: str) -> None:
    cell = load_cell(name)
    target = _targets(cell, 40).expand(50, 40)
    draws = _draws(cell, (50, 40))
    draws |= {"read": torch.zeros(50, 40)} if "read" in draws else {}
    ageing = set(cell.effects) & AGEING
    assert len(ageing) == (name not in STEADY)
    without = cell.effects[ageing.pop()] if ageing else cell
    early, late = (without.conductance(target, draws, t) for t in (1e-3, 86400.0))
    assert torch.equal(early, late)
    if name not in ("mram", *STEADY):
        early, late = (cell.conductance(target, draws, t) for t in (1e-3, 86400.0))
        assert not torch.equal(early, late)


@pytest.mark.parametrize("name", CELLS)
def test_temperature(name: str) -> None:
    """What is written and known is of 300 K; a cell that does not know what heat does stays as it is."""
    cell = load_cell(name)
    assert cell.at_temperature(300.0) == cell
    knows = name in ("nor-flash", "nor-flash-written", "rram-thermal")
    assert (_hot(name) == cell) != (knows or name in ("dram", "mram"))  # whose retention falls
    assert ("temperature" in _hot(name).effects) == knows
    assert _hot(name).range == cell.range
    assert _hot(name).draws == cell.draws


def _is_given(part: Any, field: Field[Any]) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return getattr(part, field.name) != default


@pytest.mark.parametrize("name", CELLS)
def test_presets_say_where_each_number_is_from(name: str) -> None:
    cell = load_cell(name)
    told = [f for source in cell.sources for f in source.fields]
    assert len(told) == len(set(told))
    parts = {f.partition(".")[0]: getattr(cell, f.partition(".")[0]) for f in told if "." in f}
    for prefix, part in [("", cell), *((f"{k}.", p) for k, p in parts.items())]:
        needed = {prefix + f.name for f in fields(part) if f.name != "sources" and _is_given(part, f)}
        assert needed - set(told) - parts.keys() == set()


def test_instances_do_not_depend_on_the_chunks() -> None:
    cell = load_cell("pcm")
    chips = [Seed(0).child("chip", i) for i in range(6)]

    def array(some: list[Seed]) -> torch.Tensor:
        draws = {d: normal_per_instance([c.child(d) for c in some], (4, 5)) for d in cell.draws}
        return cell.conductance(torch.full((len(some), 4, 5), 1e-5), draws, 60.0)

    assert torch.equal(torch.cat([array(chips[:1]), array(chips[1:4]), array(chips[4:])]), array(chips))


@pytest.mark.compile
@pytest.mark.parametrize(
    "name",
    CELLS,
)
@pytest.mark.parametrize("time", [None, 3600.0])
def test_compiled_equals_eager(name: str, time: float | None) -> None:
    torch.compiler.reset()
    cell = load_cell(name)
    target, draws = _targets(cell), _draws(cell, (41,))
    compiled = torch.compile(lambda t, d: cell.conductance(t, d, time), fullgraph=True)
    torch.testing.assert_close(compiled(target, draws), cell.conductance(target, draws, time), rtol=1e-5, atol=1e-12)
