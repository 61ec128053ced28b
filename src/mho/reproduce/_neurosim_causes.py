"""What sets NeuroSim's numbers and ours apart, one cause after another."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mho.cost import estimate, second_opinion
from mho.digital import DigitalUnit
from mho.tiles import Activity, AnalogTile, BitSerial

from ._neurosim_chip import BITS, CELLS, SHARED, Ours, ours, positions_of, whole_row_tiles
from ._neurosim_runs import (
    CELL_AREA,
    CLOCK,
    COMPUTED,
    CONFIGURATIONS,
    COUNTED,
    MORE_SET,
    NOT_ARRAYS,
    READ_VOLTAGE,
    SET,
    SLOPES,
    array_cells,
)

_UNITS = {"energy": "µJ", "area": "mm²", "time": "µs"}


@dataclass(frozen=True)
class Step:
    """One cause: what it adds on the way from NeuroSim's number to ours, and why."""

    what: str
    change: float
    """In the unit of the number; that of the first step is NeuroSim's number."""
    why: str


def steps(quantity: str) -> list[Step]:
    """Return the way from NeuroSim's number to ours for `"energy"` in uJ, `"area"` in mm2 or `"time"` in us.

    Energy and time are those of D, as mho runs one layer after another; area is that of B. The changes add up to ours.
    """
    return {"energy": _energy_steps, "area": _area_steps, "time": _time_steps}[quantity]()


@functools.cache
def variants() -> dict[str, Ours]:
    """Return B with one thing changed, by what it is."""
    b = CONFIGURATIONS["B"]
    here = ours(b)
    more = MORE_SET / here.set_bits
    digital, tile = here.program.chip.digital, here.tile
    post = replace(tile.post, logic=replace(tile.post.logic, nand2_leakage=0.0))
    tight, still = replace(tile, post=post), replace(digital, logic=replace(digital.logic, nand2_leakage=0.0))
    quick = replace(tile, inputs=BitSerial(BITS, CLOCK * 1e-9))
    shorter = quick.inputs.pulse_time / tile.inputs.pulse_time
    return {
        "as described": here,
        "clocks gated: no register is clocked but for data": _with(here, digital=replace(digital, registers=0)),
        "gates do not leak": _with(here, tile=tight, digital=still),
        "both": _with(here, tile=tight, digital=replace(still, registers=0)),
        "cells draw no current, as in E of NeuroSim": _with(here, counts=_times(here.counts, 0.0)),
        f"{MORE_SET:g} % of the bits set instead of {here.set_bits:.1f}": _with(here, counts=_times(here.counts, more)),
        "cells of 6 kOhm": ours(replace(b, resistance=6e3)),
        "pulses as long as their clock": _with(here, tile=quick, counts=_times(here.counts, shorter)),
        "columns wait in turn: no sample-and-hold": _with(
            here, tile=replace(tile, pre=replace(tile.pre, area=0.0, bias_power=0.0))
        ),
        "`flash-5b`, 31 comparators": ours(b, "flash-5b"),
        "`memristive-5b`": ours(b, "memristive-5b"),
    }


def _times(counts: Mapping[str, Activity], factor: float) -> dict[str, Activity]:
    """Let cells draw so many times the charge."""
    return {
        k: replace(a, siemens_seconds=a.siemens_seconds * factor, drawn=a.drawn * factor) for k, a in counts.items()
    }


def _with(
    here: Ours,
    tile: AnalogTile | None = None,
    digital: DigitalUnit | None = None,
    counts: Mapping[str, Activity] | None = None,
) -> Ours:
    chip = replace(here.program.chip, tile=tile or here.tile, digital=digital or here.program.chip.digital)
    program, counts = replace(here.program, chip=chip), here.counts if counts is None else counts
    return Ours(program, counts, estimate(program, counts))


def tables() -> dict[str, str]:
    """Return the tables of the page on this, by name, in Markdown."""
    others = {"chips": _chips_table(), "silicon": _silicon_table(), "variants": _variants_table()}
    return others | {quantity: _steps_table(quantity) for quantity in _UNITS}


def _markdown(head: str, rows: Iterable[str]) -> str:
    return f"{head}\n{'|---' * (head.count('|') - 1)}|\n" + "".join(f"| {row} |\n" for row in rows)


def _steps_table(quantity: str) -> str:
    """Tell the steps, and what has been reached after each."""
    rows, reached = list[str](), 0.0
    for i, step in enumerate(steps(quantity)):
        reached += step.change
        change = f"{step.change:+.3g}" if abs(step.change) < 1000 else f"{step.change:+.0f}"
        rows.append(f"{step.what} | {change if i else ''} | {reached:.4g} | {step.why}")
    head = f"| step | change | reached, {_UNITS[quantity]} | why |"
    return _markdown(head, [*rows, f"**mho** | | **{reached:.4g}** | "])


