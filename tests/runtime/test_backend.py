"""What both backends share: whose noise it is, and how errors are measured."""

import torch
from torch import nn

from mho.chip import Chip
from mho.compiler import capture, compile, float_values, quantize
from mho.core import Seed
from mho.runtime import TorchBackend
from mho.tiles import Condition

X = Seed(0).child("x").normal((7, 2, 5, 5))


def _engine() -> TorchBackend:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4))
    chip = Chip.load("hermes")
    return TorchBackend(compile(quantize(capture(network, X[:1]), chip, X), chip))


def test_noise_belongs_to_chip_layer_and_image() -> None:
    engine = _engine()
    node = engine.program.quant.graph["0"]
    layer, layout = engine.program.quant.layers["0"], engine.layout(node)
    chips = [Seed(0).child("chip", i) for i in range(3)]
    x = X.unsqueeze(0)
    whole = engine._noise(node, layout, layer, chips, x, 0)
    assert whole is not None
    assert whole.shape[:2] == (3, 7)
    part = engine._noise(node, layout, layer, chips[1:2], x[:, 2:5], 2)
    assert part is not None
    assert torch.equal(part[0], whole[1, 2:5])
    block = 2**14 // whole[0, 0].numel()  # images that one seed is for
    stream = chips[2].child("0", "noise", 0).normal((block, *whole.shape[2:]))
    assert block > 7
    assert torch.equal(whole[2, 4], stream[4])
    assert whole.flatten(2).unique(dim=1).shape[1] == 7
    error = whole.numel() ** -0.5
    assert abs(float(whole.mean())) < 4 * error
    assert abs(float(whole.std()) - 1) < 4 * error


def test_errors_are_squares_that_add_up() -> None:
    engine = _engine()
    state = engine.prepare([Seed(0).child("chip", i) for i in range(2)], [Condition(), Condition(1e6)])
    whole = engine.forward(state, X, 0, 5)
    parts = [engine.forward(state, X[:3], 0, 3), engine.forward(state, X[3:5], 3, 2)]
    assert set(whole.errors) == {"0", "3"}
    truth = float_values(engine.program.quant.graph, X[:5])
    for name, (difference, size) in whole.errors.items():
        assert difference.shape == (4,)
        assert size == float(truth[name].double().square().sum())
        torch.testing.assert_close(difference, sum(p.errors[name][0] for p in parts), rtol=1e-3, atol=0)
    assert engine.forward(state, X, 0, 0).errors == {}
