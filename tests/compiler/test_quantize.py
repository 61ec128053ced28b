"""Quantisation: integers use their range, scales lead back exactly, ranges are those of least error."""

from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import mho
from mho.chip import Chip
from mho.compiler import capture, float_values, quantize
from mho.converters import load_converter
from mho.core import Seed, ShapeError, SpecError, fingerprint
from mho.ir import Graph, QuantGraph
from mho.tiles import AnalogTile, BitParallel, OffsetColumn, Quantization, Ranges
from mho.tiles._ranges import input_scale

X = Seed(0).child("x").normal((20, 3, 6, 6))
CHIPS = ["hermes", "hermes-4phase", "tile2-rram", "dimc-sram"]


def _graph(first: nn.Module | None = None) -> Graph:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3, padding=1)
    return capture(
        nn.Sequential(*([] if first is None else [first]), conv, nn.ReLU(), nn.Flatten(), nn.Linear(288, 5)), X[:1]
    )


def _quantize(chip: str, graph: Graph | None = None, x: Tensor = X) -> QuantGraph:
    return quantize(graph or _graph(), Chip.load(chip), x)


def _zero_bias(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.bias)
    return layer


class _Twice(nn.Module):
    """A layer behind which there is a ReLU, and what it was before."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return torch.relu(y) + y


@pytest.mark.parametrize(
    ("layers", "rows", "signing", "activated"),
    [
        ([nn.Linear(6, 5, bias=False), nn.ReLU()], 8, "differential", True),
        ([nn.Linear(6, 5, bias=False), nn.ReLU()], 8, "phases", False),
        ([nn.Linear(6, 5, bias=False), nn.ReLU()], 4, "differential", False),
        ([nn.Linear(6, 5), nn.ReLU()], 8, "differential", False),
        ([_zero_bias(nn.Linear(6, 5)), nn.ReLU()], 8, "differential", True),
        ([_Twice()], 8, "differential", False),
        ([nn.Linear(6, 5, bias=False), nn.Tanh()], 8, "differential", False),
        ([nn.Linear(6, 5, bias=False)], 8, "differential", False),
    ],
    ids=["whole sum", "two phases", "two row tiles", "bias", "bias of zeros", "read twice", "no ReLU", "answers"],
)
def test_where_the_read_out_is_the_activation(
    layers: list[nn.Module], rows: int, signing: Literal["differential", "phases"], activated: bool
) -> None:
    """Of one conversion that holds the whole sum, with a ReLU behind it; everywhere else sums have both signs."""
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    part = replace(load_converter("integrate-fire-8b"), rectifying=True)
    tile = replace(chip.tile, rows=rows, inputs=BitParallel(8, signing, lsb_time=1e-9), converter=part)
    x = Seed(0).child("x").normal((20, 6))
    quant = quantize(capture(nn.Sequential(*layers), x[:1]), replace(chip, tile=tile), x)
    (layer,) = quant.layers.values()
    assert layer.activated is activated
    found = layer.tile(tile)
    assert isinstance(found, AnalogTile)
    assert found.converter.rectifies is activated


@pytest.mark.parametrize("chip", CHIPS)
def test_every_column_reaches_the_limit(chip: str) -> None:
    graph = _graph()
    quant = _quantize(chip, graph)
    assert quant.tile_fingerprint == fingerprint(Chip.load(chip).tile)
    assert set(quant.layers) == {n.name for n in graph.matrix_nodes()}
    for node in graph.matrix_nodes():
        layer, weight = quant.layers[node.name], graph.tensors[node.weight]
        assert layer.weight.dtype == torch.int8
        assert layer.weight.shape == weight.shape
        assert (layer.weight.flatten(1).abs().amax(1) == 127).all()
        assert torch.equal(layer.weight_scale * 127, weight.flatten(1).abs().amax(1))
        scale = layer.weight_scale.reshape(-1, *[1] * (weight.dim() - 1))
        error = (layer.weight.double() * scale - weight).abs() / scale
        assert float(error.max()) <= 0.5 + 1e-5
        assert torch.equal(layer.bias, graph.tensors[node.bias])


def test_integer_weights_come_back_exactly() -> None:
    """A network whose weights are integers times a power of two loses nothing."""
    layer = nn.Linear(40, 6)
    layer.weight.data = torch.randint(-127, 128, (6, 40), generator=Seed(0).generator()).float()
    layer.weight.data[:, 3] = torch.tensor([127.0, -127, 127, -127, 127, 127])
    want = layer.weight.data.clone()
    layer.weight.data *= 2.0 ** torch.arange(-3, 3).reshape(6, 1)
    quant = _quantize("hermes", capture(layer, torch.zeros(1, 40)), torch.randn(8, 40, generator=Seed(0).generator()))
    (only,) = quant.layers.values()
    assert torch.equal(only.weight.float(), want)
    assert torch.equal(only.weight_scale, 2.0 ** torch.arange(-3.0, 3))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_column_of_zeros_gives_its_bias(chip: str) -> None:
    """As a pruned channel does: what its cells and converter add must not come out."""
    layer = nn.Linear(40, 6)
    layer.weight.data[2] = 0
    x = torch.randn(8, 40, generator=Seed(0).generator())
    loaded = Chip.load(chip)
    run = mho.run(mho.compile(mho.quantize(capture(layer, x[:1]), loaded, x), loaded), x, seed=0, instances=2)
    out = run.outputs[..., 2]
    assert torch.equal(out, layer.bias[2].detach().expand_as(out))
    assert float(run.outputs[..., 1].std()) > 0


def test_a_column_of_zeros_stays_one() -> None:
    layer = nn.Linear(4, 3, bias=False)
    layer.weight.data[1] = 0
    quant = _quantize("dimc-sram", capture(layer, torch.zeros(1, 4)), torch.ones(2, 4))
    (only,) = quant.layers.values()
    assert only.weight[1].abs().sum() == 0
    assert only.weight_scale[1] == 0
    assert torch.equal(only.bias, torch.zeros(3))


@pytest.mark.parametrize("chip", CHIPS)
def test_sign_is_found_in_the_calibration_images(chip: str) -> None:
    tile = Chip.load(chip).tile
    quant = _quantize(chip)
    conv, fc = quant.layers.values()
    assert (conv.signed, fc.signed) == (True, False)
    assert conv.input_range == tile.input_range(True)
    assert fc.input_range == tile.input_range(False)
    positive = _quantize(chip, x=X.abs())
    assert not next(iter(positive.layers.values())).signed


@pytest.mark.parametrize("chip", CHIPS)
def test_full_scale_is_per_row_tile_and_slice(chip: str) -> None:
    quant = _quantize(chip)
    tile = Chip.load(chip).tile
    slices = len(tile.weights.significance) if isinstance(tile, AnalogTile) else 1
    conv, fc = quant.layers.values()
    assert conv.full_scale.shape == (1, slices)
    assert fc.full_scale.shape == (2, slices)  # 288 rows in tiles of 256
    assert (fc.full_scale > 0).all()


def _error(x: Tensor, scale: float, bounds: tuple[int, int]) -> float:
    return float(((x / scale).round().clamp(*bounds) * scale - x).double().square().mean())


@given(
    st.integers(0, 1000),
    st.sampled_from([(-127, 127), (0, 127), (-128, 127), (0, 255), (-7, 7)]),
    st.sampled_from(["normal", "laplace", "uniform", "outlier"]),
)
def test_input_scale_has_the_least_error(seed: int, bounds: tuple[int, int], shape: str) -> None:
    """No clipping point of a grid 25 times as fine is better by much; on its own grid none is."""
    z = Seed(seed).normal((4000,))
    x = {"normal": z, "laplace": z * z.abs(), "uniform": torch.special.ndtr(z), "outlier": z}[shape].clone()
    if shape == "outlier":
        x[7] = 30.0
    x = x if bounds[0] < 0 else x.abs()
    largest = float(x.abs().max())
    scale = input_scale(x, bounds)
    chosen = _error(x, scale, bounds)
    own = min(_error(x, largest * k / 40 / bounds[1], bounds) for k in range(1, 41))
    assert chosen <= own * (1 + 1e-5)
    fine = min(_error(x, largest * k / 1000 / bounds[1], bounds) for k in range(25, 1001, 5))
    assert chosen <= 1.35 * fine
    assert chosen <= _error(x, largest / bounds[1], bounds) * (1 + 1e-5)


def test_input_scale_of_nothing() -> None:
    assert input_scale(torch.zeros(10), (0, 127)) == 1.0


def test_input_scale_of_integers_is_exact() -> None:
    x = torch.arange(-127.0, 128)
    assert input_scale(x, (-127, 127)) == 1.0


def test_layer_inputs_and_products_follow_the_formula() -> None:
    """Integer product x weight_scale x input_scale + bias is near the layer in floating point."""
    graph = _graph()
    quant = _quantize("dimc-sram", graph)
    values = float_values(graph, X)
    for node in graph.matrix_nodes():
        layer = quant.layers[node.name]
        x = values[node.inputs[0]]
        integers = (x / layer.input_scale).round().clamp(*layer.input_range)
        if node.op == "linear":
            y = integers @ layer.weight.float().T * (layer.weight_scale * layer.input_scale) + layer.bias
            assert float((y - values[node.name]).norm() / values[node.name].norm()) < 0.02


@pytest.mark.parametrize(
    ("shape", "said"), [((20, 3, 6, 5), "[20, 3, 6, 5]"), ((0, 3, 6, 6), "[0, 3, 6, 6]"), ((3, 6, 6), "[3, 6, 6]")]
)
def test_wrong_calibration_batch(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ShapeError) as error:
        _quantize("hermes", x=torch.zeros(shape))
    assert str(error.value) == f"the calibration batch must have shape [images, 3, 6, 6], not {said}"


def test_same_batch_same_integers() -> None:
    for a, b in zip(_quantize("hermes").layers.values(), _quantize("hermes").layers.values(), strict=True):
        assert torch.equal(a.weight, b.weight)
        assert torch.equal(a.full_scale, b.full_scale)
        assert (a.input_scale, a.input_range, a.signed) == (b.input_scale, b.input_range, b.signed)


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_fewer_bits(bits: int) -> None:
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    chip = replace(chip, tile=replace(chip.tile, weights=OffsetColumn(bits)))
    quant = quantize(_graph(), chip, X)
    top = 2 ** (bits - 1) - 1
    for layer in quant.layers.values():
        assert (layer.weight.flatten(1).abs().amax(1) == top).all()


def test_options_of_all_layers_and_of_one() -> None:
    graph, chip = _graph(), Chip.load("tile2-rram")
    first, last = (n.name for n in graph.matrix_nodes())
    wide, narrow = Quantization(6, adc_bits=7), Quantization(3, per="tensor", input_bits=4, adc_bits=5)
    quant = quantize(graph, chip, X, wide, layers={last: narrow})
    a, b = quant.layers[first], quant.layers[last]
    assert (a.weight_bits, a.input_bits, a.adc_bits) == (6, None, 7)
    assert (b.weight_bits, b.input_bits, b.adc_bits) == (3, 4, 5)
    assert int(a.weight.abs().max()) == 31
    assert int(b.weight.abs().max()) == 3
    assert len(a.weight_scale.unique()) > 1
    assert len(b.weight_scale.unique()) == 1
    assert b.input_range == (0, 7)
    assert b.tile(chip.tile) == narrow.tile(chip.tile)
    assert quant.tile_fingerprint == fingerprint(chip.tile)


def test_levels_of_inputs() -> None:
    """The driver takes integers; those of the table are all that it is given. Digital bits stay those of the tile."""
    graph = _graph(nn.ReLU())
    quant = quantize(graph, Chip.load("hermes"), X, Quantization(input_bits=3, inputs="lloyd-max"))
    for layer in quant.layers.values():
        assert layer.levels is not None
        assert layer.input_bits is None
        assert layer.input_range == (0, 127)
        assert 2 <= len(layer.levels) <= 8
        assert set(layer.integers(X).unique().tolist()) <= set(layer.levels.tolist())


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(SpecError) as error:
        quantize(_graph(), Chip.load("hermes"), X, layers={"conv9": Quantization()})
    assert str(error.value).startswith("the network has no layer 'conv9' to quantise; ")


@pytest.mark.parametrize("chip", CHIPS)
def test_fewer_bits_err_more(chip: str) -> None:
    """Outputs against float32, without what cells and converters add."""
    graph = _graph()
    truth = float_values(graph, X)[graph.output]

    def error(options: Quantization) -> float:
        quiet = Chip.load(chip).only()
        out = mho.run(mho.compile(quantize(graph, quiet, X, options), quiet), X).outputs[0, 0]
        return float((out - truth).norm() / truth.norm())

    by_column = [error(Quantization(bits)) for bits in (8, 5, 3, 2)]
    assert by_column == sorted(by_column)
    assert by_column[-1] > 5 * by_column[0]


def _adaptive() -> tuple[nn.Module, Tensor, Chip]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 8)).eval()
    return net, torch.randn(60, 64), Chip.load("tile2-rram").with_converter("memristive-4b")


def test_learned_levels_go_into_the_program() -> None:
    """The compiled program with a network's learned ranges answers as its layers do on the same chips."""
    net, x, chip = _adaptive()
    tiled = mho.nn.convert(net, chip)
    mho.nn.calibrate(tiled, x)
    mho.nn.learn_levels(tiled, net, x.split(20), epochs=1)
    learned = mho.nn.ranges(tiled)
    quant = quantize(capture(net, x), chip, x, ranges=learned)
    plain = quantize(capture(net, x), chip, x)
    for name, layer in quant.layers.items():
        assert layer.codebook is not None
        assert torch.equal(layer.codebook, learned[name].codebook)  # pyright: ignore[reportArgumentType]
        assert not torch.equal(layer.codebook, plain.layers[name].codebook)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        layers = mho.nn.program(tiled, seed=3, instances=2).at(0.0)(x)
    compiled = mho.run(mho.compile(quant, chip), x, seed=3, instances=2).outputs
    assert layers.reshape(compiled.shape).sub(compiled).abs().max() < 1e-5 * compiled.abs().max()


