"""evaluate: all verbs in one call, nothing more; wrong networks, chips and data are one sentence."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mho import (
    Chip,
    Condition,
    FileError,
    MhoError,
    RangeWarning,
    ShapeError,
    SpecError,
    UnsupportedOpError,
    capture,
    compile,
    default_conditions,
    estimate,
    evaluate,
    quantize,
    report,
    run,
)
from mho.devices import Thermal, load_cell
from mho.tiles import AnalogTile, Quantization


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def _data(images: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn((images, 3, 8, 8), generator=generator), torch.randint(5, (images,), generator=generator)


@pytest.mark.parametrize("name", ["hermes", "tile2-rram", "dimc-sram"])
@pytest.mark.filterwarnings("ignore::mho.RangeWarning")
def test_the_same_as_the_verbs_one_by_one(name: str) -> None:
    network, chip, (x, y) = _network(), Chip.load(name), _data()
    at_once = evaluate(network, chip, (x, y), seed=4, instances=2)
    graph = capture(network, x)
    program = compile(quantize(graph, chip, x), chip)
    result = run(program, x, seed=4, instances=2, conditions=default_conditions(chip), record_errors=9)
    assert torch.equal(at_once.run.outputs, result.outputs)
    assert at_once.run.conditions == result.conditions
    assert at_once.run.counts == result.counts
    assert at_once.cost == estimate(program, result.counts)
    assert at_once.program.placement == program.placement
    assert at_once.program.schedule == program.schedule
    assert at_once.labels is y
    assert at_once.name == name
    for layer, errors in result.layer_errors.items():
        assert torch.equal(at_once.run.layer_errors[layer], errors)
    with torch.inference_mode():
        right = (network(x).argmax(1) == y).double().mean()
    assert at_once.float_accuracy == float(right)


def test_same_seed_same_outputs() -> None:
    a, b, c = (evaluate(_network(), "hermes", _data(), seed=s, instances=2).run.outputs for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_graph_a_path_and_a_chip_file(tmp_path: Path) -> None:
    x, y = _data(4)
    network = _network()
    expected = evaluate(network, "dimc-sram", (x, y), instances=1).run.outputs
    graph = capture(network, x)
    assert torch.equal(evaluate(graph, Chip.load("dimc-sram"), (x, y), instances=1).run.outputs, expected)
    exported = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert torch.equal(evaluate(exported, "dimc-sram", (x, y), instances=1).run.outputs, expected)
    torch.export.save(exported, tmp_path / "net.pt2")
    assert torch.equal(evaluate(tmp_path / "net.pt2", "dimc-sram", (x, y), instances=1).run.outputs, expected)


def test_calibration_batch_of_ones_own() -> None:
    x, y = _data()
    ours, own = (evaluate(_network(), "dimc-sram", (x, y), instances=1, calibration=c) for c in (None, 5 * x))
    scales = [e.program.quant.layers["0"].input_scale for e in (ours, own)]
    assert scales[1] > 3 * scales[0]


def test_conditions() -> None:
    day, year = 86400.0, 365 * 86400.0
    plain = tuple(map(Condition, (0.0, day, year)))
    compensated = (Condition(day, "global"), Condition(year, "global"))
    assert default_conditions(Chip.load("hermes")) == plain + compensated
    assert default_conditions(Chip.load("dimc-sram")) == plain
    assert default_conditions(Chip.load("hermes"), [60.0]) == (Condition(60.0), Condition(60.0, "global"))
    assert default_conditions(Chip.load("hermes"), [0.0]) == (Condition(0.0),)
    one = evaluate(_network(), "hermes", _data(3), instances=1, conditions=[Condition(None)])
    assert one.run.conditions == (Condition(None),)


# Temperature ----------------------------------------------------------------------------------------------------


def _hot_chip() -> Chip:
    """`hermes` with exact cells that lose two in a thousand a kelvin, and nothing else that errs but rounding."""
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    cell = Thermal(load_cell("sram"), (-2e-3,))
    return replace(chip, tile=replace(chip.tile, cell=cell)).only("temperature")


def test_conditions_at_a_temperature() -> None:
    """A chip that is not as warm as when it was written is compensated right away too, if it can be."""
    hermes = Chip.load("hermes")
    expected = [Condition(t, c, 350.0) for c in ("none", "global") for t in (0.0, 60.0)]
    assert default_conditions(hermes, [0.0, 60.0], 350.0) == tuple(expected)
    assert default_conditions(Chip.load("dimc-sram"), [0.0, 60.0], 350.0) == tuple(expected[:2])
    assert default_conditions(replace(hermes, compensation="column"), [0.0], 350.0) == (
        Condition(0.0, "none", 350.0), Condition(0.0, "column", 350.0),
    )  # fmt: skip
    assert len(default_conditions(hermes, temperature=300.0)) == 6
    assert {c.temperature for c in default_conditions(hermes)} == {None}
    assert Condition().temperature is None


@pytest.mark.parametrize("compensation", ["global", "column"])
def test_compensation_at_time_zero_makes_up_for_heat(compensation: Any) -> None:
    """60 K take 12 % of every product, and rounding less than 2 %; what is common to all columns comes back.

    So the error is 12 % within 2 % without the factor. With it, it is at most that of rounding in steps that are
    1 / 0.88 as large and, of the factor itself, no more than rounding again: less than 5 %.
    """
    chip = replace(_hot_chip(), compensation=compensation)
    torch.manual_seed(0)
    data = torch.randn(20, 100), torch.arange(20) % 5
    conditions = (Condition(0.0), *default_conditions(chip, [0.0], 360.0))
    errors = evaluate(nn.Linear(100, 5, bias=False), chip, data, instances=2, conditions=conditions).run.layer_errors
    cold, bare, made_up = errors["weight"]
    assert float(cold.max()) < 0.02
    assert float((bare - 0.12).abs().max()) < 0.02
    assert float(made_up.max()) < 0.05


def test_the_temperature_of_writing_changes_nothing() -> None:
    """300 K is that of the cell's data: the same outputs as without a temperature, bit for bit; 360 K is another."""
    chip = Chip.load("hermes")
    assert isinstance(chip.tile, AnalogTile)
    chip = replace(chip, tile=replace(chip.tile, cell=load_cell("rram-thermal")))
    conditions = [Condition(60.0, "none", k) for k in (None, 300.0, 360.0)]
    outputs = evaluate(_network(), chip, _data(3), instances=1, conditions=conditions).run.outputs
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_heat_does_nothing_to_cells_that_do_not_say_what() -> None:
    """In Python, where nothing refuses it: see `at_temperature`."""
    conditions = [Condition(0.0), Condition(0.0, "none", 400.0)]
    outputs = evaluate(_network(), "hermes", _data(3), instances=1, conditions=conditions).run.outputs
    assert torch.equal(outputs[0], outputs[1])


