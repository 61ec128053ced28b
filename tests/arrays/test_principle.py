"""What holds for every principle: ideal ones give the integer product, and each effect can be taken away by itself."""

import math
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import (
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeDomain,
    ChargeRedistribution,
    CurrentDomain,
    DelayChain,
    RampCrossing,
    ResistanceSum,
    ResistiveDivision,
    load_principle,
)
from mho.core import Seed, SpecError

IDEAL: dict[str, AbstractPrinciple] = {
    "current-domain": CurrentDomain(40e-6, 0.2),
    "charge-domain": ChargeDomain(1e-6, 1e-9, 1e-12, 0.9),
    "charge-redistribution": ChargeRedistribution(1e-15, 0.9),
    "capacitive-division": CapacitiveDivision(1e-15, 0.9),
    "resistive-division": ResistiveDivision(40e-6, 0.2),
    "resistance-sum": ResistanceSum(1e4, 1.2),
    "delay-chain": DelayChain(20e-12, 10e-12),
    "ramp-crossing": RampCrossing(100e-9, 10e-9, 1e-12, 0.9),
}
PRESETS = {name: load_principle(name) for name in IDEAL}
WORST: dict[str, AbstractPrinciple] = {
    "current-domain": CurrentDomain(40e-6, 0.2, 5.0, 100.0, 1e-15, 1e8, 300.0, 1e-8),
    "charge-domain": ChargeDomain(1e-6, 1e-9, 1e-13, 0.9, 1.0, 20.0, 2e-11, 300.0, 1.0),
    "charge-redistribution": ChargeRedistribution(1e-15, 0.9, 1e-15, 0.1, 1e4, 300.0),
    "capacitive-division": CapacitiveDivision(1e-15, 0.9, 1e-15, 0.5, 0.1, 1e4, 300.0),
    "resistive-division": ResistiveDivision(40e-6, 0.2, 5.0, False, 1e-4, 1e-13, 300.0, 1e-8),
    "resistance-sum": ResistanceSum(1e4, 1.2, 0.1, 1e3, 1e-14, 1.0, 1e-9, 300.0),
    "delay-chain": DelayChain(20e-12, 10e-12, 0.2, 1e-12, 1e-15),
    "ramp-crossing": RampCrossing(100e-9, 10e-9, 1e-12, 0.9, 1e-3, 300.0, 1e-10, 1.0),
}
EFFECTS = {
    "current-domain": {"finite on/off ratio": "on_off", "line voltage": "read_out", "thermal noise": "temperature"},
    "charge-domain": {
        "line voltage": "early_voltage", "jitter": "jitter", "thermal noise": "temperature", "shot noise": "shot",
    },
    "charge-redistribution": {
        "capacitor mismatch": "mismatch", "parasitic capacitance": "parasitic", "thermal noise": "temperature",
    },
    "capacitive-division": {
        "capacitor mismatch": "mismatch", "parasitic capacitance": "parasitic", "thermal noise": "temperature",
    },
    "resistive-division": {
        "uncorrected column sums": "corrected", "line voltage": "load", "thermal noise": "temperature",
    },
    "resistance-sum": {"junction spread": "spread", "jitter": "jitter", "thermal noise": "temperature"},
    "delay-chain": {"delay mismatch": "mismatch", "jitter": "jitter"},
    "ramp-crossing": {
        "comparator noise": "comparator_noise", "jitter": "jitter", "thermal noise": "temperature",
        "shot noise": "shot",
    },
}  # fmt: skip
LEVELS = sorted(IDEAL.keys() - {"resistance-sum", "delay-chain"})
"""A junction is in one path or in the other, and a delay cell slow or not: those two know bits only."""
QUANTITIES = {
    "current-domain": "A", "charge-domain": "V", "charge-redistribution": "V", "capacitive-division": "V",
    "resistive-division": "V", "resistance-sum": "s", "delay-chain": "s", "ramp-crossing": "s",
}  # fmt: skip
shapes = st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))


