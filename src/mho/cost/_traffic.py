"""What a network on chip carries and takes: the bits of a layer's products, their time, the network's area."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mho.chip import Chip
from mho.core import Cost
from mho.ir import Block
from mho.tiles import AbstractTile


def network_costs(chip: Chip) -> Mapping[str, Cost]:
    """Return the energy of a `bit`, the time of its `way` and the `part` of the chip's network; empty without one."""
    if chip.network is None:
        return {}
    tiles = chip.tiles * sum(c.area for c in chip.tile.parts().values())
    area = tiles + chip.digital.costs()["part"].area
    return chip.network.costs(chip.digital.logic, chip.digital.clock, chip.tiles, area)


def transfer(chip: Chip, tile: AbstractTile, blocks: Sequence[Block]) -> Cost:
    """Return what the network takes for one product of a layer: every block gets its rows and gives its sums.

    Inputs are sent anew for each product and to each block: a tile has registers for the one at work and the next.
    Both directions work at once.
    """
    if chip.network is None:
        return Cost()
    incoming: dict[int, int] = defaultdict(int)
    outgoing: dict[int, int] = defaultdict(int)
    for b in blocks:
        rows, sums = tile.product_bits(b.rows, b.columns)
        incoming[b.tile] += rows
        outgoing[b.tile] += sums
    to, back = list(incoming.values()), list(outgoing.values())
    return Cost(
        energy=network_costs(chip)["bit"].energy * (sum(to) + sum(back)),
        latency=chip.network.transfer_time(to, back, chip.tiles, chip.digital.clock),
    )


def layer_network(chip: Chip, tile: AbstractTile, blocks: Sequence[Block], positions: float, product: float) -> Cost:
    """Return what the network adds to a layer of some positions whose products take `product` seconds each.

    While one product is computed the bits of the next arrive. So a layer waits for the first bits on their way, for
    the last on theirs, for one transfer, and wherever a transfer takes longer than a product.
    """
    if chip.network is None:
        return Cost()
    once = transfer(chip, tile, blocks)
    waits = once.latency + (positions - 1) * max(0.0, once.latency - product)
    return Cost(energy=once.energy * positions, latency=waits + 2 * network_costs(chip)["way"].latency)