def _chips_table() -> str:
    """Tell each block of each chip: theirs and ours."""
    rows = list[str]()
    for c in CONFIGURATIONS.values():
        here = ours(c)
        own, full = here.area, not math.isnan(c.leakage[0])
        pairs = [(c.total_area, sum(own.values()))]
        pairs += [(c.area.get(k, math.nan), own[k]) for k in ("array", "ADC", "accumulation", "other")]
        pairs += [(c.total if full else sum(c.energy.values()), here.total if full else sum(here.energy.values()))]
        pairs += [(c.energy[k], here.energy[k]) for k in ("ADC", "accumulation", "other")]
        pairs += [(c.tops_per_watt, 2 * COUNTED / here.total)]
        cells = (f"{_short(a)} / {_short(b)}" for a, b in pairs)
        rows.append(f"{c.key}: {c.title} | " + " | ".join(cells))
    return _markdown(
        "| theirs / ours | area, mm² | array | ADC | accumulation | other | energy, µJ | array and ADC | accumulation "
        "| other | TOPS/W |",
        rows,
    )


def _silicon_table() -> str:
    """Tell what published macros of such an architecture reach."""
    rows = list[str]()
    for key in ("A", "B", "C", "E"):
        c = CONFIGURATIONS[key]
        here = ours(c)
        opinion = second_opinion(here.program.chip)
        assert opinion is not None
        low, high = opinion.energy_range
        rows.append(
            f"{key}: {c.title} | {c.tops_per_watt:g} | {2 * COUNTED / here.total:.2f} | {opinion.tops_per_watt:.3g} | "
            f"{low:.3g} to {high:.3g}"
        )
    return _markdown("| TOPS/W | NeuroSim | mho | silicon | two of three |", rows)


def _short(x: float) -> str:
    return "?" if math.isnan(x) else f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def _variants_table() -> str:
    """Tell what one change does to ours."""
    rows = list[str]()
    for what, here in variants().items():
        total = here.cost.total
        rows.append(
            f"{what} | {_short(here.total)} | {total.latency * 1e6:.4g} | {total.area * 1e6:.3g} | "
            f"{2 * COUNTED / here.total:.2f}"
        )
    return _markdown("| mho's B | energy, µJ | time, µs | area, mm² | TOPS/W |", rows)


def _energy_steps() -> list[Step]:
    theirs, here = CONFIGURATIONS["D"], ours(CONFIGURATIONS["D"])
    positions = positions_of(here.program, padded=True) / positions_of(here.program, padded=False)
    padding = COUNTED / COMPUTED
    cut = here.conversions / whole_row_tiles(here.program)
    bits = here.set_bits - SET
    adc, accumulation, other = theirs.energy.values()
    leakage = theirs.leakage[0]
    array, converters = (SLOPES["ADC"] * SET, adc - SLOPES["ADC"] * SET)
    sliced = {
        "array": (array + SLOPES["ADC"] * bits) * padding * cut,
        "converters": converters * padding * cut,
        "accumulation": accumulation * padding * cut,
        "other": (other - theirs.interconnect + SLOPES["other"] * bits) * padding,
        "leakage": leakage * positions,
    }
    parts, each = here.parts, here.conversions / 1e9  # uJ over it: fJ
    settled = here.tile.supply * here.tile.read_voltage * here.tile.inputs.pulse_time * 1e9
    pulses = settled / (READ_VOLTAGE**2 * CLOCK)
    return [
        Step("NeuroSim, D", theirs.total, "with leakage"),
        Step(
            "padding", (padding - 1) * (adc + accumulation + other) + (positions - 1) * leakage,
            f"{COMPUTED:g} M multiply-adds charged, {COUNTED:g} M counted",
        ),
        Step(
            "set bits", bits * sum(SLOPES.values()) * padding,
            f"{here.set_bits:.1f} % in our images, {SET:g} % in the traces; from two runs of theirs",
        ),
        Step("interconnect", -theirs.interconnect * padding, "mho has none"),
        Step(
            "cut between channels", (adc + SLOPES["ADC"] * bits + accumulation) * padding * (cut - 1),
            "mho fills 126 of 128 rows with 3 x 3 kernels: ten row tiles for nine",
        ),
        Step(
            "array: pulses", sliced["array"] * (pulses - 1),
            f"{settled:.2g} V² ns from the supply (10 ns) for {READ_VOLTAGE**2 * CLOCK:.2g} (a clock): "
            f"{pulses:.1f} times",
        ),
        Step(
            "array: the rest", parts["array current"] + parts["lines and sample-and-hold"] - sliced["array"] * pulses,
            "**not explained**; word lines and sample-and-hold, which are in ours, are "
            f"{parts['lines and sample-and-hold']:.2g} µJ of it",
        ),
        Step(
            "converters", parts["converters"] - sliced["converters"],
            f"a SAR of {parts['converters'] / each:.0f} fJ for sense amplifiers of "
            f"{sliced['converters'] / each:.0f} fJ",
        ),
        Step(
            "accumulation", parts["accumulation"] - sliced["accumulation"],
            f"{parts['accumulation'] / each:.0f} fJ a conversion for {sliced['accumulation'] / each:.0f}: 20 bits each "
            "time, half of all gates switch; theirs 15 % in adders",
        ),
        Step("buffers, digital", parts["buffers and digital"] - sliced["other"], "16-bit scaling of every number"),
        Step(
            "clocked registers", parts["clocked registers"],
            f"{here.program.chip.digital.registers:,} flip-flops an array at "
            f"{here.program.chip.digital.clock / 1e6:.0f} MHz while it works, not gated; theirs switch as data come",
        ),
        Step(
            "leakage", parts["leakage"] - sliced["leakage"],
            f"{here.cost.total.leakage * 1e3:.0f} mW of standard gates for {theirs.leakage[1]:g} mW of low-power ones",
        ),
    ]  # fmt: skip


