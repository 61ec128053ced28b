"""The fast backend against the literal one, for every composition of a tile."""

import functools
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mho.arrays import (
    AbstractIV,
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeDomain,
    ChargeRedistribution,
    CurrentDomain,
    DelayChain,
    Exponential,
    RampCrossing,
    ResistanceSum,
    ResistiveDivision,
    Sinh,
    Transistor,
    Wires,
)
from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.converters import ROOMS as CONVERTER_ROOM
from mho.converters import AbstractConverter, load_converter
from mho.core import Seed
from mho.cost import estimate
from mho.devices import Faulty, Pcm, load_cell
from mho.ir import Graph, Program
from mho.runtime import ReferenceBackend, TorchBackend, run
from mho.tiles import (
    AbstractInputEncoding,
    AbstractWeightEncoding,
    AnalogTile,
    BitParallel,
    BitSerial,
    BitSliced,
    Condition,
    Differential,
    OffsetColumn,
    PreConversion,
    Quantization,
    Split,
)

INPUTS = [
    BitParallel(8, "differential", lsb_time=1e-9),
    BitParallel(8, "phases", lsb_time=1e-9),
    BitParallel(8, "differential", hold=1e-9),
    BitParallel(8, "phases", hold=1e-9),
    Split(8, 3, 1e-9, "differential"),
    Split(8, 4, 1e-9, "phases"),
    BitSerial(8, 1e-9),
]
WEIGHTS = [
    Differential(8),
    Differential(8, 2),
    Differential(8, 1, separate=True),
    BitSliced(8, 1),
    BitSliced(8, 2),
    OffsetColumn(8),
]
SAR = replace(load_converter("sar-6b"), comparator_noise=0.3, gain_sigma=0.05)
CONVERTERS = {"sar": SAR, "sar with mismatch": replace(SAR, mismatch=0.05), "cco": load_converter("cco-hermes")}
PRINCIPLES = [  # with strong effects: two are not linear, four draw numbers for each cell, all are noisy
    (ChargeRedistribution(1e-15, 0.9, 1e-15, 0.1, temperature=3e4), BitSliced(8, 2)),
    (CapacitiveDivision(1e-15, 0.9, 1e-15, 2.0, 0.1, temperature=3e4), OffsetColumn(8)),
    (CapacitiveDivision(1e-15, 0.9, 2e-15, -0.4), Differential(8, 2)),
    (ChargeDomain(1e-6, 1e-9, 1e-13, 0.9, 0.05, jitter=2e-11, temperature=3e3), Differential(8)),
    (ChargeDomain(1e-6, 1e-9, 1e-13, 0.9, 0.05), BitSliced(8, 1)),
    (CurrentDomain(40e-6, 0.2, 5.0, 1e3, bandwidth=1e8), Differential(8, 1, separate=True)),
    (ResistiveDivision(40e-6, 0.2, 5.0, False, 1e-4, 1e-14, 300.0), BitSliced(8, 2)),
    (ResistanceSum(1e4, 1.2, 0.1, jitter=1e-9), BitSliced(8, 1)),
    (DelayChain(20e-12, 10e-12, 0.2, 1e-12), Differential(8)),
    (RampCrossing(100e-9, 10e-9, 1e-12, 0.9, 1e-3, jitter=1e-10), OffsetColumn(8)),
]
CONDITIONS = (Condition(), Condition(86400.0, "column"), Condition(86400.0, "global"))
X = Seed(0).child("x").normal((2, 2, 4, 4))