# Pruned networks ------------------------------------------------------------------------------------------------

ANALOG = ["hermes", "hermes-4phase", "tile2-rram"]


def _classifier(kind: str) -> Any:
    """Return a network of one layer, so that its columns are the scores of five classes, and images for it."""
    torch.manual_seed(0)
    if kind == "linear":
        return nn.Sequential(nn.Linear(40, 5)), torch.randn(8, 40)
    return nn.Sequential(nn.Conv2d(3, 5, 6), nn.Flatten()), torch.randn(8, 3, 6, 6)


def _pruned(network: Any, chip: str, x: Tensor) -> Tensor:
    """Return the scores on two chips at all default conditions, after a report that can be written."""
    e = evaluate(network, chip, (x, torch.arange(len(x)) % 5), instances=2)
    assert e.cost.total.energy > 0
    assert torch.isfinite(e.run.outputs).all()
    layer = next(iter(e.program.quant.layers.values()))
    assert torch.equal(layer.weight_scale == 0, network[0].weight.detach().flatten(1).abs().amax(1) == 0)
    json.loads(report(e).to_json())
    return e.run.outputs


@pytest.mark.parametrize("chip", [*ANALOG, "dimc-sram"])
@pytest.mark.parametrize("kind", ["linear", "convolution"])
@pytest.mark.parametrize("columns", [[2], [0, 4], [0, 1, 2, 3, 4]], ids=["one", "two", "all"])
def test_pruned_columns_give_their_bias(chip: str, kind: str, columns: list[int]) -> None:
    """Exactly, on every chip and at every time, with drift compensation too; the others answer to the image."""
    network, x = _classifier(kind)
    with torch.no_grad():
        network[0].weight[columns] = 0
    y = _pruned(network, chip, x)
    bias = network[0].bias.detach()
    for column in range(5):
        if column in columns:
            assert torch.equal(y[..., column], bias[column].expand_as(y[..., column]))
        else:
            assert (y[..., column].std(-1) > 0).all()


