"""How matrices are cut into tiers of tiles: how many they take, how full they are, how often each works."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ._medium import Medium
from ._workload import MatrixOp, Workload


@dataclass(frozen=True)
class Part:
    """Equal pieces of matrices, each in one tier: `count` of `rows` x `columns` cells of weights."""

    rows: int
    columns: int
    count: int


@dataclass(frozen=True)
class Cut:
    """One operation in parts that each fit a tier."""

    op: MatrixOp
    row_parts: int
    """Into how many the rows of a matrix are cut; their sums are added by the digital unit."""
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """Parts of all its matrices."""
        return sum(p.count for p in self.parts)

    @property
    def load(self) -> float:
        """Products of each part for an item."""
        return self.op.uses * self.op.share

    def products(self, medium: Medium) -> float:
        """Return the energy of an item in full products: by columns in use, for digital sums by rows in use too."""
        columns = self.op.matrices * self.op.columns / medium.columns
        rows = self.op.rows / medium.rows if medium.digital else self.row_parts
        return columns * rows * self.op.uses * self.op.share

    @property
    def additions(self) -> float:
        """Additions that join the parts of the rows, for an item."""
        return self.op.outputs * (self.row_parts - 1)


def cut(op: MatrixOp, rows: int, columns: int) -> Cut:
    """Cut the matrices of an operation into parts of at most `rows` x `columns`.

    Matrices that work at once and are smaller than half a tier share it on the diagonal, each with rows and columns of
    its own.

    >>> cut(MatrixOp("512 wide", 512, 512), 512, 512).count, cut(MatrixOp("768 wide", 768, 768), 512, 512).count
    (1, 4)
    """
    together = max(1, min(rows // op.rows, columns // op.columns, op.groups))
    if together > 1:
        whole, rest = divmod(op.groups, together)
        found = [Part(together * op.rows, together * op.columns, whole * op.repeats)]
        if rest:
            found.append(Part(rest * op.rows, rest * op.columns, op.repeats))
        return Cut(op, 1, tuple(found))
    heights, widths = _split(op.rows, rows, op.grain), _split(op.columns, columns, 1)
    pieces = Counter[tuple[int, int]]()
    for height, down in heights.items():
        for width, across in widths.items():
            pieces[height, width] += down * across * op.matrices
    return Cut(op, heights.total(), tuple(Part(*size, count) for size, count in pieces.items()))


def _split(size: int, most: int, grain: int) -> Counter[int]:
    """Cut a length into full pieces of at most `most` and a rest, between grains where they fit.

    Returns how many there are of each length.
    """
    grain = grain if grain <= most and size % grain == 0 else 1
    full = min(most // grain * grain, size)
    whole, rest = divmod(size, full)
    return Counter({full: whole}) + Counter({rest: 1} if rest else {})


def pack(parts: Iterable[Part], rows: int, columns: int) -> int:
    """Return how many tiers hold all parts: equal parts in shelves, tallest first, shelves where there is room.

    >>> pack([Part(256, 64, 5), Part(64, 64, 20)], 256, 256)
    4
    """
    wanted = Counter[tuple[int, int]]()
    for part in parts:
        wanted[part.rows, part.columns] += part.count
    tiers, room = 0, Counter[int]()  # free height: tiers that have it
    for (height, width), count in sorted(wanted.items(), reverse=True):
        shelves = -(-count // (columns // width))
        for free in sorted(h for h in room if h >= height):
            fit = free // height
            taken = min(room[free], -(-shelves // fit))
            if taken == 0:
                continue
            room[free] -= taken
            room[free - fit * height] += taken - 1
            used = min(shelves - (taken - 1) * fit, fit)
            room[free - used * height] += 1
            shelves -= (taken - 1) * fit + used
        fit = rows // height
        new = -(-shelves // fit)
        if new:
            tiers += new
            room[rows - fit * height] += new - 1
            room[rows - (shelves - (new - 1) * fit) * height] += 1
    return tiers


@dataclass(frozen=True)
class Mapping:
    """A workload on tiers of tiles; parts go to the tiles in turn, in the order of the network."""

    cuts: tuple[Cut, ...]
    rows: int
    columns: int
    packed: bool
    """Whether parts share tiers; else each has one to itself."""

    @classmethod
    def of(cls, workload: Workload, medium: Medium, packed: bool = True) -> Mapping:
        """Cut all operations of a workload."""
        rows, columns = medium.rows, medium.columns
        return cls(tuple(cut(op, rows, columns) for op in workload.ops), rows, columns, packed)

    @cached_property
    def tiers(self) -> int:
        """Tiers that all weights take."""
        if not self.packed:
            return sum(c.count for c in self.cuts)
        return pack((p for c in self.cuts for p in c.parts), self.rows, self.columns)

    @property
    def utilisation(self) -> float:
        """Share of the cells of these tiers that hold a weight."""
        return sum(c.op.weights for c in self.cuts) / (self.tiers * self.rows * self.columns)

    def busiest(self, tiles: int) -> float:
        """Return the products of the busiest tile for an item, if `tiles` tiles hold all parts between them."""
        common, begun, changes = 0.0, 0, defaultdict[int, float](float)
        for c in self.cuts:  # one part to each tile so often, and once more to the next `rest` tiles
            rounds, rest = divmod(c.count, tiles)
            common += rounds * c.load
            end = begun + rest
            changes[begun] += c.load
            changes[min(end, tiles)] -= c.load
            if end > tiles:
                changes[0] += c.load
                changes[end - tiles] -= c.load
            begun = end % tiles
        return common + max(accumulate(changes[place] for place in sorted(changes)))

    def steps(self, tiles: int) -> float:
        """Return the products that follow one another for an item.

        Operations run in turn, and their parts at once as far as they have different tiles.
        """
        total = last = 0.0
        for c in self.cuts:
            turns = math.ceil(c.count / c.op.repeats * c.op.share / tiles)
            own = c.op.uses * c.op.repeats * turns
            total += max(own - last, 0.0) if c.op.beside else own
            last = max(last, own) if c.op.beside else own
        return total