class _Net(nn.Module):
    """Two signed and unsigned layers, each in two row tiles of a tile of 9 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.fc = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.conv(x)).flatten(1))


@functools.cache
def _graph() -> Graph:
    torch.manual_seed(0)
    return capture(_Net(), X[:1])


def _program(inputs: AbstractInputEncoding, weights: AbstractWeightEncoding, converter: AbstractConverter) -> Program:
    chip = Chip.load("hermes")
    tile = chip.tile
    assert isinstance(tile, AnalogTile)
    pre = PreConversion(tile.pre.bias_power, tile.pre.settling, tile.pre.area, noise=0.002)
    tile = replace(
        tile, rows=9, cols=4, cell=load_cell("pcm"), inputs=inputs, weights=weights, pre=pre, converter=converter,
        columns_per_converter=2,
    )  # fmt: skip
    chip = replace(chip, tile=tile)
    return compile(quantize(_graph(), chip, Seed(0).child("calibration").normal((16, 2, 4, 4))), chip)


class _Unnamed(Pcm):
    """A phase-change cell that does not say that it is one, so that every principle goes with it."""

    @property
    def memory(self) -> str:
        return ""


@pytest.mark.parametrize(("principle", "weights"), PRINCIPLES, ids=lambda part: repr(part)[:40])
def test_principles(principle: AbstractPrinciple, weights: AbstractWeightEncoding) -> None:
    """As above; with lossy wires, and each column calibrated to what its line makes of it."""
    inputs = BitParallel(8, "phases" if weights.unsigned else "differential", hold=1e-6)
    program = _program(inputs, weights, CONVERTERS["sar with mismatch"])
    tile = program.chip.tile
    assert isinstance(tile, AnalogTile)
    wires = Wires(20.0, 20.0, 100.0, 100.0)
    cell = _Unnamed(**vars(tile.cell))
    tile = replace(tile, cell=cell, principle=principle, column_calibration=True, wires=wires)
    program = replace(program, chip=replace(program.chip, tile=tile))
    fast = run(program, X[:1], instances=1, conditions=CONDITIONS).outputs
    slow = run(program, X[:1], instances=1, conditions=CONDITIONS, backend="reference").outputs
    assert float((fast - slow).abs().max()) < min(0.05 * _smallest_step(program, "fc"), 2e-5 * float(slow.abs().max()))
    plain = replace(program, chip=replace(program.chip, tile=replace(tile, principle=None)))
    without = run(plain, X[:1], instances=1, conditions=CONDITIONS).outputs
    assert float((fast - without).abs().max()) > _smallest_step(program, "fc")


def _smallest_step(program: Program, layer: str) -> float:
    """How much the output of a layer moves, at least, when one code moves by one."""
    state = TorchBackend(program).prepare([Seed(0).child("chip", 0)], CONDITIONS).layers[layer]
    quant = program.quant.layers[layer]
    return float(state.coefficient.abs().min() * quant.weight_scale.min() * quant.input_scale)


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize(
    ("inputs", "weights"), list(itertools.product(INPUTS, WEIGHTS)), ids=lambda part: repr(part)[:60]
)
def test_fast_backend_is_the_literal_one(
    inputs: AbstractInputEncoding, weights: AbstractWeightEncoding, converter: str
) -> None:
    """Within float32; and far less than what one code off would do, so that all codes are equal."""
    program = _program(inputs, weights, CONVERTERS[converter])
    assert {program.quant.layers[n].signed for n in ("conv", "fc")} == {True, False}
    assert {program.quant.layers[n].full_scale.shape[0] for n in ("conv", "fc")} == {2}
    fast = run(program, X[:1], instances=1, conditions=CONDITIONS).outputs
    slow = run(program, X[:1], instances=1, conditions=CONDITIONS, backend="reference").outputs
    step = _smallest_step(program, "fc")
    assert float((fast - slow).abs().max()) < min(0.05 * step, 2e-5 * float(slow.abs().max()))


# Strong errors, so that what a converter does to its columns is there to be compared.
OTHER_CONVERTERS = {
    "flash": replace(load_converter("flash-5b"), mismatch=0.5, conversion_noise=0.3),
    "ramp": replace(load_converter("ramp-8b"), curvature=0.05, mismatch=0.1),
    "clocked ramp": load_converter("lpar-8b"),
    "sense amplifier": replace(load_converter("sense-voltage-3b"), mismatch=0.3, bits=4),
    "voltage to time": replace(load_converter("voltage-to-time-8b"), depth=1.0),
    "integrate and fire": replace(load_converter("integrate-fire-8b"), dead_time=4e-9),
    "integrate and fire, ideal": replace(load_converter("integrate-fire-8b"), dead_time=0.0),
    "rectifying": replace(load_converter("integrate-fire-8b"), rectifying=True),
    "pipeline": replace(load_converter("pipeline-8b"), mismatch=0.02, decision_mismatch=0.1),
    "cyclic": replace(load_converter("cyclic-8b"), mismatch=0.02),
    "curved oscillator": replace(load_converter("cco-hermes"), curvature=0.05),
    "adaptive": load_converter("memristive-5b"),
    "adaptive by column": replace(load_converter("memristive-4b"), group=1),
    "super-resolution": load_converter("memristive-4b-pair"),
    "vote": replace(load_converter("memristive-4b"), copies=3, rule="vote"),
}


@pytest.mark.filterwarnings("ignore:levels of")  # a few images are enough to compare
@pytest.mark.parametrize("converter", OTHER_CONVERTERS)
@pytest.mark.parametrize(
    ("inputs", "weights"), [(INPUTS[0], WEIGHTS[0]), (INPUTS[3], WEIGHTS[4]), (INPUTS[6], WEIGHTS[5])]
)
def test_every_converter_in_a_tile(
    inputs: AbstractInputEncoding, weights: AbstractWeightEncoding, converter: str
) -> None:
    """All of the room, each with a profile of its own, on differential, sliced and offset weights."""
    part = OTHER_CONVERTERS[converter]
    parts = max(len(weights.significance), len(inputs.significance(False)))
    if part.rectifies and (parts > 1 or weights.reference_column):
        with pytest.raises(ValueError, match=r"^a rectifying converter must read the whole sum of a column"):
            _program(inputs, weights, part)
        return
    program = _program(inputs, weights, part)
    assert (program.quant.layers["fc"].codebook is None) is not part.adaptive
    _judge(program, _changed(program, converter=SAR))


class _Bare(nn.Module):
    """A layer without a bias in one row tile of 9 rows, a ReLU, and the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 6, bias=False), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(x.flatten(1)[:, :8])))


