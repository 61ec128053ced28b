"""The converter that adapts to the data, tile by tile: accuracy of VGG8 against the energy of its conversions.

python examples/05_levels_of_partial_sums.py [folder for the figure]; MHO_SMOKE=1 makes it small, with another network.

As chips have them: each row tile of 256 rows converts its own partial sums. Levels are fitted for each row tile or for
each column, learned so that the network answers as its digital self, and given as many bits as each layer needs within
a budget. Counted are chips whose levels are as devices with a spread of 1 % put them; nothing else errs. Half an hour
on one core.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from torch import nn

import mho
import mho.nn
from mho.converters import AbstractConverter, Memristive, load_converter
from mho.samples import vgg8, vgg8_images

SMOKE = os.environ.get("MHO_SMOKE") == "1"
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "example-output")
ROWS, BATCH = 256, 50

# %% [markdown]
# A network, images to fit levels to, and other images to count.

# %%
if SMOKE:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 225, 10)).eval()
    images, labels = vgg8_images(24)
    fit, x, truth = images[::2], images[1::2], labels[1::2]
else:
    network = vgg8()
    images, labels = vgg8_images()
    counted = torch.arange(len(images)) % 4 != 1
    fit, x, truth = images[1::4], images[counted][::3], labels[counted][::3]
CHIPS, EPOCHS = (2, 1) if SMOKE else (4, 2)


def answers(net: nn.Module, some: torch.Tensor) -> torch.Tensor:
    """Scores, batch by batch."""
    with torch.no_grad():
        return torch.cat([net(batch) for batch in some.split(BATCH)])


digital = 100 * float((answers(network, x).argmax(1) == truth).float().mean())
print(f"digital: {digital:.1f} %")

# %% [markdown]
# How many conversions a layer takes: one for each output and row tile.

# %%
layers = mho.nn.matrix_layers(network)
sizes: dict[str, int] = {}
for name, layer in layers.items():
    layer.register_forward_hook(lambda _, __, y, name=name: sizes.__setitem__(name, y[0].numel()))
answers(network, x[:1])
conversions = {name: sizes[name] * -(-layer.weight[0].numel() // ROWS) for name, layer in layers.items()}


def energy(converter: AbstractConverter, bits: dict[str, int]) -> float:
    """Energy of all conversions of an image, in J."""
    costs = {b: converter.with_bits(b).costs(ROWS)["convert"].energy for b in set(bits.values())}
    return sum(count * costs[bits[name]] for name, count in conversions.items())


# %% [markdown]
# Tiles of `hermes` whose converters have a kind and bits, and err in nothing but how devices come out.

# %%
points: dict[str, list[tuple[float, float, float]]] = {}


def on_tiles(converter: AbstractConverter, bits: dict[str, int], clip: bool = False) -> nn.Module:
    """The network on tiles, calibrated; each layer with its bits."""
    chip = mho.Chip.load("hermes").with_converter(converter)
    chip = chip.only(*{"level variation"} & set(chip.effects))
    how = "least squares" if clip else "covering"
    options = {name: mho.Quantization(adc_bits=b, adc_range=how) for name, b in bits.items()}
    tiled = mho.nn.convert(network, chip, layers=options).eval()
    mho.nn.calibrate(tiled, fit.split(BATCH))
    return tiled


def show(
    kind: str, converter: AbstractConverter, bits: dict[str, int], learn: bool = False, clip: bool = False
) -> None:
    """Measure on some chips, and keep the point."""
    tiled = on_tiles(converter, bits, clip)
    if learn:
        torch.manual_seed(0)
        mho.nn.learn_levels(tiled, network, fit.split(BATCH), EPOCHS, 0.05)
    chips = mho.nn.program(tiled, instances=CHIPS if converter.adaptive else 1).at(None)
    with torch.no_grad():
        found = [chips(some, first=i * BATCH).argmax(-1) for i, some in enumerate(x.split(BATCH))]
    shares = [100 * float(a) for a in (torch.cat(found, 1) == truth).double().mean(1)]
    spread = stdev(shares) if len(shares) > 1 else 0.0
    points.setdefault(kind, []).append((energy(converter, bits), mean(shares), spread))
    print(f"{kind}: {mean(shares):.1f} +- {spread:.1f} % at {1e9 * energy(converter, bits):.2f} nJ", flush=True)


def spread_of(group: int) -> Memristive:
    """Memristive converters of four bits, one set of levels for a row tile (0) or each column (1), devices 1 % off."""
    found = load_converter("memristive-4b")
    assert isinstance(found, Memristive)
    return replace(found, group=group).with_spread(0.01)


for b in (2, 3, 4):
    every = dict.fromkeys(conversions, b)
    show("equal steps, clipped", load_converter("sar-4b"), every, clip=True)
    show("least error, a row tile", spread_of(0), every)
    show("least error, a column", spread_of(1), every)
    if b < 4:  # beyond, nothing is left to gain
        show("learned, a row tile", spread_of(0), every, learn=True)
        show("learned, a column", spread_of(1), every, learn=True)

# %% [markdown]
# What each layer alone loses with two or three bits, as the distance of the answers, decides how many it gets.

# %%
some = fit[:100]
wanted = answers(network, some).softmax(-1)
losses: dict[str, dict[int, float]] = {name: {4: 0.0} for name in conversions}
for name in conversions:
    for b in (2, 3):
        got = answers(on_tiles(spread_of(0), {n: b if n == name else 4 for n in conversions}), some).log_softmax(-1)
        losses[name][b] = float(nn.functional.kl_div(got, wanted, reduction="batchmean"))
one = {b: spread_of(0).with_bits(b).costs(ROWS)["convert"].energy for b in (2, 3, 4)}
costs = {name: {b: count * one[b] for b in one} for name, count in conversions.items()}
for share in (0.15, 0.4):
    least, most = (sum(c[b] for c in costs.values()) for b in (2, 3))
    chosen = mho.nn.allocate_bits(losses, costs, least + share * (most - least))
    print(f"bits by layer: {list(chosen.values())}")
    show("learned, bits by layer", spread_of(0), chosen, learn=True)

# %% [markdown]
# Accuracy against energy, with the spread between chips.

# %%
figure = Figure(figsize=(6.4, 4.0), layout="constrained")
axes = figure.add_subplot()
axes.axhline(digital, color="#1d2733", linewidth=1, linestyle=":", label="digital")
colours = ("#7a8288", "#b8860b", "#1f6f8b", "#d1603d", "#3a7d44", "#6a4c93")
for (kind, measured), colour in zip(points.items(), colours, strict=True):
    spent, accuracies, spreads = zip(*sorted(measured), strict=True)
    axes.errorbar([1e9 * e for e in spent], accuracies, spreads, fmt="o-", color=colour, label=kind, capsize=3)
axes.set_xscale("log")
axes.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 3, 5, 10, 20, 100, 300, 500]))
axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
axes.xaxis.set_minor_locator(NullLocator())
axes.set_xlabel("energy of the conversions of one image (nJ)")
axes.set_ylabel("accuracy (%)")
axes.grid(color="#e3e8ee")
axes.legend(frameon=False)
FOLDER.mkdir(parents=True, exist_ok=True)
file = FOLDER / "05_levels_of_partial_sums.png"
figure.savefig(file, dpi=130)
print(f"drew {file}")
