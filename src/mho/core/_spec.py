"""Load and dump specifications: TOML tables to frozen dataclasses and back.

A part-typed field takes a table (with `type` where the class is abstract) or the name of a preset file. All
problems of a file are reported at once, each with its line, path, what must hold and what was given. pydantic
checks the leaves, here only; the parts stay plain dataclasses.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import json
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ._errors import FileError, SpecError, nearest
from ._source import Source

SCHEMA = 1
T = typing.TypeVar("T")
_DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Room:
    """The classes that may stand where an abstract base is asked for, and the folder of their presets."""

    base: type
    classes: Mapping[str, type]
    folder: str = ""
    variant: Callable[[Loader, str], object | None] | None = None
    """Makes the part that a name stands for which is no preset; None where it stands for nothing."""


@dataclass(frozen=True)
class Loader:
    """Reads specifications with the parts of some rooms, and of modules a user has named (plugins)."""

    rooms: tuple[Room, ...] = ()
    plugins: tuple[str, ...] = ()
    folder: Path = Path()
    """Where relative paths start."""

    def load(self, kind: type[T], name_or_path: str | Path) -> T:
        """Load a preset by name or a TOML file by path.

        Raises:
            SpecError: with every problem of the file.
            FileError: if there is no such preset or file.
        """
        try:
            if (part := self._variant(kind, str(name_or_path))) is not None:
                return typing.cast(T, part)
        except SpecError as error:
            raise SpecError(list(error.problems), where=str(name_or_path)) from None
        path = self.find(kind, name_or_path)
        try:
            text = path.read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"cannot read {path}: {error}; give a TOML file") from None
        except tomllib.TOMLDecodeError as error:
            raise SpecError([f"not valid TOML: {error}"], where=str(name_or_path)) from None
        beside = dataclasses.replace(self, folder=path.parent)  # a part named by path lies beside the file
        return beside.build(kind, table, where=str(name_or_path), text=text)

    def _variant(self, kind: type, name: str) -> object | None:
        """Return the part that a name stands for beside the presets."""
        room = self._room(kind)
        if room is None or room.variant is None or name in self.presets(kind):
            return None
        part = room.variant(self, name)
        return part if isinstance(part, kind) else None

    def find(self, kind: type, name_or_path: str | Path) -> Path:
        """Return the file that a preset name or a path stands for."""
        path = self.folder / name_or_path
        if path.suffix == ".toml" or "/" in str(name_or_path):
            if not path.is_file():
                raise FileError(f"{path} does not exist; give a TOML file or a preset {self._hint(kind, path.stem)}")
            return path
        found = self.presets(kind).get(str(name_or_path))
        if found is None:
            raise FileError(f"no preset {str(name_or_path)!r} in {self._folder(kind)}; {self._hint(kind, path.name)}")
        return found

    def presets(self, kind: type) -> dict[str, Path]:
        """Return the preset files for a class, by name."""
        room = self._room(kind)
        folder = _DATA / room.folder if room and room.folder else None
        return {p.stem: p for p in sorted(folder.glob("*.toml"))} if folder else {}

    def build(self, kind: type[T], table: Mapping[str, Any], *, where: str = "", text: str = "") -> T:
        """Build a value from a plain table; see `load`."""
        problems: list[tuple[str, str]] = []
        table = dict(table)
        _check_schema(table, "", problems)
        value = self._part(kind, table, "", problems)
        if problems:
            raise SpecError([_located(p, m, text) for p, m in problems], where=where)
        return typing.cast(T, value)

    def _folder(self, kind: type) -> str:
        room = self._room(kind)
        return room.folder if room and room.folder else kind.__name__

    def _hint(self, kind: type, name: str) -> str:
        return nearest(name, self.presets(kind))

    def _room(self, kind: type) -> Room | None:
        return next((r for r in self.rooms if issubclass(kind, r.base)), None)

    def _class(self, kind: type, table: dict[str, Any], path: str, problems: list[tuple[str, str]]) -> type | None:
        room = self._room(kind)
        concrete = not inspect.isabstract(kind)
        if concrete and (room is None or "type" not in table):
            if table.pop("type", kind.__name__) != kind.__name__:
                problems.append((_join(path, "type"), f"must be {kind.__name__!r}"))
            return kind
        name = table.pop("type", None)
        classes = {n: c for n, c in room.classes.items() if issubclass(c, kind)} if room else {}
        where = _join(path, "type")
        if name is None:
            problems.append((where, f"is missing; say which {kind.__name__} this is {nearest('', classes)}"))
            return None
        if isinstance(name, str) and ":" in name:
            return self._plugin(kind, name, where, problems)
        if name not in classes:
            problems.append((where, f"no {kind.__name__} is called {name!r}; {nearest(str(name), classes)}"))
            return None
        return classes[name]

    def _plugin(self, kind: type, name: str, where: str, problems: list[tuple[str, str]]) -> type | None:
        module, _, attribute = name.partition(":")
        if module not in self.plugins:
            problems.append(
                (
                    where,
                    f"{module!r} is not among the plugins; allow it with plugins=[{module!r}] or --plugin {module}",
                )
            )
            return None
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            problems.append((where, f"cannot import {name!r}: {error}"))
            return None
        if not (isinstance(found, type) and issubclass(found, kind) and dataclasses.is_dataclass(found)):
            problems.append((where, f"{name!r} must be a dataclass that subclasses {kind.__name__}"))
            return None
        return found

    def _part(self, kind: type, value: object, path: str, problems: list[tuple[str, str]]) -> object:
        if isinstance(value, str):
            try:
                if (part := self._variant(kind, value)) is not None:
                    return part
                file = self.find(kind, value)
                inner = tomllib.loads(file.read_text(encoding="utf-8"))
            except SpecError as error:
                problems += [(path, f"{value}: {problem}") for problem in error.problems]
                return None
            except (FileError, OSError, ValueError) as error:
                problems.append(
                    (path, str(error) if isinstance(error, FileError) else f"cannot read {value!r}: {error}")
                )
                return None
            _check_schema(inner, path, problems)
            return self._part(kind, inner, path, problems)
        if not isinstance(value, Mapping):
            problems.append((path, f"must be a table or the name of a preset, not {value!r}"))
            return None
        table = dict(typing.cast(Mapping[str, Any], value))
        cls = self._class(kind, table, path, problems)
        if cls is None:
            return None
        before = len(problems)
        hints = typing.get_type_hints(cls, include_extras=True)
        known = {f.name: f for f in dataclasses.fields(cls) if f.init}
        values: dict[str, Any] = {}
        for key, item in table.items():
            if key not in known:
                problems.append((_join(path, key), f"{cls.__name__} has no such key; {nearest(key, known)}"))
            else:
                values[key] = self._value(hints[key], item, _join(path, key), problems)
        for name, field in known.items():
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if required and name not in table:
                problems.append((_join(path, name), f"is missing; {cls.__name__} needs it"))
        if len(problems) > before:
            return None
        try:
            return cls(**values)
        except (ValueError, TypeError) as error:
            problems.append((path, str(error)))
            return None

    def _value(self, hint: Any, item: Any, path: str, problems: list[tuple[str, str]]) -> Any:
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType) and type(None) in args:
            if item is None:
                return None
            hint = next(a for a in args if a is not type(None))
            origin, args = typing.get_origin(hint), typing.get_args(hint)
        if self._is_part(hint):
            return self._part(hint, item, path, problems)
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis and self._is_part(args[0]):
            if not isinstance(item, Sequence) or isinstance(item, str):
                problems.append((path, f"must be a list of tables, not {item!r}"))
                return None
            items = typing.cast(Sequence[Any], item)
            return tuple(self._part(args[0], x, f"{path}[{i}]", problems) for i, x in enumerate(items))
        return _leaf(hint, item, path, problems)

    def _is_part(self, hint: Any) -> bool:
        return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or self._room(hint) is not None)


def _check_schema(table: dict[str, Any], path: str, problems: list[tuple[str, str]]) -> None:
    schema = table.pop("schema", SCHEMA)
    if schema != SCHEMA:
        text = f"this version reads schema {SCHEMA}, not {schema!r}; convert the file or upgrade mho"
        problems.append((_join(path, "schema"), text))


def _leaf(hint: Any, item: Any, path: str, problems: list[tuple[str, str]]) -> Any:
    import pydantic

    try:
        return pydantic.TypeAdapter(hint).validate_python(_tuples(item), strict=True)
    except pydantic.ValidationError as error:
        for e in error.errors():
            inner = "".join(f"[{k}]" for k in e["loc"] if isinstance(k, int))
            own = e.get("ctx", {}).get("error")
            given = e["input"]
            text = str(own) if own else f"{e['msg'].replace('Input should be', 'must be')}, not {given!r}"
            allowed = (
                [a for a in typing.get_args(hint) if isinstance(a, str)]
                if typing.get_origin(hint) is typing.Literal
                else []
            )
            if allowed and isinstance(given, str):
                text += f"; {nearest(given, allowed)}"
            problems.append((path + inner, text))
        return None


def _tuples(item: Any) -> Any:
    return tuple(_tuples(x) for x in item) if isinstance(item, list) else item  # pyright: ignore[reportUnknownVariableType]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _located(path: str, message: str, text: str) -> str:
    line = _line_of(path, text)
    return f"{f'line {line}, ' if line else ''}{path or 'the file'}: {message}"


def _line_of(path: str, text: str) -> int | None:
    """Return the line on which a dotted path is set in a TOML text, or its nearest parent."""
    table, best = "", (0, 0)
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([\w.\-]+)\s*\]\]?", line):
            table = here = header[2]
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = here = f"{table}[{counts[table]}]"
        elif key := re.match(r"\s*([\w.\-]+)\s*=", line):
            here = _join(table, key[1])
        else:
            continue
        exact = path == here or path.startswith((here + ".", here + "["))
        if exact and len(here) > best[0]:
            best = (len(here), number)
    return best[1] or None


def dump_spec(part: object) -> Any:
    """Return a part as plain values (dicts, lists, numbers) that `Loader.build` reads back to an equal part."""
    if isinstance(part, Tensor):
        raise SpecError([f"a field that is a tensor cannot be saved (value {part.tolist()}); replace it by a number"])
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        cls = type(part)
        name = cls.__name__ if cls.__module__.startswith("mho.") else f"{cls.__module__}:{cls.__name__}"
        out: dict[str, Any] = {} if isinstance(part, Source) else {"type": name}
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.init and value is not None:
                out[field.name] = dump_spec(value)
        return out
    if isinstance(part, tuple | list):
        return [dump_spec(x) for x in part]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return part


def fingerprint(part: object) -> str:
    """Return a SHA-256 over everything a part says, the same on every machine."""
    text = json.dumps(dump_spec(part), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
