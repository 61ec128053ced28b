"""Calibrated macros: counts of actions, laws of the supply, parts that add up."""

import math
from dataclasses import replace

import pytest
import torch

from mho.core import SpecError
from mho.cost import CalibratedMacro, CalibratedPart, Operation, calibrated_names, load_calibrated
from mho.digital import load_technology


def _macro(**changes: object) -> CalibratedMacro:
    parts = (
        CalibratedPart(name="cells", per="phase", copies=4, energy=1e-12, time=1e-9, area=1e-8),
        CalibratedPart(name="ladder", per="invocation", energy=2e-12, area=2e-8, law="resistive"),
        CalibratedPart(name="amplifier", per="invocation", energy=3e-12, law="biased"),
        CalibratedPart(name="word lines", per="phase", energy=4e-12, law="fixed"),
    )
    macro = CalibratedMacro(
        title="a macro", node=65e-9, rows=16, columns=8, threshold=0.4, parts=parts,
        nominal=Operation(supply=1.0, input_bits=2, weight_bits=2),
    )  # fmt: skip
    return replace(macro, **changes)  # pyright: ignore[reportArgumentType]


def test_counts_of_a_time_weighted_input() -> None:
    """Eight bits with a sign in two slices: seven phases, 2^4 - 1 and 2^3 - 1 integrations, 10 and 10 - 4 decisions."""
    macro = load_calibrated("neurram")
    counts = macro.counts(macro.at(input_bits=8, output_bits=10, slices=2))
    expected = {"phase": 7, "slice": 2, "integration": 15 + 7, "decision": 10 + 6, "invocation": 1}
    assert {name: float(counts[name]) for name in expected} == expected  # pyright: ignore[reportArgumentType]
    one = macro.counts(macro.at(input_bits=6, output_bits=8, slices=1))
    assert [float(one[n]) for n in ("phase", "integration", "decision")] == [5, 31, 8]
    alone = macro.counts(macro.at(input_bits=1, output_bits=3))
    assert [float(alone[n]) for n in ("phase", "integration", "decision")] == [1, 1, 3]
    bits = torch.tensor([8, 6, 1], dtype=torch.float64)
    many = macro.counts(macro.at(input_bits=bits, output_bits=bits + 2, slices=torch.tensor([2.0, 1.0, 1.0])))
    assert many["integration"].tolist() == [22, 31, 1]
    assert many["decision"].tolist() == [16, 8, 3]


