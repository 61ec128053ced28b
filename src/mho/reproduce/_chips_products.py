"""Products whose circuits are not published, from generic tiles and published counts: claims of makers beside ours."""

from __future__ import annotations

from torch import Tensor, nn

import mho
from mho.chip import Chip
from mho.core import Seed
from mho.cost import expected_counts, rate

from ._row import Row

_CLAIM = "a claim of its maker"


def rows() -> list[Row]:
    """Return the rows of all of them."""
    return [*_mythic(), *_flash(), *_digital(), *_voice()]


def _mythic() -> list[Row]:
    r = rate(Chip.load("mythic-m1076"))
    four = "four times the processor"
    note = "a product claim; its circuits are not published"
    return [
        Row("flash processor, 76 tiles", "TOPS", 25, r.tops, 0.5, "[mythic2021]", comment=note),
        Row("flash processor, 76 tiles", "W", (3, 4), r.watt, 0.5, "[mythic2021]"),
        Row("flash processor, 76 tiles", "TOPS/W", (6.5, 8.7), r.tops_per_watt, 0.5, "[mythic2021]"),
        Row("card with four flash processors", "TOPS", 100, 4 * r.tops, 0.5, "[mythic2021]",
            comment=f"{_CLAIM}; {four}"),
        Row("card with four flash processors", "W", (0, 25), 4 * r.watt, 0.0, "[mythic2021]",
            comment=f"{_CLAIM}, less than 25 W, so that the ratio says little; {four}, without bridge and regulators"),
        Row("card with four flash processors", "million weights", 320, 4 * _weights("mythic-m1076"), 0.01,
            "[mythic2021]", "definition"),
    ]  # fmt: skip


def _weights(name: str) -> float:
    """Return the weights that a chip holds, in millions."""
    chip = Chip.load(name)
    rows, columns = chip.tile.shape
    return chip.tiles * rows * columns / 1e6


def _flash() -> list[Row]:
    voice = rate(Chip.load("wtm2101"))
    macro, camera = rate(Chip.load("membrain")), rate(Chip.load("hexa01"))
    return [
        Row("voice processor with flash (WTM2101)", "GOPS", 50, 1e3 * voice.tops, 0.5, "[witmem2022]",
            comment=f"{_CLAIM}; ours if both tiles worked all the time"),
        Row("processors with split-gate flash (memBrain)", "TOPS/W", (20, 80), macro.tops_per_watt, 0.0,
            "[membrain2022]", comment="what a customer expects of a processor; generic flash tiles of 40 nm"),
        Row("camera processor with flash (HEXA01)", "TOPS", 16, camera.tops, 0.5, "[qbitai2023]",
            comment="of the scenario for which it is named, 32 MB; of the chip nothing is known"),
    ]  # fmt: skip


def _digital() -> list[Row]:
    driving, card = rate(Chip.load("houmo-h30")), rate(Chip.load("corsair"))
    generic = "generic digital tile; the number of macros is not published"
    return [
        Row("driving processor, 12 nm (Houmo H30), cores", "TOPS/W", 15, driving.tops_per_watt, 0.5, "[houmo2023]",
            comment=f"{_CLAIM}; {generic}"),
        Row("driving processor, 12 nm (Houmo H30), chip", "TOPS/W", 256 / 35, driving.tops_per_watt, 0.5,
            "[houmo2023]", comment="256 TOPS at 35 W; ours without memory interface and host"),
        Row("inference card, 6 nm (Corsair)", "TOPS/W", 38, card.tops_per_watt, 0.5, "[dmatrix2024]",
            comment=f"{_CLAIM}, a projection; {generic}"),
    ]  # fmt: skip


class KeywordSpotter(nn.Module):
    """The keyword network of the MLPerf Tiny benchmark: a convolution and four separable ones of 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 64, (10, 4), 2, (5, 1)), nn.ReLU()]
        for _ in range(4):
            layers += [nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(64, 12)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores for twelve classes of 49 x 10 coefficients."""
        return self.classify(self.features(x).mean((2, 3)))


def keyword_energy(chip: Chip) -> tuple[float, int]:
    """Return the energy of one inference of the keyword network on a chip, in J, and its multiply-adds."""
    x = Seed(0).child("coefficients").normal((4, 1, 49, 10))
    network = KeywordSpotter().eval()
    draw = Seed(0).child("weights")
    for name, p in network.named_parameters():
        p.data = draw.child(name).normal(tuple(p.shape)) / max(1, p[0].numel()) ** 0.5
    program = mho.compile(mho.quantize(mho.capture(network, x), chip, x), chip)
    graph = program.quant.graph
    macs = sum(graph.macs(n) for n in graph.matrix_nodes())
    return mho.estimate(program, expected_counts(program, x)).total.energy, macs


def _voice() -> list[Row]:
    chip = Chip.load("ndp120").at_node("40 nm", "0.9 V")
    energy, macs = keyword_energy(chip)
    return [
        Row("near-memory processor (NDP120), keyword network", "uJ", 35.29, 1e6 * energy, 0.5,
            "MLPerf Tiny 0.7, recalled in notes of others",
            comment=f"at 0.9 V and 4.3 ms; {macs / 1e6:.2f} million products on generic digital tiles"),
        Row("near-memory processor (NDP120), keyword network, earlier", "uJ", 60, 1e6 * energy, 0.5, "[syntiant2021]",
            comment="its maker's own measurement, at 6 ms"),
    ]  # fmt: skip
