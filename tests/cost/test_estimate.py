"""Costs add up exactly, follow the schedule, and rate the published chip as published."""

import math
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor, nn

from mho.chip import Chip
from mho.compiler import capture, compile, quantize
from mho.converters import load_converter
from mho.core import Cost, Seed
from mho.cost import by_block, error_bar, estimate, layer_costs, rate, summarise
from mho.devices import load_cell
from mho.digital import WORD, Control, load_buffer
from mho.ir import Program
from mho.runtime import run
from mho.tiles import OUTPUT_STAGES, Activity, AnalogTile, BitSerial, Quantization, characterise, load_tile

X = Seed(0).child("x").normal((4, 2, 6, 6))
CHIPS = [c for c in Chip.presets() if Chip.load(c).tile.shape == (256, 256)]  # the numbers below are theirs


class _Net(nn.Module):
    def __init__(self, outputs: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(64, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.conv(x)).flatten(1))


def _program(chip: str | Chip, network: nn.Module | None = None, x: Tensor = X) -> Program:
    torch.manual_seed(0)
    chip = Chip.load(chip) if isinstance(chip, str) else chip
    return compile(quantize(capture(network or _Net(), x[:1]), chip, x), chip)


def _counts(program: Program, x: Tensor = X) -> dict[str, Activity]:
    return dict(run(program, x).counts)


@pytest.mark.parametrize("chip", CHIPS)
def test_adds_up_exactly(chip: str) -> None:
    program = _program(chip)
    cost = estimate(program, _counts(program))
    total = cost.total
    leaves = [leaf.cost for leaf in cost.leaves()]
    for field in fields(Cost):
        assert getattr(total, field.name) == math.fsum(getattr(c, field.name) for c in leaves)
        assert all(getattr(c, field.name) >= 0 for c in leaves)
    assert [p.name for p in cost.parts] == ["conv", "fc", "digital operators", "clock", "leakage", "silicon"]
    assert list(layer_costs(cost)) == ["conv", "fc"]
    blocks = by_block(cost)
    energy = math.fsum(c.energy for c in blocks.values())
    latency = math.fsum(c.latency for c in blocks.values())
    assert energy == pytest.approx(total.energy, rel=1e-12)
    assert latency == pytest.approx(total.latency, rel=1e-12)
    assert all(c.area == c.leakage == 0 for c in blocks.values())
    silicon = cost["silicon"].total
    assert (silicon.energy, silicon.latency) == (0, 0)
    assert (silicon.area, silicon.leakage) == (total.area, total.leakage)
    assert list(blocks) == [
        k
        for k in (
            *("cells", "input encoding", *OUTPUT_STAGES, "adder trees", "digital"),
            *("digital operators", "clock", "leakage"),
        )
        if k in blocks
    ]


@pytest.mark.parametrize("chip", CHIPS)
def test_silicon_is_all_tiles_and_the_digital_unit(chip: str) -> None:
    program = _program(chip)
    loaded = program.chip
    silicon = estimate(program, _counts(program))["silicon"].total
    tile = sum(loaded.tile.parts().values(), Cost())
    unit = loaded.digital.costs()["part"]
    assert silicon.area == pytest.approx(loaded.tiles * tile.area + unit.area)
    assert silicon.leakage == pytest.approx(loaded.tiles * tile.leakage + unit.leakage)


def _hand_latency(program: Program) -> float:
    """One image through convolution, ReLU, flattening and linear layer, one after the other."""
    tile = program.chip.tile
    on = program.placement.tiles_used / program.chip.tiles
    cycle = 1 / (program.chip.digital.lanes * program.chip.digital.clock * on)
    product = sum(c.latency for c in tile.mvm_cost(18, 4, True).values())
    unsigned = sum(c.latency for c in tile.mvm_cost(64, 5, False).values())
    conv = 16 * product + (72 + 64) * cycle
    relu = 64 * cycle
    fc = unsigned + (64 + 5) * cycle
    return conv + relu + fc


