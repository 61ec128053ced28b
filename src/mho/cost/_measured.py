"""Measured macros: tables of published chips, read as architectures with figures per 1-bit operation."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mho.core import FileError, RangeWarning

from ._macro import Macro, Principle

_FOLDER = Path(__file__).parent.parent / "data" / "silicon"
Family = Literal["digital", "analog SRAM", "non-volatile"]
FAMILIES: dict[Principle, Family] = {
    "digital": "digital",
    "charge": "analog SRAM",
    "static": "analog SRAM",
    "current": "non-volatile",
}
"""What a chip is counted with, by how it sums."""
_VOLATILE = re.compile(r"sram|e?dram|gain", re.IGNORECASE)
_NOT_MEASURED = re.compile(r"simulat|press|claim", re.IGNORECASE)
_BENCHMARK = frozenset(
    {
        *("index", "author", "venue", "year", "node_nm", "arch", "cell", "core_kb", "rows", "vdd", "bx", "bw", "badc"),
        *("n_adc", "n", "t_ns", "tops", "tops_w", "n_core", "tops_mm2", "model", "processor"),
    }
)
"""Columns that the reading of the benchmark's table needs."""
_GENERAL = frozenset({"name", "device", "domain", "node_nm"})
_USUAL_ROWS: dict[Principle, float] = {"digital": 128, "charge": 256, "static": 64, "current": 16}
"""Rows at once where a table does not say: assumed, round numbers near what the fitted chips do."""
_USUAL_BITS = 5.0
"""Bits of a converter where a table does not say: the median of the fitted chips."""
_USUAL_SUPPLY = 0.9
"""In V, where a table does not say: assumed."""


@dataclass(frozen=True)
class Measured:
    """One operating point of a published chip: its architecture, and what was measured."""

    chip: str
    """The points of one chip share it; they are left out together."""
    name: str
    macro: Macro
    energy: float | None
    """In J per 1-bit operation."""
    density: float | None
    """In 1-bit operations a second and m2."""
    guessed: tuple[str, ...] = ()
    """What the table does not say and was taken as usual."""
    idle: bool = False
    """Whether the cycle is not told but that of the throughput, with all the time in which the macro waits."""

    @property
    def family(self) -> Family:
        """What it is counted with."""
        return FAMILIES[self.macro.principle]


def read_silicon(file: str | Path = "uiuc") -> list[Measured]:
    """Read measured chips from a CSV file, or one of the tables `uiuc` and `chips` by name.

    Two sets of columns are understood: those of the benchmark [shanbhag2022] (`uiuc`, an operating point a row with
    rows at once, converters and cycle), and a general one (`chips`: name, device, cell, domain, mac_principle,
    node_nm, vdd_v, rows, cols, weight_bits, input_bits, out_or_adc_bits, tops_per_w_1b or peak_tops_per_w,
    tops_per_mm2_1b or peak_tops_per_mm2; and where known active_rows, converters, cycle_ns, year, scope). Of a cell
    with words the first number counts, of a range so the low end. Rows that say too little (no node, or no figure) or
    were not measured (evidence: simulated, press, claim) are left out, with a warning for a file of one's own.

    Raises:
        FileError: if the file does not exist, has other columns, cannot be read, or says too little in every row.
    """
    shipped = str(file) in ("uiuc", "chips")
    path = _FOLDER / f"{file}.csv" if shipped else Path(file)
    if not path.is_file():
        raise FileError(f"{path} does not exist; give a CSV file of chips, or uiuc or chips for the tables of mho")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [dict(zip(header, cells, strict=False)) for cells in reader if any(c.strip() for c in cells)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} must be a CSV file in UTF-8: {error}; save it so") from None
    kinds = (("uiuc", _BENCHMARK, _benchmark), ("chips", _GENERAL, _general))
    fitting = [read for _, needed, read in kinds if needed <= set(header)]
    if not fitting:
        _, needed, _ = min(kinds, key=lambda kind: len(kind[1] - set(header)))
        missing = ", ".join(sorted(needed - set(header)))
        raise FileError(f"{path} lacks the columns {missing}; see the tables uiuc and chips of mho for all of them")
    points: list[Measured] = []
    for number, row in enumerate(rows, 2):
        try:
            point = fitting[0]({name: row.get(name, "") for name in header})
        except ValueError as error:
            raise FileError(f"{path}, row {number}: {error}") from None
        points += [point] if point is not None else []
    if not points:
        raise FileError(
            f"{path} has no row with a node and a measured figure with its bits; see the table chips of mho"
        )
    if not shipped and len(points) < len(rows):
        out = len(rows) - len(points)
        warnings.warn(
            f"{path}: {out} of {len(rows)} rows left out: no node, no figure with its bits, or not measured",
            RangeWarning,
            stacklevel=2,
        )
    return points


