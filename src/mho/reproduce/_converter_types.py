"""Converters by type, on the bench and by cost, against the laws that their kinds are known by."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from mho.converters import ROOMS, AbstractConverter, Memristive, Ramp, bench, load_converter
from mho.core import Loader, Seed

from ._adaptive_networks import memristive_of
from ._converter_chain import chain_rows
from ._row import Result, Row

_KINDS = (
    *("sar-8b", "flash-8b", "ramp-8b", "lpar-8b", "sense-voltage-8b", "sense-current-8b", "pipeline-8b", "cyclic-8b"),
    *("voltage-to-time-8b", "cco-8b", "integrate-fire-8b", "memristive-8b"),
)
_RAMPS = 64
"""Pairs of converters whose errors on a ramp are averaged."""


def _compute() -> list[Row]:
    return [*_ideal_rows(), *_ramp_rows(), *_cost_rows(), *_pair_rows(), *chain_rows()]


def _ideal_rows() -> list[Row]:
    """Let a sine through one of each kind without its errors: noise of a twelfth of a square LSB."""
    rows: list[Row] = []
    for name in _KINDS:
        part = load_converter(name)
        for effect in part.effects:
            part = part.effects.get(effect, part)
        whole = part.quantise_(torch.tensor([0.9]), 0.0, 255.0).item() == 0
        ours = float(bench(part, columns=2).sndr.mean())
        rows.append(
            Row(f"{name} without its errors: a sine's signal over noise", "dB", 6.02 * part.bits + 1.76, ours, 0.01,
                "6.02 N + 1.76, noise of LSB^2 / 12", comment="counts whole periods or spikes" if whole else "")
        )  # fmt: skip
    return rows


def _ramp_rows() -> list[Row]:
    """Let a slow ramp through every preset, with its errors."""
    rows: list[Row] = []
    for name in Loader(ROOMS).presets(AbstractConverter):
        falls = float((~bench(load_converter(name), columns=32).monotone).double().mean())
        rows.append(
            Row(f"{name}: columns whose codes fall on a rising ramp", "%", 0.0, 100 * falls, 0.0,
                "a converter is to be monotone", comment="with the errors of the preset, 32 columns")
        )  # fmt: skip
    return rows


def _cost_rows() -> list[Row]:
    """Compare how cost goes with bits, and how long conversions take."""

    def a_bit(name: str, quantity: str, low: int, high: int) -> float:
        few, many = (load_converter(f"{name}-{b}b").costs(256) for b in (low, high))
        block = "part" if quantity == "area" else "convert"
        return (getattr(many[block], quantity) / getattr(few[block], quantity)) ** (1 / (high - low))

    law = "2^N - 1 comparators, and so 2^N cells of the memristive one"
    rows = [
        Row(f"{name}, {quantity} of one bit more", "ratio", 2.0, a_bit(name, quantity, 3, 8), 0.05, law, "definition")
        for name in ("flash", "memristive")
        for quantity in ("energy", "area")
    ]
    rows.append(
        Row("sar, area of one bit more, 4 to 8 bits", "ratio", 2.0, a_bit("sar", "area", 4, 8), 0.15,
            "2^N unit capacitors", comment="presets follow a regression of published ones")
    )  # fmt: skip
    for bits in (2, 8):
        part = load_converter(f"lpar-{bits}b")
        assert isinstance(part, Ramp)
        cycles = part.costs(256)["convert"].latency * part.clock
        rows.append(
            Row(f"lpar, clock cycles of a conversion, {bits} bits", "", 2.0**bits, cycles, 0.0, "[liu2020]",
                "definition")
        )  # fmt: skip
    return rows


def _pair_rows() -> list[Row]:
    """Compare the squared error of a ramp through one converter and two, levels 1 % of full scale off."""
    source = "the rule of [hong2025] in another simulation of ours, of a ramp"
    rows: list[Row] = []
    for bits, simulated in ((4, 1.5), (6, 2.0)):
        pair = replace(memristive_of(bits), sensitivity=1.0, copies=2).with_spread(0.01)
        gain = _error(replace(pair, copies=1)) / _error(pair)
        rows.append(
            Row(f"super-resolution, {bits} bits: error of one converter over that of two", "ratio", simulated, gain,
                0.25, source)
        )  # fmt: skip
        vote = _error(replace(pair, copies=1)) / _error(replace(pair, copies=3, rule="vote"))
        rows.append(
            Row(f"vote of three, {bits} bits: error of one converter over theirs", "ratio", (1.0, 3.0), vote, 0.0,
                "three that err by themselves: at most three times less")
        )  # fmt: skip
    return rows


def _error(converter: Memristive) -> float:
    top = math.ldexp(1.0, converter.bits) - 1
    ramp = torch.linspace(0.5, top - 0.5, 4001).repeat(_RAMPS, 1)
    profile = converter.profile(Seed(0).normal((_RAMPS, 1, converter.mismatches)))
    return float((converter.quantise_(ramp.clone(), 0.0, top, profile) - ramp).square().mean())


RESULT = Result("Converters by type and what stands around them: the laws of their kinds", _compute)
