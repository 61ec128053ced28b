"""Cutting and packing: bounds, the compiler's own placement, and the literal twin of the busiest tile."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mho
from mho.samples import resnet20, vgg8
from mho.systems import Mapping, MatrixOp, Medium, Part, Workload, cut, load_medium, load_workload, pack

OPS = st.builds(
    MatrixOp, st.just("op"), st.integers(1, 700), st.integers(1, 700), st.integers(1, 9), st.integers(1, 5),
    st.sampled_from([1.0, 7.0, 49.0]), st.sampled_from([0.25, 1.0]), st.just(10.0), st.just(10.0), st.booleans(),
)  # fmt: skip


def test_width_and_tiers() -> None:
    """A layer 768 wide takes four tiers of 512 x 512, one 512 wide takes one, as published for stacked tiers."""
    assert [cut(MatrixOp("w", n, n), 512, 512).count for n in (512, 513, 768, 1024, 1025)] == [1, 4, 4, 4, 9]


@given(OPS, st.integers(8, 512), st.integers(8, 512))
def test_parts_hold_all_weights(op: MatrixOp, rows: int, columns: int) -> None:
    found = cut(op, rows, columns)
    assert all(0 < p.rows <= rows and 0 < p.columns <= columns for p in found.parts)
    area = sum(p.rows * p.columns * p.count for p in found.parts)
    assert area >= op.weights
    if op.rows * 2 > rows or op.columns * 2 > columns:  # no diagonal
        assert area == op.weights
        assert found.count == op.matrices * math.ceil(op.rows / rows) * math.ceil(op.columns / columns)


@given(st.lists(st.builds(Part, st.integers(1, 64), st.integers(1, 64), st.integers(1, 40)), min_size=1, max_size=8))
def test_packing_stays_between_its_bounds(parts: list[Part]) -> None:
    tiers = pack(parts, 64, 64)
    area, count = sum(p.rows * p.columns * p.count for p in parts), sum(p.count for p in parts)
    tall = sum(p.count for p in parts if p.rows > 32 and p.columns > 32)
    assert max(math.ceil(area / 64**2), tall) <= tiers <= count
    assert pack([*parts, Part(1, 1, 1)], 64, 64) >= tiers
    assert pack(reversed(parts), 64, 64) == tiers


def _shelf_by_shelf(parts: list[Part]) -> int:
    """Put each shelf of equal parts into the tier of 64 x 64 with the least room that holds it, tallest first."""
    counts = dict[tuple[int, int], int]()
    for p in parts:
        counts[p.rows, p.columns] = counts.get((p.rows, p.columns), 0) + p.count
    free: list[int] = []
    for (height, width), count in sorted(counts.items(), reverse=True):
        for _ in range(math.ceil(count / (64 // width))):
            fitting = [i for i, h in enumerate(free) if h >= height]
            if fitting:
                free[min(fitting, key=lambda i: free[i])] -= height
            else:
                free.append(64 - height)
    return len(free)


@given(st.lists(st.builds(Part, st.integers(1, 64), st.integers(1, 64), st.integers(1, 40)), min_size=1, max_size=8))
def test_packing_against_its_literal_twin(parts: list[Part]) -> None:
    assert pack(parts, 64, 64) == _shelf_by_shelf(parts)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 300))
def test_equal_parts_fill_a_grid(rows: int, columns: int, count: int) -> None:
    assert pack([Part(rows, columns, count)], 64, 64) == math.ceil(math.ceil(count / (64 // columns)) / (64 // rows))


@pytest.mark.parametrize("network", [resnet20, vgg8])
@pytest.mark.parametrize("name", ["hermes", "dimc-sram"])
def test_as_many_tiles_as_the_compiler_needs(network: object, name: str) -> None:
    """Shelves against the guillotine of the compiler, which cuts layers evenly: nearly as many tiles."""
    graph = mho.capture(network(), torch.zeros(1, 3, 32, 32))  # type: ignore[operator]
    chip = replace(mho.Chip.load(name), tiles=10_000)
    mapping = Mapping.of(Workload.of_graph(graph), Medium.of_chip(chip))
    blocks = mho.compiler.partition(graph, chip)
    assert sum(c.count for c in mapping.cuts) == len(blocks)
    packed = mho.compiler.place(graph, replace(chip, tiles=mapping.tiers + 5)).tiles_used
    assert 0.95 * packed <= mapping.tiers <= packed + 2


def test_as_many_tiles_as_resnet_20_has() -> None:
    graph = mho.capture(resnet20(), torch.zeros(1, 3, 32, 32))
    mapping = Mapping.of(Workload.of_graph(graph), Medium.of_chip(mho.Chip.load("hermes")))
    assert mapping.tiers == mho.summary(graph, "hermes").tiles_used == 7


def _busiest(mapping: Mapping, tiles: int) -> float:
    """Add up part by part."""
    loads = [0.0] * tiles
    place = 0
    for c in mapping.cuts:
        for _ in range(c.count):
            loads[place % tiles] += c.load
            place += 1
    return max(loads)


@given(st.lists(OPS, min_size=1, max_size=6), st.integers(1, 60))
def test_the_busiest_tile(ops: list[MatrixOp], tiles: int) -> None:
    mapping = Mapping.of(Workload("w", "image", tuple(ops)), load_medium("pcm-14nm"))
    assert mapping.busiest(tiles) == pytest.approx(_busiest(mapping, tiles))


@given(st.lists(OPS, min_size=1, max_size=6), st.integers(1, 60), st.integers(1, 60))
def test_more_tiles_wait_less(ops: list[MatrixOp], few: int, more: int) -> None:
    mapping = Mapping.of(Workload("w", "image", tuple(ops)), load_medium("pcm-14nm"))
    assert mapping.steps(few + more) <= mapping.steps(few)
    assert mapping.steps(10**6) >= max(op.uses * op.repeats for op in ops)


def test_operations_side_by_side_take_the_time_of_one() -> None:
    one = (MatrixOp("a", 10, 10, uses=5.0), MatrixOp("b", 10, 10, uses=7.0))
    both = (one[0], replace(one[1], beside=True))
    medium = load_medium("pcm-14nm")
    assert Mapping.of(Workload("w", "image", one), medium).steps(10) == 12
    assert Mapping.of(Workload("w", "image", both), medium).steps(10) == 7


def test_packed_or_alone() -> None:
    work, medium = load_workload("smollm2-135m"), load_medium("pcm-3d")
    packed, alone = Mapping.of(work, medium), Mapping.of(work, medium, packed=False)
    assert packed.tiers < alone.tiers == sum(c.count for c in alone.cuts)
    assert np.isclose(packed.utilisation * packed.tiers, alone.utilisation * alone.tiers)
    assert alone.utilisation < packed.utilisation <= 1
