"""lpar: a perceptron of ternary weights behind converters that count in pulses."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mho.converters import Ramp
from mho.reproduce import reproduce
from mho.reproduce._lpar import _LAYERS, digits, lpar_tile, tiled
from mho.samples import ternary_perceptron


def test_rows() -> None:
    rows = reproduce("lpar")
    assert all(r.within for r in rows)
    assert rows[0].ours > 92


def test_the_script_trains_for_the_same_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shipped network was tuned for is what is evaluated."""
    script = Path(__file__).parents[2] / "examples" / "train_ternary_mlp.py"
    monkeypatch.syspath_prepend(script.parent)
    found = runpy.run_path(str(script))
    assert found["TILE"] == lpar_tile()
    assert found["LAYERS"] == _LAYERS


def test_hidden_units_are_counts_of_two_bits() -> None:
    """Sums behind the first array are one of seven values for each column, what is behind the ReLU one of four."""
    network = tiled()
    with torch.no_grad():
        hidden = network[0](digits()[0][:200])  # type: ignore[index]
    bias = ternary_perceptron()[0].bias.detach()  # type: ignore[index,union-attr]
    counts = hidden - bias
    assert max(len(column.unique()) for column in (counts / counts.abs().amax()).mul(1e4).round().T) <= 7


def test_pulses_drive_the_next_array() -> None:
    """No comparison and no level of a converter; each pulse of a count charges the word line, half of three of them."""
    tile = lpar_tile()
    assert isinstance(tile.converter, Ramp)
    made = replace(tile, converter=replace(tile.converter, pulses=False), dac=replace(tile.dac, capacitance=50e-15))
    sent = replace(made, converter=tile.converter)
    line = tile.word_capacitance * tile.row_cells * tile.read_voltage**2
    pulses = [t.mvm_cost(100, 10, False)["input encoding"].energy / 100 for t in (sent, made)]
    assert abs(pulses[0] / (1.5 * line) - 1) < 1e-9
    logic = tile.post.logic
    compare = logic.gates(2 * (logic.XOR2_CAPACITANCE + 1) + logic.DFF_CAPACITANCE, 0).energy
    assert abs(pulses[1] / (line + 4 * compare + 50e-15 * 3 * tile.supply**2) - 1) < 1e-9
    # Signed inputs come in two phases, which counts alone do not tell: they are made from registers.
    assert sent.mvm_cost(100, 10, True)["input encoding"] == made.mvm_cost(100, 10, True)["input encoding"]
