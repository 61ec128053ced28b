"""Buffers in banks: the macro of the table, area by rows and columns, dynamic cells, a published buffer."""

from dataclasses import replace

import pytest

from mho.chip import Chip
from mho.core import SpecError
from mho.digital import AbstractBuffer, EdramBuffer, SramBuffer, load_buffer, load_technology

TABLE = load_technology()
LOGIC = TABLE.logic(28e-9)
SRAM, EDRAM = load_buffer("sram-512kb"), load_buffer("edram-512kb")
assert isinstance(EDRAM, EdramBuffer)


def _area(buffer: AbstractBuffer) -> float:
    return sum(p.area for p in buffer.parts(LOGIC).values())


@pytest.mark.parametrize("node", [28e-9, 7e-9])
def test_one_square_bank_is_the_macro_of_the_table(node: float) -> None:
    logic = TABLE.logic(node)
    bank, macro = SramBuffer(rows=256, columns=256, banks=1), TABLE.sram(65536, node)
    parts = bank.parts(logic)
    assert sum(p.area for p in parts.values()) == pytest.approx(macro["part"].area)
    assert bank.bit(logic).energy == pytest.approx(macro["bit"].energy)
    assert bank.leakage(logic) == pytest.approx(macro["part"].leakage)
    assert parts["cells"].area == pytest.approx(65536 * TABLE.sram_cell_area(node))
    assert bank.efficiency(logic) == pytest.approx(parts["cells"].area / macro["part"].area)


def test_periphery_by_hand() -> None:
    """8 KB at 28 nm take 0.4 um2 a bit: of 26,214 um2 8,323 are cells, 3,567 spacing, the rest 512 rows and columns."""
    edge = (26214.4 - 65536 * 0.127 / 0.7) / 512
    assert TABLE.sram_edge_area(28e-9) == pytest.approx(edge * 1e-12)
    tall = SramBuffer(rows=1024, columns=64, banks=2)
    assert tall.parts(LOGIC)["periphery"].area == pytest.approx(
        2 * (1088 * edge + 65536 * 0.127 * (1 / 0.7 - 1)) * 1e-12
    )
    assert tall.efficiency(LOGIC) < SramBuffer(rows=256, columns=256, banks=2).efficiency(LOGIC)
    assert SramBuffer(rows=512, columns=512, banks=1).efficiency(LOGIC) > 0.4


def test_banks_are_joined_by_wires() -> None:
    """Sixteen banks: three quarters of the side in the mean, a quarter of C V^2 a bit."""
    one = replace(SRAM, banks=1)
    wire = SRAM.bit(LOGIC).energy - one.bit(LOGIC).energy
    assert wire == pytest.approx(0.25 * 2e-10 * 0.81 * 0.75 * _area(SRAM) ** 0.5)
    assert _area(SRAM) == pytest.approx(16 * _area(one))


def test_dynamic_cells() -> None:
    """Three tenths of the area of cells; 15 fF at 0.9 V restored in all 512 cells of a row for 128 bits used."""
    assert isinstance(EDRAM, EdramBuffer)
    assert EDRAM.parts(LOGIC)["cells"].area == pytest.approx(0.3 * SRAM.parts(LOGIC)["cells"].area)
    charge = 15e-15 * 0.81 / 2
    narrow, wide = (replace(EDRAM, word=w).access(LOGIC).energy for w in (128, 512))
    assert narrow - wide == pytest.approx(3 * charge)
    lines = wide - charge
    assert 0 < lines < SRAM.access(LOGIC).energy
    assert EDRAM.refresh(LOGIC) == pytest.approx(4194304 * (lines + charge) / 40e-6)
    assert SRAM.refresh(LOGIC) == 0
    gates = 16 * 1024 * TABLE.sram_edge_area(28e-9) / 0.614e-12
    assert EDRAM.leakage(LOGIC) == pytest.approx(gates * 1e-9)
    with pytest.raises(ValueError, match=r"^a word of 600 bits must fit into a row of 512$"):
        replace(EDRAM, word=600)


def test_beside_a_published_buffer() -> None:
    """ISAAC's 64 KB of eDRAM at 32 nm: 0.08 pJ a bit and 0.083 mm2."""
    logic = TABLE.logic(32e-9)
    buffer = replace(EDRAM, banks=2, word=256)
    assert buffer.bits == 64 * 1024 * 8
    assert buffer.bit(logic).energy == pytest.approx(0.08e-12, rel=0.2)
    assert sum(p.area for p in buffer.parts(logic).values()) == pytest.approx(0.083e-6, rel=0.4)


def test_in_a_chip() -> None:
    chip = Chip.load("dimc-sram")
    unit = replace(chip.digital, buffer=SRAM)
    parts = unit.parts()
    assert list(parts) == ["digital unit", "buffer cells", "buffer periphery"]
    assert unit.costs()["bit"].energy == SRAM.bit(unit.logic).energy
    assert unit.costs()["part"].area == pytest.approx(sum(c.area for c in parts.values()))
    plain = chip.digital.parts()["digital unit"].area
    assert plain - parts["digital unit"].area == pytest.approx(4194304 * unit.logic.sram_bit_area)
    assert unit.upkeep() == {}
    assert replace(unit, buffer=EDRAM).upkeep()["buffer refresh"].leakage == EDRAM.refresh(unit.logic)
    with pytest.raises(ValueError, match=r"^buffer_bits must be the 4194304 of the buffer, not 8$"):
        replace(unit, buffer_bits=8)
    bare = replace(unit.logic, node=0.0)
    with pytest.raises(
        ValueError, match=r"^logic\.node must be given with a buffer, a table or a clock tree, which follow the node$"
    ):
        replace(unit, logic=bare)
    with pytest.raises(SpecError, match="a buffer of its own takes its cells from the node of the logic; set it"):
        SRAM.bit(bare)