@pytest.mark.parametrize("chip", CHIPS)
def test_latency_of_two_layers_by_hand(chip: str) -> None:
    program = _program(chip)
    assert estimate(program, _counts(program)).total.latency == pytest.approx(_hand_latency(program))


def test_latency_of_hermes_in_numbers() -> None:
    """130 ns a product: 128 ns of pulse and 2 ns of settling; 64 lanes at 1 GHz for the one tile that is on."""
    program = _program("hermes")
    assert program.placement.tiles_used == 1
    products = 17 * 130e-9
    digital = (136 + 64 + 69) / (64 * 1e9)
    assert estimate(program, _counts(program)).total.latency == pytest.approx(products + digital)


@pytest.mark.parametrize("chip", CHIPS)
def test_digital_energy_by_hand(chip: str) -> None:
    program = _program(chip)
    cost, unit = estimate(program, _counts(program)), program.chip.digital.costs()
    relu = unit["operation"].energy * 64 + unit["bit"].energy * 128 * WORD
    assert cost["digital operators"]["relu"].cost.energy == pytest.approx(relu)
    assert cost["digital operators"]["flatten"].cost == Cost()
    own = program.chip.tile.mvm_cost(64, 5, False)["digital"].energy
    scale = unit["scale"].energy * 69 + unit["bit"].energy * 69 * 8
    assert cost["fc"]["digital"].cost.energy == pytest.approx(own + scale)


@pytest.mark.parametrize("chip", CHIPS)
def test_row_tiles_are_added_up(chip: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(600, 10))
    x = torch.linspace(0, 1, 1200).reshape(2, 600)
    program = _program(chip, network, x)
    assert len(program.placement.blocks) == 3
    counts = _counts(program, x)
    cost, unit = estimate(program, counts), program.chip.digital.costs()
    tile = program.chip.tile.mvm_cost(200, 10, False)
    data = program.chip.tile.cell_cost(counts["1"], 6000).get("input encoding", Cost())
    digital = 3 * tile["digital"].energy + unit["scale"].energy * 610 + unit["bit"].energy * 610 * 8
    digital += unit["operation"].energy * 20
    assert cost["1"]["digital"].cost.energy == pytest.approx(digital)
    assert cost["1"]["input encoding"].cost.energy == pytest.approx(3 * tile["input encoding"].energy + data.energy)
    assert cost["1"]["input encoding"].cost.latency == pytest.approx(tile["input encoding"].latency)


@pytest.mark.parametrize("chip", CHIPS)
def test_linear_in_the_positions(chip: str) -> None:
    """A convolution over four times the pixels, with the same drive, costs four times as much in every block."""
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 4, 1)
    small, large = (torch.ones(1, 2, n, n) for n in (4, 8))
    costs = []
    for x in (small, large):
        program = _program(chip, conv, x)
        costs.append(estimate(program, _counts(program, x)))
    (a,), (b,) = (layer_costs(c).values() for c in costs)
    for block in a.parts:
        assert b[block.name].cost.energy == pytest.approx(4 * block.cost.energy, rel=1e-4)
        assert b[block.name].cost.latency == pytest.approx(4 * block.cost.latency, rel=1e-4)
    for name in ("clock", "leakage"):
        assert costs[1][name].cost.energy == pytest.approx(4 * costs[0][name].cost.energy, rel=1e-4)
    assert costs[1].total.area == costs[0].total.area


@pytest.mark.parametrize("chip", CHIPS)
def test_only_tiles_in_use_leak(chip: str) -> None:
    one = _program(chip)
    network = nn.Sequential(nn.Flatten(), nn.Linear(1024, 512))
    x = torch.linspace(0, 1, 2048).reshape(2, 1024)
    eight = _program(chip, network, x)
    assert (one.placement.tiles_used, eight.placement.tiles_used) == (1, 8)
    for program, images in ((one, X), (eight, x)):
        cost = estimate(program, _counts(program, images))
        share = program.placement.tiles_used / program.chip.tiles
        leakage = cost["silicon"].total.leakage * share * cost.total.latency
        assert cost["leakage"].total.energy == pytest.approx(leakage)


