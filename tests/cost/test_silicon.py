"""Laws fitted on measured macros, and what they reach on chips left out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mho
from mho.cost import PRINCIPLES, ChargeLaw, Measured, factor, fit_laws, leave_one_out, load_law, read_silicon, transfers

DATA = Path(mho.__file__).parent / "data" / "silicon"


@pytest.fixture(scope="module")
def points() -> list[Measured]:
    return read_silicon()


def test_stored_constants_are_those_of_the_fit(points: list[Measured]) -> None:
    stored = [load_law(p) for p in PRINCIPLES]
    for law, fitted in zip(stored, fit_laws(stored, points), strict=True):
        for prior in law.priors:
            assert getattr(fitted, prior.field) == pytest.approx(getattr(law, prior.field), rel=0.02), prior.field


def test_shared_constants_are_the_same_in_all_laws() -> None:
    """What is not of a way of summing has one value, and one prior."""
    shared: dict[str, set[tuple[float, float, float]]] = {}
    for law in map(load_law, PRINCIPLES):
        for p in law.priors:
            if p.shared:
                shared.setdefault(p.field, set()).add((getattr(law, p.field), p.value, p.spread))
    assert {"surroundings", "leakage_current", "area_exponent", "area_surroundings", "fixed_area"} == set(shared)
    assert all(len(values) == 1 for values in shared.values())


def test_points_of_one_law_tell_the_other_what_they_share(points: list[Measured]) -> None:
    laws = [load_law("digital"), load_law("static")]
    dear = [replace(p, energy=3 * p.energy) if p.macro.processor and p.energy else p for p in points]
    before, after = (fit_laws(laws, some) for some in (points, dear))
    assert after[0].surroundings == after[1].surroundings
    assert after[0].surroundings > 1.2 * before[0].surroundings


def test_a_law_once() -> None:
    with pytest.raises(ValueError, match="different principles, not digital, digital"):
        fit_laws([load_law("digital")] * 2, read_silicon())


def test_a_fit_finds_the_law_that_made_the_data(points: list[Measured]) -> None:
    """Points made by a law with other constants bring the fit back to it, where priors are wide."""
    law = load_law("charge")
    assert isinstance(law, ChargeLaw)
    truth = replace(law, cell_capacitance=2 * law.cell_capacitance, cell_area=0.5 * law.cell_area)
    made = [
        replace(
            p,
            energy=float(truth.energy_per_operation(p.macro)),
            density=float(truth.density(p.macro)),
            macro=replace(p.macro, cycle=float(truth.predicted_cycle(p.macro))),
        )
        for p in points
        if p.macro.principle == "charge"
    ]
    wide = replace(law, priors=tuple(replace(q, spread=10 * q.spread) for q in law.priors))
    (fitted,) = fit_laws([wide], made, steps=200)
    for p in made:
        known = replace(p.macro, cycle=None)
        assert float(fitted.energy_per_operation(known)) == pytest.approx(
            float(truth.energy_per_operation(known)), rel=0.1
        )


def test_a_chip_left_out_does_not_tell(points: list[Measured]) -> None:
    """Changing a chip's own figures changes nothing of what is predicted for it."""
    digital = [p for p in points if p.macro.principle == "digital"]
    chip = digital[3].chip
    lied = [replace(p, energy=100 * p.energy) if p.chip == chip and p.energy else p for p in digital]
    one = [p for p in leave_one_out(digital) if p.point.chip == chip]
    two = [p for p in leave_one_out(lied) if p.point.chip == chip]
    assert [p.energy for p in one] == [p.energy for p in two]
    assert [p.baseline_energy for p in one] == [p.baseline_energy for p in two]


def test_what_is_reached(points: list[Measured]) -> None:
    """Within these factors for unseen chips, and better than the regression."""
    done = leave_one_out(points)
    bars = {"digital": (1.4, 2.4), "charge": (1.6, 1.7), "static": (1.5, 1.8), "current": (2.2, 2.5)}
    for principle, (energy, density) in bars.items():
        kind = [p for p in done if p.point.macro.principle == principle]
        ours = factor(p.ratio("energy") for p in kind)
        assert ours < energy
        assert ours < factor(p.baseline_ratio("energy") for p in kind)
        assert factor(p.ratio("density") for p in kind) < density < factor(p.baseline_ratio("density") for p in kind)
    assert factor(p.ratio("energy") for p in done) < 1.55
    assert factor(p.ratio("density") for p in done) < 2.0


def test_transfers(points: list[Measured]) -> None:
    moved = transfers(points)
    assert len(moved) >= 20
    assert factor(t.energy for t in moved) < 1.3
    jia = [t for t in moved if t.point.name.startswith("Jia, JSSC")]
    assert len(jia) == 1
    assert jia[0].energy == pytest.approx(1.0, abs=0.1)  # 1.2 to 0.85 V


def test_factor() -> None:
    assert factor([2.0, 0.5, None]) == pytest.approx(2.0)
    assert factor([None]) != factor([None])


def test_a_macro_of_another_kind_is_not_stacked(points: list[Measured]) -> None:
    from mho.cost._silicon import stack

    with pytest.raises(ValueError, match="one principle"):
        stack(points)
    digital = [p for p in points if p.macro.principle == "digital"]
    assert torch.as_tensor(stack(digital).rows).shape == (len(digital),)
