"""Figures of single parts: what a memory cell or a converter does."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mho.converters import AbstractConverter, AdcSurvey, Bench, DacBench
from mho.devices import Survey

from ._evaluation import time_name
from ._style import GRID, INK, PAPER, SERIES, add_legend, dress, new_figure, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def cell_spread(survey: Survey, name: str) -> Figure:
    """Draw what a cell conducts against what was asked of it: mean and two standard deviations, at each time."""
    figure, axes = new_figure(6.2, 4.2)
    micro = 1e6
    x = micro * survey.targets
    axes.plot(x, x, color="#aab4bf", linewidth=1, linestyle=":")
    for i, time in enumerate(survey.times):
        mean, two = micro * survey.mean[i], 2 * micro * survey.sigma[i]
        label = "just written" if time is None else f"after {time_name(time)}" if time else "right away"
        axes.fill_between(x, mean - two, mean + two, color=SERIES[i % len(SERIES)], alpha=0.18, linewidth=0)
        axes.plot(x, mean, color=SERIES[i % len(SERIES)], linewidth=1.6, label=label)
    axes.set_xlabel("target (µS)")
    axes.set_ylabel("conductance (µS), mean ± 2 standard deviations")
    axes.set_title(shown(name), fontsize=11, loc="left", color=INK)
    add_legend(axes, "outside lower center", min(4, len(survey.times)))
    return figure


RATES = (("below 10 MS/s", 0.0, 1e7), ("10 MS/s to 1 GS/s", 1e7, 1e9), ("above 1 GS/s", 1e9, float("inf")))
"""Groups of published converters in a figure: label, lowest and highest sampling rate in Hz."""
SHOWN_BITS = (2.5, 14.5)
"""The range of effective bits that a figure of published converters shows."""


@styled
def converter_survey(survey: AdcSurvey, parts: Mapping[str, AbstractConverter], rows: int = 256) -> Figure:
    """Draw energy and area of some converters by nominal bits, among the published ones by effective bits.

    Lines: the least energy for slow converters and at 1 GS/s, and with the floor for few bits; the typical area at
    28 nm and 50 MS/s, with one standard deviation.
    """
    import torch
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure = Figure(figsize=(8.6, 4.6), layout="constrained", facecolor=PAPER)
    panels = figure.subplots(1, 2, sharex=True)
    bits = torch.linspace(*SHOWN_BITS, 121, dtype=torch.float64)
    kinds: dict[str, list[AbstractConverter]] = {}
    for part in parts.values():
        kinds.setdefault(type(part).__name__, []).append(part)
    for axes, quantity, unit, factor in zip(
        panels, ("energy", "area"), ("pJ a conversion", "µm²"), (1e12, 1e12), strict=True
    ):
        for (label, low, high), shade in zip(RATES, ("#a3b0bc", "#86bbd8", "#4a7ba6"), strict=True):
            group = [e for e in survey.entries if low <= e.rate < high and e.enob < SHOWN_BITS[1]]
            axes.plot(
                [e.enob for e in group], [factor * getattr(e, quantity) for e in group], "o", color=shade,
                markersize=3.2, markeredgewidth=0, label=f"published, {label}",
            )  # fmt: skip
        if quantity == "energy":
            least = survey.energy_envelope
            axes.plot(bits, factor * least(bits), color=INK, linewidth=1.1, label="least, slow")
            axes.plot(bits, factor * least(bits, 1e9), "--", color=INK, linewidth=1.1, label="least, 1 GS/s")
            axes.plot(bits, factor * least.plateau(bits), ":", color=INK, linewidth=1.3, label="least, with a floor")
        else:
            typical, one = factor * survey.area_regression(bits, 5e7, 28e-9), 10**survey.area_regression.sigma
            axes.fill_between(bits, typical / one, typical * one, color="#f2c14e", alpha=0.22, linewidth=0)
            axes.plot(bits, typical, color="#b8860b", linewidth=1.1, label="typical, 28 nm, 50 MS/s")
        looks = itertools.cycle(zip(itertools.cycle(SERIES[1:]), "Ds^vPXo<>d", strict=False))
        for (kind, members), (colour, marker) in zip(kinds.items(), looks, strict=False):
            members = sorted(members, key=lambda part: part.resolution)
            costs = [part.costs(rows) for part in members]
            values = [c["convert"].energy if quantity == "energy" else c["part"].area for c in costs]
            axes.plot(
                [part.resolution for part in members], [factor * v for v in values], marker, color=colour,
                markersize=6, linewidth=1, markeredgecolor=PAPER, markeredgewidth=0.7, label=f"{kind}, nominal bits",
            )  # fmt: skip
        for b in survey.baselines:
            value = getattr(b, quantity)
            if value is not None:
                axes.plot(
                    [b.bits], [factor * value], "*", color=INK, markersize=9, label="quoted as best, nominal bits"
                )
                axes.annotate(f"{b.name},\n{b.node * 1e9:.0f} nm", (b.bits, factor * value), xytext=(6, -2),
                    textcoords="offset points", va="top", fontsize=8, color=INK)  # fmt: skip
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.10g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel(f"{quantity} ({unit})")
        dress(axes)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_xlabel("bits: effective (published), nominal (others)", fontsize=9)
        axes.set_xlim(*SHOWN_BITS)
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


@styled
def converter_bench(measured: Bench, name: str) -> Figure:
    """Draw what columns of a converter measure, each thin and their mean thick: transfer, sine, INL and DNL."""
    import torch
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 5.6), layout="constrained", facecolor=PAPER)
    panels = [*figure.subplots(2, 2).flat]
    columns, levels = measured.transitions.shape
    codes = torch.arange(1, levels + 1)
    few = measured.transitions[: min(columns, 24)]
    for line in few:
        panels[0].step(line, codes, where="post", color=SERIES[0], alpha=0.25, linewidth=0.8)
    panels[0].plot(measured.transitions.mean(0), codes - 0.5, color=SERIES[1], linewidth=1.4)
    panels[0].set_xlabel("signal (LSB)")
    panels[0].set_title("code", fontsize=10, loc="left", color=INK)
    power = 10 * (10 ** (measured.spectrum / 10)).mean(0).log10()
    frequencies = torch.linspace(0, 0.5, len(power))
    panels[1].plot(frequencies, power, color=SERIES[0], linewidth=0.5)
    sndr, bits = float(measured.sndr.mean()), float(measured.enob.mean())
    panels[1].set_title(f"sine (dB): SNDR {sndr:.1f} dB, {bits:.2f} effective bits", fontsize=10, loc="left", color=INK)
    panels[1].set_xlabel("frequency (of the sampling rate)")
    panels[1].set_ylim(min(-90.0, float(power[1:].median()) - 20), 5)
    for axes, values, title in ((panels[2], measured.inl, "INL (LSB)"), (panels[3], measured.dnl, "DNL (LSB)")):
        at = codes[: values.shape[1]]
        axes.plot(at, values[: len(few)].T, color=SERIES[0], alpha=0.25, linewidth=0.8)
        if values.shape[1]:
            axes.plot(at, values.square().mean(0).sqrt(), color=SERIES[1], linewidth=1.4, label="rms of all columns")
        axes.set_xlabel("code")
        axes.set_title(title, fontsize=10, loc="left", color=INK)
    for axes in panels:
        dress(axes)
    add_legend(panels[2], "outside lower center", 1)
    figure.suptitle(shown(name), fontsize=11, x=0.01, ha="left", color=INK)
    return figure


@styled
def dac_figure(measured: DacBench, name: str) -> Figure:
    """Draw what the word lines of rows measure, each thin: pulses, INL and DNL."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.0), layout="constrained", facecolor=PAPER)
    panels = figure.subplots(1, 3)
    for axes, values, title in (
        (panels[0], measured.pulses, "what a pulse counts for (steps)"),
        (panels[1], measured.inl, "INL (steps)"),
        (panels[2], measured.dnl, "DNL (steps)"),
    ):
        dress(axes)
        axes.plot(range(values.shape[1]), values[:24].T, color=SERIES[0], alpha=0.35, linewidth=0.9)
        axes.set_xlabel("pulse asked for (steps)")
        axes.set_title(title, fontsize=10, loc="left", color=INK)
    figure.suptitle(shown(name), fontsize=11, x=0.01, ha="left", color=INK)
    return figure
