"""Draw anew one column of each principle, its errors by rows, and the Q-cell: docs/images/principle-*, qcell-*."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import torch
from make_figures import BLUE, GOLD, GREEN, INK, RED, save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle

from mho.arrays import (
    AbstractPrinciple,
    Budget,
    CapacitiveDivision,
    ChargeDomain,
    ChargeRedistribution,
    CurrentDomain,
    RampCrossing,
    error_budget,
    load_principle,
)

GREY, PURPLE, PALE = "#7b8794", "#7a4f9a", "#e3e8ee"
INCH = 1.75
"""Units of a drawing in an inch."""
ROWS = [2**i for i in range(3, 11)]
CAUSES = {
    "thermal noise": BLUE,
    "jitter": GOLD,
    "comparator noise": PURPLE,
    "line voltage": GREEN,
    "parasitic capacitance": GREEN,
    "capacitor mismatch": RED,
    "junction spread": RED,
    "delay mismatch": RED,
    "shot noise": RED,
}
Point = tuple[float, float]


class Sketch:
    """Circuit symbols on axes: inputs blue, cells red, the line of the column green, the rest ink, parasitics grey."""

    def __init__(self, axes: Axes, x: Point, y: Point) -> None:
        self.axes = axes
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_xlim(*x)
        axes.set_ylim(*y)

    def text(self, x: float, y: float, words: str, colour: str = INK, **options: Any) -> None:
        """Write; centred unless told."""
        self.axes.text(
            x, y, words, color=colour, **({"ha": "center", "va": "center", "fontsize": 8, "zorder": 4} | options)
        )

    def wire(self, *points: Point, colour: str = INK, **options: Any) -> None:
        """Draw a line through points."""
        xs, ys = zip(*points, strict=True)
        self.axes.plot(xs, ys, color=colour, **({"linewidth": 1.3, "solid_capstyle": "round"} | options))

    def arrow(self, a: Point, b: Point, colour: str = INK) -> None:
        """Draw an arrow."""
        style = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
        self.axes.annotate("", b, a, arrowprops=style)

    def dot(self, *points: Point, colour: str = INK) -> None:
        """Join wires."""
        for x, y in points:
            self.axes.plot([x], [y], "o", color=colour, markersize=3.5)

    def more(self, x: float, y: float) -> None:
        """Say that rows are left out."""
        self.text(x, y, "· · ·", fontsize=13)

    def _along(self, a: Point, b: Point, lines: Iterable[Sequence[Point]], length: float, colour: str) -> None:
        """Draw lines given as (along, across), in units, about the middle of a to b; and leads up to `length`."""
        whole = math.dist(a, b)
        ux, uy = (b[0] - a[0]) / whole, (b[1] - a[1]) / whole
        mx, my = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2

        def at(s: float, d: float) -> Point:
            return (mx + s * ux - d * uy, my + s * uy + d * ux)

        self.wire(a, at(-length / 2, 0), colour=colour)
        self.wire(at(length / 2, 0), b, colour=colour)
        for line in lines:
            self.wire(*(at(*p) for p in line), colour=colour)

    def resistor(self, a: Point, b: Point, colour: str = INK) -> None:
        """Draw a zigzag."""
        teeth = [(-0.35 + 0.7 * (i + 0.5) / 6, 0.14 * (-1) ** i) for i in range(6)]
        self._along(a, b, [[(-0.35, 0), *teeth, (0.35, 0)]], 0.7, colour)

    def capacitor(self, a: Point, b: Point, colour: str = INK) -> None:
        """Draw two plates."""
        self._along(a, b, [[(s, -0.28), (s, 0.28)] for s in (-0.08, 0.08)], 0.16, colour)

    def switch(self, a: Point, b: Point, colour: str = INK) -> None:
        """Draw an open switch."""
        self._along(a, b, [[(-0.25, 0), (0.2, 0.26)]], 0.5, colour)
        whole = math.dist(a, b)
        for s in (-0.25, 0.25):
            t = 0.5 + s / whole
            x, y = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
            self.axes.plot([x], [y], "o", color=colour, markersize=3, markerfacecolor="white")

    def source(self, a: Point, b: Point, colour: str = RED) -> None:
        """Draw a current source from a to b."""
        self._along(a, b, [], 0.64, colour)
        x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        self.axes.add_patch(Circle((x, y), 0.32, fill=False, edgecolor=colour, linewidth=1.3))
        whole = math.dist(a, b)
        dx, dy = 0.24 * (b[0] - a[0]) / whole, 0.24 * (b[1] - a[1]) / whole
        self.arrow((x - dx, y - dy), (x + dx, y + dy), colour)

    def ground(self, x: float, y: float, colour: str = INK) -> None:
        """Draw a ground below a point."""
        for i, width in enumerate((0.24, 0.15, 0.06)):
            self.wire((x - width, y - 0.09 * i), (x + width, y - 0.09 * i), colour=colour)

    def supply(self, x: float, y: float, words: str) -> None:
        """Draw a supply above a point."""
        self.wire((x - 0.25, y), (x + 0.25, y))
        self.text(x, y + 0.22, words)

    def box(self, x: float, y: float, words: str, colour: str = INK, width: float = 1.1, height: float = 0.7) -> None:
        """Draw a block."""
        corner = (x - width / 2, y - height / 2)
        self.axes.add_patch(
            Rectangle(corner, width, height, facecolor="white", edgecolor=colour, linewidth=1.3, zorder=3)
        )
        self.text(x, y, words, colour)

    def comparator(self, x: float, y: float) -> None:
        """Draw a comparator: inputs at (x, y +- 0.35), output at (x + 1.1, y)."""
        corners = [(x, y + 0.7), (x, y - 0.7), (x + 1.1, y)]
        self.axes.add_patch(Polygon(corners, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
        self.text(x + 0.2, y + 0.35, "+", fontsize=9)
        self.text(x + 0.2, y - 0.35, "−", fontsize=9)

    def transistor(self, x: float, y: float, name: str, p: bool = False) -> None:
        """Draw a transistor: gate at (x - 0.75, y), drain and source at (x, y +- 0.6); a p-channel one has a circle."""
        self.wire((x, y - 0.6), (x, y - 0.3), (x - 0.3, y - 0.3))
        self.wire((x, y + 0.6), (x, y + 0.3), (x - 0.3, y + 0.3))
        self.wire((x - 0.3, y - 0.4), (x - 0.3, y + 0.4), linewidth=2)
        self.wire((x - 0.42, y - 0.3), (x - 0.42, y + 0.3))
        self.wire((x - 0.42 - 0.16 * p, y), (x - 0.75, y))
        if p:
            self.axes.add_patch(Circle((x - 0.5, y), 0.08, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
        self.text(x + 0.12, y, name, ha="left")

    def inverter(self, x: float, y: float, name: str) -> None:
        """Draw an inverter: input at (x, y), output at (x + 1.1, y)."""
        corners = [(x, y + 0.5), (x, y - 0.5), (x + 0.94, y)]
        self.axes.add_patch(Polygon(corners, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
        self.axes.add_patch(Circle((x + 1.02, y), 0.08, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
        self.text(x + 0.3, y, name, fontsize=6)

    def shunt(self, x: float, words: str, colour: str = INK, y: float = 0.0, part: str = "capacitor") -> None:
        """Hang a capacitor or resistor from a line at height y down to ground."""
        self.dot((x, y), colour=GREEN)
        {"capacitor": self.capacitor, "resistor": self.resistor}[part]((x, y), (x, y - 1.3), colour)
        self.ground(x, y - 1.3, colour)
        self.text(x + 0.4, y - 0.65, words, colour, ha="left")


def _board(x: Point, y: Point) -> tuple[Figure, Sketch]:
    figure = Figure(figsize=((x[1] - x[0]) / INCH, (y[1] - y[0]) / INCH))
    return figure, Sketch(figure.add_axes((0, 0, 1, 1)), x, y)


def qcell() -> None:
    """Draw the Q-cell: two branches, two pull-downs, the line and its inverter."""
    figure, s = _board((-2.4, 12.6), (-3.6, 3.5))
    s.wire((2.6, 2.0), (9.6, 2.0), colour=GREEN)
    s.text(6.4, 2.25, "line", GREEN)
    s.transistor(9.0, 2.6, "T5", p=True)
    s.dot((9.0, 2.0), colour=GREEN)
    s.supply(9.0, 3.2, "")
    s.text(8.15, 2.6, "precharge", BLUE, ha="right")
    s.inverter(9.6, 2.0, "INV2")
    s.arrow((10.7, 2.0), (11.4, 2.0))
    s.text(11.5, 2.0, "output", ha="left")
    for x, pull, memristor, transistor, pull_down in ((0.6, 2.6, "M1", "T1", "T2"), (4.9, 8.0, "M2", "T3", "T4")):
        s.supply(x, 1.0, "$V_{high}$")
        s.resistor((x, 1.0), (x, -0.4), RED)
        s.text(x + 0.3, 0.3, memristor, RED, ha="left")
        s.wire((x, -0.4), (x, -1.2))
        s.dot((x, -0.6))
        s.transistor(x, -1.8, transistor)
        s.wire((x - 0.25, -2.4), (x + 0.25, -2.4))
        s.text(x + 0.35, -2.4, "$V_{low}$", ha="left")
        s.wire((x - 0.75, -1.8), (x - 1.3, -1.8), (x - 1.3, -3.1), colour=BLUE)
        s.transistor(pull, -0.6, pull_down)
        s.wire((pull, 0.0), (pull, 2.0), colour=GREEN)
        s.dot((pull, 2.0), colour=GREEN)
        s.ground(pull, -1.2)
    s.wire((0.6, -0.6), (1.85, -0.6))
    s.text(1.25, -0.35, "A")
    s.wire((4.9, -0.6), (5.6, -0.6))
    s.text(5.25, -0.35, "C")
    s.inverter(5.6, -0.6, "INV1")
    s.wire((6.7, -0.6), (7.25, -0.6))
    s.text(6.97, -0.35, "B")
    s.wire((-1.4, -3.1), (3.6, -3.1), colour=BLUE)
    s.dot((-0.7, -3.1), colour=BLUE)
    s.text(-1.5, -3.1, "input", BLUE, ha="right")
    save(figure, "qcell-circuit.svg")


SLICES = ((0.0, "1"), (2.2, "2"), (5.6, "N"))
"""Where the rows of a column are drawn, and their names; the line of the column lies above them."""
GAP = 4.1
"""Where rows are left out."""


def current_domain() -> None:
    """Draw a column of conductances and its dummy column."""
    figure, s = _board((-2.2, 13.4), (-5.3, 0.8))
    for x, n in SLICES:
        s.wire((x, -4.6), (x, -0.9), colour=BLUE)
        s.text(x, -4.9, f"$V\\,x_{n}$", BLUE, fontsize=9)
        for y, label in ((0.0, f"$g_{n}$"), (-3.0, "$g_{off}$")):
            s.dot((x, y - 0.9), colour=BLUE)
            s.resistor((x, y - 0.9), (x + 0.9, y), RED)
            s.dot((x + 0.9, y), colour=GREEN)
            s.text(x + 0.78, y - 0.68, label, RED, ha="left")
    s.more(GAP, -1.5)
    s.more(GAP, -3.8)
    for y, name, current in ((0.0, "v", "I"), (-3.0, "v_d", "I_d")):
        s.wire((-0.7, y), (8.4, y), colour=GREEN)
        s.shunt(7.4, "$N\\,C_{line}$", GREY, y)
        s.text(7.4, y + 0.28, f"${name}$", GREEN, fontsize=9)
        s.resistor((8.4, y), (9.6, y))
        s.text(9.0, y + 0.38, "$R$")
        s.arrow((9.6, y), (10.3, y))
        s.text(9.85, y + 0.28, f"${current}$")
        s.box(10.85, y, "0 V")
    s.wire((10.85, -0.35), (10.85, -1.15))
    s.wire((10.85, -2.65), (10.85, -1.85))
    s.axes.add_patch(Circle((10.85, -1.5), 0.35, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
    s.text(10.85, -1.5, "−", fontsize=11)
    s.text(10.35, -1.0, "+")
    s.text(10.35, -2.0, "−")
    s.arrow((11.2, -1.5), (11.9, -1.5))
    s.box(12.45, -1.5, "A/D")
    s.text(-0.9, 0, "column", GREEN, ha="right")
    s.text(-0.9, -3.0, "dummy", GREEN, ha="right")
    save(figure, "principle-current-domain.svg")


def charge_domain() -> None:
    """Draw a precharged line that current cells discharge."""
    figure, s = _board((-2.6, 11.4), (-3.2, 1.9))
    s.wire((-1.4, 0), (9.2, 0), colour=GREEN)
    s.switch((-1.4, 0), (-1.4, 1.2))
    s.dot((-1.4, 0), colour=GREEN)
    s.supply(-1.4, 1.2, "$swing$")
    s.text(-1.0, 0.6, "precharge", ha="left")
    for x, n in SLICES:
        s.dot((x, 0), colour=GREEN)
        s.switch((x, -1.1), (x, 0))
        s.source((x, -1.1), (x, -2.5))
        s.ground(x, -2.5)
        s.text(x + 0.45, -1.8, f"$i\\,w_{n}$", RED, ha="left", fontsize=9)
        left = x - 1.05
        s.wire(
            (left, -0.7), (left + 0.15, -0.7), (left + 0.15, -0.4), (left + 0.5, -0.4), (left + 0.5, -0.7),
            (left + 0.65, -0.7), colour=BLUE,
        )  # fmt: skip
        s.text(left + 0.32, -0.97, f"$x_{n}\\,t$", BLUE)
    s.more(GAP, -1.3)
    s.shunt(7.4, "$C$")
    s.text(7.4, 0.3, "$swing - v$", GREEN, fontsize=9)
    s.box(9.75, 0, "A/D")
    save(figure, "principle-charge-domain.svg")


def charge_redistribution() -> None:
    """Draw capacitors that are charged one by one and then joined."""
    figure, s = _board((-1.4, 11.4), (-5.0, 0.8))
    s.wire((-0.8, 0), (9.2, 0), colour=GREEN)
    for x, n in SLICES:
        s.dot((x, 0), colour=GREEN)
        s.switch((x, -1.2), (x, 0))
        s.text(x + 0.2, -0.6, "2", ha="left")
        s.dot((x, -1.2))
        s.wire((x, -1.2), (x + 0.9, -1.2))
        s.capacitor((x + 0.9, -1.2), (x + 0.9, -2.2))
        s.ground(x + 0.9, -2.2)
        s.text(x + 1.3, -1.7, f"$C_{n}$", ha="left")
        s.switch((x, -2.5), (x, -1.2))
        s.text(x + 0.2, -1.85, "1", ha="left")
        s.wire((x, -2.5), (x, -2.9))
        s.text(x - 0.15, -2.65, f"$u_{n}$", RED, ha="right", fontsize=9)
        s.box(x, -3.25, f"$w_{n}$", RED)
        s.arrow((x, -4.3), (x, -3.6), BLUE)
        s.text(x, -4.55, f"$x_{n} V_0$", BLUE, fontsize=9)
    s.more(GAP + 0.2, -2.7)
    s.shunt(7.6, "$N\\,C_p$", GREY)
    s.text(7.6, 0.3, "$v$", GREEN, fontsize=9)
    s.box(9.75, 0, "A/D")
    s.text(8.3, -3.1, "1  charge to $u = w\\,x\\,V_0$", ha="left")
    s.text(8.3, -3.55, "2  share", ha="left")
    save(figure, "principle-charge-redistribution.svg")


def capacitive_division() -> None:
    """Draw capacitors whose upper plates float together."""
    figure, s = _board((-3.0, 11.4), (-4.9, 0.8))
    s.wire((-1.6, 0), (9.4, 0), colour=GREEN)
    s.dot((-1.6, 0), colour=GREEN)
    s.switch((-1.6, -1.2), (-1.6, 0))
    s.ground(-1.6, -1.2)
    s.text(-2.05, -0.6, "reset", ha="right")
    for x, n in SLICES:
        s.dot((x, 0), colour=GREEN)
        s.capacitor((x, 0), (x, -1.1))
        s.text(x + 0.4, -0.55, f"$C_{n}$", ha="left")
        s.resistor((x, -2.5), (x, -1.1))
        s.text(x + 0.3, -1.8, "$driver$", ha="left")
        s.text(x - 0.15, -2.6, f"$u_{n}$", RED, ha="right", fontsize=9)
        s.wire((x, -2.5), (x, -2.9))
        s.box(x, -3.25, f"$w_{n}$", RED)
        s.arrow((x, -4.3), (x, -3.6), BLUE)
        s.text(x, -4.55, f"$x_{n} V_0$", BLUE, fontsize=9)
    s.more(GAP, -1.8)
    s.shunt(7.4, "$N\\,C_p\\,(1 + a\\,v)$", GREY)
    s.arrow((7.05, -0.95), (7.75, -0.35), GREY)
    s.text(7.4, 0.3, "$v$", GREEN, fontsize=9)
    s.box(9.95, 0, "A/D")
    save(figure, "principle-capacitive-division.svg")


def resistive_division() -> None:
    """Draw a bit line that is left open, and resistances in series."""
    figure, s = _board((-2.0, 13.2), (-7.4, 1.2))
    s.text(-1.9, 0.9, "ResistiveDivision", ha="left", fontsize=9)
    s.wire((-0.8, 0), (10.8, 0), colour=GREEN)
    for x, n in SLICES:
        s.dot((x, 0), colour=GREEN)
        s.resistor((x, -1.6), (x, 0), RED)
        s.text(x + 0.3, -0.8, f"$g_{n}$", RED, ha="left")
        s.wire((x, -2.0), (x, -1.6), colour=BLUE)
        s.text(x, -2.25, f"$V\\,x_{n}$", BLUE, fontsize=9)
    s.more(GAP, -0.9)
    s.shunt(7.2, "$C$")
    s.shunt(9.0, "$load$", GREY, part="resistor")
    s.text(7.2, 0.3, "$v$", GREEN, fontsize=9)
    s.box(11.35, 0, "A/D")

    s.text(-1.9, -3.2, "ResistanceSum", ha="left", fontsize=9)
    y = -5.2
    s.switch((-1.2, y), (-0.3, y))
    s.wire((-1.2, y), (-1.2, y + 0.8))
    s.supply(-1.2, y + 0.8, "$V$")
    for x, n in ((0.0, "1"), (5.2, "N")):
        s.wire((x - 0.3, y), (x, y), colour=GREEN)
        for side, junction, bit in ((0.75, f"R(w_{n})", f"x_{n}"), (-0.75, f"R(1-w_{n})", f"1-x_{n}")):
            s.wire((x, y), (x, y + side), colour=GREEN)
            s.switch((x, y + side), (x + 0.9, y + side))
            s.resistor((x + 0.9, y + side), (x + 2.3, y + side), RED)
            s.wire((x + 2.3, y + side), (x + 2.3, y), colour=GREEN)
            s.text(x + 1.6, y + side + 0.35, f"${junction}$", RED)
            s.text(x + 0.4, y + side - 0.25, f"${bit}$", BLUE)
        s.dot((x, y), (x + 2.3, y), colour=GREEN)
        s.resistor((x + 2.3, y), (x + 3.6, y), GREY)
        s.text(x + 3.1, y + 0.35, "wire", GREY)
    s.more(4.35, y)
    s.wire((8.8, y), (10.2, y), colour=GREEN)
    s.shunt(9.3, "$C$", y=y)
    s.comparator(10.2, y - 0.35)
    s.wire((10.2, y - 0.7), (10.0, y - 0.7), (10.0, y - 1.5), (10.4, y - 1.5))
    s.text(10.5, y - 1.5, "$V/2$", ha="left")
    s.arrow((11.3, y - 0.35), (11.8, y - 0.35))
    s.box(12.35, y - 0.35, "TDC")
    save(figure, "principle-resistive-division.svg")


def time_domain() -> None:
    """Draw a chain of delay cells, and currents that charge a line to a threshold."""
    figure, s = _board((-2.6, 12.2), (-8.8, 1.3))
    s.text(-2.5, 1.0, "DelayChain", ha="left", fontsize=9)
    edge = ((-2.0, -0.15), (-1.7, -0.15), (-1.7, 0.2), (-1.4, 0.2))
    s.wire(*edge)
    s.text(-1.7, -0.45, "edge")
    s.wire((-1.3, 0), (9.6, 0), colour=GREEN)
    s.wire((-1.0, 0), (-1.0, -2.2), (9.6, -2.2), colour=GREEN)
    s.dot((-1.0, 0), colour=GREEN)
    for x, n in ((0.6, "1"), (3.6, "2"), (7.4, "N")):
        s.box(x, 0, f"$idle + step\\cdot w_{n} x_{n}$", RED, 2.5)
        s.arrow((x, -1.0), (x, -0.35), BLUE)
        s.text(x, -1.22, f"$x_{n}$", BLUE, fontsize=9)
        s.box(x, -2.2, "$idle$", GREY, 2.5)
    for y in (0.0, -2.2):
        s.box(5.5, y, "", "white", 0.9)
        s.more(5.5, y)
        s.arrow((9.3, y), (9.75, y), GREEN)
    s.text(-1.2, -1.9, "replica", GREY, ha="right")
    s.box(10.3, -1.1, "TDC", height=2.9)
    s.text(11.0, 0.0, "stop", ha="left")
    s.text(11.0, -2.2, "start", ha="left")

    s.text(-2.5, -3.6, "RampCrossing", ha="left", fontsize=9)
    y = -7.0
    s.wire((-1.6, y), (8.7, y), colour=GREEN)
    s.dot((-1.6, y), colour=GREEN)
    s.switch((-1.6, y - 1.2), (-1.6, y))
    s.ground(-1.6, y - 1.2)
    s.text(-1.3, y - 0.6, "reset", ha="left")
    for x, n in SLICES:
        s.wire((x - 0.25, y + 2.6), (x + 0.25, y + 2.6))
        s.source((x, y + 2.6), (x, y + 1.2))
        s.text(x + 0.45, y + 1.9, f"$i\\,w_{n}$", RED, ha="left", fontsize=9)
        s.switch((x, y), (x, y + 1.2))
        s.text(x + 0.25, y + 0.6, f"from $T\\,(1 - x_{n})$", BLUE, ha="left")
        s.dot((x, y), colour=GREEN)
    s.text(-0.4, y + 2.6, "$supply$", ha="right")
    s.more(GAP + 0.1, y + 1.6)
    s.shunt(7.6, "$C$", y=y)
    s.comparator(8.7, y - 0.35)
    s.wire((8.7, y - 0.7), (8.5, y - 0.7), (8.5, y - 1.4), (8.9, y - 1.4))
    s.text(9.0, y - 1.4, "$\\theta$", ha="left", fontsize=9)
    s.arrow((9.8, y - 0.35), (10.3, y - 0.35))
    s.box(10.85, y - 0.35, "TDC")
    save(figure, "principle-time-domain.svg")


# Errors by rows -------------------------------------------------------------------------------------------------


def _errors(axes: Axes, part: AbstractPrinciple, legend: str) -> None:
    """Draw the budget of a principle against the number of rows."""
    budgets: list[Budget] = [error_budget(part, rows=n) for n in ROWS]
    low, high = math.inf, 0.0
    for cause in budgets[0].alone:
        values = [100 * b.alone[cause] for b in budgets]
        if max(values) > 1e-6:
            low, high = min(low, *values), max(high, *values)
            axes.loglog(ROWS, values, "o-", color=CAUSES[cause], markersize=3, linewidth=1.2, label=cause)
    high = max(high, *(100 * b.total for b in budgets))
    axes.loglog(ROWS, [100 * b.total for b in budgets], "s--", color=INK, markersize=3, linewidth=1.0, label="all")
    axes.set_xticks(ROWS[::2], [str(n) for n in ROWS[::2]])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_xlabel("rows")
    axes.set_ylabel("error, fitted (%)")
    axes.set_ylim(low / 3, 3 * high)
    per_decade = (1, 2, 5) if high < 100 * low else (1,)
    ticks = [m * 10.0**e for e in range(-5, 4) for m in per_decade]
    axes.set_yticks([v for v in ticks if low / 3 < v < 3 * high])
    axes.set_title(f"{type(part).__name__}, preset", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc=legend)
    _ticks(axes.yaxis)


def _ticks(axis: Any) -> None:
    """Write 0.1 and not a power of ten."""
    axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_locator(matplotlib.ticker.NullLocator())


def _panels(name: str, *draw: Callable[[Axes], None]) -> None:
    figure = Figure(figsize=(8.2, 3.0), layout="constrained")
    for axes, paint in zip(figure.subplots(1, len(draw)), draw, strict=True):
        paint(axes)
        axes.grid(color=PALE)
        axes.tick_params(labelsize=8)
    save(figure, f"principle-{name}-rows.svg")


def _gain(axes: Axes) -> None:
    """Show what a column's own load leaves of its signal: the weight of a cell that is on over one that is off."""
    part = load_principle("current-domain")
    assert isinstance(part, CurrentDomain)
    for ohms, colour in ((1.0, GREEN), (10.0, BLUE), (100.0, RED)):
        left = []
        for n in ROWS:
            half = (torch.arange(n, dtype=torch.float64) % 2).unsqueeze(1)
            weights = replace(part, read_out=ohms).weights(half, {})[:, 0]
            left.append(100 * float(weights[1] - weights[0]))
        axes.semilogx(ROWS, left, "o-", color=colour, markersize=3, linewidth=1.2, label=f"R = {ohms:g} ohm")
    axes.set_xticks(ROWS[::2], [str(n) for n in ROWS[::2]])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_ylim(0, 105)
    axes.set_xlabel("rows, half of them on")
    axes.set_ylabel("gain (%)")
    axes.set_title("what the line's voltage leaves", fontsize=9)
    axes.legend(frameon=False, fontsize=7)


