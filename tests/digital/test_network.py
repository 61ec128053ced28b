"""Networks on chip: the fastest repeated wire, tree and mesh link by link, a published router."""

import math
from dataclasses import replace

import pytest
from scipy.optimize import minimize

from mho.core import SpecError
from mho.digital import HTree, Mesh, RepeatedWire, load_link, load_network_on_chip, load_technology

TABLE = load_technology()
LOGIC = TABLE.logic(28e-9)
TREE, MESH = load_network_on_chip("h-tree"), load_network_on_chip("mesh")
assert isinstance(TREE, HTree)
assert isinstance(MESH, Mesh)


def test_the_repeaters_are_those_of_the_fastest_wire() -> None:
    """Elmore delay of a stretch: the repeater charges its own capacitance and the wire, the wire itself and the next.

    The search knows nothing of the closed form: size and distance of repeaters are free.
    """
    r, c = 4e5, 2e-10  # ohm and farad a metre
    c0 = LOGIC.nand2_capacitance
    r0 = LOGIC.nand2_delay / (math.log(2) * c0)

    def delay(logs: list[float]) -> float:
        size, length = math.exp(logs[0]), math.exp(logs[1])
        stretch = math.log(2) * r0 / size * (size * c0 + c * length)
        stretch += r * length * (0.38 * c * length + math.log(2) * size * c0)
        return stretch / length * 1e9

    found = minimize(delay, [5.0, math.log(1e-4)], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    size, length = math.exp(found.x[0]), math.exp(found.x[1])
    wire = RepeatedWire.of(LOGIC, r, c)
    assert wire.delay == pytest.approx(found.fun * 1e-9, rel=1e-6)
    assert wire.gates == pytest.approx(size / length, rel=1e-4)
    assert wire.capacitance == pytest.approx(c + size * c0 / length, rel=1e-4)


def test_wires_of_a_node() -> None:
    """28 nm: four pitches of 90 nm, so 180 x 324 nm of metal; 0.2 fF/um without repeaters, 1.74 times with them."""
    wire = TREE.wire(LOGIC)
    assert wire.delay == pytest.approx(RepeatedWire.of(LOGIC, 30e-9 / (180e-9 * 324e-9), 2e-10).delay)
    assert wire.capacitance == pytest.approx(3.48e-10, rel=0.01)
    assert 0.25 * wire.capacitance * 0.9**2 == pytest.approx(1.74 * load_link("wire-28nm").metre, rel=0.01)
    fine = TREE.wire(TABLE.logic(7e-9))
    assert fine.delay > wire.delay  # gates get faster, wires of a smaller pitch slower
    with pytest.raises(SpecError, match="a network on chip takes its wires from the node of the logic; set it"):
        TREE.wire(replace(LOGIC, node=0.0))


def test_a_tree_branch_by_branch() -> None:
    """Sixteen tiles on 4 mm: four branches of 2 x 64 bits and 2 mm, sixteen of 64 bits and 1 mm; two directions."""
    assert TREE.core_width(16) == 4 * 128
    assert TREE.wire_length(16, 4e-3) == pytest.approx(2 * (4 * 2e-3 * 128 + 16 * 1e-3 * 64))
    assert TREE.way(16, 4e-3) == (pytest.approx(3e-3), 2.0)
    assert TREE.node_gates(16) == 2 * 6 * (4 * 128 + 16 * 64)
    wide, narrow = replace(TREE, growth=4.0), replace(TREE, growth=1.0)
    assert (wide.core_width(64), narrow.core_width(64)) == (64 * 64, 4 * 64)
    assert TREE.core_width(1) == 64
    assert TREE.wire_length(1, 1e-3) == 0
    with pytest.raises(ValueError, match=r"^growth must be from 1 .* to 4 .*, not 5$"):
        replace(TREE, growth=5.0)


def test_a_mesh_link_by_link() -> None:
    """16 tiles on 4 mm: 24 links of 1 mm, 4 of them across the middle; 15/16 of a hop a direction in the mean."""
    assert MESH.wire_length(16, 4e-3) == pytest.approx(24 * 1e-3 * 2 * 64)
    assert MESH.way(16, 4e-3) == (pytest.approx(2.5e-3), 3.5)
    assert MESH.core_width(16) == 4 * 2 * 64 * 2  # both directions of the four links; half of the bits cross
    assert MESH.core_width(4) == 8 * 64
    assert MESH.core_width(1) == 2 * 64  # no more than goes in and out of the tiles
    assert MESH.node_gates(16) == 16 * 745 * 64


@pytest.mark.parametrize("network", [TREE, MESH], ids=["tree", "mesh"])
def test_costs(network: HTree | Mesh) -> None:
    clock, area = 5e8, 16e-6
    costs = network.costs(LOGIC, clock, 64, area)
    wire, (metres, nodes) = network.wire(LOGIC), network.way(64, 4e-3)
    line = 0.25 * wire.capacitance * 0.81 * metres
    node = LOGIC.register(1).energy if isinstance(network, HTree) else 126 * 0.7e-15 * 0.81
    assert costs["bit"].energy == pytest.approx(line + nodes * node)
    assert costs["way"].latency == pytest.approx(metres * wire.delay + nodes * network.node_cycles / clock)
    gates = network.node_gates(64) + network.wire_length(64, 4e-3) * wire.gates
    assert costs["part"].area == pytest.approx(gates * 0.614e-12)
    assert costs["part"].leakage == pytest.approx(gates * 1e-9)
    half = network.costs(LOGIC, clock, 64, area / 4)
    assert half["bit"].energy - nodes * node == pytest.approx(line / 2)


def test_the_narrower_of_port_and_core_sets_the_time() -> None:
    """1,000 bits to one tile of 64: 15.6 cycles; 1,000 to each of 64: the core of 1,024 bits takes 62.5.

    The mesh passes 2,048 bits a cycle; what goes in and what comes out meet there, in a tree they do not.
    """
    assert TREE.transfer_time([1000.0], [10.0], 64, 1e9) == pytest.approx(15.625e-9)
    assert TREE.transfer_time([10.0], [1000.0], 64, 1e9) == pytest.approx(15.625e-9)
    assert TREE.transfer_time([1000.0] * 64, [500.0] * 64, 64, 1e9) == pytest.approx(62.5e-9)
    assert MESH.transfer_time([1000.0] * 64, [500.0] * 64, 64, 1e9) == pytest.approx(96_000 / 2048 * 1e-9)
    assert MESH.transfer_time([1000.0, 10.0], [500.0, 10.0], 64, 1e9) == pytest.approx(15.625e-9)


def test_the_published_router() -> None:
    """ISAAC at 32 nm: 20.7 pJ a word of 256 bits and 0.15 mm2; what the mesh's gates give back at that node."""
    logic = TABLE.logic(32e-9)
    router = replace(MESH, width=256)
    assert 256 * router.node_costs(logic).energy == pytest.approx(20.7e-12, rel=0.02)
    assert router.node_gates(1) * logic.nand2_area == pytest.approx(0.15e-6, rel=0.02)
    # The tile's bus of ISAAC takes 0.054 pJ a bit; a fast wire of our kind goes 0.8 mm for it, about a tile of theirs.
    wire = MESH.wire(logic)
    assert 0.4e-3 < 0.054e-12 / (0.25 * wire.capacitance * logic.supply**2) < 1.6e-3
