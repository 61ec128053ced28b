"""Specifications: every wrong file is told all that is wrong with it; a dumped part builds an equal part."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mho.chip import Chip
from mho.core import FileError, Loader, SpecError, dump_spec, fingerprint
from mho.devices import ROOMS as CELLS
from mho.devices import AbstractCell, Pcm, Sram, load_cell
from mho.tiles import ROOMS, AbstractTile, load_tile

ALL = [(AbstractCell, n) for n in sorted(Loader(ROOMS).presets(AbstractCell))]
ALL += [(AbstractTile, n) for n in sorted(Loader(ROOMS).presets(AbstractTile))]
ALL += [(kind, n) for room in ROOMS if room.folder in ("converters", "technology") for kind in [room.base]
        for n in sorted(Loader(ROOMS).presets(kind))]  # fmt: skip

SRAM = """\
schema = 1
type = "Sram"
g_max = "100 uS"
area = "0.127 um2"
write_energy = "1 fJ"
write_time = "1 ns"
"""


TYPES = ", ".join(sorted(CELLS[0].classes))
PRESETS = ", ".join(sorted(Loader(CELLS).presets(AbstractCell)))


def _problems(tmp_path: Path, text: str, kind: type = AbstractCell, plugins: tuple[str, ...] = ()) -> list[str]:
    path = tmp_path / "cell.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        Loader(ROOMS, plugins).load(kind, path)
    assert str(error.value).startswith(f"{path}: ")
    return list(error.value.problems)


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    text = """\
schema = 2
type = "Pcm"
g_mx = "25 uS"
program_sigma = ["0.26 uS", "1.9 V"]
drift_mean = { type = "LogCurv", slope = 1.0 }
read_noise = { type = "PowerCurve", factor = 0.0088, exponent = "x", high = 0.2 }
t_reference = "20 V"
t_read = true
area = []
write_energy = "25 pJ"
write_time = "1 us"