def _integers(seed: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, high + 1, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _draws(principle: AbstractPrinciple, *shape: int) -> dict[str, torch.Tensor]:
    return {n: Seed(1).child(n).normal(shape).double() for n in principle.draws}


def _bare(principle: AbstractPrinciple) -> AbstractPrinciple:
    """Take all effects away, one after the other."""
    for _ in range(9):
        if not principle.effects:
            return principle
        principle = next(iter(principle.effects.values()))
    raise AssertionError("effects do not end")


@pytest.mark.parametrize("name", IDEAL)
@given(shape=shapes)
def test_ideal_numbers_give_the_product_of_bits(name: str, shape: tuple[int, int, int]) -> None:
    rows, columns, seed = shape
    x, w = _integers(seed, 1, 3, rows), _integers(seed + 1, 1, rows, columns)
    for principle in (IDEAL[name], _bare(PRESETS[name]), _bare(WORST[name])):
        y = principle.read(x, w, {}, _integers(seed, 9, 3, columns))  # its noise is 0
        assert torch.equal(y.round(), x @ w)
        assert float((y - x @ w).abs().max()) < 1e-9


@pytest.mark.parametrize("name", LEVELS)
@given(shape=shapes, x_top=st.integers(1, 127), w_top=st.integers(1, 15), signed=st.booleans())
def test_ideal_numbers_give_the_product_of_levels(
    name: str, shape: tuple[int, int, int], x_top: int, w_top: int, signed: bool
) -> None:
    rows, columns, seed = shape
    x, w = _integers(seed, x_top, 3, rows), _integers(seed + 1, w_top, rows, columns)
    if signed:
        x = x * (2 * _integers(seed + 2, 1, 3, rows) - 1)
    y = IDEAL[name].read(x / x_top, w / w_top, {}) * (x_top * w_top)
    torch.testing.assert_close(y, x @ w, rtol=1e-10, atol=1e-7)


@pytest.mark.parametrize("name", IDEAL)
def test_ideal_ones_have_no_effects_and_no_noise(name: str) -> None:
    for principle in (IDEAL[name], _bare(PRESETS[name]), _bare(WORST[name])):
        assert dict(principle.effects) == {}
        assert principle.noise(256) == 0
        assert principle.draws == ()
        assert principle.linear


@pytest.mark.parametrize("name", IDEAL)
def test_an_effect_taken_away_is_that_one_alone(name: str) -> None:
    whole = WORST[name]
    assert set(whole.effects) == set(EFFECTS[name])
    for effect, without in whole.effects.items():
        changed = [f.name for f in fields(whole) if getattr(without, f.name) != getattr(whole, f.name)]
        assert changed == [EFFECTS[name][effect]]
        assert set(without.effects) == set(whole.effects) - {effect}
    order = list(whole.effects)
    forth, back = whole, whole
    for effect in order:
        forth = forth.effects[effect]
    for effect in reversed(order):
        back = back.effects[effect]
    assert forth == back


@pytest.mark.parametrize("name", IDEAL)
def test_every_effect_does_something(name: str) -> None:
    """Each by itself moves the reading of random bits; but a dummy column tells what ideal lines' off cells conduct."""
    x, w = _integers(1, 1, 20, 64), _integers(2, 1, 64, 4)
    noise = Seed(3).child("noise").normal((20, 4)).double()
    for effect in EFFECTS[name]:
        alone = WORST[name]
        for other in EFFECTS[name].keys() - {effect}:
            alone = alone.effects[other]
        moved = not torch.allclose(alone.read(x, w, _draws(alone, 64, 4), noise), x @ w, rtol=1e-6, atol=1e-6)
        assert moved == (effect != "finite on/off ratio")


@pytest.mark.parametrize("name", IDEAL)
def test_presets(name: str) -> None:
    principle = PRESETS[name]
    assert type(principle) is type(IDEAL[name])
    assert principle.sources
    assert set(principle.effects) <= set(EFFECTS[name])
    assert principle.noise(64) > 0
    assert principle.quantity == QUANTITIES[name]
    caps = {"charge-redistribution", "capacitive-division"}
    assert principle.cell_capacitance == (1.2e-15 if name in caps else 0.0)
    assert principle.settling(256, 8) > 0


@pytest.mark.parametrize("name", IDEAL)
@given(sums=st.lists(st.floats(-256, 256, allow_subnormal=False), min_size=2, max_size=9))
def test_transfer_is_odd_and_monotone(name: str, sums: list[float]) -> None:
    s = torch.tensor(sums, dtype=torch.float64).sort().values
    for principle in (PRESETS[name], WORST[name]):
        y = principle.transfer(s, 256)
        assert torch.equal(principle.transfer(-s, 256), -y)
        assert bool((y.diff() >= 0).all())
        assert bool((y.abs() <= s.abs() * (1 + 1e-12)).all())
        if principle.linear:
            assert torch.equal(y, s)


@pytest.mark.parametrize("name", IDEAL)
def test_slope_at_zero(name: str) -> None:
    """1, but for the floating line of which parasitics take half."""
    slope = float(WORST[name].transfer(torch.tensor(1e-6, dtype=torch.float64), 64)) / 1e-6
    assert slope == pytest.approx(0.5 if name == "capacitive-division" else 1.0, rel=1e-6)


@pytest.mark.parametrize("name", IDEAL)
@given(shape=shapes, scale=st.sampled_from([0.0, 0.3, 1.0]), bits=st.booleans())
def test_energy_is_never_negative(name: str, shape: tuple[int, int, int], scale: float, bits: bool) -> None:
    rows, columns, seed = shape
    generator = torch.Generator().manual_seed(seed)
    x = scale * (2 * torch.rand(3, rows, generator=generator, dtype=torch.float64) - 1)
    w = torch.rand(rows, columns, generator=generator, dtype=torch.float64)
    if bits:
        x, w = x.abs().round(), w.round()
    for principle in (IDEAL[name], PRESETS[name], WORST[name]):
        energy = principle.energy(x, w)
        assert energy.shape == (3, columns)
        assert bool(energy.isfinite().all())
        assert float(energy.min()) >= -1e-28  # femtojoules are rounded to 1e-31 J


@pytest.mark.parametrize("name", IDEAL)
def test_equal_cells_under_equal_inputs_take_no_negative_energy(name: str) -> None:
    """Where the energy is a small difference of large sums: nothing moves, and rounding must not show."""
    for level in (1.0, 0.1, 0.3, 1 / 3, 0.7):
        x, w = torch.full((1, 37), level, dtype=torch.float64), torch.full((37, 1), 0.9, dtype=torch.float64)
        for principle in (IDEAL[name], PRESETS[name]):
            assert float(principle.energy(x, w)) >= 0
            assert float(principle.energy(x.float(), w.float())) >= 0


def _batches() -> Iterator[tuple[str, AbstractPrinciple]]:
    for name, principle in PRESETS.items():
        yield name, principle
        yield name + ", worst", WORST[name]


@pytest.mark.parametrize("principle", [p for _, p in _batches()], ids=[n for n, _ in _batches()])
def test_columns_do_not_know_of_one_another(principle: AbstractPrinciple) -> None:
    w = torch.rand(2, 3, 17, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    draws = _draws(principle, 2, 3, 17, 4)
    whole = principle.weights(w, draws)
    assert whole.shape == w.shape
    for a in range(2):
        for b in range(3):
            for n in range(4):
                own = {k: v[a, b, :, n : n + 1] for k, v in draws.items()}
                torch.testing.assert_close(principle.weights(w[a, b, :, n : n + 1], own), whole[a, b, :, n : n + 1])


@pytest.mark.parametrize("name", IDEAL)
def test_a_reading_is_the_transferred_sum_and_its_noise(name: str) -> None:
    principle = WORST[name]
    x, w = _integers(4, 1, 5, 30), _integers(5, 1, 30, 3)
    draws, z = _draws(principle, 30, 3), Seed(6).normal((5, 3)).double()
    quiet, noisy = principle.read(x, w, draws), principle.read(x, w, draws, z)
    torch.testing.assert_close((noisy - quiet) / z, torch.full((5, 3), principle.noise(30)).double())
    full = float(principle.signal(torch.tensor(30.0, dtype=torch.float64), 30))
    assert 0 < full < math.inf
    torch.testing.assert_close(principle.signal(quiet, 30), quiet * full / 30)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("current-domain", {"on_off": 1.0}),
        ("current-domain", {"g_max": "0 S"}),
        ("charge-domain", {"jitter": "-1 ps"}),
        ("charge-redistribution", {"capacitance": "1 fS"}),
        ("capacitive-division", {"mismatch": -0.1}),
        ("resistive-division", {"load": "-1 S"}),
        ("resistance-sum", {"tmr": 0.0}),
        ("delay-chain", {"step": "0 s"}),
        ("ramp-crossing", {"window": "0 s"}),
    ],
)
def test_impossible_numbers_are_refused(name: str, change: dict[str, object]) -> None:
    from mho.arrays import ROOMS
    from mho.core import Loader, dump_spec

    table = dump_spec(PRESETS[name])
    assert Loader(ROOMS).build(AbstractPrinciple, table) == PRESETS[name]
    with pytest.raises(SpecError, match=next(iter(change))):
        Loader(ROOMS).build(AbstractPrinciple, table | change)


def test_sums_of_a_principle_that_knows_no_effects() -> None:
    """The base class has none, so that a principle of one's own needs not say."""
    assert AbstractPrinciple.effects.fget is not None
    assert AbstractPrinciple.effects.fget(replace(IDEAL["delay-chain"])) == {}
