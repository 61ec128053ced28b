"""The summary: the numbers that are placed, run and charged, and those of torch's own counter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import mho
from mho import Chip, SpecError
from mho.compiler import NetworkSummary, capture, compile, partition, place, quantize
from mho.cost import estimate, summarise
from mho.digital import WORD
from mho.ir import Work, work
from mho.runtime import run
from mho.samples import resnet20

X = mho.Seed(0).child("x").normal((3, 4, 9, 8))


class _Net(nn.Module):
    """Groups, strides, dilation, a shared matrix, a constant, operators that only move."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(4, 40, (3, 2), stride=(2, 1), padding=(1, 0), groups=2)
        self.deep = nn.Conv2d(40, 6, 3, padding=2, dilation=2, bias=False)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 6).reshape(6, 1, 1))
        self.fc = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.deep(torch.relu(self.wide(x)))) * self.scale
        return self.fc(torch.sigmoid(self.fc(x.mean((2, 3)))))


def _net() -> nn.Module:
    torch.manual_seed(0)
    return _Net().eval()


def _macs(network: nn.Module, x: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        network(x[:1])
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram", "dimc-sram"])
def test_as_torch_counts_and_as_it_is_run_and_charged(chip: str) -> None:
    network, spec = _net(), Chip.load(chip)
    graph = capture(network, X[:1])
    program = compile(quantize(graph, spec, X), spec)
    found = mho.summary(program)
    assert found == mho.summary(graph, spec) == mho.summary(network, chip, X[:1])
    assert found.macs == _macs(network, X)
    assert found.parameters == sum(p.numel() for p in network.parameters())
    result = run(program, X)
    rows = {n.name: program.quant.graph.layout(n, spec.tile.shape[0]) for n in program.quant.graph.matrix_nodes()}
    for layer in found.layers:
        activity = result.counts[layer.name]
        assert layer.macs == activity.positions * layer.rows * layer.columns * layer.groups
        assert layer.rows <= rows[layer.name].rows * layer.row_tiles
        assert layer.weights == layer.rows * layer.columns * layer.groups
    cost = estimate(program, result.counts)
    head = summarise(program, cost)
    assert (2 * found.macs, found.tiles_used, found.utilisation) == (head.operations, head.tiles_used, head.utilisation)
    assert (found.tiles, found.chip, found.problem) == (spec.tiles, spec.name, "")
    # What the digital operators cost is the operations counted here, and what is moved for them.
    unit = spec.digital.costs()
    operators = next(p for p in cost.parts if p.name == "digital operators")
    costs = {leaf.name: leaf.cost.energy for leaf in operators.parts}
    for o in found.operators:
        nodes = [n for n in graph.nodes if n.op.startswith("aten.") and n.op.split(".")[1] == o.kind]
        sizes = [[*(graph[i].shape for i in n.inputs), n.shape] for n in nodes]
        moved = sum(torch.Size(s).numel() for size in sizes for s in size) * WORD if o.operations else 0
        done = sum((work(n, graph[n.inputs[0]].shape) for n in nodes), Work())
        assert o.operations == done.total
        energy = done.operations * unit["operation"].energy + done.scales * unit["scale"].energy
        energy += done.lookups * unit["lookup"].energy + moved * unit["bit"].energy
        assert costs[o.kind] == pytest.approx(energy, rel=1e-9)


def test_the_shipped_network() -> None:
    """40.55 million multiply-adds; folded batch norms leave one bias for each channel."""
    network, x = resnet20(), torch.zeros(1, 3, 32, 32)
    found = mho.summary(network, "hermes", x)
    assert found.macs == _macs(network, x) == 40_551_040
    assert found.weights == sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    assert found.digital_parameters == 16 * 7 + 32 * 6 + 64 * 6 + 10
    assert {o.kind: o.count for o in found.operators if o.operations} == {
        "relu": 19,
        "add": 9,
        "adaptive_avg_pool2d": 1,
    }
    assert [layer.kind for layer in found.layers].count("conv 3x3 /2") == 2


def test_a_shared_matrix_is_in_the_cells_twice_and_a_parameter_once() -> None:
    found = mho.summary(_net(), "hermes", X)
    assert [layer.rows for layer in found.layers].count(6) == 2
    assert found.weights == sum(layer.weights for layer in found.layers)
    assert found.parameters == found.weights + found.digital_parameters - (6 * 6 + 6)
    assert found.operator_parameters == 6


@given(st.integers(1, 5), st.integers(9, 60), st.integers(1, 60), st.booleans())
def test_blocks_are_those_that_are_placed(tiles: int, rows: int, columns: int, fits: bool) -> None:
    chip = Chip.load("hermes")
    chip = replace(chip, tiles=500 if fits else tiles, tile=replace(chip.tile, rows=rows, cols=columns))
    graph = capture(_net(), X[:1])
    found = mho.summary(graph, chip)
    assert found.blocks == len(partition(graph, chip))
    if found.problem:
        _check_problem(found)
        return
    placement = place(graph, chip)
    assert found.tiles_used == placement.tiles_used
    for layer in found.layers:
        own = placement.of(layer.name)
        assert layer.turns == placement.depth(layer.name)
        assert len(own) == layer.groups * layer.row_tiles * layer.column_tiles
        assert layer.utilisation == pytest.approx(sum(b.rows * b.columns for b in own) / (len(own) * rows * columns))


def _check_problem(found: NetworkSummary) -> None:
    assert "take a chip with more tiles or a smaller network" in found.problem
    assert found.tiles_used is None
    assert found.utilisation is None
    assert all(layer.turns is None for layer in found.layers)


def test_without_a_chip() -> None:
    with pytest.raises(SpecError, match="name one"):
        mho.summary(resnet20())


def test_files(tmp_path: Path) -> None:
    exported = torch.export.export(
        resnet20(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=({0: torch.export.Dim("b")},)
    )
    torch.export.save(exported, tmp_path / "net.pt2")
    assert mho.summary(tmp_path / "net.pt2", "hermes").macs == mho.summary(exported, "hermes").macs == 40_551_040
