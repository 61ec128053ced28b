"""A memory cell of one's own: write the class, look at the cell, put it into a tile, and see what a product loses.

python examples/03_own_cell.py [folder for the figure]; MHO_SMOKE=1 makes it small.
"""

# %% [markdown]
# The cell of this example is invented: a write error that does not depend on the state, and a conductance that falls
# with the logarithm of time, each cell at its own rate. Its numbers are marked as assumed, so a report says so.

# %%
from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mho import AbstractCell, Condition, Cost, Seed
from mho.core import Ratio, Second, Siemens, Source, SquareMetre
from mho.devices import load_cell
from mho.testing import assert_valid_device
from mho.tiles import AnalogTile, characterise, load_tile

SMOKE = os.environ.get("MHO_SMOKE") == "1"
INSTANCES, VECTORS, CELLS = (1, 16, 200) if SMOKE else (8, 64, 4000)
out = Path(sys.argv[1] if len(sys.argv) > 1 else "example-output")


@dataclass(frozen=True)
class LogCell(AbstractCell):
    """A cell with g(t) = max(g_T + sigma g_max N, 0) (1 - rate (1 + spread N) ln(1 + t / t0)), never below zero."""

    g_max: Siemens = 50e-6
    sigma: Ratio = 0.01
    rate: Ratio = 0.01
    spread: Ratio = 0.2
    t0: Second = 1.0
    area: SquareMetre = 0.05e-12
    sources: tuple[Source, ...] = (
        Source(("g_max", "sigma", "rate", "spread", "t0", "area"), "assumed", reason="an invented cell"),
    )

    @property
    def draws(self) -> tuple[str, ...]:
        """Write error and rate."""
        return ("program", "rate")

    @property
    def range(self) -> tuple[float, float]:
        """Off to g_max."""
        return (0.0, self.g_max)

    def conductance(self, target: Tensor, draws: Mapping[str, Tensor], time: float | None) -> Tensor:
        """Return the conductance in S, `time` seconds after programming."""
        written = (target + self.sigma * self.g_max * draws["program"]).clamp(min=0)
        if time is None:
            return written
        lost = self.rate * (1 + self.spread * draws["rate"]) * math.log1p(time / self.t0)
        return (written * (1 - lost)).clamp(min=0)

    @property
    def effects(self) -> Mapping[str, AbstractCell]:
        """This cell without its write error, and without its drift."""
        return {"programming error": replace(self, sigma=0.0), "drift": replace(self, rate=0.0)}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of a write pulse, and the area."""
        return {"write": Cost(), "part": Cost(area=self.area)}


# %% [markdown]
# The conformance kit says at once what a tile would stumble over later.

# %%
assert_valid_device(LogCell())

# %% [markdown]
# A cell is a pure function of its target, of standard normal draws, and of time; so it can be looked at by itself.

# %%
cell = LogCell()
times = torch.logspace(0, 7.5, 16).tolist()
levels = torch.linspace(0, 1, 5) * cell.g_max
draws = {name: Seed(0).child(name).normal((CELLS, 5)) for name in cell.draws}
over_time = torch.stack([cell.conductance(levels.expand(CELLS, 5), draws, t) for t in times])

# %% [markdown]
# The tile takes the cell as an instance. Everything else of `tile1` stays.

# %%
tile = load_tile("tile1")
assert isinstance(tile, AnalogTile)
errors = {
    f"{name}{suffix}": [
        characterise(replace(tile, cell=c), Seed(0), INSTANCES, VECTORS, Condition(t, compensation)).error
        for t in times[::3]
    ]
    for name, c in (("own cell", cell), ("pcm", load_cell("pcm")))
    for suffix, compensation in (("", "none"), (", compensated", "global"))
}
for name, values in errors.items():
    print(f"{name:22}", "  ".join(f"{100 * v:5.1f} %" for v in values))

# %%
figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2)
for i in range(5):
    g = 1e6 * over_time[:, :, i]
    left.plot(times, g.mean(1), color="#1f6f8b")
    left.fill_between(times, g.quantile(0.05, dim=1), g.quantile(0.95, dim=1), color="#1f6f8b", alpha=0.2, linewidth=0)
left.set_ylabel("conductance (µS)")
left.set_title("five levels of the own cell, 5 to 95 % of the cells", loc="left")
for name, values in errors.items():
    style = "-" if "compensated" in name else "--"
    right.plot(
        times[::3], [100 * v for v in values], style, marker="o", color="#1f6f8b" if "own" in name else "#d1603d",
        label=name,
    )  # fmt: skip
right.set_ylim(bottom=0)
right.set_ylabel("mean relative error of a product (%)")
right.set_title("in a tile of 256 x 256", loc="left")
right.legend(frameon=False)
for axes in (left, right):
    axes.set_xscale("log")
    axes.set_xlabel("time after programming (s)")
    axes.spines[["top", "right"]].set_visible(False)

out.mkdir(parents=True, exist_ok=True)
figure.savefig(out / "03_own_cell.png", dpi=160)
print(f"figure: {out / '03_own_cell.png'}")