def _calibrated(net: nn.Module, x: Tensor, chip: str) -> dict[str, Ranges]:
    return mho.nn.calibrate(mho.nn.convert(net, Chip.load(chip)), x)


def test_ranges_of_another_tile_are_refused() -> None:
    net, x, chip = _adaptive()
    tiled = mho.nn.convert(net, chip)
    ranges = mho.nn.calibrate(tiled, x)
    graph = capture(net, x)
    with pytest.raises(SpecError, match=r"layer '0' must be for .* 1 x 8, no codebook .* not 1 x 8, 16 levels"):
        quantize(graph, Chip.load("tile2-rram"), x, ranges=ranges)
    with pytest.raises(SpecError, match=r"1 x 8, no codebook .* not 1 x 1, no codebook"):
        quantize(graph, Chip.load("tile2-rram"), x, ranges=_calibrated(net, x, "dimc-sram"))
    wide = _calibrated(net, x, "dimc-sram")
    with pytest.raises(SpecError, match=r"inputs of -8 to 7, not .* inputs of -128 to 127"):
        quantize(graph, Chip.load("dimc-sram"), x, Quantization(input_bits=4), ranges=wide)
    with pytest.raises(SpecError, match="has no layer 'first' to quantise"):
        quantize(graph, chip, x, ranges={"first": ranges["0"]})
