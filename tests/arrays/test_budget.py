"""The error budget: nothing where nothing is wrong, each cause by itself, and the same numbers every time."""

import math
from dataclasses import replace
from typing import Any

import pytest

from mho.arrays import (
    ROOMS,
    AbstractPrinciple,
    Budget,
    ChargeRedistribution,
    CurrentDomain,
    DelayChain,
    error_budget,
    load_principle,
)
from mho.core import Loader, Seed

PRESETS = [
    "capacitive-division", "charge-domain", "charge-redistribution", "current-domain", "delay-chain", "ramp-crossing",
    "resistance-sum", "resistive-division",
]  # fmt: skip
SMALL = {"rows": 64, "columns": 16, "vectors": 128}


def _near(expected: Any, rel: float = 1e-6) -> Any:
    """Compare relatively: pytest's own absolute tolerance of 1e-12 is more than most of these quantities."""
    return pytest.approx(expected, rel=rel, abs=0)


def _budget(name: str, seed: int = 0) -> Budget:
    return error_budget(load_principle(name), **SMALL, seed=Seed(seed))


def test_presets_are_all_there() -> None:
    assert sorted(Loader(ROOMS).presets(AbstractPrinciple)) == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset(name: str) -> None:
    principle, budget = load_principle(name), _budget(name)
    assert budget.ideal < 1e-9
    assert list(budget.alone) == list(principle.effects)
    assert max(budget.alone.values()) <= 1.1 * budget.total
    # Independent causes add as squares; a non-linear one is not independent of the others.
    assert math.hypot(*budget.alone.values()) == _near(budget.total, rel=0.2)
    assert 0 < budget.total <= budget.raw * (1 + 1e-9)
    assert budget.energy > 0
    assert budget.cost.energy == budget.energy
    assert budget.cost.latency == principle.settling(64, 8)


@pytest.mark.parametrize("name", PRESETS)
def test_the_seed_decides(name: str) -> None:
    assert _budget(name) == _budget(name)
    assert _budget(name).total != _budget(name, 1).total
    assert _budget(name, 1).total == _near(_budget(name).total, rel=0.25)


def test_noise_alone_is_its_size_over_that_of_the_sums() -> None:
    """Sums of 256 products of random bits have a variance of 256 x 3/16; a fitted gain hardly changes that.

    Column by column, of given weights, that is 256 / 2 cells that are on, each with a variance of 1/4: 32.
    """
    principle = DelayChain(20e-12, 10e-12, jitter=1e-12)
    assert principle.noise(256) == _near(1.6)
    budget = error_budget(principle)
    assert budget.raw == _near(1.6 / math.sqrt(32), rel=0.05)
    assert budget.total == _near(1.6 / math.sqrt(32 + 1.6**2), rel=0.05)
    assert budget.alone == {"jitter": budget.total}


def test_a_lost_gain_is_forgiven_once_fitted() -> None:
    budget = error_budget(ChargeRedistribution(1e-15, 0.9, parasitic=1e-15), **SMALL)
    assert budget.total < 1e-9
    assert budget.alone == {"parasitic capacitance": pytest.approx(0, abs=1e-9)}
    # Of sums about 16 with a spread of about 2.8, half is missing.
    assert budget.raw == _near(math.hypot(16, 2.8) / 2 / 2.8, rel=0.1)


def test_energy_is_the_mean_over_columns_and_vectors() -> None:
    principle = CurrentDomain(40e-6, 0.2, pulse=10e-9)
    budget = error_budget(principle, **SMALL)
    x, w = (
        (Seed(0).child(n).normal(s) > 0).double() for n, s in (("x", (128, 64)), ("w", (64, 16)))
    )  # the same bits as the budget's
    assert budget.energy == _near(float((x @ w).mean()) * 16e-15)
    assert (budget.ideal, budget.total, dict(budget.alone)) == (0, 0, {})


def test_larger_effects_larger_errors() -> None:
    principle = load_principle("charge-redistribution")
    assert isinstance(principle, ChargeRedistribution)
    errors = [error_budget(replace(principle, mismatch=m), **SMALL).total for m in (0.0, 0.01, 0.03, 0.1)]
    assert errors == sorted(errors)
    assert error_budget(replace(principle, mismatch=0.1, temperature=0.0), **SMALL).total == _near(
        2 * error_budget(replace(principle, mismatch=0.05, temperature=0.0), **SMALL).total, rel=0.05
    )
