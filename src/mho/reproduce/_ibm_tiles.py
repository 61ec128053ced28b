"""The three tiles of [singh2025]: matrix-vector error and energy shares."""

from __future__ import annotations

import math
from dataclasses import replace

from mho.converters import Cco, Sar, load_converter
from mho.devices import Sram
from mho.tiles import OUTPUT_STAGES, AnalogTile, Differential, characterise, load_tile

from ._row import Mark, Result, Row

_SOURCE = "[singh2025], from review notes"
_CHECK = "plain quantiser model, not a publication"
_SEEN = "parameters of the tile were chosen with this figure in view"


def ideal(tile: AnalogTile) -> AnalogTile:
    """Return a tile with exact cells and converters that only quantise."""
    cell = Sram(g_max=tile.cell.range[1], area=0.0, write_energy=0.0, write_time=0.0)
    converter = tile.converter
    if isinstance(converter, Sar):
        converter = replace(converter, gain_sigma=0.0, offset_sigma=0.0, comparator_noise=0.0, mismatch=0.0)
    elif isinstance(converter, Cco):
        converter = replace(converter, gain_sigma=0.0, offset_sigma=0.0, jitter=0.0)
    return replace(tile, cell=cell, converter=converter)


def _compute() -> list[Row]:
    tile1, tile2, dimc = load_tile("tile1"), load_tile("tile2"), load_tile("dimc")
    assert isinstance(tile1, AnalogTile)
    assert isinstance(tile2, AnalogTile)
    rows: list[Row] = []

    def error(
        name: str,
        value: float,
        published: float | tuple[float, float],
        slack: float,
        source: str,
        comment: str = "",
    ) -> None:
        mark: Mark = "fitted" if source == _CHECK else "prediction"
        rows.append(Row(f"MVM error, {name}", "%", published, 100 * value, slack, source, mark, comment))

    digital = characterise(dimc, instances=2)
    error("DIMC", digital.error, 1.0, 0.5, _SOURCE, "about 1 % published; 8-bit input, weight and output")
    for bits, expected in ((8, (2.0, 3.0)), (7, (4.0, 6.0)), (6, (9.0, 10.0))):
        report = characterise(ideal(replace(tile2, converter=load_converter(f"sar-{bits}b"))), instances=2)
        error(
            f"Tile2 ideal, {bits}-bit ADC",
            report.error,
            expected,
            0.0,
            _CHECK,
            "the paper's 6 % is for an ADC not stated; sign on lines was chosen with this figure in view",
        )
    exact = characterise(ideal(tile1), instances=2).error
    error("Tile1 ideal", exact, 2.0, 0.1, _SOURCE, "our full scale is fitted to the data")
    single = 0.0
    for devices in (1, 2, 4, 8):
        value = characterise(replace(tile1, weights=Differential(8, devices))).error
        if devices == 1:
            single = value
            error(
                "Tile1, 1 device per sign",
                value,
                15.0,
                0.3,
                _SOURCE,
                "the paper's cell statistics are not known",
            )
        else:
            if devices == 2:
                error("Tile1, 2 devices per sign", value, (0.0, 10.0), 0.0, _SOURCE, "below 10 % published")
            law = math.sqrt((single**2 - exact**2) / devices + exact**2)
            error(
                f"Tile1, {devices} devices per sign (1/sqrt(devices) law)",
                value,
                100 * law,
                0.1,
                "1/sqrt(devices) law",
                "devices' share of the error only",
            )
    one, two = characterise(tile1), characterise(tile2)
    for block, parts, published in (("output encoding", OUTPUT_STAGES, (60, 70)), ("cells", ("cells",), (15, 20))):
        for name, report in (("1", one), ("2", two)):
            share = 100 * report.share(*parts)
            rows.append(
                Row(f"energy share of {block}, Tile{name}", "%", published, share, 0.0, _SOURCE, "fitted", _SEEN)
            )
    share = 100 * digital.share("adder trees")
    rows.append(Row("energy share of output encoding, DIMC", "%", (80, 100), share, 0.0, _SOURCE))
    return rows


RESULT = Result("The design of analogue in-memory computing tiles: Tile1, Tile2, DIMC", _compute)
