"""Plans: against the estimate of a compiled network, by hand, and as limits and laws demand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mho
from mho.core import SpecError
from mho.digital import load_link, load_memory
from mho.samples import cifar10_sample, resnet20
from mho.systems import MatrixOp, Medium, Plan, Workload, fit, load_medium, load_workload, media

SMALL = load_workload("smollm2-135m")
MEDIA = {name: load_medium(name) for name in media()}
BESIDE = {"memory": load_memory("lpddr4"), "link": load_link("noc-32nm")}


@pytest.fixture(scope="module")
def image() -> mho.Graph:
    return mho.capture(resnet20(), cifar10_sample(limit=1)[0])


@pytest.mark.parametrize("name", ["hermes", "dimc-sram"])
def test_a_plan_against_the_estimate_of_the_compiled_network(image: mho.Graph, name: str) -> None:
    """Time, area and tiles are those of the estimate; energy is less, as clocks are charged by columns in use."""
    x = cifar10_sample(limit=1)[0]
    chip = mho.Chip.load(name)
    program = mho.compile(mho.quantize(image, chip, x), chip)
    cost = mho.estimate(program, mho.run(program, x).counts).total
    plan = fit(Workload.of_graph(image), Medium.of_chip(chip))
    assert plan.tiles_needed == program.placement.tiles_used
    assert plan.latency == pytest.approx(cost.latency, rel=1e-6)
    assert plan.area == pytest.approx(cost.area)
    assert 0.6 * cost.energy < plan.energy < cost.energy


def _by_hand() -> Plan:
    """Two layers of 100 x 100 and a cache on tiles of 64 x 64, of which six are too few for eight parts."""
    work = Workload("w", "token", (MatrixOp("a", 100, 100, repeats=2, inputs=200.0, outputs=200.0),), cache_writes=50.0)
    medium = replace(load_medium("pcm-14nm"), rows=64, columns=64, tiles=6)
    return fit(work, medium, packed=False)


def test_a_plan_by_hand() -> None:
    plan = _by_hand()
    m, memory = plan.medium, load_memory("lpddr4")
    assert (plan.mapping.tiers, plan.tiles, plan.tiles_needed) == (8, 6, 8)
    assert plan.missing == 0.25
    assert plan.reloaded == 0.25 * 20_000
    assert plan.cached == 50
    assert plan.cost["products"].cost.energy == pytest.approx(m.product * 2 * 2 * 100 / 64)
    assert plan.cost["write"].cost.energy == pytest.approx(5_000 * m.write)
    assert plan.cost["reload"].cost.energy == pytest.approx(5_000 * 8 * memory.energy())
    assert plan.cost["cache"].cost.energy == pytest.approx(50 * 8 * memory.energy())
    assert plan.times["products"] == 2 * m.period  # each layer on four tiles at once
    assert plan.times["reload"] == pytest.approx(5_000 / 25.6e9)
    assert plan.times["write"] == pytest.approx(64 * m.write_time)
    scale, operation = m.unit.costs()["scale"], m.unit.costs()["operation"]
    buffer = m.unit.costs()["bit"].energy * 8 * 400
    assert plan.cost["digital"].cost.energy == pytest.approx(400 * scale.energy + 200 * operation.energy + buffer)
    side, link = 2.0, load_link("noc-32nm")  # four tiles of a layer
    bits = 8 * (200 + 2 * 200)
    way = link.energy(2 / 3 * side, 2 / 3 * side * math.sqrt(m.tile_area))
    assert plan.cost["links"].cost.energy == pytest.approx(bits * way)
    assert plan.lifetime == pytest.approx(m.endurance * 3 / plan.rate)


@pytest.mark.parametrize("name", media())
def test_parts_add_up(name: str) -> None:
    plan = fit(SMALL, MEDIA[name], **BESIDE)
    parts = plan.cost.parts
    assert math.fsum(p.cost.energy for p in parts) == plan.energy
    assert math.fsum(p.cost.area for p in parts) == pytest.approx(plan.area)
    assert math.fsum(p.cost.latency for p in parts) == pytest.approx(plan.latency)
    assert plan.fits
    assert plan.reloaded == plan.missing == 0
    assert plan.rate <= 1 / plan.interval
    assert plan.rate_of_one <= 1.001 / plan.interval
    assert 0 < plan.mapping.utilisation <= 1


@settings(max_examples=25)
@given(st.sampled_from(media()), st.floats(5e-6, 3e-3), st.floats(1.1, 5.0), st.integers(1, 64))
def test_more_area_reloads_less(name: str, area: float, times: float, batch: int) -> None:
    medium = MEDIA[name]
    area = max(area, 1.01 * medium.tile_area)
    small, large = (fit(SMALL, medium, area=a, batch=batch, **BESIDE) for a in (area, times * area))
    assert small.area <= area
    assert large.reloaded <= small.reloaded
    assert large.tiles >= small.tiles
    assert small.fits == (small.reloaded == 0) == (small.tiles >= small.tiles_needed)
    more = fit(SMALL, medium, area=area, batch=2 * batch, **BESIDE)
    assert more.reloaded == pytest.approx(small.reloaded / 2)


def test_what_fits_on_a_large_die() -> None:
    """Llama-3-8B on 800 mm2: stacked flash holds it; no SRAM does, and reloads most of the weights for each token."""
    work = load_workload("llama-3-8b")
    plans = {name: fit(work, m, area=8e-4, **BESIDE) for name, m in MEDIA.items()}
    assert {name for name, p in plans.items() if p.fits} == {"nand-3d"}
    for name in ("sram-22nm", "sram-5nm", "sram-3nm"):
        assert plans[name].missing > 0.9
        assert plans[name].cost["reload"].cost.energy > 30 * plans[name].cost["products"].cost.energy
    assert any("reloading wears the cells out" in note for note in plans["nor-40nm"].notes())


def test_below_the_break_even_the_tile_is_cheaper() -> None:
    """Fetching a weight for n uses and multiplying digitally, against products in tiles, at the n that is told."""
    for name in MEDIA:
        plan = fit(SMALL, MEDIA[name], **BESIDE)
        if math.isinf(plan.break_even):
            assert plan.mac_here <= plan.mac
            continue
        fetch = plan.medium.weight_bits * plan.memory.energy()
        assert plan.mac + fetch / plan.break_even == pytest.approx(plan.mac_here)
        assert plan.break_even > 1  # what converters cost is less than what they save for a token
    n = fit(SMALL, load_medium("pcm-14nm")).pays_back
    plan = fit(SMALL, load_medium("pcm-14nm"))
    fetch = 8 * plan.memory.energy()
    assert fetch + plan.medium.write + n * plan.mac_here == pytest.approx(n * (fetch + plan.mac))


def test_tiers_in_turn() -> None:
    """With more tiers fewer tiles do the same work, so the busiest has more of it, and one sequence waits no less."""
    work, medium = load_workload("resnet-50"), load_medium("pcm-3d")
    flat, tall = fit(work, replace(medium, tiers=1)), fit(work, replace(medium, tiers=64))
    assert tall.tiles < flat.tiles
    assert tall.area < flat.area
    assert tall.mapping.busiest(tall.tiles) > flat.mapping.busiest(flat.tiles)
    assert tall.latency >= flat.latency


def test_plain_values() -> None:
    out = _by_hand().to_dict()
    assert out["fits"] is False
    assert out["energy_j"] == pytest.approx(sum(v for k, v in out.items() if k.endswith("_j") and k != "energy_j"))
    assert fit(SMALL, load_medium("rram-22nm")).to_dict()["lifetime_s"] is None


def test_wrong_limits() -> None:
    said = (
        r"^an area of 1 mm2 must hold at least one tile of FeFET, digital, 28 nm, which takes 4.04 mm2; give more area$"
    )
    with pytest.raises(SpecError, match=said):
        fit(SMALL, load_medium("fefet-28nm"), area=1e-6)
    with pytest.raises(SpecError, match=r"^batch, bits and memories must be above zero, not 0, 8 and 1$"):
        fit(SMALL, MEDIA["fefet-28nm"], batch=0)
    with pytest.raises(SpecError, match=r"^a network must have weights to fit a chip; empty has none in matrices$"):
        fit(Workload("empty", "image", ()), MEDIA["fefet-28nm"])


def test_memories_side_by_side() -> None:
    one, four = (fit(SMALL, MEDIA["sram-5nm"], area=2e-5, memories=n) for n in (1, 4))
    for part in ("cache", "reload"):
        assert four.times[part] == pytest.approx(one.times[part] / 4)
        assert four.cost[part].cost.energy == one.cost[part].cost.energy
    assert four.cost["refresh"].cost.energy / four.latency == pytest.approx(
        4 * one.cost["refresh"].cost.energy / one.latency
    )
    many = fit(SMALL, MEDIA["sram-5nm"], batch=1000, memories=7)
    assert not many.notes()  # 24 GB of keys and values
    assert "do not fit 5 x LPDDR4, x64 of 4 GB" in fit(SMALL, MEDIA["sram-5nm"], batch=1000, memories=5).notes()[-1]