@pytest.mark.parametrize("chip", CHIPS)
def test_clock_runs_in_tiles_at_work(chip: str) -> None:
    program = _program(chip)
    tile = program.chip.tile
    busy = 16 * sum(c.latency for c in tile.mvm_cost(18, 4, True).values())
    busy += sum(c.latency for c in tile.mvm_cost(64, 5, False).values())
    clock = estimate(program, _counts(program))["clock"].cost
    assert clock.energy == pytest.approx(busy * program.chip.digital.clock_power())


@pytest.mark.parametrize("chip", CHIPS)
def test_energy_follows_the_data(chip: str) -> None:
    program = _program(chip)
    quiet, loud = (estimate(program, _counts(program, X * gain)) for gain in (0.1, 1.0))
    none = estimate(program, _counts(program, X * 0))
    cells = [c["conv"]["cells"].cost.energy for c in (none, quiet, loud)]
    assert cells[0] == 0
    assert cells[0] < cells[1] < cells[2]
    assert loud.total.latency == quiet.total.latency == none.total.latency
    assert loud["conv"]["digital"].cost == quiet["conv"]["digital"].cost


def test_cell_energy_is_that_of_ohms_law() -> None:
    program = _program("hermes")
    counts, tile = _counts(program), program.chip.tile
    assert isinstance(tile, AnalogTile)
    cost = estimate(program, counts)
    for name in ("conv", "fc"):
        charge = tile.read_voltage * counts[name].siemens_seconds
        assert cost[name]["cells"].cost.energy == pytest.approx(tile.read_voltage * charge)


@pytest.mark.parametrize("chip", ["hermes", "tile2-rram", "dimc-sram"])
def test_blocks_of_a_layer_in_one_tile_take_turns(chip: str) -> None:
    """Same products, same dynamic energy; as many times as long as there are turns."""
    network, x = nn.Conv2d(8, 8, 3, groups=4), torch.rand(2, 8, 6, 6, generator=Seed(0).generator())
    apart = _program(chip, network, x)
    together = _program(replace(Chip.load(chip), tiles=1), network, x)
    node = next(apart.quant.graph.matrix_nodes()).name
    assert (apart.placement.depth(node), together.placement.depth(node)) == (1, 4)
    assert (apart.schedule[0].repeats, together.schedule[0].repeats) == (16, 64)
    counts = _counts(apart, x)
    a, b = (layer_costs(estimate(p, counts))[node] for p in (apart, together))
    for block in ("input encoding", *(OUTPUT_STAGES if chip != "dimc-sram" else ("adder trees",))):
        assert b[block].cost.energy == pytest.approx(a[block].cost.energy)
        assert b[block].cost.latency == pytest.approx(4 * a[block].cost.latency)
    assert b["cells"].cost == a["cells"].cost
    clocks = [estimate(p, counts)["clock"].cost.energy for p in (apart, together)]
    assert clocks[0] == pytest.approx(clocks[1])


# Ratings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tops", "tops_per_watt", "watt", "nanoseconds"),
    [("hermes", 63.1, 9.76, 6.47, 133), ("hermes-4phase", 16.1, 2.48, 6.49, 521)],
)
def test_hermes_as_published(name: str, tops: float, tops_per_watt: float, watt: float, nanoseconds: float) -> None:
    """Within 10 % of Le Gallo et al. (2023)."""
    rating = rate(Chip.load(name))
    assert rating.tops == pytest.approx(tops, rel=0.1)
    assert rating.tops_per_watt == pytest.approx(tops_per_watt, rel=0.1)
    assert rating.watt == pytest.approx(watt, rel=0.1)
    assert rating.mvm_seconds == pytest.approx(nanoseconds * 1e-9, rel=0.1)


