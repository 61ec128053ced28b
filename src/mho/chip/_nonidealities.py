"""What keeps a chip from computing exactly, by name, in the two classes of the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._chip import Chip

Kind = Literal["device", "circuit"]
_CATALOGUE: dict[str, tuple[Kind, str]] = {
    "programming error": ("device", "the conductance differs from what was to be written"),
    "drift": ("device", "the conductance falls as a power of time"),
    "relaxation": ("device", "the conductance wanders in the seconds and days after writing"),
    "read noise": ("device", "the conductance fluctuates while it is read"),
    "retention": ("device", "the state is lost with time"),
    "process variation": ("device", "conductances differ between cells, lines and chips as they were made"),
    "device variation": ("device", "cells differ from one another from the start"),
    "stuck cells": ("device", "some cells cannot be written"),
    "endurance": ("device", "cycles of writing have narrowed the window and killed cells"),
    "finite levels": ("device", "only a few conductances can be written"),
    "read disturb": ("device", "reading moves the state"),
    "telegraph noise": ("device", "traps block a part of the current while they are full"),
    "temperature": ("device", "what is read depends on the temperature"),
    "finite on/off ratio": ("device", "a cell that is off still conducts"),
    "junction spread": ("device", "tunnel junctions in series differ in resistance"),
    "I-V non-linearity": ("device", "the current of a cell is not in proportion to a level of its input"),
    "IR drop": ("circuit", "word and bit lines lose voltage on their way"),
    "line voltage": ("circuit", "the line's own voltage changes the currents of its cells"),
    "uncorrected column sums": ("circuit", "a mean is taken for a sum without the column's own total"),
    "thermal noise": ("circuit", "lines and capacitors at a temperature fluctuate"),
    "shot noise": ("circuit", "currents come as electrons, whose number fluctuates"),
    "parasitic capacitance": ("circuit", "the line takes a share of the charge"),
    "jitter": ("circuit", "edges come early or late"),
    "delay mismatch": ("circuit", "delay cells differ from one another"),
    "comparator noise": ("circuit", "a threshold is crossed early or late"),
    "DAC non-linearity": ("circuit", "levels of the inputs are not evenly spaced"),
    "DAC mismatch": ("circuit", "the gain of the inputs differs from row to row, after trimming"),
    "DAC noise": ("circuit", "equal inputs give different levels, or widths that jitter"),
    "crosstalk": ("circuit", "a bit line picks up a share of its neighbours' signals"),
    "read-out noise": ("circuit", "the circuit between bit line and converter adds noise"),
    "converter gain": ("circuit", "the gain differs from column to column, after trimming and calibration"),
    "converter offset": ("circuit", "the zero differs from column to column"),
    "converter noise": ("circuit", "equal signals give different codes"),
    "converter non-linearity": (
        "circuit",
        "codes are not in proportion to the signal: a bent ramp, oscillator or discharge",
    ),
    "comparator mismatch": ("circuit", "the comparators of a converter differ in their offsets"),
    "reference mismatch": ("circuit", "the references of a converter, of voltage, current or time, are off"),
    "stage gain": ("circuit", "stages of a pipeline or cyclic converter do not quite double what they pass on"),
    "level variation": ("circuit", "programmed transition levels of a converter come out beside their targets"),
    "correction rounding": ("circuit", "the digital correction of a column is as coarse as its bits"),
    "capacitor mismatch": ("circuit", "capacitors that should be equal are not"),
}


@dataclass(frozen=True)
class Nonideality:
    """One cause of error in a chip."""

    name: str
    kind: Kind
    """`device` (from the memory cell) or `circuit` (from the structure around it)."""
    what: str
    present: bool
    """Whether this chip has it."""


def nonidealities(chip: Chip | str) -> tuple[Nonideality, ...]:
    """Say which causes of error a chip has, device-induced ones first.

    Switch them with `chip.without("drift")` and `chip.only("drift")`. Effects of your own parts that the catalogue does
    not know count as device-induced. Source of the two classes: [sakemi2026].

    >>> print(*[n.name for n in nonidealities("hermes") if n.kind == "device" and n.present], sep=", ")
    programming error, drift, read noise
    """
    chip = chip if isinstance(chip, Chip) else Chip.load(chip)
    own: dict[str, tuple[Kind, str]] = {n: ("device", "") for n in chip.effects if n not in _CATALOGUE}
    known = _CATALOGUE | own
    found = [Nonideality(name, kind, what, name in chip.effects) for name, (kind, what) in known.items()]
    return tuple(sorted(found, key=lambda n: n.kind, reverse=True))
