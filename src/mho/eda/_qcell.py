"""SPICE netlists of the Q-cell with all of its transistors, at rest over a sweep of its input, or evaluating one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mho.converters import QCell
from mho.core import Farad, NotNegative, Positive, Second, Siemens, Source, Volt

_THERMAL = 0.02585
"""Thermal voltage at 300 K."""


@dataclass(frozen=True)
class QCellPeriphery:
    """What makes an output of the two nodes of a Q-cell: pull-downs T2 and T4, precharge T5, inverters INV1 and INV2.

    Sources of n-channel transistors are at 0 V, those of p-channel ones at `supply`. Where T5 stays on, the line has a
    level at rest, and falls where a pull-down takes as much as T5 gives; where T5 lets go, a pull-down needs time.

    Source: [hong2025] for the circuit; sizes are ours.
    """

    law: Literal["weak", "square"]
    """One equation from weak to strong inversion [enz1995], or nothing below the threshold and a square above it,
    SPICE's level 1 [shichman1968]."""
    supply: Annotated[Volt, Positive]
    threshold: tuple[Volt, Volt]
    """Of n-channel and p-channel transistors, the second without its sign; also the next one."""
    gain: tuple[float, float]
    """Current factor of a square transistor, mobility times oxide capacitance, in A/V2."""
    pull_down: Annotated[float, Positive]
    """Width over length of T2 and T4."""
    precharge: Annotated[float, Positive]
    """Width over length of T5."""
    first: tuple[float, float]
    """Width over length of the n-channel and the p-channel transistor of INV1."""
    second: tuple[float, float]
    """The same of INV2."""
    line: Annotated[Farad, Positive]
    """Capacitance of the line."""
    slope: Annotated[float, Positive] = 1.0
    """n, the slope factor of weak inversion, of the law `weak`."""
    lowering: Annotated[float, NotNegative] = 0.0
    """What the threshold loses for each volt from drain to source, of the law `weak`."""
    modulation: Annotated[float, NotNegative] = 0.0
    """Share of the current gained with each volt from drain to source, in 1/V, of the law `square`."""
    sources: tuple[Source, ...] = ()

    def transistor(self, name: str, kind: Literal["n", "p"], drain: str, gate: str, size: float) -> str:
        """Return the line of one transistor between `drain` and its rail, of width over length `size`."""
        channel = 0 if kind == "n" else 1
        rail = ("0", "vdd")[channel]
        if self.law == "square":
            return f"M{name} {drain} {gate} {rail} {rail} {kind}mos W={size!r}u L=1u"
        width = 2 * self.slope * _THERMAL
        v_gate, v_drain, a, b = (
            (f"v({gate})", f"v({drain})", drain, "0"),
            (f"v(vdd,{gate})", f"v(vdd,{drain})", "vdd", drain),
        )[channel]
        over = f"{v_gate}-{self.threshold[channel]!r}+{self.lowering!r}*{v_drain}"
        ahead, behind = (f"ln(1+exp(({x})/{width!r}))" for x in (over, f"{over}-{self.slope!r}*{v_drain}"))
        scale = self.gain[channel] * size * width * _THERMAL
        return f"B{name} {a} {b} I={scale!r}*({ahead}-{behind})*({ahead}+{behind})"

    def models(self) -> list[str]:
        """Return the model lines that the transistors need."""
        if self.law == "weak":
            return []
        return [
            f".model {kind}mos {kind}MOS LEVEL=1 VTO={sign * threshold!r} KP={gain!r} LAMBDA={self.modulation!r}"
            for kind, sign, threshold, gain in zip("np", (1, -1), self.threshold, self.gain, strict=True)
        ]


def qcell_netlist(
    cell: QCell,
    m1: Siemens,
    m2: Siemens,
    periphery: QCellPeriphery,
    sweep: tuple[Volt, Volt, Volt],
    title: str = "Q-cell at rest",
) -> str:
    """Write the netlist of a Q-cell at rest, with T5 on, for each input of a sweep: first, last, step.

    The memristors have `m1` and `m2`, in S; T1 and T3 have the equation of `cell.current`. Saved are `v(in)`, the
    nodes `v(a)` under M1 and `v(c)` under M2, `v(b)` behind INV1, the line `v(line)` and the output `v(out)`.
    """
    first, last, step = (repr(float(x)) for x in sweep)
    lines = [
        *_parts(cell, m1, m2, periphery, first, "0", title),
        f".dc Vin {first} {last} {step}",
        ".save v(in) v(a) v(c) v(b) v(line) v(out)",
    ]
    return "\n".join([*lines, ".end", ""])


def qcell_evaluation_netlist(
    cell: QCell,
    m1: Siemens,
    m2: Siemens,
    periphery: QCellPeriphery,
    v_in: Volt,
    stop: Second,
    title: str = "Q-cell, an evaluation",
) -> str:
    """Write the netlist of an evaluation over `stop` seconds: T5 lets go of the line, at `supply` until then.

    The input is there before, and the nodes are at rest. Saved are `time`, `v(line)` and `v(out)`.
    """
    supply, until, step = (repr(float(x)) for x in (periphery.supply, stop, stop / 1000))
    lines = [
        *_parts(cell, m1, m2, periphery, repr(float(v_in)), "vdd", title),
        f"Cline line 0 {float(periphery.line)!r}",
        f".ic v(line)={supply}",
        f".tran {step} {until} 0 {step}",
        ".save v(line) v(out)",
    ]
    return "\n".join([*lines, ".end", ""])


def _parts(
    cell: QCell, m1: Siemens, m2: Siemens, periphery: QCellPeriphery, v_in: str, gate: str, title: str
) -> list[str]:
    part = periphery.transistor
    return [
        f"* {title}",
        f"Vin in 0 {v_in}",
        f"Vdd vdd 0 {float(periphery.supply)!r}",
        f"Vhigh high 0 {float(cell.v_high)!r}",
        f"Vlow low 0 {float(cell.v_low)!r}",
        f"RM1 high a {1 / float(m1)!r}",
        f"BT1 a low I={cell.spice('v(in,low)', 'v(a,low)', 0)}",
        part("T2", "n", "line", "a", periphery.pull_down),
        f"RM2 high c {1 / float(m2)!r}",
        f"BT3 c low I={cell.spice('v(in,low)', 'v(c,low)', 1)}",
        part("INV1n", "n", "b", "c", periphery.first[0]),
        part("INV1p", "p", "b", "c", periphery.first[1]),
        part("T4", "n", "line", "b", periphery.pull_down),
        part("T5", "p", "line", gate, periphery.precharge),
        part("INV2n", "n", "out", "line", periphery.second[0]),
        part("INV2p", "p", "out", "line", periphery.second[1]),
        *periphery.models(),
        ".options reltol=1e-9 abstol=1e-18 vntol=1e-12 gmin=1e-20",
    ]
