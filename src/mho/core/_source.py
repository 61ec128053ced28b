"""`Source`: where a number comes from; and the walk that collects the sources of a part and of all inside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal

How = Literal["stated", "digitised", "fitted", "derived", "code", "notes", "definition", "assumed"]
HOW: dict[How, str] = {
    "stated": "stated in the source",
    "digitised": "read off a figure of the source",
    "fitted": "fitted by the source or by us, on what is said in `where`",
    "derived": "computed from numbers of the source",
    "code": "taken as a fact from the authors' published code",
    "notes": "from public review notes of the source, not checked in its own text",
    "definition": "a choice of what is modelled, not a measured value",
    "assumed": "a guess; `reason` says why",
}


@dataclass(frozen=True)
class Source:
    """Where the named fields of a part come from.

    `key` is an entry of `references.bib`; it may be empty only for a definition or an assumption of our own.
    """

    fields: tuple[str, ...]
    how: How
    where: str = ""
    key: str = ""
    licence: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.how == "assumed" and not self.reason:
            raise ValueError(f"an assumed value needs a reason; none is given for {', '.join(self.fields)}")
        if self.how not in ("assumed", "definition") and not (self.key and self.where):
            raise ValueError(f"the source of {', '.join(self.fields)} needs a key and a place in it (where)")


@dataclass(frozen=True)
class SourcedValue:
    """One source met while walking a part: the path of the part, its name and the source."""

    path: str
    source: Source


def walk_sources(part: object, path: str = "") -> Iterator[SourcedValue]:
    """Yield every source of a part and of all parts inside it, with the path that leads there."""
    if isinstance(part, tuple | list):
        for index, item in enumerate(part):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            yield from walk_sources(item, f"{path}[{index}]")  # pyright: ignore[reportUnknownArgumentType]
        return
    if isinstance(part, dict):
        for key, item in part.items():  # pyright: ignore[reportUnknownVariableType]
            yield from walk_sources(item, f"{path}.{key}".lstrip("."))  # pyright: ignore[reportUnknownArgumentType]
        return
    if not is_dataclass(part) or isinstance(part, type):
        return
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "sources":
            for source in value:
                yield SourcedValue(path or type(part).__name__, source)
        else:
            yield from walk_sources(value, f"{path}.{field.name}".lstrip("."))