[drift_spread]
type = "LogCurve"
slope = -0.0125
offset = -0.0059
low = 0.008
"""
    assert _problems(tmp_path, text) == [
        "line 1, schema: this version reads schema 1, not 2; convert the file or upgrade mho",
        "line 3, g_mx: Pcm has no such key; did you mean 'g_max'? (allowed: area, drift_mean, drift_spread, "
        "feature_size, g_max, program_sigma, read_noise, sources, t_read, t_reference, write_energy, write_time)",
        "line 4, program_sigma[1]: expected a number in S such as '25 uS', not '1.9 V'",
        "line 5, drift_mean.type: no AbstractCurve is called 'LogCurv'; did you mean 'LogCurve'? "
        "(allowed: LogCurve, PowerCurve)",
        "line 6, read_noise.exponent: must be a valid number, not 'x'",
        "line 7, t_reference: expected a number in s such as '130 ns', not '20 V'",
        "line 8, t_read: expected a number in s such as '130 ns', not True",
        "line 9, area: expected a number in m2 such as '0.5 um2', not ()",
        "line 13, drift_spread.high: is missing; LogCurve needs it",
        "g_max: is missing; Pcm needs it",
    ]


def test_the_sentence_names_the_file_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "cell.toml"
    path.write_text(SRAM.replace("100 uS", "100 V").replace("1 ns", "1 nS"))
    with pytest.raises(SpecError) as error:
        load_cell(str(path))
    assert str(error.value) == (
        f"{path}: \n  - line 3, g_max: expected a number in S such as '25 uS', not '100 V'"
        "\n  - line 6, write_time: expected a number in s such as '130 ns', not '1 nS'"
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('type = "Sram"\n', "", "type: is missing; say which AbstractCell this is "
         f"(allowed: {TYPES})"),
        ('"Sram"', '"SRAM"', "line 2, type: no AbstractCell is called 'SRAM'; did you mean 'Sram'? "
         f"(allowed: {TYPES})"),
        ('"Sram"', '"my.cells:Mine"', "line 2, type: 'my.cells' is not among the plugins; "
         "allow it with plugins=['my.cells'] or --plugin my.cells"),
        ('g_max = "100 uS"', "g_max = 'x'", "line 3, g_max: expected a number in S such as '25 uS', not 'x'"),
        ('g_max = "100 uS"', "g_max = nan", "line 3, g_max: expected a number in S such as '25 uS', not nan"),
        ('g_max = "100 uS"', "", "g_max: is missing; Sram needs it"),
        ('write_time = "1 ns"', 'write_time = "1 ns"\nsources = "x"',
         "line 7, sources: must be a list of tables, not 'x'"),
        ('write_time = "1 ns"', 'write_time = "1 ns"\nsources = [3]',
         "line 7, sources[0]: must be a table or the name of a preset, not 3"),
        ('write_time = "1 ns"', 'write_time = "1 ns"\n[[sources]]\nfields = ["area"]\nhow = "definition"\n'
         '[[sources]]\nfields = ["area"]\nhow = "state"',
         "line 12, sources[1].how: must be 'stated', 'digitised', 'fitted', 'derived', 'code', 'notes', 'definition' "
         "or 'assumed', not 'state'; did you mean 'stated'? "
         "(allowed: assumed, code, definition, derived, digitised, fitted, notes, stated)"),
        ('write_time = "1 ns"', 'write_time = "1 ns"\n[[sources]]\nfields = ["area"]\nhow = "assumed"',
         "line 7, sources[0]: an assumed value needs a reason; none is given for area"),
    ],
)  # fmt: skip
def test_one_wrong_thing(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in SRAM
    assert _problems(tmp_path, SRAM.replace(old, new)) == [problem]


def test_toml_that_is_none(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, "g_max = 25 uS")
    assert problem.startswith("not valid TOML: ")
    assert "line 1" in problem


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cell.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match=r"^cannot read .*cell\.toml: .*; give a TOML file$"):
        load_cell(str(path))
    message = rf"^.*gone\.toml does not exist; give a TOML file or a preset \(allowed: {PRESETS}\)$"
    with pytest.raises(FileError, match=message):
        load_cell(str(tmp_path / "gone.toml"))


def test_an_unknown_preset() -> None:
    assert ", ".join(sorted(Loader(ROOMS).presets(AbstractCell))) == PRESETS
    with pytest.raises(FileError) as error:
        load_cell("pmc")
    assert str(error.value) == f"no preset 'pmc' in devices; did you mean 'pcm'? (allowed: {PRESETS})"
    with pytest.raises(FileError, match=rf"^no preset '' in devices; \(allowed: {PRESETS}\)$"):
        load_cell("")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            SRAM.replace("schema = 1", "schema = 3").encode(),
            "line 1, cell.schema: this version reads schema 1, not 3; ",
        ),
        (b"\xff\xfe", "line 1, cell: cannot read "),
        (b"= 3", "line 1, cell: cannot read "),
        (
            SRAM.replace("100 uS", "100 V").encode(),
            "line 1, cell.g_max: expected a number in S such as '25 uS', not '100 V'",
        ),
    ],
)
def test_a_wrong_file_inside_a_file_points_to_the_line_that_names_it(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "inner.toml").write_bytes(content)
    table = dump_spec(load_tile("dimc"))
    table["cell"] = str(tmp_path / "inner.toml")
    text = f'cell = "{tmp_path}/inner.toml"'
    with pytest.raises(SpecError) as error:
        Loader(ROOMS).build(AbstractTile, table, text=text)
    (problem,) = error.value.problems
    assert problem.startswith(message)


def test_a_part_may_stand_inline_or_by_name() -> None:
    by_name = load_tile("dimc")
    inline = Loader(ROOMS).build(AbstractTile, dump_spec(by_name) | {"cell": dump_spec(load_cell("sram"))})
    assert inline == by_name
    with pytest.raises(SpecError, match=r"^cell: no preset 'sran' in devices; did you mean 'sram'\?"):
        Loader(ROOMS).build(AbstractTile, dump_spec(by_name) | {"cell": "sran"})
    message = r"^cell\.type: no Sram is called 'Dram'; did you mean 'Sram'\? \(allowed: Sram\)$"
    with pytest.raises(SpecError, match=message):  # a preset, but of another cell than this tile computes with
        Loader(ROOMS).build(AbstractTile, dump_spec(by_name) | {"cell": "dram"})


def test_lines_of_dotted_keys() -> None:
    text = 'rows = 256\npre.bias_power = "1 uV"\n'
    table: dict[str, Any] = dump_spec(load_tile("tile1"))
    table["pre"]["bias_power"] = "1 uV"
    with pytest.raises(
        SpecError, match=r"^line 2, pre\.bias_power: expected a number in W such as '2 mW', not '1 uV'$"
    ):
        Loader(ROOMS).build(AbstractTile, table, text=text)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=lambda x: x if isinstance(x, str) else "")
def test_dump_then_build_is_identity(kind: type, name: str) -> None:
    part = Loader(ROOMS).load(kind, name)
    plain = json.loads(json.dumps(dump_spec(part)))
    again = Loader(ROOMS).build(kind, plain)
    assert again == part
    assert fingerprint(again) == fingerprint(part)


def test_fingerprint_sees_every_number() -> None:
    cell = load_cell("pcm")
    assert isinstance(cell, Pcm)
    changed = [
        replace(cell, g_max=2.5e-05 * (1 + 1e-15)),
        replace(cell, program_sigma=(*cell.program_sigma, 0.0)),
        replace(cell, drift_mean=replace(cell.drift_mean, low=0.05)),
        replace(cell, sources=cell.sources[1:]),
    ]
    prints = {fingerprint(cell), *(fingerprint(c) for c in changed)}
    assert len(prints) == 1 + len(changed)
    assert all(len(p) == 64 for p in prints)


def test_fingerprint_is_the_same_everywhere() -> None:
    """Pinned: a change here makes every saved program foreign."""
    cell = Sram(g_max=1e-4, area=1.27e-13, write_energy=1e-15, write_time=1e-9)
    assert fingerprint(cell) == "2fc5ab718ba21e174d8c659cfbd3e6955b0f7248a89feb9ca31e8082a3f2194b"


def test_fingerprints_of_presets_differ() -> None:
    prints = [fingerprint(Loader(ROOMS).load(kind, name)) for kind, name in ALL]
    assert len(set(prints)) == len(prints)


def test_a_tensor_cannot_be_saved() -> None:
    for function in (dump_spec, fingerprint):
        with pytest.raises(SpecError) as error:
            function(_Point(1, near=(torch.tensor(0.5),)))
        assert str(error.value) == "a field that is a tensor cannot be saved (value 0.5); replace it by a number"


PLUGIN = '''
from dataclasses import dataclass
from mho.core import Siemens
from mho.devices import Sram


@dataclass(frozen=True)
class Mine(Sram):
    """A cell of a user's own."""

    extra: Siemens = 0.0


