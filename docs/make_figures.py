"""Draw the figures of the concept pages anew, from the package's own functions: docs/images/*.svg."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

import mho
from mho.arrays import (
    ROOMS,
    AbstractPrinciple,
    CapacitiveDivision,
    ChargeDomain,
    DelayChain,
    Wires,
    error_budget,
    load_principle,
    read_margin,
)
from mho.converters import ROOMS as CONVERTERS
from mho.converters import AbstractConverter, QCell, bench, lloyd_max, load_adc_survey, load_converter, uniform
from mho.core import Loader, Seed
from mho.cost import expected_counts, leave_one_out, precision, read_silicon
from mho.devices import LEVELS, FowlerNordheim, Written, load_cell, load_dynamics, survey
from mho.digital import load_technology
from mho.eda import ROOMS as EDA
from mho.eda import QCellPeriphery, ngspice, qcell_netlist
from mho.nn import capture_outputs
from mho.reports import (
    Tradeoff,
    TradeoffPoint,
    architecture_figure,
    converter_bench,
    converter_survey,
    cost_figure,
    plan_figure,
    save_figure,
    scenario_figure,
    silicon_scatter,
    silicon_trend,
    tradeoff_front,
)
from mho.reproduce._adaptive_networks import VGG8, published_levels
from mho.reproduce._neurosim_causes import steps
from mho.samples import cifar10_sample, resnet20, vgg8, vgg8_images
from mho.systems import designs, fit, load_medium, load_scenario, load_stack, load_system, load_workload, media, systems
from mho.tiles import characterise, load_tile

FOLDER = Path(__file__).parent / "images"
INK, BLUE, RED, GREEN, GOLD = "#1d2733", "#1f6f8b", "#d1603d", "#3a7d44", "#b8860b"


def save(figure: Figure, name: str) -> None:
    """Write a figure, the same bytes each time."""
    figure.savefig(FOLDER / name, format="svg", metadata={"Date": None}, facecolor="white")


def circuit() -> None:
    """Draw the equivalent circuit of an array: wires, cells, drivers, read-outs."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.axis("off")

    def resistor(x0: float, y0: float, x1: float, y1: float, colour: str, label: str = "") -> None:
        steps = [0, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 1]
        side = [0, 0, 0.09, -0.09, 0.09, -0.09, 0.09, 0, 0]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        xs = [x0 + s * (x1 - x0) - d * uy for s, d in zip(steps, side, strict=True)]
        ys = [y0 + s * (y1 - y0) + d * ux for s, d in zip(steps, side, strict=True)]
        axes.plot(xs, ys, color=colour, linewidth=1.3)
        if label:
            axes.annotate(label, ((x0 + x1) / 2, (y0 + y1) / 2 + 0.16), ha="center", fontsize=8, color=colour)

    for i in range(3):
        y = -1.5 * i
        axes.annotate(f"$V_{i}$", (-1.5, y), ha="right", va="center", color=INK)
        resistor(-1.4, y, 0, y, BLUE, "driver + segment" if i == 0 else "")
        for j in range(3):
            x = 2.0 * j
            if j < 2:
                resistor(x, y, x + 2, y, BLUE, "segment" if i == 0 else "")
            axes.plot([x], [y], "o", color=BLUE, markersize=3.5)
            bx, by = x + 0.6, y - 0.6
            resistor(x, y, bx, by, RED, "")
            axes.plot([bx], [by], "o", color=GREEN, markersize=3.5)
            if i < 2:
                resistor(bx, by, bx, by - 1.5, GREEN)
            else:
                resistor(bx, by, bx, by - 1.0, GREEN)
                axes.annotate(f"$I_{j}$", (bx, by - 1.15), ha="center", va="top", color=INK)
    axes.annotate("cell $G_{00}$", (0.95, -0.30), fontsize=8, color=RED, ha="left")
    axes.annotate("word lines", (5.0, 0.12), fontsize=9, color=BLUE)
    axes.annotate("bit lines, read at 0 V", (4.8, -4.7), fontsize=9, color=GREEN, ha="left")
    axes.set_xlim(-2.0, 7.4)
    axes.set_ylim(-5.2, 0.6)
    save(figure, "wires-circuit.svg")


