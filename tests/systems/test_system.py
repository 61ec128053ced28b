"""Systems: rules of traffic by hand, order of architectures, roofs, and the laws of bit-serial arithmetic."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mho.chip import Chip
from mho.core import Loader, SpecError
from mho.cost import rate
from mho.digital import ROOMS as DIGITAL
from mho.digital import Logic, load_link
from mho.systems import (
    MOVEMENT,
    DynamicOp,
    MatrixOp,
    System,
    Workload,
    load_bit_serial,
    load_system,
    load_workload,
    shapes,
    systems,
)

WORK = Workload(
    "w", "token", (MatrixOp("a", 3000, 2000, inputs=3000.0, outputs=2000.0),), (DynamicOp("b", 500.0, 400.0),),
    cache_writes=100.0,
)  # fmt: skip
EQUALS = ("von-neumann", "near-memory", "in-memory", "with-memory")


def _energies(name: str, **changes: object) -> dict[str, float]:
    system = replace(load_system(name), **changes)  # type: ignore[arg-type]
    return {p.name: p.cost.energy for p in system.cost(WORK).parts}


def test_rules_of_traffic_by_hand() -> None:
    """6,000,000 weights, 500 numbers of cache, 5,000 activations of 8 bits; 2 MB of buffer hold the last only."""
    pico, numbers = 1e-12, 8 * 6_000_500
    assert _energies("von-neumann")["memory"] == pytest.approx(numbers * 3.59 * pico)
    assert _energies("near-memory")["memory"] == pytest.approx(numbers * 3.29 * pico)
    assert _energies("in-memory")["memory"] == pytest.approx(numbers * 0.55 * pico)
    assert _energies("in-memory")["activations"] == pytest.approx(8 * 5_000 * (3.59 - 0.55) * pico)
    assert _energies("von-neumann")["activations"] == _energies("near-memory")["activations"] == 0
    assert _energies("with-memory")["memory"] == pytest.approx(8 * 500 * 3.59 * pico)
    assert _energies("with-memory")["activations"] == pytest.approx(8 * 5_000 * 0.22 * pico)


def test_what_fits_the_buffer_is_not_read() -> None:
    large = 6_000_000.0
    assert _energies("von-neumann", buffer=large)["memory"] == pytest.approx(8 * 500 * 3.59e-12)
    spilt = _energies("von-neumann", buffer=4_000.0)["memory"]
    assert spilt == pytest.approx(8 * (6_000_500 + 5_000) * 3.59e-12)


def test_a_batch_reads_weights_once() -> None:
    system = load_system("von-neumann")
    assert system.moved(WORK, 10) == pytest.approx(600_000 + 500)


@pytest.mark.parametrize("name", ["llama-3-8b", "smollm2-135m", "gpt-3", "resnet-50", "vgg16"])
def test_order_of_architectures(name: str) -> None:
    """Energy falls the nearer arithmetic comes to the weights."""
    energies = [load_system(s).cost(load_workload(name)).total.energy for s in EQUALS]
    assert energies == sorted(energies, reverse=True)


def test_where_the_order_breaks() -> None:
    """MobileNetV2 has four times as many activations as weights, and they have to go into the memory and back."""
    work = load_workload("mobilenet-v2")
    assert work.activations > 3 * work.weights
    near, inside = (load_system(s).cost(work).total.energy for s in ("near-memory", "in-memory"))
    assert inside > near


@pytest.mark.parametrize("name", systems())
@pytest.mark.parametrize("network", ["llama-3.2-1b", "resnet-18", "mobilenet-v2"])
def test_effective_stays_below_peak(name: str, network: str) -> None:
    system, work = load_system(name), load_workload(network)
    assert system.effective(work) <= system.peak * (1 + 1e-9)
    for roof in system.roofline(work):
        assert roof.attained <= system.peak
        assert roof.attained <= roof.intensity * system.bandwidth * (1 + 1e-9)
        assert roof.bound == ("arithmetic" if roof.attained == system.peak else "memory")
    cost = system.cost(work)
    assert cost.total.latency >= 2 * (work.macs + work.dynamic_macs) / system.peak * (1 - 1e-9)
    share = sum(cost[name].cost.energy for name in MOVEMENT) / cost.total.energy
    assert system.movement(work) == pytest.approx(share)
    assert 0 < share < 1


def test_roofs_by_hand() -> None:
    """Two operations a byte at 307 GB/s are 614 GOP/s; four of them fill the roof of a processor as slow."""
    system = load_system("von-neumann")
    first, second = system.roofline(WORK)
    assert (first.bound, first.attained) == ("memory", pytest.approx(2 * 307e9))
    assert second.attained == pytest.approx(2 * 500 / 400 * 307e9)
    assert system.roofline(WORK, 1000)[0].attained == system.peak
    assert math.isinf(replace(system, buffer=1e9).roofline(WORK)[0].intensity)


def test_units_limit_the_bandwidth() -> None:
    part = load_system("hbm-pim")
    assert part.bandwidth == 128 * 32 * 300e6 < part.memory.at("bank").bandwidth
    assert part.peak == 128 * 16 * 2 * 300e6


def test_numbers_that_come_from_logic() -> None:
    """A multiply-accumulate of 8 bits and 24 of the sum, of the logic of this package."""
    for file, logic in (("von-neumann", "logic-28nm"), ("npu", "logic-14nm")):
        part = Loader(DIGITAL).load(Logic, logic)
        mac = (part.multiplier(8, 8) + part.adder(24) + part.register(24)).energy
        assert load_system(file).mac == pytest.approx(mac, rel=0.01)
        assert load_system(file).buffer_energy == part.sram_bit_energy
    chip = Chip.load("dimc-sram")
    tile = chip.tile.shape[0] * chip.tile.shape[1]
    with_memory = load_system("with-memory")
    assert with_memory.mac == pytest.approx(rate(chip).mvm_joule / tile, rel=0.01)
    assert with_memory.peak == pytest.approx(rate(chip).tops * 1e12, rel=0.01)
    assert with_memory.link == pytest.approx(load_link("noc-32nm").energy(1, 2e-3), rel=0.03)


def test_what_fits_the_memory() -> None:
    assert load_system("gpu-a100").fits(load_workload("llama-3-8b"))
    assert not load_system("hbm-pim").fits(load_workload("llama-3-8b"))
    assert load_system("with-memory").fits(load_workload("llama-3-8b"))


def test_a_wrong_stage() -> None:
    system = load_system("hbm-pim")
    with pytest.raises(SpecError, match=r"^HBM2 stack has no stage 'banks' in its path; did you mean 'bank'\?"):
        replace(system, stage="banks")


def _multiply(a: int, b: int, bits: int) -> tuple[int, int]:
    """Multiply as bit lines do: n^2 steps of products and sums under a mask, and n at each end to set and clear."""
    total, steps = 0, 0
    for i in range(bits):  # add a where bit i of b is set, from place i on: n steps and a carry
        if b >> i & 1:
            total += a << i
        steps += bits + 1
    return total, steps


@given(st.integers(1, 16), st.data())
def test_cycles_of_a_product(bits: int, data: st.DataObject) -> None:
    """The law lies above n additions of n bits, n (n + 1), by what masks and clearing take: 4 n - 2."""
    a, b = (data.draw(st.integers(0, 2**bits - 1)) for _ in range(2))
    total, steps = _multiply(a, b, bits)
    engine = load_bit_serial("neural-cache")
    assert total == a * b
    assert engine.multiply_cycles(bits) - steps == 4 * bits - 2
    assert engine.add_cycles(bits) == bits + 1
    assert load_bit_serial("drisa").add_cycles(bits) == 9 * (bits + 1)


def test_lanes_of_a_cache() -> None:
    """35 MB in arrays of 8 KB are 4,480 of 256 bit lines."""
    engine = load_bit_serial("neural-cache")
    assert engine.lanes == 4480 * 256
    assert engine.rate(8) == pytest.approx(4480 * 256 * 2.5e9 / 102)
    assert engine.rate(8, 24) == pytest.approx(4480 * 256 * 2.5e9 / (102 + 25))
    assert engine.rate(4) > engine.rate(8)


def test_every_system_runs_every_shape() -> None:
    for name in systems():
        system = load_system(name)
        assert isinstance(system, System)
        for shape in shapes():
            total = system.cost(load_workload(shape)).total
            assert 0 < total.energy < 1e3
            assert 0 < total.latency < 1e2
