"""The converter that adapts to the data: accuracy of VGG8 against the energy of its converters.

python examples/04_adaptive_converter.py [folder for the figure]; MHO_SMOKE=1 makes it small, with another network.

Whole outputs of layers go through memristive converters of few bits. Their levels are fitted to the outputs (Lloyd-Max
as published; of least error, one set a layer or one a column), learned so that the network answers as its digital self,
and given as many bits as each layer needs within a budget. Counted are converters as they come out, with levels that
are 1 % off, on several chips. Half an hour on one core.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from torch import nn

import mho.nn
from mho.converters import lloyd_max, load_converter
from mho.core import Seed
from mho.samples import vgg8, vgg8_images

SMOKE = os.environ.get("MHO_SMOKE") == "1"
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "example-output")

# %% [markdown]
# A network, images to fit levels to, and other images to count.

# %%
if SMOKE:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 225, 10)).eval()
    images, labels = vgg8_images(24)
    fit, counted = images[::2], slice(1, None, 2)
else:
    network = vgg8()
    images, labels = vgg8_images()
    fit, counted = images[1::4], torch.arange(len(images)) % 4 != 1
x, truth = images[counted], labels[counted]


def answers(net: nn.Module, some: torch.Tensor) -> torch.Tensor:
    """Scores, batch by batch."""
    with torch.no_grad():
        return torch.cat([net(batch) for batch in some.split(50)])


def accuracy(net: nn.Module) -> float:
    """Share of images that are right, in %."""
    return 100 * float((answers(net, x).argmax(1) == truth).float().mean())


digital = accuracy(network)
print(f"digital: {digital:.1f} %")

# %% [markdown]
# What a conversion costs by its bits, and how many there are in each layer: one for each output.

# %%
BITS = (2, 3, 4, 5)
converter = load_converter("memristive-5b")
per_conversion = {b: replace(converter, bits=b).costs(256)["convert"].energy for b in BITS}
outputs = mho.nn.capture_outputs(network, fit.split(50))
columns = mho.nn.capture_outputs(network, fit.split(50), by_column=True)
sizes: dict[str, int] = {}
for name, layer in mho.nn.matrix_layers(network).items():
    layer.register_forward_hook(lambda _, __, y, name=name: sizes.__setitem__(name, y[0].numel()))
answers(network, x[:1])


def energy(bits: dict[str, int]) -> float:
    """Energy of all conversions of an image, in J."""
    return sum(count * per_conversion[bits[name]] for name, count in sizes.items())


# %% [markdown]
# Equal bits for all layers: one codebook a layer, as published and of least error; one a column, and that learned from
# answers alone, with levels that are off by another draw in each batch.

# %%
VARIATION = 0.01
EPOCHS, CHIPS = (1, 2) if SMOKE else (4, 4)
points: dict[str, list[tuple[float, float, float]]] = {}


def show(kind: str, books: dict[str, mho.converters.Codebook], learn: bool = False) -> None:
    """Measure a set of codebooks on converters without errors and on some chips, and keep the point of the chips."""
    net = mho.nn.OutputConverters(network, books, VARIATION)
    if learn:
        torch.manual_seed(0)
        mho.nn.learn_levels(net, network, fit.split(50), EPOCHS)
    ideal, found = accuracy(net), []
    for i in range(CHIPS):
        net.vary(VARIATION, Seed(0).child("chip", i))
        found.append(accuracy(net))
    spent = energy({name: book.bits for name, book in books.items()})
    points.setdefault(kind, []).append((spent, mean(found), stdev(found)))
    print(
        f"{kind}: {mean(found):.1f} +- {stdev(found):.1f} % at {1e9 * spent:.2f} nJ ({ideal:.1f} % ideal)", flush=True
    )


published = partial(lloyd_max, clip=(0.5, 99.5), start="range")
for bits in BITS:
    show("Lloyd-Max as published", mho.nn.fit_outputs(outputs, bits, published))
    show("least error, a layer", mho.nn.fit_outputs(outputs, bits))
    show("least error, a column", mho.nn.fit_outputs(columns, bits))
    if bits < 5:  # beyond, nothing is left to gain
        show("learned, a column", mho.nn.fit_outputs(columns, bits), learn=True)

# %% [markdown]
# What each layer alone loses with few bits, as the distance of the answers, decides how many it gets within a budget.

# %%
some = fit[:100]
wanted = answers(network, some).softmax(-1)
losses: dict[str, dict[int, float]] = {name: {} for name in sizes}
for name in sizes:
    for bits in BITS:
        net = mho.nn.OutputConverters(network, mho.nn.fit_outputs({name: columns[name]}, bits))
        got = answers(net, some).log_softmax(-1)
        losses[name][bits] = float(nn.functional.kl_div(got, wanted, reduction="batchmean"))
costs = {name: {b: sizes[name] * per_conversion[b] for b in BITS} for name in sizes}
for mean_bits in (2.5, 3.0):
    budget = sum(sizes.values()) * per_conversion[2] * 2 ** (mean_bits - 2)
    chosen = mho.nn.allocate_bits(losses, costs, budget)
    print(f"budget {1e9 * budget:.2f} nJ: bits {list(chosen.values())}")
    show("learned, bits by layer", mho.nn.fit_outputs(columns, chosen), learn=True)

# %% [markdown]
# Accuracy against energy, with the spread between chips.

# %%
figure = Figure(figsize=(6.4, 4.0), layout="constrained")
axes = figure.add_subplot()
axes.axhline(digital, color="#1d2733", linewidth=1, linestyle=":", label="digital")
for (kind, found), colour in zip(points.items(), ("#7a8288", "#b8860b", "#1f6f8b", "#d1603d", "#6a4c93"), strict=True):
    found = sorted(found)
    spent, accuracies, spreads = zip(*found, strict=True)
    axes.errorbar([1e9 * e for e in spent], accuracies, spreads, fmt="o-", color=colour, label=kind, capsize=3)
axes.set_xscale("log")
axes.xaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.7, 1, 1.5, 2, 3, 6]))
axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
axes.xaxis.set_minor_locator(NullLocator())
axes.set_xlabel("energy of the converters of one image (nJ)")
axes.set_ylabel("accuracy, levels 1 % off (%)")
axes.grid(color="#e3e8ee")
axes.legend(frameon=False)
FOLDER.mkdir(parents=True, exist_ok=True)
file = FOLDER / "04_adaptive_converter.png"
figure.savefig(file, dpi=130)
print(f"drew {file}")