_NUMBER = re.compile(r"(?<![A-Za-z\d.,])(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


def _number(text: str | None) -> float | None:
    """Return the first number of a cell, as in `36.5 (title); 19.45 CSV`; None for words alone, and for zero."""
    if re.search(r"\d,\d", text or ""):
        raise ValueError(f"numbers must be written without commas, such as 0.9 or 1024, not {text!r}")
    if re.match(r"\s*-\s*[.\d]", text or ""):
        raise ValueError(f"numbers must not be negative, not {text!r}")
    found = _NUMBER.search(text or "")
    return (float(found.group()) or None) if found else None


def _benchmark(row: Mapping[str, str]) -> Measured | None:
    get = {k: _number(v) for k, v in row.items() if k not in ("author", "venue", "cell", "arch", "model", "changed")}
    volatile = bool(_VOLATILE.search(row["arch"]))
    principle: Principle = (
        "digital" if row["model"] == "DIMC" else "current" if not volatile
        else "static" if row["model"] == "IS" else "charge"
    )  # fmt: skip
    guessed: list[str] = []

    def take(name: str, usual: float) -> float:
        value = get[name]
        if value is None:
            guessed.append(name)
        return usual if value is None else value

    if get["node_nm"] is None or (get["tops_w"] is None and get["tops_mm2"] is None):
        return None
    rows = take("n", _USUAL_ROWS[principle])
    cores = get["n_core"] or 1.0
    converters, weight_bits, input_bits = take("n_adc", 32), take("bw", 1), take("bx", 1)
    cycle, idle = None if get["t_ns"] is None else get["t_ns"] * 1e-9, False
    if cycle is None and get["tops"] is not None and not guessed:  # throughput is that of one core
        cycle, idle = 2 * rows * converters * weight_bits * input_bits / (get["tops"] * 1e12), True
    macro = Macro(
        principle,
        get["node_nm"] * 1e-9,
        take("vdd", _USUAL_SUPPLY),
        rows=rows,
        converters=converters,
        weight_bits=weight_bits,
        input_bits=input_bits,
        converter_bits=0.0 if principle == "digital" else take("badc", _USUAL_BITS),
        cycle=cycle,
        capacity=None if get["core_kb"] is None else get["core_kb"] * 1024 * cores,
        physical_rows=get["rows"],
        transistors=_transistors(row["cell"]),
        bit_lines=float("QS" in row["model"]),
        cores=cores,
        processor=float(row["processor"] == "Y"),
        year=get["year"] or 2021.0,
    )
    return Measured(
        f"{row['index']}",
        f"{row['author']}, {row['venue']} {row['year']}",
        macro,
        None if get["tops_w"] is None else 1e-12 / get["tops_w"],
        None if get["tops_mm2"] is None else get["tops_mm2"] * 1e18,
        tuple(guessed),
        idle,
    )


def _general(row: Mapping[str, str]) -> Measured | None:
    text = {k: (v or "").strip() for k, v in row.items() if k}
    if _NOT_MEASURED.search(text.get("evidence", "")):
        return None
    if not text["device"] or not text["domain"]:
        raise ValueError("device (such as SRAM or RRAM) and domain (analog or digital) must be given")
    node = _number(text["node_nm"])
    weight, inputs = _number(text.get("weight_bits")), _number(text.get("input_bits"))
    energy, density = _number(text.get("tops_per_w_1b")), _number(text.get("tops_per_mm2_1b"))
    if weight is not None and inputs is not None:
        per_bit = weight * inputs
        peak, peak_density = _number(text.get("peak_tops_per_w")), _number(text.get("peak_tops_per_mm2"))
        energy = energy if energy is not None or peak is None else peak * per_bit
        density = density if density is not None or peak_density is None else peak_density * per_bit
    if node is None or (energy is None and density is None):
        return None
    domain, how, device = (text.get(k, "").lower() for k in ("domain", "mac_principle", "device"))
    volatile = bool(_VOLATILE.search(device))
    principle: Principle = (
        "digital" if domain.startswith("digital") else "current" if not volatile
        else "static" if "current" in how else "charge"
    )  # fmt: skip
    guessed: list[str] = []

    def take(name: str, usual: float, *others: str) -> float:
        for key in (name, *others):
            value = _number(text.get(key))
            if value is not None:
                return value
        guessed.append(name)
        return usual

    physical = _number(text.get("rows"))
    usual = _USUAL_ROWS[principle]
    if physical is not None:
        all_at_once = principle == "digital" or how.startswith("charge-redistribution")
        usual = physical if all_at_once else min(physical, 64 if principle == "charge" else usual)
    bits_w, bits_x = weight or 1.0, inputs or 1.0
    cols = _number(text.get("cols"))
    macro = Macro(
        principle,
        node * 1e-9,
        take("vdd_v", _USUAL_SUPPLY),
        rows=take("active_rows", usual),
        converters=take("converters", max(1.0, (cols or 64.0) / bits_w)),
        weight_bits=bits_w,
        input_bits=bits_x,
        converter_bits=0.0 if principle == "digital" else min(take("out_or_adc_bits", _USUAL_BITS), 12.0),
        cycle=None if (cycle := _number(text.get("cycle_ns"))) is None else cycle * 1e-9,
        capacity=None if physical is None or cols is None else physical * cols,
        physical_rows=physical,
        transistors=_transistors(text.get("cell", "")),
        bit_lines=float("discharge" in how or "charge sharing" in how),
        processor=float(any(w in text.get("scope", "").lower() for w in ("chip", "soc", "processor"))),
        year=_number(text.get("year")) or 2023.0,
    )
    index = re.search(r"index (\d+)", text.get("source", ""))
    return Measured(
        index.group(1) if index else text["name"],
        text["name"],
        macro,
        None if energy is None else 1e-12 / energy,
        None if density is None else density * 1e18,
        tuple(guessed),
    )


def _transistors(cell: str) -> float:
    found = re.match(r"\s*(\d+)T", cell)
    return float(found.group(1)) if found else 6.0
