"""Runs are reproducible: by seed, instance and image, whatever else is run with them."""

import pytest
import torch
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.core import Seed, ShapeError
from mho.ir import Program
from mho.runtime import Run, _run, run
from mho.tiles import Condition

X = Seed(0).child("x").normal((12, 3, 8, 8))
DAY, YEAR = 86400.0, 365 * 86400.0
FRESH, OLD, MENDED = Condition(), Condition(DAY), Condition(DAY, "global")
ANALOG = ["hermes", "hermes-4phase", "tile2-rram"]


def _program(chip: str) -> Program:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 40, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(360, 10),
    )  # fmt: skip
    return compile(quantize(capture(network, X[:1]), Chip.load(chip), X), Chip.load(chip))


@pytest.fixture(scope="module", params=ANALOG)
def program(request: pytest.FixtureRequest) -> Program:
    return _program(request.param)


@pytest.fixture(scope="module")
def hermes() -> Program:
    return _program("hermes")


def _same(a: Tensor, b: Tensor) -> None:
    """Equal but for codes on the very border of two, which the order of a sum in the BLAS can tip (see below)."""
    assert a.shape == b.shape
    assert float((a != b).double().mean()) < 0.02
    assert float((a - b).norm() / b.norm()) < 0.005


# Reproducibility ------------------------------------------------------------------------------------------------


def test_same_call_same_bytes(program: Program) -> None:
    one = run(program, X, instances=2, conditions=(FRESH, MENDED))
    two = run(program, X, instances=2, conditions=(FRESH, MENDED))
    assert torch.equal(one.outputs, two.outputs)
    assert one.counts == two.counts


def test_seeds_and_chips_differ(program: Program) -> None:
    outputs = [run(program, X, seed=s, instances=2).outputs[0, i] for s in (0, 1) for i in (0, 1)]
    for i, a in enumerate(outputs):
        for b in outputs[:i]:
            assert float((a != b).double().mean()) > 0.9


@pytest.mark.parametrize("parts", [[1, 4], [2, 3], [1, 1, 1, 1, 1]])
def test_any_chunk_of_chips(program: Program, parts: list[int]) -> None:
    whole = run(program, X, instances=5, conditions=(FRESH, MENDED), record_errors=7)
    starts = [sum(parts[:i]) for i in range(len(parts))]
    chunks = [
        run(program, X, instances=range(s, s + n), conditions=(FRESH, MENDED), record_errors=7)
        for s, n in zip(starts, parts, strict=True)
    ]
    assert torch.equal(torch.cat([c.outputs for c in chunks], 1), whole.outputs)
    for name, errors in whole.layer_errors.items():
        assert torch.equal(torch.cat([c.layer_errors[name] for c in chunks], 1), errors)


def test_a_chip_does_not_depend_on_how_many_there_are(program: Program) -> None:
    many = run(program, X, instances=4).outputs
    assert torch.equal(run(program, X, instances=2).outputs, many[:, :2])
    assert torch.equal(run(program, X).outputs, many[:, :1])


def test_an_image_does_not_depend_on_those_behind_it(program: Program) -> None:
    _same(run(program, X[:5], instances=2).outputs, run(program, X, instances=2).outputs[:, :, :5])