def _compression(axes: Axes) -> None:
    part = load_principle("charge-domain")
    assert isinstance(part, ChargeDomain)
    s = torch.linspace(0, 256, 100, dtype=torch.float64)
    for early, colour in ((20.0, GREEN), (5.0, BLUE), (2.0, RED)):
        lost = s - replace(part, early_voltage=early).transfer(s, 256)
        axes.plot(s, lost, color=colour, linewidth=1.2, label=f"$V_A$ = {early:g} V")
    axes.set_xlabel("sum of w x (products)")
    axes.set_ylabel("sum that is not read (products)")
    axes.set_title("compression, 1 mV a product", fontsize=9)
    axes.legend(frameon=False, fontsize=7)


def _size(axes: Axes) -> None:
    part = load_principle("charge-redistribution")
    assert isinstance(part, ChargeRedistribution)
    sizes = (0.15e-15, 0.3e-15, 0.6e-15, 1.2e-15, 2.4e-15, 4.8e-15)
    budgets = [error_budget(replace(part, capacitance=c)) for c in sizes]
    energy = [1e15 * b.energy for b in budgets]
    for cause in ("capacitor mismatch", "thermal noise"):
        values = [100 * b.alone[cause] for b in budgets]
        axes.loglog(energy, values, "o-", color=CAUSES[cause], markersize=3, linewidth=1.2, label=cause)
    total = [100 * b.total for b in budgets]
    axes.loglog(energy, total, "s--", color=INK, markersize=3, linewidth=1.0, label="all")
    for c, e, t in zip(sizes, energy, total, strict=True):
        axes.annotate(f"{1e15 * c:g} fF", (e, t), (3, 4), textcoords="offset points", fontsize=7)
    axes.set_xlabel("energy of a column (fJ)")
    axes.set_ylabel("error, fitted (%)")
    axes.set_yticks((0.2, 0.5, 1, 2, 5))
    axes.set_xticks((10, 30, 100, 300))
    axes.set_xlim(5, 350)
    axes.set_ylim(0.15, 8)
    axes.set_title("size of the capacitor, 256 rows", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc="lower left")
    _ticks(axes.xaxis)
    _ticks(axes.yaxis)