@pytest.mark.parametrize("chip", [*ANALOG, "dimc-sram"])
def test_pruned_columns_without_bias_give_zero(chip: str) -> None:
    x = torch.randn(8, 40, generator=torch.Generator().manual_seed(0))
    network = nn.Sequential(nn.Linear(40, 5, bias=False))
    with torch.no_grad():
        network[0].weight[1] = 0
    assert not _pruned(network, chip, x)[..., 1].any()


@pytest.mark.parametrize("chip", [*ANALOG, "dimc-sram"])
def test_a_pruned_channel_in_the_middle(chip: str) -> None:
    """What follows a whole layer of zeros gets its biases: exact scores do not depend on the image at all."""
    network = _network()
    with torch.no_grad():
        network[0].weight.zero_()
    e = evaluate(network, chip, _data(4), instances=1, conditions=[Condition(None)])
    # Converters have noise of their own even as written: only exact tiles repeat exactly.
    assert torch.isfinite(e.run.outputs).all()
    with torch.inference_mode():
        truth = network(_data(1)[0])[0]
    if chip == "dimc-sram":
        assert (e.run.outputs == e.run.outputs[:, :, :1]).all()
        # 144 inputs and weights of 8 bits, each off by half a step of 1 / 127 of its largest, all in one direction.
        # (Clipped inputs are off by no more in the mean square: the range of least error was chosen.)
        last = network[4].weight.detach()
        value = network[2](network[1](network[0](_data(1)[0]))).detach()
        bound = (last.abs().amax(1) * float(value.max()) * 144 / 127).max()
        assert float((e.run.outputs[0, 0, 0] - truth).abs().max()) <= float(bound)


@pytest.mark.parametrize(
    "chip",
    [*ANALOG, "dimc-sram"],
)
@pytest.mark.parametrize("least", [1e-45, 4e-44])
def test_a_column_that_decayed_to_almost_nothing(chip: str, least: float) -> None:
    """Weight decay ends in subnormal numbers. Over 127 they are 0, and a zero beside them must not become NaN.

    All outputs of the row tile are lost with it: `where(weight_scale > 0, ...)` in place of `columns > 0`.
    """
    network, x = _classifier("linear")
    with torch.no_grad():
        network[0].weight[2] = 0
        network[0].weight[2, :3] = least
    e = evaluate(network, chip, (x, torch.arange(len(x)) % 5), instances=1)
    bias = network[0].bias.detach()[2]
    assert torch.isfinite(e.run.outputs).all()
    assert torch.equal(e.run.outputs[..., 2], bias.expand_as(e.run.outputs[..., 2]))


# The rest -------------------------------------------------------------------------------------------------------


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(_network(), "hermes", _data(), instances=3, progress=lambda done, total: seen.append((done, total)))
    assert [total for _, total in seen] == [27] * len(seen)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (27, 27)


def test_warnings_about_ranges_are_collected(recwarn: pytest.WarningsRecorder) -> None:
    e = evaluate(_network(), "tile2-rram", _data(3), instances=2)
    assert e.warnings == (
        "RRAM relaxation is known up to 2 days and was asked for 1 year; the last known spread is used",
    )
    assert [w for w in recwarn if issubclass(w.category, RangeWarning)] == []
    assert evaluate(_network(), "tile2-rram", _data(3), instances=1, conditions=[Condition(1.0)]).warnings == ()