def test_an_activation_in_the_read_out(tmp_path: Path) -> None:
    """Sums below zero fire no spikes in the layer before the ReLU, answers keep their signs; in both backends."""
    torch.manual_seed(0)
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    part = replace(load_converter("integrate-fire-8b"), rectifying=True)
    tile = replace(chip.tile, rows=9, cols=8, inputs=BitParallel(8, lsb_time=1e-9), converter=part)
    chip = replace(chip, tile=tile)
    more = Seed(0).child("calibration").normal((200, 2, 4, 4))
    program = compile(quantize(capture(_Bare(), X[:1]), chip, more), chip)
    assert {n: layer.activated for n, layer in program.quant.layers.items()} == {"first": True, "last": False}
    state = TorchBackend(program).prepare([Seed(0).child("chip", 0)], CONDITIONS[:1])
    assert (state.layers["first"].low, state.layers["last"].low) == (0.0, -127.0)
    step = _smallest_step(program, "last")
    fast, slow = (
        run(program, X, instances=1, conditions=CONDITIONS, backend=backend).outputs
        for backend in ("torch", "reference")
    )
    assert float((fast - slow).abs().max()) < 0.05 * step
    assert float(run(program, more, instances=1, conditions=CONDITIONS[:1]).outputs.min()) < 0
    program.save(tmp_path / "one.mho")
    again = Program.load(tmp_path / "one.mho")
    assert again.quant.layers["first"].activated
    both = replace(program.quant.layers["first"], activated=False)
    layers = {**program.quant.layers, "first": both}
    plain = replace(program, quant=replace(program.quant, layers=layers))
    costs = [estimate(p, run(p, X, instances=1, conditions=CONDITIONS[:1]).counts) for p in (program, plain)]
    assert costs[0].total.energy < costs[1].total.energy  # no ReLU in the digital unit


