"""Every number says where it comes from; every preset file is walked."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mho.core
from mho.arrays import load_principle
from mho.chip import Chip
from mho.converters import load_adc_survey, load_converter
from mho.core import HOW, Loader, Source, bibliography, walk_sources
from mho.cost import load_calibrated, load_foundry, load_law
from mho.devices import load_cell
from mho.digital import ROOMS as DIGITAL
from mho.digital import Logic, load_buffer, load_link, load_memory, load_network_on_chip, load_technology
from mho.systems import (
    load_bit_serial,
    load_cooling,
    load_medium,
    load_scenario,
    load_shape,
    load_stack,
    load_system,
)
from mho.tiles import load_tile

DATA = Path(mho.core.__file__).parent.parent / "data"
LOADERS = {
    "devices": load_cell,
    "converters": load_converter,
    "survey": lambda name: load_adc_survey(),
    "principles": load_principle,
    "foundries": load_foundry,
    "nodes": load_technology,
    "technology": lambda name: Loader(DIGITAL).load(Logic, name),
    "memories": load_memory,
    "links": load_link,
    "buffers": load_buffer,
    "networks-on-chip": load_network_on_chip,
    "tiles": load_tile,
    "chips": Chip.load,
    "laws": load_law,
    "calibrated": load_calibrated,
    "workloads": load_shape,
    "media": load_medium,
    "stacks": load_stack,
    "coolings": load_cooling,
    "systems": load_system,
    "bit-serial": load_bit_serial,
    "scenarios": load_scenario,
}
FILES = [path for folder in LOADERS for path in sorted((DATA / folder).glob("*.toml"))]
NOT_NUMBERS = {"schema", "type", "name", "title", "sources"}


def _id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the dotted path of everything a file sets, and whether it is a number (or the name of something)."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in NOT_NUMBERS:
                yield from _leaves(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, not isinstance(value, str) or value[0] in "+-.0123456789"


def test_there_are_files_in_every_folder() -> None:
    assert {p.parent.name for p in FILES} == set(LOADERS)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_every_field_has_exactly_one_source(path: Path) -> None:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    named = [field for source in table["sources"] for field in source["fields"]]
    leaves = dict(_leaves(table))
    covered = {leaf: [n for n in named if leaf == n or leaf.startswith(n + ".")] for leaf in leaves}
    assert {leaf: by for leaf, by in covered.items() if len(by) > 1 or (leaves[leaf] and not by)} == {}
    idle = [n for n in named if not any(leaf == n or leaf.startswith(n + ".") for leaf in leaves)]
    assert idle == []


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_every_source_is_complete(path: Path) -> None:
    part = LOADERS[path.parent.name](path.stem)
    sources = [s.source for s in walk_sources(part)]
    assert sources
    for source in sources:
        assert source.how in HOW
        if source.key:
            assert source.key in bibliography()
            assert source.licence, f"{source.fields} say nothing of the licence"
        if source.how == "assumed":
            assert len(source.reason) > 20


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_every_file_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert tomllib.loads(text)["schema"] == 1


def test_an_incomplete_source_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^an assumed value needs a reason; none is given for area, g_max$"):
        Source(("area", "g_max"), "assumed")
    for incomplete in ({"key": "wan2022"}, {"where": "Fig. 1"}, {}):
        with pytest.raises(ValueError, match=r"^the source of area needs a key and a place in it \(where\)$"):
            Source(("area",), "stated", **incomplete)
    assert Source(("area",), "definition").key == ""


def test_walk_gives_the_path_of_every_part() -> None:
    chip = Chip.load("hermes")
    paths = {s.path for s in walk_sources(chip)}
    assert paths == {"Chip", "tile.cell", "tile.converter", "tile.post.logic", "digital.logic"}
    assert {s.path for s in walk_sources([chip.tile.cell])} == {"[0]"}
    assert {s.path for s in walk_sources({"a": chip.tile.cell})} == {"a"}
