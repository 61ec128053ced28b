"""Randomness by name: every draw comes from a path such as chip 3 / layer4.conv1 / program.

A path is hashed to a generator of its own, so a chip instance is the same whether 4 or 4000 are simulated, in
whatever chunks or order. Draws are float32 on the CPU and moved afterwards, because float64 draws differ.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Seed:
    """The root of a tree of named random streams.

    >>> Seed(0).child("chip", 3).child("conv1", "program").normal((2,)).tolist() == (
    ...     Seed(0).child("chip", 3, "conv1").child("program").normal((2,)).tolist())
    True
    """

    root: int = 0
    path: tuple[str | int, ...] = ()

    def child(self, *names: str | int) -> Seed:
        """Return the stream below this one with these names."""
        return Seed(self.root, self.path + names)

    @property
    def chip(self) -> Seed:
        """The stream of the chip that this one is part of, so of all its layers; itself, if it is part of none.

        >>> Seed(0).child("chip", 3, "conv1").chip == Seed(0).child("chip", 3)
        True
        """
        at = self.path.index("chip") + 2 if "chip" in self.path else len(self.path)
        return Seed(self.root, self.path[:at])

    @property
    def text(self) -> str:
        """The path as one line of text, which `value` hashes."""
        return "/".join([str(self.root), *map(_step, self.path)])

    def value(self) -> int:
        """Return the 63-bit seed that the path stands for."""
        return _hash(self.text)

    def generator(self) -> torch.Generator:
        """Return a fresh CPU generator at the start of this stream."""
        return torch.Generator().manual_seed(self.value())

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Draw standard normal numbers, float32, on the CPU."""
        return torch.randn(tuple(shape), generator=self.generator(), dtype=torch.float32)


def _step(name: str | int) -> str:
    return f"{type(name).__name__}:{len(str(name))}:{name}"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


_BLOCK = 1 << 14
"""Numbers that one seed is worth: small draws are made for several indices at once."""


def normal_by_index(streams: Sequence[str], first: int, count: int, shape: Sequence[int]) -> Tensor:
    """Draw `[streams, count, *shape]` standard normal numbers that depend on the stream and the index only.

    Indices begin at `first`. Each stream (`Seed.text`) is drawn in blocks of as many indices as make 2^14 numbers, at
    least one; the block of an index depends on the shape, so that any range of indices gives the same numbers.
    """
    size = max(1, math.prod(shape))
    block = max(1, _BLOCK // size)
    out = torch.empty((len(streams), count, *shape), dtype=torch.float32)
    generator = torch.Generator()
    for some, text in zip(out, streams, strict=True):
        for start in range(first - first % block, first + count, block):
            generator.manual_seed(_hash(f"{text}/{_step(start)}"))
            low, high = max(start, first), min(start + block, first + count)
            if high - low == block:
                torch.randn((block, *shape), generator=generator, out=some[low - first : high - first])
            else:
                drawn = torch.randn((block, *shape), generator=generator)
                some[low - first : high - first] = drawn[low - start : high - start]
    return out


def normal_per_instance(seeds: Sequence[Seed], shape: Sequence[int]) -> Tensor:
    """Draw `[instances, *shape]` standard normal numbers, one stream per instance."""
    out = torch.empty((len(seeds), *shape), dtype=torch.float32)
    for row, seed in zip(out, seeds, strict=True):
        torch.randn(tuple(shape), generator=seed.generator(), out=row)
    return out
