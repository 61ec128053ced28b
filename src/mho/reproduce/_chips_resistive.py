"""Published chips and designs of RRAM and MRAM: quoted figures beside ours."""

from __future__ import annotations

from dataclasses import replace

from mho.arrays import ResistiveDivision
from mho.converters import IntegrateFire
from mho.tiles import OUTPUT_STAGES, AnalogTile, BitParallel, Split, load_tile

from ._product import product
from ._row import Row

_CORES = 48
_STEP, _BETWEEN = 260e-9, 300e-9
"""Of an integration beside its pulse, and between phases: those of the preset."""


def rows() -> list[Row]:
    """Return the rows of all of them."""
    return [*_neurram(), *_liu(), *_jung(), *_prime(), *_yan()]


def _tile(name: str) -> AnalogTile:
    tile = load_tile(name)
    assert isinstance(tile, AnalogTile)
    return tile


def neurram(inputs: int, outputs: int) -> AnalogTile:
    """Return a NeuRRAM core for inputs and outputs of so many bits, in one phase.

    Each input bit beside the sign is as many pulses as it counts for; one bit is a sign and a pulse, as two bits are.
    """
    tile = _tile("neurram")
    bits = max(inputs, 2)
    encoding = BitParallel(bits, "differential", lsb_time=10e-9)
    assert isinstance(tile.principle, ResistiveDivision)
    assert tile.select is not None
    return replace(
        tile,
        inputs=encoding,
        converter=replace(tile.converter, bits=outputs),
        principle=replace(tile.principle, pulse=encoding.pulse_time),
        select=replace(tile.select, switches=bits - 1),
        pre=replace(tile.pre, settling=(2 ** (bits - 1) - 1) * _STEP + _BETWEEN),
    )


def _neurram() -> list[Row]:
    source, name = "[wan2022], as tabulated by [cimloop2024]", "NeuRRAM"
    out: list[Row] = []
    for inputs, outputs, efficiency, tera in (
        (1, 3, 43.08, 2.122), (2, 4, 40.33, 1.793), (3, 5, 23.09, 1.165), (4, 6, 15.95, 0.7439),
        (5, 7, 11.33, 0.4516), (6, 8, 9.122, 0.2608),
    ):  # fmt: skip
        p = product(neurram(inputs, outputs), True)
        at = f"{name}, {inputs} bit{'s' if inputs > 1 else ''} in, {outputs} bits out"
        out += [
            Row(at, "TOPS/W", efficiency, p.tops_per_watt("digital"), 0.5, source,
                comment="without registers and buffers"),
            Row(at, "TOPS", tera, _CORES * p.operations / p.latency / 1e12, 0.1, source, "fitted",
                "the times of its steps are from there, and presumably fitted to this"),
        ]  # fmt: skip
    core = neurram(4, 6)
    p = product(core, True)
    assert core.select is not None
    lines = core.select.energy(core.rows * core.row_cells)
    each = 1e15 / p.operations
    area = 1e6 * sum(c.area for block, c in core.parts().items() if block != "digital")
    split = f"{name}, 4 bits in, 6 bits out"
    return [
        *out,
        Row(f"{split}, switching word lines", "fJ an operation", 21.76, each * lines, 0.5, source,
            comment="all charge from the upper rail"),
        Row(f"{split}, input pulses", "fJ an operation", 11.51,
            each * (p.energy("digital", *OUTPUT_STAGES) - lines), 0.5, source),
        Row(f"{split}, neurons", "fJ an operation", 29.11,
            each * sum(p.blocks[stage].energy for stage in OUTPUT_STAGES), 0.5, source),
        Row(f"{name}, a core", "mm2", 1270e-6 * 256 / 0.28, area, 0.5, source,
            comment="256 neurons of 1270 um2 are 28 % of it; ours without registers"),
    ]  # fmt: skip


def _liu() -> list[Row]:
    tile = _tile("liu2020")
    p = product(tile, False)
    gates = tile.rows * tile.row_cells * tile.word_capacitance * tile.supply**2
    area = 1e6 * sum(c.area for c in tile.parts().values())
    return [
        Row("fully parallel RRAM chip, first layer", "TOPS/W", 78.4, p.tops_per_watt("digital"), 0.05, "[liu2020]",
            comment=f"half of the inputs on; without registers; all gates at the quoted 4.2 V are "
            f"{100 * gates / p.energy('digital'):.0f} % of ours"),
        Row("fully parallel RRAM chip, a product", "ns", 51.1, 1e9 * p.latency, 0.05, "[liu2020]",
            comment="2 bits; pulse and clock of the converter are those assumed before for tile-sw-2t2r and lpar-2b"),
        Row("fully parallel RRAM chip", "mm2", 3.77, area, 0.05, "[liu2020]",
            comment="ours is the first layer without pads, writing and control"),
    ]  # fmt: skip


def _jung() -> list[Row]:
    p = product(_tile("jung2022"), True)
    return [
        Row("MRAM crossbar, 64 x 64", "TOPS/W", 405, p.tops_per_watt("digital"), 0.5,
            "[jung2022], recalled in notes, not verified",
            comment="junctions and converter are assumed; without registers"),
    ]  # fmt: skip


def _prime() -> list[Row]:
    p = product(_tile("prime"), False)
    return [
        Row("PRIME, with its movement of data", "TOPS/W", 2.10, p.tops_per_watt(), 0.5, "[chi2016] as in [timely2020]",
            comment="a design, simulated there; ours is a mat alone"),
        Row("PRIME, arithmetic alone", "TOPS/W", 2.10 / 0.17, p.tops_per_watt("digital"), 0.5,
            "[chi2016] as in [timely2020]", comment="17 % of its energy; cells of 1 kOhm at 0.2 V"),
    ]  # fmt: skip


def spiking(outputs: int) -> AnalogTile:
    """Return the spiking engine for outputs of so many bits: as many spikes, and a pulse as long as they last."""
    tile = _tile("yan2019")
    assert isinstance(tile.converter, IntegrateFire)
    assert isinstance(tile.inputs, Split)
    window = 2**outputs / 99.24e6
    return replace(
        tile,
        converter=replace(tile.converter, bits=outputs, window=window),
        inputs=replace(tile.inputs, hold=window),
    )


def _yan() -> list[Row]:
    note = "which precision the published figure is for is not in its abstract; cells and node are assumed"
    return [
        Row(f"spiking RRAM engine, {bits} bit{'s' if bits > 1 else ''} out", "TOPS/W", 16.9,
            product(spiking(bits), False).tops_per_watt("digital"), 0.5, "[yan2019]", comment=note)
        for bits in (1, 8)
    ]  # fmt: skip