@pytest.mark.parametrize("name", CHIPS)
def test_figures_of_a_rating_agree(name: str) -> None:
    chip = Chip.load(name)
    rating = rate(chip)
    operations = 2 * 256 * 256
    assert rating.tops == pytest.approx(chip.tiles * operations / rating.mvm_seconds / 1e12)
    assert rating.watt == pytest.approx(rating.tops / rating.tops_per_watt)
    assert rating.tops_per_watt == pytest.approx(operations / rating.mvm_joule / 1e12)
    program = _program(chip)
    area = estimate(program, _counts(program)).total.area
    assert rating.tops_per_mm2 == pytest.approx(rating.tops / (area * 1e6))


def test_summary() -> None:
    program = _program("hermes")
    cost = estimate(program, _counts(program))
    summary = summarise(program, cost)
    assert summary.operations == 2 * (16 * 4 * 18 + 64 * 5)
    assert (summary.energy, summary.latency, summary.area) == (cost.total.energy, cost.total.latency, cost.total.area)
    assert (summary.tiles_used, summary.utilisation) == (1, (18 * 4 + 64 * 5) / 65536)
    assert summary.tops_per_watt == pytest.approx(summary.operations / summary.energy / 1e12)
    assert summary.tops_per_watt < rate(program.chip).tops_per_watt
    bar = error_bar(program.chip)
    assert bar is not None
    assert summary.energy_range == (summary.energy * bar.energy[0], summary.energy * bar.energy[1])


def test_a_layer_may_be_called_like_a_part_of_the_estimate() -> None:
    network = nn.Sequential()
    network.add_module("clock", nn.Linear(12, 5))
    x = torch.linspace(0, 1, 24).reshape(2, 12)
    program = _program("hermes", network, x)
    cost = estimate(program, _counts(program, x))
    assert list(layer_costs(cost)) == ["clock (layer)"]
    assert by_block(cost)["clock"] == cost["clock"].cost


# Cells that forget ----------------------------------------------------------------------------------------------


def _dynamic(columns_per_converter: int = 8, concurrent: bool = False, **cell: object) -> Chip:
    """Return a chip of capacitive tiles whose cells are dynamic: 256 x 256 weights of eight cells."""
    tile = load_tile("tile-capacitive")
    assert isinstance(tile, AnalogTile)
    dram = replace(load_cell("dram"), **cell)
    converter = load_converter("cco-hermes") if concurrent else tile.converter
    tile = replace(
        tile,
        cell=dram,
        inputs=BitSerial(8, 2e-9),
        converter=converter,
        columns_per_converter=columns_per_converter,
        spare_columns=2,
    )
    return replace(Chip.load("tile2-rram"), tile=tile, tiles=4)


def test_restoring_and_refreshing_by_hand() -> None:
    """Each phase, all cells on the word lines of the layer, row after row; and each cell of a tile that is on, always.

    36.3 fJ an access and 15 ns a row; the first layer has 16 products of 18 rows, the second one of 64 rows.
    """
    program = _program(_dynamic())
    cost = estimate(program, _counts(program))
    row = 258 * 8 * 36.3e-15
    for layer, products, rows in (("conv", 16, 18), ("fc", 1, 64)):
        phases = 8
        restore = cost[layer]["restore"].cost
        assert restore.energy == pytest.approx(products * phases * rows * row, rel=1e-9)
        assert restore.latency == pytest.approx(products * phases * rows * 15e-9, rel=1e-9)
    assert program.placement.tiles_used == 1
    names = [p.name for p in cost.parts]
    assert names == ["conv", "fc", "digital operators", "clock", "refresh", "leakage", "silicon"]
    refresh = cost["refresh"].cost
    assert refresh.energy == pytest.approx(256 * row / 64e-3 * cost.total.latency, rel=1e-9)
    assert refresh.latency == 0
    blocks = by_block(cost)
    assert list(blocks)[:2] == ["cells", "restore"]
    assert blocks["refresh"] == refresh
    assert blocks["restore"].energy == pytest.approx(sum(cost[n]["restore"].cost.energy for n in ("conv", "fc")))
    assert math.fsum(c.energy for c in blocks.values()) == pytest.approx(cost.total.energy, rel=1e-12)
    assert list(layer_costs(cost)) == ["conv", "fc"]


