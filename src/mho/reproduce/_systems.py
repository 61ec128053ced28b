"""Whole systems: order of architectures, shares of data movement, memories that compute, published and ours."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from mho.core import Loader
from mho.digital import ROOMS as DIGITAL
from mho.digital import Logic, load_link, load_memory
from mho.systems import (
    MatrixOp,
    System,
    Transformer,
    Workload,
    cut,
    fit,
    load_bit_serial,
    load_medium,
    load_stack,
    load_system,
    load_workload,
    shapes,
    tier_rises,
)

from ._row import Result, Row

_ORDER = ("von-neumann", "near-memory", "in-memory", "with-memory")
_TRAINING_TOKENS = 3e11


def _architectures() -> list[Row]:
    networks = [load_workload(name) for name in shapes()]
    energies = [[load_system(s).cost(w).total.energy for s in _ORDER] for w in networks]
    kept = sum(all(a > b for a, b in pairwise(e)) for e in energies)
    return [
        Row("networks whose energy falls from the processor over PNM and PIM to PWM", f"of {len(networks)}",
            float(len(networks)), float(kept), 0.0, "taxonomy of [qbitai2023]; HBM2, the same units",
            comment="not those whose activations outweigh their weights"),
    ]  # fmt: skip


def _movement() -> list[Row]:
    logic = Loader(DIGITAL).load(Logic, "logic-28nm")
    mac = (logic.multiplier(32, 32) + logic.adder(32)).energy
    rows = [
        Row(f"reading 32 bits from {what} over multiplying and adding them", "ratio", 200.0,
            32 * load_memory(name).energy() / mac, 0.25, "rule of thumb, quoted with [hong2025]; 28 nm logic")
        for name, what in (("ddr3", "DDR3"), ("lpddr4", "LPDDR4"))
    ]  # fmt: skip
    token, image = load_workload("llama-3.2-1b"), load_workload("resnet-50")
    mobile, gpu, npu = load_system("mobile-cpu"), load_system("gpu-a100"), load_system("npu")
    share = "share of energy that moves data"
    consumer = "[boroumand2018]; mean over a browser, video and TensorFlow Mobile on a telephone"
    seven, ten = "[qbitai2023], at 7 nm; its workload is not stated", "slides on memory, at 10 nm; at least 69 %"
    idle = "nearly all of the rest is assumed idle power"
    return [
        *rows,
        Row(f"{share}, mobile processor, Llama-3.2-1B", "%", 62.7, 100 * mobile.movement(token), 0.1, consumer),
        Row(f"{share}, mobile processor, ResNet-50", "%", 62.7, 100 * mobile.movement(image), 0.1, consumer),
        Row(f"{share}, graphics processor, Llama-3.2-1B", "%", 63.7, 100 * gpu.movement(token), 0.1, seven,
            comment=idle),
        Row(f"{share}, graphics processor, ResNet-50", "%", 63.7, 100 * gpu.movement(image), 0.1, seven,
            comment=idle),
        Row(f"{share}, mobile accelerator, Llama-3.2-1B", "%", (69.0, 100.0), 100 * npu.movement(token), 0.0, ten),
        Row(f"{share}, mobile accelerator, ResNet-50", "%", (69.0, 100.0), 100 * npu.movement(image), 0.0, ten),
        Row("moving a bit at 7 nm, HBM2E and two caches", "pJ", 35.0,
            1e12 * (gpu.memory.energy() + gpu.buffer_energy), 0.25, seven),
    ]  # fmt: skip


def _host(memory: str) -> System:
    """Return a processor whose only difference from a memory that computes is where the units sit."""
    return replace(load_system("gpu-a100"), memory=load_memory(memory), devices=1, static=0.0)


def _memories_that_compute() -> list[Row]:
    token = load_workload("smollm2-135m", 0)  # matrices only; fits one of each
    rows: list[Row] = []
    for name, memory, source, key, tera, claims in (
        ("hbm-pim", "hbm2", "[kwon2021]", "HBM-PIM", 1.2, (4.0, 70.0, (2.0, 4.0))),
        ("gddr6-aim", "gddr6", "[lee2022]", "GDDR6-AiM", 1.0, (16.0, 80.0, 16.0)),
    ):
        part, host = load_system(name), _host(memory)
        ours, theirs = part.cost(token).total, host.cost(token).total
        claim = "claim for a system; ours for the first token of SmolLM2-135M and a processor with that memory"
        bandwidth, saved, faster = claims
        rows += [
            Row(f"{key}, peak", "TFLOPS", tera, part.peak / 1e12, 0.05, source, "definition"),
            Row(f"{key}, bandwidth of its units over that of the pins", "ratio", bandwidth,
                part.bandwidth / part.memory.at().bandwidth, 0.05, source, "definition"),
            Row(f"{key}, energy saved", "%", saved, 100 * (1 - ours.energy / theirs.energy), 0.1, source,
                comment=claim),
            Row(f"{key}, speed", "ratio", faster, theirs.latency / ours.latency, 0.1, source, comment=claim),
        ]  # fmt: skip
    aim = load_system("gddr6-aim")
    bonded, plain = load_memory("hb-dram").energy(), load_memory("ddr3").energy()
    return [
        *rows,
        Row("GDDR6-AiM, bandwidth inside a channel", "GB/s", 512.0, aim.bandwidth / 2e9, 0.05, "[lee2022]",
            "definition"),
        *(
            Row(f"HBM, bandwidth at a {stage} within the power of reading at the pins", "ratio", gain,
                load_memory("hbm2").gain(stage, within_power=True), 0.1, "[attacc2024]; its limit of power is not ours")
            for stage, gain in (("bank", 9.0), ("bank group", 3.0))
        ),
        Row("energy of a bit, DDR3 over bonded DRAM", "ratio", (10.0, 100.0), plain / bonded, 0.0,
            "[niu2022]: above 10 times for recommendation, which mostly reads", comment="energy of the path only"),
    ]  # fmt: skip


def _bit_serial() -> list[Row]:
    cache = load_bit_serial("neural-cache")
    law = "[eckert2018], recalled: n + 1 and n^2 + 5 n - 2 cycles"
    return [
        Row("Neural Cache, cycles of an 8-bit addition", "cycles", 9.0, float(cache.add_cycles(8)), 0.0, law,
            "definition"),
        Row("Neural Cache, cycles of an 8-bit product", "cycles", 102.0, float(cache.multiply_cycles(8)), 0.0, law,
            "definition"),
        Row("Neural Cache, bit lines", "", 1146880.0, float(cache.lanes), 0.0, "[eckert2018], recalled",
            "definition"),
        Row("Neural Cache, 8-bit products", "T/s", 28.0, cache.rate(8) / 1e12, 0.05, "[eckert2018], recalled"),
        Row("Neural Cache, 8-bit products with sums of 24 bits", "T/s", 28.0, cache.rate(8, 24) / 1e12, 0.05,
            "[eckert2018], recalled", comment="the published figure leaves the sums out"),
    ]  # fmt: skip


def _experts() -> list[Row]:
    """Compare stacked tiers with a graphics processor, as [buchel2025moe] does."""
    source, gpu, tiers = "[buchel2025moe], from review notes", load_system("gpu-a100"), load_medium("pcm-3d")
    large, small = load_workload("mixtral-8x7b", 72), load_workload("smollm2-135m", 72)

    def ratio(work: Workload, batch: int) -> tuple[float, float]:
        plan, cost = fit(work, tiers, memory="hbm2", batch=batch), gpu.cost(work, batch).total
        return cost.energy / plan.energy, plan.rate * cost.latency

    def width(n: int) -> float:
        return float(cut(MatrixOp("layer", n, n), tiers.rows, tiers.columns).count)

    energy, _ = ratio(large, 1)
    return [
        Row("3D tiers, tiers for a layer 512 wide", "", 1.0, width(512), 0.0, source),
        Row("3D tiers, tiers for a layer 768 wide", "", 4.0, width(768), 0.0, source),
        Row("energy of a token, A100 over 3D tiers, Mixtral, one sequence", "ratio", (300.0, 3000.0), energy, 0.0,
            source,
            comment="about three orders of magnitude published, for other networks with experts"),
        Row("throughput, 3D tiers over A100, Mixtral, 32 sequences", "ratio", (0.0, 1.0), ratio(large, 32)[1], 0.0,
            source,
            comment="the processor wins from 32 sequences on"),
        Row("speed of one sequence, 3D tiers over A100, SmolLM2", "ratio", 0.1,
            fit(small, tiers, memory="hbm2").rate_of_one * gpu.cost(small).total.latency, 0.5, source,
            comment="a small model; there the processor is about ten times as fast"),
    ]  # fmt: skip


def _flash() -> list[Row]:
    """Generate text from stacked flash, each part of a layer on a tile of its own, as [nand2025] simulates."""
    flat = replace(load_medium("nand-3d"), tiers=1)

    def speed(hidden: int, layers: int) -> float:
        shape = Transformer(
            "GPT-2", hidden, layers, hidden // 64, hidden // 64, 64, 4 * hidden, 50257, gated=False, tied=True,
            positions=1024,
        )  # fmt: skip
        return fit(shape.workload(0), flat).rate_of_one

    source, period = "[nand2025], simulated", "the time of a product follows from it"
    return [
        Row(
            "3D NAND, GPT-2 of 124 million parameters", "tokens/s", 20.0, speed(768, 12), 0.05, source, "fitted", period
        ),
        Row("3D NAND, GPT-2 of 355 million parameters", "tokens/s", 8.5, speed(1024, 24), 0.1, source),
    ]


def _stacks() -> list[Row]:
    """Heat through two dies on one another, and the links of published stacks."""
    source = "[sridhar2010], expected outputs of the tests of its open code"
    what = "rise above the 10 K of 1e5 W/m2/K, two dies of 50 um with 0.5 W/mm2 each, corner of the upper one, sink"
    half, between = 1e-6 / 130, 98e-6 / 130  # from the devices to the face; from those of one die to the other's
    above = tier_rises([5e5, 5e5], [half, between])
    bond, bump = load_stack("hybrid-bond").link, load_link("micro-bump")
    vendor, assumed = "[amd2021], claim for direct copper bonds", "both links are assumed"
    return [
        Row(f"{what} above", "K", 0.008, above[0], 0.05, source, comment="one digit"),
        Row(f"{what} below", "K", 0.388, above[1], 0.05, source, comment="theirs spreads sideways as well"),
        Row("connections a mm2, hybrid bond over micro bump", "ratio", 15.0, bump.lane_area / bond.lane_area, 0.25,
            vendor, comment=assumed),
        Row("energy of a bit, hybrid bond over micro bump", "ratio", (0.0, 1 / 3), bond.passage / bump.passage, 0.0,
            vendor, comment=assumed),
    ]  # fmt: skip


def _training() -> list[Row]:
    w = load_workload("gpt-3", 1024)  # the mean number of tokens before one, of 2,048
    return [
        Row("operations to train GPT-3 on 300 billion tokens", "1e23", 3.14,
            3 * 2 * w.macs * _TRAINING_TOKENS / 1e23, 0.05, "[brown2020], table D.1",
            comment="forward and twice as much backward; attention apart, as there"),
        Row("parameters of GPT-3", "1e9", 175.0, w.parameters / 1e9, 0.01, "[brown2020], table 2.1"),
    ]  # fmt: skip


def _compute() -> list[Row]:
    return [
        *_architectures(),
        *_movement(),
        *_memories_that_compute(),
        *_bit_serial(),
        *_experts(),
        *_flash(),
        *_stacks(),
        *_training(),
    ]


RESULT = Result("Architectures, data movement and memories that compute", _compute)
