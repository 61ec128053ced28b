"""`Placement` and `Program`: what sits where, what runs when; saved as one file that any later version can check."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import Tensor

from mho.chip import Chip
from mho.core import FileError, MhoError, dump_spec, read_tensors, sha256, write_atomically

from ._digital_ops import is_supported
from ._graph import Batch, Const, Graph, Node, Ref
from ._quant import QuantGraph, QuantLayer

FORMAT = "mho-program"
VERSION = 1


@dataclass(frozen=True)
class Block:
    """A rectangle of weights of one layer in one tile."""

    layer: str
    group: int
    row_tile: int
    column_tile: int
    tile: int
    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Placement:
    """Where the blocks of all layers sit. Blocks of a tile do not overlap."""

    blocks: tuple[Block, ...]
    tile_shape: tuple[int, int]

    @property
    def tiles_used(self) -> int:
        """The number of tiles that hold anything."""
        return len({b.tile for b in self.blocks})

    @property
    def utilisation(self) -> float:
        """Share of the cells of the used tiles that hold a weight."""
        rows, columns = self.tile_shape
        return sum(b.rows * b.columns for b in self.blocks) / max(1, self.tiles_used * rows * columns)

    def of(self, layer: str) -> tuple[Block, ...]:
        """Return the blocks of a layer."""
        return tuple(b for b in self.blocks if b.layer == layer)

    def depth(self, layer: str) -> int:
        """Return how many of a layer's blocks share a tile at most: they take turns."""
        tiles = [b.tile for b in self.of(layer)]
        return max(tiles.count(t) for t in set(tiles))

    def check(self) -> None:
        """Raise if a block leaves its tile or overlaps another one."""
        rows, columns = self.tile_shape
        by_tile: dict[int, list[Block]] = {}
        for b in self.blocks:
            if b.row < 0 or b.column < 0 or b.row + b.rows > rows or b.column + b.columns > columns:
                raise MhoError(f"block {b} leaves its tile of {rows} x {columns}; move it inside")
            for o in by_tile.setdefault(b.tile, []):
                apart = b.row + b.rows <= o.row or o.row + o.rows <= b.row
                apart = apart or b.column + b.columns <= o.column or o.column + o.columns <= b.column
                if not apart:
                    raise MhoError(f"blocks {b} and {o} overlap; every cell may hold one weight")
            by_tile[b.tile].append(b)


@dataclass(frozen=True)
class Step:
    """One step of the schedule: a layer on its tiles (`multiply`), or an operator on the digital unit (`digital`)."""

    kind: str
    node: str
    repeats: int
    """Matrix-vector products one after another for one image (positions x turns of blocks that share a tile); 1 for
    digital.
    """