def test_without_restore_or_refresh_there_is_none() -> None:
    """And all else costs the same, but for the leakage of a longer product."""
    whole = _program(_dynamic())
    counts = _counts(whole)
    bare = replace(whole, chip=_dynamic(restored=False, refresh=math.inf))
    cost, full = estimate(bare, counts), estimate(whole, counts)
    assert not {"restore", "refresh"} & set(by_block(cost))
    less, more = by_block(cost), by_block(full)
    for block in ("cells", "input encoding", *OUTPUT_STAGES, "digital"):
        assert more[block] == less[block]


def test_lines_pulsed_again_are_restored_again() -> None:
    """A converter that works while the pulse lasts has each of its columns pulsed in turn."""
    one, four = (_dynamic(c, concurrent=True).tile.mvm_cost(10, 10, False)["restore"] for c in (1, 4))
    assert (four.energy, four.latency) == (pytest.approx(4 * one.energy), pytest.approx(4 * one.latency))


def test_a_peak_rating_includes_restoring_and_refreshing() -> None:
    kept, free = rate(_dynamic()), rate(_dynamic(restored=False, refresh=math.inf))
    assert kept.mvm_joule > free.mvm_joule + 8 * 256 * 258 * 8 * 36.3e-15
    blocks = characterise(_dynamic().tile, instances=2, vectors=4).blocks
    power = 256 * 258 * 8 * 36.3e-15 / 64e-3
    latency = math.fsum(c.latency for c in blocks.values())
    assert blocks["refresh"].energy == pytest.approx(power * latency)