def test_a_read_out_that_is_the_activation_gives_zeros() -> None:
    """Sums well below zero come out as nothing at all, others as they are."""
    torch.manual_seed(0)
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    part = replace(load_converter("integrate-fire-8b"), rectifying=True, offset_sigma=0.0, gain_sigma=0.0)
    tile = replace(chip.tile, rows=33, inputs=BitParallel(8, lsb_time=1e-9), converter=part)
    chip = replace(chip, tile=tile)
    net = nn.Sequential(nn.Flatten(), nn.Linear(32, 6, bias=False), nn.ReLU())
    more = Seed(0).child("calibration").normal((200, 2, 4, 4))
    program = compile(quantize(capture(net, more[:1]), chip, more), chip)
    ours = run(program, more, instances=1, conditions=CONDITIONS[:1]).outputs[0, 0]
    exact = net[:2](more).detach()
    assert (ours[exact < -0.3] == 0).all()
    assert (ours[exact < -0.3]).numel() > 200
    assert float((ours - exact)[exact > 0.3].square().mean().sqrt()) < 0.2 * float(exact.std())  # errors of cells


def test_the_room_is_compared() -> None:
    kinds = {type(part) for part in (*OTHER_CONVERTERS.values(), *CONVERTERS.values())}
    assert {c.__name__ for c in kinds} == set(CONVERTER_ROOM[0].classes)


def _changed(program: Program, **changes: object) -> Program:
    tile = program.chip.tile
    assert isinstance(tile, AnalogTile)
    return replace(program, chip=replace(program.chip, tile=replace(tile, **changes)))


def _judge(program: Program, *less: Program) -> None:
    """Compare the backends for a program, and make sure that what others do not have is there to be compared."""
    fast = run(program, X[:1], instances=1, conditions=CONDITIONS).outputs
    slow = run(program, X[:1], instances=1, conditions=CONDITIONS, backend="reference").outputs
    step = _smallest_step(program, "fc")
    assert float((fast - slow).abs().max()) < min(0.05 * step, 2e-5 * float(slow.abs().max()))
    for other in less:
        assert float((fast - run(other, X[:1], instances=1, conditions=CONDITIONS).outputs).abs().max()) > step


@pytest.mark.parametrize("weights", [Differential(8), BitSliced(8, 2), OffsetColumn(8)], ids=repr)
@pytest.mark.parametrize("inputs", [INPUTS[3], Split(8, 4, lsb_time=1e-9), INPUTS[6]], ids=repr)
def test_errors_of_the_inputs(inputs: AbstractInputEncoding, weights: AbstractWeightEncoding) -> None:
    """Gains of rows and noise of pulses, on levels, widths of digits and bits."""
    program = _program(inputs, weights, CONVERTERS["sar with mismatch"])
    tile = program.chip.tile
    assert isinstance(tile, AnalogTile)
    jitter = 0.4 if inputs.pulse_steps == 1 else 6.0
    gains, both = (_changed(program, dac=replace(tile.dac, mismatch=0.2, noise=n)) for n in (0.0, jitter))
    _judge(both, program, gains)