def attenuation() -> None:
    """Draw what is left of each cell in the corner-driven array, and how errors grow with size."""
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    g = torch.full((64, 64), 50e-6, dtype=torch.float64)
    picture: Any = left.imshow(100 * Wires(1.0, 1.0).effective(g) / g, cmap="viridis", vmin=70, vmax=100)
    figure.colorbar(picture, ax=left, label="effective conductance (%)")
    left.set_xlabel("column (driven from the left)")
    left.set_ylabel("row (read at the bottom)")
    left.set_title("64 x 64 cells of 50 µS, 1 ohm a segment", fontsize=9)
    generator = torch.Generator().manual_seed(0)
    sizes = (8, 16, 32, 64, 128)
    errors: dict[str, list[float]] = {}
    for n in sizes:
        g = 1e-6 + 99e-6 * torch.rand(n, n, generator=generator, dtype=torch.float64)
        v = 0.2 * torch.rand(n, generator=generator, dtype=torch.float64)
        exact = v @ Wires(1.0, 1.0).effective(g)
        for name in ("off", "closed", "sweeps(2)", "sweeps(3)"):
            y = v @ Wires(1.0, 1.0, ir_drop=name).effective(g)
            errors.setdefault(name, []).append(100 * float((y - exact).abs().max() / exact.max()))
    for (name, values), colour in zip(errors.items(), (INK, RED, GOLD, GREEN), strict=True):
        right.loglog(sizes, values, "o-", color=colour, label=name, markersize=4)
    right.set_xticks(sizes, [str(s) for s in sizes])
    right.minorticks_off()
    right.set_xlabel("rows and columns")
    right.set_ylabel("largest error of a current (%)")
    right.set_title("1 ohm a segment, 1 to 100 µS", fontsize=9)
    right.grid(color="#e3e8ee")
    right.legend(frameon=False, fontsize=8)
    save(figure, "wires-attenuation.svg")


