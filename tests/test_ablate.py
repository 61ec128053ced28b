"""ablate: each non-ideality alone and each left out, on the same chips and images as the verbs one by one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mho import (
    Ablation,
    Chip,
    Condition,
    FileError,
    RangeWarning,
    ShapeError,
    ablate,
    capture,
    compile,
    evaluate,
    quantize,
    run,
)
from mho.ir import Program

DAY = 86400.0


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def _data(images: int = 40) -> tuple[Tensor, Tensor]:
    """Noise, with the labels that the network itself gives: so all that errors can do is to lower the accuracy."""
    x = torch.randn((images, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return x, _network()(x).argmax(1)


def _program(chip: Chip, x: Tensor) -> Program:
    return compile(quantize(capture(_network(), x), chip, x), chip)


@pytest.fixture(scope="module")
def hermes() -> Ablation:
    return ablate(_network(), "hermes", _data(), seed=3, instances=2, name="mine")


def test_the_same_as_the_verbs_one_by_one(hermes: Ablation) -> None:
    """Integers and ranges are always those of the full chip; the seed makes the same chips of every variant."""
    chip, (x, y) = Chip.load("hermes"), _data()
    program = _program(chip, x)

    def accuracy(variant: Chip) -> list[float]:
        own = replace(program, chip=variant)
        result = run(own, x, seed=3, instances=2, conditions=[Condition(DAY, "global")])
        return result.accuracy(y)[0].float().tolist()

    assert hermes.all.tolist() == accuracy(chip)
    assert hermes.none.tolist() == accuracy(chip.only())
    assert [e.name for e in hermes.effects] == list(chip.effects)
    for e in hermes.effects:
        assert e.alone.tolist() == accuracy(chip.only(e.name))
        assert e.without.tolist() == accuracy(chip.without(e.name))


def test_what_it_says(hermes: Ablation) -> None:
    assert (hermes.name, hermes.images, hermes.condition) == ("mine", 40, Condition(DAY, "global"))
    assert {e.name: e.kind for e in hermes.effects} == {
        "programming error": "device", "drift": "device", "read noise": "device", "IR drop": "circuit",
        "converter gain": "circuit", "converter offset": "circuit", "converter noise": "circuit",
    }  # fmt: skip
    for accuracy in (hermes.all, hermes.none, *(t for e in hermes.effects for t in (e.alone, e.without))):
        assert accuracy.shape == (2,)
        assert bool(((accuracy >= 0) & (accuracy <= 1)).all())
    assert float(hermes.none.mean()) > 0.9  # rounding alone
    assert float(hermes.all.mean()) < float(hermes.none.mean())


def test_the_seed_decides_and_chips_are_the_same_whatever_their_number(hermes: Ablation) -> None:
    again, other = (ablate(_network(), Chip.load("hermes"), _data(), seed=s, instances=1) for s in (3, 4))
    assert again.all.tolist() == hermes.all.tolist()[:1]
    for e, both in zip(again.effects, hermes.effects, strict=True):
        assert (e.alone.tolist(), e.without.tolist()) == (both.alone.tolist()[:1], both.without.tolist()[:1])
    assert again.to_dict()["effects"] != other.to_dict()["effects"]


def test_when_it_is_read() -> None:
    """Without a condition after a day, with what the chip does against drift; and an ideal cell does not drift."""
    assert ablate(_network(), "tile2-rram", _data(4), instances=1).condition == Condition(DAY, "none")
    written = ablate(_network(), "hermes", _data(9), instances=1, condition=Condition(None))
    assert written.condition == Condition(None)
    by_name = {e.name: e for e in written.effects}
    assert torch.equal(by_name["drift"].alone, written.none)
    assert torch.equal(by_name["drift"].without, written.all)


def test_beyond_what_is_known_it_is_evaluate_that_says_so() -> None:
    """Warnings are errors in tests, so that here one more would be told."""
    x, y = _data(6)
    late = Condition(10 * 365 * DAY)
    with pytest.warns(RangeWarning, match="RRAM relaxation is known up to"):
        run(_program(Chip.load("tile2-rram"), x), x, instances=1, conditions=[late])
    a = ablate(_network(), "tile2-rram", (x, y), instances=1, condition=late)
    assert a.condition == late
    assert "relaxation" in [e.name for e in a.effects]


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    ablate(_network(), "tile2-rram", _data(9), instances=2, progress=lambda done, total: seen.append((done, total)))
    variants = 2 + 2 * 5
    assert {total for _, total in seen} == {variants * 2 * 9}
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert min(done) > 0
    assert seen[-1] == (variants * 18, variants * 18)


def test_a_chip_without_any() -> None:
    seen: list[tuple[int, int]] = []
    a = ablate(_network(), "dimc-sram", _data(9), instances=3, progress=lambda d, t: seen.append((d, t)))
    assert a.effects == ()
    assert a.all.tolist() == a.none.tolist()
    assert a.all.shape == (3,)
    assert seen[-1] == (2 * 3 * 9, 2 * 3 * 9)


def test_a_graph_a_path_and_a_chip_file(tmp_path: Path) -> None:
    x, y = _data(9)
    expected = ablate(_network(), "dimc-sram", (x, y)).to_dict()
    exported = torch.export.export(_network(), (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(exported, tmp_path / "net.pt2")
    for network in (capture(_network(), x), tmp_path / "net.pt2"):
        assert ablate(network, Chip.load("dimc-sram"), (x, y)).to_dict() == expected
    assert expected["name"] == "dimc-sram"
    assert len(expected["all"]) == 4


def test_calibration_images_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import mho._ablate as module

    seen: list[Tensor] = []

    def spy(*arguments: Any) -> Any:
        seen.append(arguments[2])
        return quantize(*arguments)

    monkeypatch.setattr(module, "quantize", spy)
    x, y = _data(6)
    ablate(_network(), "dimc-sram", (x, y), instances=1, calibration=5 * x)
    ablate(_network(), "dimc-sram", (x, y), instances=1)
    assert torch.equal(seen[0], 5 * x)
    assert torch.equal(seen[1], x)


def test_wrong_input() -> None:
    x, y = _data(3)
    with pytest.raises(FileError, match=r"^no preset 'herms' in chips; did you mean 'hermes'\?"):
        ablate(_network(), "herms", (x, y))
    with pytest.raises(ShapeError, match=r"^data must be as many images as labels and at least one, not 3 and 2$"):
        ablate(_network(), "hermes", (x, y[:2]), instances=1)


@pytest.mark.parametrize("kind", ["no images", "one-hot labels", "more classes", "negative labels", "pictures out"])
def test_wrong_data_are_told_as_by_evaluate(kind: str) -> None:
    x, y = _data(3)
    network, data = {
        "no images": (_network(), (x[:0], y[:0])),
        "one-hot labels": (_network(), (x, torch.eye(3, dtype=torch.long))),
        "more classes": (_network(), (x, y + 5)),
        "negative labels": (_network(), (x, y - 5)),
        "pictures out": (nn.Conv2d(3, 4, 3), (x, y)),
    }[kind]
    with pytest.raises(ShapeError) as told:
        evaluate(network, "hermes", data, instances=1)
    with pytest.raises(ShapeError) as error:
        ablate(network, "hermes", data, instances=1)
    assert str(error.value) == str(told.value)
