"""Placement: every weight once, inside, apart; and a sentence where there is no room."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.chip import Chip
from mho.compiler import partition, place
from mho.core import CapacityError
from mho.ir import Graph, Node
from mho.tiles import AbstractWeightEncoding, AnalogTile, BitSliced, Differential, OffsetColumn

CHIP = Chip.load("hermes")
assert isinstance(CHIP.tile, AnalogTile)


def _chip(tiles: int, rows: int, columns: int) -> Chip:
    assert isinstance(CHIP.tile, AnalogTile)
    return replace(CHIP, name="small", tiles=tiles, tile=replace(CHIP.tile, rows=rows, cols=columns))


def _graph(layers: list[tuple[int, ...]]) -> Graph:
    """(features, outputs) is a linear layer; (groups, in of a group, out of a group, kernel) a convolution."""
    nodes, tensors = [Node("x", "input", (1,))], {}
    for i, layer in enumerate(layers):
        name = f"l{i}"
        if len(layer) == 2:
            tensors[f"{name}.weight"] = torch.empty(layer[1], layer[0], device="meta")
            nodes.append(Node(name, "linear", (layer[1],), ("x",), weight=f"{name}.weight"))
        else:
            groups, inside, outside, kernel = layer
            shape = (groups * outside, inside, kernel, kernel)
            tensors[f"{name}.weight"] = torch.empty(shape, device="meta")
            nodes.append(Node(name, "conv2d", (1, 1, 1), ("x",), weight=f"{name}.weight", groups=groups))
    return Graph(tuple(nodes), nodes[-1].name, tensors)


LINEAR = st.tuples(st.integers(1, 90), st.integers(1, 90))
CONV = st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 40), st.integers(1, 3))


@given(
    st.lists(st.one_of(LINEAR, CONV), min_size=1, max_size=8),
    st.integers(9, 40),
    st.integers(4, 40),
)
def test_every_weight_is_placed_once(layers: list[tuple[int, ...]], rows: int, columns: int) -> None:
    graph, chip = _graph(layers), _chip(400, rows, columns)
    placement = place(graph, chip)
    placement.check()
    assert placement.tile_shape == (rows, columns)
    assert all(0 <= b.tile < chip.tiles for b in placement.blocks)
    assert {b.tile for b in placement.blocks} == set(range(placement.tiles_used))
    assert 0 < placement.utilisation <= 1
    for node in graph.matrix_nodes():
        layout = graph.layout(node, rows)
        held: set[tuple[int, int, int, int]] = set()
        for b in placement.of(node.name):
            width = placement.of(node.name)[0].columns
            assert b.rows == layout.rows
            for column in range(b.column_tile * width, b.column_tile * width + b.columns):
                assert (b.group, b.row_tile, column, 0) not in held
                held.add((b.group, b.row_tile, column, 0))
        assert held == {
            (g, r, n, 0) for g in range(layout.groups) for r in range(layout.row_tiles) for n in range(layout.columns)
        }
        weights = graph.tensors[node.weight].numel()
        placed = sum(b.rows * b.columns for b in placement.of(node.name))
        padding = layout.row_tiles * layout.rows * layout.columns * layout.groups
        assert weights <= placed == padding


@given(st.lists(st.one_of(LINEAR, CONV), min_size=1, max_size=8), st.integers(1, 30))
def test_fits_or_says_what_it_needs(layers: list[tuple[int, ...]], tiles: int) -> None:
    graph, chip = _graph(layers), _chip(tiles, 32, 32)
    try:
        placement = place(graph, chip)
    except CapacityError as error:
        need = int(str(error).split()[3])
        assert need > tiles
        place(graph, replace(chip, tiles=need)).check()
    else:
        placement.check()
        assert placement.tiles_used <= tiles


@given(st.lists(st.one_of(LINEAR, CONV), min_size=1, max_size=6))
def test_deterministic(layers: list[tuple[int, ...]]) -> None:
    assert place(_graph(layers), _chip(400, 30, 30)) == place(_graph(layers), _chip(400, 30, 30))


def test_partition_cuts_evenly() -> None:
    blocks = partition(_graph([(600, 300)]), CHIP)
    assert [(b.row_tile, b.column_tile, b.rows, b.columns) for b in blocks] == [
        (r, c, 200, 150) for r in range(3) for c in range(2)
    ]
    grouped = partition(_graph([(4, 2, 3, 3)]), CHIP)
    assert [(b.group, b.rows, b.columns) for b in grouped] == [(g, 18, 3) for g in range(4)]


def test_a_reference_column_takes_its_room() -> None:
    assert isinstance(CHIP.tile, AnalogTile)
    chip = replace(CHIP, tile=replace(CHIP.tile, weights=OffsetColumn(8)))
    blocks = partition(_graph([(256, 256)]), chip)
    assert [b.columns for b in blocks] == [128, 128]
    place(_graph([(256, 255)]), replace(chip, tiles=1)).check()


def test_blocks_of_a_layer_spread_and_layers_share() -> None:
    graph = _graph([(4, 2, 5, 3), (20, 20)])
    placement = place(graph, _chip(8, 64, 64))
    assert placement.depth("l0") == 1
    assert placement.tiles_used == 4  # the linear layer moves in with a group
    assert place(graph, _chip(2, 64, 64)).depth("l0") == 2
    tight = place(graph, _chip(1, 64, 64))
    assert tight.depth("l0") == 4
    assert tight.tiles_used == 1


def test_no_room() -> None:
    with pytest.raises(CapacityError) as error:
        place(_graph([(64, 64), (100, 30)]), _chip(2, 32, 32))
    assert str(error.value) == (
        "the network needs 8 tiles of 32 x 32 (7,096 weights) and chip 'small' has 2; "
        "take a chip with more tiles or a smaller network"
    )


def test_the_last_cell_is_used() -> None:
    placement = place(_graph([(32, 32), (64, 32)]), _chip(3, 32, 32))
    assert placement.utilisation == 1.0


def test_nothing_to_place() -> None:
    placement = place(Graph((Node("x", "input", (3,)),), "x", {}), CHIP)
    assert placement.blocks == ()
    assert placement.tiles_used == 0


@given(
    st.lists(st.one_of(LINEAR, CONV), min_size=1, max_size=8), st.integers(9, 40), st.integers(4, 40),
    st.sampled_from([Differential(8), Differential(8, separate=True), BitSliced(8), OffsetColumn(8)]),
    st.sampled_from([1, 3, 8]),
)  # fmt: skip
def test_programmed_levels_suit_one_block(
    layers: list[tuple[int, ...]], rows: int, columns: int, weights: AbstractWeightEncoding, share: int
) -> None:
    """No two blocks have a converter in common whose levels are programmed, nor the one of a reference column."""
    chip = _chip(1000, rows, columns).with_converter("memristive-5b")
    assert isinstance(chip.tile, AnalogTile)
    chip = replace(chip, tile=replace(chip.tile, weights=weights, columns_per_converter=share, wires=None))
    slices, blocks = len(weights.significance), place(_graph(layers), chip).blocks
    taken: list[tuple[int, int]] = []
    for b in blocks:
        lines = range(b.column * slices, (b.column + b.columns) * slices)
        taken += [(b.tile, c) for c in {line // share for line in lines}]
        taken += [(b.tile, -1)] * weights.reference_column
    assert len(taken) == len(set(taken))
    assert {(b.layer, b.rows, b.columns) for b in blocks} == {
        (b.layer, b.rows, b.columns) for b in partition(_graph(layers), chip)
    }