def sneak() -> None:
    """Draw the read margin of a passive array."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.add_subplot()
    sizes = (2, 4, 8, 16, 32, 64, 128)
    for scheme, colour in (("floating", RED), ("half", GOLD), ("third", BLUE)):
        axes.loglog(sizes, [100 * read_margin(1e-4, 1e-6, n, scheme) for n in sizes], "o-", color=colour, label=scheme)
    axes.set_xticks(sizes, [str(s) for s in sizes])
    axes.minorticks_off()
    axes.set_yticks((2, 5, 10, 20, 50), ("2", "5", "10", "20", "50"))
    axes.set_xlabel("rows and columns")
    axes.set_ylabel("read margin (%)")
    axes.grid(color="#e3e8ee")
    axes.legend(frameon=False, fontsize=8, title="other lines")
    save(figure, "sneak-paths.svg")


def principles() -> None:
    """Draw the error budget of every principle, and two transfers and a law of noise."""
    presets = [load_principle(n) for n in Loader(ROOMS).presets(AbstractPrinciple)]
    budgets = {type(p).__name__: error_budget(p) for p in presets}
    figure = Figure(figsize=(8.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    names = sorted({n for b in budgets.values() for n in b.alone})
    colours = [matplotlib.colormaps["tab20"](i / 20) for i in range(20)]
    for row, budget in enumerate(budgets.values()):
        left = 0.0
        total = sum(v**2 for v in budget.alone.values()) or 1.0
        for cause, value in budget.alone.items():
            width = 100 * budget.total * value**2 / total
            axes.barh(row, width, left=left, color=colours[names.index(cause)], height=0.6)
            left += width
        axes.annotate(f" {100 * budget.total:.1f} %", (left, row), va="center", fontsize=8)
    axes.set_yticks(range(len(budgets)), list(budgets))
    axes.invert_yaxis()
    patches = [Patch(color=colours[i], label=n) for i, n in enumerate(names)]
    axes.legend(handles=patches, frameon=False, fontsize=8, loc="upper right")
    axes.set_xlim(0, 13)
    axes.set_xlabel("error of the test product, gain and offset fitted (%); split by variance")
    save(figure, "principles-budget.svg")

    figure = Figure(figsize=(8.2, 3.0), layout="constrained")
    one, two, three = figure.subplots(1, 3)
    s = torch.linspace(0, 256, 100, dtype=torch.float64)
    for early, colour in ((float("inf"), INK), (5.0, BLUE), (1.0, RED)):
        part = ChargeDomain(1e-6, 1e-9, 0.5e-12, 0.9, early_voltage=early)
        label = "ideal" if early == float("inf") else f"$V_A$ = {early:g} V"
        one.plot(part.signal(s, 256), part.signal(part.transfer(s, 256), 256), color=colour, label=label)
    one.set_title("ChargeDomain", fontsize=9)
    one.set_xlabel("ideal discharge (V)")
    one.set_ylabel("discharge (V)")
    for parasitic, slope, colour in ((0.0, 0.0, INK), (0.5, 0.0, BLUE), (0.5, 2.0, RED)):
        part = CapacitiveDivision(1e-15, 0.9, parasitic=parasitic * 1e-15, parasitic_slope=slope)
        label = f"$C_p/C$ = {parasitic:g}, {slope:g} / V"
        two.plot(part.signal(s, 256), part.signal(part.transfer(s, 256), 256), color=colour, label=label)
    two.set_title("CapacitiveDivision", fontsize=9)
    two.set_xlabel("ideal step (V)")
    two.set_ylabel("step (V)")
    rows = [2**i for i in range(2, 11)]
    for jitter, colour in ((0.1, GREEN), (0.2, BLUE), (0.5, RED)):
        part = DelayChain(2e-11, 1e-11, jitter=jitter * 1e-12)
        three.loglog(rows, [part.noise(n) for n in rows], "o-", color=colour, markersize=3, label=f"{jitter:g} ps")
    three.set_title("DelayChain", fontsize=9)
    three.set_xlabel("rows")
    three.set_ylabel("noise (products)")
    for axes in (one, two, three):
        axes.grid(color="#e3e8ee")
        axes.legend(frameon=False, fontsize=7)
    save(figure, "principles-transfer.svg")


def cells() -> None:
    """Draw the spread of six cells by state, and how well levels can be told apart."""
    figure = Figure(figsize=(8.2, 4.6), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, name in zip(panels, ("pcm", "rram", "rram-cmo", "rram-written", "nor-flash", "fefet"), strict=True):
        r = survey(load_cell(name), (0.0, 86400.0), states=23)
        top = float(r.targets[-1])
        for i, (label, colour) in enumerate((("right away", BLUE), ("1 day", RED))):
            mean, sigma = r.mean[i] / top, r.sigma[i] / top
            axes.fill_between(r.targets / top, mean - 2 * sigma, mean + 2 * sigma, color=colour, alpha=0.2, linewidth=0)
            axes.plot(r.targets / top, mean, color=colour, linewidth=1.2, label=label)
        axes.plot((0, 1), (0, 1), ":", color=INK, linewidth=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.1, 1.3)
        axes.grid(color="#e3e8ee")
    figure.supxlabel("target / highest", fontsize=9)
    figure.supylabel("conductance / highest, ± 2 sigma", fontsize=9)
    figure.axes[0].legend(frameon=False, fontsize=8)
    save(figure, "cells-spread.svg")


PULSES = {
    "gong2018": (1.0, 1e-6, 500),
    "stellar": (1.0, 50e-9, 300),
    "tio2": (1.5, 1e-5, 60),
    "vteam": (0.3, 2e-10, 60),
    "stanford-rram": (1.45, 2e-8, 60),
}
"""Voltage, width and number of the pulses up, and then down, that a figure shows."""


def pulses() -> None:
    """Draw what identical pulses do to the compact models, and loops of current against voltage."""
    figure = Figure(figsize=(8.2, 4.8), layout="constrained")
    top, bottom = figure.subplots(2, len(PULSES))
    for axes, loop, (name, (volt, width, count)) in zip(top, bottom, PULSES.items(), strict=True):
        part = load_dynamics(name)
        low, high = part.range(0.2)
        state = torch.full((200,), part.states[0], dtype=torch.float64)
        means, spreads = [], []
        for i in range(2 * count):
            z = Seed(0).child("pulse", i).normal((200,)).double()
            state = part.pulse(state, torch.tensor(volt if i < count else -volt).double(), width, z)
            g = (part.conductance(state, 0.2) - low) / (high - low)
            means.append(float(g.mean()))
            spreads.append(float(g.std()))
        x, mean, spread = range(1, 2 * count + 1), torch.tensor(means), torch.tensor(spreads)
        axes.fill_between(x, mean - spread, mean + spread, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(x, mean, color=BLUE, linewidth=1.2)
        axes.set_title(name, fontsize=9)
        axes.set_ylim(-0.05, 1.05)
        axes.set_xlabel("pulses up, then down", fontsize=8)
        steps = 400
        sweep = 1.4 * volt * torch.sin(2 * torch.pi * torch.arange(steps, dtype=torch.float64) / steps)
        one = torch.full((1,), part.states[0], dtype=torch.float64)
        current: list[float] = []
        for turn in range(2):
            for v in sweep:
                one = part.pulse(one, v, width)
                if turn:
                    current.append(float(part.current(one, v)))
        loop.plot(sweep, 1e6 * torch.tensor(current), color=RED, linewidth=1.2)
        loop.axhline(0, color=INK, linewidth=0.5)
        loop.set_xlabel("voltage (V)", fontsize=8)
        for a in (axes, loop):
            a.grid(color="#e3e8ee")
            a.tick_params(labelsize=7)
    top[0].set_ylabel("state at 0.2 V, of the window")
    bottom[0].set_ylabel("current (µA)")
    save(figure, "cells-pulses.svg")


def writing() -> None:
    """Draw what a tolerance costs in pulses and leaves as error, and which levels can be told apart."""
    figure = Figure(figsize=(8.2, 3.0), layout="constrained")
    one, two, three = figure.subplots(1, 3)
    cell = load_cell("rram-written")
    assert isinstance(cell, Written)
    low, high = cell.range
    targets = torch.linspace(low, high, 19)[:, None].expand(19, 300)
    tolerances = (0.1e-6, 0.2e-6, 0.3e-6, 0.5e-6, 0.7e-6, 1e-6)
    for most, colour in ((30, RED), (100, GOLD), (500, BLUE)):
        done = [
            replace(cell.loop, tolerance=t, max_pulses=most).write(cell.dynamics, targets, Seed(0)) for t in tolerances
        ]
        micro = [1e6 * t for t in tolerances]
        errors = [100 * float((d.conductance - targets).square().mean().sqrt()) / (high - low) for d in done]
        one.semilogy(micro, errors, "o-", color=colour, markersize=3, label=f"{most} pulses at most")
        two.plot(micro, [float(d.pulses.mean()) for d in done], "o-", color=colour, markersize=3)
    one.set_ylabel("error, rms (% of the range)")
    one.set_ylim(1, 100)
    one.set_yticks((1, 3, 10, 30, 100), ("1", "3", "10", "30", "100"))
    one.minorticks_off()
    one.legend(frameon=False, fontsize=7)
    two.set_ylim(0, 100)
    two.set_ylabel("mean pulses of a cell")
    for axes in (one, two):
        axes.set_xlabel("tolerance (± µS)")
    for name, colour in (("rram-cmo", GREEN), ("rram-written", BLUE), ("pcm", GOLD), ("rram", RED)):
        r = survey(load_cell(name), (0.0,), states=3)
        shares = [max(100 * float(o), 0.01) for o in r.overlap[0]]
        three.semilogy(LEVELS, shares, "o-", color=colour, markersize=3, label=name)
    three.legend(frameon=False, fontsize=7)
    three.set_xscale("log", base=2)
    three.set_xticks(LEVELS, [str(n) for n in LEVELS])
    three.set_xlabel("levels")
    three.set_ylabel("read as another level (%)")
    for axes in (one, two, three):
        axes.grid(color="#e3e8ee")
    save(figure, "cells-writing.svg")


def converters() -> None:
    """Draw the converter presets among the published converters, and one on the bench."""
    presets = {name: load_converter(name) for name in Loader(CONVERTERS).presets(AbstractConverter)}
    save_figure(converter_survey(load_adc_survey(), presets), FOLDER / "adc-survey.svg")
    measured = bench(load_converter("memristive-5b"))
    save_figure(converter_bench(measured, "memristive-5b, 64 columns"), FOLDER / "adc-bench.svg")


_KINDS = {
    "sar": ("#1f6f8b", "o"), "flash": ("#d1603d", "s"), "ramp": ("#6a4c93", "D"), "cco": ("#3a7d44", "^"),
    "integrate-fire": ("#b8860b", "v"), "voltage-to-time": ("#7a8288", "o"), "sense-voltage": ("#86bbd8", "s"),
    "pipeline": ("#c98fb0", "D"), "cyclic": ("#5c4033", "^"), "memristive": ("#1d2733", "*"),
}  # fmt: skip
"""Colour and mark of each kind of converter."""


def kinds() -> None:
    """Draw energy, time and area of the kinds of converters by bits, each at the node of its file."""
    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    for kind, (colour, mark) in _KINDS.items():
        bits = [b for b in range(2, 11) if kind != "memristive" or b <= 8]
        parts = [load_converter(f"{kind}-{b}b") for b in bits]
        costs = [part.costs(256) for part in parts]
        for axes, values in (
            (panels[0], [1e15 * c["convert"].energy for c in costs]),
            (panels[1], [1e9 / part.rate(256) for part in parts]),
            (panels[2], [1e12 * c["part"].area for c in costs]),
        ):
            axes.plot(bits, values, marker=mark, markersize=4, linewidth=1.2, color=colour, label=kind)
    for axes, title in zip(panels, ("energy of a conversion (fJ)", "time (ns)", "area (µm²)"), strict=True):
        axes.set_yscale("log")
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_xlabel("bits")
        axes.grid(color="#e3e8ee")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=5, fontsize=8)
    save(figure, "converter-kinds.svg")


def kinds_on_chips() -> None:
    """Draw accuracy of ResNet-20 by kind and bits of its converters, from the measured points beside the figure."""
    found = json.loads((FOLDER / "converter-kinds.json").read_text())
    figure = Figure(figsize=(9.2, 5.6), layout="constrained")
    panels = figure.subplots(2, 3, sharey="row")
    for row, (chip, points) in zip(panels, found.items(), strict=True):
        for kind, values in points.items():
            colour, mark = _KINDS[kind]
            for axes, column in zip(row, (3, 4, 5), strict=True):
                axes.plot([v[column] for v in values], [v[1] for v in values], marker=mark, markersize=4, linewidth=1,
                          color=colour, label=kind)  # fmt: skip
        row[0].set_ylabel(f"{chip}: accuracy (%)")
        for axes, name in zip(row, ("energy (µJ an image)", "latency (ms an image)", "area (mm²)"), strict=True):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xlabel(name)
            axes.grid(color="#e3e8ee")
            axes.spines[["top", "right"]].set_visible(False)
    found_labels = {
        label: h for axes in panels[:, 0] for h, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(found_labels.values(), found_labels.keys(), frameon=False, loc="outside lower center", ncols=5,
                  fontsize=8)  # fmt: skip
    save(figure, "converter-kinds-chips.svg")


def costs() -> None:
    """Draw where ResNet-20 spends what, on two chips."""
    x, _ = cifar10_sample(16)
    results: list[tuple[mho.Program, mho.CostTree]] = []
    for name in ("hermes", "dimc-sram"):
        chip = mho.Chip.load(name)
        program = mho.compile(mho.quantize(mho.capture(resnet20("plain"), x[:1]), chip, x), chip)
        results.append((program, mho.estimate(program, expected_counts(program, x))))
    save_figure(cost_figure(results, "ResNet-20"), FOLDER / "cost.svg")


def silicon() -> None:
    """Draw published macros against the laws that have not seen them."""
    save_figure(silicon_scatter(leave_one_out(read_silicon())), FOLDER / "silicon.svg")
    save_figure(silicon_trend(read_silicon()), FOLDER / "silicon-trend.svg")


def roofline() -> None:
    """Draw what layers reach of the machine's own rates, as `benchmarks/bench_roofline.py --json` measured it."""
    measured = json.loads((FOLDER / "roofline.json").read_text())
    figure = Figure(figsize=(7.4, 3.9), layout="constrained")
    axes = figure.add_subplot()
    peak, memory = (measured["peaks"][name] for name in ("multiply-adds a second", "bytes a second"))
    corner = peak / memory
    axes.loglog([0.1, corner, 4000], [0.1 * memory / 1e9, peak / 1e9, peak / 1e9], color=INK, linewidth=1.2)
    axes.annotate(f"its matrix product: {peak / 1e9:.0f} G/s", (corner, peak / 1e9), (2, 4), ha="left",
                  textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
    axes.annotate(f"its memory: {memory / 1e9:.0f} GB/s", (0.12, 0.12 * memory / 1e9), (0, 8), rotation=37,
                  textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
    for key, colour, label in (("torch", GOLD, "torch's own layer"), ("tiles", BLUE, "on tiles, with noise")):
        rows = [r for r in measured["layers"] if key in r]
        intensity = [r["macs"] / r["bytes"] for r in rows]
        axes.plot(intensity, [r["macs"] / r[key] / 1e9 for r in rows], "o", color=colour, label=label, markersize=5)
    below = {"conv 64 ch, 32 x 32": (0, -13, "center"), "linear 512, batch 256": (-6, -3, "right")}
    for row in measured["layers"]:
        x, y, side = below.get(row["case"], (6, -3, "left"))
        place = (row["macs"] / row["bytes"], row["macs"] / row["tiles"] / 1e9)
        axes.annotate(row["case"], place, (x, y), ha=side, textcoords="offset points", fontsize=7, color=BLUE)
    axes.set_xlim(0.1, 4000)
    axes.set_ylim(0.3, 3 * peak / 1e9)
    axes.set_xlabel("multiply-adds for each byte that must be moved")
    axes.set_ylabel("multiply-adds a second (G/s)")
    axes.grid(color="#e3e8ee")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    save(figure, "roofline.svg")


def tunnelling() -> None:
    """Draw the threshold of a floating gate against time, under growing pulses, and what its loop needs."""
    figure = Figure(figsize=(8.2, 2.8), layout="constrained")
    one, two, three = figure.subplots(1, 3)
    model = load_dynamics("flash-fn")
    assert isinstance(model, FowlerNordheim)
    wide = replace(model, lowest=-20.0, window=40.0)
    start = torch.tensor([model.neutral], dtype=torch.float64)
    widths = [10 ** (d / 10) for d in range(-70, 1)]
    for volt, colour in ((13, GREEN), (15, BLUE), (17, RED)):
        gate = torch.tensor([float(volt)], dtype=torch.float64)
        for sign, style in ((-1, "-"), (1, "--")):
            shift = [float(wide.pulse(start, sign * gate, w)) - model.neutral for w in widths]
            one.semilogx(widths, shift, style, color=colour, label=f"{volt} V" if sign < 0 else None)
    one.set_xlabel("length of one pulse (s)")
    one.set_ylabel("threshold moved by (V)")
    one.legend(frameon=False, fontsize=7)
    for step, colour in ((0.5, RED), (0.25, BLUE), (0.1, GREEN)):
        state, seen = start, [0.0]
        for n in range(30):
            state = wide.pulse(state, torch.tensor([-(14 + step * n)], dtype=torch.float64), 1e-4)
            seen.append(float(state) - model.neutral)
        two.plot(range(31), seen, ".-", color=colour, markersize=3, linewidth=0.8, label=f"{step:g} V a pulse")
    two.set_xlabel("pulses of 0.1 ms, from 14 V")
    two.legend(frameon=False, fontsize=7)
    cell = load_cell("nor-flash-written")
    assert isinstance(cell, Written)
    targets = torch.linspace(*cell.range, 12, dtype=torch.float64)[1:].repeat(200, 1)
    for step, colour in ((0.05, GREEN), (0.1, BLUE), (0.2, GOLD), (0.4, RED)):
        done = replace(cell.loop, step=step).write(cell.dynamics, targets, Seed(0))
        assert done.yield_ > 0.99
        name = f"{step:g} V a pulse"
        three.plot(1e6 * targets[0], done.pulses.mean(0), ".-", color=colour, markersize=4, label=name)
    three.set_xlabel("target (µS)")
    three.set_ylabel("mean pulses of a cell")
    three.set_ylim(0, 90)
    three.legend(frameon=False, fontsize=7, ncols=2, loc="upper center")
    for axes in (one, two, three):
        axes.grid(color="#e3e8ee")
    save(figure, "cells-tunnelling.svg")


def qcell() -> None:
    """Draw the Q-cell's published sweep beside model and ngspice, and its edges against the memristors."""
    cell = Loader(CONVERTERS).load(QCell, "readc")
    x, a, b, out = np.loadtxt(FOLDER.parents[1] / "tests" / "eda" / "qcell_sweep.csv", delimiter=",").T
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    one, two, three = figure.subplots(1, 3)
    volts = torch.linspace(0.75, 1.3, 551, dtype=torch.float64)
    one.plot(volts, cell.node(volts, cell.reference), color=BLUE, linewidth=1.2, label="node A, model")
    for law, colour in (("weak", RED), ("square", GOLD)):
        rest = Loader(EDA).load(QCellPeriphery, f"readc-{law}")
        raw = ngspice(qcell_netlist(cell, cell.reference, cell.reference, rest, (0.75, 1.3, 1e-3)))
        if law == "weak":
            one.plot(raw["v(in)"], raw["v(a)"], ":", color=RED, linewidth=2.0, label="node A, ngspice")
            one.plot(raw["v(in)"], raw["v(out)"], color=GREEN, linewidth=1.2, label="output, ngspice")
        two.semilogy(raw["v(in)"], raw["v(b)"], color=colour, linewidth=1.2, label=f"ngspice, {law}")
    one.plot(x, a, "o", color=INK, markersize=3, markerfacecolor="none", label="published")
    one.plot(x, out, "o", color=INK, markersize=3, markerfacecolor="none")
    one.set_ylabel("voltage (V)")
    two.semilogy(x[b > 0], b[b > 0], "o", color=INK, markersize=3, markerfacecolor="none", label="published")
    two.set_xlim(1.075, 1.165)
    two.set_ylim(3e-5, 2)
    two.set_ylabel("node B (V)")
    g = torch.linspace(100e-6, 400e-6, 61, dtype=torch.float64)
    for branch, (name, colour) in enumerate((("lower edge, M1", BLUE), ("upper edge, M2", RED))):
        three.plot(1e6 * g, cell.edge(g, branch), color=colour, linewidth=1.2, label=name)
        three.plot(1e6 * g[::10], cell.edge(g[::10], branch), "o", color=colour, markersize=3)
    three.set_ylim(0.8, 1.3)
    three.set_xlabel("conductance (µS)")
    three.set_ylabel("input at the edge (V)")
    for axes in (one, two):
        axes.set_xlabel("input (V)")
    for axes in (one, two, three):
        axes.grid(color="#e3e8ee")
        axes.legend(frameon=False, fontsize=7, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2)
    save(figure, "qcell.svg")


def technology() -> None:
    """Draw areas and energies by node, and analog over digital by precision."""
    table = load_technology()
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    one = figure.subplots()
    nodes = np.array([n.node for n in table.nodes])
    one.loglog(
        1e9 * nodes, [1e12 * n.nand2_area for n in table.nodes], "o-", color=BLUE, markersize=4, label="NAND2 gate"
    )
    one.loglog(
        1e9 * nodes, [1e12 * n.sram_cell_area for n in table.nodes], "s-", color=RED, markersize=4, label="6T cell"
    )
    for name, title, colour in (
        ("rram-slc", "RRAM", GREEN), ("pcm", "PCM", GOLD), ("nor-flash", "NOR flash", INK), ("mram", "MRAM", "#7d5a9e"),
    ):  # fmt: skip
        cell = load_cell(name)
        small = [n for n in nodes if n <= 1.01 * cell.feature_size]
        areas = [cell.scaled(table.scaling(cell.feature_size, float(n))).costs()["part"].area for n in small]
        one.loglog(1e9 * np.array(small), 1e12 * np.array(areas), "--", color=colour, label=f"{title} ({name})")
    one.plot([22], [53 * 0.022**2], "*", color=GREEN, markersize=9, label="RRAM of 53 F²")
    one.set_ylabel("area (µm²)")
    below = Figure(figsize=(7.4, 3.6), layout="constrained")
    two = below.subplots()
    steps = np.array([28, 22, 16, 14, 12, 10, 7, 5, 4, 3]) * 1e-9
    for name, title, colour in (("tile1", "Tile1", BLUE), ("tile2", "Tile2", GOLD), ("dimc", "DIMC", RED)):
        totals = [characterise(load_tile(name).at_node(float(n)), instances=1, vectors=8).total for n in steps]
        two.loglog(
            1e9 * steps,
            [1e9 * t.energy for t in totals],
            "o-",
            color=colour,
            markersize=4,
            label=f"{title}, energy (nJ)",
        )
        two.loglog(
            1e9 * steps, [1e6 * t.area for t in totals], "s:", color=colour, markersize=3, label=f"{title}, area (mm²)"
        )
    two.set_ylabel("a product of 256 x 256")
    for axes, ticks in ((one, (180, 90, 45, 28, 14, 7, 3)), (two, (28, 22, 14, 10, 7, 5, 3))):
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.minorticks_off()
        axes.invert_xaxis()
        axes.set_xlabel("node (nm)")
        axes.grid(color="#e3e8ee")
    one.legend(frameon=False, fontsize=7)
    two.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, "technology-density.svg")
    save(below, "technology-nodes.svg")
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    bits = list(range(2, 17))
    for axes, quantity in zip(figure.subplots(1, 2), ("energy", "area"), strict=True):
        for node, colour in ((28, BLUE), (7, GOLD), (3, RED)):
            points = [precision(b, node * 1e-9) for b in bits]
            ratios = [getattr(p.analog, quantity) / getattr(p.digital, quantity) for p in points]
            axes.semilogy(bits, ratios, "o-", color=colour, markersize=4, label=f"{node} nm")
        axes.axhline(1, color=INK, linewidth=0.8)
        axes.axvspan(4, 8, color="#e3e8ee", zorder=0)
        axes.set_xlabel("bits of inputs, weights and result")
        axes.set_ylabel(f"{quantity}, analog over digital")
        axes.grid(color="#e3e8ee")
        axes.legend(frameon=False, fontsize=8)
    save(figure, "technology-precision.svg")


def distributions() -> None:
    """Draw how outputs of four layers of VGG8 are spread, and where levels of 4 bits lie."""
    outputs = capture_outputs(vgg8(), vgg8_images(100)[0].split(50))
    names = ("convolution 1", "convolution 3", "convolution 6", "linear 1")
    chosen = [list(outputs.values())[i] for i in (0, 2, 5, 6)]
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    for axes, name, values in zip(figure.subplots(2, 2).flat, names, chosen, strict=True):
        low, high = float(values.min()), float(values.max())
        axes.hist(values.numpy(), 100, (low, high), density=True, color="#c9d3dc")
        top = axes.get_ylim()[1]
        for height, levels, colour, label in (
            (1.05, lloyd_max(values, 4).levels, BLUE, "least error"),
            (1.17, published_levels(values, 4).levels, GOLD, "Lloyd-Max, published"),
            (1.29, uniform(low, high, 4).levels, RED, "equal steps"),
        ):
            axes.plot(levels.numpy(), np.full(16, height * top), "|", color=colour, markersize=8, label=label)
        axes.set_ylim(0, 1.4 * top)
        axes.set_yticks([])
        axes.set_title(name, fontsize=9)
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, loc="outside upper center", ncols=3)
    figure.supxlabel("output of the layer, before its activation", fontsize=9)
    save(figure, "layer-outputs.svg")


