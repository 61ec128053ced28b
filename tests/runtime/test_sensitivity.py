"""Sensitivity is what a run with one layer exchanged gives, at a fraction of the work."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Seed
from mho.runtime import run, sensitivity
from mho.tiles import Condition, Quantization

X = Seed(0).child("x").normal((40, 3, 6, 6))


class _Net(nn.Module):
    """A branch, so that what does not depend on a layer stands beside what does."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(144, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc((torch.relu(self.a(x)) + torch.relu(self.b(x))).flatten(1))


def _squares(y: Tensor, own: Tensor) -> Tensor:
    return (y - own).square().sum(-1)


@pytest.mark.parametrize("chip", ["tile2-rram", "dimc-sram"])
def test_is_that_of_whole_runs(chip: str) -> None:
    torch.manual_seed(0)
    graph, loaded, day = capture(_Net(), X[:1]), Chip.load(chip), Condition(86400.0)
    few = Quantization(3, adc_bits=None if chip == "dimc-sram" else 5)
    program = compile(quantize(graph, loaded, X), loaded)
    other = quantize(graph, loaded, X, few)
    choices = {name: {"few": other.layers[name], "same": program.quant.layers[name]} for name in ("a", "b", "fc")}
    told: list[tuple[int, int]] = []
    found = sensitivity(
        program, choices, X, loss=_squares, seed=3, instances=2, condition=day,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    base = run(program, X, seed=3, instances=2, conditions=[day]).outputs[0]
    for name, own in found.items():
        layers = {**program.quant.layers, name: other.layers[name]}
        one = dataclasses.replace(program, quant=dataclasses.replace(program.quant, layers=layers))
        outputs = run(one, X, seed=3, instances=2, conditions=[day]).outputs[0]
        assert own["few"] == pytest.approx(float(_squares(outputs, base).mean()), rel=1e-4)
        assert own["few"] > 1e-4
        assert own["same"] == pytest.approx(0, abs=1e-9)
    assert told[-1] == (480, 480)