def test_other_warnings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import mho._evaluate as module

    def noisy(*args: Any, **options: Any) -> Any:
        warnings.warn("something else", DeprecationWarning, stacklevel=1)
        return quantize(*args, **options)

    monkeypatch.setattr(module, "quantize", noisy)
    with pytest.warns(DeprecationWarning, match=r"^something else$"):
        evaluate(_network(), "dimc-sram", _data(3), instances=1)


class _Strange(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cumsum(x.flatten(1), 1)


def _wrong() -> Iterator[tuple[str, nn.Module, Any, tuple[Tensor, Tensor], type[MhoError], str]]:
    x, y = _data(3)
    good = _network()
    yield (
        "no data",
        good,
        "hermes",
        (x[:0], y[:0]),
        ShapeError,
        "data must be as many images as labels and at least one, not 0 and 0",
    )
    yield (
        "fewer labels",
        good,
        "hermes",
        (x, y[:2]),
        ShapeError,
        "data must be as many images as labels and at least one, not 3 and 2",
    )
    yield (
        "one-hot labels",
        good,
        "hermes",
        (x, torch.eye(3, dtype=torch.long)),
        ShapeError,
        "a network must return one score per class, [images, classes], for labels [images]; "
        "it returns [images, 5] for labels of shape [3, 3]",
    )
    yield (
        "more classes",
        good,
        "hermes",
        (x, y + 3),
        ShapeError,
        f"labels must be 0 to 4 for a network with 5 outputs, not {int(y.min()) + 3} to {int(y.max()) + 3}; "
        "give the data it was trained for",
    )
    yield (
        "negative labels",
        good,
        "hermes",
        (x, torch.tensor([-1, 0, 1])),
        ShapeError,
        "labels must be 0 to 4 for a network with 5 outputs, not -1 to 1; give the data it was trained for",
    )
    yield (
        "pictures out",
        nn.Conv2d(3, 4, 3),
        "hermes",
        (x, y),
        ShapeError,
        "a network must return one score per class, [images, classes], for labels [images]; "
        "it returns [images, 4, 6, 6] for labels of shape [3]",
    )
    yield (
        "nothing for tiles",
        nn.Flatten(),
        "hermes",
        (x, y),
        UnsupportedOpError,
        "the network has no convolution or linear layer, so a chip's tiles have nothing to do; give one that has",
    )
    yield (
        "an operator",
        _Strange(),
        "hermes",
        (x, y),
        UnsupportedOpError,
        "the network holds what this chip cannot run: aten.cumsum.default",
    )
    yield ("a chip", good, "herms", (x, y), FileError, "no preset 'herms' in chips; did you mean 'hermes'?")


@pytest.mark.parametrize("case", list(_wrong()), ids=lambda case: case[0])
def test_wrong_input(case: tuple[str, nn.Module, Any, tuple[Tensor, Tensor], type[MhoError], str]) -> None:
    _, network, chip, data, kind, sentence = case
    with pytest.raises(kind) as error:
        evaluate(network, chip, data, instances=1)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_a_wrong_calibration_batch() -> None:
    with pytest.raises(ShapeError, match=r"^the calibration batch must have shape \[images, 3, 8, 8\], not \[2, 3\]$"):
        evaluate(_network(), "hermes", _data(3), calibration=torch.zeros(2, 3))


def test_a_wrong_chip_file(tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_text('name = "x"\n')
    with pytest.raises(SpecError, match="is missing; Chip needs it"):
        evaluate(_network(), tmp_path / "chip.toml", _data(3))


def test_bits_of_layers_are_those_of_quantize() -> None:
    x, y = _data()
    few, last = Quantization(4, adc_bits=6), {"4": Quantization(6)}
    found = evaluate(_network(), "tile2-rram", (x, y), instances=1, options=few, layers=last)
    quant = quantize(capture(_network(), x), Chip.load("tile2-rram"), x, few, layers=last)
    for name, layer in quant.layers.items():
        assert torch.equal(found.program.quant.layers[name].weight, layer.weight)
        assert found.program.quant.layers[name].adc_bits == layer.adc_bits
