"""ResNet-20 on the 64-core phase-change chip: the seven stages by hand, accuracy over time, and energy by layer.

python examples/02_resnet20_on_hermes.py [folder for the figure]; MHO_SMOKE=1 makes it small.
"""

# %% [markdown]
# The shipped network was fine-tuned with weight noise; the shipped images are CIFAR-10 (JPEG).

# %%
import os
import sys
from pathlib import Path

from matplotlib.figure import Figure

import mho
from mho.compiler import float_values
from mho.cost import by_block, layer_costs
from mho.samples import cifar10_sample, resnet20

SMOKE = os.environ.get("MHO_SMOKE") == "1"
IMAGES, INSTANCES = (10, 1) if SMOKE else (200, 4)
TIMES = {"right away": 0.0, "1 hour": 3600.0, "1 day": 86400.0, "30 days": 30 * 86400.0, "1 year": 365 * 86400.0}
out = Path(sys.argv[1] if len(sys.argv) > 1 else "example-output")

x, labels = cifar10_sample(IMAGES)
network = resnet20("noise")
chip = mho.Chip.load("hermes")

# %% [markdown]
# From a network to a program. Each stage returns a frozen value that can be printed.

# %%
graph = mho.capture(network, x[:1])
quant = mho.quantize(graph, chip, x[:64])
program = mho.compile(quant, chip)
print(program)

# %% [markdown]
# One run serves all times: a chip instance is programmed once, and read at each time with and without compensation.

# %%
bare = [mho.Condition(t) for t in TIMES.values()]
compensated = [mho.Condition(t, "global") for t in TIMES.values()]
run = mho.run(program, x, instances=INSTANCES, conditions=[*bare, *compensated])
accuracy = 100 * run.accuracy(labels)  # [conditions, instances]
float_accuracy = 100 * float((float_values(graph, x, keep=())[graph.output].argmax(-1) == labels).double().mean())

# %% [markdown]
# The energy of the cells comes from this run's own inputs and conductances; the rest from counts of actions.

# %%
cost = mho.estimate(program, run.counts)
print(f"one image: {cost.total.energy * 1e6:.1f} uJ, {cost.total.latency * 1e3:.2f} ms")
for block, part in by_block(cost).items():
    print(f"  {block:18} {100 * part.energy / cost.total.energy:5.1f} %")

# %%
figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2)
ticks = range(len(TIMES))
for rows, name, colour in (
    (accuracy[: len(TIMES)], "bare", "#d1603d"),
    (accuracy[len(TIMES) :], "global drift compensation", "#1f6f8b"),
):
    left.plot(ticks, rows.mean(1), marker="o", color=colour, label=name)
    left.fill_between(ticks, rows.amin(1), rows.amax(1), color=colour, alpha=0.15, linewidth=0)
left.axhline(float_accuracy, color="black", linestyle=":", linewidth=0.8, label="float32")
left.set_xticks(ticks, list(TIMES))
left.set_ylim(0, 100)
left.set_ylabel("accuracy (%)")
left.legend(frameon=False)
left.set_title(f"{IMAGES} images, {INSTANCES} chips (band: worst to best)", loc="left")

layers = layer_costs(cost)
right.bar(range(len(layers)), [1e6 * tree.total.energy for tree in layers.values()], color="#1f6f8b")
right.set_xticks(range(len(layers)), list(layers), rotation=90, fontsize=8)
right.set_ylabel("energy (µJ an image)")
right.set_title("by layer, without clock, leakage and digital operators", loc="left")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

out.mkdir(parents=True, exist_ok=True)
figure.savefig(out / "02_resnet20_on_hermes.png", dpi=160)
print(f"figure: {out / '02_resnet20_on_hermes.png'}")