def test_the_index_of_an_image_decides_its_noise(hermes: Program) -> None:
    twice = run(hermes, torch.cat([X[:1], X[:1]])).outputs[0, 0]
    assert not torch.equal(twice[0], twice[1])


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_any_number_of_images_at_once(program: Program, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(program, X, instances=2, conditions=(FRESH, OLD), record_errors=9)
    monkeypatch.setattr(_run, "_IMAGES_AT_ONCE", size)
    cut = run(program, X, instances=2, conditions=(FRESH, OLD), record_errors=9)
    _same(cut.outputs, whole.outputs)
    for name, error in whole.layer_errors.items():
        torch.testing.assert_close(cut.layer_errors[name], error, rtol=1e-2, atol=1e-4)
        assert cut.counts[name].positions == whole.counts[name].positions


def test_conditions_do_not_touch_each_other(program: Program) -> None:
    three = run(program, X, instances=2, conditions=(FRESH, OLD, MENDED)).outputs
    back = run(program, X, instances=2, conditions=(MENDED, OLD, FRESH)).outputs
    _same(back.flip(0), three)
    for i, condition in enumerate((FRESH, OLD, MENDED)):
        _same(run(program, X, instances=2, conditions=[condition]).outputs[0], three[i])
    twice = run(program, X, conditions=(OLD, OLD)).outputs
    assert torch.equal(twice[0], twice[1])


def test_two_threads(program: Program) -> None:
    """The number of threads may change the last bit of a sum before conversion, and so a code on a border."""
    one = run(program, X, instances=2, conditions=(FRESH, MENDED)).outputs
    torch.set_num_threads(2)
    try:
        two = run(program, X, instances=2, conditions=(FRESH, MENDED)).outputs
    finally:
        torch.set_num_threads(1)
    _same(two, one)


def test_the_callers_generator_and_images_are_left_alone(hermes: Program) -> None:
    before, x = torch.get_rng_state(), X.clone()
    run(hermes, x)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(x, X)


# Physics --------------------------------------------------------------------------------------------------------


def test_drift_and_its_compensation(hermes: Program) -> None:
    """After a year the outputs shrink; the compensated ones are closer to the fresh ones, on every chip."""
    conditions = (FRESH, Condition(YEAR), Condition(YEAR, "global"))
    fresh, old, mended = run(hermes, X, instances=4, conditions=conditions).outputs
    without = (old - fresh).flatten(1).norm(dim=1)
    with_ = (mended - fresh).flatten(1).norm(dim=1)
    assert (with_ < 0.6 * without).all()


def test_recorded_errors(hermes: Program) -> None:
    result = run(hermes, X, instances=3, conditions=(FRESH, OLD, MENDED), record_errors=8)
    assert set(result.layer_errors) == {"0", "2", "5"}
    for error in result.layer_errors.values():
        assert error.shape == (3, 3)
        assert (error > 0).all()
        assert (error[1] > error[2]).all()
        assert (error[0] < 0.5).all()
    assert run(hermes, X).layer_errors == {}
    more = run(hermes, X, instances=3, conditions=(FRESH, OLD, MENDED), record_errors=99).layer_errors
    all_ = run(hermes, X, instances=3, conditions=(FRESH, OLD, MENDED), record_errors=12).layer_errors
    assert all(torch.equal(more[k], v) for k, v in all_.items())


def test_an_exact_chip_runs_once() -> None:
    program = _program("dimc-sram")
    told: list[tuple[int, int]] = []
    result = run(program, X, instances=3, conditions=(FRESH, OLD), record_errors=4, progress=lambda *a: told.append(a))
    assert result.outputs.shape == (2, 3, 12, 10)
    assert all(torch.equal(o, result.outputs[0, 0]) for o in result.outputs.flatten(0, 1))
    assert all(e.shape == (2, 3) and float(e.max()) < 0.05 for e in result.layer_errors.values())
    assert told == [(12, 12)]


# What it says ---------------------------------------------------------------------------------------------------


def test_progress(hermes: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "_IMAGES_AT_ONCE", 10)
    told: list[tuple[int, int]] = []
    run(hermes, X, instances=3, progress=lambda *a: told.append(a))
    assert told == [(10, 36), (12, 36), (22, 36), (24, 36), (34, 36), (36, 36)]


def test_accuracy() -> None:
    outputs = torch.zeros(2, 1, 4, 3)
    outputs[0, 0, range(4), [0, 1, 2, 2]] = 1
    outputs[1, 0, :, 1] = 1
    result = Run(outputs, (FRESH, OLD), {}, {}, 0)
    assert result.accuracy(torch.tensor([0, 1, 2, 0])).tolist() == [[0.75], [0.25]]
    assert result.instances == 1
    with pytest.raises(ShapeError) as error:
        result.accuracy(torch.zeros(3))
    assert str(error.value) == "there must be one label for each of the 4 images, not 3"


@pytest.mark.parametrize(
    ("shape", "said"), [((2, 3, 8), "[2, 3, 8]"), ((3, 8, 8), "[3, 8, 8]"), ((0, 3, 8, 8), "[0, 3, 8, 8]"), ((), "[]")]
)
def test_wrong_images(hermes: Program, shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ShapeError) as error:
        run(hermes, torch.zeros(shape))
    assert str(error.value) == f"images must have shape [images, 3, 8, 8], not {said}"


@pytest.mark.parametrize(("instances", "conditions"), [(0, (FRESH,)), (1, ()), (-2, (FRESH,)), ([0, -1], (FRESH,))])
def test_nothing_to_run(hermes: Program, instances: int | list[int], conditions: tuple[Condition, ...]) -> None:
    with pytest.raises(ShapeError) as error:
        run(hermes, X, instances=instances, conditions=conditions)
    assert str(error.value) == (
        f"a run needs at least one instance and condition, not {instances} and {len(conditions)}"
    )
