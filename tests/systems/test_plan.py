"""Heat of plans: what turns into heat on the chip, and what it lets the chip do."""

from dataclasses import replace

import pytest

from mho.systems import fit, load_cooling, load_medium, load_stack, load_workload, media

SMALL = load_workload("smollm2-135m")
IMAGE = load_workload("resnet-50")


def test_heat_of_the_chip_is_not_that_of_the_memory() -> None:
    plan = fit(SMALL, load_medium("sram-5nm"), memory="hbm2")
    outside = sum(plan.cost[part].cost.energy for part in ("cache", "reload", "refresh", "leakage"))
    waiting = plan.tiles * plan.medium.leakage
    assert plan.power(0) == pytest.approx(waiting)
    assert plan.power(100) == pytest.approx(100 * (plan.energy - outside) + waiting)
    assert plan.power() == plan.power(plan.rate)
    air = plan.cooling
    assert plan.junction(100) == pytest.approx(air.ambient + plan.power(100) * air.resistance(plan.area))


@pytest.mark.parametrize("name", media())
def test_heat_limits_the_pace(name: str) -> None:
    """At the limit of a worse cooling the pace is that at which the hottest devices are at their limit."""
    plan = fit(IMAGE, load_medium(name))
    assert plan.cool
    assert plan.rate == 1 / plan.interval
    middle = (plan.junction(0) + plan.junction()) / 2
    hot = replace(plan, cooling=replace(plan.cooling, limit=middle))
    assert not hot.cool
    assert hot.rate == pytest.approx(plan.rate / 2)
    assert hot.junction() == pytest.approx(middle)
    assert hot.rate_of_one <= hot.rate
    assert any(note.startswith("full pace would heat it to ") for note in hot.notes())
    assert not plan.notes()


def test_what_leaks_too_much_cannot_run() -> None:
    air = replace(load_cooling("fanless"), sink=1000.0)
    plan = fit(load_workload("vgg16"), load_medium("sram-5nm"), cooling=air, area=1e-4)
    assert plan.rate == plan.rate_of_one == 0
    assert plan.lifetime == float("inf")
    (note,) = (note for note in plan.notes() if "leak" in note)
    assert note == (
        "its tiles leak 0.123 W when they only wait and reach "
        f"{plan.junction() - 273.15:.0f} °C, above the limit of 105 °C with no sink, no fan; it cannot run"
    )


def test_a_hot_network_on_a_chip_without_a_fan() -> None:
    """ResNet-50 at full pace on 51 mm2 of 5 nm is 2.3 W: nothing for a fan, 70 °C for a small package."""
    fan, none = (fit(IMAGE, load_medium("sram-5nm"), cooling=name) for name in ("forced-air", "fanless"))
    assert fan.power() == pytest.approx(none.power())
    assert fan.junction() - 273.15 == pytest.approx(46, abs=1)
    assert none.junction() - 273.15 == pytest.approx(71, abs=2)


def test_a_bonded_stack_slows_down() -> None:
    """VGG16 on RRAM: bumps take more than the products, below eight tiers between the logic and the fan."""
    work, planar = load_workload("vgg16"), load_medium("rram-22nm")
    flat, tall = fit(work, planar), fit(work, planar.stacked(8, load_stack("tsv")))
    assert 20 < (tall.junction() - tall.cooling.ambient) / (flat.junction() - flat.cooling.ambient) < 40
    limit = (flat.junction() + tall.junction()) / 2
    air = replace(tall.cooling, limit=limit)
    slow = replace(tall, cooling=air)
    assert 0 < slow.rate < tall.rate
    assert slow.junction() == pytest.approx(air.limit)
    assert "above the limit of 45 °C" in slow.notes()[0]
    assert replace(flat, cooling=air).cool


def test_the_same_in_plain_values() -> None:
    out = fit(IMAGE, load_medium("pcm-3d")).to_dict()
    plan = fit(IMAGE, load_medium("pcm-3d"))
    assert out["junction_k"] == plan.junction()
    assert out["power_w"] == plan.power()
    assert out["dies"] == 1
    assert out["vias"] == plan.tiles * 16 * (512 + 2 * 512)
    assert out["price_dollars"] == pytest.approx(plan.dies.price)
