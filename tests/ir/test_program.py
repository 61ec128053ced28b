"""Programs: placements are checked, files come back the same, and wrong files end in one sentence."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import FileError, MhoError, Seed
from mho.ir import Batch, Block, Placement, Program
from mho.runtime import run
from mho.tiles import Condition, Quantization

BLOCK = Block("a", 0, 0, 0, 0, 0, 0, 4, 3)
X = Seed(0).child("x").normal((6, 2, 6, 6))


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, groups=2)
        self.scale = nn.Parameter(torch.tensor([0.5, 1.0, 2.0, -1.0]).reshape(4, 1, 1))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.clamp(self.conv(x), min=-0.25) * self.scale
        y = torch.constant_pad_nd(y, (0, 0), float("-inf"))
        return self.fc(y.view(x.size(0), -1))


def _program(chip: str) -> Program:
    torch.manual_seed(0)
    graph = capture(_Net(), X[:1])
    return compile(quantize(graph, Chip.load(chip), X), Chip.load(chip))


@pytest.fixture(scope="module")
def hermes() -> Program:
    return _program("hermes")


@pytest.fixture(scope="module")
def file(hermes: Program, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("program") / "net.mho"
    hermes.save(path)
    return path.read_bytes()


# Placement ------------------------------------------------------------------------------------------------------


def test_placement_figures() -> None:
    blocks = (
        BLOCK,
        replace(BLOCK, group=1, row=4),
        replace(BLOCK, group=2, tile=3),
        Block("b", 0, 0, 0, 3, 4, 0, 2, 6),
    )
    placement = Placement(blocks, (8, 6))
    placement.check()
    assert placement.tiles_used == 2
    assert placement.utilisation == (3 * 12 + 12) / (2 * 48)
    assert placement.of("b") == blocks[3:]
    assert (placement.depth("a"), placement.depth("b")) == (2, 1)


def test_no_blocks_use_nothing() -> None:
    placement = Placement((), (8, 6))
    placement.check()
    assert (placement.tiles_used, placement.utilisation) == (0, 0.0)


@pytest.mark.parametrize(
    "change", [{"row": 5}, {"row": -1}, {"column": 4}, {"column": -1}, {"rows": 9}, {"columns": 7}], ids=str
)
def test_a_block_outside_its_tile(change: dict[str, int]) -> None:
    block = replace(BLOCK, **change)
    with pytest.raises(MhoError) as error:
        Placement((block,), (8, 6)).check()
    assert str(error.value) == f"block {block} leaves its tile of 8 x 6; move it inside"


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 2), (3, 0), (0, 2)])
def test_blocks_that_overlap(row: int, column: int) -> None:
    other = Block("b", 0, 0, 0, 0, row, column, 3, 3)
    with pytest.raises(MhoError) as error:
        Placement((BLOCK, other), (8, 6)).check()
    assert str(error.value) == f"blocks {other} and {BLOCK} overlap; every cell may hold one weight"
    Placement((BLOCK, replace(other, tile=1)), (8, 6)).check()


@pytest.mark.parametrize(("row", "column"), [(4, 0), (0, 3), (4, 3)])
def test_blocks_may_touch(row: int, column: int) -> None:
    Placement((BLOCK, replace(BLOCK, row=row, column=column)), (8, 6)).check()


# Files that come back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", Chip.presets())
def test_save_and_load_is_identity(chip: str, tmp_path: Path) -> None:
    program = _program(chip)
    path = tmp_path / "net.mho"
    program.save(path)
    first = path.read_bytes()
    program.save(path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["net.mho"]
    again = Program.load(path)
    assert str(again) == str(program)
    assert again.chip == program.chip
    assert again.placement == program.placement
    assert again.schedule == program.schedule
    assert again.quant.graph.nodes == program.quant.graph.nodes
    assert again.quant.graph.fingerprint() == program.quant.graph.fingerprint()
    conditions = [Condition(), Condition(86400.0, "global")]
    a = run(program, X, instances=2, conditions=conditions)
    b = run(again, X, instances=2, conditions=conditions)
    assert torch.equal(a.outputs, b.outputs)
    assert a.counts == b.counts
    again.save(tmp_path / "again.mho")
    assert (tmp_path / "again.mho").read_bytes() == first


def test_arguments_of_every_kind_come_back(hermes: Program) -> None:
    nodes = {n.op: n for n in hermes.quant.graph.nodes}
    assert Batch() in nodes["aten.view.default"].args[1]
    assert nodes["aten.constant_pad_nd.default"].args[2] == float("-inf")
    assert nodes["aten.clamp.default"].args[1] == -0.25


def test_prints_what_runs_where(hermes: Program) -> None:
    assert str(hermes) == (
        "program for hermes: 2 of 64 tiles\n"
        "  multiply %conv x4 on t0[0:9, 5:7], t1[0:9, 0:2]\n"
        "  digital  %clamp = aten.clamp.default\n"
        "  digital  %mul = aten.mul.Tensor\n"
        "  digital  %constant_pad_nd = aten.constant_pad_nd.default\n"
        "  digital  %view = aten.view.default\n"
        "  multiply %fc x1 on t0[0:16, 0:5]"
    )


def test_cannot_be_written(hermes: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"^cannot write .*net\.mho: .*; choose a folder that can be written$"):
        hermes.save(tmp_path / "file" / "net.mho")


# Files that do not ----------------------------------------------------------------------------------------------


def _rewrite(data: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    change(parts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _head(change: Callable[[dict], object]) -> Callable[[dict[str, bytes]], None]:
    def edit(parts: dict[str, bytes]) -> None:
        head = json.loads(parts["program.json"])
        change(head)
        parts["program.json"] = json.dumps(head).encode()

    return edit


def _flip(name: str, at: int) -> Callable[[dict[str, bytes]], None]:
    def edit(parts: dict[str, bytes]) -> None:
        content = bytearray(parts[name])
        content[at] ^= 1
        parts[name] = bytes(content)

    return edit


def _drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.pop(name)  # type: ignore[return-value]


def _only(content: object) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({"program.json": json.dumps(content).encode()})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_flip("tensors.safetensors", -5), "is damaged: the checksum of tensors.safetensors is wrong; compile it anew"),
        (_flip("chip.json", 40), "is damaged: the checksum of chip.json is wrong; compile it anew"),
        (_head(lambda h: h.update(format="onnx")), "is not a program file of mho (format 'onnx'); compile one"),
        (_only([1, 2]), "is not a program file of mho (format None); compile one"),
        (_only({}), "is not a program file of mho (format None); compile one"),
        (_head(lambda h: h.update(version=2)), "has version 2 and this mho reads 1; compile it anew"),
        (_head(lambda h: h.pop("version")), "has version None and this mho reads 1; compile it anew"),
        (
            _head(lambda h: h["nodes"][2].update(op="aten.system.default")),
            "holds operators that mho does not run (aten.system.default); compile it anew",
        ),
        (
            _head(lambda h: h["nodes"][2].update(op="os.system")),
            "holds operators that mho does not run (os.system); compile it anew",
        ),
        (_head(lambda h: h.pop("nodes")), "lacks or misspells 'nodes'; compile it anew"),
        (_head(lambda h: h.pop("sha256")), "lacks or misspells 'sha256'; compile it anew"),
        (_head(lambda h: h["sha256"].pop("chip.json")), "lacks or misspells 'chip.json'; compile it anew"),
        (_drop("chip.json"), '''is not a program file of mho, or is damaged ("There is no item named 'chip.json' '''
         '''in the archive"); compile it anew'''),
    ],
)  # fmt: skip
def test_a_wrong_program(change: Callable, sentence: str, file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.mho"
    path.write_bytes(_rewrite(file, change))
    with pytest.raises(FileError) as error:
        Program.load(path)
    assert str(error.value) == f"{path} {sentence}"


@pytest.mark.parametrize(
    "change",
    [
        _head(lambda h: h.update(nodes=["conv"])),
        _head(lambda h: h["layers"]["fc"].update(colour="red")),
        _head(lambda h: h["layers"]["fc"].pop("input_scale")),
        _head(lambda h: h.update(sha256=[1])),
        _head(lambda h: h["placement"]["blocks"][0].pop("tile")),
        _head(lambda h: h.update(schedule=[3])),
    ],
)
def test_a_program_that_lacks_or_misspells(change: Callable, file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.mho"
    path.write_bytes(_rewrite(file, change))
    with pytest.raises(FileError, match=r"(?s)net\.mho lacks or misspells .*; compile it anew$"):
        Program.load(path)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "net.mho"
    with pytest.raises(FileError) as error:
        Program.load(path)
    assert str(error.value) == f"{path} does not exist; give a program file written by mho"
    path.write_text("a text")
    with pytest.raises(FileError) as error:
        Program.load(path)
    assert str(error.value) == (
        f"{path} is not a program file of mho, or is damaged (File is not a zip file); compile it anew"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    with pytest.raises(FileError) as error:
        Program.load(path)
    assert str(error.value) == (
        f"{path} is not a program file of mho, or is damaged "
        "(\"There is no item named 'program.json' in the archive\"); compile it anew"
    )
    with pytest.raises(FileError, match="is not a program file of mho, or is damaged"):
        Program.load(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(share: float, file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.mho"
    path.write_bytes(file[: int(share * len(file))])
    with pytest.raises(FileError, match="is not a program file of mho, or is damaged"):
        Program.load(path)


def test_a_flipped_byte_anywhere(file: bytes, hermes: Program, tmp_path: Path) -> None:
    """Found and said in one sentence, unless it is one of the zip's own that mean nothing, such as a date."""
    path = tmp_path / "net.mho"
    found = 0
    for at in range(0, len(file), max(1, len(file) // 400)):
        damaged = bytearray(file)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            again = Program.load(path)
        except FileError:
            found += 1
        else:
            assert str(again) == str(hermes)
            assert again.quant.graph.fingerprint() == hermes.quant.graph.fingerprint()
    assert found > 350


def test_bits_and_levels_come_back(tmp_path: Path) -> None:
    """Layers that differ in bits, and a table of input levels."""
    torch.manual_seed(0)
    graph, chip = capture(_Net(), X[:1]), Chip.load("tile2-rram")
    own = {"fc": Quantization(input_bits=3, inputs="lloyd-max")}
    program = compile(quantize(graph, chip, X, Quantization(5, input_bits=6, adc_bits=7), layers=own), chip)
    program.save(tmp_path / "net.mho")
    again = Program.load(tmp_path / "net.mho")
    for name, layer in program.quant.layers.items():
        other = again.quant.layers[name]
        assert (other.weight_bits, other.input_bits, other.adc_bits) == (
            layer.weight_bits, layer.input_bits, layer.adc_bits,
        )  # fmt: skip
    levels, kept = program.quant.layers["fc"].levels, again.quant.layers["fc"].levels
    assert levels is not None
    assert kept is not None
    assert torch.equal(levels, kept)
    assert torch.equal(run(again, X).outputs, run(program, X).outputs)