def test_noise_of_inputs_on_gates() -> None:
    """Columns that lose the more the more of them is on: in both backends the noise of a pulse is that of little."""
    wires = Wires(0.0, 2.0, 0.0, 50.0, gates=True, ir_drop="closed", load=0.3)
    program = _changed(_program(BitSerial(8, 1e-9), Differential(8), CONVERTERS["sar"]), wires=wires)
    tile = program.chip.tile
    assert isinstance(tile, AnalogTile)
    _judge(_changed(program, dac=replace(tile.dac, noise=0.4)), program)


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_a_bow_of_levels_in_the_circuit(condition: Condition) -> None:
    """Where a circuit is solved, it is for the levels that are there."""
    program = _program(BitParallel(4, hold=1e-9), Differential(8), CONVERTERS["sar"])
    wires = Wires(20.0, 20.0, 100.0, 100.0, ir_drop="newton")
    plain = _changed(program, wires=wires, current_law=Sinh(0.1))
    tile = plain.chip.tile
    assert isinstance(tile, AnalogTile)
    bent = _changed(plain, dac=replace(tile.dac, inl=1.5))
    fast, slow, even = (
        run(p, X[:1], instances=1, conditions=[condition], backend=backend).outputs
        for p, backend in ((bent, "torch"), (bent, "reference"), (plain, "torch"))
    )
    step = _smallest_step(program, "fc")
    assert float((fast - slow).abs().max()) < 0.05 * step
    assert float((fast - even).abs().max()) > step


LEVELS = [i for i in INPUTS if i.energy_exponent == 2]


@pytest.mark.parametrize(
    ("inputs", "weights"),
    [*itertools.product(LEVELS, [Differential(8), BitSliced(8, 2), OffsetColumn(8)]), (LEVELS[0], WEIGHTS[2])],
    ids=lambda part: repr(part)[:60],
)
def test_levels_through_a_law(inputs: AbstractInputEncoding, weights: AbstractWeightEncoding) -> None:
    """Also where each column is calibrated to what the law makes of its inputs."""
    program = _changed(_program(inputs, weights, CONVERTERS["sar with mismatch"]), column_calibration=True)
    for law in (Sinh(0.1), Exponential(0.15)):
        _judge(_changed(program, current_law=law), program)


@pytest.mark.parametrize("inputs", [i for i in INPUTS if i.energy_exponent == 1], ids=lambda part: repr(part)[:60])
def test_pulses_through_a_law(inputs: AbstractInputEncoding) -> None:
    """Nothing: in either backend, byte by byte."""
    program = _program(inputs, Differential(8), CONVERTERS["sar"])
    for backend in ("torch", "reference"):
        one, other = (
            run(p, X[:1], instances=1, conditions=CONDITIONS[:1], backend=backend).outputs
            for p in (program, _changed(program, current_law=Sinh(0.1)))
        )
        assert torch.equal(one, other)


@pytest.mark.parametrize("weights", WEIGHTS, ids=repr)
@pytest.mark.parametrize(
    "wires",
    [
        Wires(2e3, 2e3, 100.0, 100.0),
        Wires(2e3, 2e3, 100.0, 100.0, drive="right", read="top", pairs="word lines", ir_drop="closed"),
    ],
    ids=["exact", "closed"],
)
def test_sorted_lines(wires: Wires, weights: AbstractWeightEncoding) -> None:
    """With a round of conversion, in tiles narrower than the layers: inputs and outputs go to and come from lines."""
    program = _program(LEVELS[0], weights, CONVERTERS["sar with mismatch"])
    sorted_ = _changed(program, wires=wires, sorted_lines=True, conversion_rounds=1, cols=2)
    _judge(sorted_, _changed(sorted_, sorted_lines=False))


@pytest.mark.parametrize("inputs", INPUTS[:1], ids=lambda part: repr(part)[:60])
@pytest.mark.parametrize("weights", WEIGHTS, ids=repr)
def test_spare_columns(inputs: AbstractInputEncoding, weights: AbstractWeightEncoding) -> None:
    program = _changed(
        _program(inputs, weights, CONVERTERS["sar"]), cell=Faulty(load_cell("pcm"), 0.05, 0.05), spare_columns=2
    )
    _judge(program, _changed(program, spare_columns=0))