@dataclass(frozen=True)
class Program:
    """A compiled network: chip, integers, placement and a sequential schedule."""

    chip: Chip
    quant: QuantGraph
    placement: Placement
    schedule: tuple[Step, ...]

    def save(self, path: str | Path) -> None:
        """Write one `.mho` file (a zip of JSON and safetensors), whole or not at all."""
        graph = self.quant.graph
        tensors: dict[str, Tensor] = {f"graph/{k}": v.contiguous() for k, v in graph.tensors.items()}
        layers: dict[str, Any] = {}
        for name, layer in self.quant.layers.items():
            values = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
            tensors |= {f"layer/{name}/{k}": v.clone() for k, v in values.items() if isinstance(v, Tensor)}
            layers[name] = {k: v for k, v in values.items() if not isinstance(v, Tensor)}
        blob = save_tensors(tensors)
        chip = json.dumps(dump_spec(self.chip), indent=1)
        head = {
            "format": FORMAT,
            "version": VERSION,
            "sha256": {"tensors.safetensors": sha256(blob), "chip.json": sha256(chip.encode())},
            "output": graph.output,
            "tile_fingerprint": self.quant.tile_fingerprint,
            "nodes": [_encode(n) for n in graph.nodes],
            "layers": layers,
            "placement": dataclasses.asdict(self.placement),
            "schedule": [dataclasses.asdict(s) for s in self.schedule],
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in (
                ("program.json", json.dumps(head, indent=1).encode()),
                ("chip.json", chip.encode()),
                ("tensors.safetensors", blob),
            ):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # same program, same bytes
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, data)
        write_atomically(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path, plugins: Sequence[str] = ()) -> Program:
        """Read a program file.

        Raises:
            FileError: if it is missing, foreign, damaged or of a version that this mho does not read.
        """
        path = Path(path)
        try:
            with zipfile.ZipFile(path) as archive:
                head = json.loads(archive.read("program.json"))
                parts = {n: archive.read(n) for n in ("chip.json", "tensors.safetensors")}
        except FileNotFoundError:
            raise FileError(f"{path} does not exist; give a program file written by mho") from None
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError, RuntimeError) as error:
            raise FileError(f"{path} is not a program file of mho, or is damaged ({error}); compile it anew") from None
        found = head.get("format") if isinstance(head, dict) else None
        if found != FORMAT:
            raise FileError(f"{path} is not a program file of mho (format {found!r}); compile one")
        if head.get("version") != VERSION:
            raise FileError(f"{path} has version {head.get('version')!r} and this mho reads {VERSION}; compile it anew")
        try:
            for name, data in parts.items():
                if head["sha256"][name] != sha256(data):
                    raise FileError(f"{path} is damaged: the checksum of {name} is wrong; compile it anew")
            tensors = read_tensors(parts["tensors.safetensors"], str(path))
            chip = Chip.from_dict(json.loads(parts["chip.json"]), plugins, f"{path}: chip.json")
            nodes = tuple(_decode(n) for n in head["nodes"])
            if foreign := [n.op for n in nodes if not (n.is_matrix or n.op == "input" or is_supported(n.op))]:
                raise FileError(f"{path} holds operators that mho does not run ({', '.join(foreign)}); compile it anew")
            graph = Graph(nodes, head["output"], {k[6:]: v for k, v in tensors.items() if k.startswith("graph/")})
            layers: dict[str, QuantLayer] = {}
            for name, values in head["layers"].items():
                prefix = f"layer/{name}/"
                own: dict[str, Any] = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
                values["input_range"] = tuple(values["input_range"])
                layers[name] = QuantLayer(**values, **own)
            placement = head["placement"]
            blocks = tuple(Block(**b) for b in placement["blocks"])
            schedule = tuple(Step(**s) for s in head["schedule"])
            quant = QuantGraph(graph, layers, head["tile_fingerprint"])
            return cls(chip, quant, Placement(blocks, tuple(placement["tile_shape"])), schedule)
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{path} lacks or misspells {error}; compile it anew") from None

    def __str__(self) -> str:
        lines = [f"program for {self.chip.name}: {self.placement.tiles_used} of {self.chip.tiles} tiles"]
        for step in self.schedule:
            if step.kind == "multiply":
                where = ", ".join(
                    f"t{b.tile}[{b.row}:{b.row + b.rows}, {b.column}:{b.column + b.columns}]"
                    for b in self.placement.of(step.node)
                )
                lines.append(f"  multiply %{step.node} x{step.repeats} on {where}")
            else:
                lines.append(f"  digital  %{step.node} = {self.quant.graph[step.node].op}")
        return "\n".join(lines)


def _encode(value: Any) -> Any:
    match value:
        case Node():
            return {f.name: _encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case Ref():
            return {"$node": value.node}
        case Const():
            return {"$tensor": value.tensor}
        case Batch():
            return {"$batch": True}
        case tuple() | list():
            return [_encode(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _value(value: Any) -> Any:
    match value:
        case {"$node": node}:
            return Ref(node)
        case {"$tensor": tensor}:
            return Const(tensor)
        case {"$batch": True}:
            return Batch()
        case list():
            return tuple(_value(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _decode(table: dict[str, Any]) -> Node:
    return Node(**{k: _value(v) for k, v in table.items()})