def _bend(axes: Axes) -> None:
    part = load_principle("capacitive-division")
    assert isinstance(part, CapacitiveDivision)
    s = torch.linspace(0, 256, 100, dtype=torch.float64)
    for slope, colour in ((0.2, GREEN), (0.5, BLUE), (1.0, RED)):
        y = replace(part, parasitic_slope=slope).transfer(s, 256)
        chord = y[-1] * s / 256
        axes.plot(s, y - chord, color=colour, linewidth=1.2, label=f"a = {slope:g} / V")
    axes.set_xlabel("sum of w x (products)")
    axes.set_ylabel("above the chord (products)")
    axes.set_title("bend by growing parasitics, 256 rows", fontsize=9)
    axes.legend(frameon=False, fontsize=7)


def _ramps(axes: Axes) -> None:
    """Draw the voltage of the line for three sets of inputs of a column that is half full."""
    part = load_principle("ramp-crossing")
    assert isinstance(part, RampCrossing)
    t = torch.linspace(0, 2, 401, dtype=torch.float64) * part.window
    x = torch.linspace(0.5 / 128, 1 - 0.5 / 128, 128, dtype=torch.float64)
    threshold = 1e3 * 128 * part.current * part.window / part.capacitance
    for name, inputs, colour in (("x = 1", x * 0 + 1, RED), ("x from 0 to 1", x, BLUE), ("x = 0", x * 0, GREEN)):
        starts = part.window * (1 - inputs)
        volts = (t[:, None] - starts).clamp(min=0).sum(1) * part.current / part.capacitance
        crossed = 1e3 * volts <= threshold * (1 + 1e-9)
        axes.plot(1e9 * t[crossed], 1e3 * volts[crossed], color=colour, linewidth=1.2, label=name)
    axes.axhline(threshold, color=INK, linestyle=":", linewidth=1.0)
    axes.annotate("θ", (0.3, threshold), (0, 3), textcoords="offset points", fontsize=8)
    axes.set_ylim(0, 205)
    axes.set_xlabel("time (ns)")
    axes.set_ylabel("line (mV)")
    axes.set_title("128 cells on, T = 10 ns", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc="upper left", ncols=2, columnspacing=1.0)


def rows() -> None:
    """Draw what each preset errs by against the number of rows, and what is particular to it."""

    def preset(name: str, legend: str = "upper right") -> Callable[[Axes], None]:
        return lambda axes: _errors(axes, load_principle(name), legend)

    _panels("current-domain", preset("current-domain", "upper left"), _gain)
    _panels("charge-domain", preset("charge-domain", "lower right"), _compression)
    _panels("charge-redistribution", preset("charge-redistribution"), _size)
    _panels("capacitive-division", preset("capacitive-division", "lower left"), _bend)
    _panels("resistive-division", preset("resistive-division", "lower left"), preset("resistance-sum"))
    _panels("time-domain", preset("delay-chain"), preset("ramp-crossing"), _ramps)


def main() -> None:
    """Draw all."""
    style = {"svg.fonttype": "none", "svg.hashsalt": "mho", "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(style):
        current_domain()
        charge_domain()
        charge_redistribution()
        capacitive_division()
        resistive_division()
        time_domain()
        rows()
        qcell()


if __name__ == "__main__":
    main()
