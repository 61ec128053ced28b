"""Laws fitted on measured macros, and what they reach on chips left out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mho
from mho.cost import PRINCIPLES, ChargeLaw, Measured, factor, fit_law, leave_one_out, load_law, read_silicon, transfers

DATA = Path(mho.__file__).parent / "data" / "silicon"


@pytest.fixture(scope="module")
def points() -> list[Measured]:
    return read_silicon()


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_stored_constants_are_those_of_the_fit(principle: str, points: list[Measured]) -> None:
    stored = load_law(principle)  # pyright: ignore[reportArgumentType]
    fitted = fit_law(stored, points)
    for prior in stored.priors:
        assert getattr(fitted, prior.field) == pytest.approx(getattr(stored, prior.field), rel=0.02), prior.field


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
    fitted = fit_law(wide, made, steps=200)
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
    for principle, energy, density in (("digital", 1.5, 2.5), ("charge", 1.7, 2.7), ("static", 1.5, 2.0)):
        done = leave_one_out([p for p in points if p.macro.principle == principle])
        ours = factor(p.ratio("energy") for p in done)
        assert ours < energy
        assert ours < factor(p.baseline_ratio("energy") for p in done)
        assert factor(p.ratio("density") for p in done) < density < factor(p.baseline_ratio("density") for p in done)


def test_transfers(points: list[Measured]) -> None:
    moved = transfers(points)
    assert len(moved) >= 20
    assert factor(t.energy for t in moved) < 1.3
    jia = [t for t in moved if t.point.name.startswith("Jia, JSSC")]
    assert len(jia) == 1
    assert jia[0].energy == pytest.approx(1.0, abs=0.05)  # 1.2 to 0.85 V


def test_factor() -> None:
    assert factor([2.0, 0.5, None]) == pytest.approx(2.0)
    assert factor([None]) != factor([None])


def test_a_macro_of_another_kind_is_not_stacked(points: list[Measured]) -> None:
    from mho.cost._silicon import stack

    with pytest.raises(ValueError, match="one principle"):
        stack(points)
    digital = [p for p in points if p.macro.principle == "digital"]
    assert torch.as_tensor(stack(digital).rows).shape == (len(digital),)