@pytest.mark.parametrize("weights", WEIGHTS, ids=repr)
def test_all_at_once(weights: AbstractWeightEncoding) -> None:
    program = _changed(
        _program(LEVELS[1], weights, CONVERTERS["cco"]), cell=Faulty(load_cell("rram"), 0.05, 0.05), spare_columns=2,
        wires=Wires(2e3, 2e3, 100.0, 100.0), sorted_lines=True, current_law=Sinh(0.15), column_calibration=True,
    )  # fmt: skip
    less = ({"spare_columns": 0}, {"sorted_lines": False}, {"current_law": None})
    _judge(program, *(_changed(program, **changes) for changes in less))


@pytest.mark.parametrize("law", [Sinh(0.15), Exponential(0.15), Transistor(3e-4, 0.2)], ids=repr)
@pytest.mark.parametrize("weights", [Differential(8, 2), BitSliced(8, 2), OffsetColumn(8)], ids=repr)
def test_cells_that_are_not_ohmic_on_wires(weights: AbstractWeightEncoding, law: AbstractIV) -> None:
    """Each input solved by Newton's method: all vectors at once, and one by one."""
    wires = Wires(200.0, 200.0, 100.0, 100.0, ir_drop="newton")
    program = _changed(_program(LEVELS[1], weights, CONVERTERS["sar"]), wires=wires, current_law=law, cols=8)
    less = law if law.separable else None
    _judge(program, _changed(program, wires=replace(wires, ir_drop="exact"), current_law=less))


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram"])
def test_presets_chips_and_images(chip: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)
    )
    program = compile(quantize(capture(network, X[:1]), Chip.load(chip), X), Chip.load(chip))
    fast = run(program, X, instances=2, conditions=CONDITIONS, record_errors=2)
    slow = run(program, X, instances=2, conditions=CONDITIONS, backend="reference", record_errors=2)
    torch.testing.assert_close(fast.outputs, slow.outputs, rtol=1e-5, atol=1e-6)
    for name, error in fast.layer_errors.items():
        torch.testing.assert_close(error, slow.layer_errors[name], rtol=1e-4, atol=1e-6)
    assert slow.counts == {}


def test_an_exact_tile_is_the_integer_product_in_both() -> None:
    torch.manual_seed(0)
    program = compile(quantize(capture(_Net(), X[:1]), Chip.load("dimc-sram"), X), Chip.load("dimc-sram"))
    assert torch.equal(run(program, X).outputs, run(program, X, backend="reference").outputs)
    assert ReferenceBackend(program).prepare([Seed(0)], CONDITIONS).layers == {"conv": 3, "fc": 3}


FEWER = [
    Quantization(4),
    Quantization(3, per="tensor", clip="least squares", adc_bits=4),
    Quantization(input_bits=3, inputs="lloyd-max", adc_bits=5),
    Quantization(5, input_bits=4),
]


@pytest.mark.parametrize("options", FEWER, ids=str)
@pytest.mark.parametrize(
    ("inputs", "weights"), [(INPUTS[0], WEIGHTS[0]), (INPUTS[5], WEIGHTS[4]), (INPUTS[6], WEIGHTS[5])]
)
def test_layers_of_other_bits(
    inputs: AbstractInputEncoding, weights: AbstractWeightEncoding, options: Quantization
) -> None:
    """One layer with fewer bits of its own, beside one as the tile has it; real capacitors in the converters."""
    program = _program(inputs, weights, CONVERTERS["sar with mismatch"])
    quant = quantize(_graph(), program.chip, Seed(0).child("calibration").normal((16, 2, 4, 4)), layers={"fc": options})
    changed = compile(quant, program.chip)
    assert changed.placement == program.placement
    _judge(changed, program)


def test_exact_tiles_of_few_bits() -> None:
    """Integers: nothing to round, so the backends agree to the last bit, with levels of inputs, too."""
    chip = Chip.load("dimc-sram")
    options = Quantization(3, input_bits=3, inputs="lloyd-max")
    program = compile(quantize(_graph(), chip, X, options), chip)
    fast, slow = (run(program, X, backend=b).outputs for b in ("torch", "reference"))
    assert torch.equal(fast, slow)
