"""Published macros and chips from their own architecture: quoted figures beside ours."""

from __future__ import annotations

from mho.tiles import AbstractTile, TileReport, characterise, load_tile

from . import _chips_products, _chips_resistive
from ._row import Result, Row

_BOTTOM_UP = "from parts at this node; activity of the measurement is not published"


def _compute() -> list[Row]:
    return [*_digital(), *_yao(), *_chips_resistive.rows(), *_chips_products.rows()]


def _seen(tile: AbstractTile) -> TileReport:
    return characterise(tile, instances=1, vectors=32)


def _digital() -> list[Row]:
    old, new = load_tile("tsmc-dimc-22"), load_tile("tsmc-dimc-5")
    slow, fast = _seen(old), _seen(new)
    low = _seen(new.at_node(5e-9, supply=0.5))
    area = slow.total.area * 1e6
    return [
        Row("22 nm digital macro, 0.72 V", "TOPS/W", 89, slow.tops_per_watt, 0.5, "[chih2021]", comment=_BOTTOM_UP),
        Row("22 nm digital macro, 0.72 V", "TOPS/mm2", 16.3, slow.tops / area, 0.5, "[chih2021]"),
        Row("22 nm digital macro, 0.72 V", "TOPS", 3.3, slow.tops, 0.5, "[chih2021]"),
        Row("5 nm digital macro, 0.5 V", "TOPS/W", 254, low.tops_per_watt, 0.5, "[fujiwara2022]", comment=_BOTTOM_UP),
        Row("5 nm digital macro, 0.9 V", "TOPS/W", 69.9, fast.tops_per_watt, 0.5, "[fujiwara2022]"),
        Row("5 nm digital macro, 0.9 V", "TOPS/mm2", 221, fast.tops / (fast.total.area * 1e6), 0.5, "[fujiwara2022]"),
        Row(
            "5 nm digital macro, time at 0.5 V over 0.9 V", "", 4.0, low.total.latency / fast.total.latency, 0.5,
            "[shanbhag2022]",
        ),
    ]  # fmt: skip


def _yao() -> list[Row]:
    tile = load_tile("yao2020")
    report = _seen(tile)
    rows, columns = tile.shape
    bit = 2 * rows * columns
    published = 371.89  # pJ of converters, sample and hold, drivers, array and the rest
    macro = sum(c.energy for name, c in report.blocks.items() if name != "digital") / 8
    area = sum(c.area for name, c in tile.parts().items() if name != "digital")
    return [
        Row(
            "RRAM macro, from its published energy", "GOPS/W", 11014, bit / (8 * published * 1e-12) / 1e9, 0.001,
            "[yao2020]", "definition", "32,768 operations in eight bit cycles of 371.89 pJ",
        ),
        Row(
            "RRAM macro, a bit cycle without registers", "pJ", published, macro * 1e12, 0.3, "[yao2020]",
            comment="converters and sample-and-hold as published; cells, lines and shift-add are ours",
        ),
        Row(
            "RRAM macro, without registers", "GOPS/mm2", 1164, bit / report.total.latency / 1e9 / (area * 1e6), 0.5,
            "[yao2020]",
            comment="0.57 of our 0.82 mm2 are shift-add and correction in gates of 130 nm; its total is 0.07 mm2",
        ),
        Row("RRAM macro, a bit cycle", "ns", 50, report.total.latency / 8 * 1e9, 0.05, "[yao2020]", "definition"),
        Row(
            "RRAM macro, with registers and buffers", "GOPS/W", 11014, report.tops_per_watt * 1e3, 0.5, "[yao2020]",
            comment="the published figure leaves these out",
        ),
    ]  # fmt: skip


RESULT = Result("Macros and chips from their architecture: quoted figures beside ours", _compute)