def variation() -> None:
    """Draw what levels that are off cost VGG8, from the table of the study in docs/validation.md."""
    page = (FOLDER.parent / "validation.md").read_text(encoding="utf-8")
    study = page.split("<!-- adaptive-adc study -->")[1].split("<!-- end -->")[0]
    rows = {cells[1].strip(): float(cells[5]) for line in study.strip().splitlines()[2:] if (cells := line.split("|"))}
    percents = (0.0, 1.0, 2.0, 3.0, 5.0)
    figure = Figure(figsize=(8.2, 2.7), layout="constrained")
    for axes, b in zip(figure.subplots(1, 4, sharey=True), (3, 4, 5, 6), strict=True):
        told = [(p, VGG8.share(v)) for (bits, p), v in VGG8.adaptive.items() if bits == b]
        axes.plot(*zip(*told, strict=True) if told else ([], []), "s", color=INK, markersize=4, label="published")
        for way, colour, label in (
            ("Lloyd-Max", GOLD, "the same way, ours"),
            ("levels of least error", BLUE, "least error"),
            ("learned levels", GREEN, "learned with so much"),
        ):
            shares = [rows[f"{b} bits, {way}" + f", {p:g} % off" * (p > 0)] for p in percents]
            axes.plot(percents, shares, "o-", color=colour, markersize=3, label=label)
        axes.set_title(f"{b} bits", fontsize=9)
        axes.set_xticks(percents)
        axes.set_ylim(0, 105)
        axes.grid(color="#e3e8ee")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("accuracy, % of digital", fontsize=9)
    figure.supxlabel("transition levels off by (% of the range of the layer)", fontsize=9)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper center", ncols=4, fontsize=8)
    save(figure, "levels-variation.svg")


