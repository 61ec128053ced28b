"""Macros calibrated on few figures of their own: what was published of them beside what follows."""

from __future__ import annotations

from mho.cost import CalibratedMacro, Comparison, calibrated_names, compare_calibrated, load_calibrated

from ._row import Result, Row

_TOLERANCE = {"TOPS": 0.02}
"""Else 5 %."""
_NAMES: dict[str, str] = {"TOPS": "throughput", "TOPS/W": "efficiency", "TOPS/mm2": "density", "mm2": "area"}
"""Else energy."""
_LONG = 10
"""Longer sweeps are shown by their first, middle and last values."""


def _settings(macro: CalibratedMacro, comparison: Comparison) -> str:
    at, nominal = comparison.reading.at, macro.nominal
    words = [f"{at.supply:g} V"]
    if nominal.input_bits != at.input_bits or nominal.weight_bits != at.weight_bits:
        words.append(f"{at.input_bits:g} x {at.weight_bits:g} b")
    for name, word in (("slices", "slices"), ("stages", "stages")):
        if getattr(at, name) != getattr(nominal, name):
            words.append(f"{getattr(at, name):g} {word}")
    if at.activity != nominal.activity:
        words.append(f"activity {at.activity:.3g}")
    return ", ".join(words)


def _row(macro: CalibratedMacro, comparison: Comparison) -> Row:
    reading = comparison.reading
    title = macro.title.partition(",")[0]
    counted = f" ({', '.join(reading.parts)})" if reading.parts else ""
    return Row(
        f"{_NAMES.get(reading.figure, 'energy')} of {title}{counted}, {_settings(macro, comparison)}",
        reading.figure,
        reading.value,
        comparison.ours,
        _TOLERANCE.get(reading.figure, 0.05),
        f"[{macro.sources[0].key}], {reading.where}",
        "fitted" if reading.fitted else "prediction",
    )


def _rows(whole: bool) -> list[Row]:
    rows: list[Row] = []
    for name in calibrated_names():
        macro = load_calibrated(name)
        done, start = compare_calibrated(macro), 0
        for sweep in macro.sweeps:
            some = done[start : start + len(sweep.value)]
            start += len(sweep.value)
            if len(some) > _LONG and not whole:
                some = [some[0], some[(len(some) - 1) // 2], some[-1]]
            part_alone = sweep.parts and sweep.figure not in ("TOPS/W", "TOPS/mm2")
            if whole or not part_alone:
                rows += [_row(macro, c) for c in some]
    return rows


RESULT = Result(
    "Macros calibrated on few of their figures: all others predicted", lambda: _rows(False), lambda: _rows(True)
)
