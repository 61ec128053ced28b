"""One tile: what an analog matrix-vector product gets wrong, and which part of the chain is to blame.

python examples/01_one_tile.py [folder for the figure]; MHO_SMOKE=1 makes it small.
"""

# %% [markdown]
# A tile multiplies a matrix of 256 x 256 weights with a vector of 256 inputs. `tile1` holds a weight in a pair of
# phase-change cells, codes an input as the width of a pulse, and reads each column with an oscillator converter.

# %%
import os
import sys
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from mho import Condition, Seed
from mho.devices import Sram
from mho.tiles import AnalogTile, Differential, characterise, load_tile

SMOKE = os.environ.get("MHO_SMOKE") == "1"
INSTANCES, VECTORS = (2, 32) if SMOKE else (16, 128)
DAY, YEAR = 86400.0, 365 * 86400.0
out = Path(sys.argv[1] if len(sys.argv) > 1 else "example-output")

tile = load_tile("tile1")
assert isinstance(tile, AnalogTile)

# %% [markdown]
# `characterise` writes a Gaussian matrix into some chip instances, multiplies Gaussian vectors with it, and compares
# with the product in floating point. The error of a vector is |y - y_true| / |y_true|.

# %%
exact_cells = replace(tile, cell=Sram(g_max=tile.cell.range[1], area=0.0, write_energy=0.0, write_time=0.0))
variants: list[tuple[str, AnalogTile, Condition]] = [
    ("exact cells", exact_cells, Condition()),
    ("as written", tile, Condition(None)),
    ("right away", tile, Condition(0.0)),
    ("after a day", tile, Condition(DAY)),
    ("a day,\ncompensated", tile, Condition(DAY, "global")),
    ("a year,\ncompensated", tile, Condition(YEAR, "global")),
    ("4 cells\nper sign", replace(tile, weights=Differential(8, devices=4)), Condition(0.0)),
]
reports = [characterise(t, Seed(0), INSTANCES, VECTORS, condition) for _, t, condition in variants]
for (name, _, _), report in zip(variants, reports, strict=True):
    print(f"{name.replace(chr(10), ' '):30} {100 * report.error:5.1f} %")

# %% [markdown]
# Left: with exact cells only the quantisation and the converters are left. The cells add most of the error, drift adds
# more, one global factor takes the common part of the drift back, and four cells per sign average their own errors.
# Right: where the energy of one product goes.

# %%
figure = Figure(figsize=(12, 4.5), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(2, 1))
left.boxplot(
    [100 * r.errors.flatten().numpy() for r in reports],
    tick_labels=[name for name, _, _ in variants],
    showfliers=False,
    medianprops={"color": "#d1603d"},
)
left.tick_params(axis="x", labelsize=8)
left.set_ylim(bottom=0)
left.set_ylabel("relative error of an output vector (%)")
left.set_title(f"Tile1, {INSTANCES} chips x {VECTORS} vectors", loc="left")

report = reports[2]
shares = {block: report.share(block) for block in (*report.blocks, "leakage")}
right.barh(list(shares), [100 * s for s in shares.values()], color="#1f6f8b")
right.invert_yaxis()
right.set_xlabel("share of the energy (%)")
right.set_title(f"{report.total.energy * 1e9:.1f} nJ and {report.total.latency * 1e9:.0f} ns a product", loc="left")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

out.mkdir(parents=True, exist_ok=True)
figure.savefig(out / "01_one_tile.png", dpi=160)
print(f"figure: {out / '01_one_tile.png'}")
