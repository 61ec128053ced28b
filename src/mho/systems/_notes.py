"""What a reader must know of a plan: what does not fit, wears out or gets too hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._cooling import ZERO_CELSIUS

if TYPE_CHECKING:
    from ._plan import Plan


def notes(plan: Plan) -> list[str]:
    """Say what a reader must know of this plan, a sentence each."""
    said: list[str] = []
    item = plan.workload.item
    if not plan.fits:
        said.append(
            f"{100 * plan.missing:.3g} % of the weights do not fit {plan.tiles:,} tiles ({plan.tiles_needed:,} "
            f"needed) and are reloaded for each batch"
        )
        if plan.lifetime < 10 * 365.25 * 86400:
            said.append(f"reloading wears the cells out in {plan.lifetime / 86400:.3g} days")
    limit = f"{plan.cooling.limit - ZERO_CELSIUS:.0f} °C with {plan.cooling.title}"
    if plan.rate == 0:
        said.append(
            f"its tiles leak {plan.power():.3g} W when they only wait and reach "
            f"{plan.junction() - ZERO_CELSIUS:.0f} °C, above the limit of {limit}; it cannot run"
        )
    elif not plan.cool:
        hot = plan.junction(1 / plan.interval) - ZERO_CELSIUS
        said.append(
            f"full pace would heat it to {hot:.0f} °C, above the limit of {limit}, which lets it do "
            f"{plan.rate:.3g} {item}s/s"
        )
    held = plan.workload.cache * plan.bits / 8 * plan.batch + plan.reloaded * plan.batch
    if held > plan.memories * plan.memory.capacity:
        said.append(
            f"{held / 1e9:.3g} GB of cache and weights from outside do not fit {plan.memories} x "
            f"{plan.memory.title} of {plan.memory.capacity / 1e9:.3g} GB"
        )
    return said
