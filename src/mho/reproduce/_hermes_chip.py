"""The HERMES core and 64-core chip: operating points, time of a product, errors."""

from __future__ import annotations

import torch

from mho.chip import Chip
from mho.converters import Cco
from mho.core import Seed, normal_per_instance
from mho.cost import rate
from mho.devices import load_cell
from mho.tiles import AnalogTile, Condition, characterise

from ._row import Result, Row

_CHIP, _CORE = "[legallo2023]", "[khaddam2022]"


def _compute() -> list[Row]:
    chip, four = Chip.load("hermes"), Chip.load("hermes-4phase")
    tile = chip.tile
    assert isinstance(tile, AnalogTile)
    assert isinstance(tile.converter, Cco)
    fast, slow = rate(chip), rate(four)
    core = characterise(tile, instances=2)
    raw = tile.converter.gain_sigma
    z = {"gain": Seed(0).child("trim").normal((20000,)), "offset": torch.zeros(20000)}
    trimmed = float(tile.converter.errors(z).gain.std())
    rows = [
        Row("time of a product, 1 phase", "ns", 133, fast.mvm_seconds * 1e9, 0.1, _CHIP),
        Row("time of a product, 4 phases", "ns", 521, slow.mvm_seconds * 1e9, 0.1, _CHIP),
        Row("throughput, 1 phase (from the time)", "TOPS", 63.1, fast.tops, 0.1, _CHIP),
        Row("throughput, 4 phases (from the time)", "TOPS", 16.1, slow.tops, 0.1, _CHIP),
        Row(
            "core efficiency",
            "TOPS/W",
            10.5,
            core.tops_per_watt,
            0.1,
            _CORE,
            comment="a tile without its share of the chip",
        ),
        Row("chip efficiency, 1 phase", "TOPS/W", 9.76, fast.tops_per_watt, 0.05, _CHIP, "fitted", "the bias power"),
        Row(
            "chip efficiency, 4 phases",
            "TOPS/W",
            2.48,
            slow.tops_per_watt,
            0.1,
            _CHIP,
            comment="12 % high if the core is fitted instead; registers were chosen with it in view",
        ),
        Row("power, 1 phase (from the two)", "W", 6.47, fast.watt, 0.1, _CHIP, "fitted"),
        Row("power, 4 phases (from the two)", "W", 6.49, slow.watt, 0.1, _CHIP),
        Row(
            "area efficiency, 1 phase",
            "TOPS/mm2",
            1.55,
            fast.tops_per_mm2,
            0.1,
            _CHIP,
            "fitted",
            "the area of the converter",
        ),
        Row("ADC gain spread before trim", "%", 21, 100 * raw, 0.0, _CORE, "definition"),
        Row("ADC gain spread after trim", "%", 7.09, 100 * trimmed, 0.05, _CORE, "fitted", "the trim step"),
    ]
    rows.append(
        Row(
            "weight error, one device per sign",
            "% of the largest weight",
            (4.8, 5.3),
            100 * _weight_error("pcm-hermes-1"),
            0.1,
            _CORE,
            comment="sigma over a Gaussian matrix as written; the published matrix and devices are not known",
        )
    )
    report = characterise(tile, condition=Condition(None))
    rows.append(
        Row(
            "MVM error sigma, as written",
            "% of the largest output",
            1.94,
            100 * report.relative_sigma,
            0.1,
            _CORE,
            comment="what the published 1.94 % is relative to, and its matrix and inputs, are not known",
        )
    )
    return rows


def _weight_error(cell_name: str) -> float:
    """Return the standard deviation of (g+ - g-) / g_max about its target for Gaussian weights scaled per column."""
    cell = load_cell(cell_name)
    low, high = cell.range
    w = Seed(0).child("weights").normal((256, 256))
    w = w / w.abs().amax(0)
    targets = torch.stack([w.clamp(min=0), (-w).clamp(min=0)]) * (high - low) + low
    draws = {d: normal_per_instance([Seed(1).child(d)], targets.shape)[0] for d in cell.draws}
    g = cell.conductance(targets, draws, None)
    return float(((g[0] - g[1]) / (high - low) - w).std())


RESULT = Result("The HERMES core and the 64-core HERMES project chip", _compute)
