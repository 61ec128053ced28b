"""evaluate: all verbs in one call, nothing more; wrong networks, chips and data are one sentence."""

import warnings
from collections.abc import Iterator
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
    run,
)


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


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(_network(), "hermes", _data(), instances=3, progress=lambda done, total: seen.append((done, total)))
    assert [total for _, total in seen] == [27] * len(seen)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (27, 27)


def test_warnings_about_ranges_are_collected(recwarn: pytest.WarningsRecorder) -> None:
    e = evaluate(_network(), "tile2-rram", _data(3), instances=2)
    assert e.warnings == (
        "RRAM relaxation is known up to 172800 s and was asked for 3.1536e+07 s; the last known spread is used",
    )
    assert [w for w in recwarn if issubclass(w.category, RangeWarning)] == []
    assert evaluate(_network(), "tile2-rram", _data(3), instances=1, conditions=[Condition(1.0)]).warnings == ()


def test_other_warnings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import mho._evaluate as module

    def noisy(*args: Any) -> Any:
        warnings.warn("something else", DeprecationWarning, stacklevel=1)
        return quantize(*args)

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