@pytest.mark.parametrize("bits", [1, 4, 9, 16])
def test_sums_and_adder_chains_of_a_digital_array(bits: int) -> None:
    """A sum of 128 products takes seven columns more than a weight; it ripples down a stage and along the columns."""
    macro = load_calibrated("colonnade")
    at = macro.at(weight_bits=bits, input_bits=3, stages=4)
    assert float(macro.operations(at)) == 2 * 128 * (128 // (bits + 7))
    assert float(macro.counts(at)["ripple"]) == 3 * (32 + bits + 7)


def test_values_and_products_go_with_activity() -> None:
    macro = load_calibrated("sinangil-7nm")
    counts = macro.counts(macro.at(activity=0.25))
    assert (float(counts["value"]), float(counts["product"])) == (0.5, 0.25)


def test_each_law_of_the_supply() -> None:
    """C V^2, V^2 t / R, I V t and nothing; t by V / (V - V_t)^1.3."""
    macro, volts = _macro(), 0.8
    time = (volts / (volts - 0.4) ** 1.3) / (1.0 / 0.6**1.3)
    at = macro.at(supply=volts)
    assert float(macro.slower(at)) == pytest.approx(time, rel=1e-12)
    expected = {
        "cells": 8e-12 * volts**2, "ladder": 2e-12 * volts**2 * time, "amplifier": 3e-12 * volts * time,
        "word lines": 8e-12,
    }  # fmt: skip
    assert {n: float(e) for n, e in macro.energy(at).items()} == pytest.approx(expected, rel=1e-12)
    assert float(macro.time(at)["cells"]) == pytest.approx(2e-9 * time, rel=1e-12)


def test_without_a_threshold_the_table_says_how_fast() -> None:
    table, macro = load_technology(), _macro(threshold=None)
    ours = float(macro.slower(macro.at(supply=0.8)))
    assert ours == pytest.approx(float(table.logic(65e-9, 0.8).nand2_delay / table.logic(65e-9, 1.0).nand2_delay))


def test_figures_by_hand() -> None:
    """16 rows and 4 sums: 128 operations in 2 ns, 21 pJ and 0.03 mm2."""
    macro = _macro(cores=2.0)
    by_hand = {
        "TOPS": 2 * 128 / 2e-9 * 1e-12, "TOPS/W": 128 / 21e-12 * 1e-12, "TOPS/mm2": 128 / 2e-9 / 0.03 * 1e-12,
        "mm2": 0.03, "pJ": 21.0, "fJ/product": 21e3 / 64, "fJ/operation": 21e3 / 128,
    }  # fmt: skip
    assert {n: float(macro.figure(n)) for n in by_hand} == pytest.approx(by_hand)
    assert float(macro.figure("pJ", parts=("cells", "ladder"))) == pytest.approx(10.0)
    assert float(macro.figure("TOPS/mm2", parts=("cells",))) == pytest.approx(by_hand["TOPS/mm2"] * 3)
    with pytest.raises(ValueError, match=r"^a figure is one of TOPS, TOPS/W, .*, not 'GOPS'$"):
        macro.figure("GOPS")


@pytest.mark.parametrize("name", calibrated_names())
def test_parts_add_up(name: str) -> None:
    macro = load_calibrated(name)
    at = macro.at(supply=0.95 * macro.nominal.supply)
    tree = macro.cost(at)
    operations = float(macro.operations(at))
    assert [p.name for p in tree.parts] == [p.name for p in macro.parts]
    assert tree.total.energy == math.fsum(p.cost.energy for p in tree.parts)
    assert operations / tree.total.energy * 1e-12 == pytest.approx(float(macro.figure("TOPS/W", at)))
    assert operations / tree.total.latency * macro.cores * 1e-12 == pytest.approx(float(macro.figure("TOPS", at)))
    assert tree.total.area * 1e6 == pytest.approx(float(macro.figure("mm2")))


@pytest.mark.parametrize("name", calibrated_names())
def test_many_points_at_once_and_gradients(name: str) -> None:
    macro = load_calibrated(name)
    supply = torch.linspace(0.9, 1.1, 5, dtype=torch.float64) * macro.nominal.supply
    supply.requires_grad_()
    many = macro.figure("fJ/operation", macro.at(supply=supply))
    single = [float(macro.figure("fJ/operation", macro.at(supply=v))) for v in supply.tolist()]
    assert many.tolist() == pytest.approx(single, rel=1e-12)
    many.sum().backward()
    assert supply.grad is not None
    assert bool((supply.grad > 0).all())
    speed = macro.figure("TOPS", macro.at(supply=supply)).tolist()
    assert speed == sorted(speed)


def test_wrong_macros_are_refused() -> None:
    with pytest.raises(SpecError, match=r"supply: must be above the chip's threshold, 0.40 V, not 0.4 V"):
        _macro().figure("TOPS", _macro().at(supply=0.4))
    with pytest.raises(ValueError, match=r"^a macro needs parts with names of their own, not \['a', 'a'\]$"):
        _macro(parts=(CalibratedPart(name="a", per="phase"),) * 2)
    macro = load_calibrated("wang-22nm")
    with pytest.raises(ValueError, match=r"^Fig. 22\(a\) counts a part 'multipliers'; the macro has control$"):
        replace(macro, parts=macro.parts[-1:])
    with pytest.raises(ValueError, match=r"^threshold must lie below the nominal supply of 1 V, not at 1.05 V$"):
        replace(macro, threshold=1.05)


def test_wrong_figures_are_refused() -> None:
    macro = load_calibrated("wang-22nm")
    with pytest.raises(ValueError, match=r"^Wang, 22 nm, charge has the parts DACs, .*multipliers, not typo$"):
        macro.figure("pJ", parts=("multipliers", "typo"))
    with pytest.raises(ValueError, match=r"^weights must fit into 128 columns, not take 1000$"):
        macro.figure("TOPS", macro.at(weight_bits=1000))