def _area_steps() -> list[Step]:
    theirs, here = CONFIGURATIONS["B"], ours(CONFIGURATIONS["B"])
    area, tile, tiles = theirs.area, here.tile, here.program.chip.tiles
    arrays = array_cells("B") / CELLS**2
    share = tiles / arrays
    writing = area["other"] - CONFIGURATIONS["A"].area["other"]
    silicon = {p.name: p.cost.area * 1e6 for p in here.cost["silicon"].parts}
    own, held = here.area, tile.pre.costs(0.0)["part"].area * CELLS * tiles * 1e6
    return [
        Step("NeuroSim, B", theirs.total_area, "pipelined"),
        Step("no label", sum(area.values()) - theirs.total_area, "empty: the blocks sum up to less than the chip"),
        Step(
            "copies", (share - 1) * sum(area.values()),
            f"cells for {arrays:,.0f} arrays, of which the network fills {tiles:,}",
        ),
        Step("interconnect", -area["interconnect"] * share, "mho has none"),
        Step("writing", -writing * share, "what B has in `other` beyond A (SRAM): switches for writing; mho has none"),
        Step(
            "cells", own["array"] - area["array"] * share,
            f"a foundry's cell of {tile.cell.costs()['part'].area * 1e12:.3f} µm² for {CELL_AREA['B'] * 1e12:.3f} µm²",
        ),
        Step(
            "converters", own["ADC"] - area["ADC"] * share,
            f"{tile.converter.costs(tile.rows)['part'].area * 1e12:.0f} µm² for "
            f"{area['ADC'] * 1e6 / arrays / (CELLS / SHARED):.0f} µm²",
        ),
        Step("accumulation", own["accumulation"] - area["accumulation"] * share, "an adder and a register of 20 bits"),
        Step("sample-and-hold", held, f"{tile.pre.area * 1e12:.0f} µm² for each of 128 columns; theirs wait in turn"),
        Step(
            "drivers, registers, digital", own["other"] - held - (area["other"] - writing) * share,
            f"two registers a row {silicon['input encoding']:.0f} mm², inputs and sums {silicon['digital']:.0f}, "
            f"digital unit {silicon['digital unit']:.1f}; theirs one bit a row",
        ),
    ]  # fmt: skip


def _time_steps() -> list[Step]:
    theirs, here = CONFIGURATIONS["D"], ours(CONFIGURATIONS["D"])
    positions = positions_of(here.program, padded=True)
    padded = theirs.time * positions / positions_of(here.program, padded=False)
    phases = positions * BITS * 1e6
    reading = phases * (here.tile.inputs.pulse_time + here.tile.pre.settling)
    one = here.tile.converter.costs(here.tile.rows)["convert"].latency
    converting = phases * SHARED * one
    arrays = padded * (1 - NOT_ARRAYS)
    return [
        Step("NeuroSim, D", theirs.time, "one layer after another"),
        Step("padding", padded - theirs.time, "positions of the layers"),
        Step(
            "buffers and interconnect", -padded * NOT_ARRAYS,
            f"{100 * NOT_ARRAYS:.0f} % of the time, as in B, where the split was noted; mho charges no time for either",
        ),
        Step("pulses, settling", reading, "10 + 5 ns a bit; theirs are in the conversion"),
        Step("conversions", converting - arrays, f"eight columns in turn, {one * 1e9:.1f} ns each for {CLOCK:g} ns"),
        Step("digital unit", here.cost.total.latency * 1e6 - reading - converting, "between layers"),
    ]  # fmt: skip