def test_a_layer_of_the_name_of_a_block() -> None:
    class _Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.refresh = nn.Linear(72, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.refresh(x.flatten(1))

    program = _program(_dynamic(), _Named())
    assert list(layer_costs(estimate(program, _counts(program)))) == ["refresh (layer)"]


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_a_layer_with_fewer_converter_bits(bits: int) -> None:
    """The other layer costs what it did; this one's conversions are shorter and take less, and leakage follows."""
    torch.manual_seed(0)
    graph, chip = capture(_Net(), X[:1]), Chip.load("tile2-rram")
    full = _program(chip)
    few = compile(quantize(graph, chip, X, layers={"fc": Quantization(adc_bits=bits)}), chip)
    counts = _counts(full)
    before, after = estimate(full, counts), estimate(few, counts)
    assert after["conv"].total == before["conv"].total
    assert after["silicon"].total == before["silicon"].total
    assert isinstance(chip.tile, AnalogTile)
    sar = chip.tile.converter
    one, less = sar.costs(256)["convert"], sar.at_bits(bits).costs(256)["convert"]
    conversions = 8 * 5  # slices x outputs, in one phase of one row tile
    saved = before["fc"].total.energy - after["fc"].total.energy
    assert saved == pytest.approx(conversions * (one.energy - less.energy), rel=1e-6)
    time = before["fc"].total.latency - after["fc"].total.latency
    assert time == pytest.approx(8 * (one.latency - less.latency), rel=1e-6)
    assert after.total.energy < before.total.energy - saved


# Controllers and what leaks -------------------------------------------------------------------------------------


def test_control_by_hand() -> None:
    """64 controllers for 64 tiles, one of them on: 17 products fetch, and it steps while products and operators run."""
    control = Control(count=64, gates=1000, activity=0.1, instructions=10, instruction_bits=32, memory_bits=8192)
    bare = _program("hermes")
    chip = replace(bare.chip, digital=replace(bare.chip.digital, control=control))
    program = replace(bare, chip=chip)
    counts = _counts(bare)
    before, cost = estimate(bare, counts), estimate(program, counts)
    assert "control" not in by_block(before)
    logic = chip.digital.logic
    relu = cost["digital operators"].total.latency
    stepping = 100 * 0.35e-15 * 0.8**2 * 1e9
    assert cost["control"].cost.energy == pytest.approx(
        17 * 320 * logic.sram_bit_energy + stepping * (17 * 130e-9 + relu)
    )
    part = control.part(logic)
    assert cost["silicon"]["control"].cost == part
    assert cost.total.area == pytest.approx(before.total.area + part.area)
    assert cost.total.latency == before.total.latency
    named, total = cost["leakage"]["control"].cost.energy, cost.total
    assert named == pytest.approx(part.leakage / 64 * total.latency)
    assert total.energy == pytest.approx(before.total.energy + cost["control"].cost.energy + named)
    slow, fast = rate(chip), rate(bare.chip)
    more = 320 * logic.sram_bit_energy + (stepping + part.leakage / 64) * fast.mvm_seconds
    assert slow.mvm_joule - fast.mvm_joule == pytest.approx(more)


def test_leakage_is_named_by_what_leaks() -> None:
    """Converters and pre-conversion leak in the read-out: 256 oscillators and 256 lines that are held, of one tile."""
    bare = _program("hermes")
    tile = bare.chip.tile
    assert isinstance(tile, AnalogTile)
    leaking = replace(tile, converter=replace(tile.converter, leakage=1e-6), pre=replace(tile.pre, leakage=2e-6))
    counts = _counts(bare)
    before = estimate(bare, counts)
    after = estimate(replace(bare, chip=replace(bare.chip, tile=leaking)), counts)
    names = [p.name for p in after["leakage"].parts]
    assert names == ["input encoding", *OUTPUT_STAGES, "digital", "digital unit"]
    for name in names:
        power = after["silicon"][name].cost.leakage / 64
        assert after["leakage"][name].cost.energy == pytest.approx(power * after.total.latency)
    for stage, power in (("pre-conversion", 2e-6), ("ADC", 1e-6)):
        (own,) = [p.cost.energy for p in after["leakage"].parts if p.name == stage]
        idle = sum(p.cost.energy for p in before["leakage"].parts if p.name == stage)
        assert own - idle == pytest.approx(256 * power * after.total.latency)
    smaller = leaking.at_node(7e-9)
    assert isinstance(smaller, AnalogTile)
    assert smaller.converter.leakage == pytest.approx(1e-6 * (smaller.pre.leakage or 0) / 2e-6)


def test_a_dynamic_buffer_is_refreshed() -> None:
    """One tile of 64 is on, and with it a 64th of the buffer, for the whole latency; layers pay its bits."""
    bare = _program("hermes")
    buffer = load_buffer("edram-512kb")
    chip = replace(bare.chip, digital=replace(bare.chip.digital, buffer=buffer))
    counts = _counts(bare)
    before, after = estimate(bare, counts), estimate(replace(bare, chip=chip), counts)
    logic = chip.digital.logic
    kept = by_block(after)["buffer refresh"].energy
    assert kept == pytest.approx(buffer.refresh(logic) / 64 * after.total.latency)
    assert "buffer refresh" not in by_block(before)
    bits = 8 * (64 + 5)
    more = after["fc"]["digital"].cost.energy - before["fc"]["digital"].cost.energy
    assert more == pytest.approx(bits * (buffer.bit(logic).energy - logic.sram_bit_energy))
    static = rate(chip).mvm_joule - rate(bare.chip).mvm_joule
    parts = chip.digital.costs()["part"].leakage - bare.chip.digital.costs()["part"].leakage
    assert static == pytest.approx((buffer.refresh(logic) + parts) / 64 * rate(chip).mvm_seconds)
