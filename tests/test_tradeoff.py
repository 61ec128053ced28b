"""Trade-offs of a small network: points are runs of their programs, and the programme spends what it may."""

import dataclasses
import itertools

import pytest
import torch
from torch import Tensor, nn

import mho
from mho import Chip, Quantization
from mho.samples import mnist_sample

IMAGES, LABELS = mnist_sample()
BITS = (3, 4, 8)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A perceptron that has learned some digits."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 10))
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(IMAGES[:400]), LABELS[:400]).backward()
        optimiser.step()
    return net.eval()


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    """Images that it has not seen."""
    return IMAGES[400:600], LABELS[400:600]


@pytest.fixture(scope="module")
def found(network: nn.Module, data: tuple[Tensor, Tensor]) -> mho.Tradeoff:
    """Bits of converters on a bit-sliced chip."""
    return mho.allocate(network, "tile2-rram", data, bits=BITS, calibration=IMAGES[:100], sample=40, instances=2)


def test_points_are_runs(network: nn.Module, data: tuple[Tensor, Tensor]) -> None:
    options = {"column": [Quantization(8), Quantization(2)], "tensor": [Quantization(2, per="tensor")]}
    told: list[tuple[int, int]] = []
    result = mho.tradeoff(network, "tile2-rram", data, options, calibration=IMAGES[:100], seed=5,
                          progress=lambda done, total: told.append((done, total)))  # fmt: skip
    assert [p.series for p in result.points] == ["column", "column", "tensor"]
    assert told[-1] == (600, 600)
    assert result.float_accuracy == float((network(data[0]).argmax(-1) == data[1]).double().mean())
    graph, chip = mho.capture(network, data[0][:1]), Chip.load("tile2-rram")
    for p in result.points:
        program = mho.compile(mho.quantize(graph, chip, IMAGES[:100], layers=p.layers), chip)
        run = mho.run(program, data[0], seed=5)
        cost = mho.estimate(program, run.counts).total
        assert p.accuracy.tolist() == run.accuracy(data[1])[0].float().tolist()
        assert (p.energy, p.latency) == (cost.energy, cost.latency)
    assert result.points[1].energy < 0.7 * result.points[0].energy
    assert result.points[1].latency < 0.5 * result.points[0].latency


def test_equal_bits_come_first(found: mho.Tradeoff) -> None:
    equal = [p for p in found.points if p.series == "equal bits"]
    assert [p.label for p in equal] == ["3-bit ADC", "4-bit ADC", "8-bit ADC"]
    assert [p.energy for p in equal] == sorted(p.energy for p in equal)
    assert all(p.budget is None for p in equal)
    assert float(equal[0].accuracy.mean()) < float(equal[-1].accuracy.mean())


def test_budgets_are_kept_and_spent_where_it_matters(found: mho.Tradeoff) -> None:
    """Within the activity of the run itself, a thousandth; and of all choices that fit, none has a smaller sum."""
    chosen = [p for p in found.points if p.series == "bits by layer"]
    assert len(chosen) == 3
    equal = {p.label: p for p in found.points if p.series == "equal bits"}
    assert chosen[1].budget == pytest.approx(equal["4-bit ADC"].energy, rel=1e-3)
    for p in chosen:
        assert p.budget is not None
        assert p.energy <= p.budget * 1.001
        assert set(p.layers) == {"0", "2", "4"}
    losses = found.losses
    assert all(own[8] == 0 and own[3] > own[4] > 0 for own in losses.values())

    def loss(bits: tuple[int | None, ...]) -> float:
        return sum(own[b] for own, b in zip(losses.values(), bits, strict=True) if b is not None)

    bits = tuple(q.adc_bits for q in chosen[1].layers.values())
    assert loss(bits) <= loss((4, 4, 4))
    # A budget between two choices takes the better one: with more to spend, never more loss.
    sums = [loss(tuple(q.adc_bits for q in p.layers.values())) for p in chosen]
    assert all(a >= b for a, b in itertools.pairwise(sums))


def test_energies_of_layers_add_up(network: nn.Module, found: mho.Tradeoff) -> None:
    """The integer programme is right to add them: a mixed program costs the sum of what each layer changes."""
    graph, chip = mho.capture(network, IMAGES[:1]), Chip.load("tile2-rram")
    quants = {b: mho.quantize(graph, chip, IMAGES[:100], Quantization(adc_bits=b)) for b in BITS}
    base = mho.compile(quants[8], chip)
    counts = mho.run(base, IMAGES[:20]).counts

    def energy(bits: dict[str, int]) -> float:
        layers = {n: quants[b].layers[n] for n, b in bits.items()}
        own = dataclasses.replace(base, quant=dataclasses.replace(base.quant, layers=layers))
        return mho.estimate(own, counts).total.energy

    full = dict.fromkeys(quants[8].layers, 8)
    mixed = dict(zip(full, BITS, strict=True))
    changes = sum(energy(full | {n: b}) - energy(full) for n, b in mixed.items())
    assert energy(mixed) == pytest.approx(energy(full) + changes, rel=1e-9)


def test_what_it_refuses(network: nn.Module, data: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(mho.SpecError) as error:
        mho.allocate(network, "dimc-sram", data)
    assert str(error.value) == (
        "the tiles of dimc-sram have no converters whose bits could be chosen; take an analog chip"
    )
    with pytest.raises(mho.SpecError, match=r"^a Cco converter always resolves its 8 bits, so it cannot be read at 3;"):
        mho.allocate(network, "hermes", data)
    with pytest.raises(mho.SpecError, match=r"^bits must be at least two to choose from, not \[4\]$"):
        mho.allocate(network, "tile2-rram", data, bits=[4])
    with pytest.raises(mho.CapacityError, match=r"^the budget must be at least "):
        mho.allocate(network, "tile2-rram", (data[0][:4], data[1][:4]), bits=BITS, budgets=[1e-12], sample=2)