def bits() -> None:
    """Draw accuracy against energy of ResNet-20 on tile2-rram, from the measured points beside the figure."""
    found = json.loads((FOLDER / "bits-front.json").read_text())
    points = tuple(
        TradeoffPoint(p["series"], {}, torch.tensor(p["accuracy"]), p["energy_j"], p["latency_s"])
        for p in found["points"]
    )
    save_figure(
        tradeoff_front(Tradeoff(found["name"], found["images"], found["float_accuracy"], points)),
        FOLDER / "bits-front.svg",
    )


def whole_systems() -> None:
    """Draw a language model on all media, a network on all systems, and the chips of a scenario."""
    chosen = {name: load_medium(name) for name in media()}
    token = load_workload("llama-3-8b")
    plans = [fit(token, medium, name=name) for name, medium in chosen.items()]
    save_figure(plan_figure(plans), FOLDER / "fit-llama.svg")
    small = load_workload("llama-3.2-1b")
    shared = {name: medium for name, medium in chosen.items() if medium.tiers > 1}
    for name in ("rram-22nm", "nor-40nm", "pcm-14nm"):
        planar = shared[name] = chosen[name]
        shared[f"{name}, 8 banks"] = planar.shared(8)
        for how in ("monolithic", "hybrid-bond", "tsv"):
            shared[f"{name} x8, {how}"] = planar.stacked(8, load_stack(how))
        shared[f"{name} x8, monolithic on 7 nm"] = planar.stacked(8, load_stack("monolithic"), 7e-9)
    plans = [fit(small, medium, name=name) for name, medium in shared.items()]
    save_figure(plan_figure(plans), FOLDER / "fit-stacks.svg")
    machines = {name: load_system(name) for name in systems()}
    save_figure(architecture_figure(machines, load_workload("resnet-50")), FOLDER / "architectures.svg")
    save_figure(scenario_figure(designs(load_scenario("camera"), chosen)), FOLDER / "scenario-camera.svg")


