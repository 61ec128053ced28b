"""Retention and reading against temperature: Arrhenius' law, the slope of flash, and what compensation makes up for."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Literal

import torch

from mho.core import RangeWarning, Seed
from mho.devices import AbstractCell, NorFlash, Thermal, load_cell
from mho.tiles import AnalogTile, Condition, characterise, load_tile

from ._row import Result, Row

_K_EV = 8.617333262e-5
_HOT = 358.15
"""85 degrees Celsius, in K."""
COMPENSATIONS: tuple[Literal["none", "column"], ...] = ("none", "column")


def _spread(cell: AbstractCell, time: float) -> float:
    target = torch.full((100_000,), 0.3 * cell.range[1])
    draws = {d: Seed(0).child(d).normal((100_000,)) for d in cell.draws}
    draws["read"].zero_()
    return float(cell.conductance(target, draws, time).std())


def _compute() -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RangeWarning)  # that the last known spread is held is said in the rows
        return _rows()


def _factor(cell: Thermal, kelvin: float) -> float:
    return math.exp(cell.activation / _K_EV * (1 / 300.0 - 1 / kelvin))


def _rows() -> list[Row]:
    cell = load_cell("rram-thermal")
    assert isinstance(cell, Thermal)
    hot = cell.at_temperature(_HOT)
    assert isinstance(hot, Thermal)
    still = replace(cell, coefficient=(0.0,))
    flash = load_cell("nor-flash")
    assert isinstance(flash, NorFlash)
    warm = replace(flash, tuning=0.0, read_sigma=0.0).at_temperature(400.0)
    states = torch.tensor([flash.g_max / 10, flash.g_max / 100], dtype=torch.float64)
    g = warm.conductance(states, {d: torch.zeros(2, dtype=torch.float64) for d in flash.draws}, None)
    # The thresholds of these two states are one decade apart at 300 K.
    apart = flash.slope_factor * _K_EV * 300.0 * math.log(10)
    slope = apart / float((g[0] / g[1]).log10())
    tile = load_tile("tile1")
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, cell=cell)
    seen: list[str] = []
    errors: dict[tuple[float, str], float] = {}
    for kelvin in (300.0, 320.0, 340.0, 360.0):
        for compensation in COMPENSATIONS:
            condition = Condition(3600.0, compensation, kelvin)
            errors[kelvin, compensation] = characterise(tile, Seed(0), instances=8, condition=condition).error
        bare, made_up = errors[kelvin, "none"], errors[kelvin, "column"]
        seen.append(f"{kelvin:g} K {100 * bare:.1f} and {100 * made_up:.1f} %")
    equal = replace(tile, cell=Thermal(load_cell("sram"), (-2e-3,)))
    common = {
        c: characterise(equal, Seed(0), instances=8, condition=Condition(0.0, c, 360.0)).error for c in COMPENSATIONS
    }
    return [
        Row("ageing at 85 C over that at 300 K, 1.1 eV", "ratio", _factor(cell, _HOT), hot.acceleration, 1e-9,
            "Arrhenius' law", "definition"),
        Row("spread of RRAM after an hour at 320 K over that after so many hours at 300 K", "ratio", 1.0,
            _spread(still.at_temperature(320.0), 3600.0) / _spread(still, 3600.0 * _factor(cell, 320.0)), 1e-6,
            "Arrhenius' law", "definition", "hotter, an hour counts for more than the two days that are known"),
        Row("threshold for a decade of flash current at 400 K", "mV",
            1e3 * flash.slope_factor * _K_EV * 400 * math.log(10), 1e3 * slope, 1e-6, "n k T / q ln 10", "definition"),
        Row("error at 360 K without compensation over that at 300 K", "ratio", (1.0, 100.0),
            errors[360.0, "none"] / errors[300.0, "none"], 0.0, "heat can only add",
            comment="Gaussian product on tile1 with RRAM, an hour after writing, without and with a factor for each "
            f"column: {', '.join(seen)}"),
        Row("error at 360 K with a factor for each column over that without", "ratio", (0.0, 1.0),
            errors[360.0, "column"] / errors[360.0, "none"], 0.0, "the factor makes up for what is common to a column",
            comment="here little is common: states move apart, and relaxation is random"),
        Row("the same, all states losing 2 in a thousand a kelvin", "ratio", (0.0, 1.0),
            common["column"] / common["none"], 0.0, "the factor makes up for what is common to a column",
            comment=f"{100 * common['none']:.2f} and {100 * common['column']:.2f} %, exact cells otherwise"),
    ]  # fmt: skip


RESULT = Result("Retention and reading against temperature", _compute)
