"""`fit`: does a network fit a chip or a medium, on which area, at which energy and speed, with what from outside."""

from __future__ import annotations

from mho.core import SpecError
from mho.digital import Link, Memory, load_link, load_memory

from ._cooling import Cooling, load_cooling
from ._mapping import Mapping
from ._medium import Medium
from ._plan import Plan
from ._workload import Workload


def fit(
    workload: Workload,
    medium: Medium,
    *,
    name: str = "",
    area: float | None = None,
    batch: int = 1,
    bits: int = 8,
    memory: Memory | str = "lpddr4",
    memories: int = 1,
    link: Link | str = "noc-32nm",
    packed: bool = True,
    cooling: Cooling | str = "forced-air",
) -> Plan:
    """Put a workload on tiles of a medium.

    As many tiles as it takes, unless an area or the medium's own number of tiles limits them; then the rest of the
    weights is reloaded from the memory for each batch.

    Args:
        workload: what an item asks for.
        medium: what holds the weights.
        name: of the plan, for tables.
        area: in m2, that all tiles may take.
        batch: items that share one reloading.
        bits: of activations and of the cache.
        memory: beside the chip, a preset's name or a part.
        memories: how many of them, side by side.
        link: between the tiles, a preset's name or a part.
        packed: whether parts of different layers share a tier.
        cooling: of each die, a preset's name or a part.

    Raises:
        SpecError: if the area does not hold a single tile, or a number is not above zero.

    >>> from mho.systems import load_medium, load_workload
    >>> plan = fit(load_workload("resnet-20"), load_medium("rram-22nm"))
    >>> plan.fits, plan.tiles
    (True, 7)
    """
    if min(batch, bits, memories) < 1:
        raise SpecError([f"batch, bits and memories must be above zero, not {batch}, {bits} and {memories}"])
    if not workload.ops:
        raise SpecError([f"a network must have weights to fit a chip; {workload.name} has none in matrices"])
    mapping = Mapping.of(workload, medium, packed)
    tiles = medium.tiles or -(-mapping.tiers // medium.arrays)
    if area is not None:
        room = int(area / medium.tile_area)
        if room < 1:
            raise SpecError(
                [
                    f"an area of {area * 1e6:.3g} mm2 must hold at least one tile of {medium.title}, "
                    f"which takes {medium.tile_area * 1e6:.3g} mm2; give more area"
                ]
            )
        tiles = min(tiles, room)
    memory = load_memory(memory) if isinstance(memory, str) else memory
    link = load_link(link) if isinstance(link, str) else link
    cooling = load_cooling(cooling) if isinstance(cooling, str) else cooling
    return Plan(name or medium.title, workload, medium, mapping, tiles, batch, bits, memory, memories, link, cooling)