def reconciliation() -> None:
    """Draw the ways from NeuroSim's energy, area and time of VGG8 to ours, a bar for each cause."""
    figure = Figure(figsize=(10.4, 4.4), layout="constrained")
    panels = figure.subplots(1, 3)
    titles = {"energy": "energy of an image (µJ), D", "area": "area (mm²), B", "time": "time of an image (µs), D"}
    for axes, (quantity, title) in zip(panels, titles.items(), strict=True):
        first, *causes = steps(quantity)
        bars = [(first.what, 0.0, first.change, INK)]
        reached = first.change
        for step in causes:
            colour = GOLD if step.change > 0 else GREEN
            bars.append((step.what, reached, step.change, RED if "not explained" in step.why else colour))
            reached += step.change
        bars.append(("mho", 0.0, reached, BLUE))
        most = max(start + max(change, 0.0) for _, start, change, _ in bars)
        for i, (_, start, change, colour) in enumerate(bars):
            axes.barh(i, change, left=start, color=colour, height=0.7)
            whole = i in (0, len(bars) - 1)
            label = f"{change:.3g}" if whole and change < 1000 else f"{change:.0f}" if whole else f"{change:+.3g}"
            label = label if "e" not in label else f"{change:+.0f}"
            axes.text(start + max(change, 0.0) + 0.015 * most, i, label, va="center", fontsize=7, color=INK)
        axes.set_yticks(range(len(bars)), [name for name, *_ in bars], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.2 * most)
        axes.set_title(title, fontsize=9, color=INK, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, "reconciliation.svg")


def main() -> None:
    """Draw all."""
    style = {"svg.fonttype": "none", "svg.hashsalt": "mho", "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(style):
        circuit()
        attenuation()
        sneak()
        principles()
        cells()
        pulses()
        writing()
        converters()
        kinds()
        kinds_on_chips()
        distributions()
        variation()
        roofline()
        tunnelling()
        qcell()
        silicon()
        costs()
        technology()
        bits()
        whole_systems()
        reconciliation()


if __name__ == "__main__":
    main()