class NotAPart: ...
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_cells.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_cells", raising=False)
    return "my_cells"


def test_a_plugin_is_imported_only_if_allowed(tmp_path: Path, plugin: str) -> None:
    text = SRAM.replace('"Sram"', '"my_cells:Mine"') + 'extra = "3 uS"\n'
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith("line 2, type: 'my_cells' is not among the plugins; allow it with ")
    assert plugin not in sys.modules
    cell = Loader(CELLS, (plugin,)).load(AbstractCell, tmp_path / "cell.toml")
    assert type(cell).__name__ == "Mine"
    assert cell.extra == 3e-06
    assert dump_spec(cell)["type"] == "my_cells:Mine"
    assert Loader(CELLS, (plugin,)).build(AbstractCell, dump_spec(cell)) == cell


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("my_cells:Other", "line 2, type: cannot import 'my_cells:Other': "),
        ("my_cells:NotAPart", "line 2, type: 'my_cells:NotAPart' must be a dataclass that subclasses AbstractCell"),
        ("gone_cells:Mine", "line 2, type: cannot import 'gone_cells:Mine': "),
    ],
)
def test_a_wrong_plugin(tmp_path: Path, plugin: str, name: str, problem: str) -> None:
    (found,) = _problems(tmp_path, SRAM.replace('"Sram"', f'"{name}"'), plugins=(plugin, "gone_cells"))
    assert found.startswith(problem)


@dataclass(frozen=True)
class _Point:
    at: int
    near: tuple[float, ...] = ()
    note: str | None = None


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"at": 1.5}, "at: must be a valid integer, not 1.5"),
        ({"at": "1"}, "at: must be a valid integer, not '1'"),
        ({"at": True}, "at: must be a valid integer, not True"),
        ({"at": 1, "near": [0.1, "x"]}, "near[1]: must be a valid number, not 'x'"),
        ({"at": 1, "note": 3}, "note: must be a valid string, not 3"),
        ({"at": 1, "type": "Chip"}, "type: must be '_Point'"),
    ],
)
def test_leaves_are_strict(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(SpecError) as error:
        Loader().build(_Point, table)
    assert str(error.value) == problem


def test_leaves_read_lists_and_absent_values() -> None:
    assert Loader().build(_Point, {"at": 1, "near": [1, 2.5]}) == _Point(1, (1.0, 2.5))
    assert Loader().build(_Point, {"at": 1, "note": None}) == _Point(1)
    assert dump_spec(_Point(1)) == {"type": f"{__name__}:_Point", "at": 1, "near": []}


def test_a_preset_of_the_wrong_kind(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no AbstractTile is called 'Sram'"):
        Loader(ROOMS).load(AbstractTile, Loader(ROOMS).find(AbstractCell, "sram"))
    assert "hermes" in Chip.presets()
