"""Which principle goes with which memory: every exclusion has its reason. What tiles make of it is in tests/tiles."""

import tomllib
from pathlib import Path

import pytest

import mho.arrays
from mho.arrays import AbstractPrinciple, error_budget, excluded, legal_pairs, load_principle, memories, principles
from mho.core import SpecError

TABLE = tomllib.loads((Path(mho.arrays.__file__).parent.parent / "data" / "compatibility.toml").read_text())
FILES = {
    "CurrentDomain": "current-domain",
    "ChargeDomain": "charge-domain",
    "ChargeRedistribution": "charge-redistribution",
    "CapacitiveDivision": "capacitive-division",
    "ResistiveDivision": "resistive-division",
    "ResistanceSum": "resistance-sum",
    "DelayChain": "delay-chain",
    "RampCrossing": "ramp-crossing",
}
PAIRS = [(p, m) for p in principles() for m in memories()]


def test_every_name_is_a_class() -> None:
    assert set(principles()) == set(FILES)
    assert len(principles()) == 8
    assert memories() == ("RRAM", "PCM", "NOR flash", "SRAM", "MRAM", "DRAM", "FeFET")
    for name in principles():
        cls = getattr(mho.arrays, name)
        assert issubclass(cls, AbstractPrinciple)
        assert type(load_principle(FILES[name])) is cls


def test_every_exclusion_names_known_ones_and_gives_a_reason() -> None:
    named = []
    for entry in TABLE["excluded"]:
        assert set(entry) == {"memory", "principles", "reason"}
        assert entry["memory"] in memories()
        assert set(entry["principles"]) <= set(principles())
        assert len(entry["reason"]) > 40
        named += [(p, entry["memory"]) for p in entry["principles"]]
    assert len(named) == len(set(named)) == 22


def test_a_pair_is_legal_or_has_a_reason() -> None:
    assert len(legal_pairs()) == len(set(legal_pairs())) == 34
    for pair in PAIRS:
        assert (excluded(*pair) == "") == (pair in legal_pairs())
    assert {p for p, _ in legal_pairs()} == set(principles())
    assert {m for _, m in legal_pairs()} == set(memories())


@pytest.mark.parametrize("principle", principles())
def test_every_principle_multiplies(principle: str) -> None:
    """The same test product for all: 64 rows of random bits, and less than 15 % of the spread of its sums missed.

    This says nothing of memories; the pairs multiply in tests/tiles/test_compatibility.py.
    """
    budget = error_budget(load_principle(FILES[principle]), rows=64)
    assert 0 < budget.total < 0.15
    assert budget.ideal < 1e-9


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("CurrentDomain", "MRAM"), "on/off ratio of 2 to 3"),
        (("ChargeRedistribution", "RRAM"), "leaks the charge"),
        (("ResistanceSum", "FeFET"), "no linear resistance"),
        (("DelayChain", "DRAM"), "destroys it"),
        (("ResistiveDivision", "SRAM"), "no defined voltage"),
    ],
)
def test_reasons(pair: tuple[str, str], words: str) -> None:
    assert words in excluded(*pair)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("CurentDomain", "RRAM"), "no principle or memory is called 'CurentDomain'; did you mean 'CurrentDomain'? "
         "(allowed: CapacitiveDivision, ChargeDomain, ChargeRedistribution, CurrentDomain, DelayChain, RampCrossing, "
         "ResistanceSum, ResistiveDivision)"),
        (("CurrentDomain", "RAM"), "no principle or memory is called 'RAM'; did you mean "),
        (("", ""), "no principle or memory is called ''; (allowed: "),
    ],
)  # fmt: skip
def test_unknown_names(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(SpecError) as error:
        excluded(*pair)
    assert error.value.problems[0].startswith(message)
